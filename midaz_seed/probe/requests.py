"""Sending the requests of a trial, with a few retries and without the engine's circuit breaker.

A trial that fails has written nothing of a plan, so it may give up early.
"""

from contextlib import suppress
from typing import TypeVar

from midaz_seed.clock import Clock
from midaz_seed.errors import RequestFailedError
from midaz_seed.midaz.api import Read, Take, odd_answer
from midaz_seed.midaz.auth import credentials_refused
from midaz_seed.midaz.classify import read_error, redirect
from midaz_seed.midaz.evidence import says_missing
from midaz_seed.midaz.foreign import foreign_answer
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.redaction import redact
from midaz_seed.transport.base import ConnectError, Request, Response, Transport
from midaz_seed.wording import printable

T = TypeVar("T")
NOT_DONE = frozenset({429, 502, 503, 504})
"""Statuses of a busy server, or of something before it: the request was not carried out."""
PAUSES_S = (0.1, 0.2, 0.4, 0.8)


async def send_with_retries(transport: Transport, clock: Clock, request: Request) -> Response:
    """Send a request, again a few times while it is certain that nothing was done.

    Raises:
        TransportError: there is no complete response; only a refused connection is tried again.
    """
    for pause_s in PAUSES_S:
        with suppress(ConnectError):
            answer = await transport.send(request)
            if answer.status not in NOT_DONE:
                return answer
        await clock.sleep(pause_s)
    return await transport.send(request)


def reads_with_retries(transport: Transport, clock: Clock) -> Read:
    """Return the reader for a `MidazApi` that retries as `send_with_retries` does."""

    async def read(request: Request, phase: Phase, take: Take[T], *, missing_ok: bool = False) -> T | None:
        response = await send_with_retries(transport, clock, request)
        if missing_ok and says_missing(response.status, response.body):
            return None
        if response.status in (401, 403):
            raise credentials_refused(describe_answer(response))
        if error := foreign_answer(request, response):
            raise error
        if not 200 <= response.status < 300:
            raise RequestFailedError(
                f"{request.method} {request.path}: {describe_answer(response)}",
                hint="check the server's health, then run the same command again",
            )
        taken = take(response)
        if taken is None:
            raise odd_answer(request, response)
        return taken

    return read


def describe_answer(answer: Response) -> str:
    """Return the status and the server's error in one line, without secrets and control characters."""
    if 300 <= answer.status < 400:
        return printable(redact(redirect(answer.status, answer.headers.get("Location", ""))))
    return printable(redact(" ".join([str(answer.status), *read_error(answer.body)]).strip()))
