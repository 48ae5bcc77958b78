"""Record the time series of a run in this process."""

from midaz_seed.engine.client_load import process_cpu_s
from midaz_seed.engine.context import RunContext
from midaz_seed.model.outcomes import ErrorClass
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.meter import PhaseMeter
from midaz_seed.reporting.time_series import PhaseWindow, Window


async def record_time_series(context: RunContext) -> None:
    """Record a window at the end of each interval until cancelled, and the last one then."""
    sampler, series = _Sampler(context), context.timeline.own
    context.timeline.record_now = sampler.record
    try:
        while True:
            await context.clock.sleep(series.interval_s - context.run_elapsed_s % series.interval_s)
            sampler.record()
    finally:
        sampler.record()


class _Sampler:
    """Finds what was counted since the last window."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._phases: dict[Phase, tuple[int, int, int]] = {}
        self._latencies: dict[Phase, tuple[int, bytes]] = {}
        self._errors: dict[ErrorClass, int] = {}
        self._breaker_open_s = 0.0
        self._cpu_s = process_cpu_s()
        self._since_s = context.run_elapsed_s

    def record(self) -> None:
        """Add the window that ends now to the series."""
        now_s = self._context.run_elapsed_s
        self._context.timeline.own.add(self._window(), (self._since_s + now_s) / 2)
        self._since_s = now_s

    def _window(self) -> Window:
        context = self._context
        cpu_s = process_cpu_s()
        window = Window(cpu_s=cpu_s - self._cpu_s)
        self._cpu_s = cpu_s
        for phase, meter in context.meter.phases.items():
            found = self._phase(phase, meter)
            if found is not None:
                window.phases[phase] = found
        errors = context.tracker.by_class()
        window.errors = {
            error: count - before for error, count in errors.items() if count != (before := self._errors.get(error, 0))
        }
        self._errors = errors
        window.in_flight = context.meter.in_flight
        open_s = context.sender.breaker.open_total_s
        window.breaker_open_s, self._breaker_open_s = open_s - self._breaker_open_s, open_s
        # the counters are then those of all shards, which have series of their own; the next window counts from here
        return Window(cpu_s=window.cpu_s) if context.timeline.is_owner else window

    def _phase(self, phase: Phase, meter: PhaseMeter) -> PhaseWindow | None:
        counts = (meter.created, meter.movements, meter.requests)
        before = self._phases.get(phase, (0, 0, 0))
        answers, _ = self._latencies.get(phase, (0, b""))
        if counts == before and meter.latency.count == answers and not meter.active:
            return None
        self._phases[phase] = counts
        created, movements, requests = (count - earlier for count, earlier in zip(counts, before, strict=True))
        return PhaseWindow(created, movements, requests, meter.active, self._latency(phase, meter))

    def _latency(self, phase: Phase, meter: PhaseMeter) -> dict[int, int]:
        answers, snapshot = self._latencies.get(phase, (0, b""))
        if meter.latency.count == answers:
            return {}
        found = meter.latency.recorded_since(snapshot)
        self._latencies[phase] = meter.latency.count, meter.latency.snapshot()
        return found
