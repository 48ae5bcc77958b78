"""Run a library function for a command: logs and progress on stderr, the report on stdout, the exit code."""

import os
import sys
from pathlib import Path
from typing import Protocol

import click

from midaz_seed.engine.context import RunContext
from midaz_seed.errors import UsageError
from midaz_seed.reporting.events import Emit, Event
from midaz_seed.reporting.logs import CurrentStderr, configure_logging, log_event
from midaz_seed.reporting.progress import Progress, describe, make_progress
from midaz_seed.reporting.report import Report, check_writable, write_json
from midaz_seed.reporting.terminal import text_width
from midaz_seed.reporting.text_report import WIDTH, render_text
from midaz_seed.runner import Watch
from midaz_seed.settings.model import Settings
from midaz_seed.wording import printable

STDOUT = Path("-")
"""The file name that stands for standard output."""


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
        progress = make_progress(sys.stderr, context.meter, context.clock, ledgers=len(context.state.ledgers))
        display.append(progress)
        await progress.run()

    file, settings = settings.report, settings.model_copy(update={"report": None})
    if file == STDOUT:
        if as_json:
            raise UsageError("--report - and --json both print the report as JSON", hint="give one of them")
        file, as_json = None, True
    if file is not None:
        check_writable(file)
    report = function(settings, emit=emit, watch=None if quiet else watch, handle_signals=True)
    click.echo(report.as_json() if as_json else render_text(report, text_width(sys.stdout, WIDTH)), nl=False)
    if file is not None:
        write_json(report, file)  # after printing it: a full disk must not lose the result
    if report.exit_code and (as_json or not _same_output()):
        click.echo(printable(f"{report.verdict} {report.next_step}".strip()), err=True)
    sys.exit(report.exit_code)


def _same_output() -> bool:
    """Return whether stdout and stderr are the same file, such as one terminal: what is on both is there twice."""
    try:
        return os.path.sameopenfile(sys.stdout.fileno(), sys.stderr.fileno())
    except (OSError, ValueError):
        return False
