"""Taking up a ledger that an earlier run already filled, wholly or in part.

The server's own list of transactions says which of the planned movements were made, and the balances prove that the
list is
complete: only when every balance is exactly what those movements give may the others be sent. So nothing is doubled.
"""

from itertools import chain
from typing import cast

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.settlement import observe
from midaz_seed.engine.state import LedgerState
from midaz_seed.errors import RequestFailedError
from midaz_seed.model.jsons import JsonObject
from midaz_seed.plan.items import Phase


async def already_made(context: RunContext, ledger: LedgerState) -> frozenset[str]:
    """Keys of the planned transactions that the ledger already holds.

    Raises RequestFailedError when, until the settlement deadline, the balances are not what those transactions give:
    then an
    earlier run's requests may still be on their way, and sending more could double them.
    """
    wait = context.settings.settlement
    started_s, pause_s = context.clock.monotonic(), wait.initial_delay_s
    while True:
        made = await context.pool.call(lambda: _keys(context, ledger))
        balances = await context.pool.call(lambda: observe(context, ledger, Phase.DEPOSITS))
        expected = balances_given(ledger, made)
        plan = ledger.plan
        wrong = [
            plan.alias(index)
            for index in range(plan.account_count)
            if (found := balances.get(plan.alias(index))) is not None
            and found.available != plan.asset_of(index).decimal(expected[index])
        ]
        if not wrong:
            return made
        if context.clock.monotonic() - started_s >= wait.deadline_s:
            raise RequestFailedError(
                f"ledger {plan.key} ({plan.name}) already holds movements, and the balances of {len(wrong)} accounts "
                f"(such as {wrong[0]}) are not what its {len(made)} planned transactions give",
                hint="movements of an earlier run may still be on their way, or somebody else moved money: "
                "try again later, or fill new ledgers with another --run-id",
            )
        await context.clock.sleep(min(pause_s, wait.max_delay_s))
        pause_s *= 2


async def _keys(context: RunContext, ledger: LedgerState) -> frozenset[str]:
    """Item keys of this run's transactions in the ledger, from their metadata."""
    prefix = f"{context.plan.run_id}/"
    api = context.api(Phase.DEPOSITS)
    keys = set()
    async for row in api.transactions(ledger.place):
        mark = cast("JsonObject", row.get("metadata") or {}).get("seedKey")
        if isinstance(mark, str) and mark.startswith(prefix):
            keys.add(mark.removeprefix(prefix))
    return frozenset(keys)


def balances_given(ledger: LedgerState, made: frozenset[str], *, and_deposits: bool = False) -> list[int]:
    """The balance of every account, in minor units, when just these transactions were made (and every deposit)."""
    balances = [0] * ledger.plan.account_count
    for item in chain(ledger.plan.deposits(), ledger.plan.transfers()):
        if item.key in made or (and_deposits and item.phase is Phase.DEPOSITS):
            for movement in item.movements:
                balances[movement.destination] += movement.amount
                if movement.source is not None:
                    balances[movement.source] -= movement.amount
    return balances
