"""Commit, cancel or revert a transaction that was made before, exactly once.

The server carries each of them out once, whatever its key: a transaction that is not pending any more is neither
committed nor cancelled, and one is reverted only once. So a follow-up whose answer was lost is sent again, and where an
answer says that there is nothing left to do, the transaction itself decides: its status, or its reversal
(midaz-behaviour: transaction-statuses, reverts).
"""

from contextlib import suppress
from dataclasses import dataclass, field

from midaz_seed.engine.requests.answer import Answer
from midaz_seed.engine.requests.sender import RetryBudget
from midaz_seed.engine.requests.sending import Sending
from midaz_seed.engine.requests.transactions import IdempotencyKey, TransactionSender, UnresolvedTransaction
from midaz_seed.errors import RequestFailedError
from midaz_seed.midaz import routes
from midaz_seed.midaz.api import MidazApi
from midaz_seed.midaz.classify import Disposition, Verdict
from midaz_seed.midaz.evidence import (
    APPROVED,
    NEVER_SEEN,
    NOT_PENDING,
    OPEN,
    PENDING,
    REVERTED,
    STATUS_AFTER,
    Effect,
    Evidence,
    of_follow_up,
    parent_of,
    status_of,
)
from midaz_seed.midaz.routes import Place
from midaz_seed.model.outcomes import ErrorClass
from midaz_seed.plan.items import ENDINGS, TransactionItem
from midaz_seed.transport.base import Request

LOOK_UP_PAUSE_S = 0.5
"""Between two searches for a transaction that is not listed yet."""
_NOT_LISTED = Verdict(
    Disposition.PERMANENT,
    ErrorClass.NOT_FOUND,
    "",
    "the transaction that it refers to is not in the server's list; after a crash a server lists it within an hour",
)


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """How to find the transactions that follow-ups refer to.

    Attributes:
        api: reads them.
        place: path of the ledger.
        run_id: begins their marks.
        ids: key -> server id, "" where it is not known; what is found is added.
        visible_within_s: how long one that was made may be absent from the list.
    """

    api: MidazApi
    place: Place
    run_id: str
    ids: dict[str, str] = field(repr=False)
    visible_within_s: float

    async def find(self, key: str) -> str:
        """Return a server id from the server's list; "" when it does not have the transaction."""
        self.ids[key] = await self.api.transaction_id_by_mark(self.place, self.mark(key)) or ""
        return self.ids[key]

    async def status(self, key: str) -> str:
        """Return the status of a transaction with a known id; "" when the server does not show it."""
        row = await self.api.transaction(self.place, self.ids[key])
        return status_of(row) if row is not None else ""

    async def is_reverted(self, key: str) -> bool:
        """Return whether the server lists a reversal of a transaction."""
        rows = await self.api.transactions_by_mark(self.place, [self.mark(key)])
        return any(parent_of(row) == self.ids[key] for row in rows)

    def mark(self, key: str) -> str:
        """Return the mark of a transaction."""
        return f"{self.run_id}/{key}"


class FollowUpSender(TransactionSender):
    """Sends the follow-ups of one ledger and counts the outcomes."""

    first_steps: FirstSteps
    """Set after the creation."""

    async def send(
        self,
        item: TransactionItem,
        ordinal: int,
        path: str,
        parent: str,
        key: IdempotencyKey | None = None,
    ) -> UnresolvedTransaction | None:
        """Send one follow-up until its outcome is known or must be left open.

        Args:
            item: the follow-up.
            ordinal: its index in the phase.
            path: ignored; the path names the transaction that it refers to.
            parent: as in `TransactionSender.send`, like `key`.

        Returns:
            As `TransactionSender.send`.

        Raises:
            RequestFailedError: the transaction that it refers to cannot be looked up.
        """
        first = self.first_steps
        until_s = self._sender.clock.monotonic() + first.visible_within_s
        while not (first.ids.get(item.of) or await first.find(item.of)):
            if self._sender.clock.monotonic() >= until_s:
                request = Request("POST", routes.transactions(first.place, f"{item.of}/{item.endpoint}"))
                sending = Sending(item, ordinal, parent, request, 0, float("-inf"), Effect.NOT_MADE)
                return self._failed(sending, Answer(_NOT_LISTED, None))
            await self._sender.sleep(LOOK_UP_PAUSE_S)
        path = routes.transactions(first.place, f"{first.ids[item.of]}/{item.endpoint}")
        # without the answer of the transaction that it refers to: another one must not pass for its own
        return await super().send(item._replace(answer=b""), ordinal, path, parent, key)

    def _evidence(self, answer: Answer, item: TransactionItem) -> Evidence:
        response = answer.response
        if response is None:
            return OPEN if answer.verdict.disposition is Disposition.UNKNOWN else NEVER_SEEN
        return of_follow_up(response.status, response.body, item, self.first_steps.ids[item.of])

    async def _may_try_again(self, sending: Sending, answer: Answer, budget: RetryBudget, *, confirmed: bool) -> bool:
        """As `TransactionSender`, and while the status says that it may still be carried out: a read may lag, or an
        earlier attempt be in progress."""
        first, item = self.first_steps, sending.item
        waits = self._sender.clock.monotonic() < sending.first_sent_s + first.visible_within_s
        may_be = False
        if confirmed and waits and answer.verdict.code[-4:] in NOT_PENDING:
            with suppress(RequestFailedError):  # then the retry budget decides
                may_be = await first.status(item.of) in ("", PENDING if item.kind in ENDINGS else APPROVED)
        if may_be:
            self._note(answer.failure(sending.request), sending)
            await budget.pause(answer)
            return True
        return await super()._may_try_again(sending, answer, budget, confirmed=confirmed)

    async def _ended(self, sending: Sending, answer: Answer) -> UnresolvedTransaction | None:
        """Read from the server whether it was made; without an answer it is in doubt."""
        first, item = self.first_steps, sending.item
        status = ""
        try:
            if item.kind in ENDINGS:
                status = await first.status(item.of)
                made = status == STATUS_AFTER[item.kind]
            else:
                made = answer.verdict.code[-4:] == REVERTED or await first.is_reverted(item.of)
        except RequestFailedError:
            return self._in_doubt(sending, answer)
        if made:
            self.uncertain = True
            self.flow.answered(self._sender.clock.monotonic())
            self._recorder.count_recovered(len(item.movements))
            self.phase_log.made(sending.ordinal)
            self._rejects.made(item.key)
            return None
        if status in STATUS_AFTER.values():  # it ended in the other way, and ends only once
            return self._failed(sending, answer)
        return await super()._ended(sending, answer)
