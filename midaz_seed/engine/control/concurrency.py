"""Change the number of requests in flight during a run: `--concurrency auto` and `--ramp`."""

from collections.abc import Callable
from typing import Protocol

from midaz_seed.clock import Clock
from midaz_seed.engine.context import RunContext
from midaz_seed.reporting.events import ConcurrencyChanged
from midaz_seed.resilience.concurrency_search import Change, ConcurrencySearch, Window

HIGHEST = 512
"""Number of workers for automatic concurrency; real servers saturate with 8 to 16 requests in flight. Slices of a run
divide it among themselves."""
ANSWERS_MIN = 50
"""Answers that a window waits for; the throughput of fewer is mostly chance."""
ROUNDS_MIN = 4
"""Answers that a window waits for, for each request in flight: with fewer, those that were in flight at its start and
at its end decide its throughput."""
WINDOW_S = (0.1, 2.0)
"""Shortest and longest window."""
SETTLES_S_MAX = 1.0
"""Longest pause between a change of the limit and the next window."""
SAMPLE_EVERY_S = 0.05


class Answers(Protocol):
    """Counts of a run, as `Meter` has them."""

    @property
    def succeeded(self) -> int: ...
    @property
    def overloaded(self) -> int: ...
    @property
    def latency_us(self) -> int: ...


class Limited(Protocol):
    """What has a limit of requests in flight, as the worker pool."""

    limit: int


async def search_concurrency(context: RunContext) -> None:
    """Adjust the pool's limit to the saturation point until cancelled. Return at once when the concurrency is fixed."""
    if context.settings.generation.limits.max_concurrency != "auto":
        return

    def note(change: Change) -> None:
        event = ConcurrencyChanged(context.elapsed_s, change.in_flight, change.reason)
        context.results.concurrency.append(event)
        context.emit(event)

    search = ConcurrencySearch(highest=max(HIGHEST // context.settings.generation.limits.shard.of, 1))
    event = ConcurrencyChanged(0.0, search.current, "the start")
    context.results.concurrency.append(event)
    context.emit(event)
    await steer(search, context.clock, context.meter, context.pool, note)


async def steer(
    search: ConcurrencySearch, clock: Clock, answers: Answers, limited: Limited, note: Callable[[Change], None]
) -> None:
    """Measure windows and set the limit that the search returns, until cancelled.

    Args:
        note: called with each change.
    """
    settles_s = 0.0
    while True:
        if limited.limit != search.limit:
            limited.limit = search.limit
            await clock.sleep(settles_s)
        window = await _window(clock, answers, search.limit)
        change = search.observe(window)
        # about how long the answers to requests sent before a change still arrive
        settles_s = min(window.in_flight * window.span_s / max(window.successes, 1), SETTLES_S_MAX)
        if change is not None:
            note(change)


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


async def _window(clock: Clock, meter: Answers, in_flight: int) -> Window:
    since_s, successes, overloaded, latency_us = clock.monotonic(), meter.succeeded, meter.overloaded, meter.latency_us
    enough = max(ANSWERS_MIN, ROUNDS_MIN * in_flight)
    while True:
        await clock.sleep(SAMPLE_EVERY_S)
        span_s = clock.monotonic() - since_s
        answers = meter.succeeded - successes + meter.overloaded - overloaded
        if span_s >= WINDOW_S[1] or (span_s >= WINDOW_S[0] and answers >= enough):
            return Window(
                span_s,
                meter.succeeded - successes,
                meter.overloaded - overloaded,
                (meter.latency_us - latency_us) / 1e6 / span_s,  # Little's law
            )
