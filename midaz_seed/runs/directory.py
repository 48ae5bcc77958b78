"""The directory of a run, `runs/<run id>/`: its record (`run.json`), journal, rejects and report.

One process at a time owns it, by a lock that the operating system releases when the process ends, however it ends.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter

from midaz_seed.clock import Clock
from midaz_seed.errors import OutputError, RunError, UsageError
from midaz_seed.files import PRIVATE_FILE, PRIVATE_FOLDER, write_atomically
from midaz_seed.plan.plan import Plan
from midaz_seed.runs import rejects
from midaz_seed.runs.journal import done_in
from midaz_seed.settings.loader import load_settings
from midaz_seed.settings.model import Settings
from midaz_seed.settings.schema import SETTINGS, as_plain
from midaz_seed.settings.sources import RawValue

RUN_RECORD = "run.json"
JOURNAL = "journal"
REJECTS = "rejects.ndjson"
REPORT = "report.json"
LOCK = "lock"
BATCH_SIZE = "generation.batches.transactionsPerBatch"
DATA_SETTINGS = ("seed", BATCH_SIZE)
"""The settings outside the sections `volume` and `data` that change the data."""


class RunStatus(StrEnum):
    """How far a run came."""

    RUNNING = "running"
    """A process works on it."""
    CUT_OFF = "cut off"
    """Its process was killed, or the machine went down."""
    UNFINISHED = "unfinished"
    """Its last session stopped early or had failures."""
    FINISHED = "finished"
    REMOVED = "removed"
    """Its data was removed from the server by a teardown."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What `run.json` holds: the run, and how far it came."""

    run_id: str
    plan_digest: str
    """SHA-256 of the plan, hex."""
    version: str
    """The version of midaz-seed that planned the run."""
    target: str
    """The target's address, without credentials."""
    status: RunStatus
    created_at: str
    """When the run began: ISO 8601, UTC."""
    updated_at: str
    """When the record was last written: ISO 8601, UTC."""
    planned: int
    """Requests that create something."""
    done: int = 0
    """Of `planned`, those that are journalled as made."""
    rejected: int = 0
    """Of `planned`, those that the server rejected."""
    sessions: int = 0
    """Processes that have worked on the run, one after the other; the shards of one session are not counted."""
    exit_code: int | None = None
    """Of the last session that ended."""
    verdict: str = ""
    """Of the last session that ended."""
    settings: dict[str, Any] = field(default_factory=dict)
    """The effective settings by their dotted paths, without secrets."""


_RECORD = TypeAdapter(RunRecord)


class RunDirectory:
    """The directory of one run, `path`: its record, its journal, its rejects and its report."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock_fd = -1
        """The file descriptor of the lock while this process owns the run, else -1. A process that inherits it owns the
        run too."""

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    @property
    def exists(self) -> bool:
        """Whether it holds a run."""
        return (self.path / RUN_RECORD).exists()

    def read_record(self) -> RunRecord:
        """Read what the run is and how far it came.

        Raises:
            RunError: that cannot be read.
        """
        file = self.path / RUN_RECORD
        try:
            record = _RECORD.validate_json(file.read_bytes(), strict=True)
            orjson.dumps(asdict(record))  # a record that cannot be written again is not one of ours
        except OSError as error:
            raise RunError(
                f"the run cannot be read: {error.strerror or error}",
                where=str(file),
                hint="`midaz-seed runs list` shows all runs",
            ) from error
        except (ValueError, TypeError, RecursionError) as error:
            raise RunError(
                "this is not a run record of midaz-seed",
                where=str(file),
                hint="start a new run with another --run-id, or delete the directory",
            ) from error
        if record.status is not RunStatus.RUNNING:
            return record
        status = RunStatus.CUT_OFF if self.owner() is None else RunStatus.RUNNING
        return replace(record, status=status, done=sum(done_in(file) for file in self.journals()))

    def write(self, record: RunRecord) -> None:
        """Write run.json atomically. Raises OutputError."""
        file = self.path / RUN_RECORD
        data = orjson.dumps(asdict(record), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        try:
            write_atomically(file, data, durable=True, private=True)
        except OSError as error:
            raise _unwritable(file, error) from error

    def owner(self) -> int | None:
        """Return the id of the process that works on the run now (0 when unknown), or None."""
        try:
            with (self.path / LOCK).open("r+b") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    text = lock.read(20).strip()
                    return int(text) if text.isdigit() else 0
        except OSError:
            pass
        return None

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Own the run for the duration of the block.

        Raises:
            RunError: another process owns it.
            OutputError: the directory cannot be written.
        """
        try:
            self.path.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
            if self.path.stat().st_mode & 0o077:  # created by an earlier version, copied or restored
                with suppress(PermissionError):  # another user's: what it may be used for is for that user to say
                    self.path.chmod(PRIVATE_FOLDER)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
            lock = os.fdopen(os.open(self.path / LOCK, flags, PRIVATE_FILE), "a+b")
        except OSError as error:
            raise _unwritable(self.path, error) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunError(
                    f"run {self.path.name} is in use by process {self.owner() or 'unknown'}",
                    where=str(self.path),
                    hint="wait for that process, or stop it (SIGTERM), then continue with `midaz-seed run --resume`",
                ) from None
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n".encode())
            lock.flush()
            self.lock_fd = lock.fileno()
            yield

    def delete(self) -> None:
        """Delete the directory. The run's data stays on the server.

        Raises:
            RunError: a process works on the run.
            OutputError: the directory cannot be deleted.
        """
        with self.owned():
            try:
                shutil.rmtree(self.path)
            except OSError as error:
                raise _unwritable(self.path, error) from error

    def journals(self) -> list[Path]:
        """Return the paths of all journals: one for each process that the run ever had."""
        return sorted(self.path.glob(f"{JOURNAL}*"))

    def journal(self, shard: int | None = None) -> Path:
        """Return the path of the journal of a shard, or of the process that owns the run."""
        return self.path / (JOURNAL if shard is None else f"{JOURNAL}-{shard + 1}")

    @property
    def journal_bytes(self) -> int:
        """The size of all journals. It grows before anything is sent."""
        return sum(file.stat().st_size for file in self.journals())

    def mark_removed(self, clock: Clock) -> None:
        """Record that what the run created is no longer on the server. Raises RunError, OutputError."""
        self.clear_rejects()
        self.write(
            replace(self.read_record(), status=RunStatus.REMOVED, updated_at=timestamp(clock), done=0, rejected=0)
        )

    def settings(self) -> list[RawValue]:
        """Return the settings of the run, for another session of it. Raises RunError."""
        record, where = self.read_record(), str(self.path / RUN_RECORD)
        unknown = [path for path in record.settings if path not in SETTINGS]
        if unknown:
            raise RunError(
                f"the run was started with a setting that this version does not have: {unknown[0][:80]!r}",
                where=where,
                hint=f"use midaz-seed {record.version[:20]}, or start a new run with another --run-id",
            )
        own = {"runId": record.run_id, "journal.directory": str(self.path.parent)}
        return [RawValue(path, value, where, typed=True) for path, value in {**record.settings, **own}.items()]

    def load_settings(self, environ: Mapping[str, str]) -> Settings:
        """Load the settings of the run, to resume, verify or remove it. Variables in `environ`, such as `os.environ`,
        replace stored values; secrets are not stored, so they come from there.

        Raises:
            RunError: the run cannot be read.
            ConfigurationError: a variable is wrong.
        """
        return load_settings(environ=environ, stored=self.settings()).settings

    @property
    def size_bytes(self) -> int:
        """The size of its files in bytes."""
        return sum(file.stat().st_size for file in self.path.iterdir() if file.is_file())

    def rejects(self) -> list[dict[str, Any]]:
        """List the items that the server rejected and that do not exist yet, one JSON object each."""
        return list(rejects.rejected_items(self.path / REJECTS).values())

    def merge_rejects(self) -> None:
        """Merge the rejects of the last session into `rejects.ndjson`. Only the owner of the run may do this."""
        rejects.merge(self.path / REJECTS)

    def clear_rejects(self) -> None:
        """Delete the rejects: nothing is rejected any more."""
        rejects.clear(self.path / REJECTS)


def find_run(directory: Path | str, name: str) -> RunDirectory:
    """Find one run.

    Args:
        directory: where the runs are; by default that is `runs`.
        name: the run id, or the path of the run's directory, or "" for the last run that is not finished.

    Raises:
        RunError: there is no such run.
    """
    root = Path(directory)
    if name:
        path = root / name
        if not (path / RUN_RECORD).exists() and (Path(name) / RUN_RECORD).exists():
            path = Path(name)
        if not (path / RUN_RECORD).exists():
            raise RunError(f"unknown run {name}", where=str(root), hint="`midaz-seed runs list` shows all runs")
        return RunDirectory(path)
    unfinished = [
        run for run in list_runs(root) if run.read_record().status not in (RunStatus.FINISHED, RunStatus.REMOVED)
    ]
    if not unfinished:
        raise RunError(
            "no unfinished run to resume",
            where=str(root),
            hint="`midaz-seed runs list` shows all runs",
        )
    return unfinished[-1]


def list_runs(directory: Path | str) -> list[RunDirectory]:
    """List the runs of a directory, the last updated one at the end.

    Args:
        directory: where the runs are; by default that is `runs`. One that does not exist has no runs.

    Raises:
        UsageError: the directory cannot be read.
    """
    root = Path(directory)
    try:
        paths = [path for path in root.iterdir() if (path / RUN_RECORD).exists()] if root.exists() else []
    except OSError as error:
        raise UsageError(f"the runs cannot be read: {error.strerror or error}", where=str(root)) from error
    return [RunDirectory(path) for path in sorted(paths, key=lambda path: (path / RUN_RECORD).stat().st_mtime_ns)]


def new_record(settings: Settings, plan: Plan, *, target: str, clock: Clock) -> RunRecord:
    """Return the record of a run that starts now."""
    now = timestamp(clock)
    return RunRecord(
        plan.run_id,
        plan.digest,
        _version(),
        target,
        RunStatus.RUNNING,
        now,
        now,
        plan.posts,
        settings=stored_settings(settings),
    )


def stored_settings(settings: Settings) -> dict[str, Any]:
    """Return the effective settings by dotted path, without secrets and without those that are not set."""
    plain = {path: as_plain(setting.value_of(settings)) for path, setting in SETTINGS.items() if not setting.is_secret}
    return {path: value for path, value in plain.items() if value not in (None, []) and "://***@" not in str(value)}


def differences(stored: Mapping[str, Any], settings: Settings) -> list[str]:
    """Return the settings that produce other data than the stored ones: "volume.accountsPerLedger 100 -> 200"."""
    now = stored_settings(settings)
    paths = [path for path in SETTINGS if path in DATA_SETTINGS or path.startswith(("volume.", "data."))]
    return [
        f"{path} {stored.get(path, 'not set')} -> {now.get(path, 'not set')}"
        for path in paths
        if stored.get(path) != now.get(path)
    ]


def check_same_plan(record: RunRecord, settings: Settings, digest: str, where: Path) -> None:
    """Raise RunError, with the differences, when a run was started with another plan."""
    if record.plan_digest == digest:
        return
    changed = differences(record.settings, settings)
    what = "; ".join(changed) or f"it was planned by midaz-seed {record.version}, this is {_version()}"
    raise RunError(
        f"run {record.run_id} was started with another plan ({record.plan_digest[:12]}, now {digest[:12]}): {what}",
        where=str(where),
        hint="use the same settings, or start a new run with another --run-id",
    )


def timestamp(clock: Clock) -> str:
    """Return the current time as `run.json` has it: RFC 3339, in seconds."""
    return datetime.fromtimestamp(clock.time(), UTC).isoformat(timespec="seconds")


def _version() -> str:
    return version("midaz-seed")


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"the run's directory cannot be written: {error.strerror or error}",
        where=str(path),
        hint="check the folder, its permissions and the disk space, choose another with --runs-dir, or run without a "
        "journal: --no-journal",
    )
