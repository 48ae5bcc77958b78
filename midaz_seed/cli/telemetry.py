"""What publishes a run while it works: `--events`, `--metrics` and OpenTelemetry, as one observer of the run."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from midaz_seed.cli.documents import STDOUT
from midaz_seed.cli.option_kinds import Command
from midaz_seed.errors import ExitCode, SeedError, UsageError
from midaz_seed.telemetry import CLOSE_S

if TYPE_CHECKING:
    from midaz_seed.engine.context import RunContext
    from midaz_seed.reporting.events import Event
    from midaz_seed.reporting.report import Report
    from midaz_seed.settings.model import Settings
    from midaz_seed.telemetry.events_file import EventsFile
    from midaz_seed.telemetry.otlp import OtlpExport
    from midaz_seed.telemetry.prometheus import MetricsEndpoint


def telemetry_options(command: Command) -> Command:
    """Add the flags `--events` and `--metrics`."""
    command = click.option(
        "--metrics",
        "metrics_address",
        metavar="HOST:PORT",
        help="Serve metrics for Prometheus during the run: HOST:PORT, or a PORT of 127.0.0.1. Needs the extra metrics.",
    )(command)
    return click.option(
        "--events",
        "events_file",
        metavar="FILE",
        type=click.Path(dir_okay=False, allow_dash=True),
        help="Write each event as a line of JSON to this file, or with - to stdout, and the report's text to stderr.",
    )(command)


def is_stdout(events: str | None) -> bool:
    """Return whether the events go to stdout."""
    return events in STDOUT


def check_events(events: str | None, settings: "Settings", *, as_json: bool) -> None:
    """Check that the events share their file with nothing else.

    Raises:
        UsageError: they do.
    """
    if events is None:
        return
    if is_stdout(events):
        if as_json:
            raise UsageError("--events - and the report as JSON are both on stdout", hint="write one of them to a file")
        return
    for flag, file in (("--report", settings.report), ("--manifest", settings.manifest)):
        if file is not None and file.resolve() == Path(events).resolve():
            raise UsageError(f"--events and {flag} have the same file", where=events, hint="give them one each")


class Telemetry:
    """The observers that flags and variables ask for; an observer itself."""

    def __init__(self) -> None:
        self._wait_s = CLOSE_S
        self.events: EventsFile | None = None
        self.metrics: MetricsEndpoint | None = None
        self.export: OtlpExport | None = None

    @property
    def _parts(self) -> "list[EventsFile | MetricsEndpoint | OtlpExport]":
        return [part for part in (self.events, self.metrics, self.export) if part is not None]

    def emit(self, event: "Event") -> None:
        """Publish an event."""
        from midaz_seed.reporting.events import StopRequested

        if isinstance(event, StopRequested):  # the report has to be printed within the grace time
            self._wait_s = min(CLOSE_S, event.within_s / 10)
        for part in self._parts:
            part.emit(event)

    async def watch(self, context: "RunContext") -> None:
        """Publish the progress of this run until cancelled."""
        import anyio

        async with anyio.create_task_group() as group:
            for part in self._parts:
                group.start_soon(part.watch, context)

    def finish(self, report: "Report") -> str | None:
        """Publish the result and stop. Return what was not published, as sentences."""
        return self.end(report.exit_code, report.verdict, report.next_step)

    def end(self, exit_code: int, verdict: str, next_step: str = "") -> str:
        """Publish how the command ended and stop. Return what was not published, as sentences; "" when all was."""
        events, export = self.events, self.export
        self.events = self.export = None
        clauses = []
        try:
            if events is not None:
                clauses.append(events.close(exit_code, verdict, next_step, self._wait_s))
            if export is not None:
                clauses.append(export.close(exit_code, verdict, self._wait_s))
        except KeyboardInterrupt:  # what waits is of less worth than the report, which is printed next
            clauses.append("the last events and metrics were cut off by Ctrl-C")
        return " ".join(f"{clause.rstrip('.')}." for clause in clauses if clause)


@contextmanager
def telemetry(command: str, events: str | None, metrics: str | None) -> Iterator[Telemetry]:
    """Open what publishes a run, before anything is sent.

    Args:
        command: `run`, `retry` or `verify`.
        events: the file of `--events`.
        metrics: the address of `--metrics`.

    Raises:
        UsageError: the address or the file cannot be used, or the extra `metrics` is missing.
    """
    found = Telemetry()
    with ExitStack() as stack:
        if metrics is not None:
            from midaz_seed.telemetry.prometheus import metrics_endpoint

            found.metrics = stack.enter_context(metrics_endpoint(metrics))
            click.echo(f"metrics: {found.metrics.url}", err=True)
        if events is not None:
            from midaz_seed.telemetry.events_file import EventsFile

            found.events = EventsFile(None if is_stdout(events) else Path(events), command)
        from midaz_seed.telemetry.opentelemetry import open_telemetry

        found.export = open_telemetry(command, os.environ, lambda text: click.echo(f"WARNING: {text}", err=True))
        try:
            yield found
        except BaseException as error:
            _end_with_error(found, error)
            raise


def _end_with_error(found: Telemetry, error: BaseException) -> None:
    """Publish the error that ended the command; after a result there is nothing left to publish."""
    if isinstance(error, SeedError):
        lost = found.end(error.exit_code, str(error), error.hint)
    elif isinstance(error, KeyboardInterrupt | click.Abort):
        lost = found.end(ExitCode.INTERRUPTED, "interrupted", "run the same command again to continue")
    else:
        lost = found.end(ExitCode.DIFFERENCES, f"internal error: {type(error).__name__}")
    if lost:
        click.echo(f"WARNING: {lost}", err=True)
