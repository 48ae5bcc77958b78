"""`midaz-seed runs merge`: one report for the slices of a run."""

import sys

import click

from midaz_seed.cli.runs_folder import runs_directory


@click.command("merge", epilog="Exit codes: that of a slice that ended with an error; 2 a slice is missing or running.")
@click.argument("run_name", metavar="RUN")
@click.option("--runs-dir", metavar="DIR", help="Directory of the runs  [default: runs]")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON instead of text.")
def merge_runs(run_name: str, runs_dir: str | None, as_json: bool) -> None:
    """Merge the reports of a run's slices into one.

    Counts add up, and percentiles are those of all slices together. Every slice must have ended.
    """
    from midaz_seed.clock import SystemClock
    from midaz_seed.outputs import write_outputs
    from midaz_seed.reporting.terminal import text_width
    from midaz_seed.reporting.text_report import WIDTH, render_text
    from midaz_seed.runs.slices import find_slices, merge_slices
    from midaz_seed.wording import printable

    report, directory = merge_slices(find_slices(runs_directory(runs_dir), run_name), SystemClock())
    write_outputs(report, directory.path)
    click.echo(report.as_json() if as_json else render_text(report, text_width(sys.stdout, WIDTH)), nl=False)
    click.echo(printable(f"The report is in {directory.path}."), err=True)
    sys.exit(report.exit_code)
