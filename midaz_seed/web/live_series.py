"""The time series of a live page: its changed windows are read from the run, and it is short enough to draw often."""

import sys
from dataclasses import dataclass

from midaz_seed.model.json_types import JsonObject
from midaz_seed.pages.chart_data import chart_model
from midaz_seed.reporting.time_series import Timeline, TimeSeries, Window, as_report

WINDOWS_MAX = 240
"""Most windows that are drawn; then each two become one."""
WINDOWS_PER_STEP = 100
"""Charts take 0.07 ms a window, so those with n windows are made again for 1 + n / WINDOWS_PER_STEP new ones."""


@dataclass(frozen=True, slots=True)
class NewWindows:
    """The windows of a run from `first` on, in place of those that were known."""

    first: int
    interval_s: float
    windows: list[Window]


class SeriesTail:
    """Finds the windows of a run that have changed since the last call: of each process those from its last one on."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._interval_s = 0.0
        self._known: dict[int, tuple[int, Window]] = {}
        """Identity of a series -> its number of windows, and a copy of the last one."""

    def changes(self) -> NewWindows:
        """Return the windows that may have changed; none of them need have."""
        every = (self._timeline.own, *self._timeline.shards)
        interval_s = max(series.interval_s for series in every)
        end = self._timeline_end(interval_s)
        first = min((self._first_changed(series, interval_s) for series in every), default=0)
        first = min(first, end) if interval_s == self._interval_s else 0
        self._interval_s = interval_s
        self._known = {id(series): (len(series.windows), _copy_of_last(series)) for series in every}
        return NewWindows(first, interval_s, self._timeline.whole(first).windows)

    def _timeline_end(self, interval_s: float) -> int:
        every = (self._timeline.own, *self._timeline.shards)
        return max(-(-len(series.windows) // round(interval_s / series.interval_s)) for series in every)

    def _first_changed(self, series: TimeSeries, interval_s: float) -> int:
        """Return the first window of `interval_s` in which a series has changed; a large number for none."""
        length, last = self._known.get(id(series), (0, Window()))
        if len(series.windows) == length and (not length or series.windows[-1] == last):
            return sys.maxsize
        return max(length - 1, 0) // round(interval_s / series.interval_s)


def _copy_of_last(series: TimeSeries) -> Window:
    copy = Window()
    for window in series.windows[-1:]:
        copy.merge(window)
    return copy


class LiveSeries:
    """The series of a run in a page: all windows, and at most WINDOWS_MAX that are drawn."""

    def __init__(self) -> None:
        self._all = TimeSeries()
        self._drawn = TimeSeries()
        self._made = 0
        """Number of windows in the latest charts."""

    def replace(self, new: NewWindows) -> bool:
        """Replace the windows that have changed. Return whether there are enough new ones to make the charts again."""
        if new.interval_s != self._all.interval_s:
            self._all = TimeSeries(new.interval_s)
            self._drawn = TimeSeries(max(new.interval_s, self._drawn.interval_s))
        self._all.replace_from(new.first, new.windows, new.interval_s)
        ratio = round(self._drawn.interval_s / self._all.interval_s)
        first = new.first // ratio
        tail = TimeSeries(self._drawn.interval_s)
        tail.merge(TimeSeries(self._all.interval_s, self._all.windows[first * ratio :]))
        self._drawn.replace_from(first, tail.windows, tail.interval_s)
        while len(self._drawn.windows) > WINDOWS_MAX:
            self._drawn.coarsen()
        count = len(self._drawn.windows)
        return count < self._made or count - self._made > self._made // WINDOWS_PER_STEP

    def charts(self, elapsed_s: float) -> JsonObject:
        """Return the charts of the run so far, as `pages.chart_data` describes them."""
        self._made = len(self._drawn.windows)
        return chart_model(as_report(self._drawn), elapsed_s=elapsed_s)
