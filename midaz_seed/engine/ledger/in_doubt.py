"""Transactions in doubt: what the server shows decides which were made, and only the others are sent again.

Three things decide, in this order: balances (with the number of their changes) that one assignment alone explains
(`model.in_doubt_solver`), the server's own list, and the same key sent again while the server remembers it. What none
of them decides stays in doubt: it is never guessed. Balances come first because after a crash a real server had applied
some transactions that it listed only half an hour later.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import anyio.to_thread

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.entities.marks import key_of
from midaz_seed.engine.ledger.audit import transactions_of
from midaz_seed.engine.ledger.settlement import observe
from midaz_seed.engine.requests.transactions import IdempotencyKey, TransactionSender, UnresolvedTransaction
from midaz_seed.engine.state_tree import LedgerState
from midaz_seed.errors import PlanError, UndecidedError
from midaz_seed.midaz.evidence import Effect, Next, is_record, next_sending
from midaz_seed.model.in_doubt_solver import Solution, solve
from midaz_seed.model.json_types import JsonObject
from midaz_seed.model.money import parse_minor
from midaz_seed.model.outcomes import Outcome
from midaz_seed.plan.items import Phase, TransactionItem, changes_key, trace_of

ROUNDS_MAX = 5
"""How often what was sent again may itself end in doubt."""
SOLVE_WITHIN_S = 2.0
"""How long one search may take; what it has not found by then counts as not unique."""
NAMED_MAX = 5

Sums = Mapping[int, int]
"""Of each account of a ledger: its balance in minor units, and under `changes_key` how often it was changed."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the server shows of a ledger's balances at one moment."""

    held: dict[int, int]
    """As `Sums`; without the numbers of changes where the server does not tell them."""
    strange: tuple[str, ...]
    """Accounts that exist and have no balance, or one that their asset cannot have."""

    def beyond(self, known: Sums, effects: Iterable[Mapping[int, int]]) -> dict[int, int]:
        """What is there beyond what is known; `known` includes the effects that are in doubt."""
        doubtful = Counter[int]()
        for effect in effects:
            doubtful.update(effect)
        return {key: held - known.get(key, 0) + doubtful[key] for key, held in self.held.items()}

    @property
    def counts_changes(self) -> bool:
        """Whether the server tells how often each balance was changed."""
        return any(key < 0 for key in self.held)

    def without_changes(self) -> "Snapshot":
        """The same, as a server shows it that does not count changes."""
        return Snapshot({key: held for key, held in self.held.items() if key >= 0}, self.strange)


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


async def take_snapshot(context: RunContext, ledger: LedgerState, phase: Phase) -> Snapshot:
    """Read the balances of every account that exists. Raises RequestFailedError."""
    plan = ledger.plan
    rows = await context.pool.run_one(lambda: observe(context, ledger, phase))
    held: dict[int, int] = {}
    strange = []
    counted = True
    for account, exists in enumerate(ledger.accounts):
        if not exists:
            continue
        row = rows.get(plan.alias(account))
        if row is None:
            strange.append(f"{plan.alias(account)} has no balance")
            continue
        try:
            held[account] = parse_minor(str(row.available), plan.asset_of(account).scale)
        except PlanError:
            strange.append(f"{plan.alias(account)} holds {row.available} {row.asset}")
        if row.version is None:
            counted = False
        else:
            held[changes_key(account)] = row.version
    seen = Snapshot(held, tuple(strange))
    return seen if counted else seen.without_changes()


async def explain(context: RunContext, seen: Snapshot, known: Sums, items: Sequence[TransactionItem]) -> Solution:
    """What the balances prove about these transactions; `known` includes them. The search runs beside the event loop,
    and ends in time."""
    effects = [{key: change for key, change in trace_of(item).items() if key in seen.held} for item in items]
    residuals = seen.beyond(known, effects)
    until_s = context.clock.monotonic() + SOLVE_WITHIN_S
    return await anyio.to_thread.run_sync(
        solve, effects, residuals, lambda: context.clock.monotonic() > until_s, abandon_on_cancel=True
    )


def in_words(ledger: LedgerState, seen: Snapshot, known: Sums, contradicted: Iterable[int]) -> str:
    """What in the balances nothing explains: the accounts, and by how much they are off."""
    plan, texts = ledger.plan, list(seen.strange)
    for key in sorted(contradicted, reverse=True):
        more = seen.held.get(key, 0) - known.get(key, 0)
        if key >= 0 and more:
            amount = plan.asset_of(key).text(abs(more))
            texts.append(f"{plan.alias(key)} holds {amount} {'more' if more > 0 else 'less'} than that")
        elif key < 0 and more:
            texts.append(
                f"{plan.alias(changes_key(key))} was changed {abs(more)} times {'more' if more > 0 else 'less'}"
            )
    rest = f" and {len(texts) - NAMED_MAX} more" if len(texts) > NAMED_MAX else ""
    return "; ".join(texts[:NAMED_MAX]) + rest


async def listed(context: RunContext, ledger: LedgerState) -> tuple[dict[str, JsonObject], bool]:
    """The server's list of the ledger's transactions: those with a mark of this run by their item keys, and whether
    there are others too. Raises RequestFailedError."""

    async def read() -> tuple[dict[str, JsonObject], bool]:
        ours, others = dict[str, JsonObject](), False
        async for row in transactions_of(context, ledger):
            key = key_of(row, context.plan.run_id)
            if key:
                ours[key] = row
            else:
                others = True
        return ours, others

    return await context.pool.run_one(read)


async def decide(
    context: RunContext, ledger: LedgerState, phase: Phase, known: Sums, doubts: Sequence[UnresolvedTransaction]
) -> list[Decided]:
    """What became of each transaction in doubt, as far as the server shows it at two equal looks some time apart.

    `known` is what the server would show when everything was made that is known, and all in doubt too.
    """
    wait, clock = context.settings.settlement, context.clock
    until_s = clock.monotonic() + wait.deadline_s
    earlier: Snapshot | None = None
    found: set[int] = set()
    while True:
        seen = await take_snapshot(context, ledger, phase)
        late = clock.monotonic() >= until_s
        steady = seen == earlier
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
        earlier = seen
        await clock.sleep(wait.max_delay_s)


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


async def resolve_doubts(
    context: RunContext,
    ledger: LedgerState,
    phase: Phase,
    known: Sums,
    channels: Mapping[Phase, Channel],
    *,
    made: Callable[[UnresolvedTransaction], None],
    missed: Callable[[UnresolvedTransaction], None],
    decided: list[Decided] | None = None,
) -> None:
    """Decide the ledger's transactions in doubt, and make happen those that were not made.

    Nothing of the ledger may be in flight from here. What stays undecided is left in `ledger.in_doubt`.

    Args:
        known: what the server would show when everything was made that is known, and all in doubt too.
        made: gets each one that is now known as made. missed: gets each one that is certainly not made.
        decided: what a look has already said of each.

    Raises: RequestFailedError when the server cannot be read, BreakerOpenError, UnauthorizedError.
    """
    ledger.uncertain = True
    lost = Counter[int]()
    # a key that a killed server left in flight is free again only when its time on the server is over
    stuck_until_s = context.clock.monotonic() + context.settings.idempotency.ttl_s
    rounds = 0
    while rounds < ROUNDS_MAX:
        stuck = any(unsent.in_flight for unsent in ledger.in_doubt)
        rounds += not (stuck and context.clock.monotonic() < stuck_until_s)
        doubts = list(ledger.in_doubt)
        if decided is None:
            await _nothing_held(context, doubts)
            left = {key: value - lost[key] for key, value in known.items()}
            decided = await decide(context, ledger, phase, left, doubts)
        for channel in channels.values():
            channel.movements.flow.answered(context.clock.monotonic())
        again = []
        for unsent, what in zip(doubts, decided, strict=True):
            if what.effect is not Effect.UNKNOWN:
                context.meter.phases[unsent.item.phase].doubted(applied=what.effect is Effect.MADE)
            if what.effect is Effect.MADE:
                recover(context, ledger, unsent, channels[unsent.item.phase], listed=what.listed)
                made(unsent)
            elif (key := key_for(context, unsent, what.effect)) is not None:
                again.append((unsent, key))

        async def send(one: tuple[UnresolvedTransaction, IdempotencyKey]) -> None:
            unsent, key = one
            channel = channels[unsent.item.phase]
            outcome = await channel.movements.send(unsent.item, unsent.ordinal, channel.path, ledger.place.path, key)
            ledger.in_doubt.remove(unsent)
            if outcome is None:
                made(unsent)
            elif outcome.in_doubt:
                ledger.in_doubt.append(outcome)
            else:
                lost.update(trace_of(unsent.item))
                missed(unsent)

        await context.pool.run_all(again, send)
        decided = None
        if not ledger.in_doubt or not again or context.pool.admission.is_draining:
            return


async def _nothing_held(context: RunContext, doubts: Sequence[UnresolvedTransaction]) -> None:
    """Before one whose key is taken may get another key, no attempt under the old one may be on its way."""
    last_s = max((unsent.unanswered_s for unsent in doubts if unsent.key_is_taken), default=float("-inf"))
    await context.clock.sleep(max(last_s + context.settings.idempotency.margin_s - context.clock.monotonic(), 0.0))


def recover(
    context: RunContext, ledger: LedgerState, unsent: UnresolvedTransaction, channel: Channel, *, listed: bool
) -> None:
    """A transaction whose answer was lost was made after all."""
    ledger.in_doubt.remove(unsent)
    meter = context.meter.phases[unsent.item.phase]
    meter.recovered += 1
    meter.movements += len(unsent.item.movements)
    context.meter.add(unsent.item.phase, Outcome.CREATED)
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
