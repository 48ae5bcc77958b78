"""Send the transactions of a phase of a ledger: freely, or day by day in the order of their dates."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.ledger.in_doubt import Channel, resolve_doubts, undecided
from midaz_seed.engine.ledger.left_out import exclude_unstarted, yielding
from midaz_seed.engine.ledger.money_phase import MoneyPhase
from midaz_seed.engine.ledger.reconcile import ExistingTransactions, PlannedItem, numbered
from midaz_seed.engine.ledger.running_sums import RunningSums
from midaz_seed.engine.ordering import InOrder, accounts_of, keeps_order
from midaz_seed.engine.state_tree import LedgerState
from midaz_seed.plan.items import Phase, TransactionItem
from midaz_seed.reporting.meter import PhaseRecorder

Day = Callable[[], Iterator[TransactionItem]]
"""Generates the transactions of one day of a phase."""


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

    async def send(self, recorder: PhaseRecorder) -> None:
        """Send the transactions of the recorder's phase, and decide what is in doubt.

        Raises:
            UndecidedError: something stays in doubt, and what is dated later must not be sent before it.
        """
        money = MoneyPhase(self._context, self._ledger, recorder.phase, self._made, recorder)
        plan, phase = self._plan, recorder.phase
        if phase in (Phase.DEPOSITS, Phase.TRANSFERS) and keeps_order(self._context.settings, plan):
            # deposits are ordered too, because the external account has a history
            days = [partial(plan.transfers_of, day) for day in range(plan.days)]
            await self._send_days(money, recorder, days if phase is Phase.TRANSFERS else [plan.deposits])
        else:
            await self._send_freely(money, recorder)

    async def _send_freely(self, money: MoneyPhase, recorder: PhaseRecorder) -> None:
        """Send the transactions of a phase in the order of the plan; none waits for another."""
        context, ledger, phase = self._context, self._ledger, recorder.phase
        items = numbered(ledger, phase)
        await context.pool.run_all(items, money.send, is_new_work=True)
        if context.pool.admission.time_is_up:
            await exclude_unstarted(ledger, recorder, items, self._made)
        planned = self._plan.counts.get(phase, 0)
        last_day = self._plan.days - 1 if phase is Phase.TRANSFERS else 0
        await self._settle_doubts(money, phase, last_day, range(ledger.begun.get(phase, planned), planned))

    async def _send_days(self, money: MoneyPhase, recorder: PhaseRecorder, days: Sequence[Day]) -> None:
        """Send a phase day by day: what is in doubt is decided before the next day begins. Raises as `send`."""
        context, ledger = self._context, self._ledger
        phase_log, made, phase = money.sender.phase_log, self._made, recorder.phase
        first = 0
        for day, items in enumerate(days):
            today = [item async for item in yielding(enumerate(items(), first))]
            order = InOrder(today, accounts_of, max_concurrent=context.pool.limit)
            if phase is Phase.TRANSFERS:
                self._note_late(day, today)
            first += len(today)
            phase_log.day_end = first
            if made is not None:
                phase_log.lease_again(ordinal for ordinal, _ in today if not made.holds(phase, ordinal))
            rest = enumerate(chain.from_iterable(later() for later in days[day + 1 :]), first)
            await self._send_day(money, recorder, day, order, rest)
            if not context.pool.admission.is_open:
                return
            if ledger.in_doubt and day + 1 < len(days):
                raise undecided(ledger)

    async def _send_day(
        self,
        money: MoneyPhase,
        recorder: PhaseRecorder,
        day: int,
        order: InOrder[TransactionItem],
        rest: Iterator[PlannedItem],
    ) -> None:
        """Send one day. What waits for a transaction in doubt is sent when that is decided.

        Args:
            money: sends them.
            recorder: counts their outcomes.
            day: the day.
            order: its transactions.
            rest: those of the days after it.
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
                ledger.cut_day = day
                await exclude_unstarted(ledger, recorder, rest, self._made, unstarted)
            await self._settle_doubts(money, phase, day, {ordinal for ordinal, _ in unstarted})
            if not unstarted or not admission.is_open:
                return
            if ledger.in_doubt:
                raise undecided(ledger)
            money.undecided.clear()
            order.release()

    def _note_late(self, day: int, today: Sequence[PlannedItem]) -> None:
        """Count what is sent now although an earlier session made transfers of a later day: a server was restored."""
        made = self._made
        if made is not None and today and 1 in made.made[Phase.TRANSFERS][today[-1][0] + 1 :]:
            late = sum(not made.holds(Phase.TRANSFERS, ordinal) for ordinal, _ in today)
            if late:
                self._ledger.made_late[day] = late

    async def _settle_doubts(self, money: MoneyPhase, phase: Phase, day: int, unstarted: Collection[int]) -> None:
        """Send what was set aside, and decide what is in doubt; nothing else of the ledger is in flight.

        Args:
            money: sends the phase.
            phase: the phase.
            day: its day; 0 for phases without days.
            unstarted: ordinals of the transactions up to this day that were not started.
        """
        context, ledger = self._context, self._ledger
        await context.pool.run_all(list(money.set_aside), money.ask_again)
        ledger.in_doubt += money.set_aside  # the run is being stopped
        context.journal.flush()
        note_signs(context, ledger, [money.channel])
        if ledger.in_doubt and not context.pool.admission.is_draining:
            await resolve_doubts(
                context,
                ledger,
                phase,
                self._sums.at(phase, day, unstarted),
                {phase: money.channel},
                missed=lambda unresolved: money.missed(unresolved.item),
            )


def note_signs(context: RunContext, ledger: LedgerState, channels: Iterable[Channel]) -> None:
    """Keep what sending has shown about the server."""
    for each in channels:
        ledger.uncertain = ledger.uncertain or each.sender.uncertain
        context.results.crash_seen = context.results.crash_seen or each.sender.crash_seen
