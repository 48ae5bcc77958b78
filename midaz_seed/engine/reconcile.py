"""Taking up a ledger that an earlier session already filled, wholly or in part.

Two sources say which of the planned transactions were made: the run's journal, or where there is none, the server's
own list of transactions. Neither is believed alone: only when every balance is exactly what those transactions give
(for the journal, together with some of those that it does not know about) may the others be sent. So nothing is
doubled.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import cast

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.doubts import decide
from midaz_seed.engine.journal import Track
from midaz_seed.engine.movements import Key
from midaz_seed.engine.settlement import observe
from midaz_seed.engine.state import LedgerState
from midaz_seed.errors import RequestFailedError
from midaz_seed.model.jsons import JsonObject
from midaz_seed.plan.items import MONEY, Phase, TransactionItem
from midaz_seed.plan.shape import KEY_MARK

Numbered = tuple[int, TransactionItem]


@dataclass(slots=True)
class Made:
    """What earlier sessions left of a ledger's transactions, by their place in the plan's order."""

    made: dict[Phase, bytearray]
    """1 for each transaction that was made; what lies beyond its end was not."""
    keys: dict[tuple[Phase, int], Key] = field(default_factory=dict)
    """Idempotency keys for transactions that were sent and proved not to have been made."""

    def holds(self, phase: Phase, ordinal: int) -> bool:
        """It was made."""
        made = self.made[phase]
        return ordinal < len(made) and made[ordinal] == 1

    @property
    def count(self) -> int:
        """Transactions that were made."""
        return sum(made.count(1) for made in self.made.values())


def tracks(context: RunContext, ledger: LedgerState) -> dict[Phase, Track]:
    """Where the ledger's movements stand in the journal."""
    counts = ledger.plan.counts
    return {phase: context.journal.track(ledger.index, phase, counts.get(phase, 0)) for phase in MONEY}


async def already_made(context: RunContext, ledger: LedgerState) -> Made | None:
    """What earlier sessions made of the ledger's transactions; None when there were none.

    Raises RequestFailedError when, until the settlement deadline, no source explains the balances: then requests of
    an earlier session may still be on their way, and sending more could double them.
    """
    journalled = tracks(context, ledger)
    if ledger.resumed and (ledger.fresh or any(track.begun for track in journalled.values())):
        made = await _from_journal(context, ledger, journalled)
        if made is not None:
            return made
    elif ledger.fresh:
        return None
    return await _from_server(context, ledger, journalled)


def numbered(ledger: LedgerState, phase: Phase) -> Iterator[Numbered]:
    """The ledger's transactions of a phase with their places in the plan's order."""
    return enumerate(ledger.plan.deposits() if phase is Phase.DEPOSITS else ledger.plan.transfers())


async def _from_journal(context: RunContext, ledger: LedgerState, journalled: dict[Phase, Track]) -> Made | None:
    """What the journal knows, with what it does not know decided by the balances; None when they contradict it."""
    made = Made({phase: bytearray(track.end) for phase, track in journalled.items()})
    unknown = {phase: {one.ordinal: one for one in track.unknown()} for phase, track in journalled.items()}
    planned = [0] * ledger.plan.account_count
    doubts: list[tuple[Phase, int, TransactionItem]] = []
    for phase, track in journalled.items():
        for ordinal, item in islice(numbered(ledger, phase), track.end):
            if track.is_made(ordinal):
                made.made[phase][ordinal] = 1
                if track.is_recovered(ordinal):
                    ledger.recovered.add(item.key)
            elif ordinal in unknown[phase]:
                doubts.append((phase, ordinal, item))
            else:
                continue
            _apply(item, planned)
    if context.journal.clean and not doubts:
        return made
    applied = await decide(context, ledger, Phase.DEPOSITS, planned, [item for _, _, item in doubts])
    if applied is None:
        return None
    for (phase, ordinal, item), was_applied in zip(doubts, applied, strict=True):
        context.meter.phases[phase].doubted(applied=was_applied)
        if was_applied:
            made.made[phase][ordinal] = 1
            ledger.recovered.add(item.key)
            journalled[phase].recovered(ordinal)
        else:
            one = unknown[phase][ordinal]
            made.keys[phase, ordinal] = _key(context, one.generation, one.sent_s)
    return made


def _key(context: RunContext, generation: int, sent_s: float) -> Key:
    """The same key while the server certainly remembers it, so that it can say itself what it knows; else the next."""
    own = context.settings.idempotency
    age_s = context.clock.time() - sent_s
    if sent_s and 0 <= age_s < own.ttl_s - own.margin_s:
        return Key(generation, context.clock.monotonic() - age_s)
    return Key(generation + 1)


async def _from_server(context: RunContext, ledger: LedgerState, journalled: dict[Phase, Track]) -> Made:
    """What the server lists, once the balances prove the list complete."""
    wait = context.settings.settlement
    started_s, pause_s = context.clock.monotonic(), wait.initial_delay_s
    plan = ledger.plan
    while True:
        keys = await context.pool.call(lambda: _keys(context, ledger))
        balances = await context.pool.call(lambda: observe(context, ledger, Phase.DEPOSITS))
        made = _placed(ledger, keys)
        expected = balances_given(ledger, made)
        wrong = [
            plan.alias(index)
            for index in range(plan.account_count)
            if (found := balances.get(plan.alias(index))) is not None
            and found.available != plan.asset_of(index).decimal(expected[index])
        ]
        if not wrong:
            break
        if context.clock.monotonic() - started_s >= wait.deadline_s:
            raise RequestFailedError(
                f"ledger {plan.key} ({plan.name}) already holds movements, and the balances of {len(wrong)} accounts "
                f"(such as {wrong[0]}) are not what its {made.count} planned transactions give",
                hint="movements of an earlier run may still be on their way, or somebody else moved money: "
                "try again later, or fill new ledgers with another --run-id",
            )
        await context.clock.sleep(min(pause_s, wait.max_delay_s))
        pause_s *= 2
    for phase, track in journalled.items():
        for ordinal, there in enumerate(made.made[phase]):
            if there:
                track.made(ordinal)
            elif ordinal < track.end:  # sent once, and proved not to have been made
                made.keys[phase, ordinal] = Key(track.generation_after(ordinal))
    return made


async def _keys(context: RunContext, ledger: LedgerState) -> frozenset[str]:
    """Item keys of this run's transactions in the ledger, from their metadata."""
    prefix = f"{context.plan.run_id}/"
    api = context.api(Phase.DEPOSITS)
    keys = set()
    async for row in api.transactions(ledger.place):
        mark = cast("JsonObject", row.get("metadata") or {}).get(KEY_MARK)
        if isinstance(mark, str) and mark.startswith(prefix):
            keys.add(mark.removeprefix(prefix))
    return frozenset(keys)


def _placed(ledger: LedgerState, keys: frozenset[str]) -> Made:
    """The transactions with these keys, by their places in the plan's order."""
    return Made({phase: bytearray(item.key in keys for _, item in numbered(ledger, phase)) for phase in MONEY})


def balances_given(ledger: LedgerState, made: Made, *, and_deposits: bool = False) -> list[int]:
    """The balance of every account, in minor units, when just these transactions were made (and every deposit)."""
    balances = [0] * ledger.plan.account_count
    for ordinal, item in chain(numbered(ledger, Phase.DEPOSITS), numbered(ledger, Phase.TRANSFERS)):
        if made.holds(item.phase, ordinal) or (and_deposits and item.phase is Phase.DEPOSITS):
            _apply(item, balances)
    return balances


def _apply(item: TransactionItem, balances: list[int]) -> None:
    for movement in item.movements:
        balances[movement.destination] += movement.amount
        if movement.source is not None:
            balances[movement.source] -= movement.amount
