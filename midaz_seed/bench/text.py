"""The report of a benchmark for people: as text, and as Markdown."""

from collections.abc import Iterator, Sequence

from midaz_seed.bench.report import BenchReport, BenchResult, Spread, VariantComparison
from midaz_seed.bench.verdict import name_of
from midaz_seed.reporting.comparison.comparing import Row
from midaz_seed.reporting.comparison.values import change_text, result_text
from midaz_seed.reporting.outputs.markdown import (
    THRESHOLDS,
    escaped,
    heading,
    joined,
    paragraph,
    table,
    threshold_cells,
)
from midaz_seed.reporting.thresholds import outcome_text
from midaz_seed.wording import aligned, counted, printable, wrapped

WIDTH = 110
"""Maximum columns of a line of text; a table is as wide as its cells."""
HEAD = ("case", "variant", "phase", "transactions/s", "movements/s", "p50 ms", "p99 ms", "runs")
NAMES = 3
"""The first columns, which hold names."""
_TONES = {"not shown": "no difference can be shown"}
SHOWN = ("transfers", "reads", "follow_ups", "refusals")
"""The phases in the tables; bench.json has the deposits too."""


def render_bench(report: BenchReport, width: int, *, columns: int | None = None) -> str:
    """Return a report as text.

    Args:
        report: of the benchmark.
        width: columns of the lines, at most.
        columns: those of the terminal; a table that would be wider has the medians alone, and not the number of runs.
            None: any width.
    """
    rows = list(_rows(report))
    table_lines = [printable(line) for line in aligned([HEAD, *rows], range(NAMES))] if rows else ["No run is counted."]
    if columns is not None and max(map(len, table_lines)) > columns:
        short = [row[:-1] for row in [HEAD, *_rows(report, ranges=False)]]
        table_lines = [printable(line) for line in aligned(short, range(NAMES))]
    found = [*_compared(report), *_judged(report), *_notes(report)]
    end = [report.verdict, *([report.next_step] if report.next_step else [])]
    before, after = ([printable(line) for line in part] for part in (_head(report), [*found, "", *end]))
    return "\n".join([*wrapped(before, width), "", *table_lines, "", *wrapped(after, width)]) + "\n"


def render_markdown(report: BenchReport) -> str:
    """Return a report as Markdown; every text is escaped."""
    parts = [heading(f"bench {report.scenario}", report.exit_code), paragraph(report.verdict, report.next_step)]
    parts.append(table(HEAD, list(_rows(report))))
    judged = [
        (result.case or "-", result.variant or "-", *threshold_cells(each))
        for result in report.results
        for each in result.thresholds
    ]
    if judged:
        parts += ["#### Thresholds, by the median", table((*HEAD[:2], *THRESHOLDS), judged)]
    for found in report.comparisons:
        rows = [(row.path, change_text(row.change), _shown_text(row)) for row in found.rows if row.change is not None]
        parts += [f"#### {escaped(_compared_text(found))}", table(("figure", "change", "difference"), rows)]
    parts.append("\n".join(f"- {escaped(fact)}" for fact in [*_head(report), *_notes(report)]))
    return joined(parts)


def _head(report: BenchReport) -> Iterator[str]:
    yield f"midaz-seed {report.version}  bench {report.bench_id}  scenario {report.scenario}"
    yield f"target {report.target} (Midaz {report.server_version})"
    times = f"{counted(report.repetitions, 'repetition')}, warm-up {report.warm_up_s:g} s"
    sized = f"{report.duration_s:g} s of movements in a run" if report.duration_s else "movements as the case has"
    yield f"{times}, {sized}; median (lowest to highest)"


def _rows(report: BenchReport, *, ranges: bool = True) -> Iterator[Sequence[str]]:
    """Generate the rows of the table; `ranges`: with the lowest and the highest value beside the median."""

    def cell(figure: Spread, digits: int) -> str:
        return _spread(figure, digits) if ranges else f"{figure.median:,.{digits}f}"

    for result in report.results:
        for phase in result.phases:
            if phase.name not in SHOWN:
                continue
            moves = phase.movements_per_s
            yield (
                result.case or "-",
                result.variant or "-",
                phase.name.replace("_", " "),
                cell(phase.transactions_per_s, 0),
                cell(moves, 0) if moves.max else "-",
                cell(phase.latency_ms_p50, 1),
                cell(phase.latency_ms_p99, 1),
                str(result.repetitions),
            )


def _spread(figure: Spread, digits: int) -> str:
    middle = f"{figure.median:,.{digits}f}"
    if figure.min == figure.max:
        return middle
    return f"{middle} ({figure.min:,.{digits}f} to {figure.max:,.{digits}f})"


def _compared(report: BenchReport) -> Iterator[str]:
    """Describe each variant in comparison with the first one."""
    for found in report.comparisons:
        yield f"{_compared_text(found)}:"
        for row in found.rows:
            if row.change is not None:
                yield f"  {row.path}: {change_text(row.change)}, {_shown_text(row)}"


def _compared_text(found: VariantComparison) -> str:
    name, repetitions = name_of(found.case, found.variant), counted(found.repetitions, "repetition")
    return f"{name} against {found.base}, {repetitions}"


def _shown_text(row: Row) -> str:
    return _TONES.get(result_text(row), result_text(row))


def phase_texts(result: BenchResult) -> Iterator[str]:
    """Describe the figures of a case with a variant: a line for each phase."""
    for phase in result.phases:
        if phase.name in SHOWN:
            moves = f", {_spread(phase.movements_per_s, 0)} movements/s" if phase.movements_per_s.max else ""
            yield (
                f"{phase.name.replace('_', ' ')}: {_spread(phase.transactions_per_s, 0)} transactions/s{moves}, "
                f"p50 {_spread(phase.latency_ms_p50, 1)} ms, p99 {_spread(phase.latency_ms_p99, 1)} ms"
            )


def _judged(report: BenchReport) -> Iterator[str]:
    """Describe each threshold of each case with each variant."""
    for result in report.results:
        for each in result.thresholds:
            yield f"threshold {each.state}: {name_of(result.case, result.variant)}: {outcome_text(each)}"


def _notes(report: BenchReport) -> Iterator[str]:
    """Describe what could not be run, and how much was done."""
    for skipped in report.skipped:
        yield f"not run: {name_of(skipped.case, skipped.variant)}: {skipped.reason}"
    warm_ups = sum(not run.repetition for run in report.runs)
    counted_runs = len(report.runs) - warm_ups
    balances = sum(run.balances_checked for run in report.runs)
    yield (
        f"{counted(counted_runs, 'counted run')} and {counted(warm_ups, 'warm-up run')} in {report.elapsed_s:,.1f} s, "
        f"{counted(balances, 'balance')} compared"
    )
