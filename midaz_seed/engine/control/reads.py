"""Reads beside the writes of a run, while transfers and their follow-ups are sent: in an open model of their own, or
a number for each transaction that was answered.

Each is one attempt: a read that fails is counted, and not sent again. Requests in flight of the writes
(`maxConcurrency`) and their rate are not shared.
"""

import random
from collections import deque
from collections.abc import Callable, Mapping

from anyio.abc import TaskGroup

from midaz_seed.engine.admission import StoppedError
from midaz_seed.engine.context import RunContext
from midaz_seed.engine.state_tree import LedgerState
from midaz_seed.errors import TargetError
from midaz_seed.midaz import reads
from midaz_seed.midaz.reads import ReadableAccount
from midaz_seed.model.read_mix import ReadFigures, ReadKind, parse_read_mix
from midaz_seed.plan.drawing.choices import compile_choice, weighted
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.report_findings import Difference
from midaz_seed.resilience.arrival_schedule import ArrivalSchedule
from midaz_seed.scenarios.model import Choice
from midaz_seed.task_groups import background_tasks
from midaz_seed.transport.base import Request, Response

BESIDE = (Phase.TRANSFERS, Phase.FOLLOW_UPS)
"""The phases of a ledger in which it is read."""
IDLE_S = 0.02
DUE_S = 0.005
"""Interval at which answered writes are counted: their reads are sent at most this much later."""
IN_FLIGHT_MAX = 256
"""Reads in flight; more are dropped and counted."""
KNOWN_TRANSACTIONS = 1_000
MISREAD_MAX = 100
"""Wrong answers that are kept for the report; all are counted."""


async def read_beside_writes(context: RunContext) -> None:
    """Send reads until cancelled, or until the run drains. Return at once when none are asked for."""
    if not context.settings.generation.limits.has_reads:
        return
    async with background_tasks() as group:
        await _Reads(context, group).run()


class _Reads:
    """The reads of one process."""

    def __init__(self, context: RunContext, group: TaskGroup) -> None:
        limits = context.settings.generation.limits
        first = next((ledger.plan.key for ledger in context.state.ledgers), "")
        seed = f"{context.settings.seed}:{first}:reads"
        self._context, self._group = context, group
        self._was_idle, self._in_flight, self._reading = True, 0, False
        self._bits = random.Random(seed).getrandbits
        mix: Mapping[ReadKind, int] = parse_read_mix(limits.reads)
        kinds = list(mix)
        draw = weighted(list(mix.values()))
        self._kind: Callable[[], ReadKind] = lambda: kinds[draw(self._bits)]
        self._choice = Choice.model_validate({"zipf": str(limits.reads_zipf)}) if limits.reads_zipf else None
        self._choosers: dict[str, Callable[[], ReadableAccount]] = {}
        self._transactions: dict[str, deque[str]] = {}
        """By the key of the ledger: ids that lists have shown."""
        self._stats = context.results.reads
        self._per_write, self._due = limits.reads_per_write, 0
        """Reads for each write; and how many were due so far."""
        self._schedule: ArrivalSchedule | None = None
        if limits.reads_per_second:
            self._schedule = ArrivalSchedule(
                context.clock,
                limits.reads_per_second,
                was_idle_since=self._was_idle_since,
                poisson_seed=seed if limits.arrivals == "poisson" else "",
            )

    def _was_idle_since(self) -> bool:
        was_idle, self._was_idle = self._was_idle, False
        return was_idle

    async def run(self) -> None:
        clock, admission = self._context.clock, self._context.pool.admission
        try:
            while not admission.is_draining:
                if not self._ledgers():
                    self._note_reading(active=False)
                    self._was_idle = True
                    await clock.sleep(IDLE_S)
                    continue
                self._note_reading(active=True)
                is_due = await self._is_due()
                ledgers = self._ledgers()
                if not is_due or not ledgers:
                    continue
                if self._in_flight >= IN_FLIGHT_MAX:
                    self._stats.dropped += 1
                    continue
                self._in_flight += 1
                self._group.start_soon(self._read, ledgers[(self._bits(32) * len(ledgers)) >> 32])
        finally:
            self._note_reading(active=False)
            if self._schedule is not None:
                self._stats.dropped += self._schedule.slots.dropped
                self._stats.start_delay.merge(self._schedule.slots.start_delay)

    async def _is_due(self) -> bool:
        """Wait for the next slot of the rate. Without a rate, return whether another read is due for the writes, and
        wait a little where none is."""
        if self._schedule is not None:
            await self._schedule.next_slot()
            return True
        phases = self._context.meter.phases
        if self._due >= self._per_write * sum(phases[phase].created for phase in BESIDE):
            await self._context.clock.sleep(DUE_S)
            return False
        self._due += 1
        return True

    def _ledgers(self) -> list[LedgerState]:
        """Return the ledgers that can be read now."""
        progress = self._context.meter.ledgers
        return [
            ledger
            for ledger in self._context.state.ledgers
            if ledger.readable
            and (found := progress.get(ledger.plan.key)) is not None
            and found.active
            and found.phase in BESIDE
        ]

    def _note_reading(self, *, active: bool) -> None:
        """Keep the time in which reads were sent."""
        if active == self._reading:
            return
        self._reading = active
        phase, now_s = self._context.meter.phases[Phase.READS], self._context.clock.monotonic()
        if active:
            phase.start(now_s)
        else:
            phase.finish(now_s)

    async def _read(self, ledger: LedgerState) -> None:
        try:
            await self._one(ledger)
        except (StoppedError, TargetError):  # the writes of the run meet it too, and report it
            pass
        finally:
            self._in_flight -= 1

    async def _one(self, ledger: LedgerState) -> None:
        """Send one read and check its answer."""
        kind, account, place = self._kind(), self._account(ledger), ledger.place
        assets = [asset.code for asset in ledger.plan.assets]
        known = self._transactions.setdefault(ledger.plan.key, deque(maxlen=KNOWN_TRANSACTIONS))
        if kind is ReadKind.TRANSACTION and not known:
            kind = ReadKind.LIST

        def check_list(response: Response) -> str:
            wrong, ids = reads.wrong_list(response, place, assets)
            known.extend(ids)
            return wrong

        request: Request
        check: Callable[[Response], str]
        if kind is ReadKind.BALANCE:
            request, check = reads.balance_read(place, account), lambda got: reads.wrong_balance(got, account)
        elif kind is ReadKind.STATEMENT:
            request, check = reads.statement_read(place, account), lambda got: reads.wrong_statement(got, account)
        elif kind is ReadKind.TRANSACTION:
            wanted = known[(self._bits(32) * len(known)) >> 32]
            request = reads.transaction_read(place, wanted)
            check = lambda got: reads.wrong_transaction(got, wanted, assets)  # noqa: E731
        else:
            request, check = reads.list_read(place), check_list
        await self._send(kind, request, check, ledger, account)

    async def _send(
        self,
        kind: ReadKind,
        request: Request,
        check: Callable[[Response], str],
        ledger: LedgerState,
        account: ReadableAccount,
    ) -> None:
        figures: ReadFigures = self._stats.kinds[kind]
        self._stats.sent += 1
        answer = await self._context.sender.attempt(request, Phase.READS, paced=False)
        response = answer.response
        if response is None or not 200 <= response.status < 300:
            figures.failed += 1
            return
        figures.answers += 1
        self._context.meter.phases[Phase.READS].created += 1
        figures.latency.record(int((answer.at_s - answer.sent_s) * 1e6))
        wrong = check(response)
        if wrong:
            figures.wrong += 1
            misread = self._context.results.misread
            if len(misread) < MISREAD_MAX:
                planned = f"from 0 to {account.most} {account.asset}" if kind is ReadKind.BALANCE else "as planned"
                misread.append(Difference(ledger.plan.key, f"read of a {kind}", account.alias, planned, wrong))

    def _account(self, ledger: LedgerState) -> ReadableAccount:
        """Draw an account by the exponent `readsZipf`."""
        key = ledger.plan.key
        if key not in self._choosers:
            accounts = ledger.readable
            choose = compile_choice(self._choice, len(accounts), f"{self._context.settings.seed}:{key}:reads")
            self._choosers[key] = lambda: accounts[choose(self._bits, 0)]
        return self._choosers[key]()
