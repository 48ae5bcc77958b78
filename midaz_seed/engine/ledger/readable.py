"""The accounts of a ledger that reads beside the writes can name: their ids, and the bounds of their balances."""

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.state_tree import LedgerState
from midaz_seed.midaz.reads import ReadableAccount
from midaz_seed.model.balances import DEFAULT_KEY
from midaz_seed.plan.items import Phase


async def find_readable(context: RunContext, ledger: LedgerState) -> list[ReadableAccount]:
    """Return the accounts of a ledger in the order of the plan, by a list of its balances."""
    plan = ledger.plan
    received = plan.expectation().received
    by_alias = {plan.alias(index): index for index in range(plan.account_count)}
    found: dict[int, ReadableAccount] = {}
    async for row in context.api(Phase.SETTLEMENT).balances(ledger.place):
        alias, account_id, balance_id = str(row.get("alias")), row.get("accountId"), row.get("id")
        index = by_alias.get(alias)
        is_default = row.get("key") in (None, "", DEFAULT_KEY)
        if index is None or not is_default or not isinstance(account_id, str) or not isinstance(balance_id, str):
            continue
        asset = plan.asset_of(index)
        most = asset.decimal(received[index])
        found[index] = ReadableAccount(index, account_id, balance_id, alias, asset.code, most)
    return [found[index] for index in sorted(found)]
