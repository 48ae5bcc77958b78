"""Check that what a report has for its charts can be drawn: a damaged or foreign file can have the right types only."""

from collections.abc import Iterable, Iterator
from typing import Any

from midaz_seed.model.histogram import Histogram, coarse_bucket
from midaz_seed.model.outcomes import ErrorClass
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.time_series import INTERVAL_S, PhaseSeries, TimeSeriesReport

NUMBER_MAX = 2**53
"""Larger numbers are no counts or times of a run, and JavaScript cannot hold each of them exactly."""
CHARTED = ("time_series", "latency_histograms", "throughput")
"""The parts of a report that its charts are made of."""
_BUCKET_MAX = coarse_bucket(NUMBER_MAX)


def check_numbers(document: dict[str, Any]) -> None:
    """Check the size of every number for the charts.

    Args:
        document: the JSON object of a report.

    Raises:
        ValueError: one is too large.
    """
    for name in CHARTED:
        if any(abs(number) > NUMBER_MAX for number in _numbers(document.get(name))):
            raise ValueError(f"{name} has a number above {NUMBER_MAX:,}")


def check_time_series(series: TimeSeriesReport) -> None:
    """Check that every column has one value for each window.

    Raises:
        ValueError: one has not, or the interval, a phase, an error class or a bucket is impossible.
    """
    if not series.interval_s >= INTERVAL_S:
        raise ValueError(f"time_series.interval_s is below {INTERVAL_S:g}")
    columns = [series.in_flight, series.breaker_open_s, series.cpu_s, *(error.counts for error in series.errors)]
    if any(len(column) != series.windows for column in columns):
        raise ValueError("time_series has columns that do not fit its number of windows")
    for error in series.errors:
        if error.error not in list(ErrorClass):
            raise ValueError(f"time_series has the unknown error class {error.error!r}")
    for phase in series.phases:
        _check_phase(phase, series.windows)


def check_histogram(counts: tuple[int, ...]) -> None:
    """Check the counts of a histogram. Raises ValueError."""
    Histogram.from_sparse_counts(counts, total_us=0, max_us=0)


def _check_phase(phase: PhaseSeries, windows: int) -> None:
    if phase.phase not in list(Phase):
        raise ValueError(f"time_series has the unknown phase {phase.phase!r}")
    columns = (phase.movements, phase.requests, phase.ledgers, phase.latency)
    length = len(phase.created)
    if any(len(column) != length for column in columns) or not 0 <= phase.first <= windows - length:
        raise ValueError(f"time_series has columns of {phase.phase} that do not fit its number of windows")
    for row in phase.latency:
        if len(row) % 2 or any(not 0 <= bucket <= _BUCKET_MAX for bucket in row[::2]) or min(row[1::2], default=0) < 0:
            raise ValueError(f"time_series has latencies of {phase.phase} that are no pairs of bucket and count")


def _numbers(value: Any) -> Iterator[float]:
    """Yield every number in a JSON value."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, int | float):
            yield found
        elif isinstance(found, list | dict):
            waiting += _members(found)


def _members(found: list[Any] | dict[str, Any]) -> Iterable[Any]:
    return found.values() if isinstance(found, dict) else found
