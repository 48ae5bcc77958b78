"""The comparison of two sides as one document, with its verdict, thresholds and exit code."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields
from importlib.metadata import version
from math import log

from midaz_seed.errors import ExitCode
from midaz_seed.model.json_types import JsonObject
from midaz_seed.model.thresholds import Threshold
from midaz_seed.reporting.comparison.comparing import Row, Side, compare_measure, compare_reports
from midaz_seed.reporting.comparison.gates import Gate, GateState, judge
from midaz_seed.reporting.comparison.identity import Dissimilarity, check_comparable, different_settings
from midaz_seed.reporting.comparison.statistics import LEVEL, Effect
from midaz_seed.reporting.comparison.values import change_text, percent_text
from midaz_seed.reporting.json_schema import document_schema
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.text_report import CLIENT_IS_FULL_PERCENT, LOOP_IS_LATE_MS
from midaz_seed.wording import counted, json_document

SCHEMA_VERSION = 1
WANTED = 0.9
"""The change that every comparison should be able to find: a slow-down of 10 %."""
SEVERAL_RUNS = 3
"""Runs on each side that are suggested: fewer say little about how runs differ."""


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """One run of a side."""

    source: str
    """As it was named on the command line."""
    run_id: str
    version: str
    server_version: str
    plan_digest: str
    started_at: str
    elapsed_s: float
    case: str = ""
    """Of a benchmark; "" without cases."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The comparison of the runs of two sides, A before and B after: of one plan, or of each case of a benchmark."""

    schema_version: int
    version: str
    """Of midaz-seed."""
    level: float
    """Confidence level of the intervals."""
    a: tuple[ComparedRun, ...]
    b: tuple[ComparedRun, ...]
    allowed: tuple[Dissimilarity, ...]
    """Facts in which the runs differ, and that `--allow` names."""
    settings: tuple[Dissimilarity, ...]
    """Settings in which the runs differ."""
    notes: tuple[str, ...]
    """What limits the comparison."""
    rows: tuple[Row, ...]
    """Case by case; the first one of each is its primary one."""
    thresholds: tuple[Gate, ...]
    exit_code: int
    """0, or 5 when a threshold failed."""
    verdict: str
    next_step: str
    """How to see more; "" when a difference is shown, or nothing is missing."""

    def as_json(self) -> str:
        """Return it as one JSON document."""
        return json_document({each.name: getattr(self, each.name) for each in fields(self)})


def comparison_schema() -> JsonObject:
    """Return the JSON Schema of what `midaz-seed compare --json` prints."""
    return document_schema(Comparison, "Comparison of runs", version=SCHEMA_VERSION)


@dataclass(frozen=True, slots=True)
class NamedReport:
    """A report and where it was read."""

    source: str
    report: Report


def compare(
    a: Sequence[NamedReport],
    b: Sequence[NamedReport],
    *,
    case: str = "",
    thresholds: Sequence[Threshold] = (),
    allowed: Collection[str] = (),
    paired: bool = False,
    strict: bool = False,
) -> Comparison:
    """Compare the runs of two sides. `cases.compare_cases` compares several groups of runs.

    Args:
        a: the runs before, at least one.
        b: those after.
        case: of a benchmark; "" without cases.
        thresholds: that make the comparison fail.
        allowed: facts in which the runs may differ (`identity.FACTS`).
        paired: the n-th run of both sides belong together.
        strict: a threshold that the noise leaves undecided fails too.

    Raises:
        NotComparableError: the runs differ in facts that are not allowed.
    """
    before, after = ([each.report for each in side] for side in (a, b))
    dissimilarities = check_comparable(before, after, allowed)
    rows = compare_reports(before, after, case=case, paired=paired)
    gates = _judged(thresholds, rows, Side(before), Side(after), paired=paired)
    failed = failing(gates, strict=strict)
    verdict = " ".join([_verdict(rows), *failures(failed, len(gates))])
    return Comparison(
        schema_version=SCHEMA_VERSION,
        version=version("midaz-seed"),
        level=LEVEL,
        a=tuple(_compared(each, case) for each in a),
        b=tuple(_compared(each, case) for each in b),
        allowed=dissimilarities,
        settings=different_settings(before, after),
        notes=tuple(_notes(before, after)),
        rows=rows,
        thresholds=gates,
        exit_code=int(ExitCode.THRESHOLD if failed else ExitCode.DONE),
        verdict=verdict,
        next_step=_next_step(rows),
    )


def _compared(named: NamedReport, case: str) -> ComparedRun:
    report = named.report
    return ComparedRun(
        source=named.source,
        run_id=report.run_id,
        version=report.version,
        server_version=report.server_version,
        plan_digest=report.plan_digest,
        started_at=report.started_at,
        elapsed_s=report.elapsed_s,
        case=case,
    )


def _judged(
    thresholds: Sequence[Threshold], rows: Sequence[Row], a: Side, b: Side, *, paired: bool
) -> tuple[Gate, ...]:
    """Return the states of all thresholds, also of measures that are no row of the table."""
    known = {row.path: row for row in rows}
    found = []
    for threshold in thresholds:
        group, measure = threshold.group, threshold.measure
        path = f"{group}.{measure.name}" if group else measure.name
        row = known.get(path) or compare_measure(a, b, group, measure, case=rows[0].case, paired=paired)
        found.append(judge(threshold, row))
    return tuple(found)


def _verdict(rows: Sequence[Row]) -> str:
    primary = rows[0]
    others = [row for row in rows[1:] if row.is_shown]
    besides = f" Other differences are shown: {', '.join(row.path for row in others)}." if others else ""
    if primary.change is None:
        return f"No difference can be shown: {primary.path} has no confidence interval ({primary.reason}).{besides}"
    text = f"{primary.path} is {change_text(primary.change)} of A's"
    if primary.is_shown:
        return f"B is {primary.tone}: {text}.{besides}"
    least = percent_text(primary.change.detectable)
    return f"No difference can be shown: {text}. A change of {least} would be found nine times out of ten.{besides}"


def failing(gates: Sequence[Gate], *, strict: bool) -> list[Gate]:
    """Return the thresholds that give exit code 5."""
    states = {GateState.FAILED, GateState.UNDECIDED} if strict else {GateState.FAILED}
    return [gate for gate in gates if gate.state in states]


def failures(failed: Sequence[Gate], total: int) -> Iterator[str]:
    """Describe the thresholds that failed, of all of them."""
    if failed:
        names = "; ".join(f"{gate.case}: {gate.expression}" if gate.case else gate.expression for gate in failed)
        yield f"{len(failed)} of {counted(total, 'threshold')} failed: {names}."


def _next_step(rows: Sequence[Row]) -> str:
    primary = rows[0]
    if primary.is_shown:
        return ""
    if primary.change is None:
        return "Compare longer runs (--duration), or several on each side."
    factor = _length_factor(primary.change)
    if factor <= 1:
        return ""
    more = f"runs of about {factor:.0f} times this length" if factor >= 1.5 else "somewhat longer runs"
    unit = f"about {factor:.0f} times as many runs" if primary.change.unit == "runs" else more
    return f"To find a slow-down of 10 %, compare {unit}."


def _length_factor(change: Effect) -> float:
    """Return how much longer runs must be to find WANTED: the error falls with the root of the length."""
    return (log(change.detectable) / log(WANTED)) ** 2 if change.is_ratio and change.detectable > 0 else 0.0


def _notes(a: Sequence[Report], b: Sequence[Report]) -> Iterator[str]:
    if len(a) == len(b) == 1:
        yield (
            "One run on each side: the intervals cover the noise within the runs, not what differs from run to run. "
            f"{SEVERAL_RUNS} or more on each side, alternating, cover both."
        )
    elif min(len(a), len(b)) < SEVERAL_RUNS:
        yield f"Fewer than {SEVERAL_RUNS} runs on a side: the intervals are wide."
    for label, side in (("A", a), ("B", b)):
        if any(report.client_cpu_percent >= CLIENT_IS_FULL_PERCENT for report in side):
            yield f"The client limited the throughput of {label}, not the server: use --shards."
        elif any(report.loop_lag_ms_p99 >= LOOP_IS_LATE_MS for report in side):
            yield f"The client of {label} waited for CPU time, so its latencies are higher than the server's."
        if any(report.plan_done_percent < 100 for report in side):
            yield f"{label} ended before its whole plan was made."
        if any(report.proof is None for report in side):
            yield f"{label} was not verified."
