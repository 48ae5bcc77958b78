"""Sending one transaction so that it happens exactly once.

What an answer proves is decided in `midaz.evidence`; this module keeps to it. While it is unknown whether a transaction
was made, it is sent again under the same key only, and only while the server certainly remembers that key, so that the
server decides. A refusal, and an answer that belongs to another item, count when they are given twice in a row: a
gateway can hand an answer to the wrong connection. What stays unknown is in doubt, for `engine.ledger.in_doubt` to
decide; so is one whose key holds another item's answer: the balances have to say too that it was not made before it
gets another key.
"""

from dataclasses import dataclass

from midaz_seed.engine.requests.error_tracker import ErrorTracker
from midaz_seed.engine.requests.sender import Answer, RetryBudget, Sender
from midaz_seed.midaz.api import transaction_request
from midaz_seed.midaz.classify import OK, Disposition, Verdict
from midaz_seed.midaz.evidence import (
    NEVER_SEEN,
    OPEN,
    REPLAYED,
    Effect,
    Evidence,
    Reading,
    after,
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
from midaz_seed.transport.base import Request, Response

FOREIGN_MAX = 6
"""How many answers of other items one key may give, never the same twice in a row, before it is left in doubt."""
IN_FLIGHT_PAUSE_MAX_S = 5.0
SET_ASIDE_AFTER_S = 5.0
"""How long a key may be in flight before its transaction is set aside: a server that died leaves keys behind that stay
so until their lifetime ends, and each would hold a worker until then."""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """Under which idempotency key a transaction is sent: its generation, when it was first sent under it (monotonic
    seconds; None: not within the key's life), and what is known of it so far.

    `not_after_s`: what is known of it is too old to send it after that moment (monotonic seconds; None: no limit).
    """

    generation: int
    sent_s: float | None = None
    known: Effect = Effect.UNKNOWN
    not_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class UnresolvedTransaction:
    """A transaction that did not get its own 201: its place in the plan's order, why, and its last key."""

    item: TransactionItem
    ordinal: int
    failure: Failure
    generation: int
    first_sent_s: float
    """When the first attempt under that key was made (monotonic seconds)."""
    set_aside: bool = False
    """Not decided yet, because its key is in flight."""
    key_is_taken: bool = False
    """That key holds another item's answer."""
    in_flight: bool = False
    """The last answer was that its key is in flight."""
    unanswered_s: float = float("-inf")
    """When the last attempt was made that got no complete answer (monotonic seconds): a network may still hold it."""

    @property
    def in_doubt(self) -> bool:
        """It may have been applied all the same."""
        return self.failure.error is ErrorClass.IN_DOUBT


@dataclass(slots=True)
class _Sending:
    """What is known of one transaction while it is being sent under one key after the other."""

    item: TransactionItem
    ordinal: int
    parent: str
    request: Request
    generation: int
    first_sent_s: float
    known: Effect
    """By all attempts before the last one that said nothing certain yet."""
    attempts: int = 0
    in_flight: bool = False
    unanswered_s: float = float("-inf")
    foreign: int = 0
    last: Evidence = NEVER_SEEN
    before: Effect = Effect.NOT_MADE
    """What was known before the answer in `last`."""

    def take(self, evidence: Evidence) -> bool:
        """Take in an answer; True when it is a refusal or another item's, for the second time in a row: then it counts,
        else the attempt may have been made."""
        if evidence is NEVER_SEEN:
            return False
        confirmed = evidence.reading in _TO_BE_CONFIRMED and evidence == self.last
        if confirmed:
            self.known = self.before
        else:
            self.before = self.known
            unconfirmed = evidence.reading in _TO_BE_CONFIRMED
            self.known = after(self.known, Effect.UNKNOWN if unconfirmed else evidence.effect)
        self.last = evidence
        return confirmed


_TO_BE_CONFIRMED = frozenset({Reading.REFUSED, Reading.FOREIGN})


class TransactionSender:
    """Sends the transactions of one phase of one ledger and counts what became of them."""

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
    ) -> None:
        """Prepare to send the transactions of one phase.

        Args:
            recorder: counts the outcomes; says which phase it is.
            place: the ledger.
            visible_within_s: how long a new account's balance may take to be usable (0019;
                midaz-behaviour: default-balances).
            sample: keys of the transactions whose server ids are to be kept in it.
            phase_log: journals each transaction before it is sent and when its outcome is known.
            flow: records when transactions are sent, answered and accepted.
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
        self.uncertain = False
        """Something was decided otherwise than by its own answer at its first sending."""
        self.crash_seen = ""
        """What showed that the server was killed, as a sentence."""

    async def send(
        self,
        item: TransactionItem,
        ordinal: int,
        path: str,
        parent: str,
        key: IdempotencyKey | None = None,
        *,
        wait: bool = True,
    ) -> "UnresolvedTransaction | None":
        """Make one transaction happen; None when it did. `key` is the first to be used, where an earlier one was.

        With `wait` False one whose key stays in flight is set aside: it comes back undecided, to be sent again later.
        A failure of class IN_DOUBT means that it may have been applied; of any other class, that it certainly was not.
        Raises BreakerOpenError, UnauthorizedError, JournalError.
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
        request = transaction_request(path, item.body, f"{self._run_id}.{item.key}.{generation}", self._ttl)
        answer = await self._sender.attempt(request, self._phase, not_after_s=not_after_s)
        response = answer.response
        if response is not None and answer.verdict is OK and is_plainly_ours(response.body, item, self._ledger):
            self._made(item, ordinal, answer, response, key is None)
            return None
        known = key.known if key is not None else Effect.NOT_MADE
        if answer.verdict.disposition is not Disposition.EXPIRED:
            self.flow.begin(answer.sent_s)
        if first_sent_s is None:
            first_sent_s = answer.sent_s
        sending = _Sending(item, ordinal, parent, request, generation, first_sent_s, known)
        return await self._until_known(sending, answer, wait=wait)

    async def _until_known(self, sending: _Sending, answer: Answer, *, wait: bool) -> "UnresolvedTransaction | None":
        """Send the same bytes under the same key until an answer decides, or the key's lifetime forbids it."""
        item, clock = sending.item, self._sender.clock
        patience = self._sender.patience(self._phase)
        in_flight_pause_s = 0.05
        while True:
            sending.attempts = answer.attempts = sending.attempts + 1
            disposition = answer.verdict.disposition
            if disposition is Disposition.EXPIRED:
                if sending.attempts == 1:  # nothing was sent, so its last key is not young
                    sending.first_sent_s = float("-inf")
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
            confirmed = sending.take(evidence)
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
                if clock.monotonic() - sending.first_sent_s > SET_ASIDE_AFTER_S:
                    self.crash_seen = f"a key stayed in flight for more than {SET_ASIDE_AFTER_S:g} s ({item.key})"
                    if not wait:
                        return self._unsent(sending, answer, set_aside=True)
                await clock.sleep(in_flight_pause_s)
                in_flight_pause_s = min(2 * in_flight_pause_s, IN_FLIGHT_PAUSE_MAX_S)
            elif not await self._may_try_again(sending, answer, patience, confirmed=confirmed):
                return self._ended(sending, answer)
            unknown = sending.known is not Effect.NOT_MADE
            not_after_s = sending.first_sent_s + self._resend_within_s if unknown else None
            answer = await self._sender.attempt(sending.request, self._phase, not_after_s=not_after_s)

    async def _may_try_again(
        self, sending: _Sending, answer: Answer, patience: RetryBudget, *, confirmed: bool
    ) -> bool:
        """Whether one more attempt may be made under the same key, after the pause that it needs."""
        disposition, now_s = answer.verdict.disposition, self._sender.clock.monotonic()
        if disposition is Disposition.APPLIED_LATER:
            self.crash_seen = f"the server moved the balances and did not write the record (0095, {sending.item.key})"
            return False
        not_ready = disposition is Disposition.NOT_READY and now_s < sending.first_sent_s + self._visible_within_s
        if not_ready or (disposition in _FINAL and not confirmed):
            self._note(answer.failure(sending.request), sending)
            if not_ready:
                await patience.pause(answer)
            return True
        if disposition in _FINAL or not await patience.again(answer):
            return False
        self._note(answer.failure(sending.request), sending)
        return True

    def _evidence(self, answer: Answer, item: TransactionItem) -> Evidence:
        response = answer.response
        if response is None:
            return OPEN if answer.verdict.disposition is Disposition.UNKNOWN else NEVER_SEEN
        return of_transaction(response.status, response.headers, response.body, item, self._place)

    def _made(self, item: TransactionItem, ordinal: int, answer: Answer, response: Response, expected: bool) -> None:
        """Count a transaction whose own answer has come; `expected`: nobody can have sent it before."""
        moved = len(item.movements)
        if response.headers.get(REPLAYED) == "true":
            self._recorder.count_replay()
            if expected:
                self.uncertain = True  # another process sends the same plan
        if item.key in self._sample:
            self._sample[item.key] = answer.created_id()
        self._recorder.count_created(moved)
        self.flow.accept(moved, answer.sent_s, answer.at_s)
        self.phase_log.made(ordinal)
        if self._rejects.standing:
            self._rejects.made(item.key)

    def _note(self, failure: Failure, sending: _Sending) -> None:
        """Count a failed attempt that is not the end of the item."""
        self._tracker.record(
            failure,
            phase=self._phase,
            entity="transaction",
            key=sending.item.key,
            parent=sending.parent,
            final=False,
        )

    def _ended(self, sending: _Sending, answer: Answer) -> "UnresolvedTransaction":
        """The attempts are used up: certainly not made, or in doubt."""
        return self._failed(sending, answer) if sending.known is Effect.NOT_MADE else self._in_doubt(sending, answer)

    def _failed(self, sending: _Sending, answer: Answer) -> "UnresolvedTransaction":
        item, failure = sending.item, answer.failure(sending.request)
        self.flow.answered(self._sender.clock.monotonic())
        self.phase_log.not_made(sending.ordinal)
        self._rejects.add(failure, sending.request, phase=self._phase, entity="transaction", key=item.key)
        self._tracker.record(
            failure, phase=self._phase, entity="transaction", key=item.key, parent=sending.parent, final=True
        )
        self._recorder.count(Outcome.FAILED)
        return self._unsent(sending, answer)

    def _in_doubt(self, sending: _Sending, answer: Answer, *, key_is_taken: bool = False) -> "UnresolvedTransaction":
        """It is counted later, when it is decided."""
        self.uncertain = True
        self.flow.answered(self._sender.clock.monotonic())
        verdict = answer.verdict
        message = verdict.message or f"last seen: {verdict.error}"
        doubt = Verdict(Disposition.UNKNOWN, ErrorClass.IN_DOUBT, verdict.code, message)
        return self._unsent(sending, Answer(doubt, answer.response, answer.attempts), key_is_taken=key_is_taken)

    def _unsent(
        self, sending: _Sending, answer: Answer, *, set_aside: bool = False, key_is_taken: bool = False
    ) -> "UnresolvedTransaction":
        return UnresolvedTransaction(
            sending.item,
            sending.ordinal,
            answer.failure(sending.request),
            sending.generation,
            sending.first_sent_s,
            set_aside=set_aside,
            key_is_taken=key_is_taken,
            in_flight=sending.in_flight,
            unanswered_s=sending.unanswered_s,
        )


_FINAL = frozenset({Disposition.PERMANENT, Disposition.CONFLICT, Disposition.NOT_READY})
"""What a refusal says that will not change by itself."""
_FOREIGN = Verdict(Disposition.RETRY, ErrorClass.FOREIGN_REPLAY, "", "201, but with another transaction")
_ODD = Verdict(Disposition.UNKNOWN, ErrorClass.SERVER, "", "a success, but not the answer to this transaction")


def _described(answer: Answer, evidence: Evidence) -> Answer:
    """An answer with the verdict that its evidence asks for: what it says by itself may not be believed."""
    verdict = answer.verdict
    if evidence.reading is Reading.FOREIGN:
        verdict = _FOREIGN
    elif evidence.reading is Reading.ODD:
        verdict = _ODD
    elif evidence.effect is Effect.UNKNOWN and verdict.disposition in _FINAL:
        message = f"{answer.response.status if answer.response else ''} that no Midaz wrote: {verdict.message}"
        verdict = Verdict(Disposition.UNKNOWN, verdict.error, verdict.code, message)
    return Answer(verdict, answer.response, answer.attempts, answer.sent_s, answer.at_s)
