"""Run a library function for a command: logs and progress on stderr, the report on stdout, the exit code."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import click

from midaz_seed.engine.context import RunContext
from midaz_seed.errors import OutputError, ResultNotWrittenError
from midaz_seed.reporting.events import Emit, Event
from midaz_seed.reporting.logs import CurrentStderr, configure_logging, log_event
from midaz_seed.reporting.progress import Progress, describe, make_progress
from midaz_seed.reporting.report import Report, not_written, write_json
from midaz_seed.reporting.text_report import render_text
from midaz_seed.runner import Watch
from midaz_seed.settings.model import Settings


class RunFunction(Protocol):
    """`seed` or `verify`."""

    def __call__(self, settings: Settings, *, emit: Emit, watch: Watch | None, handle_signals: bool) -> Report: ...


def execute(function: RunFunction, settings: Settings, *, as_json: bool, quiet: bool) -> None:
    """Run a function of the library in the terminal and exit the process with the report's exit code.

    Args:
        function: what to run.
        settings: the effective settings; `report` is written here and not by the function.
        as_json: print the report as JSON instead of text.
        quiet: show no progress.
    """
    configure_logging(settings.log.level, settings.log.format, CurrentStderr())
    display: list[Progress] = []

    def emit(event: Event) -> None:
        log_event(event)
        for progress in display:
            progress.emit(event)
        if not display and not quiet and describe(event):  # batch sizes are measured before progress is displayed
            click.echo(describe(event), err=True)

    async def watch(context: RunContext) -> None:
        progress = make_progress(sys.stderr, context.meter, context.clock)
        display.append(progress)
        await progress.run()

    file, settings = settings.report, settings.model_copy(update={"report": None})
    report = _delivered(
        function(settings, emit=emit, watch=None if quiet else watch, handle_signals=True), file, as_json
    )
    if report.exit_code:
        click.echo(f"{report.verdict} {report.next_step}".strip(), err=True)
    sys.exit(report.exit_code)


def _delivered(report: Report, file: Path | None, as_json: bool) -> Report:
    """Write and print a report. Return it with what could not be written, so that its exit code is true.

    Raises:
        ResultNotWrittenError: it cannot be printed. The file, if any, has it.
    """
    if file is not None:
        try:
            write_json(report, file)
        except OutputError as error:
            report = not_written(report, error)
    try:
        click.echo(report.as_json() if as_json else render_text(report), nl=False)
    except ResultNotWrittenError as error:
        message = f"{error.message}. The run itself: {report.verdict}"
        report = not_written(report, error)
        if file is not None:
            with suppress(OutputError):
                write_json(report, file)
        raise ResultNotWrittenError(message, hint=error.hint, exit_code=report.exit_code) from error
    return report
