"""One session of a run: own the run's directory from before the first request until the report is written."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from midaz_seed.clock import Clock
from midaz_seed.errors import AS_PLANNED, JournalError, OutputError
from midaz_seed.plan.plan import Plan
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.report_file import write_json
from midaz_seed.runs.directory import REJECTS, REPORT, RUN_RECORD, RunDirectory, run_directory
from midaz_seed.runs.identity import target_name
from midaz_seed.runs.journal import Journal
from midaz_seed.runs.record import RunRecord, RunStatus, check_same_plan, new_record, stored_settings, timestamp
from midaz_seed.settings.model import Settings
from midaz_seed.settings.target import ResolvedTarget


@dataclass(slots=True)
class Session:
    """The files that one session writes. Without a directory it writes none."""

    clock: Clock
    journal: Journal
    directory: RunDirectory | None = None
    record: RunRecord | None = None
    """The last record that this session wrote; None before `begin`."""
    finished_before: bool = False
    rejects: Path | None = None
    """The file of rejected items."""
    number: int = 1
    """The number of this session of the run, from 1."""
    started: RunRecord | None = None
    """The record with this session, which `begin` writes."""

    def begin(self) -> None:
        """Begin the session on disk: only now is the target known to be the run's, so that a refusal changes nothing.

        Raises:
            OutputError: the directory cannot be written.
            JournalError: the journal cannot be written.
        """
        if self.directory is None or self.started is None:
            return
        self.journal.start()
        self.directory.merge_rejects()  # those of a session that was killed
        self.record = self.started
        self.directory.write(self.record)

    def end(self, report: Report, write_outputs: Callable[[Report, Path], None]) -> None:
        """Write the result of the session to the run record, and the report with what is made from it.

        Args:
            report: of the session.
            write_outputs: writes the files that are made from a report into a directory, or raises OutputError.

        Raises:
            OutputError: a file could not be written; the others were tried too.
        """
        if self.directory is None or self.record is None:
            return
        done = sum(phase.created + phase.existing + phase.refused for phase in report.phases if phase.planned)
        whole = report.exit_code in AS_PLANNED and report.plan_done_percent == 100
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
            elapsed_s=self.record.elapsed_s + report.elapsed_s,
            movements=self.record.movements + report.movements,
            movements_per_s=report.movements_per_s if report.movements else self.record.movements_per_s,
            verified=report.proof.ok if report.proof is not None else None,
            differences=report.proof.differences_total if report.proof is not None else 0,
        )
        directory, record = self.directory, self.record
        steps: Sequence[Callable[[], None]] = (
            lambda: directory.write(record),
            lambda: write_json(report, directory / REPORT, private=True),
            lambda: write_outputs(report, directory.path),
        )
        errors = [error for step in steps if (error := _output_error(step)) is not None]
        if errors:
            raise errors[0]


def _output_error(step: Callable[[], None]) -> OutputError | None:
    """Do a step of the end of a session, and return its error: one file must not take away the others."""
    try:
        step()
    except OutputError as error:
        return error
    return None


@contextmanager
def open_session(
    settings: Settings, plan: Plan, target: ResolvedTarget, clock: Clock, directory: RunDirectory | None = None
) -> Iterator[Session]:
    """Own the run's directory for the duration of the block, and open its journal; `Session.begin` writes the first
    byte.

    Args:
        settings: those of the run.
        plan: follows from the settings.
        target: where the run is.
        clock: gives the times of the records.
        directory: the run's directory; None: that of the plan on this target.

    Raises:
        RunError: another process owns the run, it has another plan, or its files are damaged.
        OutputError: the directory cannot be written.
    """
    if not settings.keeps_a_journal:
        yield Session(clock, Journal(clock))
        return
    directory = directory or run_directory(settings, plan.run_id, target)
    with directory.owned():
        before = directory.read_record() if directory.exists else None
        if before is not None:
            check_same_plan(before, settings, plan, directory / RUN_RECORD)
        record = before or new_record(settings, plan, target=target_name(target), clock=clock)
        session = Session(
            clock,
            _open_journal(record, directory, plan, clock),
            directory,
            started=_started(record, settings, target, clock),
            finished_before=record.status is RunStatus.FINISHED,
            rejects=directory / REJECTS,
            number=record.sessions + 1,
        )
        try:
            yield session
        except BaseException:
            _end_early(session, directory, before)
            raise
        _close_quietly(session.journal)


def _end_early(session: Session, directory: RunDirectory, before: RunRecord | None) -> None:
    """Record a session that an error ended. One that did not begin leaves the directory as it was."""
    _close_quietly(session.journal)
    if before is None and not session.journal.has_records:
        shutil.rmtree(directory.path)  # nothing was sent: no run has begun
    elif session.record is not None and session.started is not None:
        directory.merge_rejects()
        last = before if before and not session.journal.has_leased else session.started
        with suppress(OutputError):  # the run then counts as cut off, and the first error is raised
            directory.write(_ended_early(last, session.number, session.clock))


def _open_journal(record: RunRecord, directory: RunDirectory, plan: Plan, clock: Clock) -> Journal:
    """Open the journal of the next session; that of a removed run starts again empty."""
    path, others = directory.journal(), directory.journals()
    journal = Journal(clock, path, plan.digest, session=record.sessions + 1, others=others, starts=False)
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
        target=target_name(target),
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
