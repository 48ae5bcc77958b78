"""Change the number of requests in flight during a run: `--concurrency auto` and `--ramp`."""

from midaz_seed.engine.context import RunContext
from midaz_seed.reporting.events import ConcurrencyChanged
from midaz_seed.resilience.concurrency_search import Change, ConcurrencySearch, Window

HIGHEST = 512
"""Number of workers for automatic concurrency; real servers saturate with 8 to 16 requests in flight. Slices of a run
divide it among themselves."""
ANSWERS_MIN = 200
"""Answers that a window waits for; the throughput of fewer is mostly chance."""
WINDOW_S = (0.1, 2.0)
"""Shortest and longest window."""
SAMPLE_EVERY_S = 0.05


async def search_concurrency(context: RunContext) -> None:
    """Adjust the pool's limit to the saturation point until cancelled. Return at once when the concurrency is fixed."""
    if context.settings.generation.limits.max_concurrency != "auto":
        return
    finder = ConcurrencySearch(highest=max(HIGHEST // context.settings.generation.limits.shard.of, 1))
    _note(context, Change(finder.current, "the start"), 0.0)
    context.pool.limit = finder.limit
    while True:
        await context.clock.sleep(_settles_within_s(context))
        change = finder.observe(await _window(context))
        context.pool.limit = finder.limit
        if change is not None:
            _note(context, change, context.elapsed_s)


async def ramp_up(context: RunContext) -> None:
    """Raise the number in flight linearly from one to `maxConcurrency` within `rampS`. In the open model the schedule
    ramps up.
    """
    limits, pool = context.settings.generation.limits, context.pool
    if not limits.ramp_s or limits.open_loop or limits.max_concurrency == "auto":
        return
    while context.elapsed_s < limits.ramp_s:
        pool.limit = 1 + int((limits.max_concurrency - 1) * context.elapsed_s / limits.ramp_s)
        await context.clock.sleep(min(limits.ramp_s / limits.max_concurrency, SAMPLE_EVERY_S))
    pool.limit = limits.max_concurrency


def _note(context: RunContext, change: Change, at_s: float) -> None:
    event = ConcurrencyChanged(at_s, change.in_flight, change.reason)
    context.results.concurrency.append(event)
    context.emit(event)


def _settles_within_s(context: RunContext) -> float:
    """Return about how long the answers to requests sent before a change still arrive."""
    meter = context.meter
    sent = meter.requests
    return min(meter.latency_us / 1e6 / sent if sent else 0.0, WINDOW_S[0])


async def _window(context: RunContext) -> Window:
    clock, meter = context.clock, context.meter
    since_s, successes, overloaded, latency_us = clock.monotonic(), meter.succeeded, meter.overloaded, meter.latency_us
    while True:
        await clock.sleep(SAMPLE_EVERY_S)
        span_s = clock.monotonic() - since_s
        answers = meter.succeeded - successes + meter.overloaded - overloaded
        if span_s >= WINDOW_S[1] or (span_s >= WINDOW_S[0] and answers >= ANSWERS_MIN):
            return Window(
                span_s,
                meter.succeeded - successes,
                meter.overloaded - overloaded,
                (meter.latency_us - latency_us) / 1e6 / span_s,  # Little's law
            )
