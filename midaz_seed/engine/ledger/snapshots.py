"""Read the balances of a ledger at one moment, and solve what they show."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import anyio.to_thread

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.ledger.settlement import observe
from midaz_seed.engine.state_tree import LedgerState
from midaz_seed.errors import PlanError
from midaz_seed.model.in_doubt_solver import Solution, solve
from midaz_seed.model.money import parse_minor
from midaz_seed.plan.items import HOLDS, Phase, TransactionItem, account_of, changes_key, hold_key
from midaz_seed.wording import counted

SOLVE_WITHIN_S = 2.0
"""Deadline of one search; without a result by then the solution counts as not unique."""
NAMED_MAX = 5
"""Accounts that an error message names."""

Sums = Mapping[int, int]
"""Account -> available amount in minor units, `hold_key(account)` -> amount on hold, `changes_key(account)` -> number
of changes of its balance.
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The balances of a ledger, as the server shows them at one moment."""

    held: dict[int, int]
    """As `Sums`; without the numbers of changes where the server does not report them."""
    strange: tuple[str, ...]
    """Accounts that exist without a balance, or with one that their asset cannot have."""

    def beyond(self, known: Sums, effects: Iterable[Mapping[int, int]]) -> dict[int, int]:
        """Return what is there in addition to what is known.

        Args:
            known: sums that include the effects in doubt.
            effects: the effects in doubt, which are taken out again.
        """
        doubtful = Counter[int]()
        for effect in effects:
            doubtful.update(effect)
        return {key: held - known.get(key, 0) + doubtful[key] for key, held in self.held.items()}

    @property
    def counts_changes(self) -> bool:
        """Return whether the server reports the number of changes of each balance."""
        return any(key < 0 for key in self.held)

    def without_changes(self) -> "Snapshot":
        """Return the same snapshot without the numbers of changes."""
        return Snapshot({key: held for key, held in self.held.items() if key >= 0}, self.strange)


class SnapshotSeries:
    """Snapshots of one ledger, with pauses between them, until the settlement deadline."""

    def __init__(self, context: RunContext, ledger: LedgerState, phase: Phase, *, until_s: float = math.inf) -> None:
        """Prepare the reads.

        Args:
            phase: in which they are counted.
            until_s: an earlier deadline (monotonic).
        """
        wait = context.settings.settlement
        self._context = context
        self._ledger = ledger
        self._phase = phase
        self._pause_s, self._longest_pause_s = wait.initial_delay_s, wait.max_delay_s
        self._deadline_s = wait.deadline_s
        self._until_s = min(context.clock.monotonic() + wait.deadline_s, until_s)
        self._last: Snapshot | None = None
        self.is_steady = False
        """The last snapshot equals the one before it."""
        self.is_late = False
        """The deadline had passed when the last snapshot was taken."""
        self.was_late = False
        """It had already passed at the one before it."""

    async def take(self) -> Snapshot:
        """Take the next snapshot.

        Raises:
            RequestFailedError: the balances cannot be read.
        """
        seen = await take_snapshot(self._context, self._ledger, self._phase)
        self.is_steady, self._last = seen == self._last, seen
        self.was_late, self.is_late = self.is_late, self._context.clock.monotonic() >= self._until_s
        return seen

    def extend(self) -> None:
        """Let the deadline begin again."""
        self.is_late = False
        self._until_s = self._context.clock.monotonic() + self._deadline_s

    async def wait(self, *, to_confirm: bool = True) -> None:
        """Pause before the next snapshot: the full length where it confirms the last one, else growing from a short
        one.
        """
        pause_s = self._longest_pause_s if to_confirm else min(self._pause_s, self._longest_pause_s)
        self._pause_s *= 2
        await self._context.sleep(pause_s)


async def take_snapshot(context: RunContext, ledger: LedgerState, phase: Phase) -> Snapshot:
    """Read the balances of every account that exists.

    Raises:
        RequestFailedError: the balances cannot be read.
    """
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
        scale = plan.asset_of(account).scale
        try:
            held[account] = parse_minor(str(row.available), scale)
            held[hold_key(account)] = parse_minor(str(row.on_hold), scale)
        except PlanError:
            strange.append(f"{plan.alias(account)} holds {row.available} {row.asset}, and {row.on_hold} on hold")
        if row.version is None:
            counted = False
        else:
            held[changes_key(account)] = row.version
    seen = Snapshot(held, tuple(strange))
    server = context.server
    if plan.counts.get(Phase.FOLLOW_UPS) and server is not None and server.holds_touch_destinations is None:
        counted = False  # it is not known which changes this version counts
    return seen if counted else seen.without_changes()


async def explain(
    context: RunContext, ledger: LedgerState, seen: Snapshot, known: Sums, items: Sequence[TransactionItem]
) -> Solution:
    """Solve which of some transactions explain the balances.

    The search runs in a thread, so the event loop stays responsive, and stops at its deadline.

    Args:
        seen: the balances.
        known: sums that include `items`.
        items: transactions that may or may not have been made.
    """
    effects = [{key: change for key, change in ledger.trace_of(item).items() if key in seen.held} for item in items]
    residuals = seen.beyond(known, effects)
    until_s = context.clock.monotonic() + SOLVE_WITHIN_S
    with context.pool.admission.interruptible():
        return await anyio.to_thread.run_sync(
            solve, effects, residuals, lambda: context.clock.monotonic() > until_s, abandon_on_cancel=True
        )


def describe_residue(ledger: LedgerState, seen: Snapshot, known: Sums, contradicted: Iterable[int]) -> str:
    """Describe what nothing explains in the balances: the accounts, and the amounts by which they differ."""
    plan, texts = ledger.plan, list(seen.strange)
    order = sorted(contradicted, key=lambda key: (key < 0, key >= HOLDS, account_of(key)))
    for key in order:
        more, account = seen.held.get(key, 0) - known.get(key, 0), account_of(key)
        than = "more" if more > 0 else "less"
        if key >= 0 and more:
            where = " on hold" if key >= HOLDS else ""
            texts.append(
                f"{plan.alias(account)} holds {plan.asset_of(account).text(abs(more))} {than}{where} than that"
            )
        elif key < 0 and more:
            texts.append(f"{plan.alias(account)} was changed {counted(abs(more), 'time')} {than}")
    rest = f" and {len(texts) - NAMED_MAX} more" if len(texts) > NAMED_MAX else ""
    return "; ".join(texts[:NAMED_MAX]) + rest
