"""The further files that a command leaves: `--html`, `--junit`, and the summary of a job on GitHub.

They are written whenever the command ends, with the report or with the error that left none.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from midaz_seed.cli.option_kinds import Command
from midaz_seed.errors import OutputError
from midaz_seed.wording import printable

if TYPE_CHECKING:
    from midaz_seed.bench.report import BenchReport
    from midaz_seed.ledger_audit.report import AuditReport
    from midaz_seed.reporting.report import Report

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
"""The file to which GitHub Actions expects Markdown to be appended (docs.github.com, workflow commands)."""
SUMMARY_BYTES_MAX = 1024 * 1024
"""GitHub's limit for the summary of one step."""

Render = Callable[[Path], str]
"""Returns the content of a file."""


@dataclass(frozen=True)
class Output:
    """A file that a flag asks for.

    Attributes:
        flag: its spelling.
        help: of the flag.
        what: the file in messages.
        of_ending: renders the document of a command without a report (`reporting.ending`).
    """

    flag: str
    help: str
    what: str
    of_ending: Callable[[Mapping[str, Any]], str]


def _html_ending(document: Mapping[str, Any]) -> str:
    from midaz_seed.pages.report_page import render_ending

    return render_ending(document)


def _junit_ending(document: Mapping[str, Any]) -> str:
    from midaz_seed.reporting.outputs.junit import render_junit_ending

    return render_junit_ending(document)


OUTPUTS: Mapping[str, Output] = {
    "junit_file": Output("--junit", "Write the result as JUnit XML to this file.", "JUnit file", _junit_ending),
    "html_file": Output("--html", "Write the report as an HTML page to this file.", "HTML report", _html_ending),
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
    for parameter in OUTPUTS:
        command = _output_option(command, parameter)
    return command


def junit_option(command: Command) -> Command:
    """Add `--junit` alone; else as `output_options`."""
    return _output_option(command, "junit_file")


def _output_option(command: Command, parameter: str) -> Command:
    output, kind = OUTPUTS[parameter], click.Path(dir_okay=False)
    return click.option(output.flag, parameter, metavar="FILE", type=kind, help=output.help)(command)


def begin_outputs(ctx: click.Context, document: Mapping[str, Any]) -> None:
    """Check that the files can be written, and write into them that the command has not ended.

    Raises:
        OutputError: one cannot be written.
    """
    from midaz_seed.reporting.report_file import check_writable, is_replaceable, write_document

    for parameter, file in _asked_for(ctx).items():
        output = OUTPUTS[parameter]
        check_writable(file, output.what)
        if is_replaceable(file):
            write_document(output.of_ending(document), file, what=output.what)


def write_outputs(ctx: click.Context, report: "Report") -> None:
    """Write the files that the flags ask for.

    Raises:
        OutputError: one cannot be written; the others are written.
    """
    from midaz_seed import outputs
    from midaz_seed.runs.directory import REPORT_PAGE

    def junit(file: Path) -> str:
        return outputs.OUTPUTS[outputs.JUNIT](report, file.parent)

    def html(file: Path) -> str:
        return outputs.OUTPUTS[REPORT_PAGE](report, file.parent)

    _write(ctx, {"junit_file": junit, "html_file": html})


def write_audit_outputs(ctx: click.Context, report: "AuditReport") -> None:
    """Write the files that the flags ask for after an audit. Raises as `write_outputs`."""

    def junit(_: Path) -> str:
        from midaz_seed.ledger_audit.outputs import render_audit_junit

        return render_audit_junit(report)

    def html(_: Path) -> str:
        from midaz_seed.ledger_audit.outputs import render_audit_page

        return render_audit_page(report)

    _write(ctx, {"junit_file": junit, "html_file": html})


def write_bench_outputs(ctx: click.Context, report: "BenchReport") -> None:
    """Write the files that the flags ask for after a benchmark. Raises as `write_outputs`."""

    def junit(_: Path) -> str:
        from midaz_seed.bench.junit import render_bench_junit

        return render_bench_junit(report)

    _write(ctx, {"junit_file": junit})


def _write(ctx: click.Context, renders: Mapping[str, Render]) -> None:
    """Write each file that a flag asks for, also when another one could not be written.

    Args:
        ctx: the command's.
        renders: parameter -> what renders its file.

    Raises:
        OutputError: a file could not be written; the first one.
    """
    from midaz_seed.reporting.report_file import write_each

    write_each((OUTPUTS[name].what, file, partial(renders[name], file)) for name, file in _asked_for(ctx).items())


def write_ending(ctx: click.Context, document: Mapping[str, Any]) -> None:
    """Write the files and the summary of a command without a report. Errors of writing a file are not reported: the
    command has failed already."""
    from midaz_seed.reporting.report_file import write_document

    for parameter, file in _asked_for(ctx).items():
        output = OUTPUTS[parameter]
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


def summarize_bench_for_github(report: "BenchReport") -> None:
    """Append the report of a benchmark as Markdown to the summary of the job, where there is one."""
    from midaz_seed.bench.text import render_markdown

    _append_summary(lambda: render_markdown(report))


def _has_outputs(ctx: click.Context) -> bool:
    """Return whether the command is one that has reports."""
    return any(parameter.name in OUTPUTS for parameter in ctx.command.params)


def _asked_for(ctx: click.Context) -> dict[str, Path]:
    """Return the files that the flags ask for, by parameter."""
    return {parameter: Path(ctx.params[parameter]) for parameter in OUTPUTS if ctx.params.get(parameter)}


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
