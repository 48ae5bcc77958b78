"""Run a library function for a command: logs and progress on stderr, the report on stdout, the exit code."""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import anyio
import click

from midaz_seed.cli.last_resort import end_in_time
from midaz_seed.cli.outputs import summarize_for_github, write_outputs
from midaz_seed.engine.context import RunContext
from midaz_seed.engine.watched_run import watched_run
from midaz_seed.errors import OutputError, ResultNotWrittenError
from midaz_seed.process import write_utf8_to_stdout
from midaz_seed.reporting.events import BatchSizeChosen, BatchSizeMeasured, Emit, Event
from midaz_seed.reporting.logs import CurrentStderr, configure_logging, log_event
from midaz_seed.reporting.progress import Progress, describe, make_progress
from midaz_seed.reporting.report import Report, not_written
from midaz_seed.reporting.report_file import write_json
from midaz_seed.reporting.terminal import text_width
from midaz_seed.reporting.text_report import WIDTH, render_text
from midaz_seed.runner import Watch
from midaz_seed.runs.directory import REPORT_PAGE, RunDirectory
from midaz_seed.settings.model import Settings
from midaz_seed.wording import printable


class RunFunction(Protocol):
    """`seed` or `verify`."""

    def __call__(self, settings: Settings, *, emit: Emit, watch: Watch | None, handle_signals: bool) -> Report: ...


class Observer(Protocol):
    """Follows a run beside it, such as a display or a page. It must not fail, and must not make the run wait."""

    def emit(self, event: Event) -> None:
        """Receive an event of the run; some come before `watch` is called, and some after it has ended."""

    async def watch(self, context: RunContext) -> None:
        """Follow the run until cancelled, at its end."""

    def finish(self, report: Report) -> str | None:
        """Receive the report of the run, before it is printed. Return what the observer lost, if anything, as a
        sentence for the report."""


class _Display:
    """Shows the events of a run: in the log, and in the progress on stderr unless it is quiet."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._progress: Progress | None = None
        self._early: list[Event] = []
        """Events from before the progress is displayed."""
        self.directory: RunDirectory | None = None
        """That of the run, once it is known."""

    def emit(self, event: Event) -> None:
        """Show an event, and begin the grace time at the first signal."""
        end_in_time(event)
        log_event(event)
        if not self._quiet:
            self._show(event)

    def _show(self, event: Event) -> None:
        if isinstance(event, BatchSizeMeasured | BatchSizeChosen):  # before the run, and it takes some time
            click.echo(describe(event), err=True)
        elif self._progress is None:
            self._early.append(event)
        else:
            self._progress.emit(event)

    async def watch(self, context: RunContext) -> None:
        """Display the progress until cancelled."""
        self.directory = context.directory
        if self._quiet:
            return
        self._progress = make_progress(sys.stderr, watched_run(context), context.clock)
        early, self._early = self._early, []
        for event in early:
            self._show(event)
        await self._progress.run()

    def finish(self, report: Report) -> None:
        """Do nothing: the progress has ended."""


def execute(
    function: RunFunction,
    settings: Settings,
    *,
    as_json: bool,
    quiet: bool,
    observers: Sequence[Observer] = (),
    is_stdout_taken: bool = False,
) -> None:
    """Run a function of the library in the terminal and exit the process with the report's exit code.

    Args:
        function: what to run.
        settings: the effective settings; `report` is written here and not by the function.
        as_json: print the report as JSON instead of text.
        quiet: show no progress.
        observers: follow the run besides the log and the progress.
        is_stdout_taken: print the text of the report on stderr.
    """
    configure_logging(settings.log.level, settings.log.format, CurrentStderr())
    display = _Display(quiet=quiet)
    following: list[Observer] = [display, *observers]
    file, settings = settings.report, settings.model_copy(update={"report": None})

    def emit(event: Event) -> None:
        for observer in following:
            observer.emit(event)

    async def watch(context: RunContext) -> None:
        async with anyio.create_task_group() as group:
            for observer in following:
                group.start_soon(observer.watch, context)

    report = function(settings, emit=emit, watch=watch, handle_signals=True)
    lost = [sentence for observer in following if (sentence := observer.finish(report))]
    report = replace(report, next_step=" ".join([report.next_step, *lost]).strip())
    page = display.directory / REPORT_PAGE if display.directory is not None else None
    report = deliver(
        report,
        file,
        as_json=as_json,
        is_stdout_taken=is_stdout_taken,
        page=page if page and page.is_file() else None,
    )
    if (report.exit_code or lost) and (as_json or not (is_stdout_taken or _same_output())):
        click.echo(printable(f"{report.verdict} {report.next_step}".strip()), err=True)
    sys.exit(report.exit_code)


def _same_output() -> bool:
    """Return whether stdout and stderr are the same file, such as one terminal: what is on both is there twice."""
    try:
        return os.path.sameopenfile(sys.stdout.fileno(), sys.stderr.fileno())
    except (OSError, ValueError):
        return False


def deliver(
    report: Report, file: Path | None, *, as_json: bool, is_stdout_taken: bool = False, page: Path | None = None
) -> Report:
    """Write and print a report. Return it with what could not be written, so that its exit code is true.

    Args:
        report: of the run.
        file: to write it into as JSON.
        as_json: print it as JSON instead of text.
        is_stdout_taken: print it on stderr.
        page: the HTML report, which the text names.

    Raises:
        ResultNotWrittenError: it cannot be printed. The file, if any, has it.
    """
    report = _written(report, file)
    try:
        width = text_width(sys.stderr if is_stdout_taken else sys.stdout, WIDTH)
        if as_json:
            write_utf8_to_stdout()
        text = report.as_json() if as_json else render_text(report, width, page=page)
        click.echo(text, nl=False, err=is_stdout_taken)
    except ResultNotWrittenError as error:
        message = f"{error.message}. The run itself: {report.verdict}"
        report = _written(not_written(report, error), file)
        summarize_for_github(report)
        raise ResultNotWrittenError(message, hint=error.hint, exit_code=report.exit_code) from error
    summarize_for_github(report)
    return report


def _written(report: Report, file: Path | None) -> Report:
    """Write a report into the files that flags and settings ask for. Return it with what could not be written; the
    others then have that too."""
    ctx = click.get_current_context()
    steps: list[Callable[[Report], None]] = [] if file is None else [lambda written: write_json(written, file)]
    steps.append(lambda written: write_outputs(ctx, written))
    complete = report
    for step in steps:
        try:
            step(report)
        except OutputError as error:
            report = not_written(report, error)
    for step in steps if report is not complete else ():
        with suppress(OutputError):
            step(report)
    return report
