"""The settlement barrier: transfers begin when the server shows every deposit in its balances, and not a moment later.

It observes instead of waiting: default balances may be created late (v3.3), replicas lag, queues hold work back.
"""

from collections.abc import Sequence

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.state import LedgerState
from midaz_seed.errors import SettlementError
from midaz_seed.model.balances import DEFAULT_KEY, ObservedBalance
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import Settled

NAMED_MAX = 5
"""Accounts that an error message names."""


async def settle(context: RunContext, ledger: LedgerState, expected: Sequence[int]) -> Settled:
    """Wait until every account that got its deposit shows it: `expected` minor units, by account.

    Deposits in doubt are decided here: those that are visible were applied, the others are marked unfunded at the
    deadline.
    Raises SettlementError when acknowledged deposits stay invisible, RequestFailedError when the balances cannot be
    read.
    """
    wait = context.settings.settlement
    clock = context.clock
    started_s = clock.monotonic()
    pause_s, looks = wait.initial_delay_s, 0
    flow = ledger.flows.get(Phase.DEPOSITS)
    while True:
        looks += 1
        balances = await context.pool.call(lambda: observe(context, ledger, Phase.SETTLEMENT))
        lacking = _lacking(ledger, balances, expected)
        now_s = clock.monotonic()
        waited_s = now_s - started_s
        if flow is not None:
            flow.see_balances(now_s, len(lacking))
        if not lacking:
            return Settled(ledger.plan.key, waited_s, looks)
        if waited_s >= wait.deadline_s:
            break
        await clock.sleep(min(pause_s, wait.max_delay_s))
        pause_s *= 2
    missing = sorted(lacking)
    named = ", ".join(ledger.plan.alias(index) for index in missing[:NAMED_MAX])
    more = f" and {len(missing) - NAMED_MAX} more" if len(missing) > NAMED_MAX else ""
    raise SettlementError(
        f"after {waited_s:.1f} s the deposits of {len(missing)} accounts are not in the balances of ledger "
        f"{ledger.plan.key} ({ledger.plan.name}): {named}{more}",
        hint="give it longer with --set settlement.deadlineS=300, or look at the server's queues and replicas",
    )


async def observe(context: RunContext, ledger: LedgerState, phase: Phase) -> dict[str, ObservedBalance]:
    """The default balance of every account of a ledger, by alias, as the server reports it now."""
    found: dict[str, ObservedBalance] = {}
    async for row in context.api(phase).balances(ledger.place):
        balance = ObservedBalance.parse(row)
        if balance.key == DEFAULT_KEY:
            found[balance.alias] = balance
    return found


def _lacking(ledger: LedgerState, balances: dict[str, ObservedBalance], expected: Sequence[int]) -> set[int]:
    """Accounts whose deposit should be visible and is not."""
    plan = ledger.plan
    lacking = set()
    for index, exists in enumerate(ledger.accounts):
        if not exists or index in ledger.unfunded:
            continue
        balance = balances.get(plan.alias(index))
        if balance is None or balance.available != plan.asset_of(index).decimal(expected[index]):
            lacking.add(index)
    return lacking
