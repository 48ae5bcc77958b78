"""The further files that a command leaves: `--html`, `--junit`, and the summary of a job on GitHub.

They are written whenever the command ends, with the report or with the error that left none.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from midaz_seed.errors import OutputError
from midaz_seed.wording import printable

if TYPE_CHECKING:
    from midaz_seed.ledger_audit.report import AuditReport
    from midaz_seed.reporting.report import Report

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
"""The file to which GitHub Actions expects Markdown to be appended (docs.github.com, workflow commands)."""
SUMMARY_BYTES_MAX = 1024 * 1024
"""GitHub's limit for the summary of one step."""

Command = Callable[..., Any]


@dataclass(frozen=True)
class Output:
    """A file that a flag asks for.

    Attributes:
        flag: its spelling.
        help: of the flag.
        what: the file in messages.
        of_report: renders the report of a run for a file.
        of_audit: renders the report of an audit.
        of_ending: renders the document of a command without a report (`reporting.ending`).
    """

    flag: str
    help: str
    what: str
    of_report: "Callable[[Report, Path], str]"
    of_audit: "Callable[[AuditReport], str]"
    of_ending: Callable[[Mapping[str, Any]], str]


def _html(report: "Report", file: Path) -> str:
    from midaz_seed.pages.report_page import files_beside, render_report

    return render_report(report, files=files_beside(file.parent))


def _html_audit(report: "AuditReport") -> str:
    from midaz_seed.ledger_audit.outputs import render_audit_page

    return render_audit_page(report)


def _html_ending(document: Mapping[str, Any]) -> str:
    from midaz_seed.pages.report_page import render_ending

    return render_ending(document)


def _junit(report: "Report", _: Path) -> str:
    from midaz_seed.reporting.outputs.junit import render_junit

    return render_junit(report)


def _junit_audit(report: "AuditReport") -> str:
    from midaz_seed.ledger_audit.outputs import render_audit_junit

    return render_audit_junit(report)


def _junit_ending(document: Mapping[str, Any]) -> str:
    from midaz_seed.reporting.outputs.junit import render_junit_ending

    return render_junit_ending(document)


OUTPUTS: Mapping[str, Output] = {
    "junit_file": Output(
        "--junit", "Write the result as JUnit XML to this file.", "JUnit file", _junit, _junit_audit, _junit_ending
    ),
    "html_file": Output(
        "--html", "Write the report as an HTML page to this file.", "HTML report", _html, _html_audit, _html_ending
    ),
}
"""Parameter -> the file that its flag asks for."""


def report_option(command: Command) -> Command:
    """Add `--report` to a command."""
    return click.option(
        "--report",
        "report_file",
        metavar="FILE",
        type=click.Path(dir_okay=False, allow_dash=True),
        help="Write the report as JSON to this file; - prints it instead of the text.",
    )(command)


def output_options(command: Command) -> Command:
    """Add the flags of OUTPUTS to a command; `settings_options` removes them from its arguments."""
    for parameter, output in OUTPUTS.items():
        kind = click.Path(dir_okay=False)
        command = click.option(output.flag, parameter, metavar="FILE", type=kind, help=output.help)(command)
    return command


def begin_outputs(ctx: click.Context, document: Mapping[str, Any]) -> None:
    """Check that the files can be written, and write into them that the command has not ended.

    Raises:
        OutputError: one cannot be written.
    """
    from midaz_seed.reporting.report_file import check_writable, is_replaceable, write_document

    for output, file in _asked_for(ctx):
        check_writable(file, output.what)
        if is_replaceable(file):
            write_document(output.of_ending(document), file, what=output.what)


def write_outputs(ctx: click.Context, report: "Report") -> None:
    """Write the files that the flags ask for.

    Raises:
        OutputError: one cannot be written.
    """
    from midaz_seed.reporting.report_file import write_document

    for output, file in _asked_for(ctx):
        write_document(output.of_report(report, file), file, what=output.what)


def write_audit_outputs(ctx: click.Context, report: "AuditReport") -> None:
    """Write the files that the flags ask for after an audit.

    Raises:
        OutputError: one cannot be written; the others are written.
    """
    from midaz_seed.reporting.report_file import write_document

    errors = []
    for output, file in _asked_for(ctx):
        try:
            write_document(output.of_audit(report), file, what=output.what)
        except OutputError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def write_ending(ctx: click.Context, document: Mapping[str, Any]) -> None:
    """Write the files and the summary of a command without a report. Errors of writing a file are not reported: the
    command has failed already."""
    from midaz_seed.reporting.report_file import write_document

    for output, file in _asked_for(ctx):
        with suppress(OutputError):
            write_document(output.of_ending(document), file, what=output.what)
    if _has_outputs(ctx):
        from midaz_seed.reporting.outputs.markdown import render_markdown_ending

        _append_summary(lambda: render_markdown_ending(document))


def summarize_for_github(report: "Report") -> None:
    """Append the report as Markdown to the summary of the job, where there is one."""
    from midaz_seed.reporting.outputs.markdown import render_markdown

    _append_summary(lambda: render_markdown(report))


def summarize_audit_for_github(report: "AuditReport") -> None:
    """Append the report of an audit as Markdown to the summary of the job, where there is one."""
    from midaz_seed.ledger_audit.outputs import render_audit_markdown

    _append_summary(lambda: render_audit_markdown(report))


def _has_outputs(ctx: click.Context) -> bool:
    """Return whether the command is one that has reports."""
    return any(parameter.name in OUTPUTS for parameter in ctx.command.params)


def _asked_for(ctx: click.Context) -> list[tuple[Output, Path]]:
    given = ((output, ctx.params.get(parameter)) for parameter, output in OUTPUTS.items())
    return [(output, Path(file)) for output, file in given if file]


def _append_summary(render: Callable[[], str]) -> None:
    """Append Markdown to the summary. Its loss is a warning: no flag has asked for it."""
    from midaz_seed.reporting.outputs.markdown import within

    name = os.environ.get(SUMMARY_VARIABLE)
    if not name:
        return
    file = Path(name)
    try:
        used = file.stat().st_size if file.exists() else 0
        with file.open("ab") as stream:
            stream.write(within(render(), SUMMARY_BYTES_MAX - used).encode())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        click.echo(printable(f"WARNING: the summary of the job cannot be written to {name}: {reason}"), err=True)
