"""Find the steady-state window of a run."""

from midaz_seed.engine.context import RunContext
from midaz_seed.plan.items import MONEY
from midaz_seed.reporting.steady import Counted, SteadyWindow

SAMPLE_EVERY_S = 0.25


async def record_steady_state(context: RunContext) -> None:
    """Record the start of the steady-state window, and its end so far, until cancelled.

    The window starts when money has moved for `warmupS` and the ramp-up is over. It ends at the last sample before
    which no worker was idle: after that the ledgers finish one by one.
    """
    limits = context.settings.generation.limits
    moving_since_s: float | None = None
    since: Counted | None = None
    while True:
        await context.clock.sleep(SAMPLE_EVERY_S)
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
