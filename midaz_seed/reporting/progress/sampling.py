"""The figures of a run from its counters, and from the time series of what it did in the last seconds."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from midaz_seed.clock import Clock
from midaz_seed.model.histogram import coarse_percentile_us
from midaz_seed.reporting.meter import Meter
from midaz_seed.reporting.progress.figures import Figures
from midaz_seed.reporting.progress.watched import Watched
from midaz_seed.reporting.time_series import Timeline, Window

WINDOW_S = 10.0
"""Length of the window that rates and latencies are computed over."""
HISTORY_S = 60.0
"""Length of the time that the sparkline shows."""


class Sampler:
    """Computes the figures of a run at the time of each call."""

    def __init__(self, watched: Watched, clock: Clock) -> None:
        self._watched = watched
        self._clock = clock
        self._started_s = clock.monotonic()
        self._window: deque[tuple[float, int]] = deque()
        self._recent = _Recent()
        self._recent_s = float("-inf")

    def figures(self, breaker: str) -> Figures:
        """Compute the current figures; `breaker`: the state of the circuit breaker of this process."""
        watched, now_s = self._watched, self._clock.monotonic()
        meter, timeline = watched.meter, watched.timeline
        done, planned, unit = self._counts()
        pace = self._pace(now_s, done)
        left = max(planned - done, 0)
        if now_s - self._recent_s >= timeline.own.interval_s / 2:  # there is nothing new in between
            self._recent, self._recent_s = _recent(timeline), now_s
        recent = self._recent
        if not recent.history:  # of less than a window only the counters are known
            recent = _since_the_start(meter, now_s - self._started_s)
        return Figures(
            done=done,
            planned=planned,
            unit=unit,
            requests_per_s=recent.requests_per_s,
            movements_per_s=recent.movements_per_s,
            elapsed_s=now_s - self._started_s,
            eta_s=left / pace if pace > 0 else None if left else 0.0,
            error_percent=100 * meter.failed / meter.finished if meter.finished else 0.0,
            in_flight=meter.in_flight,
            limit=watched.limit(),
            breaker="open" if breaker == "closed" and recent.breaker_is_open else breaker,
            latency_ms=recent.latency_ms,
            day=self._day(),
            errors=recent.errors,
            history=recent.history,
        )

    def _pace(self, now_s: float, done: int) -> float:
        """Return how much was done per second of the last seconds."""
        self._window.append((now_s, done))
        while len(self._window) > 2 and now_s - self._window[0][0] > WINDOW_S:
            self._window.popleft()
        then_s, done_then = self._window[0]
        return (done - done_then) / (now_s - then_s) if now_s > then_s else 0.0

    def _counts(self) -> tuple[int, int, str]:
        """Return how much is done, of how much, and the unit."""
        meter = self._watched.meter
        if meter.planned:
            return meter.finished, meter.planned, "item"
        return *self._watched.verified(), "ledger"

    def _day(self) -> str:
        days = [ledger.day for ledger in self._watched.meter.ledgers.values() if ledger.active and ledger.day]
        return date.fromordinal(min(days)).isoformat() if days else ""


@dataclass(frozen=True, slots=True)
class _Recent:
    """What a run did in the last seconds."""

    requests_per_s: float = 0.0
    movements_per_s: float = 0.0
    latency_ms: tuple[float, float] | None = None
    breaker_is_open: bool = False
    """That of a shard, whose events do not reach this process."""
    errors: dict[str, int] = field(default_factory=dict)
    """Failed attempts of the whole run."""
    history: tuple[int, ...] = ()
    """Movements in each window."""


def _since_the_start(meter: Meter, elapsed_s: float) -> _Recent:
    """Return the rates of a run that has no window of its time series yet."""
    movements = sum(phase.movements for phase in meter.phases.values())
    if elapsed_s <= 0:
        return _Recent()
    return _Recent(meter.requests / elapsed_s, movements / elapsed_s)


def _recent(timeline: Timeline) -> _Recent:
    series = timeline.latest(HISTORY_S)
    latest = series.windows[-max(round(WINDOW_S / series.interval_s), 1) :]
    if not latest:
        return _Recent()
    span_s = len(latest) * series.interval_s
    return _Recent(
        sum(phase.requests for window in latest for phase in window.phases.values()) / span_s,
        sum(map(_movements, latest)) / span_s,
        _latency_ms(latest),
        timeline.is_owner and latest[-1].breaker_open_s > 0,
        {str(error): count for error, count in timeline.errors().items()},
        tuple(map(_movements, series.windows)),
    )


def _movements(window: Window) -> int:
    return sum(phase.movements for phase in window.phases.values())


def _latency_ms(windows: Iterable[Window]) -> tuple[float, float] | None:
    """Return p50 and p99 of all answers in milliseconds; None without any."""
    counts: dict[int, int] = {}
    for window in windows:
        for phase in window.phases.values():
            for bucket, count in phase.latency.items():
                counts[bucket] = counts.get(bucket, 0) + count
    if not counts:
        return None
    return coarse_percentile_us(counts, 50) / 1000, coarse_percentile_us(counts, 99) / 1000
