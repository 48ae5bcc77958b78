"""What a time limit leaves out: transactions that were never begun are no part of the verification."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from itertools import chain, islice

import anyio.lowlevel

from midaz_seed.engine.ledger.reconcile import ExistingTransactions, PlannedItem, numbered
from midaz_seed.engine.state_tree import LedgerState
from midaz_seed.model.outcomes import Outcome
from midaz_seed.plan.items import Phase, effect_of
from midaz_seed.reporting.meter import PhaseRecorder

YIELD_EVERY = 500
"""Items for which nothing is sent, after which other tasks, which have requests in flight, get their turn."""


async def exclude_unstarted(
    ledger: LedgerState,
    recorder: PhaseRecorder,
    rest: Iterator[PlannedItem],
    earlier: ExistingTransactions | None,
) -> None:
    """Time is up: what has not been begun (`rest`, and not made by an earlier session) is no part of the proof.

    Of what was begun and what was not, the smaller part is gone over; the plan knows the sum of both.
    """
    first = next(rest, None)
    if first is None:
        return
    phase = recorder.phase
    begun, planned = first[0], ledger.plan.counts[phase]
    changes: Counter[int] = Counter()
    if earlier is None and begun < planned - begun:
        count = planned - begun
        for account, whole in enumerate(ledger.plan.expectation().effect_of(phase)):
            changes[account] = whole
        async for _, item in _unhurried(islice(numbered(ledger, phase), begun)):
            changes.subtract(effect_of(item))
    else:
        count = 0
        async for ordinal, item in _unhurried(chain([first], rest)):
            if earlier is not None and earlier.holds(phase, ordinal):
                recorder.count(Outcome.EXISTING)
                continue
            count += 1
            changes.update(effect_of(item))
    changes = Counter({account: change for account, change in changes.items() if change})
    if phase is Phase.DEPOSITS:
        ledger.unfunded.update(changes)
    ledger.exclude_unstarted(phase, begun, changes, count)


async def _unhurried(items: Iterator[PlannedItem]) -> AsyncIterator[PlannedItem]:
    for number, item in enumerate(items):
        yield item
        if number % YIELD_EVERY == 0:
            await anyio.lowlevel.checkpoint()
