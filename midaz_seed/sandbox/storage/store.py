"""What the sandbox has acknowledged, in SQLite: a file (WAL) or memory.

Writes are collected during one turn of the event loop and committed together (group commit) before any of their answers
is sent: acknowledged means committed. There is no writer thread: handing the interpreter over costs more than the
commit. With `synchronous=OFF` and WAL a killed process loses nothing; only a crash of the machine may lose the latest
commits.

Two tables: `entities`, one row for each organization, ledger, account, balance and so on in its present form, and
`journal`, the records of transactions in their order (see `core.records`), as compact JSON lists.
"""

import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from midaz_seed.errors import ConfigurationError, OutputError

_APPLICATION_ID = 0x4D445A53  # "MDZS": distinguishes our files from those of other programs
_FORMAT = 1
_SCHEMA = """
CREATE TABLE entities (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, org TEXT NOT NULL, ledger TEXT NOT NULL, doc BLOB NOT NULL
);
CREATE TABLE journal (seq INTEGER PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE about (salt INTEGER NOT NULL, dialect TEXT NOT NULL);
"""


class Store:
    """The durable part of the sandbox's state. One thread, one connection."""

    def __init__(self, path: Path | None, dialect: str) -> None:
        """Open or create the file.

        Raises:
            ConfigurationError: the file is damaged, or belongs to another program or version.
            OutputError: the file is locked or cannot be written.
        """
        self._path = path
        self._entities: dict[int, tuple[int, str, str, str, bytes]] = {}
        self._records: dict[int, bytes] = {}
        self.committed_seq = 0
        self.dirty = False
        """Whether there are writes that `commit` makes durable."""
        try:
            self._db = sqlite3.connect(path if path is not None else ":memory:", isolation_level=None, timeout=0.2)
        except sqlite3.OperationalError as error:
            raise self._unusable(error) from error
        try:
            self._prepare(dialect)
        except BaseException as error:
            self._db.close()
            if isinstance(error, sqlite3.OperationalError):
                raise self._unusable(error) from error
            if isinstance(error, sqlite3.DatabaseError):
                raise self._not_ours(str(error)) from error
            raise

    def _unusable(self, error: sqlite3.Error) -> OutputError:
        return OutputError(
            f"the sandbox's data file cannot be opened: {error}",
            hint="is another sandbox using it? check folder and permissions, or name another file with --data",
            where=str(self._path),
        )

    def _not_ours(self, reason: str) -> ConfigurationError:
        return ConfigurationError(
            f"this is not a data file of this sandbox ({reason})",
            hint="name another file with --data, or remove this one",
            where=str(self._path),
        )

    def _prepare(self, dialect: str) -> None:
        db = self._db
        if self._path is not None:
            # one sandbox for each file: two would overwrite each other's balances
            db.execute("PRAGMA locking_mode=EXCLUSIVE")
        empty = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        if empty:
            db.executescript(_SCHEMA)
            db.execute(f"PRAGMA application_id={_APPLICATION_ID}")
            db.execute(f"PRAGMA user_version={_FORMAT}")
            db.execute("INSERT INTO about VALUES (?, ?)", (secrets.randbits(12), dialect))
        if db.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION_ID:
            raise self._not_ours("another program made it")
        found = db.execute("PRAGMA user_version").fetchone()[0]
        if found != _FORMAT:
            raise self._not_ours(f"format {found}, expected {_FORMAT}")
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=OFF")
        db.execute("PRAGMA wal_autocheckpoint=4000")
        self.salt, made_for = db.execute("SELECT salt, dialect FROM about").fetchone()
        if made_for != dialect:
            raise self._not_ours(f"it was made for {made_for}, not {dialect}")
        self.committed_seq = db.execute("SELECT coalesce(max(seq), 0) FROM journal").fetchone()[0]

    def put(self, number: int, kind: str, org: str, ledger: str, doc: bytes) -> None:
        """Write the present form of an entity; it replaces the former."""
        self._entities[number] = (number, kind, org, ledger, doc)
        self.dirty = True

    def append(self, seq: int, record: bytes) -> None:
        """Write a record."""
        self._records[seq] = record
        self.dirty = True

    def commit(self) -> None:
        """Make everything written so far durable.

        Raises:
            OutputError: the file cannot be written.
        """
        db = self._db
        try:
            db.execute("BEGIN")
            if self._entities:
                db.executemany("INSERT OR REPLACE INTO entities VALUES (?, ?, ?, ?, ?)", self._entities.values())
            if self._records:
                # as bytearray: `sqlite3` looks for an adapter for each value of type bytes
                rows = zip(self._records, map(bytearray, self._records.values()), strict=True)
                db.executemany("INSERT INTO journal VALUES (?, ?)", rows)
            db.execute("COMMIT")
        except sqlite3.Error as error:
            raise OutputError(
                f"the sandbox's data file cannot be written: {error}", hint="is the disk full?", where=str(self._path)
            ) from error
        if self._records:
            self.committed_seq = next(reversed(self._records))
            self._records.clear()
        self._entities.clear()
        self.dirty = False

    def record(self, seq: int) -> bytes | None:
        """Return a record by its number."""
        waiting = self._records.get(seq)
        if waiting is not None:
            return waiting
        row = self._db.execute("SELECT record FROM journal WHERE seq = ?", (seq,)).fetchone()
        return row[0] if row is not None else None

    def entities(self) -> Iterator[tuple[int, str, str, str, bytes]]:
        """Return every entity as (number, kind, organization, ledger, JSON), in the order of creation."""
        yield from self._db.execute("SELECT number, kind, org, ledger, doc FROM entities ORDER BY number")

    def records(self) -> Iterator[tuple[int, bytes]]:
        """Return every record as (number, JSON), in order."""
        yield from self._db.execute("SELECT seq, record FROM journal ORDER BY seq")

    def abandon(self) -> None:
        """Close the file without a commit, as a killed process does."""
        self._entities.clear()
        self._records.clear()
        self.dirty = False
        self._db.close()

    def close(self) -> None:
        """Commit and close the file."""
        if self.dirty:
            self.commit()
        self._db.close()
