"""Render a comparison as text and as Markdown."""

from collections.abc import Iterator, Sequence

from midaz_seed.reporting.comparison.comparing import Row
from midaz_seed.reporting.comparison.comparison import ComparedRun, Comparison
from midaz_seed.reporting.comparison.gates import Gate
from midaz_seed.reporting.comparison.statistics import LEVEL
from midaz_seed.reporting.comparison.values import interval_text, point_text, ratio_text, result_text, value_text
from midaz_seed.reporting.outputs.markdown import escaped, table
from midaz_seed.reporting.thresholds import found_text
from midaz_seed.wording import aligned, counted, printable, wrapped

WIDTH = 110
"""Columns, at most."""
RUNS_MAX = 10
"""Runs of a side that are named."""
_INTERVAL = f"{100 * LEVEL:.0f} % interval"
_OF_CASES = "transfers.latency_ms_p99"
"""The row of each case beside that of the verdict."""
_FIGURES = ("A", "B")
_HEAD = ("figure", *_FIGURES, "B / A", _INTERVAL, "difference")


def render_comparison(comparison: Comparison, width: int = WIDTH) -> str:
    """Render a comparison as text that ends with a newline.

    Args:
        comparison: texts of servers and files in it are escaped.
        width: columns; longer lines are wrapped, and a wider table has the ratios alone.
    """
    return "".join(f"{line}\n" for line in wrapped(map(printable, _lines(comparison, width)), width))


def render_markdown_comparison(comparison: Comparison) -> str:
    """Render a comparison as Markdown, for a comment at a pull request. Every text is escaped."""
    parts = [f"### midaz-seed compare: {_headline(comparison)}"]
    parts.append(escaped(" ".join(filter(None, (comparison.verdict, comparison.next_step)))))
    if comparison.thresholds:
        rows = [
            (_named(gate.expression, gate.case), gate.state.value, _gate_value(gate), gate.reason)
            for gate in comparison.thresholds
        ]
        parts.append(table(("fail if", "state", "value", "reason"), rows))
    head, *cells = _table(comparison)
    parts.append(table(head, cells))
    facts = [*_sides(comparison), *_differences(comparison), *comparison.notes]
    parts.append("\n".join(f"- {escaped(fact.strip())}" for fact in facts))
    return "\n\n".join(parts) + "\n"


def _headline(comparison: Comparison) -> str:
    if comparison.exit_code:
        return "threshold failed"
    tones = dict.fromkeys(row.tone for row in comparison.rows if row.is_primary and row.tone)
    return f"B is {' and '.join(tones)}" if tones else "no difference shown"


def _lines(comparison: Comparison, width: int) -> Iterator[str]:
    yield f"midaz-seed {comparison.version}  compare"
    yield from _sides(comparison)
    yield from _differences(comparison)
    yield ""
    rows = [*_table(comparison)]
    yield from _aligned(rows, width)
    left_out = len(comparison.rows) - len(rows) + 1
    if left_out:
        yield f"--json has {counted(left_out, 'more figure')}."
    if comparison.thresholds:
        yield ""
        for gate in comparison.thresholds:
            value = "" if gate.value is None else _gate_value(gate)
            text = found_text(gate.expression, value, gate.reason)
            yield f"threshold {gate.state.value}: {_named(text, gate.case)}"
    yield ""
    yield from comparison.notes
    yield comparison.verdict
    if comparison.next_step:
        yield comparison.next_step


def _sides(comparison: Comparison) -> Iterator[str]:
    for label, runs in (("A", comparison.a), ("B", comparison.b)):
        cases = len({run.case for run in runs})
        if cases > 1:
            count = f"{counted(len(runs), 'run')} of {cases} cases"
            yield f"{label}: {count}, first {runs[0].source} ({_versions(runs[0])})"
            continue
        named = ", ".join(_name(run) for run in runs[:RUNS_MAX])
        more = f" and {len(runs) - RUNS_MAX:,} more" if len(runs) > RUNS_MAX else ""
        count = f"{counted(len(runs), 'run')}: " if len(runs) > 1 else ""
        yield f"{label}: {count}{named}{more} ({_versions(runs[0])})"


def _versions(run: ComparedRun) -> str:
    return f"midaz-seed {run.version}, Midaz {run.server_version}"


def _name(run: ComparedRun) -> str:
    return run.source if run.source == run.run_id else f"{run.source} (run {run.run_id})"


def _differences(comparison: Comparison) -> Iterator[str]:
    for each in comparison.allowed:
        yield f"differs, as --allow permits: {each.name}: {each.a} -> {each.b}"
    for each in comparison.settings:
        yield f"setting {each.name}: {each.a} -> {each.b}"


def _named(text: str, case: str) -> str:
    return f"{case}: {text}" if case else text


def _table(comparison: Comparison) -> Iterator[Sequence[str]]:
    """Generate the head and the rows of the table for people; with cases each has its name."""
    has_cases = any(row.case for row in comparison.rows)
    yield ("case", *_HEAD) if has_cases else _HEAD
    for row in _shown(comparison.rows):
        yield (row.case, *_cells(row)) if has_cases else _cells(row)


def _aligned(rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Generate the lines of a table; without the figures of A and B where it would be too wide."""
    head = rows[0]
    lines = list(aligned(rows, [head.index("figure"), 0, len(head) - 1]))
    if max(map(len, lines)) > width:
        kept = [index for index, name in enumerate(head) if name not in _FIGURES]
        short = [[row[index] for index in kept] for row in rows]
        lines = list(aligned(short, [short[0].index("figure"), 0, len(kept) - 1]))
    yield from lines


def _shown(rows: Sequence[Row]) -> Iterator[Row]:
    """Return the rows of a table for people: those with an interval or of money and of the run, as far as measured. Of
    cases, which are many, those of the verdict, of the latency of transfers, and where a difference is shown.
    """
    for row in rows:
        if row.case:
            if row.is_primary or row.is_shown or row.path == _OF_CASES:
                yield row
            continue
        is_central = row.group in ("", "deposits", "transfers")
        if row.change is not None or (is_central and row.a is not None and row.b is not None):
            yield row


def _cells(row: Row) -> tuple[str, ...]:
    change = row.change
    return (
        row.path,
        value_text(row.a, row.unit),
        value_text(row.b, row.unit),
        point_text(change.change, change) if change else ratio_text(row),
        interval_text(change) if change else "",
        result_text(row),
    )


def _gate_value(gate: Gate) -> str:
    if gate.value is None:
        return "-"
    if not gate.is_relative:
        return f"{gate.value:,.4g}"
    interval = "" if gate.low is None or gate.high is None else f", {gate.low:.3f}x to {gate.high:.3f}x"
    return f"{gate.value:.3f}x{interval}"
