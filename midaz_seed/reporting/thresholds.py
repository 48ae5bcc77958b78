"""Evaluate the thresholds of a run with the figures of its report."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from midaz_seed.errors import ExitCode
from midaz_seed.model.histogram import Histogram
from midaz_seed.model.thresholds import (
    OPEN_LOOP,
    STEADY,
    Measure,
    Threshold,
    needs_run,
    parse_threshold,
    plan_thresholds,
)
from midaz_seed.plan.items import MONEY, Phase
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.report_figures import Latency, PhaseReport, ThroughputReport
from midaz_seed.reporting.report_findings import ThresholdReport, ThresholdState
from midaz_seed.settings.model import Settings
from midaz_seed.wording import counted

NOT_MEASURED = "nothing was measured"
_BUT = " But "
"""Between the verdict on a run and that on its thresholds."""


def thresholds_of(settings: Settings, movements: int) -> tuple[Threshold, ...]:
    """Return the thresholds of a run in the order in which they are given; those of the preset come first.

    Args:
        settings: those of the run.
        movements: in its plan.
    """
    given = settings.thresholds
    preset = plan_thresholds(movements) if given.preset else ()
    return (*preset, *(parse_threshold(text) for text in given.fail_if))


def apply_thresholds(report: Report, thresholds: Sequence[Threshold], *, next_step: str = "") -> Report:
    """Return a report with its thresholds. A threshold that failed changes exit code and verdict of a run that is fine.

    Args:
        report: without thresholds.
        thresholds: of the run.
        next_step: how to measure again, for a report that has no next step.
    """
    if not thresholds:
        return report
    judged = tuple(_judge(report, threshold) for threshold in thresholds)
    failed = [each for each in judged if each.state is ThresholdState.FAILED]
    report = replace(report, thresholds=judged)
    if not failed or report.exit_code != ExitCode.DONE:
        return report
    of = f"{len(failed)} of {counted(len(judged), 'threshold')} failed"
    named = "; ".join(outcome_text(each) for each in failed)
    verdict = f"{report.verdict}{_BUT}{of}: {named}."
    return replace(report, exit_code=ExitCode.THRESHOLD, verdict=verdict, next_step=report.next_step or next_step)


def without_thresholds(report: Report) -> Report:
    """Return a report as it is without its thresholds, to merge it with others."""
    if report.exit_code != ExitCode.THRESHOLD:
        return replace(report, thresholds=())
    verdict = report.verdict.rpartition(_BUT)[0]
    return replace(report, exit_code=ExitCode.DONE, verdict=verdict, next_step="", thresholds=())


def outcome_text(threshold: ThresholdReport) -> str:
    """Return what a threshold found, with its condition: `latency_ms_p99 is 212 ms (fails if > 200)`.

    The expression alone reads like the condition of other tools, which must hold; this one must not.
    """
    value = "" if threshold.value is None else value_text(threshold)
    return found_text(threshold.expression, value, threshold.reason)


def found_text(expression: str, value: str, reason: str = "") -> str:
    """Return the value that an expression was compared with, and its condition, as `outcome_text`.

    Args:
        expression: measure, operator and limit, with single spaces.
        value: with its unit; "" when nothing was measured.
        reason: why there is no value, or why it decides nothing; "" otherwise.
    """
    measure, _, condition = expression.partition(" ")
    found = f"{measure} is {value}" if value else f"{measure}: {reason}"
    return f"{found} (fails if {condition}{f'; {reason}' if value and reason else ''})"


def value_text(threshold: ThresholdReport) -> str:
    """Return the value of a threshold with its unit, or "no value". It is rounded, but never to its limit."""
    value, limit = threshold.value, threshold.limit
    if value is None:
        return "no value"
    digits = next((each for each in (0, 1, 2, 3) if _is_clear(value, limit, each)), 6)
    separator = "" if threshold.unit in ("", "/s") else " "
    return f"{value:,.{digits}f}{separator}{threshold.unit}"


def _is_clear(value: float, limit: float, digits: int) -> bool:
    """Return whether a rounded value has three digits or is exact, and is on the same side of the limit."""
    rounded = round(value, digits)
    same_side = (rounded > limit, rounded < limit) == (value > limit, value < limit)
    return same_side and (rounded == value or abs(value) >= 10 ** (2 - digits))


def _judge(report: Report, threshold: Threshold) -> ThresholdReport:
    value = value_of(report, threshold.group, threshold.measure)
    reason = ""
    if value is not None:
        state = ThresholdState.FAILED if threshold.is_exceeded(value) else ThresholdState.PASSED
    else:
        reason = _not_planned(report, threshold)
        state = ThresholdState.NOT_APPLICABLE if reason else ThresholdState.FAILED
        reason = reason or NOT_MEASURED
    return ThresholdReport(
        expression=threshold.expression,
        measure=threshold.measure.name,
        phase=threshold.group,
        operator=threshold.operator,
        limit=threshold.limit,
        unit=threshold.measure.unit.sign,
        value=value,
        state=state,
        reason=reason,
    )


def _not_planned(report: Report, threshold: Threshold) -> str:
    """Return why the run could not have a value for a threshold; "" when it should have one."""
    group, name = threshold.group, threshold.measure.name
    planned = {phase.name for phase in report.phases if phase.planned}
    if not planned and needs_run(group, threshold.measure):
        return "a verification creates nothing"
    if group == OPEN_LOOP:
        return "the run did not use the open model" if report.open_loop is None else ""
    if group == Phase.VERIFY:
        return "" if _verifies(report) else "the verification is off"
    if group == Phase.SETTLEMENT or name == "settlement_s":
        return "" if Phase.DEPOSITS in planned else "the plan has no deposits"
    if group and group != STEADY:
        return "" if group in planned else f"the plan has no {group.replace('_', ' ')}"
    if group == STEADY or name in ("movements_per_s", "drain_s"):
        return "" if planned & set(MONEY) else "the plan moves no money"
    return ""


def _verifies(report: Report) -> bool:
    section = report.settings.get("verification")
    return not isinstance(section, dict) or bool(section.get("enabled", True))


def value_of(report: Report, group: str, measure: Measure) -> float | None:
    """Return the value of a measure in its unit; None when nothing was measured.

    Args:
        report: of a run, or of a verification.
        group: "" for the whole run, else a phase, `steady` or `open_loop`.
        measure: one of `model.thresholds.measures_of(group)`.
    """
    name = measure.name
    if needs_run(group, measure) and not any(phase.planned for phase in report.phases):
        return None
    if not group:
        return _of_run(report, name)
    if group == STEADY:
        return _of_steady(report, name)
    if group == OPEN_LOOP:
        slots = report.open_loop
        return None if slots is None else slots.late_ms.p99 if name == "late_ms_p99" else float(getattr(slots, name))
    phase = next((phase for phase in report.phases if phase.name == group), None)
    return None if phase is None else _of_phase(report, phase, name)


def _failed_attempts_percent(report: Report) -> float | None:
    attempts = sum(phase.requests for phase in report.phases)
    return 100 * sum(error.count for error in report.errors) / attempts if attempts else None


_OF_RUN: Mapping[str, Callable[[Report], float | None]] = {
    "error_percent": lambda report: report.error_rate_percent,
    "failed": lambda report: _total(phase.failed for phase in report.phases),
    "skipped": lambda report: _total(phase.skipped for phase in report.phases),
    "failed_attempts_percent": _failed_attempts_percent,
    "retries": lambda report: _total(phase.retries for phase in report.phases),
    "movements_per_s": lambda report: report.movements_per_s if report.movements else None,
    "settlement_s": lambda report: report.settlement.waited_s_max if report.settlement.ledgers else None,
    "drain_s": lambda report: max(
        (each.drain_s for each in report.throughput if each.drain_s is not None), default=None
    ),
    "rate_rejected": lambda report: report.rate_limit.rejected if report.rate_limit else 0,
}
"""The measures of a run that are not a field of the report of the same name."""


def _total(counts: Iterable[int]) -> float:
    return float(sum(counts))


def _of_run(report: Report, name: str) -> float | None:
    if name.startswith("latency_ms_"):
        return _latency(report, name, None)
    value: Any = _OF_RUN[name](report) if name in _OF_RUN else getattr(report, name)
    return None if value is None else float(value)


def _of_steady(report: Report, name: str) -> float | None:
    steady = report.steady
    if steady is None:
        return None
    if name.startswith("latency_ms_"):
        return _quantile(steady.latency_ms, name) if steady.transactions else None
    return float(getattr(steady, name))


def _of_phase(report: Report, phase: PhaseReport, name: str) -> float | None:
    if name.startswith("latency_ms_"):
        return _latency(report, name, phase.name)
    if name == "error_percent":
        return 100 * phase.failed / phase.planned if phase.planned else None
    if name == "rate_per_s":
        return phase.rate_per_s if phase.created and phase.busy_s else None
    if hasattr(phase, name):
        return float(getattr(phase, name))
    money = next((each for each in report.throughput if each.phase == phase.name), None)
    return None if money is None else _of_money(money, name)


def _of_money(money: ThroughputReport, name: str) -> float | None:
    if name == "movements_per_s":
        return money.movements_accepted_per_s
    return money.drain_s if name == "drain_s" else money.movements_settled_per_s


def _latency(report: Report, name: str, phase: str | None) -> float | None:
    """Return a percentile of one phase, or of all, in milliseconds."""
    whole = Histogram()
    for found in report.latency_histograms:
        if phase in (None, found.phase):
            whole.merge(Histogram.from_sparse_counts(found.counts, total_us=found.total_us, max_us=found.max_us))
    if not whole.count:
        return None
    return whole.mean_us / 1000 if name == "latency_ms_mean" else _quantile_of(whole, name)


_PERCENTS = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p999": 99.9}


def _quantile_of(histogram: Histogram, name: str) -> float:
    which = name.rpartition("_")[2]
    return (histogram.max_us if which == "max" else histogram.percentile(_PERCENTS[which])) / 1000


def _quantile(latency: Latency, name: str) -> float:
    return float(getattr(latency, name.rpartition("_")[2]))
