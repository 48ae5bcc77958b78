"""Thresholds of a comparison, such as `transfers.movements_per_s < 0.95x`: the limit is a multiple of A's value."""

from dataclasses import dataclass
from enum import StrEnum
from math import inf

from midaz_seed.model.thresholds import Threshold
from midaz_seed.reporting.comparison.comparing import ONE_VALUE, ZERO, Row
from midaz_seed.reporting.thresholds import NOT_MEASURED


class GateState(StrEnum):
    """What became of a threshold."""

    PASSED = "passed"
    """Its expression is false."""
    FAILED = "failed"
    """Its expression is true, and not by chance; or its measure has no value."""
    UNDECIDED = "undecided"
    """Its expression is true, but the noise explains that."""


@dataclass(frozen=True, slots=True)
class Gate:
    """A threshold of the comparison."""

    expression: str
    is_relative: bool
    """Whether the limit is a multiple of A's value."""
    state: GateState
    value: float | None
    """B / A where the unit of the limit is `x`, otherwise the value of B. None when nothing was measured."""
    low: float | None
    """Lower end of the confidence interval of B / A; None without one."""
    high: float | None
    reason: str = ""
    """Why it is undecided, or failed without a confidence interval."""
    case: str = ""
    """Of a benchmark; "" without cases."""


def judge(threshold: Threshold, row: Row) -> Gate:
    """Return the state of a threshold.

    Args:
        threshold: with or without the unit `x`.
        row: that of its measure.
    """
    value = _ratio(row) if threshold.is_relative else row.b
    change = row.change if threshold.is_relative else None
    low, high = (change.low, change.high) if change is not None and change.is_ratio else (None, None)

    def gate(state: GateState, reason: str = "") -> Gate:
        return Gate(threshold.expression, threshold.is_relative, state, value, low, high, reason, row.case)

    if value is None:
        return gate(GateState.FAILED, NOT_MEASURED)
    if not threshold.is_exceeded(value):
        return gate(GateState.PASSED)
    if not threshold.is_relative:
        return gate(GateState.FAILED)
    if change is None and row.reason not in (ONE_VALUE, ZERO):
        return gate(GateState.UNDECIDED, row.reason)
    if change is None:
        reason = f"judged without confidence: {row.reason}"
        return gate(GateState.FAILED, reason)
    if _is_by_chance(threshold, row):
        reason = "the noise explains it; longer runs, or several on each side, can decide"
        return gate(GateState.UNDECIDED, reason)
    return gate(GateState.FAILED)


def _is_by_chance(threshold: Threshold, row: Row) -> bool:
    """Return whether the confidence interval includes what would be acceptable without a doubt.

    That is "no change", where the expression is false for it: a limit of 0.95x fails when a decrease is shown whose
    best estimate is 5 % or more. A limit that demands an improvement (`< 1.1x`) is compared with the interval itself.
    """
    change = row.change
    assert change is not None
    if not change.is_ratio:
        return not change.is_shown
    acceptable = threshold.limit if threshold.is_exceeded(1.0) else 1.0
    return change.high >= acceptable if threshold.operator in ("<", "<=") else change.low <= acceptable


def _ratio(row: Row) -> float | None:
    if row.a is None or row.b is None:
        return None
    if row.a == 0:
        return 1.0 if row.b == 0 else inf
    return row.b / row.a
