"""Send the transactions that the server must refuse, and compare the code of each refusal with the planned one.

They are refused whatever was made before (`plan.refusals`), so they are sent among the transfers where these have no
order, and after the last step of the ledger otherwise.

A refusal as planned is a success. Another code, and an accepted transaction, are differences from the plan. Without an
answer a transaction is sent again with its key; when an earlier session had no answer, the list is searched first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.ledger.reconcile import PlannedItem
from midaz_seed.engine.requests.answer import Answer
from midaz_seed.engine.requests.sender import RetryBudget
from midaz_seed.engine.requests.transactions import IN_FLIGHT_MAX_S
from midaz_seed.engine.state_tree import LedgerState
from midaz_seed.midaz import routes
from midaz_seed.midaz.api import transaction_request
from midaz_seed.midaz.classify import Disposition
from midaz_seed.midaz.evidence import NEVER_SEEN, OPEN, Effect, Evidence, Reading, of_refusal
from midaz_seed.midaz.refusals import refusal_code
from midaz_seed.model.outcomes import ErrorClass, Failure, Outcome
from midaz_seed.plan.items import Phase, TransactionItem
from midaz_seed.reporting.meter import PhaseRecorder
from midaz_seed.reporting.report_findings import Difference
from midaz_seed.runs.journal import PhaseLog

IN_USE_PAUSE_S = 0.2
"""Before a key is sent again that is in use: its first attempt may be in progress."""


async def send_refusals(context: RunContext, ledger: LedgerState, recorder: PhaseRecorder) -> None:
    """Send every transaction of the phase, unless an earlier session knows that it was refused.

    Raises:
        BreakerOpenError: the breaker stayed open until its deadline.
        UnauthorizedError: the credentials were rejected.
        RequestFailedError: the server cannot be read.
        JournalError: the journal cannot be written.
    """
    refusals = Refusals(context, ledger, recorder)
    await context.pool.run_all(refusals.items, refusals.send, is_new_work=True)
    context.journal.flush()


@dataclass(slots=True)
class _Sending:
    """One transaction while it is sent."""

    item: TransactionItem
    ordinal: int
    generation: int
    """Of its key."""
    attempts: int = 0
    last: Evidence = OPEN
    last_code: str = ""
    """What the last answer proves, and its code: a refusal, or another item's answer, counts when it comes twice."""
    in_use_since_s: float = float("inf")
    """When the key was first in use (monotonic)."""


class Refusals:
    """The refusals of one ledger. A worker runs `send` for each of them."""

    def __init__(self, context: RunContext, ledger: LedgerState, recorder: PhaseRecorder) -> None:
        self._count = ledger.plan.counts.get(_PHASE, 0)
        self.items: Iterator[PlannedItem] = enumerate(ledger.plan.transactions(_PHASE))
        """Those that were not started."""
        self._context = context
        self._ledger = ledger
        self._recorder = recorder
        self._phase_log: PhaseLog = context.journal.phase_log(ledger.index, _PHASE, self._count)
        self._sender = context.sender
        self._ttl = str(context.settings.idempotency.ttl_s)
        self._frees_keys = context.server is None or context.server.frees_keys_of_refused
        self._unknown = {one.ordinal for one in self._phase_log.unknown()}

    def among(self, transfers: Iterator[PlannedItem], planned: int) -> Iterator[PlannedItem]:
        """Generate transfers with the refusals evenly distributed among them.

        Args:
            transfers: those of the ledger; one is taken when it is generated.
            planned: how many they are.
        """
        due = 0
        for number, transfer in enumerate(transfers, 1):
            yield transfer
            before, due = due, number * self._count // planned
            yield from islice(self.items, due - before)

    async def send(self, numbered_item: PlannedItem) -> None:
        """Send one transaction until its outcome is known. Raises as `send_refusals`."""
        ordinal, item = numbered_item
        if self._phase_log.is_made(ordinal):
            self._recorder.count(Outcome.EXISTING)
            return
        sending = _Sending(item, ordinal, self._phase_log.begin(ordinal))
        if ordinal in self._unknown:
            if await self._is_listed(item):
                self._failed(sending, "accepted", _ACCEPTED)
                return
            if not self._frees_keys:
                self._use_next_key(sending)
        await self._send(sending)

    async def _send(self, sending: _Sending) -> None:
        item, budget = sending.item, self._sender.retry_budget(_PHASE)
        path = routes.transactions(self._ledger.place, item.endpoint)
        while True:
            key = f"{self._context.plan.run_id}.{item.key}.{sending.generation}"
            body = item.body if self._ledger.routes is None else self._ledger.routes.fill(item.body)
            request = transaction_request(path, body, key, self._ttl)
            answer = await self._sender.attempt(request, _PHASE)
            sending.attempts = answer.attempts = sending.attempts + 1
            evidence, code = _evidence(answer, item), answer.verdict.code[-4:]
            confirmed = evidence.reading in _CONFIRMED and (evidence, code) == (sending.last, sending.last_code)
            sending.last, sending.last_code = evidence, code
            if evidence.effect is Effect.MADE:
                return self._failed(sending, "accepted", _ACCEPTED)
            if confirmed and evidence.reading is Reading.REFUSED:
                return self._refused(sending, answer.failure(request))
            if evidence.reading is Reading.REFUSED:
                if not self._frees_keys:
                    self._use_next_key(sending)
            elif confirmed:
                self._use_next_key(sending)  # the key has another item's answer
            elif evidence.reading is not Reading.FOREIGN and not await self._may_try_again(sending, answer, budget):
                if await self._is_listed(item):
                    return self._failed(sending, "accepted", _ACCEPTED)
                return self._failed(sending, "", answer.failure(request))
            if evidence.reading is not Reading.REFUSED:
                self._note(sending, answer.failure(request), final=False)

    async def _may_try_again(self, sending: _Sending, answer: Answer, budget: RetryBudget) -> bool:
        """Wait as needed, and return whether another attempt may be made."""
        if answer.verdict.disposition is not Disposition.IN_FLIGHT:
            return await budget.should_retry(answer)
        now_s = self._sender.clock.monotonic()
        sending.in_use_since_s = min(sending.in_use_since_s, now_s)
        if now_s - sending.in_use_since_s > IN_FLIGHT_MAX_S:
            # a server that was killed leaves keys in use; had it accepted the transaction, the balances would show it
            self._use_next_key(sending)
        await self._sender.sleep(IN_USE_PAUSE_S)
        return True

    def _use_next_key(self, sending: _Sending) -> None:
        sending.generation += 1
        sending.in_use_since_s = float("inf")
        self._phase_log.resend(sending.ordinal, sending.generation)

    async def _is_listed(self, item: TransactionItem) -> bool:
        """Return whether the server lists it."""
        api, place = self._context.api(_PHASE), self._ledger.place
        return await api.transaction_id_by_mark(place, item.tag) is not None

    def _refused(self, sending: _Sending, failure: Failure) -> None:
        """Record a refusal: a success with the planned code."""
        planned, code = refusal_code(sending.item.refusal), sending.last_code
        if code != planned:
            return self._failed(sending, f"refused with {code}", failure)
        self._phase_log.made(sending.ordinal)
        self._recorder.count(Outcome.REFUSED)
        return None

    def _failed(self, sending: _Sending, actual: str, failure: Failure) -> None:
        """Record that it was not refused as planned. The journal leaves it open, so the next session sends it again.

        Args:
            sending: the transaction.
            actual: what happened instead, as a difference from the plan; "" when there was no answer.
            failure: of the last attempt.
        """
        item = sending.item
        planned = f"refused with {refusal_code(item.refusal)} ({item.refusal})"
        if actual:
            difference = Difference(self._ledger.plan.key, "refusal", item.key, planned, actual)
            self._context.results.not_refused.append(difference)
        self._note(sending, failure, final=True)
        self._recorder.count(Outcome.FAILED)

    def _note(self, sending: _Sending, failure: Failure, *, final: bool) -> None:
        parent, key = self._ledger.place.path, sending.item.key
        self._context.tracker.record(failure, phase=_PHASE, entity="transaction", key=key, parent=parent, final=final)


_PHASE = Phase.REFUSALS
_CONFIRMED = frozenset({Reading.REFUSED, Reading.FOREIGN})
_ACCEPTED = Failure(ErrorClass.SERVER, "", "accepted, although the server must refuse it")


def _evidence(answer: Answer, item: TransactionItem) -> Evidence:
    response = answer.response
    if response is None:
        return OPEN if answer.verdict.disposition is Disposition.UNKNOWN else NEVER_SEEN
    return of_refusal(response.status, response.headers, response.body, item)
