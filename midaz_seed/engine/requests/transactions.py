"""Send one transaction so that it is made exactly once.

`midaz.evidence` decides what an answer shows. While it is unknown whether a transaction was made, it is sent again only
under the same key, and only while the server certainly still knows that key. A rejection, or an answer that belongs to
another item, counts only when it comes twice in a row: a gateway can hand an answer to the wrong connection. A
transaction that stays unknown is in doubt, and `engine.ledger.in_doubt` decides it. So is one whose key holds another
item's answer: before it gets another key, the balances must also show that it was not made.
"""

from dataclasses import dataclass

from midaz_seed.engine.admission import StoppedError
from midaz_seed.engine.requests.answer import Answer
from midaz_seed.engine.requests.error_tracker import ErrorTracker
from midaz_seed.engine.requests.route_ids import RouteIds
from midaz_seed.engine.requests.sender import RetryBudget, Sender
from midaz_seed.engine.requests.sending import Sending
from midaz_seed.midaz.api import transaction_request
from midaz_seed.midaz.classify import OK, Disposition, Verdict
from midaz_seed.midaz.evidence import (
    NEVER_SEEN,
    OPEN,
    REPLAYED,
    Effect,
    Evidence,
    Reading,
    is_plainly_ours,
    ledger_bytes,
    of_transaction,
)
from midaz_seed.midaz.routes import Place
from midaz_seed.model.outcomes import ErrorClass, Failure, Outcome
from midaz_seed.plan.items import TransactionItem
from midaz_seed.reporting.meter import PhaseRecorder
from midaz_seed.reporting.settled_throughput import SettlementTimeline
from midaz_seed.runs.journal import PhaseLog
from midaz_seed.runs.rejects import Rejects
from midaz_seed.transport.base import Response

FOREIGN_MAX = 6
"""Answers of other items that one key may give, never the same twice in a row, before the transaction is left in doubt.
"""
IN_FLIGHT_PAUSE_MIN_S = 0.05
IN_FLIGHT_MAX_S = 5.0
"""How long a key may be in flight before its transaction is left in doubt: a crashed server leaves keys in flight until
they expire, and each would occupy a worker until then.
"""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A key under which a transaction is sent: its generation, and what is known of the transaction so far.

    Attributes:
        generation: number of the key, from 0.
        sent_s: first sending under this key (monotonic); None: the key is unused or has expired.
        known: what is known of the transaction.
        not_after_s: latest time to send it (monotonic), because `known` gets outdated; None: no limit.
    """

    generation: int
    sent_s: float | None = None
    known: Effect = Effect.UNKNOWN
    not_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class UnresolvedTransaction:
    """A transaction without its own 201: its ordinal in the phase, the failure, and its last key."""

    item: TransactionItem
    ordinal: int
    failure: Failure
    generation: int
    first_sent_s: float
    """First attempt under that key (monotonic)."""
    key_is_taken: bool = False
    """The key holds another item's answer."""
    in_flight: bool = False
    """The last answer was that its key is in flight."""
    unanswered_s: float = float("-inf")
    """Last attempt without a complete answer (monotonic): a network may still deliver it."""

    @property
    def in_doubt(self) -> bool:
        """Return whether it may have been applied."""
        return self.failure.error is ErrorClass.IN_DOUBT


class TransactionSender:
    """Sends the transactions of one phase of one ledger and counts the outcomes."""

    def __init__(
        self,
        sender: Sender,
        tracker: ErrorTracker,
        recorder: PhaseRecorder,
        *,
        run_id: str,
        place: Place,
        ttl_s: int,
        margin_s: int,
        visible_within_s: float,
        sample: dict[str, str],
        phase_log: PhaseLog,
        flow: SettlementTimeline,
        rejects: Rejects,
        routes: RouteIds | None = None,
    ) -> None:
        """Prepare to send the transactions of one phase.

        Args:
            recorder: counts the outcomes, and determines the phase.
            place: path of the ledger.
            visible_within_s: how long the balance of a new account may take to become usable (0019; midaz-behaviour:
                default-balances).
            sample: receives the server ids of the transactions whose keys it holds; the journal gets them too.
            phase_log: journals each transaction before it is sent and when its outcome is known.
            flow: records when transactions are sent, answered and accepted.
            routes: fills the ids of routes into bodies that name some.
        """
        self._sender = sender
        self._recorder = recorder
        self._tracker = tracker
        self._phase = recorder.phase
        self._run_id = run_id
        self._place = place.path
        self._ledger = ledger_bytes(place.organization_id, place.ledger_id)
        self._ttl = str(ttl_s)
        self._resend_within_s = max(ttl_s - margin_s, 0)
        self._visible_within_s = visible_within_s
        self._sample = sample
        self.phase_log = phase_log
        self.flow = flow
        self._rejects = rejects
        self._routes = routes
        self.uncertain = False
        """An outcome was not decided by the direct answer to the first sending."""
        self.crash_seen = ""
        """What showed that the server was killed, as a clause; "" when nothing did."""

    async def send(
        self,
        item: TransactionItem,
        ordinal: int,
        path: str,
        parent: str,
        key: IdempotencyKey | None = None,
    ) -> "UnresolvedTransaction | None":
        """Send one transaction until its outcome is known or must be left open.

        Args:
            item: the transaction.
            ordinal: its index in the phase.
            path: URL path to post it to.
            parent: URL path of the ledger, for error reports.
            key: the first key to use, where it was sent before.

        Returns:
            None when it was made. Otherwise the failure: of class IN_DOUBT when it may have been applied, of any other
                class when it certainly was not.

        Raises:
            BreakerOpenError: the breaker stayed open until its deadline.
            UnauthorizedError: the credentials were rejected.
            JournalError: the journal cannot be written.
            StoppedError: the run drains. The journal has what the next session needs.
        """
        first_sent_s = not_after_s = None
        if key is None:
            generation = self.phase_log.begin(ordinal)
        else:
            generation = key.generation
            not_after_s = key.not_after_s
            if key.sent_s is None:
                self.phase_log.resend(ordinal, generation)
            else:
                first_sent_s = key.sent_s
                not_after_s = first_sent_s + self._resend_within_s
        body = item.body if self._routes is None else self._routes.fill(item.body)
        request = transaction_request(path, body, f"{self._run_id}.{item.key}.{generation}", self._ttl)
        try:
            answer = await self._sender.attempt(request, self._phase, not_after_s=not_after_s)
        except StoppedError:
            if key is None:  # nothing was sent
                self.phase_log.not_made(ordinal)
            raise
        response = answer.response
        if response is not None and answer.verdict is OK and is_plainly_ours(response.body, item, self._ledger):
            self._made(item, ordinal, answer, response, key is None)
            return None
        known = key.known if key is not None else Effect.NOT_MADE
        if answer.verdict.disposition is not Disposition.EXPIRED:
            self.flow.begin(answer.sent_s)
        if first_sent_s is None:  # a key that was not sent may be of any age
            first_sent_s = answer.sent_s if answer.verdict.disposition is not Disposition.EXPIRED else float("-inf")
        sending = Sending(item, ordinal, parent, request, generation, first_sent_s, known)
        try:
            return await self._until_known(sending, answer)
        except StoppedError:
            if sending.known is Effect.NOT_MADE:
                self.phase_log.not_made(ordinal)
            else:
                self._sender.abandon(self._phase)
            raise

    async def _until_known(self, sending: Sending, answer: Answer) -> "UnresolvedTransaction | None":
        """Send the same bytes under the same key until an answer decides, or the key may have expired."""
        item, clock = sending.item, self._sender.clock
        budget = self._sender.retry_budget(self._phase)
        while True:
            sending.attempts = answer.attempts = sending.attempts + 1
            disposition = answer.verdict.disposition
            if disposition is Disposition.EXPIRED:
                return self._in_doubt(sending, answer)
            sending.in_flight = disposition is Disposition.IN_FLIGHT
            if answer.response is None:
                sending.unanswered_s = clock.monotonic()
            evidence = self._evidence(answer, item)
            if evidence.effect is Effect.MADE:
                assert answer.response is not None
                first = sending.attempts == 1 and sending.known is Effect.NOT_MADE
                self._made(item, sending.ordinal, answer, answer.response, first)
                return None
            confirmed = sending.observe(evidence)
            answer = _described(answer, evidence)
            if evidence.reading is Reading.FOREIGN:
                if confirmed:
                    self._recorder.count_replay(foreign=True)
                    self._note(answer.failure(sending.request), sending)
                if confirmed or sending.foreign > FOREIGN_MAX:
                    return self._in_doubt(sending, answer, key_is_taken=confirmed)
                sending.foreign += 1
            elif disposition is Disposition.IN_FLIGHT:
                self._note(answer.failure(sending.request), sending)
                age_s = clock.monotonic() - sending.first_sent_s
                if age_s > IN_FLIGHT_MAX_S:
                    self.crash_seen = f"a key stayed in flight for more than {IN_FLIGHT_MAX_S:g} s ({item.key})"
                    return self._in_doubt(sending, answer)
                await self._sender.sleep(max(age_s, IN_FLIGHT_PAUSE_MIN_S))
            elif not await self._may_try_again(sending, answer, budget, confirmed=confirmed):
                return await self._ended(sending, answer)
            unknown = sending.known is not Effect.NOT_MADE
            not_after_s = sending.first_sent_s + self._resend_within_s if unknown else None
            answer = await self._sender.attempt(sending.request, self._phase, not_after_s=not_after_s)

    async def _may_try_again(self, sending: Sending, answer: Answer, budget: RetryBudget, *, confirmed: bool) -> bool:
        """Wait as needed, and return whether another attempt may be made under the same key."""
        disposition, now_s = answer.verdict.disposition, self._sender.clock.monotonic()
        if disposition is Disposition.APPLIED_LATER:
            self.crash_seen = f"the server moved the balances and did not write the record (0095, {sending.item.key})"
            return False
        not_ready = disposition is Disposition.NOT_READY and now_s < sending.first_sent_s + self._visible_within_s
        if not_ready or (disposition in _FINAL and not confirmed):
            self._note(answer.failure(sending.request), sending)
            if not_ready:
                await budget.pause(answer)
            return True
        if disposition in _FINAL or not await budget.should_retry(answer):
            return False
        self._note(answer.failure(sending.request), sending)
        return True

    def _evidence(self, answer: Answer, item: TransactionItem) -> Evidence:
        response = answer.response
        if response is None:
            return OPEN if answer.verdict.disposition is Disposition.UNKNOWN else NEVER_SEEN
        return of_transaction(response.status, response.headers, response.body, item, self._place)

    def _made(self, item: TransactionItem, ordinal: int, answer: Answer, response: Response, expected: bool) -> None:
        """Count a transaction that got its own answer; `expected`: no earlier attempt can have made it."""
        moved = len(item.movements)
        if response.headers.get(REPLAYED) == "true":
            self._recorder.count_replay()
            if expected:
                self.uncertain = True  # another process sends the same plan
        if item.key in self._sample:
            self._sample[item.key] = found = answer.created_id()
            self.phase_log.created(ordinal, found, created_by_this_run=True)
        self._recorder.count_created(moved)
        self.flow.accept(moved, answer.sent_s, answer.at_s)
        self.phase_log.made(ordinal)
        if self._rejects.standing:
            self._rejects.made(item.key)

    def _note(self, failure: Failure, sending: Sending) -> None:
        """Count a failed attempt after which the item is sent again."""
        self._tracker.record(
            failure,
            phase=self._phase,
            entity="transaction",
            key=sending.item.key,
            parent=sending.parent,
            final=False,
        )

    async def _ended(self, sending: Sending, answer: Answer) -> "UnresolvedTransaction | None":
        """Return the outcome when no attempt is left: certainly not made, or in doubt."""
        return self._failed(sending, answer) if sending.known is Effect.NOT_MADE else self._in_doubt(sending, answer)

    def _failed(self, sending: Sending, answer: Answer) -> "UnresolvedTransaction":
        item, failure = sending.item, answer.failure(sending.request)
        self.flow.answered(self._sender.clock.monotonic())
        self.phase_log.not_made(sending.ordinal)
        self._rejects.add(failure, sending.request, phase=self._phase, entity="transaction", key=item.key)
        self._tracker.record(
            failure, phase=self._phase, entity="transaction", key=item.key, parent=sending.parent, final=True
        )
        self._recorder.count(Outcome.FAILED)
        return self._unresolved(sending, answer)

    def _in_doubt(self, sending: Sending, answer: Answer, *, key_is_taken: bool = False) -> "UnresolvedTransaction":
        """Return the transaction as in doubt. It is counted when it is decided."""
        self.uncertain = True
        self.flow.answered(self._sender.clock.monotonic())
        verdict = answer.verdict
        message = verdict.message or f"last seen: {verdict.error}"
        doubt = Verdict(Disposition.UNKNOWN, ErrorClass.IN_DOUBT, verdict.code, message)
        return self._unresolved(sending, Answer(doubt, answer.response, answer.attempts), key_is_taken=key_is_taken)

    def _unresolved(self, sending: Sending, answer: Answer, *, key_is_taken: bool = False) -> "UnresolvedTransaction":
        return UnresolvedTransaction(
            sending.item,
            sending.ordinal,
            answer.failure(sending.request),
            sending.generation,
            sending.first_sent_s,
            key_is_taken=key_is_taken,
            in_flight=sending.in_flight,
            unanswered_s=sending.unanswered_s,
        )


_FINAL = frozenset({Disposition.PERMANENT, Disposition.CONFLICT, Disposition.NOT_READY})
"""Rejections that a retry does not change."""
_FOREIGN = Verdict(Disposition.RETRY, ErrorClass.FOREIGN_REPLAY, "", "201, but with another transaction")
_ODD = Verdict(Disposition.UNKNOWN, ErrorClass.SERVER, "", "success, but not the answer to this transaction")


def _described(answer: Answer, evidence: Evidence) -> Answer:
    """Replace the verdict of an answer where its evidence contradicts it."""
    verdict = answer.verdict
    if evidence.reading is Reading.FOREIGN:
        verdict = _FOREIGN
    elif evidence.reading is Reading.ODD:
        verdict = _ODD
    elif evidence.effect is Effect.UNKNOWN and verdict.disposition in _FINAL:
        message = f"{answer.response.status if answer.response else ''} that is not from Midaz: {verdict.message}"
        verdict = Verdict(Disposition.UNKNOWN, verdict.error, verdict.code, message)
    answer.verdict = verdict
    return answer
