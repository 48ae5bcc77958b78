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
    from midaz_seed.reporting.comparison.comparison import Comparison, NamedReport

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
    The directories of two benchmarks are compared case by case.

    \b
    midaz-seed compare before.json after.json
    midaz-seed compare before/ after/ --fail-if 'transfers.movements_per_s < 0.95x'
    midaz-seed compare a1.json,a2.json,a3.json b1.json,b2.json,b3.json --paired --markdown
    midaz-seed compare bench/before bench/after
    """
    from midaz_seed.cli.report_sources import unreadable
    from midaz_seed.cli.runs_folder import runs_directory
    from midaz_seed.reporting.comparison.text import WIDTH, render_comparison, render_markdown_comparison
    from midaz_seed.reporting.terminal import text_width

    if as_json and as_markdown:
        raise UsageError("--json and --markdown both print on stdout", hint="give one of them")
    options["thresholds"] = [_threshold(text) for text in fail_if]
    try:
        comparison = _compared(a, b, runs_directory(runs_dir), **options)
    except ValueError as error:  # the columns of a time series, or the counts of a histogram, do not fit one another
        hint = "use the files as midaz-seed wrote them"
        raise unreadable(f"{a}, {b}", error, what="a report is damaged", hint=hint) from error
    if as_json:
        text = comparison.as_json()
    elif as_markdown:
        text = render_markdown_comparison(comparison)
    else:
        text = render_comparison(comparison, text_width(sys.stdout, WIDTH))
    click.echo(text, nl=False)
    sys.exit(comparison.exit_code)


def _compared(a: str, b: str, root: "Path", *, paired: bool, **options: Any) -> "Comparison":
    """Compare two sides: runs, or benchmarks case by case. Raises UsageError where they are not comparable."""
    from midaz_seed.cli.report_sources import find_benchmark, find_reports
    from midaz_seed.reporting.comparison.cases import compare_cases
    from midaz_seed.reporting.comparison.comparison import compare as compare_sides

    benchmarks = find_benchmark(a), find_benchmark(b)
    if benchmarks[0] is not None and benchmarks[1] is not None:
        if paired:
            raise UsageError(
                "--paired has no effect on two benchmarks, whose runs were not made in turns",
                hint="leave it out, or measure the variants in one benchmark (--variant)",
            )
        return compare_cases(_read_benchmark(benchmarks[0]), _read_benchmark(benchmarks[1]), **options)
    for side, other, benchmark in ((a, b, benchmarks[0]), (b, a, benchmarks[1])):
        if benchmark is not None:
            raise UsageError(
                f"{side} is a benchmark, and {other} is not",
                hint=f"compare two benchmarks, or runs, such as those in {benchmark.parent / 'runs'}",
            )
    before, after = ([_read(file) for file in find_reports(side, root)] for side in (a, b))
    if paired and len(before) != len(after):
        raise UsageError(
            f"--paired needs as many runs of A as of B, and there are {len(before)} and {len(after)}",
            hint="leave --paired out, or name the runs of each round",
        )
    return compare_sides(before, after, paired=paired, **options)


def _read_benchmark(file: "Path") -> "dict[str, list[NamedReport]]":
    """Return the reports of the counted runs of a benchmark, by case, and by variant where there are several."""
    from midaz_seed.bench.report import read_bench
    from midaz_seed.bench.verdict import name_of
    from midaz_seed.cli.report_sources import read_bytes, unreadable

    try:
        bench = read_bench(read_bytes(file))
    except ValueError as error:
        what, hint = "not the report of a benchmark", "name the directory of a benchmark"
        raise unreadable(str(file), error, what=what, hint=hint) from error
    found: dict[str, list[NamedReport]] = {}
    for run in bench.runs:
        if run.repetition and run.proved:
            report = file.parent / run.report
            if not report.is_file():
                raise UsageError(
                    "a run of the benchmark has no report there",
                    where=str(report),
                    hint=f"keep the reports of the runs beside {file.name}",
                )
            name = name_of(run.case, run.variant if len(bench.variants) > 1 else "")
            found.setdefault(name, []).append(_read(report))
    if not found:
        raise UsageError("no run of this benchmark is counted", where=str(file), hint="its verdict says why")
    return found


def _threshold(text: str) -> "Threshold":
    from midaz_seed.model.thresholds import parse_threshold

    try:
        return parse_threshold(text, compares=True)
    except ValueError as error:
        raise UsageError(str(error), where="--fail-if", hint="see docs/compare.md") from error


def _read(file: "Path") -> "NamedReport":
    from midaz_seed.cli.report_sources import read_bytes, unreadable
    from midaz_seed.reporting.comparison.comparison import NamedReport
    from midaz_seed.reporting.report import read_report

    try:
        return NamedReport(str(file), read_report(read_bytes(file)))
    except ValueError as error:
        raise unreadable(str(file), error) from error
