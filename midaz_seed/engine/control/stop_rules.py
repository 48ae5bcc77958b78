"""Rules that end a run early, as the first Ctrl-C does: nothing is started, requests in flight finish, the report is
complete.

They use the last `stop.windowS` seconds, so a short failure counts however long the run was healthy.
"""

from collections import deque
from dataclasses import dataclass

from midaz_seed.engine.context import RunContext
from midaz_seed.model.histogram import Histogram
from midaz_seed.plan.items import Phase
from midaz_seed.settings.model import Stop

SAMPLES_PER_WINDOW = 10
ATTEMPTS_MIN = 100
"""Attempts in the window below which error rate and percentile are not evaluated."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Counters up to a moment (monotonic), and since when ledgers wait for settlement."""

    at_s: float
    attempts: int
    failed: int
    latency: Histogram
    settling_since_s: tuple[tuple[str, float], ...] = ()


class StopRules:
    """Evaluates consecutive samples."""

    def __init__(self, rules: Stop) -> None:
        self._rules = rules
        self._samples: deque[Sample] = deque()

    def broken(self, sample: Sample) -> str:
        """Add a sample, and return the rule that is broken now, as a clause; "" when none is."""
        rules, samples = self._rules, self._samples
        samples.append(sample)
        while len(samples) > 2 and samples[1].at_s <= sample.at_s - rules.window_s:
            samples.popleft()
        for ledger, since_s in sample.settling_since_s:
            if rules.settlement_lag_s and sample.at_s - since_s > rules.settlement_lag_s:
                return (
                    f"the deposits of ledger {ledger} are not visible after {sample.at_s - since_s:.1f} s, and "
                    f"stop.settlementLagS is {rules.settlement_lag_s:g}"
                )
        first = samples[0]
        attempts = sample.attempts - first.attempts
        if attempts < ATTEMPTS_MIN or sample.at_s - first.at_s < rules.window_s * (1 - 1 / SAMPLES_PER_WINDOW):
            return ""
        window = f"in the last {sample.at_s - first.at_s:.0f} s"
        failed_percent = 100 * (sample.failed - first.failed) / attempts
        if rules.error_rate_percent and failed_percent > rules.error_rate_percent:
            return (
                f"{failed_percent:.1f} % of the attempts {window} failed, and stop.errorRatePercent is "
                f"{rules.error_rate_percent:g}"
            )
        if rules.latency_ms_p99:
            p99_ms = sample.latency.since(first.latency).percentile(99) / 1000
            if p99_ms > rules.latency_ms_p99:
                return (
                    f"the p99 of the latency {window} was {p99_ms:.0f} ms, and stop.latencyMsP99 is "
                    f"{rules.latency_ms_p99:g}"
                )
        return ""


async def enforce(context: RunContext) -> None:
    """Evaluate the rules until the run drains, and drain it when one is broken."""
    settings = context.settings.stop
    if not (settings.error_rate_percent or settings.latency_ms_p99 or settings.settlement_lag_s):
        return
    rules = StopRules(settings)
    settling: dict[str, float] = {}
    while not context.pool.admission.is_draining:
        reason = rules.broken(_take_sample(context, settling))
        if reason:
            context.stop_by_rule(reason)
            return
        await context.clock.sleep(settings.window_s / SAMPLES_PER_WINDOW)


def _take_sample(context: RunContext, settling: dict[str, float]) -> Sample:
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
        if phase is not Phase.VERIFY and counters.requests:  # during verification there is no load to stop
            latency.merge(counters.latency)
            attempts += counters.requests
    return Sample(now_s, attempts, context.tracker.attempts, latency, tuple(settling.items()))
