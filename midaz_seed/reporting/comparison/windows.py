"""The noise of a report's figures: what each window of its time series adds to them.

Of a phase the first and the last window are left out, because they are partial, and so are those that it shares with
other phases. A window in which nothing was answered, as in a stall, counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from math import log, sqrt
from statistics import fmean

from midaz_seed.model.histogram import Histogram, coarse_bucket, coarse_bucket_max_us
from midaz_seed.model.thresholds import OPEN_LOOP, STEADY
from midaz_seed.plan.items import MONEY, Phase
from midaz_seed.reporting.comparison.statistics import WINDOWS_MIN
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.time_series import PhaseWindow, TimeSeries, Window, from_report

OWN_SHARE_MIN = 0.9
"""Share of the requests of a window that must be the phase's, so that the window shows the phase alone."""
OUTSIDE_MIN = 20
"""Fewest answers on each side of a percentile from which its noise is estimated."""
_EVERYTHING = "*"
"""All phases: the latencies of a whole run include reads, its movements per second do not."""
PERCENTS = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p999": 99.9}


class RunWindows:
    """The windows of one report."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._series: TimeSeries = from_report(report.time_series)
        self._complete: dict[str, list[PhaseWindow]] = {}

    def noise(self, group: str, name: str) -> tuple[float, ...]:
        """Return the noise of a measure (`statistics.Figure.noise`); empty for one that windows do not show.

        Args:
            group: as of a threshold: a phase, `steady`, or "" for the whole run.
            name: the measure, without the group.
        """
        if name == "failed_attempts_percent":
            return self._failed_attempts()
        if group == OPEN_LOOP:
            return ()
        if not group and name.startswith("latency_ms_"):
            group = _EVERYTHING
        rows = self._rows(group)
        if len(rows) < WINDOWS_MIN:
            return ()
        if name == "movements_per_s":
            return _of_counts([row.movements for row in rows])
        if name in ("rate_per_s", "transactions_per_s"):
            return _of_counts([row.created for row in rows])
        percent = PERCENTS.get(name.removeprefix("latency_ms_"))
        return () if percent is None else self._of_percentile(group, percent, rows)

    def _rows(self, group: str) -> list[PhaseWindow]:
        if group not in self._complete:
            self._complete[group] = [_together(window, _phases(group)) for window in self._windows(group)]
        return self._complete[group]

    def _windows(self, group: str) -> Sequence[Window]:
        """Return the complete windows of a group."""
        windows, interval_s = self._series.windows, self._series.interval_s
        if group == STEADY and self._report.steady is not None:
            steady = self._report.steady
            return [
                window
                for index, window in enumerate(windows)
                if steady.from_s <= index * interval_s and (index + 1) * interval_s <= steady.to_s
            ]
        phases = _phases(group)
        active = [index for index, window in enumerate(windows) if _together(window, phases).requests]
        if len(active) < 3:
            return []
        inside = windows[active[0] + 1 : active[-1]]
        own = [window for window in inside if _is_own(window, phases)]
        return own if 2 * len(own) >= len(inside) else inside

    def _of_percentile(self, group: str, percent: float, rows: Sequence[PhaseWindow]) -> tuple[float, ...]:
        """Return the noise of a percentile: the share of answers above it in each window, as a change of latency.

        The share becomes a latency by the slope of the exact distribution (Woodruff, Journal of the American
        Statistical Association 47, 1952).
        """
        whole, share = self._histogram(group), percent / 100
        answers = [sum(row.latency.values()) for row in rows]
        if whole.count * min(share, 1 - share) < OUTSIDE_MIN or not sum(answers):
            return ()
        step = min(2 * sqrt(share * (1 - share) / whole.count), (1 - share) / 2, share / 2)
        low, high = (whole.percentile(100 * each) for each in (share - step, share + step))
        slope = log(max(high, 1) / max(low, 1)) / (2 * step)  # change of the logarithm by share
        limit_us, mean = whole.percentile(percent), fmean(answers)
        above = [_count_above(row.latency, limit_us) for row in rows]
        expected = sum(above) / sum(answers)
        return tuple(slope * (each - expected * count) / mean for each, count in zip(above, answers, strict=True))

    def _histogram(self, group: str) -> Histogram:
        names = {phase.value for phase in _phases(group)}
        whole = Histogram()
        for found in self._report.latency_histograms:
            if found.phase in names:
                whole.merge(Histogram.from_sparse_counts(found.counts, total_us=found.total_us, max_us=found.max_us))
        return whole

    def _failed_attempts(self) -> tuple[float, ...]:
        """Return by how much each window changes the share of failed attempts, in percent (ratio estimator)."""
        windows = self._series.windows[1:-1]
        requests = [_together(window, Phase).requests for window in windows]
        if len(windows) < WINDOWS_MIN or not sum(requests):
            return ()
        failed = [sum(window.errors.values()) for window in windows]
        share, mean = sum(failed) / sum(requests), fmean(requests)
        return tuple(100 * (each - share * count) / mean for each, count in zip(failed, requests, strict=True))


def _phases(group: str) -> Sequence[Phase]:
    if group == _EVERYTHING:
        return tuple(Phase)
    return MONEY if group in ("", STEADY) else (Phase(group),)


def _together(window: Window, phases: Iterable[Phase]) -> PhaseWindow:
    return reduce(_added, (window.phases[phase] for phase in phases if phase in window.phases), PhaseWindow())


def _added(total: PhaseWindow, part: PhaseWindow) -> PhaseWindow:
    total.add(part)
    total.ledgers += part.ledgers
    return total


def _is_own(window: Window, phases: Sequence[Phase]) -> bool:
    """Return whether a window shows these phases alone; a gap in which no ledger was in them is none of theirs."""
    own = _together(window, phases)
    return (own.requests > 0 or own.ledgers > 0) and own.requests >= OWN_SHARE_MIN * _together(window, Phase).requests


def _of_counts(counts: Sequence[int]) -> tuple[float, ...]:
    mean = fmean(counts)
    return tuple(count / mean - 1 for count in counts) if mean else ()


def _count_above(latency: Mapping[int, int], limit_us: int) -> float:
    """Return how many answers took longer than a limit; the limit's own bucket is divided evenly."""
    own = coarse_bucket(limit_us)
    begin_us, end_us = (coarse_bucket_max_us(own - 1) if own else -1), coarse_bucket_max_us(own)
    part = (end_us - limit_us) / (end_us - begin_us)
    return sum(count for bucket, count in latency.items() if bucket > own) + part * latency.get(own, 0)
