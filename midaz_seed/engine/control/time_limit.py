"""`--duration`: fill as much of the plan as fits into a time, including settlement and verification."""

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.state_tree import LedgerState, LedgerStatus
from midaz_seed.midaz.routes import PAGE_LIMIT
from midaz_seed.plan.items import MONEY

SAMPLE_EVERY_S = 0.2
READS_PER_LEDGER = 6
"""Reads of a verification in addition to balances and sample: assets and counts."""
EXCLUDE_ITEM_S = 8e-6
"""Time to exclude one item; the verification needs its movements."""
SAFETY = 1.5
MARGIN_S, MARGIN_SHARE = 0.1, 0.02


async def enforce_time_limit(context: RunContext) -> None:
    """Close the admission in time. Return at once when no duration is set."""
    duration_s = context.settings.generation.limits.duration_s
    if not duration_s:
        return
    while context.pool.admission.is_open:
        left_s = context.left_s - reserve_s(context)
        if left_s <= 0:
            context.close()
            return
        await context.clock.sleep(min(left_s, SAMPLE_EVERY_S))


def reserve_s(context: RunContext) -> float:
    """Estimate the time from the end of admission to the end of verification, from what was measured so far.

    In it requests in flight finish, deposits settle, unstarted items are excluded, and each ledger with movements is
    verified: sequential reads within a ledger, ledgers in parallel.
    """
    duration_s = context.settings.generation.limits.duration_s
    meter, ledgers = context.meter, [ledger for ledger in context.state.ledgers if _is_open(context, ledger)]
    seen = [phase.latency for phase in meter.phases.values() if phase.latency.count]
    count = sum(latency.count for latency in seen)
    mean_s = sum(latency.total_us for latency in seen) / count / 1e6 if count else 0.0
    longest_s = max((latency.max_us for latency in seen), default=0) / 1e6
    reads = [_reads(context, ledger) for ledger in ledgers]
    one_by_one_s = max(reads, default=0) * mean_s
    together_s = sum(reads) * mean_s / context.pool.limit
    settling_s = max((settled.waited_s for settled in context.results.settled), default=0.0)
    excluding_s = sum(_items_to_exclude(context, ledger) for ledger in ledgers) * EXCLUDE_ITEM_S
    needed_s = SAFETY * (max(one_by_one_s, together_s) + settling_s + excluding_s) + longest_s
    return min(needed_s, duration_s / 2) + MARGIN_S + MARGIN_SHARE * duration_s


def _items_to_exclude(context: RunContext, ledger: LedgerState) -> int:
    """Return the number of items that `exclude_unstarted` will have to process."""
    progress = context.meter.ledgers[ledger.plan.key]
    if progress.phase not in MONEY:
        return 0
    left = progress.planned - progress.done
    return left if progress.existing else min(left, progress.done)


def _is_open(context: RunContext, ledger: LedgerState) -> bool:
    return ledger.status is LedgerStatus.RUNNING and ledger.plan.key in context.meter.ledgers


def _reads(context: RunContext, ledger: LedgerState) -> int:
    verification = context.settings.verification
    if not verification.enabled:
        return 0
    return READS_PER_LEDGER + verification.sample_per_ledger + -(-ledger.plan.account_count // PAGE_LIMIT)
