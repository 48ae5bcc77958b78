"""One ledger's way through the phases. Ledgers do not wait for one another."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.entities.creator import EntityCreator
from midaz_seed.engine.entities.duplicates import Claim, remove_empty_twins
from midaz_seed.engine.ledger.in_doubt import Channel, recover, resolve_doubts, undecided
from midaz_seed.engine.ledger.left_out import exclude_unstarted
from midaz_seed.engine.ledger.money_phase import MoneyPhase, channel
from midaz_seed.engine.ledger.reconcile import (
    ExistingTransactions,
    balances_after,
    find_existing,
    numbered,
    sums_after,
    sums_of,
)
from midaz_seed.engine.ledger.settlement import settle
from midaz_seed.engine.ledger.verification import verify_ledger
from midaz_seed.engine.requests.transactions import UnresolvedTransaction
from midaz_seed.engine.state_tree import LedgerState, LedgerStatus
from midaz_seed.model.outcomes import Outcome
from midaz_seed.plan.items import MONEY, Entity, EntityItem, Phase
from midaz_seed.reporting.events import LedgerFailed, PhaseFinished, PhaseStarted
from midaz_seed.reporting.meter import PhaseRecorder


class LedgerRun:
    """Fills one ledger that exists on the server, and proves it."""

    def __init__(self, context: RunContext, ledger: LedgerState) -> None:
        self._context = context
        self._ledger = ledger
        self._plan = ledger.plan
        self._made: ExistingTransactions | None = None
        """What earlier sessions made of the transactions."""
        self._started_s: dict[Phase, float] = {}
        self._cut_short = False
        """Time was up before everything existed that movements need."""

    async def run(self) -> None:
        """The ledger's story, in order.

        Raises SettlementError, RequestFailedError, and what concerns the whole target (BreakerOpenError,
        UnauthorizedError).
        """
        plan, ledger, pool = self._plan, self._ledger, self._context.pool
        ledger.status = LedgerStatus.RUNNING
        ledger.accounts = bytearray(plan.account_count)
        # one after the other: two assets created at once may both get the same external account
        # (midaz-behaviour: external-accounts)
        await self._create(Phase.ASSETS, plan.asset_items(), max_concurrent=1)
        if not ledger.ids and not pool.admission.is_draining and not pool.admission.time_is_up:
            return self._give_up(Phase.ASSETS, "none of its assets could be created, so it gets no accounts")
        await self._create(Phase.ACCOUNT_TYPES, plan.account_type_items())
        await self._create(Phase.PORTFOLIOS, plan.portfolio_items())
        await self._create(Phase.SEGMENTS, plan.segment_items())
        batch = self._context.settings.generation.batches.accounts_per_batch
        await self._create(Phase.ACCOUNTS, plan.account_items(), max_concurrent=batch)
        if self._cut_short:  # no money has moved, so there is nothing to prove yet
            ledger.status = LedgerStatus.STOPPED
            return None
        if not any(ledger.accounts) and not pool.admission.is_draining:
            return self._give_up(Phase.ACCOUNTS, "none of its accounts could be created, so it gets no movements")
        await self._move_money()
        if self._context.settings.verification.enabled and not pool.admission.is_draining:
            await self._prove()
        self._count_doubts()
        if pool.admission.is_draining:
            ledger.status = LedgerStatus.STOPPED
        else:
            ledger.status = LedgerStatus.PARTIAL if ledger.left_out_count else LedgerStatus.DONE
        return None

    async def _create(self, phase: Phase, items: Iterable[EntityItem], *, max_concurrent: int | None = None) -> None:
        """Create what a phase holds. What depends on something that is missing is skipped, and counted as that."""
        if not self._plan.counts.get(phase):
            return
        context, ledger = self._context, self._ledger
        recorder = context.recorder(ledger, phase)
        creator = EntityCreator(context, recorder, ledger.place)
        phase_log = context.journal.phase_log(ledger.index, phase, self._plan.counts[phase])

        async def create(numbered_item: tuple[int, EntityItem]) -> None:
            ordinal, item = numbered_item
            needed = self._needed(item)
            if any(key not in ledger.ids for key in needed.values()):
                recorder.count(Outcome.SKIPPED)
                return
            references = {field: ledger.ids[key] for field, key in item.references.items()}
            created = await creator.create(
                item, references, parent_fresh=ledger.created_by_this_run, phase_log=phase_log, ordinal=ordinal
            )
            if created.outcome is Outcome.FAILED:
                return
            if item.entity is Entity.ACCOUNT:
                ledger.accounts[self._plan.account_index(item.key)] = 1
            else:
                ledger.ids[item.key] = created.id

        numbered_items = enumerate(items)
        with self._reported(phase):
            await context.pool.run_all(numbered_items, create, max_concurrent=max_concurrent, is_new_work=True)
            if not creator.is_settled and not context.pool.admission.is_draining:
                ledger.ids.update(await context.pool.run_one(creator.keep_one_of_each))
        if context.pool.admission.time_is_up and next(numbered_items, None) is not None:
            self._cut_short = True

    def _needed(self, item: EntityItem) -> dict[str, str]:
        """Keys of the items of this ledger that must exist before this one."""
        if item.entity is Entity.ACCOUNT:
            return {**item.references, "assetCode": self._plan.asset_key(str(item.payload["assetCode"]))}
        return item.references

    async def _move_money(self) -> None:
        """A look at what is there, deposits, the barrier, transfers."""
        context, ledger, plan = self._context, self._ledger, self._plan
        if context.pool.admission.is_draining or not plan.transactions_per_account:
            return
        count = context.settings.verification.sample_per_ledger if context.settings.verification.enabled else 0
        ledger.sample = {item.key: "" for item in plan.sample(count)}
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
        await self._send(Phase.DEPOSITS, deposited)
        if context.pool.admission.is_draining:
            return
        if ledger.in_doubt:
            raise undecided(ledger)
        with self._reported(Phase.SETTLEMENT) as recorder:
            settled = await settle(context, ledger, deposited)
            context.results.settled.append(settled)
            context.emit(settled)
            recorder.count_step()
        await self._send(Phase.TRANSFERS, plan.expectation().final)

    async def _send_lost(self, earlier: ExistingTransactions) -> None:
        """Send again, before all others, what an earlier session sent without seeing an answer, unless it is known as
        made. Raises UndecidedError when that stays unknown of some."""
        context, ledger = self._context, self._ledger
        ledger.in_doubt = [unsent for unsent, _ in earlier.lost]
        items = [item for phase in MONEY for ordinal, item in numbered(ledger, phase) if earlier.holds(phase, ordinal)]
        known = sums_of([*items, *(unsent.item for unsent in ledger.in_doubt)])
        channels = {phase: channel(context, ledger, phase) for phase in MONEY}

        def made(unsent: UnresolvedTransaction) -> None:
            earlier.add(unsent.item.phase, unsent.ordinal)
            earlier.counted.add((unsent.item.phase, unsent.ordinal))

        def missed(unsent: UnresolvedTransaction) -> None:
            earlier.refused.add((unsent.item.phase, unsent.ordinal))

        decided = [what for _, what in earlier.lost]
        await resolve_doubts(
            context, ledger, Phase.DEPOSITS, known, channels, made=made, missed=missed, decided=decided
        )
        self._note_signs(channels.values())
        if ledger.in_doubt and not context.pool.admission.is_draining:
            raise undecided(ledger)

    async def _send(self, phase: Phase, planned: Sequence[int]) -> None:
        """Send the transactions of a phase, note who cannot take part any more, and decide what is in doubt.

        `planned`: what each account holds when the phase has ended well, in minor units.
        """
        context, ledger, earlier = self._context, self._ledger, self._made
        items = numbered(ledger, phase)
        with self._reported(phase) as recorder:
            money = MoneyPhase(context, ledger, phase, earlier, recorder)
            await context.pool.run_all(items, money.send, is_new_work=True)
            if context.pool.admission.time_is_up:
                await exclude_unstarted(ledger, recorder, items, earlier)
            await context.pool.run_all(list(money.set_aside), money.ask_again)
            ledger.in_doubt += money.set_aside  # the run is being stopped
            context.journal.flush()
            self._note_signs([money.channel])
            if ledger.in_doubt and not context.pool.admission.is_draining:
                await resolve_doubts(
                    context,
                    ledger,
                    phase,
                    sums_after(ledger, phase, planned, earlier),
                    {phase: money.channel},
                    missed=lambda unsent: money.missed(unsent.item),
                )

    def _note_signs(self, channels: Iterable[Channel]) -> None:
        """Keep what the sending of transactions has shown about the server."""
        for each in channels:
            self._ledger.uncertain = self._ledger.uncertain or each.movements.uncertain
            self._context.results.crash_seen = self._context.results.crash_seen or each.movements.crash_seen

    async def _prove(self) -> None:
        context, ledger = self._context, self._ledger
        with self._reported(Phase.VERIFY) as recorder:
            proof = await verify_ledger(context, ledger)
            if any(row.what == Entity.PORTFOLIO for row in proof.differences) and await self._remove_empty_twins():
                proof = await verify_ledger(context, ledger)
            context.results.verifications.append(proof)
            recorder.count_step()
        if proof.ok and ledger.in_doubt:  # the audit has found the record of each of them
            channels = {phase: channel(context, ledger, phase) for phase in MONEY}
            recovered = {unsent.item.phase for unsent in ledger.in_doubt}
            for unsent in list(ledger.in_doubt):
                recover(context, ledger, unsent, channels[unsent.item.phase], listed=True)
            for phase in recovered:
                self._emit_finished(phase)

    async def _remove_empty_twins(self) -> bool:
        """Portfolios have no unique names: a create that a network held may have arrived after the last look."""
        items = list(self._plan.portfolio_items())
        phase_log = self._context.journal.phase_log(self._ledger.index, Phase.PORTFOLIOS, len(items))
        claims = [Claim(item, phase_log, ordinal) for ordinal, item in enumerate(items)]
        return await remove_empty_twins(self._context, Phase.PORTFOLIOS, self._ledger.place, claims)

    def _count_doubts(self) -> None:
        """Count what stays in doubt, as failed: it is neither known as made nor known as not made."""
        context, ledger = self._context, self._ledger
        for unsent in ledger.in_doubt:
            item, phase = unsent.item, unsent.item.phase
            context.tracker.record(
                unsent.failure,
                phase=phase,
                entity="transaction",
                key=item.key,
                parent=ledger.place.path,
                final=True,
            )
            context.recorder(ledger, phase).count(Outcome.FAILED)
        for phase in {unsent.item.phase for unsent in ledger.in_doubt}:
            self._emit_finished(phase)
        if ledger.in_doubt and not context.pool.admission.is_draining:
            context.results.errors.append(undecided(ledger))
        ledger.in_doubt.clear()

    def _give_up(self, phase: Phase, reason: str) -> None:
        """End the ledger here; the others go on."""
        self._ledger.fail(reason)
        self._context.emit(LedgerFailed(self._plan.key, self._plan.name, phase, reason))

    @contextmanager
    def _reported(self, phase: Phase) -> Iterator[PhaseRecorder]:
        """Report the begin and the end of a phase of this ledger; the block gets what counts its items."""
        context, now = self._context, self._context.clock.monotonic
        recorder = context.recorder(self._ledger, phase)
        self._started_s[phase] = now()
        context.meter.begin(recorder, self._started_s[phase])
        context.emit(PhaseStarted(phase, self._plan.key, recorder.progress.planned))
        try:
            yield recorder
        finally:
            context.meter.end(recorder, now())
            self._emit_finished(phase)

    def _emit_finished(self, phase: Phase) -> None:
        """Emit a phase's counts. Emitted again when a doubt is settled after the phase: the last one is right."""
        progress = self._context.recorder(self._ledger, phase).progress
        elapsed_s = self._context.clock.monotonic() - self._started_s[phase]
        self._context.emit(
            PhaseFinished(phase, self._plan.key, progress.created, progress.existing, progress.failed, elapsed_s)
        )
