"""The directory of a run, `runs/<run id>_<server>/`: its record (`run.json`), journal, rejects, report and
manifest.

One process at a time owns it, by a lock that the operating system releases when the process ends, however it ends.
"""

import fcntl
import os
import shlex
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import date
from itertools import chain, count
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter

from midaz_seed.clock import Clock
from midaz_seed.errors import AmbiguousRunError, OutputError, RunError, UsageError
from midaz_seed.files import PRIVATE_FILE, PRIVATE_FOLDER, read_regular, write_atomically
from midaz_seed.plan.batch_size import with_batch_size
from midaz_seed.plan.last_day import run_id_of_any_day
from midaz_seed.runs import rejects
from midaz_seed.runs.identity import directory_name, server_key, target_name
from midaz_seed.runs.journal_format import done_in
from midaz_seed.runs.names import run_id_in
from midaz_seed.runs.record import BATCH_SIZE, RunRecord, RunStatus, timestamp
from midaz_seed.scenarios.model import read_canonical
from midaz_seed.settings.loader import load_settings
from midaz_seed.settings.model import Settings
from midaz_seed.settings.schema import SETTINGS
from midaz_seed.settings.sources import RawValue
from midaz_seed.settings.target import ResolvedTarget

RUN_RECORD = "run.json"
JOURNAL = "journal"
REJECTS = "rejects.ndjson"
REPORT = "report.json"
REPORT_PAGE = "report.html"
MANIFEST = "manifest.json"
LOCK = "lock"
PAGE = "page"
"""The address of the run's live page, while it has one."""
DEFAULT_ROOT = "runs"
RECORD_BYTES_MAX = 16 * 1024 * 1024
"""A record has settings and a scenario, each of at most some hundred kilobytes."""


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

    @property
    def name(self) -> str:
        """The shortest text by which commands find it: its run id, the name of the directory, or its path."""
        run_id = run_id_in(self.path.name)
        if len(runs_with_id(self.path.parent, run_id)) <= 1:
            return run_id
        return str(self.path) if self.path.name == run_id else self.path.name

    @property
    def arguments(self) -> str:
        """The arguments with which a command finds it, quoted for a shell: its name, and where the runs are."""
        return f"{shlex.quote(self.name)}{runs_option(self.path.parent)}"

    def read_record(self) -> RunRecord:
        """Read what the run is and how far it came.

        Raises:
            RunError: that cannot be read.
        """
        file = self.path / RUN_RECORD
        try:
            record = _RECORD.validate_json(read_regular(file, bytes_max=RECORD_BYTES_MAX), strict=True)
            orjson.dumps(asdict(record))  # a record that cannot be written again is not one of ours
        except OSError as error:
            raise RunError(
                f"the run cannot be read: {error.strerror or error}",
                where=str(file),
                hint=_list_hint(self.path.parent),
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
                    hint="wait for that process, or stop it (SIGTERM), then run the same command again",
                ) from None
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n".encode())
            lock.flush()
            self.lock_fd = lock.fileno()
            try:
                yield
            finally:
                self.lock_fd = -1
                with suppress(OSError):
                    lock.truncate(0)

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
        name: the run id, the name or the path of the run's directory, or "" for the last run that is not finished.

    Raises:
        RunError: there is no such run.
        AmbiguousRunError: there are several.
    """
    root = Path(directory)
    if not name:
        return _last_unfinished(root)
    same_id = runs_with_id(root, name)
    if len(same_id) > 1:
        lines = "".join(f"\n  {run.name}  {run.read_record().status}  {run.read_record().target}" for run in same_id)
        raise AmbiguousRunError(
            f"{len(same_id)} runs have the id {name}, on different servers or of different slices:{lines}",
            where=str(root),
            hint="name one of them",
        )
    paths = [run.path for run in same_id] or [
        path for path in (root / name, Path(name)) if (path / RUN_RECORD).exists()
    ]
    if not paths:
        raise RunError(f"unknown run {name}", where=str(root), hint=_list_hint(root))
    return RunDirectory(paths[0])


def _last_unfinished(root: Path) -> RunDirectory:
    ended = (RunStatus.FINISHED, RunStatus.REMOVED)
    unfinished = [run for run in list_runs(root) if run.read_record().status not in ended]
    if not unfinished:
        raise RunError(
            "no unfinished run to resume: a run begins when it has reached its server",
            where=str(root),
            hint=f"start it with `midaz-seed run` and its settings; {_list_hint(root)}",
        )
    return unfinished[-1]


def run_directory(settings: Settings, run_id: str, target: ResolvedTarget) -> RunDirectory:
    """Return the directory of the run of a plan on a server: the one that it has, or one that does not exist yet.

    Raises:
        RunError: a directory of this run id cannot be read.
        UsageError: the runs cannot be read.
    """
    root, server = settings.journal.directory, server_key(target_name(target), settings.sandbox.data)
    part = settings.generation.limits.slice
    for run in runs_with_id(root, run_id):
        record = run.read_record()
        if (server_key(record.target, record.settings.get("sandbox.data")), record.slice) == (server, part):
            return run
    first = root / directory_name(run_id, server, part)
    numbered = (first.with_name(f"{first.name}-{number}") for number in count(2))
    return RunDirectory(next(path for path in chain([first], numbered) if not (path / RUN_RECORD).exists()))


def recorded_batch_size(settings: Settings, target: ResolvedTarget) -> int | None:
    """Return the batch size in the directory of the run that measured it; None without one. Raises as
    `run_directory`."""
    if not settings.keeps_a_journal:
        return None
    directory = run_directory(settings, str(with_batch_size(settings, 1).run_id), target)
    size = directory.read_record().settings.get(BATCH_SIZE) if directory.exists else None
    return size if isinstance(size, int) else None


def last_day_on_record(settings: Settings, target: ResolvedTarget) -> date | None:
    """Return the last day of the history in the directory of the run that resolved it; None without one. Raises as
    `run_directory`."""
    if not settings.keeps_a_journal:
        return None
    directory = run_directory(settings, settings.run_id or run_id_of_any_day(settings), target)
    text = directory.read_record().settings.get("scenario") if directory.exists else None
    if not isinstance(text, str) or not text.startswith("{"):
        return None
    time = read_canonical(text).time
    return time.last_day if time is not None and isinstance(time.last_day, date) else None


def runs_with_id(root: Path, run_id: str) -> list[RunDirectory]:
    """Return the runs of a run id: one for each server, by the names of their directories."""
    return sorted((run for run in list_runs(root) if run_id_in(run.path.name) == run_id), key=lambda run: run.path.name)


def runs_option(root: Path) -> str:
    """Return the flag with which a command finds the runs in this directory; "" when it is the default."""
    return "" if str(root) == DEFAULT_ROOT else f" --runs-dir {shlex.quote(str(root))}"


def _list_hint(root: Path) -> str:
    return f"`midaz-seed runs list{runs_option(root)}` shows all runs"


def list_runs(directory: Path | str) -> list[RunDirectory]:
    """List the runs of a directory, the last updated one at the end.

    Args:
        directory: where the runs are; by default that is `runs`. One that does not exist has no runs.

    Raises:
        UsageError: the directory cannot be read.
    """
    root = Path(directory)
    try:
        paths = list(root.iterdir()) if root.exists() else []
    except OSError as error:
        raise UsageError(
            f"the runs cannot be read: {error.strerror or error}",
            where=str(root),
            hint="check the directory and its permissions, or name another with --runs-dir",
        ) from error
    updated = [(_updated_ns(path), path) for path in paths]
    return [RunDirectory(path) for at_ns, path in sorted(updated) if at_ns]


def _updated_ns(path: Path) -> int:
    """Return when the record of a run was last written; 0 when this is no run, or one that is deleted right now."""
    try:
        found = (path / RUN_RECORD).stat()
    except OSError:
        return 0
    return found.st_mtime_ns if stat.S_ISREG(found.st_mode) else 0


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"the run's directory cannot be written: {error.strerror or error}",
        where=str(path),
        hint="check the folder, its permissions and the disk space; a new run can have another folder "
        "(--runs-dir) or no journal (--no-journal)",
    )
