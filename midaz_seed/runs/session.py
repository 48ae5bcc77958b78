"""One session of a run: own the run's directory from before the first request until the report is written."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from midaz_seed.clock import Clock
from midaz_seed.errors import ExitCode, JournalError, OutputError
from midaz_seed.plan.plan import Plan
from midaz_seed.reporting.report import Report, write_json
from midaz_seed.runs.directory import (
    REJECTS,
    REPORT,
    RUN_RECORD,
    RunDirectory,
    RunRecord,
    RunStatus,
    check_same_plan,
    new_record,
    stored_settings,
    timestamp,
)
from midaz_seed.runs.journal import Journal
from midaz_seed.settings.model import Settings
from midaz_seed.settings.target import ResolvedTarget


@dataclass(slots=True)
class Session:
    """The files that one session writes. Without a directory it writes none."""

    clock: Clock
    journal: Journal
    directory: RunDirectory | None = None
    record: RunRecord | None = None
    finished_before: bool = False
    rejects: Path | None = None
    """The file of rejected items."""
    number: int = 1
    """The number of this session of the run, from 1."""

    def end(self, report: Report) -> None:
        """Write the report, and the result of the session to the run record. Raises OutputError."""
        if self.directory is None or self.record is None:
            return
        done = sum(phase.created + phase.existing for phase in report.phases if phase.planned)
        whole = report.exit_code == ExitCode.DONE and report.plan_done_percent == 100
        status = RunStatus.FINISHED if whole else RunStatus.UNFINISHED
        if whole:
            self.directory.clear_rejects()
        self.directory.merge_rejects()
        self.record = replace(
            self.record,
            status=status,
            updated_at=timestamp(self.clock),
            done=done,
            rejected=len(self.directory.rejects()),
            exit_code=report.exit_code,
            verdict=report.verdict,
        )
        self.directory.write(self.record)
        write_json(report, self.directory / REPORT, private=True)


@contextmanager
def open_session(settings: Settings, plan: Plan, target: ResolvedTarget, clock: Clock) -> Iterator[Session]:
    """Own the run's directory for the duration of the block, and create or reopen its journal.

    Raises:
        RunError: another process owns the run, it has another plan, or its files are damaged.
        OutputError: the directory cannot be written.
    """
    if not settings.keeps_a_journal:
        yield Session(clock, Journal(clock))
        return
    directory = RunDirectory(settings.journal.directory / plan.run_id)
    with directory.owned():
        before = directory.read_record() if directory.exists else None
        if before is not None:
            check_same_plan(before, settings, plan.digest, directory / RUN_RECORD)
        record = before or new_record(settings, plan, target=_name(target), clock=clock)
        journal = _open_journal(record, directory, plan, clock)
        started = _started(record, settings, target, clock)
        journal_bytes = directory.journal_bytes
        try:
            directory.merge_rejects()  # those of a session that was killed
            directory.write(started)
            yield Session(
                clock,
                journal,
                directory,
                started,
                finished_before=record.status is RunStatus.FINISHED,
                rejects=directory / REJECTS,
                number=started.sessions,
            )
        except BaseException:
            _close_quietly(journal)
            if before is None and not journal.has_records:
                shutil.rmtree(directory.path)  # nothing was sent: no run has begun
                raise
            nothing_sent = directory.journal_bytes == journal_bytes
            directory.merge_rejects()
            with suppress(OutputError):  # the run then counts as cut off, and the first error is raised
                last = before if before and nothing_sent else started
                directory.write(_ended_early(last, started.sessions, clock))
            raise
        _close_quietly(journal)


def _open_journal(record: RunRecord, directory: RunDirectory, plan: Plan, clock: Clock) -> Journal:
    """Open the journal of the next session; that of a removed run starts again empty."""
    journal = Journal(clock, directory.journal(), plan.digest, session=record.sessions + 1, others=directory.journals())
    if record.status is RunStatus.REMOVED:
        journal.restart()
    return journal


def _started(record: RunRecord, settings: Settings, target: ResolvedTarget, clock: Clock) -> RunRecord:
    """Return the record with one session more, which has just started."""
    return replace(
        record,
        status=RunStatus.RUNNING,
        updated_at=timestamp(clock),
        sessions=record.sessions + 1,
        target=_name(target),
        settings=stored_settings(settings),
    )


def _ended_early(record: RunRecord, sessions: int, clock: Clock) -> RunRecord:
    """Return the record after a session that ended with an error.

    A run that was finished or removed before still is when nothing was sent.
    """
    ended = record.status in (RunStatus.FINISHED, RunStatus.REMOVED)
    status = record.status if ended else RunStatus.UNFINISHED
    return replace(record, status=status, sessions=sessions, updated_at=timestamp(clock))


def _close_quietly(journal: Journal) -> None:
    """Close the journal. What it cannot write is unknown to the next session, which finds it out from the balances."""
    try:
        journal.close(clean=False)
    except JournalError:
        return


def _name(target: ResolvedTarget) -> str:
    return "sandbox" if target.is_sandbox else target.onboarding_url
