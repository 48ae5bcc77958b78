"""Transactions in doubt: what the server shows decides which were made, and only the others are sent again.

Three things decide, in this order: balances (with the number of their changes) that one assignment alone explains
(`model.in_doubt_solver`), the server's own list, and the same key sent again while the server remembers it. What none
of them decides stays in doubt: it is never guessed. Balances come first because after a crash a real server had applied
some transactions that it listed only half an hour later.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.ledger.snapshots import (
    NAMED_MAX,
    Snapshot,
    SnapshotSeries,
    Sums,
    explain,
    in_words,
    listed,
    take_snapshot,
)
from midaz_seed.engine.requests.transactions import IdempotencyKey, TransactionSender, UnresolvedTransaction
from midaz_seed.engine.state_tree import LedgerState
from midaz_seed.errors import UndecidedError
from midaz_seed.midaz.evidence import Effect, Next, is_record, next_sending
from midaz_seed.model.in_doubt_solver import Solution
from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.items import Phase, TransactionItem, trace_of

ROUNDS_MAX = 5
"""How often what was sent again may itself end in doubt."""


@dataclass(frozen=True, slots=True)
class Channel:
    """Where the transactions of a phase go, and what sends them."""

    path: str
    movements: TransactionSender


@dataclass(frozen=True, slots=True)
class Decided:
    """What is known of one transaction in doubt; `listed`: by the server's own list."""

    effect: Effect
    listed: bool = False


async def decide(
    context: RunContext, ledger: LedgerState, phase: Phase, known: Sums, doubts: Sequence[UnresolvedTransaction]
) -> list[Decided]:
    """What became of each transaction in doubt, as far as the server shows it at two equal looks some time apart.

    `known` is what the server would show when everything was made that is known, and all in doubt too.
    """
    snapshots = SnapshotSeries(context, ledger, phase)
    found: set[int] = set()
    while True:
        seen = await snapshots.take()
        late, steady = snapshots.is_late, snapshots.is_steady
        if steady or late:
            solution = await _explained(context, seen, known, doubts, found)
            if not solution.unique:
                rows, _ = await listed(context, ledger)
                found |= {at for at, one in enumerate(doubts) if _is_listed(rows, one.item)}
                # a list says nothing about a look before it: what arrived in between would count twice
                steady = steady and await take_snapshot(context, ledger, phase) == seen
                solution = await _explained(context, seen, known, doubts, found)
            fits = steady and not solution.contradicted and not seen.strange
            ledger.residue = "" if fits else in_words(ledger, seen, known, solution.contradicted)
            if (fits and (solution.unique or any(key_is_alive(context, one) for one in doubts))) or late:
                return _read(solution, found, len(doubts), believed=fits)
        await snapshots.wait()


def _is_listed(rows: Mapping[str, JsonObject], item: TransactionItem) -> bool:
    row = rows.get(item.key)
    return row is not None and is_record(row, item)


async def _explained(
    context: RunContext, seen: Snapshot, known: Sums, doubts: Sequence[UnresolvedTransaction], found: set[int]
) -> Solution:
    """The balances' answer for those that the list does not have."""
    return await explain(context, seen, known, [one.item for at, one in enumerate(doubts) if at not in found])


def _read(solution: Solution, found: set[int], count: int, *, believed: bool) -> list[Decided]:
    values = iter(solution.values)
    decided = []
    for at in range(count):
        value = None if at in found else next(values)
        if at in found:
            decided.append(Decided(Effect.MADE, listed=True))
        elif value is None or not believed:
            decided.append(Decided(Effect.UNKNOWN))
        else:
            decided.append(Decided(Effect.MADE if value else Effect.NOT_MADE))
    return decided


def key_is_alive(context: RunContext, unsent: UnresolvedTransaction) -> bool:
    """Whether it may be sent again under its key although it is unknown whether it was made."""
    return _next(context, unsent, Effect.UNKNOWN) is Next.SAME_KEY


def _next(context: RunContext, unsent: UnresolvedTransaction, effect: Effect) -> Next:
    own = context.settings.idempotency
    age_s = context.clock.monotonic() - unsent.first_sent_s
    return next_sending(effect, age_s=age_s, ttl_s=own.ttl_s, margin_s=own.margin_s, key_is_taken=unsent.key_is_taken)


def key_for(context: RunContext, unsent: UnresolvedTransaction, effect: Effect) -> IdempotencyKey | None:
    """The key that it may be sent again under; None when it may not.

    That it was not made is known from a look. An attempt that a network holds may still arrive after it, so it is sent
    within the life of the key that such an attempt would claim, and it counts as certainly not made only when none can
    be on its way any more.
    """
    own, now_s = context.settings.idempotency, context.clock.monotonic()
    sending = _next(context, unsent, effect)
    if sending is Next.NEXT_KEY:
        return IdempotencyKey(unsent.generation + 1, known=Effect.NOT_MADE)
    if sending is not Next.SAME_KEY:
        return None
    if key_is_alive(context, unsent):
        return IdempotencyKey(unsent.generation, unsent.first_sent_s)
    known = Effect.NOT_MADE if now_s - unsent.first_sent_s >= own.ttl_s else Effect.UNKNOWN
    return IdempotencyKey(unsent.generation, known=known, not_after_s=now_s + own.ttl_s - own.margin_s)


def _ignore(_: UnresolvedTransaction) -> None:
    """Do nothing with a transaction that is known as made."""


async def resolve_doubts(
    context: RunContext,
    ledger: LedgerState,
    phase: Phase,
    known: Sums,
    channels: Mapping[Phase, Channel],
    *,
    missed: Callable[[UnresolvedTransaction], None],
    made: Callable[[UnresolvedTransaction], None] = _ignore,
    decided: list[Decided] | None = None,
) -> None:
    """Decide the ledger's transactions in doubt, and send again those that were not made.

    Nothing of the ledger may be in flight from here. What stays undecided is left in `ledger.in_doubt`.

    Args:
        phase: in which the reads are counted.
        known: what the server would show when everything was made that is known, and all in doubt too.
        channels: by phase, what sends its transactions.
        missed: gets each one that is certainly not made.
        made: gets each one that is now known as made.
        decided: what a look has already found out about each.

    Raises RequestFailedError when the server cannot be read, BreakerOpenError, UnauthorizedError.
    """
    ledger.uncertain = True
    await _Resolution(context, ledger, phase, known, channels, missed, made).run(decided)


@dataclass(slots=True)
class _Resolution:
    """Rounds of deciding and sending again, until nothing is in doubt or nothing may be sent."""

    context: RunContext
    ledger: LedgerState
    phase: Phase
    known: Sums
    channels: Mapping[Phase, Channel]
    missed: Callable[[UnresolvedTransaction], None]
    made: Callable[[UnresolvedTransaction], None]
    lost: Counter[int] = field(default_factory=Counter)
    """What those that were not made would have changed."""

    async def run(self, decided: list[Decided] | None) -> None:
        context, ledger = self.context, self.ledger
        # a key that a killed server left in flight is free again only when its time on the server is over
        stuck_until_s = context.clock.monotonic() + context.settings.idempotency.ttl_s
        rounds = 0
        while rounds < ROUNDS_MAX:
            stuck = any(unsent.in_flight for unsent in ledger.in_doubt)
            rounds += not (stuck and context.clock.monotonic() < stuck_until_s)
            doubts = list(ledger.in_doubt)
            if decided is None:
                decided = await self._decide(doubts)
            again = self._apply(doubts, decided)
            await context.pool.run_all(again, self._send)
            decided = None
            if not ledger.in_doubt or not again or context.pool.admission.is_draining:
                return

    async def _decide(self, doubts: Sequence[UnresolvedTransaction]) -> list[Decided]:
        await _nothing_held(self.context, doubts)
        left = {key: value - self.lost[key] for key, value in self.known.items()}
        return await decide(self.context, self.ledger, self.phase, left, doubts)

    def _apply(
        self, doubts: Sequence[UnresolvedTransaction], decided: Sequence[Decided]
    ) -> list[tuple[UnresolvedTransaction, IdempotencyKey]]:
        """Record what is decided; the transactions that may be sent again, each with its key."""
        context, again = self.context, []
        for channel in self.channels.values():
            channel.movements.flow.answered(context.clock.monotonic())
        for unsent, what in zip(doubts, decided, strict=True):
            if what.effect is not Effect.UNKNOWN:
                context.recorder(self.ledger, unsent.item.phase).count_doubt(applied=what.effect is Effect.MADE)
            if what.effect is Effect.MADE:
                recover(context, self.ledger, unsent, self.channels[unsent.item.phase], listed=what.listed)
                self.made(unsent)
            elif (key := key_for(context, unsent, what.effect)) is not None:
                again.append((unsent, key))
        return again

    async def _send(self, one: tuple[UnresolvedTransaction, IdempotencyKey]) -> None:
        unsent, key = one
        channel, parent = self.channels[unsent.item.phase], self.ledger.place.path
        outcome = await channel.movements.send(unsent.item, unsent.ordinal, channel.path, parent, key)
        self.ledger.in_doubt.remove(unsent)
        if outcome is None:
            self.made(unsent)
        elif outcome.in_doubt:
            self.ledger.in_doubt.append(outcome)
        else:
            self.lost.update(trace_of(unsent.item))
            self.missed(unsent)


async def _nothing_held(context: RunContext, doubts: Sequence[UnresolvedTransaction]) -> None:
    """Before one whose key is taken may get another key, no attempt under the old one may be on its way."""
    last_s = max((unsent.unanswered_s for unsent in doubts if unsent.key_is_taken), default=float("-inf"))
    await context.clock.sleep(max(last_s + context.settings.idempotency.margin_s - context.clock.monotonic(), 0.0))


def recover(
    context: RunContext, ledger: LedgerState, unsent: UnresolvedTransaction, channel: Channel, *, listed: bool
) -> None:
    """A transaction whose answer was lost was made after all."""
    ledger.in_doubt.remove(unsent)
    context.recorder(ledger, unsent.item.phase).count_recovered(len(unsent.item.movements))
    context.rejects.made(unsent.item.key)
    if listed:
        channel.movements.phase_log.made(unsent.ordinal)
    else:
        ledger.recovered.add(unsent.item.key)
        channel.movements.phase_log.recovered(unsent.ordinal)


def undecided(ledger: LedgerState) -> UndecidedError:
    """What to raise when some of a ledger's transactions stay in doubt."""
    keys = [unsent.item.key for unsent in ledger.in_doubt]
    named = ", ".join(keys[:NAMED_MAX]) + (f" and {len(keys) - NAMED_MAX} more" if len(keys) > NAMED_MAX else "")
    why = ledger.residue or "the balances fit more than one answer"
    return UndecidedError(
        f"it is unknown whether {len(keys)} movements of ledger {ledger.plan.key} ({ledger.plan.name}) were made "
        f"({named}): {why}, the server's list does not have them, and sending them again could double them",
        hint="look again later: a server that crashed lists what it had done within an hour",
    )
