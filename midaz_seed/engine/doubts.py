"""Transactions in doubt: the balances say which were applied, and only the others are sent again, under the next key.

A phase of a ledger has ended and nothing more is on its way from here, so each balance is what is known plus those
movements in doubt that were applied. That is solved exactly (`model.doubts`). Looking for the transactions themselves
would not do: after a crash a real server had applied some that it listed only half an hour later.
"""

from collections.abc import Callable, Sequence

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.movements import Key, MovementSender, Unsent
from midaz_seed.engine.settlement import observe
from midaz_seed.engine.state import LedgerState
from midaz_seed.model.doubts import solve
from midaz_seed.model.money import parse_minor
from midaz_seed.model.outcomes import Outcome
from midaz_seed.plan.items import Phase, TransactionItem, effect_of

ROUNDS_MAX = 3
"""How often what was sent again may itself end in doubt."""


async def resolve_doubts(
    context: RunContext,
    ledger: LedgerState,
    phase: Phase,
    planned: Sequence[int],
    movements: MovementSender,
    path: str,
    missed: Callable[[TransactionItem], None],
) -> None:
    """Decide the ledger's transactions in doubt after a phase, and make happen those that did not.

    `planned` is what each account holds after the phase when everything was made, in minor units; `missed` gets what
    was refused for good. What the balances cannot explain until the settlement deadline stays in doubt. Raises
    RequestFailedError when the balances cannot be read, BreakerOpenError, UnauthorizedError.
    """
    for _ in range(ROUNDS_MAX):
        doubts = list(ledger.in_doubt)
        applied = await decide(context, ledger, phase, planned, [unsent.item for unsent in doubts])
        movements.flow.answered(context.clock.monotonic())
        if applied is None:
            return
        for unsent, was_applied in zip(doubts, applied, strict=True):
            context.meter.phases[unsent.item.phase].doubted(applied=was_applied)
            if was_applied:
                ledger.in_doubt.remove(unsent)
                ledger.recovered.add(unsent.item.key)
                movements.track.recovered(unsent.ordinal)
                count_as_made(context, unsent.item)

        async def again(unsent: Unsent) -> None:
            ledger.in_doubt.remove(unsent)
            key = Key(unsent.generation + 1)
            outcome = await movements.send(unsent.item, unsent.ordinal, path, ledger.place.path, key)
            if outcome is not None and outcome.in_doubt:
                ledger.in_doubt.append(outcome)
            elif outcome is not None:
                missed(unsent.item)

        await context.pool.drain(list(ledger.in_doubt), again)
        if not ledger.in_doubt or context.pool.stopping:
            return


def count_as_made(context: RunContext, item: TransactionItem) -> None:
    """A transaction whose answer was lost was applied after all."""
    meter = context.meter.phases[item.phase]
    meter.recovered += 1
    meter.movements += len(item.movements)
    context.meter.add(item.phase, Outcome.CREATED)


async def decide(
    context: RunContext, ledger: LedgerState, phase: Phase, planned: Sequence[int], doubts: Sequence[TransactionItem]
) -> list[bool] | None:
    """Which of them were applied: the same answer at two looks some time apart; None when the balances do not tell.

    `planned` is what each account holds when everything was made that is known, and all in doubt too, in minor units.
    """
    wait, clock = context.settings.settlement, context.clock
    effects = [effect_of(item) for item in doubts]
    until_s = clock.monotonic() + wait.deadline_s
    earlier: list[bool] | None = None
    while True:
        found = solve(effects, await _residuals(context, ledger, phase, planned, effects))
        if found is not None and found == earlier:
            return found
        if clock.monotonic() >= until_s:
            return None
        earlier = found
        await clock.sleep(wait.max_delay_s)


async def _residuals(
    context: RunContext, ledger: LedgerState, phase: Phase, planned: Sequence[int], effects: list[dict[int, int]]
) -> dict[int, int]:
    """What each account's balance has beyond the transactions that are known to have been made."""
    plan = ledger.plan
    balances = await context.pool.call(lambda: observe(context, ledger, phase))
    residuals = {}
    for account, whole in enumerate(planned):
        asset = plan.asset_of(account)
        row = balances.get(plan.alias(account))
        held = parse_minor(str(row.available), asset.scale) if row is not None else 0
        doubtful = sum(effect.get(account, 0) for effect in effects)
        residuals[account] = held - (whole - ledger.not_made[account] - doubtful)
    return residuals
