"""Transactions that a time limit leaves unstarted."""

from midaz_seed.engine.ledger.left_out import exclude_unstarted
from midaz_seed.engine.ledger.reconcile import ExistingTransactions, numbered
from midaz_seed.engine.state_tree import LedgerState
from midaz_seed.plan.items import MONEY, Phase
from midaz_seed.plan.plan import build_plan
from midaz_seed.reporting.meter import Meter
from midaz_seed.settings.model import Settings


async def test_an_item_that_was_counted_before_its_phase_is_not_counted_again_when_time_is_up() -> None:
    plan = build_plan(Settings.model_validate({"preset": "tiny"}))
    ledger = LedgerState(plan.ledgers[0], 0)
    planned = ledger.plan.counts[Phase.DEPOSITS]
    recorder = Meter(plan.counts).recorder(Phase.DEPOSITS, ledger.plan.key, planned)
    earlier = ExistingTransactions({phase: bytearray() for phase in MONEY})
    for ordinal in range(planned):
        earlier.add(Phase.DEPOSITS, ordinal)
    earlier.counted.add((Phase.DEPOSITS, 0))
    recorder.count_recovered()  # the one that was resent before the phase
    await exclude_unstarted(ledger, recorder, numbered(ledger, Phase.DEPOSITS), earlier)
    assert (recorder.progress.created, recorder.progress.existing) == (1, planned - 1)
    assert ledger.left_out_count == 0
