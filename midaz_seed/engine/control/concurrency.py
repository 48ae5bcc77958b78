"""Change the number of requests in flight during a run: `--concurrency auto` and `--ramp`."""

from midaz_seed.engine.context import RunContext
from midaz_seed.reporting.events import ConcurrencyChanged
from midaz_seed.resilience.concurrency_search import START, Change, ConcurrencySearch
from midaz_seed.resilience.concurrency_windows import SAMPLE_EVERY_S, Load, OwnLoad, steer
from midaz_seed.resilience.divided_load import follow_orders

HIGHEST = 512
"""Number of workers for automatic concurrency; real servers saturate with 8 to 16 requests in flight. Slices that
search alone divide it among themselves."""


async def search_concurrency(context: RunContext) -> None:
    """Adjust the pool's limit to the saturation point until cancelled: as a search decides, or as the search over all
    slices of the run orders. Return at once when the concurrency is fixed, or when the processes that this one starts
    have the load.
    """
    limits, pool = context.settings.generation.limits, context.pool
    if limits.max_concurrency != "auto":
        return
    if context.shards > 1:  # the coordinator of the shards searches; this process has the organizations to make
        pool.limit = START
    elif context.limit_orders is not None:
        pool.limit = max(START // limits.shard.of, 1)
        _note(context, Change(pool.limit, "the start; one search decides for all slices"))
        await follow_orders(context.limit_orders, context.clock, context.meter, pool)
    else:
        await search_over(context, OwnLoad(context.clock, context.meter, pool))


async def search_over(context: RunContext, load: Load) -> None:
    """Search for the saturation point of a load until cancelled, and record the changes. Return at once when the
    concurrency is fixed.
    """
    limits = context.settings.generation.limits
    if limits.max_concurrency != "auto":
        return
    search = ConcurrencySearch(highest=max(HIGHEST // limits.shard.of, 1))
    _note(context, Change(search.current, "the start"), at_s=0.0)
    await steer(search, load, lambda change: _note(context, change))


def _note(context: RunContext, change: Change, at_s: float | None = None) -> None:
    event = ConcurrencyChanged(context.elapsed_s if at_s is None else at_s, change.in_flight, change.reason)
    context.results.concurrency.append(event)
    context.emit(event)


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
