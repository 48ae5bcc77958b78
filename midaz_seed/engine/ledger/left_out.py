"""Exclude the transactions that a time limit left unstarted: the verification does not expect them."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import chain, islice

import anyio.lowlevel

from midaz_seed.engine.ledger.listing import YIELD_EVERY
from midaz_seed.engine.ledger.reconcile import ExistingTransactions, PlannedItem, numbered
from midaz_seed.engine.state_tree import LedgerState
from midaz_seed.model.outcomes import Outcome
from midaz_seed.plan.items import ENDINGS, Phase, balance_effect_of, effect_of
from midaz_seed.reporting.meter import PhaseRecorder


async def exclude_unstarted(
    ledger: LedgerState,
    recorder: PhaseRecorder,
    rest: Iterator[PlannedItem],
    earlier: ExistingTransactions | None,
    held_back: Sequence[PlannedItem] = (),
) -> None:
    """Exclude what was not started when time was up from the expectation of the verification.

    The plan knows the sum over all items, so only the smaller share, started or unstarted, is iterated.

    Args:
        ledger: receives the excluded count and changes.
        recorder: counts what an earlier session made as existing.
        rest: iterator of the phase, from the item on after which none was started.
        earlier: what earlier sessions made.
        held_back: items before `rest` that were not started either, because they waited for others.
    """
    phase = recorder.phase
    planned = ledger.plan.counts[phase]
    first = next(rest, None)
    begun = planned if first is None else first[0]
    if first is None and not held_back:
        return
    changes: Counter[int] = Counter()
    endings: set[str] = set()
    # the plan has sums of available amounts alone
    has_sums = not (ledger.plan.counts.get(Phase.FOLLOW_UPS) or ledger.plan.expectation().on_hold)
    if earlier is None and begun < planned - begun and has_sums:
        count = planned - begun + len(held_back)
        for account, whole in enumerate(ledger.plan.expectation().effect_of(phase)):
            changes[account] = whole
        async for _, item in yielding(islice(numbered(ledger, phase), begun)):
            changes.subtract(effect_of(item))
        for _, item in held_back:
            changes.update(effect_of(item))
    else:
        count = 0
        async for ordinal, item in yielding(chain(held_back, [first] if first is not None else [], rest)):
            if earlier is not None and earlier.holds(phase, ordinal):
                if (phase, ordinal) not in earlier.counted:
                    recorder.count(Outcome.EXISTING)
                continue
            count += 1
            changes.update(balance_effect_of(item))
            if item.kind in ENDINGS:
                endings.add(item.of)
    changes = Counter({key: change for key, change in changes.items() if change})
    if phase is Phase.DEPOSITS:
        ledger.unfunded.update(changes)
    ledger.exclude_unstarted(phase, begun, changes, count, endings, frozenset(ordinal for ordinal, _ in held_back))


async def yielding(items: Iterable[PlannedItem]) -> AsyncIterator[PlannedItem]:
    """Iterate over items without a request; now and then other tasks may run."""
    for number, item in enumerate(items):
        yield item
        if number % YIELD_EVERY == 0:
            await anyio.lowlevel.checkpoint()
