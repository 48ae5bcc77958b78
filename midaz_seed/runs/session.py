"""One session of a run: it owns the run's directory from before the first request until the report is written."""

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
    ABOUT,
    REJECTS,
    REPORT,
    RunDirectory,
    RunRecord,
    RunStatus,
    check_same_plan,
    new_about,
    stored_settings,
    timestamp,
)
from midaz_seed.runs.journal import Journal
from midaz_seed.settings.model import Settings
from midaz_seed.settings.target import ResolvedTarget


@dataclass(slots=True)
class Session:
    """What a run writes down. Without a directory it writes nothing."""

    clock: Clock
    journal: Journal
    directory: RunDirectory | None = None
    record: RunRecord | None = None
    finished_before: bool = False
    rejects: Path | None = None
    """Where refused items go."""
    number: int = 1
    """Which session of the run this is, from 1."""

    def end(self, report: Report) -> None:
        """Put down how the session ended. Raises OutputError."""
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
        write_json(report, self.directory / REPORT)


@contextmanager
def open_session(settings: Settings, plan: Plan, target: ResolvedTarget, clock: Clock) -> Iterator[Session]:
    """Own the run's directory for the duration of the block, and begin or take up its journal.

    Raises RunError, OutputError.
    """
    if not settings.keeps_a_journal:
        yield Session(clock, Journal(clock))
        return
    directory = RunDirectory(settings.journal.directory / plan.run_id)
    with directory.owned():
        before = directory.read_record() if directory.exists else None
        if before is not None:
            check_same_plan(before, settings, plan.digest, directory / ABOUT)
        record = before or new_about(
            settings,
            run_id=plan.run_id,
            plan_digest=plan.digest,
            target=_name(target),
            planned=plan.posts,
            clock=clock,
        )
        journal = Journal(
            clock,
            directory.journal(),
            plan.digest,
            session=record.sessions + 1,
            others=directory.journals(),
        )
        if record.status is RunStatus.REMOVED:
            journal.restart()
        finished = record.status is RunStatus.FINISHED
        record = replace(
            record,
            status=RunStatus.RUNNING,
            updated_at=timestamp(clock),
            sessions=record.sessions + 1,
            target=_name(target),
            settings=stored_settings(settings),
        )
        length = directory.journalled_bytes
        try:
            directory.merge_rejects()  # what a session that was killed left
            directory.write(record)
            yield Session(
                clock,
                journal,
                directory,
                record,
                finished_before=finished,
                rejects=directory / REJECTS,
                number=record.sessions,
            )
        except BaseException:
            _close_quietly(journal)
            if before is None and not journal.has_records:
                shutil.rmtree(directory.path)  # nothing was sent: no run has begun
                raise
            nothing_sent = directory.journalled_bytes == length
            directory.merge_rejects()
            with suppress(OutputError):  # it then counts as cut off, and what went wrong is raised
                directory.write(_ended_early(before if before and nothing_sent else record, record.sessions, clock))
            raise
        _close_quietly(journal)


def _ended_early(record: RunRecord, sessions: int, clock: Clock) -> RunRecord:
    """What is written down about a run whose session ended with an error: a run that was finished or removed before
    still is when nothing was sent."""
    ended = record.status in (RunStatus.FINISHED, RunStatus.REMOVED)
    status = record.status if ended else RunStatus.UNFINISHED
    return replace(record, status=status, sessions=sessions, updated_at=timestamp(clock))


def _close_quietly(journal: Journal) -> None:
    """What cannot be written any more is unknown to the next session, which finds it out from the balances."""
    try:
        journal.close(clean=False)
    except JournalError:
        return


def _name(target: ResolvedTarget) -> str:
    return "sandbox" if target.is_sandbox else target.onboarding_url
