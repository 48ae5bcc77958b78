"""Sending one transaction so that it happens exactly once.

A lost answer is sent again under the same key, and only while the server still remembers the key; a 201 counts only
when it carries our own item's mark, because real servers were measured to answer with somebody else's transaction
(marked replayed) and not to make ours; what stays unknown is reported as in doubt, for the balances to decide.
"""

from dataclasses import dataclass

from midaz_seed.engine.error_tracker import ErrorTracker
from midaz_seed.engine.journal import Track
from midaz_seed.engine.rejects import Rejects
from midaz_seed.engine.sender import Answer, Sender
from midaz_seed.midaz.api import transaction_request
from midaz_seed.midaz.classify import OK, Disposition, Verdict
from midaz_seed.model.outcomes import ErrorClass, Failure
from midaz_seed.plan.items import Phase, TransactionItem
from midaz_seed.reporting.flow import MoneyFlow
from midaz_seed.reporting.meter import Meter
from midaz_seed.transport.base import Request

GENERATIONS_MAX = 20
"""How many times in a row a transaction may meet a foreign answer before it counts as failed."""
IN_FLIGHT_PAUSE_MAX_S = 5.0
SET_ASIDE_AFTER_S = 5.0
"""How long a key may be in flight before its transaction is set aside: a server that died leaves keys behind that stay
so until their lifetime ends, and each would hold a worker until then."""


class AnswerCheck:
    """Tells whether the body of a 201 is the answer to this very item."""

    def is_ours(self, item: TransactionItem, body: bytes) -> bool:
        """The answer's metadata holds the item's run id and key."""
        return item.mark in body


@dataclass(frozen=True, slots=True)
class Key:
    """Under which idempotency key a transaction is sent: its generation, and when it was sent under it before
    (monotonic seconds), if it was."""

    generation: int
    sent_s: float | None = None


@dataclass(frozen=True, slots=True)
class Unsent:
    """A transaction that did not get its own 201, its place in the plan's order, why, and the generation of the last
    key that was used for it."""

    item: TransactionItem
    ordinal: int
    failure: Failure
    generation: int
    set_aside_s: float | None = None
    """Not decided yet, because its key is in flight: when it was first sent under it (monotonic seconds)."""

    @property
    def in_doubt(self) -> bool:
        """It may have been applied all the same."""
        return self.failure.error is ErrorClass.IN_DOUBT


class MovementSender:
    """Sends the transactions of one phase of one ledger and counts what became of them."""

    def __init__(
        self,
        sender: Sender,
        meter: Meter,
        tracker: ErrorTracker,
        phase: Phase,
        *,
        run_id: str,
        ttl_s: int,
        margin_s: int,
        visible_within_s: float,
        answer_check: AnswerCheck,
        sample: dict[str, str],
        track: Track,
        flow: MoneyFlow,
        rejects: Rejects,
    ) -> None:
        """`visible_within_s`: how long a fresh account's balance may take to be usable (0019; contract, 14.2).

        `sample`: keys of the transactions whose server ids are to be kept in it. `track`: where the journal is told of
        each transaction, before it is sent and when its end is known. `flow`: what is told when transactions are sent,
        answered and accepted.
        """
        self._sender = sender
        self._counts = meter.phases[phase]
        self._tracker = tracker
        self._phase = phase
        self._run_id = run_id
        self._ttl_s = ttl_s
        self._resend_within_s = max(ttl_s - margin_s, 0)
        self._visible_within_s = visible_within_s
        self._is_ours = answer_check.is_ours
        self._sample = sample
        self.track = track
        self.flow = flow
        self._rejects = rejects

    async def send(
        self, item: TransactionItem, ordinal: int, path: str, parent: str, key: Key | None = None, *, wait: bool = True
    ) -> "Unsent | None":
        """Make one transaction happen; None when it did. `key` is the first to be used, where an earlier one was.

        With `wait` False one whose key stays in flight is set aside: it comes back undecided, to be sent again later.
        A failure of class IN_DOUBT means that it may have been applied; of any other class, that it certainly was not.
        Raises BreakerOpenError, UnauthorizedError, JournalError.
        """
        sender, track, counts = self._sender, self.track, self._counts
        first_sent_s = sender.clock.monotonic()
        self.flow.begin(first_sent_s)
        sent_before = False
        if key is None:
            generation = track.begin(ordinal)
        else:
            generation = key.generation
            if key.sent_s is None:
                track.resend(ordinal, generation)
            else:
                first_sent_s, sent_before = key.sent_s, True
        last = generation + GENERATIONS_MAX - 1
        while True:
            request = transaction_request(path, item.body, f"{self._run_id}.{item.key}.{generation}", self._ttl_s)
            not_after_s = first_sent_s + self._resend_within_s if sent_before else None
            answer = await sender.attempt(request, self._phase, not_after_s=not_after_s)
            if answer.verdict is not OK:
                answer = await self._until_decided(
                    request, answer, first_sent_s, item, parent, maybe_applied=sent_before, wait=wait
                )
                if answer.verdict.disposition is Disposition.IN_FLIGHT:
                    return Unsent(item, ordinal, answer.failure(request), generation, set_aside_s=first_sent_s)
            response = answer.response
            if answer.verdict is not OK or response is None:
                return self._failed(answer.failure(request), request, item, ordinal, parent, generation)
            if self._is_ours(item, response.body):
                if response.headers.get("X-Idempotency-Replayed") == "true":
                    counts.replayed += 1
                if item.key in self._sample:
                    self._sample[item.key] = answer.created_id()
                moved = len(item.movements)
                counts.created += 1
                counts.movements += moved
                self.flow.accept(moved, answer.at_s)
                track.made(ordinal)
                return None
            counts.foreign_replays += 1
            foreign = Verdict(Disposition.RETRY, ErrorClass.FOREIGN_REPLAY, "", "201, but with another transaction")
            failure = Answer(foreign, response).failure(request)
            if generation == last:
                return self._failed(failure, request, item, ordinal, parent, generation)
            self._note(failure, item, parent)
            generation, sent_before = generation + 1, False
            track.resend(ordinal, generation)
            first_sent_s = sender.clock.monotonic()

    async def _until_decided(
        self,
        request: Request,
        answer: Answer,
        first_sent_s: float,
        item: TransactionItem,
        parent: str,
        *,
        maybe_applied: bool,
        wait: bool,
    ) -> Answer:
        """Send the same bytes under the same key until the answer decides, or the key's lifetime forbids it."""
        sender = self._sender
        patience = sender.patience(self._phase)
        visible_until_s = first_sent_s + self._visible_within_s
        forget_s = first_sent_s + self._resend_within_s
        in_flight_pause_s = 0.05
        attempts = 1
        while True:
            disposition = answer.verdict.disposition
            if disposition in _DECIDED:
                return answer
            maybe_applied = maybe_applied or disposition in (Disposition.UNKNOWN, Disposition.IN_FLIGHT)
            if disposition is Disposition.APPLIED_LATER or disposition is Disposition.EXPIRED:
                return _in_doubt(answer)
            self._note(answer.failure(request), item, parent)
            if disposition is Disposition.IN_FLIGHT:
                if not wait and sender.clock.monotonic() - first_sent_s > SET_ASIDE_AFTER_S:
                    return answer
                await sender.clock.sleep(in_flight_pause_s)
                in_flight_pause_s = min(2 * in_flight_pause_s, IN_FLIGHT_PAUSE_MAX_S)
            elif disposition is Disposition.NOT_READY and sender.clock.monotonic() < visible_until_s:
                await patience.pause(answer)
            elif disposition is Disposition.NOT_READY:
                return answer
            elif not await patience.again(answer):
                return _in_doubt(answer) if maybe_applied else answer
            answer = await sender.attempt(request, self._phase, not_after_s=forget_s if maybe_applied else None)
            answer.attempts = attempts = attempts + 1

    def _note(self, failure: Failure, item: TransactionItem, parent: str) -> None:
        """Count a failed attempt that is not the end of the item."""
        self._tracker.record(failure, phase=self._phase, entity="transaction", key=item.key, parent=parent, final=False)

    def _failed(
        self, failure: Failure, request: Request, item: TransactionItem, ordinal: int, parent: str, generation: int
    ) -> "Unsent":
        """The end of an item; one in doubt is counted later, when the balances have spoken."""
        unsent = Unsent(item, ordinal, failure, generation)
        self.flow.answered(self._sender.clock.monotonic())
        if unsent.in_doubt:
            return unsent
        self.track.not_made(ordinal)
        self._rejects.add(failure, request, phase=self._phase, entity="transaction", key=item.key)
        self._tracker.record(failure, phase=self._phase, entity="transaction", key=item.key, parent=parent, final=True)
        self._counts.failed += 1
        return unsent


_DECIDED = frozenset({Disposition.OK, Disposition.PERMANENT, Disposition.CONFLICT})


def _in_doubt(answer: Answer) -> Answer:
    verdict = answer.verdict
    message = verdict.message or f"last seen: {verdict.error}"
    return Answer(
        Verdict(Disposition.UNKNOWN, ErrorClass.IN_DOUBT, verdict.code, message), answer.response, answer.attempts
    )
