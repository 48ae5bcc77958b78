"""`midaz-seed compare`: compare the figures of two runs, or of several on each side."""

import sys
from typing import TYPE_CHECKING, Any

import click

from midaz_seed.cli.completing import complete_any_run
from midaz_seed.cli.documents import DocumentingCommand
from midaz_seed.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from midaz_seed.model.thresholds import Threshold
    from midaz_seed.reporting.comparison.comparison import NamedReport

ALLOWED = ("plan", "version", "server-version", "batch-size", "model", "incomplete")
"""`midaz_seed.reporting.comparison.identity.FACTS`, without importing it for `--help`."""


class _Facts(click.ParamType):  # type: ignore[type-arg]
    """Facts in which runs may differ, separated by commas."""

    name = "facts"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        names = tuple(name.strip() for name in str(value).split(",") if name.strip())
        for name in names:
            if name not in ALLOWED:
                self.fail(f"{name!r} is none of {', '.join(ALLOWED)}", param, ctx)
        return names


@click.command(
    cls=DocumentingCommand,
    epilog="Exit codes: 0 compared, whether a difference is shown or not; 2 not comparable, no such run or file; "
    "5 a threshold failed.",
)
@click.argument("a", metavar="A", shell_complete=complete_any_run)
@click.argument("b", metavar="B", shell_complete=complete_any_run)
@click.option(
    "--fail-if",
    "fail_if",
    metavar="EXPR",
    multiple=True,
    help="Exit with code 5 if this is true, such as 'transfers.movements_per_s < 0.95x'; repeatable.",
)
@click.option("--strict", is_flag=True, help="Let thresholds that the noise leaves undecided fail too.")
@click.option(
    "--allow",
    "allowed",
    metavar="FACTS",
    type=_Facts(),
    default="",
    help=f"Compare although these differ, separated by commas: {', '.join(ALLOWED)}.",
)
@click.option(
    "--paired", is_flag=True, help="The n-th run of A and of B belong together: they ran one after the other."
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON instead of text.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print it as Markdown, for a pull request.")
@click.option("--runs-dir", metavar="DIR", help="Directory of the runs  [default: runs]")
def compare(
    a: str,
    b: str,
    fail_if: tuple[str, ...],
    as_json: bool,
    as_markdown: bool,
    runs_dir: str | None,
    **options: Any,
) -> None:
    """Compare the figures of two runs, A before a change and B after it, with confidence intervals.

    A and B are a run of `midaz-seed runs list`, a file that --report wrote, a directory of such files, or several of
    them separated by commas. With several runs on a side, the intervals cover what differs from run to run.

    \b
    midaz-seed compare before.json after.json
    midaz-seed compare before/ after/ --fail-if 'transfers.movements_per_s < 0.95x'
    midaz-seed compare a1.json,a2.json,a3.json b1.json,b2.json,b3.json --paired --markdown
    """
    from midaz_seed.cli.report_sources import find_reports
    from midaz_seed.cli.runs_folder import runs_directory
    from midaz_seed.reporting.comparison.comparison import compare as compare_sides
    from midaz_seed.reporting.comparison.text import WIDTH, render_comparison, render_markdown_comparison
    from midaz_seed.reporting.terminal import text_width

    if as_json and as_markdown:
        raise UsageError("--json and --markdown both print on stdout", hint="give one of them")
    thresholds = [_threshold(text) for text in fail_if]
    root = runs_directory(runs_dir)
    before, after = ([_read(file) for file in find_reports(side, root)] for side in (a, b))
    if options["paired"] and len(before) != len(after):
        raise UsageError(
            f"--paired needs as many runs of A as of B, and there are {len(before)} and {len(after)}",
            hint="leave --paired out, or name the runs of each round",
        )
    try:
        comparison = compare_sides(before, after, thresholds=thresholds, **options)
    except ValueError as error:  # the columns of a time series, or the counts of a histogram, do not fit one another
        raise UsageError(
            f"a report is damaged: {' '.join(str(error).split())[:200]}",
            where=f"{a}, {b}",
            hint="use the files as midaz-seed wrote them",
        ) from error
    if as_json:
        text = comparison.as_json()
    elif as_markdown:
        text = render_markdown_comparison(comparison)
    else:
        text = render_comparison(comparison, text_width(sys.stdout, WIDTH))
    click.echo(text, nl=False)
    sys.exit(comparison.exit_code)


def _threshold(text: str) -> "Threshold":
    from midaz_seed.model.thresholds import parse_threshold

    try:
        return parse_threshold(text, compares=True)
    except ValueError as error:
        raise UsageError(str(error), where="--fail-if", hint="see docs/compare.md") from error


def _read(file: "Path") -> "NamedReport":
    from midaz_seed.cli.report_sources import read_bytes
    from midaz_seed.reporting.comparison.comparison import NamedReport
    from midaz_seed.reporting.report import read_report

    try:
        return NamedReport(str(file), read_report(read_bytes(file)))
    except ValueError as error:
        raise UsageError(
            f"not a report of midaz-seed: {' '.join(str(error).split())[:200]}",
            where=str(file),
            hint="name a run, or a file that --report wrote",
        ) from error
