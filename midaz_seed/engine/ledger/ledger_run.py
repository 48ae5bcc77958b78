"""Run the phases of one ledger. Ledgers do not wait for one another."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.entities.creator import EntityCreator
from midaz_seed.engine.entities.duplicates import Claim, remove_empty_duplicates
from midaz_seed.engine.ledger.freezing import freeze_accounts
from midaz_seed.engine.ledger.in_doubt import recover, resolve_doubts, undecided
from midaz_seed.engine.ledger.listing import follow_ups_of
from midaz_seed.engine.ledger.money_phase import channel
from midaz_seed.engine.ledger.other_session import settle_beside_others
from midaz_seed.engine.ledger.phase_sending import PhaseSending, note_signs
from midaz_seed.engine.ledger.readable import find_readable
from midaz_seed.engine.ledger.reconcile import (
    ExistingTransactions,
    balances_after,
    find_existing,
    numbered,
    sums_of,
)
from midaz_seed.engine.ledger.refusals import Refusals, send_refusals
from midaz_seed.engine.ledger.verification import verify_ledger
from midaz_seed.engine.requests.route_ids import RouteIds
from midaz_seed.engine.requests.transactions import UnresolvedTransaction
from midaz_seed.engine.state_tree import LedgerState, LedgerStatus
from midaz_seed.model.outcomes import Outcome
from midaz_seed.plan.generators import LEDGER_ENTITIES
from midaz_seed.plan.items import MONEY, Entity, EntityItem, Phase
from midaz_seed.reporting.events import LedgerFailed, PhaseFinished, PhaseStarted
from midaz_seed.reporting.meter import PhaseRecorder

PARENT = "parentAccountId"
"""The reference of an account to its parent."""


class LedgerRun:
    """Fills and verifies one ledger that exists on the server."""

    def __init__(self, context: RunContext, ledger: LedgerState) -> None:
        self._context = context
        self._ledger = ledger
        self._plan = ledger.plan
        self._made: ExistingTransactions | None = None
        """Transactions that earlier sessions made."""
        self._sending: PhaseSending | None = None
        self._started_s: dict[Phase, float] = {}
        self._cut_short = False
        """Time was up before every entity existed that movements need."""
        self._left_refusals = False
        """Time was up before every transaction was sent that must be refused."""

    async def run(self) -> None:
        """Run the phases of the ledger in order.

        Raises:
            SettlementError: deposits are not visible at the deadline.
            RequestFailedError: the server cannot be read.
            BreakerOpenError: the breaker stayed open until its deadline; this ends the run.
            UnauthorizedError: the credentials were rejected; this ends the run.
        """
        plan, ledger, pool = self._plan, self._ledger, self._context.pool
        ledger.status = LedgerStatus.RUNNING
        ledger.accounts = bytearray(plan.account_count)
        for generator in LEDGER_ENTITIES:
            entity, phase = generator.entity, generator.phase
            if entity is Entity.ACCOUNT:
                await self._create_accounts()
                continue
            at_once = 1 if generator.one_by_one else None
            await self._create(phase, [enumerate(plan.items_of(entity))], max_concurrent=at_once)
            stops = pool.admission.is_draining or pool.admission.time_is_up
            if entity is Entity.ASSET and not ledger.ids and not stops:
                return self._give_up(phase, "none of its assets could be created, so it gets no accounts")
            ledger.ids[plan.key] = ledger.id  # instruments refer to it
            if entity is Entity.TRANSACTION_ROUTE and plan.counts.get(phase):
                ledger.routes = self._route_ids()
                if ledger.routes is None and not stops:
                    return self._give_up(phase, "not all of its routes could be created, so it gets no transactions")
        if self._cut_short:  # no money has moved, so there is nothing to verify yet
            ledger.status = LedgerStatus.STOPPED
            return None
        if not any(ledger.accounts) and not pool.admission.is_draining:
            return self._give_up(Phase.ACCOUNTS, "none of its accounts could be created, so it gets no movements")
        if plan.frozen and not pool.admission.is_draining:
            await freeze_accounts(self._context, ledger)
        await self._move_money()
        if self._context.settings.verification.enabled and not pool.admission.is_draining:
            await self._verify()
        self._count_doubts()
        if pool.admission.is_draining:
            ledger.status = LedgerStatus.STOPPED
        else:
            partial = ledger.left_out_count or self._left_refusals
            ledger.status = LedgerStatus.PARTIAL if partial else LedgerStatus.DONE
        return None

    def _route_ids(self) -> RouteIds | None:
        """Return what fills routes into transactions; None unless all of them exist."""
        ids, server = self._ledger.ids, self._context.server
        if any(item.key not in ids for item in self._plan.items_of(Entity.TRANSACTION_ROUTE)):
            return None
        return RouteIds(ids, as_ids=server is None or server.route_ids)

    async def _create_accounts(self) -> None:
        """Create the accounts, parents before those that refer to them."""
        plan = self._plan
        batch = self._context.settings.generation.batches.accounts_per_batch
        levels, of_parents = 1, dict[str, int]()

        def level_of(item: EntityItem) -> int:
            parent = item.references.get(PARENT)
            return of_parents.get(parent, -1) + 1 if isinstance(parent, str) else 0

        for item in plan.account_items() if plan.parents else ():
            level = level_of(item)
            levels = max(levels, level + 1)
            if item.key in plan.parents:
                of_parents[item.key] = level

        def waves() -> Iterator[Iterator[tuple[int, EntityItem]]]:
            for level in range(levels):
                yield ((ordinal, item) for ordinal, item in enumerate(plan.account_items()) if level_of(item) == level)

        await self._create(Phase.ACCOUNTS, waves(), max_concurrent=batch)

    async def _create(
        self,
        phase: Phase,
        waves: Iterable[Iterator[tuple[int, EntityItem]]],
        *,
        max_concurrent: int | None = None,
    ) -> None:
        """Create the entities of a phase. An item whose dependency is missing is skipped, and counted as skipped.

        Args:
            phase: the phase.
            waves: its items with their ordinals; each wave begins when the one before it is done.
            max_concurrent: items in progress at once; None: as many as there are workers.
        """
        if not self._plan.counts.get(phase):
            return
        context, ledger = self._context, self._ledger
        recorder = context.recorder(ledger, phase)
        creator = EntityCreator(context, recorder, ledger.place)
        phase_log = context.journal.phase_log(ledger.index, phase, self._plan.counts[phase])

        keeps_ids = Phase.INSTRUMENTS in self._plan.counts  # they refer to accounts

        async def create(numbered_item: tuple[int, EntityItem]) -> None:
            ordinal, item = numbered_item
            if any(key not in ledger.ids for key in item.needed):
                recorder.count(Outcome.SKIPPED)
                return
            ids = item.ids(ledger.ids.__getitem__)
            created = await creator.create(
                item, ids, parent_fresh=ledger.created_by_this_run, phase_log=phase_log, ordinal=ordinal
            )
            if created.outcome is Outcome.FAILED:
                return
            if item.entity is Entity.ACCOUNT:
                ledger.accounts[self._plan.account_index(item.key)] = 1
            if item.entity is not Entity.ACCOUNT or keeps_ids or item.key in self._plan.parents:
                ledger.ids[item.key] = created.id

        left = False
        with self._reported(phase):
            for wave in waves:
                await context.pool.run_all(wave, create, max_concurrent=max_concurrent, is_new_work=True)
                left = left or next(wave, None) is not None
            if not creator.is_resolved and not context.pool.admission.is_draining:
                ledger.ids.update(await context.pool.run_one(creator.resolve_duplicates))
            self._assert_accounted_for(recorder)
        if context.pool.admission.time_is_up and left:
            self._cut_short = True

    async def _move_money(self) -> None:
        """Find existing transactions, then send deposits, wait for settlement, send transfers."""
        context, ledger, plan = self._context, self._ledger, self._plan
        if context.pool.admission.is_draining or not plan.moves_money:
            return
        count = context.settings.verification.sample_per_ledger if context.settings.verification.enabled else 0
        ledger.sample = {item.key: "" for item in plan.sample(count)}
        ledger.sample |= dict.fromkeys((await follow_ups_of(ledger)).firsts, "")
        ledger.touches_held = context.server is not None and bool(context.server.holds_touch_destinations)
        self._made = await find_existing(context, ledger)
        while self._made is not None and self._made.lost and not context.pool.admission.is_draining:
            earlier = self._made
            await self._send_lost(earlier)
            if earlier.complete or context.pool.admission.is_draining:
                break
            self._made = await find_existing(context, ledger, earlier)
        if context.pool.admission.is_draining:
            return
        deposited: Sequence[int] = plan.expectation().deposited
        if self._made is not None and self._made.count:
            deposited = balances_after(ledger, self._made, and_deposits=True)
        await self._send(Phase.DEPOSITS)
        if context.pool.admission.is_draining:
            return
        if ledger.in_doubt:
            raise undecided(ledger)
        with self._reported(Phase.SETTLEMENT) as recorder:
            settled, made = await settle_beside_others(context, ledger, self._made, deposited)
            if made is not self._made:
                self._made, self._sending = made, None
            context.results.settled.append(settled)
            context.emit(settled)
            recorder.count_step()
        await self._send(Phase.TRANSFERS)
        await self._follow_up()

    async def _follow_up(self) -> None:
        """Commit, cancel and revert transactions, then send what the server must refuse, unless it was sent."""
        context, ledger, counts = self._context, self._ledger, self._plan.counts
        if counts.get(Phase.FOLLOW_UPS) and not context.pool.admission.is_draining:
            if ledger.in_doubt:
                raise undecided(ledger)
            await self._send(Phase.FOLLOW_UPS)
        is_left = counts.get(Phase.REFUSALS) and Phase.REFUSALS not in self._started_s
        if is_left and not context.pool.admission.is_draining:
            with self._reported(Phase.REFUSALS) as recorder:
                await send_refusals(context, ledger, recorder)
                self._left_refusals = recorder.progress.done < recorder.progress.planned

    async def _send_lost(self, earlier: ExistingTransactions) -> None:
        """Resend, before all others, what an earlier session sent without an answer, unless it is known as made.

        Raises:
            UndecidedError: of some it stays unknown whether they were made.
        """
        context, ledger = self._context, self._ledger
        ledger.in_doubt = [unresolved for unresolved, _ in earlier.lost]
        items = [item for phase in MONEY for ordinal, item in numbered(ledger, phase) if earlier.holds(phase, ordinal)]
        known = sums_of(ledger, [*items, *(unresolved.item for unresolved in ledger.in_doubt)])
        channels = {phase: channel(context, ledger, phase) for phase in MONEY}

        def made(unresolved: UnresolvedTransaction) -> None:
            earlier.add(unresolved.item.phase, unresolved.ordinal)
            earlier.counted.add((unresolved.item.phase, unresolved.ordinal))

        def missed(unresolved: UnresolvedTransaction) -> None:
            earlier.rejected.add((unresolved.item.phase, unresolved.ordinal))

        decided = [what for _, what in earlier.lost]
        await resolve_doubts(
            context, ledger, Phase.DEPOSITS, known, channels, made=made, missed=missed, decided=decided
        )
        note_signs(context, ledger, channels.values())
        if ledger.in_doubt and not context.pool.admission.is_draining:
            raise undecided(ledger)

    async def _send(self, phase: Phase) -> None:
        """Send the transactions of a phase, record which accounts cannot be a source, and decide what is in doubt."""
        if self._sending is None:
            self._sending = PhaseSending(self._context, self._ledger, self._made)
        if phase is Phase.TRANSFERS:
            await self._begin_transfers()
        with self._reported(phase) as recorder:
            is_mixed = phase is Phase.TRANSFERS and {phase, Phase.REFUSALS} <= self._plan.counts.keys()
            if is_mixed and self._sending.sends_freely(phase):
                await self._send_with_refusals(self._sending, recorder)
            else:
                await self._sending.send(recorder)
            self._assert_accounted_for(recorder)

    async def _send_with_refusals(self, sending: PhaseSending, recorder: PhaseRecorder) -> None:
        """Send the transfers, and among them what the server must refuse."""
        with self._reported(Phase.REFUSALS, beside=True) as beside:
            await sending.send(recorder, Refusals(self._context, self._ledger, beside))
            self._left_refusals = beside.progress.done < beside.progress.planned

    async def _begin_transfers(self) -> None:
        """Let the rate of the open model follow its curve, and reads begin."""
        context, ledger = self._context, self._ledger
        if context.settings.generation.limits.has_reads and not context.pool.admission.is_draining:
            ledger.readable = await context.pool.run_one(lambda: find_readable(context, ledger))
        context.sender.begin_transfers()

    def _assert_accounted_for(self, recorder: PhaseRecorder) -> None:
        """Assert that no item has two outcomes, and that each has one unless the phase was drained or cut short.

        The pool asserts at the end of each stream that nothing of it is in progress.
        """
        phase, done = recorder.phase, recorder.progress.done
        planned = self._plan.counts.get(phase, 0)
        in_doubt = sum(unresolved.item.phase is phase for unresolved in self._ledger.in_doubt)
        accounted = f"{phase} of {self._plan.key}: {done} done and {in_doubt} in doubt of {planned} planned"
        assert done + in_doubt <= planned, accounted
        if self._context.pool.admission.is_open:
            assert done + in_doubt == planned, accounted

    async def _verify(self) -> None:
        """Verify the ledger, and recover what is in doubt when the list has its records."""
        context, ledger = self._context, self._ledger
        with self._reported(Phase.VERIFY) as recorder:
            verification = await verify_ledger(context, ledger)
            if (
                any(row.what == Entity.PORTFOLIO for row in verification.differences)
                and await self._remove_empty_duplicates()
            ):
                verification = await verify_ledger(context, ledger)
            context.results.verifications.append(verification)
            recorder.count_step()
        if verification.ok and ledger.in_doubt:  # the list has the record of each of them
            channels = {phase: channel(context, ledger, phase) for phase in MONEY}
            recovered = {unresolved.item.phase for unresolved in ledger.in_doubt}
            for unresolved in list(ledger.in_doubt):
                recover(context, ledger, unresolved, channels[unresolved.item.phase], listed=True)
            for phase in recovered:
                self._emit_finished(phase)

    async def _remove_empty_duplicates(self) -> bool:
        """Remove empty portfolios that were created twice.

        Portfolios have no unique names: a create that a network delayed may have arrived after the last read.
        """
        items = list(self._plan.items_of(Entity.PORTFOLIO))
        phase_log = self._context.journal.phase_log(self._ledger.index, Phase.PORTFOLIOS, len(items))
        claims = [Claim(item, phase_log, ordinal) for ordinal, item in enumerate(items)]
        return await remove_empty_duplicates(self._context, Phase.PORTFOLIOS, self._ledger.place, claims)

    def _count_doubts(self) -> None:
        """Count what stays in doubt as failed: it is neither known as made nor as not made."""
        context, ledger = self._context, self._ledger
        for unresolved in ledger.in_doubt:
            item, phase = unresolved.item, unresolved.item.phase
            context.tracker.record(
                unresolved.failure,
                phase=phase,
                entity="transaction",
                key=item.key,
                parent=ledger.place.path,
                final=True,
            )
            context.recorder(ledger, phase).count(Outcome.FAILED)
        for phase in {unresolved.item.phase for unresolved in ledger.in_doubt}:
            self._emit_finished(phase)
        if ledger.in_doubt and not context.pool.admission.is_draining:
            context.results.errors.append(undecided(ledger))
        ledger.in_doubt.clear()

    def _give_up(self, phase: Phase, reason: str) -> None:
        """End this ledger; the others continue."""
        self._ledger.fail(reason)
        self._context.emit(LedgerFailed(self._plan.key, self._plan.name, phase, reason))

    @contextmanager
    def _reported(self, phase: Phase, *, beside: bool = False) -> Iterator[PhaseRecorder]:
        """Report the start and the end of a phase of this ledger; yield the recorder of its items.

        Args:
            phase: the phase.
            beside: the ledger is in another phase, and stays in it.
        """
        context, now = self._context, self._context.clock.monotonic
        recorder = context.recorder(self._ledger, phase)
        self._started_s[phase] = now()
        context.meter.begin(recorder, self._started_s[phase], beside=beside)
        context.emit(PhaseStarted(phase, self._plan.key, recorder.progress.planned))
        try:
            yield recorder
        finally:
            context.meter.end(recorder, now())
            self._emit_finished(phase)

    def _emit_finished(self, phase: Phase) -> None:
        """Emit a phase's counts. Emitted again when a doubt is decided after the phase: the last one is final."""
        progress = self._context.recorder(self._ledger, phase).progress
        elapsed_s = self._context.clock.monotonic() - self._started_s[phase]
        created, existing, failed = progress.created, progress.existing, progress.failed
        self._context.emit(PhaseFinished(phase, self._plan.key, created, existing, failed, elapsed_s, progress.refused))
