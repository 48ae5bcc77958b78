"""What happened when: the counts and latencies of a run in windows of a second, or longer ones in a run of hours.

Windows are added up: over the processes of a run, over several reports, and over neighbours when a run gets long.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from midaz_seed.model.outcomes import ErrorClass
from midaz_seed.plan.items import Phase

INTERVAL_S = 1.0
"""Length of a window, until there are WINDOWS_MAX of them."""
WINDOWS_MAX = 3600
"""Most windows of a series; then each two become one, so that the series of an hour is the largest."""


LATENCY_VALUES_MAX = 350_000
"""Most numbers for the latencies of a report. They take four bytes each in JSON; with the other columns the series of
an hour then stays below 2 MB (benchmarks/time_series.py)."""


@dataclass(slots=True)
class PhaseWindow:
    """What happened in one phase in one window."""

    created: int = 0
    """Items that were created."""
    movements: int = 0
    """Movements in the created transactions."""
    requests: int = 0
    """Attempts that were sent, and reads."""
    ledgers: int = 0
    """Ledgers in the phase at the end of the window."""
    latency: dict[int, int] = field(default_factory=dict)
    """Coarse bucket (`model.histogram.coarse_bucket`) -> answers."""

    def add(self, other: "PhaseWindow") -> None:
        """Add what another process did in the same window, except for the ledgers."""
        self.created += other.created
        self.movements += other.movements
        self.requests += other.requests
        for bucket, count in other.latency.items():
            self.latency[bucket] = self.latency.get(bucket, 0) + count


@dataclass(slots=True)
class Window:
    """What happened in one window."""

    phases: dict[Phase, PhaseWindow] = field(default_factory=dict)
    errors: dict[ErrorClass, int] = field(default_factory=dict)
    """Failed attempts by class."""
    in_flight: int = 0
    """Requests in flight at the end of the window."""
    breaker_open_s: float = 0.0
    """Seconds in which the circuit breaker was not closed; of the process in which that was longest."""
    cpu_s: float = 0.0
    """CPU seconds of all processes of the client."""

    def merge(self, other: "Window") -> None:
        """Add the same window of another process, or of another part of the run."""
        self._add_counts(other)
        for phase, theirs in other.phases.items():
            self.phases[phase].ledgers += theirs.ledgers
        self.in_flight += other.in_flight
        self.breaker_open_s = max(self.breaker_open_s, other.breaker_open_s)

    def extend(self, following: "Window") -> None:
        """Add the window that follows this one; what is a state and not a count is the higher of both."""
        self._add_counts(following)
        for phase, theirs in following.phases.items():
            self.phases[phase].ledgers = max(self.phases[phase].ledgers, theirs.ledgers)
        self.in_flight = max(self.in_flight, following.in_flight)
        self.breaker_open_s += following.breaker_open_s

    def _add_counts(self, other: "Window") -> None:
        for phase, theirs in other.phases.items():
            self.phases.setdefault(phase, PhaseWindow()).add(theirs)
        for error, count in other.errors.items():
            self.errors[error] = self.errors.get(error, 0) + count
        self.cpu_s += other.cpu_s


class TimeSeries:
    """The windows of a run from its start on; `windows[n]` begins `n * interval_s` after it."""

    __slots__ = ("interval_s", "windows")

    def __init__(self, interval_s: float = INTERVAL_S, windows: Iterable[Window] = ()) -> None:
        self.interval_s = interval_s
        self.windows = list(windows)

    def add(self, window: Window, at_s: float) -> None:
        """Add what happened around `at_s` seconds after the start of the run, in one process."""
        self._at(int(max(at_s, 0.0) / self.interval_s)).extend(window)
        while len(self.windows) > WINDOWS_MAX:
            self.coarsen()

    def merge(self, other: "TimeSeries") -> None:
        """Merge the series of another process, or of another part of the run, which has the same start.

        The intervals are INTERVAL_S times a power of two; the shorter windows are joined to the longer ones.
        """
        while self.interval_s < other.interval_s:
            self.coarsen()
        ratio = round(self.interval_s / other.interval_s)
        for index in range(0, len(other.windows), ratio):
            joined = Window()
            joined.merge(other.windows[index])
            for following in other.windows[index + 1 : index + ratio]:
                joined.extend(following)
            self._at(index // ratio).merge(joined)

    def replace_from(self, first: int, windows: Sequence[Window], interval_s: float) -> None:
        """Replace the windows from `first` on, which are counted in intervals of `interval_s`."""
        while self.interval_s < interval_s:
            self.coarsen()
        del self.windows[first:]
        missing = first - len(self.windows)
        self.windows += [*(Window() for _ in range(missing)), *windows]

    def coarsen(self) -> None:
        """Join each two neighbours to one window of twice the length."""
        pairs = zip(self.windows[::2], [*self.windows[1::2], Window()], strict=False)
        joined = []
        for first, second in pairs:
            first.extend(second)
            joined.append(first)
        self.windows = joined
        self.interval_s *= 2

    def _at(self, index: int) -> Window:
        while len(self.windows) <= index:
            self.windows.append(Window())
        return self.windows[index]


def _record_nothing() -> None:
    """Record nothing: the series of this process is not recorded."""


@dataclass(slots=True)
class Timeline:
    """The time series of a run while it is carried out: that of this process, and of each shard so far."""

    own: TimeSeries = field(default_factory=TimeSeries)
    shards: list[TimeSeries] = field(default_factory=list)
    """The series of each process of a shard. A shard that was killed and started again has had two."""
    is_owner: bool = False
    """Other processes send the requests of the run now, so that this one counts only its CPU."""
    record_now: Callable[[], None] = _record_nothing
    """Record what this process has counted so far; set by what records its series."""

    def add_shard(self) -> TimeSeries:
        """Return the series for a process of a shard that starts now."""
        if not self.is_owner:
            self.record_now()  # from now on the counters of this process are those of all shards
            self.is_owner = True
        self.shards.append(TimeSeries())
        return self.shards[-1]

    def end_shards(self) -> None:
        """Count again what this process sends: all shards have ended."""
        self.record_now()
        self.is_owner = False

    def whole(self, first: int = 0) -> TimeSeries:
        """Return the series of the run so far, over all processes, from window `first` on."""
        every = (self.own, *self.shards)
        interval_s = max(series.interval_s for series in every)
        found = TimeSeries(interval_s)
        for series in every:
            begin = first * round(interval_s / series.interval_s)
            found.merge(TimeSeries(series.interval_s, series.windows[begin:]))
        return found

    def latest(self, span_s: float) -> TimeSeries:
        """Return the last windows of the run so far, of `span_s` seconds or more, without the time before them.

        The last window is left out while shards work, because some of them have not reported it.
        """
        parts = (self.own, *self.shards)
        interval_s = max(part.interval_s for part in parts)
        if any(part.interval_s != interval_s for part in parts):  # for a moment, while each halves its windows
            parts = (self.whole(),)
        end = max(len(part.windows) for part in parts) - self.is_owner
        first = max(end - ceil(span_s / interval_s), 0)
        found = TimeSeries(interval_s)
        for part in parts:
            found.merge(TimeSeries(interval_s, part.windows[first : max(end, 0)]))
        return found

    def errors(self) -> dict[ErrorClass, int]:
        """Return the failed attempts so far, by class."""
        found: dict[ErrorClass, int] = {}
        for part in (self.own, *self.shards):
            for window in part.windows:
                for error, count in window.errors.items():
                    found[error] = found.get(error, 0) + count
        return found


@dataclass(frozen=True, slots=True)
class PhaseSeries:
    """One phase in the windows of a report, from its first one to its last one with any count."""

    phase: str
    first: int
    """Index of the first window of the columns below."""
    created: tuple[int, ...]
    """Items created in each window."""
    movements: tuple[int, ...]
    """Movements in the transactions created in each window."""
    requests: tuple[int, ...]
    """Attempts and reads in each window."""
    ledgers: tuple[int, ...]
    """Ledgers in the phase at the end of each window."""
    latency: tuple[tuple[int, ...], ...]
    """For each window: coarse bucket, answers, coarse bucket, answers, ascending.

    A value of v microseconds is in bucket v below 32, else in (s << 4) + (v >> s) with s = bit length of v - 5.
    """


@dataclass(frozen=True, slots=True)
class ErrorSeries:
    """The failed attempts of one class in each window."""

    error: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TimeSeriesReport:
    """The time series of a run, by columns: each has one value for each window. The last window may be shorter."""

    interval_s: float = INTERVAL_S
    windows: int = 0
    phases: tuple[PhaseSeries, ...] = ()
    errors: tuple[ErrorSeries, ...] = ()
    in_flight: tuple[int, ...] = ()
    """Requests in flight at the end of each window."""
    breaker_open_s: tuple[float, ...] = ()
    """Seconds of each window in which the circuit breaker was not closed."""
    cpu_s: tuple[float, ...] = ()
    """CPU seconds that all processes of the client used in each window."""


def as_report(series: TimeSeries) -> TimeSeriesReport:
    """Return a series by columns; the windows of a long and busy run are joined until they are few enough."""
    if _latency_values(series) > LATENCY_VALUES_MAX:
        given, series = series, TimeSeries(series.interval_s)
        series.merge(given)
        while _latency_values(series) > LATENCY_VALUES_MAX and len(series.windows) > 1:
            series.coarsen()
    windows = series.windows
    errors = sorted({error for window in windows for error in window.errors})
    return TimeSeriesReport(
        interval_s=series.interval_s,
        windows=len(windows),
        phases=tuple(each for phase in Phase if (each := _phase_series(phase, windows)) is not None),
        errors=tuple(ErrorSeries(error, tuple(window.errors.get(error, 0) for window in windows)) for error in errors),
        in_flight=tuple(window.in_flight for window in windows),
        breaker_open_s=tuple(round(window.breaker_open_s, 3) for window in windows),
        cpu_s=tuple(round(window.cpu_s, 3) for window in windows),
    )


def from_report(report: TimeSeriesReport) -> TimeSeries:
    """Return the series of which a report has the columns."""
    series = TimeSeries(report.interval_s, (Window() for _ in range(report.windows)))
    for window, in_flight, breaker_open_s, cpu_s in zip(
        series.windows, report.in_flight, report.breaker_open_s, report.cpu_s, strict=True
    ):
        window.in_flight, window.breaker_open_s, window.cpu_s = in_flight, breaker_open_s, cpu_s
    for error in report.errors:
        for window, count in zip(series.windows, error.counts, strict=True):
            if count:
                window.errors[ErrorClass(error.error)] = count
    for phase in report.phases:
        columns = zip(phase.created, phase.movements, phase.requests, phase.ledgers, phase.latency, strict=True)
        for window, (created, movements, requests, ledgers, latency) in zip(
            series.windows[phase.first :], columns, strict=False
        ):
            window.phases[Phase(phase.phase)] = PhaseWindow(
                created, movements, requests, ledgers, dict(_pairs(latency))
            )
    return series


def _latency_values(series: TimeSeries) -> int:
    return sum(2 * len(phase.latency) for window in series.windows for phase in window.phases.values())


def _phase_series(phase: Phase, windows: Sequence[Window]) -> PhaseSeries | None:
    found = [index for index, window in enumerate(windows) if phase in window.phases]
    if not found:
        return None
    rows = [window.phases.get(phase, _NOTHING) for window in windows[found[0] : found[-1] + 1]]
    return PhaseSeries(
        phase=phase.value,
        first=found[0],
        created=tuple(row.created for row in rows),
        movements=tuple(row.movements for row in rows),
        requests=tuple(row.requests for row in rows),
        ledgers=tuple(row.ledgers for row in rows),
        latency=tuple(_flat(row.latency) for row in rows),
    )


_NOTHING = PhaseWindow()


def _flat(counts: Mapping[int, int]) -> tuple[int, ...]:
    return tuple(each for bucket in sorted(counts) for each in (bucket, counts[bucket]))


def _pairs(flat: Sequence[int]) -> Iterator[tuple[int, int]]:
    return zip(flat[::2], flat[1::2], strict=True)
