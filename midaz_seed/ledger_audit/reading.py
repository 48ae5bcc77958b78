"""The reads of an audit: paced, repeated when they fail, and nothing but reads."""

from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple, TypeVar, cast

import anyio

from midaz_seed.clock import Clock
from midaz_seed.errors import NotMidazError, RequestFailedError, TargetError
from midaz_seed.midaz.api import MidazApi, Take, odd_answer
from midaz_seed.midaz.auth import credentials_refused
from midaz_seed.midaz.evidence import says_missing
from midaz_seed.midaz.foreign import foreign_answer, unanswered
from midaz_seed.midaz.routes import PAGE_LIMIT
from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.items import Phase
from midaz_seed.probe.requests import describe_answer
from midaz_seed.resilience.rate_limiter import RateLimiter
from midaz_seed.transport.base import (
    AnswerTimeoutError,
    Request,
    Response,
    Service,
    Transport,
    TransportError,
    UnreadableAnswerError,
)

T = TypeVar("T")
PAUSES_S = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Pauses before a failed read is sent again: a server that restarts, or a gateway that refuses for a moment, must not
end an audit of an hour."""
TIMEOUTS_MAX = 2
"""Timeouts of one read after which it is not sent again: a smaller page may be faster."""
_BUSY = frozenset({408, 420, 425, 429})
"""Refusals of a moment."""
FIRST_PAUSES = 2
"""Of these pauses, those that are made as long as the server has never answered: its address may be wrong."""
RETRY_AFTER_S_MAX = 60.0
"""A longer time in `Retry-After` is not waited for."""


class PacedReads:
    """Sends the reads of an audit, as `midaz_seed.midaz.api.Read` describes it.

    Attributes:
        requests: requests sent so far.
    """

    def __init__(self, transport: Transport, clock: Clock, *, rate_per_s: float, concurrency: int) -> None:
        """Prepare.

        Args:
            transport: sends the requests.
            clock: measures the pauses.
            rate_per_s: maximum requests per second; 0: no limit.
            concurrency: maximum requests in flight.
        """
        self._transport = transport
        self._clock = clock
        self._limiter = RateLimiter(rate_per_s) if rate_per_s else None
        self._in_flight = anyio.Semaphore(concurrency)
        self._was_answered = False
        self.requests = 0

    async def __call__(self, request: Request, phase: Phase, take: Take[T], *, missing_ok: bool = False) -> T | None:
        """Send a read until `take` accepts its answer.

        Raises:
            UnauthorizedError: the credentials are refused.
            RequestFailedError: every attempt failed. Its cause is the TransportError of the last one, if it was one.
            NotMidazError: the last answer is not one of a Midaz.
        """
        if request.method not in ("GET", "HEAD"):
            raise ValueError(f"an audit only reads: {request.method} {request.path}")
        pauses = iter(PAUSES_S if self._was_answered else PAUSES_S[:FIRST_PAUSES])
        timeouts = 0
        while True:
            try:
                return await self._attempt(request, take, missing_ok)
            except _FailedAttempt as failed:
                pause_s, cause = next(pauses, None), failed.error.__cause__
                timeouts += isinstance(cause, AnswerTimeoutError)
                if pause_s is None or timeouts > TIMEOUTS_MAX or isinstance(cause, UnreadableAnswerError):
                    raise failed.error from cause
                await self._clock.sleep(max(pause_s, failed.after_s))

    async def _attempt(self, request: Request, take: Take[T], missing_ok: bool) -> T | None:
        """Send a read once. Raises as a call, and _FailedAttempt where another attempt may succeed."""
        try:
            response = await self._send(request)
        except TransportError as error:
            failure = unanswered(request, error)
            failure.__cause__ = error
            raise _FailedAttempt(failure) from error
        status = response.status
        if 200 <= status < 300:
            taken = take(response)
            if taken is None:
                raise _FailedAttempt(odd_answer(request, response))
            return taken
        if missing_ok and says_missing(status, response.body):
            return None
        if status in (401, 403):
            raise credentials_refused(describe_answer(response))
        if foreign := foreign_answer(request, response):
            raise foreign
        refused = RequestFailedError(
            f"{request.method} {request.path}: {describe_answer(response)}",
            hint="check the server's health, then run the same command again: it continues",
        )
        if status < 500 and status not in _BUSY:
            raise refused
        raise _FailedAttempt(refused, _retry_after_s(response))

    async def _send(self, request: Request) -> Response:
        async with self._in_flight:
            if self._limiter is not None:
                await self._limiter.next_slot()
            self.requests += 1
            response = await self._transport.send(request)
        self._was_answered = True
        return response


class _FailedAttempt(Exception):  # noqa: N818 - it is caught where it is raised
    """An attempt that failed for now."""

    def __init__(self, error: TargetError, after_s: float = 0.0) -> None:
        super().__init__(str(error))
        self.error = error
        self.after_s = after_s
        """The pause that the server asks for, in seconds."""


def _retry_after_s(response: Response) -> float:
    text = response.headers.get("Retry-After") or ""
    return min(float(text), RETRY_AFTER_S_MAX) if text.isascii() and text.isdigit() else 0.0


class Page(NamedTuple):
    """A page of a list with a cursor."""

    rows: list[JsonObject]
    cursor: str
    """Of the page itself; "" for the first one."""
    next_cursor: str
    """Of the page after it; "" at the end."""


class PagedList:
    """A list with a cursor that is read a page at a time, and of which the last page can be read again.

    The pages of transactions become smaller when one is too large to be read.
    """

    def __init__(self, api: MidazApi, path: str, query: Mapping[str, str], limit: int = PAGE_LIMIT) -> None:
        self._api = api
        self._path = path
        self._query = query
        self.limit = limit
        """Rows of a page."""

    async def page(self, cursor: str) -> Page:
        """Read the page at a cursor.

        Raises:
            TargetError: it cannot be read.
        """
        while True:
            query = {"limit": str(self.limit), "sort_order": "asc", **self._query}
            if cursor:
                query["cursor"] = cursor
            try:
                envelope = await self._api.rows_once(self._path, Service.TRANSACTION, **query)
            except TargetError as error:
                if not isinstance(error.__cause__, UnreadableAnswerError | AnswerTimeoutError) or self.limit == 1:
                    raise
                self.limit = max(self.limit // 2, 1)
                continue
            following = envelope.get("next_cursor")
            rows = cast("list[JsonObject]", envelope["items"])
            return Page(rows, cursor, following if isinstance(following, str) and rows else "")

    async def pages(self, cursor: str = "") -> AsyncIterator[Page]:
        """Iterate over the pages from a cursor to the end.

        Raises:
            TargetError: a page cannot be read, or the cursors run in a circle.
        """
        seen: set[int] = set()
        while True:
            page = await self.page(cursor)
            yield page
            if not page.next_cursor:
                return
            if hash(page.next_cursor) in seen:
                raise NotMidazError(
                    f"GET {self._path}: the cursor of a page leads back to an earlier one",
                    hint="check the proxy or gateway before the server: it seems to drop the query string",
                )
            seen.add(hash(page.next_cursor))
            cursor = page.next_cursor
