"""Rules that end a run early, as the first Ctrl-C does: nothing new is begun, what is in flight is finished, and the
report is complete. They look at the last `stop.windowS` seconds, so a bad minute counts however long the run was good.
"""

from collections import deque
from dataclasses import dataclass

from midaz_seed.engine.context import RunContext
from midaz_seed.model.histogram import Histogram
from midaz_seed.plan.items import Phase
from midaz_seed.settings.model import Stop

LOOKS_PER_WINDOW = 10
ATTEMPTS_MIN = 100
"""Attempts in the window below which neither share nor percentile says anything."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was counted until a moment (monotonic seconds), and since when ledgers wait for their settlement."""

    at_s: float
    attempts: int
    failed: int
    latency: Histogram
    settling_since_s: tuple[tuple[str, float], ...] = ()


class StopRules:
    """Takes one look after the other, and says when the run has to end."""

    def __init__(self, rules: Stop) -> None:
        self._rules = rules
        self._looks: deque[Look] = deque()

    def broken(self, look: Look) -> str:
        """The rule that is broken now, as a sentence without its full stop; "" when none is."""
        rules, looks = self._rules, self._looks
        looks.append(look)
        while len(looks) > 2 and looks[1].at_s <= look.at_s - rules.window_s:
            looks.popleft()
        for ledger, since_s in look.settling_since_s:
            if rules.settlement_lag_s and look.at_s - since_s > rules.settlement_lag_s:
                return (
                    f"the deposits of ledger {ledger} are not visible after {look.at_s - since_s:.1f} s, and "
                    f"stop.settlementLagS is {rules.settlement_lag_s:g}"
                )
        first = looks[0]
        attempts = look.attempts - first.attempts
        if attempts < ATTEMPTS_MIN or look.at_s - first.at_s < rules.window_s * (1 - 1 / LOOKS_PER_WINDOW):
            return ""
        window = f"in the last {look.at_s - first.at_s:.0f} s"
        failed_percent = 100 * (look.failed - first.failed) / attempts
        if rules.error_rate_percent and failed_percent > rules.error_rate_percent:
            return (
                f"{failed_percent:.1f} % of the attempts {window} failed, and stop.errorRatePercent is "
                f"{rules.error_rate_percent:g}"
            )
        if rules.latency_ms_p99:
            p99_ms = look.latency.since(first.latency).percentile(99) / 1000
            if p99_ms > rules.latency_ms_p99:
                return (
                    f"the p99 of the latency {window} was {p99_ms:.0f} ms, and stop.latencyMsP99 is "
                    f"{rules.latency_ms_p99:g}"
                )
        return ""


async def enforce(context: RunContext) -> None:
    """Look at the run until it ends, or until a rule ends it."""
    settings = context.settings.stop
    if not (settings.error_rate_percent or settings.latency_ms_p99 or settings.settlement_lag_s):
        return
    rules = StopRules(settings)
    settling: dict[str, float] = {}
    while not context.pool.admission.is_draining:
        reason = rules.broken(_look(context, settling))
        if reason:
            context.stop_by_rule(reason)
            return
        await context.clock.sleep(settings.window_s / LOOKS_PER_WINDOW)


def _look(context: RunContext, settling: dict[str, float]) -> Look:
    now_s = context.clock.monotonic()
    waiting = {
        key for key, ledger in context.meter.ledgers.items() if ledger.active and ledger.phase is Phase.SETTLEMENT
    }
    for key in waiting:
        settling.setdefault(key, now_s)
    for key in set(settling) - waiting:
        del settling[key]
    latency, attempts = Histogram(), 0
    for phase, counters in context.meter.phases.items():
        if phase is not Phase.VERIFY and counters.requests:  # when only the proof is left, nothing is gained by ending
            latency.merge(counters.latency)
            attempts += counters.requests
    return Look(now_s, attempts, context.tracker.attempts, latency, tuple(settling.items()))
