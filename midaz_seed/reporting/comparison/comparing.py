"""Compare the reports of two sides, figure by figure.

`comparison.compare` is what `midaz-seed compare` does. `compare_reports` returns the rows alone, for whatever groups
runs by itself, such as the variants and cases of a benchmark.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, log
from statistics import fmean

from midaz_seed.model.thresholds import MONEY_PHASES, OPEN_LOOP, STEADY, Measure, Unit, measures_of
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.comparison.statistics import LEVEL, WINDOWS_MIN, Effect, Figure, compare_figures
from midaz_seed.reporting.comparison.windows import PERCENTS, RunWindows
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.thresholds import value_of

_OF_RUN = ("movements_per_s", "elapsed_s", "settlement_s", "error_percent", "failed_attempts_percent")
_OF_MONEY = ("movements_per_s", "movements_settled_per_s", "drain_s")
_OF_ENTITIES = ("rate_per_s",)
_OF_STEADY = ("movements_per_s", "transactions_per_s")
_OF_OPEN_LOOP = ("accepted", "dropped", "late_ms_p99")
_LATENCIES = ("latency_ms_p50", "latency_ms_p95", "latency_ms_p99", "latency_ms_p999")
_SHARE = 1 - LEVEL
ONE_VALUE, ZERO = "one value for each run", "a value is 0"
"""Reasons of measures whose noise a single run cannot show."""


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of both sides.

    Attributes:
        case: of a benchmark; "" without cases.
        group: as of a threshold: "" for the whole run, a phase, `steady` or `open_loop`.
        measure: its name without the group.
        unit: `s`, `ms`, `%`, `/s`, `MB`, or "" for counts.
        a: the value before; of several runs the mean (of ratios the geometric one). None when nothing was measured.
        b: the same after.
        change: from A to B, with its confidence interval; None where `reason` says why there is none.
        reason: why there is no interval.
        is_better_high: whether more is better; None where neither is.
        is_primary: whether the verdict is about it.
        is_shown: whether a difference is shown. Of the rows that are not primary, Holm's correction decides.
    """

    case: str
    group: str
    measure: str
    unit: str
    a: float | None
    b: float | None
    change: Effect | None
    reason: str
    is_better_high: bool | None
    is_primary: bool = False
    is_shown: bool = False

    @property
    def path(self) -> str:
        """Its name as a threshold has it: `transfers.movements_per_s`."""
        return f"{self.group}.{self.measure}" if self.group else self.measure

    @property
    def tone(self) -> str:
        """`better` or `worse` for B, where a difference is shown; otherwise ""."""
        if not self.is_shown or self.change is None or self.is_better_high is None:
            return ""
        return "better" if (self.change.change > self.change.neutral) == self.is_better_high else "worse"


class Side:
    """The runs of one side."""

    def __init__(self, reports: Sequence[Report]) -> None:
        self.reports = tuple(reports)
        self._windows = [RunWindows(report) for report in reports]

    def figures(self, group: str, measure: Measure) -> list[Figure] | None:
        """Return a measure of each run; None unless each run has a value."""
        values = [value_of(report, group, measure) for report in self.reports]
        if len(values) > 1:  # the unit is the run
            return None if None in values else [Figure(value) for value in values if value is not None]
        noises = [windows.noise(group, measure.name) for windows in self._windows]
        return [Figure(value, noise) for value, noise in zip(values, noises, strict=True) if value is not None] or None


def compare_measure(a: Side, b: Side, group: str, measure: Measure, *, case: str = "", paired: bool = False) -> Row:
    """Return the row of one measure of a group."""
    before, after = a.figures(group, measure), b.figures(group, measure)
    every = [figure.value for figure in (*(before or ()), *(after or ()))]
    is_ratio = measure.unit not in (Unit.PERCENT, Unit.COUNT)
    change, reason = None, "not measured in every run"
    if before and after:
        change = compare_figures(before, after, is_ratio=is_ratio, paired=paired)
        reason = "" if change else _reason(measure, is_zero=is_ratio and min(every) <= 0)
    return Row(
        case=case,
        group=group,
        measure=measure.name,
        unit=measure.unit.sign,
        a=_mean(before, is_ratio),
        b=_mean(after, is_ratio),
        change=change,
        reason=reason,
        is_better_high=_is_better_high(measure),
    )


def compare_reports(
    a: Sequence[Report], b: Sequence[Report], *, case: str = "", paired: bool = False
) -> tuple[Row, ...]:
    """Return the rows of two sides, of which the first is the primary one; it does not check that they are comparable.

    Args:
        a: reports of the runs before, at least one.
        b: those after.
        case: of a benchmark, for the rows.
        paired: the n-th run of both sides belong together.
    """
    before, after = Side(a), Side(b)
    names = list(dict.fromkeys([_primary(before.reports[0]), *_names((*a, *b))]))
    rows = [
        compare_measure(before, after, group, measures_of(group)[name], case=case, paired=paired)
        for group, name in names
    ]
    return _judged([row for row in rows if row.a is not None or row.b is not None])


def _primary(report: Report) -> tuple[str, str]:
    """Return the measure that the verdict is about: throughput, or in the open model, which fixes it, latency."""
    phases = [phase for phase in report.phases if phase.created]
    money = [phase for phase in phases if phase.name in MONEY_PHASES]
    chosen = max(money or phases, key=lambda phase: phase.requests, default=None)
    if chosen is None:
        return "", "requests_per_s"
    if report.open_loop is not None:
        return chosen.name, "latency_ms_p99"
    return chosen.name, "movements_per_s" if money else "rate_per_s"


def _names(reports: Sequence[Report]) -> Iterator[tuple[str, str]]:
    """Return the measures that are compared, as group and name."""
    used = {phase.name for report in reports for phase in report.phases if phase.requests}
    yield from (("", name) for name in _OF_RUN)
    for phase in Phase:
        if phase.value in used and phase is not Phase.SETTLEMENT:
            speeds = _OF_MONEY if phase.value in MONEY_PHASES else _OF_ENTITIES
            yield from ((phase.value, name) for name in (*speeds, *_LATENCIES) if name in measures_of(phase.value))
    yield from ((STEADY, name) for name in (*_OF_STEADY, *_LATENCIES) if name in measures_of(STEADY))
    yield from ((OPEN_LOOP, name) for name in _OF_OPEN_LOOP)


def _judged(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Mark the primary row, which is tested by itself, and the rows in which a difference is shown."""
    shown = shown_after_correction(dict(enumerate(rows[1:], start=1)))
    if rows and rows[0].change is not None and rows[0].change.is_shown:
        shown.add(0)
    return tuple(replace(row, is_primary=not index, is_shown=index in shown) for index, row in enumerate(rows))


def shown_after_correction(rows: Mapping[int, Row]) -> set[int]:
    """Return the indexes of the rows in which a difference is shown.

    They are many, so that some differ by chance: Holm's correction (Scandinavian Journal of Statistics 6, 1979) keeps
    the chance of any of these at 5 %.

    Args:
        rows: by index.
    """
    ranked = sorted((row.change.p_value, index) for index, row in rows.items() if row.change)
    shown = set()
    for rank, (p_value, index) in enumerate(ranked):
        if p_value > _SHARE / (len(ranked) - rank):
            break
        shown.add(index)
    return shown


def _mean(figures: Sequence[Figure] | None, is_ratio: bool) -> float | None:
    if not figures:
        return None
    values = [figure.value for figure in figures]
    if len(values) == 1:
        return values[0]
    return exp(fmean(map(log, values))) if is_ratio and min(values) > 0 else fmean(values)


def _reason(measure: Measure, *, is_zero: bool) -> str:
    if is_zero:
        return ZERO
    if measure.name.removeprefix("latency_ms_") in PERCENTS:
        return f"fewer than {WINDOWS_MIN} complete windows, or too few answers"
    if measure.name in ("movements_per_s", "rate_per_s", "transactions_per_s", "failed_attempts_percent"):
        return f"fewer than {WINDOWS_MIN} complete windows"
    return ONE_VALUE


def _is_better_high(measure: Measure) -> bool | None:
    if measure.unit is Unit.COUNT:
        return False if measure.name in ("failed", "skipped", "dropped", "abandoned", "retries") else None
    return measure.unit is Unit.PER_SECOND or measure.name == "plan_done_percent"
