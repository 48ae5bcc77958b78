"""How figures and their changes are written."""

from midaz_seed.reporting.comparison.comparing import Row
from midaz_seed.reporting.comparison.statistics import LEVEL, Effect

POINTS = " pp"
"""Percentage points."""


def value_text(value: float | None, unit: str) -> str:
    """Return a figure with three digits and its unit; "-" for none."""
    if value is None:
        return "-"
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
    separator = "" if unit in ("", "/s") else " "
    return f"{value:,.{digits}f}{separator}{unit}"


def change_text(change: Effect) -> str:
    """Return a change with its confidence interval: `0.902x (95 %: 0.871x to 0.934x)`."""
    return f"{point_text(change.change, change)} ({100 * LEVEL:.0f} %: {interval_text(change)})"


def interval_text(change: Effect) -> str:
    """Return the confidence interval of a change: `0.871x to 0.934x`, or `-0.10 to +0.40 pp`."""
    low = point_text(change.low, change)
    return f"{low.removesuffix(POINTS)} to {point_text(change.high, change)}"


def point_text(value: float, change: Effect) -> str:
    """Return a value of a change: a ratio as 0.902x, a difference of shares as +0.40 pp."""
    if change.is_ratio:
        return f"{value:.3f}x" if value < 100 else f"{value:,.0f}x"
    return f"{value:+.2f}{POINTS}"


def percent_text(detectable: float) -> str:
    """Return a decrease to this share in percent: 0.93 is `7.0 %`."""
    return f"{100 * (1 - detectable):.1f} %"


def ratio_text(row: Row) -> str:
    """Return B / A of a row without confidence; "-" for none."""
    return f"{row.b / row.a:.3f}x" if row.a and row.b is not None else "same" if row.a == row.b == 0 else "-"


def result_text(row: Row) -> str:
    """Return what a row shows: `worse`, `better`, `different`, `not shown`, or `-` without confidence."""
    if row.change is None:
        return "-"
    if not row.is_shown:
        return "not shown"
    return row.tone or "different"
