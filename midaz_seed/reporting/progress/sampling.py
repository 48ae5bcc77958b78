"""Samples of a run's counters over time: rates, recent latencies, and the movements of the last minute."""

from collections import deque
from datetime import date

from midaz_seed.clock import Clock
from midaz_seed.model.histogram import Histogram
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.meter import Meter
from midaz_seed.reporting.progress.figures import Figures
from midaz_seed.reporting.progress.watched import Watched

WINDOW_S = 10.0
"""Length of the window that rates are computed over."""
HISTORY_S = 60
"""Seconds of movements that are kept for the sparkline."""
LATENCY_EVERY_S = 1.0
"""Interval at which the recent latencies are computed: it takes milliseconds."""


class Sampler:
    """Computes the figures of a run from its counters, and from those of a few seconds before."""

    def __init__(self, watched: Watched, clock: Clock) -> None:
        self._watched = watched
        self._clock = clock
        self._started_s = clock.monotonic()
        self._window: deque[tuple[float, int, int, int]] = deque()
        self._latencies = _RecentLatencies(watched.meter)
        self._history = _MovementsPerSecond()

    def figures(self, breaker: str) -> Figures:
        """Compute the current figures; `breaker`: its state."""
        watched, now_s = self._watched, self._clock.monotonic()
        meter = watched.meter
        done, planned, unit = self._counts()
        movements = sum(phase.movements for phase in meter.phases.values())
        self._window.append((now_s, done, meter.requests, movements))
        while len(self._window) > 2 and now_s - self._window[0][0] > WINDOW_S:
            self._window.popleft()
        then_s, done_then, requests_then, movements_then = self._window[0]
        span_s = now_s - then_s
        pace = (done - done_then) / span_s if span_s > 0 else 0.0
        left = max(planned - done, 0)
        self._history.add(now_s - self._started_s, movements)
        return Figures(
            done=done,
            planned=planned,
            unit=unit,
            requests_per_s=(meter.requests - requests_then) / span_s if span_s > 0 else 0.0,
            movements_per_s=(movements - movements_then) / span_s if span_s > 0 else 0.0,
            elapsed_s=now_s - self._started_s,
            eta_s=left / pace if pace > 0 else None if left else 0.0,
            error_percent=100 * meter.failed / meter.finished if meter.finished else 0.0,
            in_flight=meter.in_flight,
            limit=watched.limit(),
            breaker=breaker,
            latency_ms=self._latencies.p50_p99_ms(now_s),
            day=self._day(),
            errors=watched.errors(),
            history=self._history.complete(),
        )

    def _counts(self) -> tuple[int, int, str]:
        """Return how much is done, of how much, and the unit."""
        meter = self._watched.meter
        if meter.planned:
            return meter.finished, meter.planned, "item"
        return *self._watched.verified(), "ledger"

    def _day(self) -> str:
        days = [ledger.day for ledger in self._watched.meter.ledgers.values() if ledger.active and ledger.day]
        return date.fromordinal(min(days)).isoformat() if days else ""


class _MovementsPerSecond:
    """The movements in each of the last seconds."""

    def __init__(self) -> None:
        self._counts: deque[float] = deque([0.0], HISTORY_S + 1)
        """By whole seconds since the start; the last one is not over."""
        self._second = 0
        self._total = 0

    def add(self, elapsed_s: float, total: int) -> None:
        """Record the total at a time. What came since the last record is spread over the seconds in between."""
        ended = int(elapsed_s) - self._second
        share = (total - self._total) / max(ended, 1)
        if not ended:
            self._counts[-1] += share
        else:
            self._counts[-1] += share
            self._counts.extend([share] * min(ended - 1, HISTORY_S))
            self._counts.append(0.0)
        self._second += ended
        self._total = total

    def complete(self) -> tuple[float, ...]:
        """Return the movements of the seconds that are over."""
        return tuple(self._counts)[:-1]


class _RecentLatencies:
    """The latencies of the last 5 to 10 seconds, from copies of the phases' histograms."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._copies: deque[tuple[float, dict[Phase, Histogram]]] = deque(maxlen=2)
        self._at_s = float("-inf")
        self._found: tuple[float, float] | None = None

    def p50_p99_ms(self, now_s: float) -> tuple[float, float] | None:
        """Return p50 and p99 in milliseconds; None when nothing was answered."""
        if now_s - self._at_s >= LATENCY_EVERY_S:
            self._at_s = now_s
            self._found = self._compute()
            if not self._copies or now_s - self._copies[-1][0] >= WINDOW_S / 2:
                phases = self._meter.phases.items()
                self._copies.append(
                    (now_s, {phase: each.latency.copy() for phase, each in phases if each.latency.count})
                )
        return self._found

    def _compute(self) -> tuple[float, float] | None:
        before = self._copies[0][1] if self._copies else {}
        recent = Histogram()
        for phase, each in self._meter.phases.items():
            earlier = before.get(phase)
            if earlier is None:
                if each.latency.count:
                    recent.merge(each.latency)
            elif each.latency.count > earlier.count:
                recent.merge(each.latency.since(earlier))
        if not recent.count:
            return None
        return recent.percentile(50) / 1000, recent.percentile(99) / 1000
