"""Send the transactions of one phase and record each outcome."""

import anyio.lowlevel

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.ledger.in_doubt import Channel
from midaz_seed.engine.ledger.listing import YIELD_EVERY
from midaz_seed.engine.ledger.reconcile import ExistingTransactions, PlannedItem
from midaz_seed.engine.requests.follow_ups import FirstSteps, FollowUpSender
from midaz_seed.engine.requests.transactions import TransactionSender, UnresolvedTransaction
from midaz_seed.engine.state_tree import LedgerState
from midaz_seed.model.outcomes import Outcome
from midaz_seed.plan.items import Phase, TransactionItem, effect_of
from midaz_seed.reporting.meter import PhaseRecorder
from midaz_seed.reporting.settled_throughput import SettlementTimeline


class MoneyPhase:
    """Deposits or transfers of a ledger. A worker runs `send` for each of them."""

    def __init__(
        self,
        context: RunContext,
        ledger: LedgerState,
        phase: Phase,
        earlier: ExistingTransactions | None,
        recorder: PhaseRecorder,
    ) -> None:
        """Prepare the phase.

        Args:
            earlier: what earlier sessions made of the ledger's transactions; None: nothing.
            recorder: counts every outcome.
        """
        self._ledger = ledger
        self._phase = phase
        self._earlier = earlier
        self._recorder = recorder
        self._rejects = context.rejects
        self._blocked = bytearray(0 if present else 1 for present in ledger.accounts)
        for index in ledger.unfunded:
            self._blocked[index] = 1
        self._may_block = any(self._blocked) or bool(ledger.missed)
        self._parent = ledger.place.path
        self.channel = channel(context, ledger, phase)
        self.sender = self.channel.sender
        self.undecided: set[int] = set()
        """Ordinals of transactions whose outcome was open after they were sent."""

    async def send(self, numbered_item: PlannedItem) -> None:
        """Send one transaction, unless it was made before or cannot be made. Raises as `TransactionSender.send`."""
        ordinal, item = numbered_item
        earlier, key = self._earlier, None
        if earlier is not None:
            at = self._phase, ordinal
            if at in earlier.rejected:
                self.missed(item)  # its outcome was counted when it was resent
                return
            if earlier.holds(*at):
                if at not in earlier.counted:
                    self._recorder.count(Outcome.EXISTING)
                if self._rejects.standing:
                    self._rejects.made(item.key)
                if ordinal % YIELD_EVERY == 0:
                    await anyio.lowlevel.checkpoint()  # other tasks have requests in flight
                return
            key = earlier.keys.get(at)
        if self._may_block and self._is_blocked(item):
            self._recorder.count(Outcome.SKIPPED)
            self._ledger.miss(item)
            self.sender.phase_log.not_made(ordinal)
            return
        unresolved = await self.sender.send(item, ordinal, self.channel.path_of(item), self._parent, key)
        if unresolved is not None:
            self._record_unresolved(unresolved)

    def missed(self, item: TransactionItem) -> None:
        """Record a transaction as certainly not made: without its deposit an account cannot be a source."""
        self._ledger.miss(item)
        if item.phase is Phase.DEPOSITS:
            self._ledger.unfunded.update(effect_of(item))

    def _record_unresolved(self, unresolved: UnresolvedTransaction) -> None:
        if unresolved.in_doubt:
            self._ledger.in_doubt.append(unresolved)
            self.undecided.add(unresolved.ordinal)
        else:
            self.missed(unresolved.item)

    def _is_blocked(self, item: TransactionItem) -> bool:
        """Return whether one of its sources has no money, one of its accounts does not exist, or the transaction that
        it refers to was not made."""
        if item.of:
            return item.of in self._ledger.missed
        accounts, blocked = self._ledger.accounts, self._blocked
        return any(
            (movement.destination is not None and not accounts[movement.destination])
            or (movement.source is not None and blocked[movement.source])
            for movement in item.movements
        )


def channel(context: RunContext, ledger: LedgerState, phase: Phase) -> Channel:
    """Return the path and the sender of a ledger's transactions of one phase."""
    settings = context.settings
    follows = phase is Phase.FOLLOW_UPS
    sender = (FollowUpSender if follows else TransactionSender)(
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
        routes=ledger.routes,
    )
    if isinstance(sender, FollowUpSender):
        deadline_s = settings.settlement.deadline_s
        sender.first_steps = FirstSteps(
            context.api(phase), ledger.place, context.plan.run_id, ledger.sample, deadline_s
        )
    return Channel(ledger.place, sender)
