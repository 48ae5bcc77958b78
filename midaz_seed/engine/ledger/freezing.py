"""Freeze the accounts that may not send, before anything is sent to them.

A server keeps the permissions of a balance with its amounts from its first transaction on, for an hour
(midaz-behaviour: balance-permissions). So an account is frozen while nothing has been sent to it, and receives its
deposit afterwards.
"""

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.ledger.settlement import observe
from midaz_seed.engine.rereads import Rereads
from midaz_seed.engine.state_tree import LedgerState
from midaz_seed.errors import RequestFailedError
from midaz_seed.midaz.api import freeze_request
from midaz_seed.midaz.classify import OK
from midaz_seed.model.balances import ObservedBalance
from midaz_seed.plan.items import Phase
from midaz_seed.wording import counted

_PHASE = Phase.ACCOUNTS
"""The phase in which the requests are counted."""


async def freeze_accounts(context: RunContext, ledger: LedgerState) -> None:
    """Freeze the accounts of the plan, and read that they are. What is frozen already is left as it is.

    Raises:
        RequestFailedError: an account cannot be frozen, or does not show it until the settlement deadline.
        BreakerOpenError: the breaker stayed open until its deadline.
        StoppedError: the run drains.
    """
    plan, rereads = ledger.plan, Rereads(context)
    wanted = {plan.alias(account) for account in plan.frozen if ledger.accounts[account]}
    sent: set[str] = set()
    while wanted:
        balances = await context.pool.run_one(lambda: observe(context, ledger, _PHASE))
        left = {alias for alias in wanted if alias not in balances or balances[alias].may_send}
        if not left:
            return
        ready = [balances[alias] for alias in sorted(left - sent) if alias in balances]
        await context.pool.run_all(ready, lambda balance: _freeze(context, ledger, balance))
        sent.update(balance.alias for balance in ready)
        if not await rereads.again(left, still=False):
            raise RequestFailedError(
                f"after {rereads.waited_s:.1f} s {counted(len(left), 'account')} of ledger {plan.key} ({plan.name}) "
                f"may still send although the plan freezes them, such as {min(left)}",
                hint="raise the limit with --set settlement.deadlineS=300, or check the server's replicas",
            )


async def _freeze(context: RunContext, ledger: LedgerState, balance: ObservedBalance) -> None:
    """Send the change until the server accepts it: it may be sent any number of times."""
    request, budget = freeze_request(ledger.place, balance.id), context.sender.retry_budget(_PHASE)
    while True:
        answer = await context.sender.attempt(request, _PHASE)
        if answer.verdict is OK:
            return
        if not await budget.should_retry(answer):
            failure = answer.failure(request)
            raise RequestFailedError(
                f"{failure.request}: {failure.error}: {failure.answer or failure.message}",
                hint="check that the credentials may change balances, then run the same command again",
            )
