"""Decide the transactions in doubt: what the server shows decides which were made, and only the others are sent again.

Three sources decide, in this order: balances, with their numbers of changes, that exactly one assignment explains
(`model.in_doubt_solver`); the server's list; and the same key, sent again while the server remembers it. What none of
them decides stays in doubt and is never guessed. Balances come first because after a crash a real server had applied
transactions that it listed only half an hour later.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.ledger.listing import read_listing
from midaz_seed.engine.ledger.snapshots import (
    NAMED_MAX,
    Snapshot,
    SnapshotSeries,
    Sums,
    describe_residue,
    explain,
    take_snapshot,
)
from midaz_seed.engine.ordering import InOrder, dated_accounts_of, epoch_of
from midaz_seed.engine.requests.transactions import IdempotencyKey, TransactionSender, UnresolvedTransaction
from midaz_seed.engine.state_tree import LedgerState
from midaz_seed.errors import UndecidedError
from midaz_seed.midaz import routes
from midaz_seed.midaz.evidence import Effect, Next, next_sending
from midaz_seed.midaz.routes import Place
from midaz_seed.model.in_doubt_solver import Solution
from midaz_seed.plan.items import FOLLOW_UP_KINDS, MONEY, Kind, Phase, TransactionItem
from midaz_seed.wording import counted

RECORDS_WITHIN_S = 3600.0
"""A server that crashed lists what it had accepted within this time (midaz-behaviour: killed-server)."""
ROUNDS_MAX = 5
"""How often a resent transaction may end in doubt again."""
IN_FLIGHT_PAUSE_MIN_S, IN_FLIGHT_PAUSE_MAX_S = 1.0, 30.0
"""Pauses between two sendings under a key that is in flight; each is twice the one before it."""


@dataclass(frozen=True, slots=True)
class Channel:
    """The paths and the sender of the transactions of a phase."""

    place: Place
    sender: TransactionSender
    _paths: dict[str, str] = field(default_factory=dict)

    def path_of(self, item: TransactionItem) -> str:
        """Return the path to post an item to."""
        path = self._paths.get(item.endpoint)
        if path is None:
            path = self._paths[item.endpoint] = routes.transactions(self.place, item.endpoint)
        return path


@dataclass(frozen=True, slots=True)
class Decided:
    """What is known of one transaction in doubt; `listed`: from the server's list."""

    effect: Effect
    listed: bool = False


async def decide(
    context: RunContext, ledger: LedgerState, phase: Phase, known: Sums, doubts: Sequence[UnresolvedTransaction]
) -> list[Decided]:
    """Decide each transaction in doubt, as far as two equal snapshots some time apart show it.

    Args:
        phase: in which the reads are counted.
        known: sums when everything known was made, and everything in doubt too.
        doubts: the transactions.

    Returns:
        One decision for each of `doubts`, in their order.

    Raises:
        RequestFailedError: the server cannot be read.
    """
    snapshots = SnapshotSeries(context, ledger, phase, until_s=_read_until_s(context, doubts))
    found: set[int] = set()
    while True:
        seen = await snapshots.take()
        late, steady = snapshots.is_late, snapshots.is_steady
        if steady or late:
            solution = await _explained(context, ledger, seen, known, doubts, found)
            if not solution.complete:
                listing = await read_listing(context, ledger)
                found |= {index for index, one in enumerate(doubts) if listing.shows(one.item)}
                # a list is newer than the snapshot before it: what arrived in between would count twice
                steady = steady and await take_snapshot(context, ledger, phase) == seen
                solution = await _explained(context, ledger, seen, known, doubts, found)
            fits = steady and not solution.contradicted and not seen.strange
            ledger.residue = "" if fits else describe_residue(ledger, seen, known, solution.contradicted)
            if (fits and (solution.unique or any(key_is_alive(context, one) for one in doubts))) or late:
                return _decisions(context, solution, found, doubts, believed=fits)
        await snapshots.wait()


async def _explained(
    context: RunContext,
    ledger: LedgerState,
    seen: Snapshot,
    known: Sums,
    doubts: Sequence[UnresolvedTransaction],
    found: set[int],
) -> Solution:
    """Solve the balances for the transactions that the list does not have."""
    items = [one.item for index, one in enumerate(doubts) if index not in found]
    return await explain(context, ledger, seen, known, items)


def _decisions(
    context: RunContext,
    solution: Solution,
    found: set[int],
    doubts: Sequence[UnresolvedTransaction],
    *,
    believed: bool,
) -> list[Decided]:
    """Combine list and balances; with `believed` False the balances decide nothing."""
    values = iter(solution.values)
    decided = []
    for index, one in enumerate(doubts):
        value = None if index in found else next(values)
        if index in found:
            decided.append(Decided(Effect.MADE, listed=True))
        elif believed and (value is False or (value is None and would_be_listed(context, one))):
            decided.append(Decided(Effect.NOT_MADE))
        elif value is None or not believed:
            decided.append(Decided(Effect.UNKNOWN))
        else:
            decided.append(Decided(Effect.MADE))
    return decided


def would_be_listed(context: RunContext, unresolved: UnresolvedTransaction) -> bool:
    """Return whether the list would show a transaction if it was made, although no balance shows it.

    That is so for an annotation, of which there is nothing but its record, when no request can arrive any more and a
    server that crashed has listed what it had accepted.
    """
    own = context.settings.idempotency
    age_s = context.clock.monotonic() - unresolved.first_sent_s
    return (
        unresolved.item.kind is Kind.ANNOTATION and max(RECORDS_WITHIN_S, own.ttl_s) + own.margin_s < age_s < math.inf
    )


def key_is_alive(context: RunContext, unresolved: UnresolvedTransaction) -> bool:
    """Return whether it may be sent again under its key although it is unknown whether it was made."""
    return _next(context, unresolved, Effect.UNKNOWN) is Next.SAME_KEY


def _read_until_s(context: RunContext, doubts: Sequence[UnresolvedTransaction]) -> float:
    """Return when to stop reading balances that decide nothing (monotonic): halfway to the time at which the first key
    becomes too old to be sent; infinity when none can be sent.
    """
    own = context.settings.idempotency
    alive = (one for one in doubts if one.item.kind not in FOLLOW_UP_KINDS and key_is_alive(context, one))
    return min((one.first_sent_s + (own.ttl_s - own.margin_s) / 2 for one in alive), default=math.inf)


def _next(context: RunContext, unresolved: UnresolvedTransaction, effect: Effect) -> Next:
    own = context.settings.idempotency
    if unresolved.item.kind in FOLLOW_UP_KINDS:  # the server carries it out once, whatever its key
        return Next.NEVER if effect is Effect.MADE else Next.SAME_KEY
    age_s = context.clock.monotonic() - unresolved.first_sent_s
    return next_sending(
        effect, age_s=age_s, ttl_s=own.ttl_s, margin_s=own.margin_s, key_is_taken=unresolved.key_is_taken
    )


def key_for(context: RunContext, unresolved: UnresolvedTransaction, effect: Effect) -> IdempotencyKey | None:
    """Return the key under which it may be sent again; None when it may not.

    That it was not made is known from a snapshot, but an attempt that a network delays may arrive after it. So it is
    sent while the key that such an attempt would use is still valid, and counts as certainly not made only when no
    attempt can arrive any more.
    """
    own, now_s = context.settings.idempotency, context.clock.monotonic()
    sending = _next(context, unresolved, effect)
    if unresolved.item.kind in FOLLOW_UP_KINDS:
        arrived = effect is Effect.NOT_MADE and now_s - unresolved.first_sent_s > own.margin_s
        return IdempotencyKey(unresolved.generation, known=Effect.NOT_MADE if arrived else Effect.UNKNOWN)
    if sending is Next.NEXT_KEY:
        return IdempotencyKey(unresolved.generation + 1, known=Effect.NOT_MADE)
    if sending is not Next.SAME_KEY:
        return None
    if key_is_alive(context, unresolved):
        return IdempotencyKey(unresolved.generation, unresolved.first_sent_s)
    known = Effect.NOT_MADE if now_s - unresolved.first_sent_s >= own.ttl_s else Effect.UNKNOWN
    return IdempotencyKey(unresolved.generation, known=known, not_after_s=now_s + own.ttl_s - own.margin_s)


def _ignore(_: UnresolvedTransaction) -> None:
    """Ignore a transaction that is known as made."""


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
    """Decide the ledger's transactions in doubt, and resend those that were not made.

    No other request of the ledger may be in flight. What stays undecided remains in `ledger.in_doubt`.

    Args:
        phase: in which the reads are counted.
        known: sums when everything known was made, and everything in doubt too.
        channels: by phase, paths and sender of its transactions.
        missed: called with each one that is certainly not made.
        made: called with each one that is now known as made.
        decided: earlier decisions, for the first round.

    Raises:
        RequestFailedError: the server cannot be read.
        BreakerOpenError: the breaker stayed open until its deadline.
        UnauthorizedError: the credentials were rejected.
    """
    ledger.uncertain = True
    await _Resolution(context, ledger, phase, known, channels, missed, made).run(decided)


@dataclass(slots=True)
class _Resolution:
    """Rounds of deciding and resending, until nothing is in doubt or nothing may be sent."""

    context: RunContext
    ledger: LedgerState
    phase: Phase
    known: Sums
    channels: Mapping[Phase, Channel]
    missed: Callable[[UnresolvedTransaction], None]
    made: Callable[[UnresolvedTransaction], None]
    lost: Counter[int] = field(default_factory=Counter)
    """Sum of the changes of those that were not made."""
    decided: set[tuple[Phase, int]] = field(default_factory=set)
    """Positions of those that are counted as decided."""

    async def run(self, decided: list[Decided] | None) -> None:
        context, ledger = self.context, self.ledger
        # a key that a killed server left in flight is free again only when it has expired
        stuck_until_s = context.clock.monotonic() + context.settings.idempotency.ttl_s
        rounds = 0
        while rounds < ROUNDS_MAX:
            stuck = any(unresolved.in_flight for unresolved in ledger.in_doubt)
            rounds += not (stuck and context.clock.monotonic() < stuck_until_s)
            doubts = list(ledger.in_doubt)
            if decided is None:
                decided = await self._decide(doubts)
            again = self._apply(doubts, decided)
            await self._send_again(again)
            decided = None
            if not ledger.in_doubt or not again or context.pool.admission.is_draining:
                return
            await self._wait_for_keys()

    async def _wait_for_keys(self) -> None:
        """Send transactions whose keys are in flight again, until one has another answer, or has expired.

        The pauses grow, and the last one ends when the key expires: a crashed server carries the transaction out only
        then. Meanwhile no worker waits, and the ledger does not count as one of those that are filled at the same time.
        """
        context, ledger, ttl_s = self.context, self.ledger, self.context.settings.idempotency.ttl_s
        ends_s = context.clock.monotonic() + ttl_s  # a follow-up has a new first sending each time
        pause_s, before = IN_FLIGHT_PAUSE_MIN_S, 0
        while True:
            now_s = context.clock.monotonic()
            waiting = [
                one for one in ledger.in_doubt if one.in_flight and now_s < min(one.first_sent_s + ttl_s, ends_s)
            ]
            if not waiting or len(waiting) < before:
                return
            before = len(waiting)
            await ledger.end_turn()
            await context.sleep(min(pause_s, *(one.first_sent_s + ttl_s - now_s for one in waiting)))
            pause_s = min(2 * pause_s, IN_FLIGHT_PAUSE_MAX_S)
            keys = ((one, key_for(context, one, Effect.UNKNOWN)) for one in waiting)
            await self._send_again([(one, key) for one, key in keys if key is not None])

    async def _decide(self, doubts: Sequence[UnresolvedTransaction]) -> list[Decided]:
        await _wait_for_delayed_requests(self.context, doubts)
        left = {key: value - self.lost[key] for key, value in self.known.items()}
        return await decide(self.context, self.ledger, self.phase, left, doubts)

    def _apply(
        self, doubts: Sequence[UnresolvedTransaction], decided: Sequence[Decided]
    ) -> list[tuple[UnresolvedTransaction, IdempotencyKey]]:
        """Record the decisions, and return the transactions that may be resent, each with its key."""
        context, again = self.context, []
        for channel in self.channels.values():
            channel.sender.flow.answered(context.clock.monotonic())
        for unresolved, what in zip(doubts, decided, strict=True):
            at = unresolved.item.phase, unresolved.ordinal
            if what.effect is not Effect.UNKNOWN and at not in self.decided:
                self.decided.add(at)
                context.recorder(self.ledger, unresolved.item.phase).count_doubt(applied=what.effect is Effect.MADE)
            if what.effect is Effect.MADE:
                recover(context, self.ledger, unresolved, self.channels[unresolved.item.phase], listed=what.listed)
                self.made(unresolved)
            elif (key := key_for(context, unresolved, what.effect)) is not None:
                again.append((unresolved, key))
        return again

    async def _send_again(self, again: Sequence[tuple[UnresolvedTransaction, IdempotencyKey]]) -> None:
        """Send these; with dates epoch by epoch, each account's in the order of the dates.

        Then one that is in doubt again ends the round for what must follow it.
        """
        pool, ledger = self.context.pool, self.ledger
        if not ledger.plan.is_dated:
            await pool.run_all(again, self._send)
            return

        def epoch(one: tuple[UnresolvedTransaction, IdempotencyKey]) -> tuple[int, int]:
            phase = one[0].item.phase
            return MONEY.index(phase), epoch_of(ledger.plan, one[0].ordinal) if phase is Phase.TRANSFERS else 0

        by_date = sorted(again, key=lambda one: (*epoch(one), one[0].ordinal))
        for _, same in groupby(by_date, key=epoch):
            in_order = InOrder(enumerate(same), lambda one: dated_accounts_of(one[0].item), max_concurrent=pool.limit)
            await pool.run_ordered(in_order, partial(self._send_in_order, in_order))
            if in_order.unstarted or in_order.is_holding:
                return

    async def _send_in_order(
        self,
        in_order: InOrder[tuple[UnresolvedTransaction, IdempotencyKey]],
        numbered_one: tuple[int, tuple[UnresolvedTransaction, IdempotencyKey]],
    ) -> None:
        number, one = numbered_one
        await self._send(one)
        if any(each.item is one[0].item for each in self.ledger.in_doubt):
            in_order.hold(number)

    async def _send(self, one: tuple[UnresolvedTransaction, IdempotencyKey]) -> None:
        unresolved, key = one
        channel, parent = self.channels[unresolved.item.phase], self.ledger.place.path
        path = channel.path_of(unresolved.item)
        outcome = await channel.sender.send(unresolved.item, unresolved.ordinal, path, parent, key)
        self.ledger.in_doubt.remove(unresolved)
        if outcome is None:
            self.made(unresolved)
        elif outcome.in_doubt:
            self.ledger.in_doubt.append(outcome)
        else:
            self.lost.update(self.ledger.trace_of(unresolved.item))
            self.missed(unresolved)


async def _wait_for_delayed_requests(context: RunContext, doubts: Sequence[UnresolvedTransaction]) -> None:
    """Wait until no attempt under a taken key can still arrive: only then the transaction may get another key."""
    last_s = max((unresolved.unanswered_s for unresolved in doubts if unresolved.key_is_taken), default=float("-inf"))
    await context.sleep(max(last_s + context.settings.idempotency.margin_s - context.clock.monotonic(), 0.0))


def recover(
    context: RunContext, ledger: LedgerState, unresolved: UnresolvedTransaction, channel: Channel, *, listed: bool
) -> None:
    """Record that a transaction whose answer was lost was made.

    Args:
        listed: the server's list shows it; otherwise only the balances do.
    """
    ledger.in_doubt.remove(unresolved)
    context.recorder(ledger, unresolved.item.phase).count_recovered(len(unresolved.item.movements))
    context.rejects.made(unresolved.item.key)
    if listed:
        channel.sender.phase_log.made(unresolved.ordinal)
    else:
        ledger.recovered.add(unresolved.item.key)
        channel.sender.phase_log.recovered(unresolved.ordinal)


def undecided(ledger: LedgerState) -> UndecidedError:
    """Return the error for a ledger with transactions that stay in doubt."""
    keys = [unresolved.item.key for unresolved in ledger.in_doubt]
    named = ", ".join(keys[:NAMED_MAX]) + (f" and {len(keys) - NAMED_MAX} more" if len(keys) > NAMED_MAX else "")
    why = ledger.residue or "the balances fit more than one answer"
    return UndecidedError(
        f"it is unknown whether {counted(len(keys), 'movement')} of ledger {ledger.plan.key} ({ledger.plan.name}) "
        f"{'was' if len(keys) == 1 else 'were'} made "
        f"({named}): {why}, the server's list does not have them, and sending them again could double them",
        hint="run again later: a server that crashed lists what it had applied within an hour",
    )
