"""`midaz-seed audit`: check the invariants of ledgers without a plan."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from midaz_seed.cli.flags import CHECKS, PACE
from midaz_seed.cli.options import LoadedSettings, SectionedCommand, server_options
from midaz_seed.cli.outputs import output_options, report_option, summarize_audit_for_github, write_audit_outputs
from midaz_seed.cli.status_line import StatusLine

if TYPE_CHECKING:
    from pathlib import Path

    from midaz_seed.ledger_audit.auditor import AuditStep
    from midaz_seed.ledger_audit.report import AuditReport

SHOW_EVERY_S, LINE_EVERY_S = 0.5, 10.0
"""Time between two updates of the progress: on a terminal, and in a file."""


class _Id(click.ParamType):  # type: ignore[type-arg]
    """The id of an entity on the server."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return str(UUID(str(value)))
        except ValueError:
            self.fail(f"{str(value)!r} is not an id, such as 0190b3e2-7d4c-7c1e-9b0e-3f6a2c5d8e41", param, ctx)


class _CheckOption(click.Option):
    """A flag under the heading of the checks."""

    section = CHECKS


class _LoadOption(click.Option):
    """A flag under the heading of the load."""

    section = PACE


@click.command(
    cls=SectionedCommand,
    epilog="Exit codes: 0 no findings; 1 findings; 2 usage; 3 target; 130/143 interrupted. After 3, 130 and 143 the "
    "same command continues.",
)
@click.argument("url", metavar="[TARGET]", required=False)
@server_options
@click.option(
    "--organization",
    "organization_id",
    cls=_CheckOption,
    type=_Id(),
    metavar="ID",
    help="Only this organization's ledgers",
)
@click.option("--ledger", "ledger_id", cls=_CheckOption, type=_Id(), metavar="ID", help="Only this ledger")
@click.option(
    "--balances-only",
    cls=_CheckOption,
    is_flag=True,
    help="Check balances and counts alone: fast, and no transactions are read",
)
@click.option(
    "--pending-hours",
    cls=_CheckOption,
    type=click.FloatRange(min=0),
    metavar="N",
    default=24.0,
    help="Hours that a transaction may be pending [default: 24]",
)
@click.option(
    "--rate",
    "rate_per_s",
    cls=_LoadOption,
    type=click.FloatRange(min=0),
    metavar="N",
    default=50.0,
    help="Maximum requests per second; 0 means no limit [default: 50]",
)
@click.option(
    "--concurrency",
    "-c",
    cls=_LoadOption,
    type=click.IntRange(1, 64),
    metavar="N",
    default=4,
    help="Maximum requests in flight [default: 4]",
)
@click.option("--restart", is_flag=True, help="Begin again instead of continuing an interrupted audit")
@report_option
@output_options
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON instead of text.")
@click.option("--quiet", "-q", is_flag=True, help="Show no progress on stderr.")
def audit(loaded: LoadedSettings, as_json: bool, quiet: bool, **checks: Any) -> None:
    """Check the invariants of every ledger on a server, without a plan. Writes nothing.

    \b
    midaz-seed audit http://127.0.0.1:3002
    midaz-seed audit -u http://127.0.0.1:3002 --ledger ID --report audit.json

    Each asset sums to zero, no balance is negative, every balance follows from its operations, every transaction
    balances, counts agree with lists, and nothing is pending for long. An interrupted audit continues with the same
    command.
    """
    from midaz_seed.auditing import audit as audit_server
    from midaz_seed.cli.last_resort import end_in_time
    from midaz_seed.reporting.logs import CurrentStderr, configure_logging

    settings = loaded.settings
    configure_logging(settings.log.level, settings.log.format, CurrentStderr())
    display = _Display(quiet=quiet)
    try:
        report = audit_server(
            settings,
            transactions=not checks.pop("balances_only"),
            **{name: value for name, value in checks.items() if value is not None},
            emit=end_in_time,
            show=display.show,
            handle_signals=True,
        )
    finally:
        display.close()
    raise SystemExit(_delivered(report, settings.report, as_json=as_json))


def _delivered(report: "AuditReport", file: "Path | None", *, as_json: bool) -> int:
    """Write and print the report, and write the files that flags ask for. Return the exit code.

    Raises:
        ResultNotWrittenError: it cannot be printed. The file, if any, has it.
    """
    from dataclasses import replace

    from midaz_seed.errors import ExitCode, OutputError
    from midaz_seed.ledger_audit.text import WIDTH, render_audit
    from midaz_seed.process import write_utf8_to_stdout
    from midaz_seed.reporting.report_file import write_document
    from midaz_seed.reporting.terminal import text_width
    from midaz_seed.wording import printable

    ctx = click.get_current_context()
    steps: list[tuple[str, Callable[[AuditReport], None]]] = [("files", lambda done: write_audit_outputs(ctx, done))]
    if file is not None:
        steps.append(("report", lambda done: write_document(done.as_json(), file)))
    for what, write in steps:
        try:
            write(report)
        except OutputError as error:
            verdict = f"{report.verdict} The {what} {'was' if what == 'report' else 'were'} not written: {error}."
            report = replace(report, exit_code=report.exit_code or int(ExitCode.DIFFERENCES), verdict=verdict)
    summarize_audit_for_github(report)
    if as_json:
        write_utf8_to_stdout()
    click.echo(report.as_json() if as_json else render_audit(report, text_width(sys.stdout, WIDTH)), nl=False)
    if as_json and report.exit_code:
        click.echo(printable(f"{report.verdict} {report.next_step}".strip()), err=True)
    return report.exit_code


class _Display:
    """Shows on stderr how far an audit is: in one line of a terminal, or a line now and then in a file."""

    def __init__(self, *, quiet: bool) -> None:
        from midaz_seed.clock import SystemClock

        self._quiet = quiet
        self._clock = SystemClock()
        self._line = StatusLine()
        self._next_s = self._clock.monotonic() + (0.0 if self._line.redraws else LINE_EVERY_S)
        self._announced = False

    def show(self, step: "AuditStep") -> None:
        """Show a step, unless another one was shown just now."""
        if self._quiet:
            return
        if step.resumed and not self._announced:
            click.echo("Continuing the audit that was interrupted (--restart begins again).", err=True)
        self._announced = True
        now_s = self._clock.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + (SHOW_EVERY_S if self._line.redraws else LINE_EVERY_S)
        text = (
            f"audit: {step.ledgers_done} of {step.ledgers} ledgers, {step.transactions:,} transactions, "
            f"{step.requests:,} requests, {step.findings:,} findings"
        )
        if self._line.redraws:
            self._line.draw(text)
        else:
            click.echo(text, err=True)

    def close(self) -> None:
        """Remove the line from the terminal."""
        self._line.clear()
