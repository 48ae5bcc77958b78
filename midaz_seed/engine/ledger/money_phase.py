"""The transactions of one phase of one ledger: which of them are sent, and what became of each."""

import anyio.lowlevel

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.ledger.in_doubt import Channel
from midaz_seed.engine.ledger.left_out import YIELD_EVERY
from midaz_seed.engine.ledger.reconcile import ExistingTransactions, PlannedItem
from midaz_seed.engine.requests.transactions import IdempotencyKey, TransactionSender, UnresolvedTransaction
from midaz_seed.engine.state_tree import LedgerState
from midaz_seed.midaz.api import transaction_path
from midaz_seed.model.outcomes import Outcome
from midaz_seed.plan.items import Phase, TransactionItem
from midaz_seed.reporting.meter import PhaseRecorder
from midaz_seed.reporting.settled_throughput import SettlementTimeline


class MoneyPhase:
    """Deposits or transfers of a ledger. Its `send` is what a worker does with each of them."""

    def __init__(
        self,
        context: RunContext,
        ledger: LedgerState,
        phase: Phase,
        earlier: ExistingTransactions | None,
        recorder: PhaseRecorder,
    ) -> None:
        """`earlier`: what earlier sessions made of the ledger's transactions. `recorder` counts every outcome."""
        self._ledger = ledger
        self._phase = phase
        self._earlier = earlier
        self._recorder = recorder
        self._rejects = context.rejects
        self._blocked = bytearray(0 if present else 1 for present in ledger.accounts)
        for index in ledger.unfunded:
            self._blocked[index] = 1
        self._may_block = any(self._blocked)
        self._parent = ledger.place.path
        self.channel = channel(context, ledger, phase)
        self.movements = self.channel.movements
        self.path = self.channel.path
        self.set_aside: list[UnresolvedTransaction] = []
        """Not decided yet, because their keys are in flight."""

    async def send(self, numbered_item: PlannedItem) -> None:
        """Make one transaction happen, unless it was made before or cannot be. Raises what `TransactionSender.send`
        does."""
        ordinal, item = numbered_item
        earlier, key = self._earlier, None
        if earlier is not None:
            at = self._phase, ordinal
            if at in earlier.refused:
                self.missed(item)  # counted when it was sent again
                return
            if earlier.holds(*at):
                if at not in earlier.counted:
                    self._recorder.count(Outcome.EXISTING)
                if self._rejects.standing:
                    self._rejects.made(item.key)
                if ordinal % YIELD_EVERY == 0:
                    await anyio.lowlevel.checkpoint()  # others have requests in flight
                return
            key = earlier.keys.get(at)
        if self._may_block and self._is_blocked(item):
            self._recorder.count(Outcome.SKIPPED)
            self._ledger.miss(item)
            self.movements.phase_log.not_made(ordinal)
            return
        unsent = await self.movements.send(item, ordinal, self.path, self._parent, key, wait=False)
        if unsent is not None:
            self._not_made(unsent)

    async def ask_again(self, unsent: UnresolvedTransaction) -> None:
        """Decide a transaction that was set aside, however long its key is in flight."""
        self.set_aside.remove(unsent)
        key = IdempotencyKey(unsent.generation, unsent.first_sent_s)
        again = await self.movements.send(unsent.item, unsent.ordinal, self.path, self._parent, key)
        if again is not None:
            self._not_made(again)

    def missed(self, item: TransactionItem) -> None:
        """A transaction was certainly not made: without its deposit an account cannot be a source."""
        self._ledger.miss(item)
        if item.phase is Phase.DEPOSITS:
            self._ledger.unfunded.update(movement.destination for movement in item.movements)

    def _not_made(self, unsent: UnresolvedTransaction) -> None:
        if unsent.set_aside:
            self.set_aside.append(unsent)
        elif unsent.in_doubt:
            self._ledger.in_doubt.append(unsent)
        else:
            self.missed(unsent.item)

    def _is_blocked(self, item: TransactionItem) -> bool:
        """Whether one of its sources has no money, or one of its accounts does not exist."""
        accounts, blocked = self._ledger.accounts, self._blocked
        return any(
            not accounts[movement.destination] or (movement.source is not None and blocked[movement.source])
            for movement in item.movements
        )


def channel(context: RunContext, ledger: LedgerState, phase: Phase) -> Channel:
    """Where the transactions of a phase of a ledger go, and what sends them."""
    settings = context.settings
    movements = TransactionSender(
        context.sender,
        context.tracker,
        context.recorder(ledger, phase),
        run_id=context.plan.run_id,
        place=ledger.place,
        ttl_s=settings.idempotency.ttl_s,
        margin_s=settings.idempotency.margin_s,
        visible_within_s=settings.settlement.deadline_s,
        sample=ledger.sample,
        phase_log=context.journal.phase_log(ledger.index, phase, ledger.plan.counts.get(phase, 0)),
        flow=ledger.flows.setdefault(phase, SettlementTimeline(phase)),
        rejects=context.rejects,
    )
    return Channel(transaction_path(ledger.place, phase), movements)
