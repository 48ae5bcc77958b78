"""`midaz-seed runs merge`: one report for the slices of a run."""

import sys
from pathlib import Path
from typing import Any

import click

from midaz_seed.cli.documents import STDOUT, DocumentingCommand, begin_documents
from midaz_seed.cli.outputs import output_options, report_option
from midaz_seed.cli.runs_folder import runs_directory
from midaz_seed.errors import UsageError


@click.command(
    "merge",
    cls=DocumentingCommand,
    epilog="Exit codes: that of a slice that ended with an error; 2 a slice is missing or running.",
)
@click.argument("run_name", metavar="RUN")
@click.option("--runs-dir", metavar="DIR", help="Directory of the runs  [default: runs]")
@report_option
@output_options
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON instead of text.")
def merge_runs(run_name: str, runs_dir: str | None, report_file: str | None, as_json: bool, **_: Any) -> None:
    """Merge the reports of a run's slices into one.

    Counts add up, and percentiles are those of all slices together. Every slice must have ended. The run's own
    directory gets the files that every run has: report.json, report.html, junit.xml and metrics.prom.
    """
    from midaz_seed.cli.execute import deliver
    from midaz_seed.clock import SystemClock
    from midaz_seed.outputs import write_outputs
    from midaz_seed.runs.directory import REPORT_PAGE
    from midaz_seed.runs.slices import find_slices, merge_slices
    from midaz_seed.wording import printable

    is_printed = report_file in STDOUT
    if is_printed and as_json:
        raise UsageError("--report - and --json both print the report on stdout", hint="give one of them")
    file = Path(report_file) if report_file and not is_printed else None
    begin_documents(file)
    report, directory = merge_slices(find_slices(runs_directory(runs_dir), run_name), SystemClock())
    write_outputs(report, directory.path)
    report = deliver(report, file, as_json=as_json or is_printed, page=directory / REPORT_PAGE)
    click.echo(printable(f"The report is in {directory.path}."), err=True)
    sys.exit(report.exit_code)
