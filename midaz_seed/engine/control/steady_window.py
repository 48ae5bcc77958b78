"""Finding the steady window of a run."""

from midaz_seed.engine.context import RunContext
from midaz_seed.plan.items import MONEY
from midaz_seed.reporting.steady import Counted, SteadyWindow

LOOK_EVERY_S = 0.25


async def record_steady_state(context: RunContext) -> None:
    """Note where the steady window begins, and where it ends as far as can be told yet, until cancelled.

    It begins when money has moved for `warmupS` and the ramp is over. It ends at the last moment at which nobody had
    been without work since the moment before: after that the ledgers run out one by one.
    """
    limits = context.settings.generation.limits
    moving_since_s: float | None = None
    since: Counted | None = None
    while True:
        await context.clock.sleep(LOOK_EVERY_S)
        busy = not context.pool.was_idle_since("steady")
        if not any(context.meter.phases[phase].requests for phase in MONEY):
            continue
        now_s = context.elapsed_s
        if moving_since_s is None:
            moving_since_s = now_s
        if not busy or now_s < max(moving_since_s + limits.warmup_s, limits.ramp_s):
            continue
        if since is None:
            since = _counted(context, now_s)
        else:
            context.results.steady = [SteadyWindow(since, _counted(context, now_s))]


def _counted(context: RunContext, now_s: float) -> Counted:
    phases = [context.meter.phases[phase] for phase in MONEY]
    return Counted(
        now_s,
        sum(phase.created for phase in phases),
        sum(phase.movements for phase in phases),
        [phase.latency.copy() for phase in phases],
    )
