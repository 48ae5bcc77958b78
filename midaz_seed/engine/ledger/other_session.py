"""The settlement barrier beside another session: two processes may fill the same slice, each with its own directory.

Their keys are the same, so what both send is made once. But the session that is behind sees in the balances what the
other one moves, which is neither lag nor a difference. It waits for that, and counts it as made by an earlier session.
"""

from collections.abc import Sequence
from dataclasses import replace

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.ledger.listing import read_listing
from midaz_seed.engine.ledger.reconcile import ExistingTransactions, balances_after, find_existing, numbered
from midaz_seed.engine.ledger.settlement import settle
from midaz_seed.engine.ledger.snapshots import SnapshotSeries
from midaz_seed.engine.state_tree import LedgerState
from midaz_seed.errors import ExcessError, SettlementError
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import Settled

AFTER_SETTLEMENT = (Phase.TRANSFERS, Phase.FOLLOW_UPS)
"""Phases of which this session has sent nothing while it waits for settlement."""


async def settle_beside_others(
    context: RunContext, ledger: LedgerState, made: ExistingTransactions | None, expected: Sequence[int]
) -> tuple[Settled, ExistingTransactions | None]:
    """Wait for settlement, and for what another session of the same run moves meanwhile.

    Only marks of transactions that this session has not sent show another session, and its share is known only when
    the list explains every balance exactly. So a real difference is never accepted. Each round finds more of the plan
    on the server than the one before, so the rounds end.

    Args:
        context: the run.
        ledger: a ledger whose deposits have been sent.
        made: what earlier sessions made.
        expected: balance of each account, in minor units.

    Returns:
        When and how it was seen, and what earlier sessions and the other one made.

    Raises:
        SettlementError: deposits are not visible at the deadline.
        ExcessError: accounts hold more than expected, and the list shows no other session.
        UnexplainedError: another session moves money, and nothing explains the balances until nothing new of the plan
            has appeared for the time of the settlement deadline.
        RequestFailedError: the server cannot be read.
    """
    started_s = context.clock.monotonic()
    while True:
        began_s = context.clock.monotonic()
        try:
            settled = await settle(context, ledger, expected)
        except (ExcessError, SettlementError):
            if not await _another_moves(context, ledger, made):
                raise
            made = await find_existing(context, ledger, made, beside_another=True)
            assert made is not None
            expected = balances_after(ledger, made, and_deposits=True)
        else:
            return replace(settled, waited_s=settled.waited_s + began_s - started_s), made


async def _another_moves(context: RunContext, ledger: LedgerState, made: ExistingTransactions | None) -> bool:
    """Return whether the list shows transactions that this session has not sent and does not know as made.

    Records may follow the balances, so the list is read again while the balances change, until the settlement deadline.
    """
    snapshots = SnapshotSeries(context, ledger, Phase.SETTLEMENT)
    while True:
        await snapshots.take()
        listing = await read_listing(context, ledger)
        if any(
            listing.shows(item)
            for phase in AFTER_SETTLEMENT
            for ordinal, item in numbered(ledger, phase)
            if made is None or not made.holds(phase, ordinal)
        ):
            return True
        if snapshots.is_steady or snapshots.is_late:
            return False
        await snapshots.wait()
