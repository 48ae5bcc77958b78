"""Send the transactions of a phase of a ledger: freely, or epoch by epoch in the order of their dates."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.ledger.in_doubt import Channel, resolve_doubts, undecided
from midaz_seed.engine.ledger.left_out import exclude_unstarted, yielding
from midaz_seed.engine.ledger.money_phase import MoneyPhase
from midaz_seed.engine.ledger.reconcile import ExistingTransactions, PlannedItem, numbered
from midaz_seed.engine.ledger.refusals import Refusals
from midaz_seed.engine.ledger.running_sums import RunningSums
from midaz_seed.engine.ordering import InOrder, dated_accounts_of, keeps_order, no_accounts_of, sends_epochs
from midaz_seed.engine.state_tree import LedgerState
from midaz_seed.plan.items import Phase, TransactionItem
from midaz_seed.reporting.meter import PhaseRecorder

Epoch = Callable[[], Iterator[TransactionItem]]
"""Generates the transactions of one epoch of a phase."""


class PhaseSending:
    """Sends the money phases of one ledger, one after another."""

    def __init__(self, context: RunContext, ledger: LedgerState, earlier: ExistingTransactions | None) -> None:
        """Prepare the phases.

        Args:
            context: the run.
            ledger: the ledger.
            earlier: what earlier sessions made of the ledger's transactions; None: nothing.
        """
        self._context = context
        self._ledger = ledger
        self._plan = ledger.plan
        self._made = earlier
        self._sums = RunningSums(ledger, earlier)

    def sends_freely(self, phase: Phase) -> bool:
        """Return whether the transactions of a phase wait for no others of it."""
        settings, plan = self._context.settings, self._plan
        if phase is Phase.DEPOSITS:  # they are ordered too, because the external account has a history
            return not keeps_order(settings, plan)
        return phase is not Phase.TRANSFERS or not sends_epochs(settings, plan)

    async def send(self, recorder: PhaseRecorder, refusals: Refusals | None = None) -> None:
        """Send the transactions of the recorder's phase, and decide what is in doubt.

        Args:
            recorder: counts the outcomes.
            refusals: to be sent among the transactions of a phase that is sent freely.

        Raises:
            UndecidedError: something stays in doubt, and what is dated later must not be sent before it.
        """
        money = MoneyPhase(self._context, self._ledger, recorder.phase, self._made, recorder)
        plan, phase = self._plan, recorder.phase
        if self.sends_freely(phase):
            await self._send_freely(money, recorder, refusals)
        elif phase is Phase.TRANSFERS:
            await self._send_epochs(
                money, recorder, [partial(plan.transfers_of, each) for each in range(len(plan.epochs))]
            )
        else:
            await self._send_epochs(money, recorder, [plan.deposits])

    async def _send_freely(self, money: MoneyPhase, recorder: PhaseRecorder, refusals: Refusals | None) -> None:
        """Send the transactions of a phase in the order of the plan; none waits for another."""
        context, ledger, phase = self._context, self._ledger, recorder.phase
        items = numbered(ledger, phase)
        if refusals is None:
            await context.pool.run_all(items, money.send, is_new_work=True)
        else:
            mixed, by_phase = refusals.among(items, self._plan.counts[phase]), {phase: money.send}
            by_phase[Phase.REFUSALS] = refusals.send
            await context.pool.run_all(mixed, lambda one: by_phase[one[1].phase](one), is_new_work=True)
        if context.pool.admission.time_is_up:
            await exclude_unstarted(ledger, recorder, items, self._made)
        planned = self._plan.counts.get(phase, 0)
        last = len(self._plan.epochs) - 1 if phase is Phase.TRANSFERS else 0
        await self._settle_doubts(money, phase, last, range(ledger.begun.get(phase, planned), planned))

    async def _send_epochs(self, money: MoneyPhase, recorder: PhaseRecorder, epochs: Sequence[Epoch]) -> None:
        """Send a phase epoch by epoch: what is in doubt is decided before the next one begins. Raises as `send`."""
        context, ledger, made, phase = self._context, self._ledger, self._made, recorder.phase
        phase_log, first = money.sender.phase_log, 0
        accounts = dated_accounts_of if keeps_order(context.settings, self._plan) else no_accounts_of
        for epoch, items in enumerate(epochs):
            planned = [item async for item in yielding(enumerate(items(), first))]
            order = InOrder(planned, accounts, max_concurrent=context.pool.limit)
            first += len(planned)
            recorder.progress.day = self._day_of(epoch) if phase is Phase.TRANSFERS else 0
            phase_log.order_ends = first
            if made is not None:
                if phase is Phase.TRANSFERS:
                    self._note_late(planned)
                phase_log.lease_again(ordinal for ordinal, _ in planned if not made.holds(phase, ordinal))
            rest = enumerate(chain.from_iterable(later() for later in epochs[epoch + 1 :]), first)
            await self._send_epoch(money, recorder, epoch, order, rest)
            if not context.pool.admission.is_open:
                return
            if ledger.in_doubt and epoch + 1 < len(epochs):
                raise undecided(ledger)

    async def _send_epoch(
        self,
        money: MoneyPhase,
        recorder: PhaseRecorder,
        epoch: int,
        order: InOrder[TransactionItem],
        rest: Iterator[PlannedItem],
    ) -> None:
        """Send one epoch. What waits for a transaction in doubt is sent when that is decided.

        Args:
            money: sends them.
            recorder: counts their outcomes.
            epoch: its index.
            order: its transactions.
            rest: those of the epochs after it.
        """
        context, ledger, phase = self._context, self._ledger, recorder.phase
        admission = context.pool.admission

        async def send(one: PlannedItem) -> None:
            await money.send(one)
            if one[0] in money.undecided:
                order.hold(one[0])

        while True:
            await context.pool.run_ordered(order, send, is_new_work=True)
            unstarted = order.unstarted
            if not admission.is_open:
                made = self._made
                money.sender.phase_log.not_started(
                    ordinal for ordinal, _ in unstarted if made is None or not made.holds(phase, ordinal)
                )
            if admission.time_is_up:
                ledger.cut_day = self._plan.epochs[epoch].day if phase is Phase.TRANSFERS else 0
                await exclude_unstarted(ledger, recorder, rest, self._made, unstarted)
            await self._settle_doubts(money, phase, epoch, {ordinal for ordinal, _ in unstarted})
            if not unstarted or not admission.is_open:
                return
            if ledger.in_doubt:
                raise undecided(ledger)
            money.undecided.clear()
            order.release()

    def _day_of(self, epoch: int) -> int:
        """Return the day of an epoch as a proleptic ordinal; 0 for what has no date."""
        history, day = self._plan.history, self._plan.epochs[epoch].day
        return history[day].toordinal() if day < len(history) else 0

    def _note_late(self, planned: Sequence[PlannedItem]) -> None:
        """Count what is sent now although an earlier session made transfers of a later day: a server was restored."""
        made, plan = self._made, self._plan
        if made is None or not planned:
            return
        day = planned[0][1].day
        later = next((number for number, epoch in enumerate(plan.epochs) if epoch.day > day), None)
        if later is not None and 1 in made.made[Phase.TRANSFERS][plan.first_of(later) :]:
            late = sum(not made.holds(Phase.TRANSFERS, ordinal) for ordinal, _ in planned)
            if late:
                self._ledger.made_late[day] += late

    async def _settle_doubts(self, money: MoneyPhase, phase: Phase, epoch: int, unstarted: Collection[int]) -> None:
        """Decide what is in doubt, by the balances first; nothing else of the ledger is in flight.

        Args:
            money: sends the phase.
            phase: the phase.
            epoch: its epoch; 0 for phases without epochs.
            unstarted: ordinals of the transactions up to this epoch that were not started.
        """
        context, ledger = self._context, self._ledger
        context.journal.flush()
        note_signs(context, ledger, [money.channel])
        if ledger.in_doubt and not context.pool.admission.is_draining:
            await resolve_doubts(
                context,
                ledger,
                phase,
                self._sums.at(phase, epoch, unstarted),
                {phase: money.channel},
                missed=lambda unresolved: money.missed(unresolved.item),
            )
            note_signs(context, ledger, [money.channel])


def note_signs(context: RunContext, ledger: LedgerState, channels: Iterable[Channel]) -> None:
    """Keep what sending has shown about the server."""
    for each in channels:
        ledger.uncertain = ledger.uncertain or each.sender.uncertain
        context.results.crash_seen = context.results.crash_seen or each.sender.crash_seen
