"""The settlement barrier: transfers start as soon as the server shows every deposit in its balances.

It reads the balances instead of waiting a fixed time: default balances may be created late (v3.3), replicas lag, queues
delay writes. A surplus is not lag, so it ends the waiting.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.rereads import Rereads
from midaz_seed.engine.state_tree import LedgerState
from midaz_seed.errors import ExcessError, SettlementError
from midaz_seed.model.balances import DEFAULT_KEY, EXTERNAL, ObservedBalance
from midaz_seed.model.money import EXACT
from midaz_seed.plan.items import AssetTemplate, Phase
from midaz_seed.reporting.events import Settled
from midaz_seed.wording import counted

NAMED_MAX = 5
"""Accounts that an error message names."""


@dataclass(frozen=True, slots=True)
class _Wrong:
    """Accounts, by index, with another balance than expected, and what the server shows; None: no balance."""

    below: dict[int, Decimal | None]
    above: dict[int, Decimal]
    overdrawn: frozenset[str]
    """Codes of assets of which more came in from outside than all deposits of the plan."""

    @property
    def accounts(self) -> int:
        return len(self.below) + len(self.above)


async def settle(context: RunContext, ledger: LedgerState, expected: Sequence[int]) -> Settled:
    """Wait until every account that got its deposit shows it.

    Args:
        expected: balance of each account, in minor units.

    Raises:
        SettlementError: deposits are not visible at the deadline.
        ExcessError: accounts hold more than expected.
        RequestFailedError: the balances cannot be read.
    """
    deposits_only = list(expected) == ledger.plan.expectation().deposited
    server = context.server
    may_stand_still = server is not None and server.balances_wait_for_records
    flow = ledger.flows.get(Phase.DEPOSITS)
    rereads, count = Rereads(context), 0
    while True:
        count += 1
        balances = await context.pool.run_one(lambda: observe(context, ledger, Phase.SETTLEMENT))
        wrong = _compare(ledger, balances, expected)
        if flow is not None:
            flow.observe_balances(context.clock.monotonic(), wrong.accounts)
        if not wrong.accounts and not wrong.overdrawn:
            return Settled(ledger.plan.key, rereads.waited_s, count)
        # after transfers of an earlier session, an account shows more until the transfer that it paid is visible
        certain_surplus = frozenset[object](wrong.overdrawn) | (
            frozenset(wrong.above) if deposits_only else frozenset()
        )
        if not await rereads.again(wrong, certain_surplus, still=bool(wrong.above) and not may_stand_still):
            break
    if certain_surplus or not wrong.below or (wrong.above and not rereads.changed):
        raise _excess(ledger, expected, wrong)
    raise _late(ledger, expected, wrong, rereads)


async def observe(context: RunContext, ledger: LedgerState, phase: Phase) -> dict[str, ObservedBalance]:
    """Read the default balance of every account of a ledger, by alias."""
    found: dict[str, ObservedBalance] = {}
    async for row in context.api(phase).balances(ledger.place):
        balance = ObservedBalance.parse(row)
        if balance.key == DEFAULT_KEY:
            found[balance.alias] = balance
    return found


def _compare(ledger: LedgerState, balances: Mapping[str, ObservedBalance], expected: Sequence[int]) -> _Wrong:
    plan, wrong = ledger.plan, _Wrong({}, {}, _overdrawn(ledger, balances, expected))
    for index, exists in enumerate(ledger.accounts):
        if not exists:
            continue
        balance = balances.get(plan.alias(index))
        planned = plan.asset_of(index).decimal(expected[index])
        if balance is not None and balance.available > planned:
            wrong.above[index] = balance.available
        elif index not in ledger.unfunded and (balance is None or balance.available != planned):
            wrong.below[index] = balance.available if balance is not None else None
    return wrong


def _overdrawn(ledger: LedgerState, balances: Mapping[str, ObservedBalance], expected: Sequence[int]) -> frozenset[str]:
    """Return the assets of which more has left the external account than all accounts should hold.

    What earlier sessions put on hold is not in the available amounts that are expected.
    """
    plan, planned, on_hold = ledger.plan, Counter[str](), dict[str, Decimal]()
    for index, amount in enumerate(expected):
        planned[plan.asset_of(index).code] += amount
    for balance in balances.values():
        on_hold[balance.asset] = EXACT.add(on_hold.get(balance.asset, Decimal(0)), balance.on_hold)

    def most(asset: AssetTemplate) -> Decimal:
        return EXACT.add(asset.decimal(planned[asset.code]), on_hold.get(asset.code, Decimal(0)))

    return frozenset(
        asset.code
        for asset in plan.assets
        # where transfers use the external account too, those of an earlier session have changed it
        if asset.code not in plan.expectation().open_assets
        and (external := balances.get(EXTERNAL + asset.code)) is not None
        and external.credit.copy_negate() > most(asset)
    )


def _excess(ledger: LedgerState, expected: Sequence[int], wrong: _Wrong) -> ExcessError:
    plan = ledger.plan
    sums: dict[str, Decimal] = {}
    for index, amount in wrong.above.items():
        asset = plan.asset_of(index)
        more = EXACT.subtract(amount, asset.decimal(expected[index]))
        sums[asset.code] = EXACT.add(sums.get(asset.code, Decimal(0)), more)
    much = ", ".join(f"{total:f} {code}" for code, total in sums.items())
    where = f"ledger {plan.key} ({plan.name})"
    if wrong.above:
        accounts = counted(len(wrong.above), "account")
        what = f"{accounts} of {where} {_hold(len(wrong.above))} more than planned, {much} in all: "
        what += _named(ledger, expected, dict(wrong.above))
    else:
        what = f"more {', '.join(sorted(wrong.overdrawn))} has come into {where} from outside than planned"
    return ExcessError(
        f"{what}. A surplus is not a delay, so waiting does not help",
        hint="something was made twice, or another client moves money in this ledger: `midaz-seed verify` shows every "
        "difference",
    )


def _late(ledger: LedgerState, expected: Sequence[int], wrong: _Wrong, rereads: Rereads) -> SettlementError:
    plan, missing = ledger.plan, wrong.below
    still = "" if rereads.changed else "; the balances have not changed in that time"
    return SettlementError(
        f"after {rereads.waited_s:.1f} s the deposits of {counted(len(missing), 'account')} are not in the balances of "
        f"ledger {plan.key} ({plan.name}): {_named(ledger, expected, missing)}{still}",
        hint="raise the limit with --set settlement.deadlineS=300, or check the server's queues and replicas"
        if rereads.changed
        else "no balance changes any more: check the server's queues and replicas, and run `midaz-seed verify`",
    )


def _named(ledger: LedgerState, expected: Sequence[int], found: Mapping[int, Decimal | None]) -> str:
    """Name the first of the accounts with what they hold, and the number of the others."""
    plan, first = ledger.plan, sorted(found)[:NAMED_MAX]
    named = ", ".join(
        f"{plan.alias(index)} ({'no balance' if (held := found[index]) is None else f'{held:f}'} instead of "
        f"{plan.asset_of(index).text(expected[index])})"
        for index in first
    )
    return f"{named} and {len(found) - NAMED_MAX} more" if len(found) > NAMED_MAX else named


def _hold(count: int) -> str:
    return "holds" if count == 1 else "hold"
