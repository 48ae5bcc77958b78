"""One session of a run: it owns the run's directory from before the first request until the report is written."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from midaz_seed.clock import Clock
from midaz_seed.engine.journal import Journal
from midaz_seed.engine.run_directory import (
    ABOUT,
    REJECTS,
    REPORT,
    About,
    RunDirectory,
    RunStatus,
    check_same_plan,
    new_about,
    stored_settings,
    timestamp,
)
from midaz_seed.errors import ExitCode, JournalError, OutputError
from midaz_seed.plan.plan import Plan
from midaz_seed.reporting.report import Report, write_json
from midaz_seed.settings.model import Settings
from midaz_seed.settings.target import ResolvedTarget


@dataclass(slots=True)
class Session:
    """What a run writes down. Without a directory it writes nothing."""

    clock: Clock
    journal: Journal
    directory: RunDirectory | None = None
    about: About | None = None
    finished_before: bool = False
    rejects: Path | None = None
    """Where refused items go."""
    number: int = 1
    """Which session of the run this is, from 1."""
    begins: bool = True
    """Refused items of earlier sessions are sent again, so they are no longer refused."""

    def end(self, report: Report) -> None:
        """Put down how the session ended. Raises OutputError."""
        if self.directory is None or self.about is None:
            return
        done = sum(phase.created + phase.existing for phase in report.phases if phase.planned)
        whole = report.exit_code == ExitCode.DONE and report.plan_done_percent == 100
        status = RunStatus.FINISHED if whole else RunStatus.UNFINISHED
        self.about = replace(
            self.about,
            status=status,
            updated_at=timestamp(self.clock),
            done=done,
            rejected=report.failed_items_total,
            exit_code=report.exit_code,
            verdict=report.verdict,
        )
        self.directory.write(self.about)
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
        if directory.exists:
            about = directory.about()
            check_same_plan(about, settings, plan.digest, directory / ABOUT)
        else:
            about = new_about(
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
            session=about.sessions + 1,
            others=directory.journals(),
        )
        if about.status is RunStatus.REMOVED:
            journal.restart()
        finished = about.status is RunStatus.FINISHED
        about = replace(
            about,
            status=RunStatus.RUNNING,
            updated_at=timestamp(clock),
            sessions=about.sessions + 1,
            target=_name(target),
            settings=stored_settings(settings),
        )
        try:
            directory.write(about)
            yield Session(
                clock,
                journal,
                directory,
                about,
                finished_before=finished,
                rejects=directory / REJECTS,
                number=about.sessions,
            )
        except BaseException:
            _close_quietly(journal)
            if journal.used:
                with suppress(OutputError):  # it then counts as cut off, and what went wrong is raised
                    directory.write(replace(about, status=RunStatus.UNFINISHED, updated_at=timestamp(clock)))
            else:
                shutil.rmtree(directory.path)  # nothing was sent: no run has begun
            raise
        _close_quietly(journal)


def _close_quietly(journal: Journal) -> None:
    """What cannot be written any more is unknown to the next session, which finds it out from the balances."""
    try:
        journal.close(clean=False)
    except JournalError:
        return


def _name(target: ResolvedTarget) -> str:
    return "sandbox" if target.is_sandbox else target.onboarding_url
