"""The interface of a transport, which tests replace, and its requests, responses and errors."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import orjson

from midaz_seed.model.json_types import JsonObject

HEAD_BYTES_MAX = 64 * 1024
"""Maximum size of an answer's status line and headers together, in bytes; a single line cannot be longer either."""
HEADERS_MAX = 128
"""Maximum number of an answer's headers, trailers included."""
BODY_BYTES_MAX = 8 * 1024 * 1024
"""Maximum size of an answer as received, in bytes. A page of a Midaz has some 100 kB, a transaction with 1,000
operations has 1.5 MB; without a limit, a server that is no Midaz could fill the memory."""
NOT_MIDAZ_HINT = (
    "check the address and the port (Midaz from v3.5 on is on port 3002, older ones on 3000 and 3001): "
    "the answer seems to come from a proxy, a login page or another program"
)


class Service(StrEnum):
    """Midaz's two HTTP services; from v3.5 on both usually have the same address."""

    ONBOARDING = "onboarding"
    TRANSACTION = "transaction"


@dataclass(slots=True)
class Request:
    """One HTTP request. `path` starts with a slash, is percent-encoded and includes the query string."""

    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] | None = None
    service: Service = Service.ONBOARDING


KEY_HEADER = "X-Idempotency"
OWN_AFTER_LOSS = 100
"""Number of requests that get a connection of their own after a reused one ended before its answer began."""


def needs_own_connection(request: Request) -> bool:
    """Return whether a request must not meet a connection that the server is closing: it cannot be sent again.

    Reads can be, and so can what has an idempotency key.
    """
    return request.method not in ("GET", "HEAD") and KEY_HEADER not in (request.headers or ())


@dataclass(slots=True)
class Response:
    """A complete answer, of any status."""

    status: int
    headers: Mapping[str, str]
    """Names are compared case-insensitively."""
    body: bytes

    def json_object(self) -> JsonObject | None:
        """Return the JSON object that the body holds, or None when it holds something else.

        Numbers with a fraction become floats: read amounts with `midaz.evidence.parsed_exactly`.
        """
        try:
            parsed = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None
        return parsed if isinstance(parsed, dict) else None


class TransportError(Exception):
    """No complete answer was received.

    Attributes:
        maybe_applied: the server may have carried the request out.
        hint: what to do next; "" without one.
    """

    maybe_applied = True

    def __init__(self, message: str = "", *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ConnectError(TransportError):
    """No connection could be made, so the server has not received the request."""

    maybe_applied = False


class OutOfFileDescriptorsError(TransportError):
    """This process or machine has no file descriptor left for a connection (EMFILE, ENFILE); nothing was sent.

    A local error: it says nothing about the server.
    """

    maybe_applied = False


class LostConnectionError(TransportError):
    """The connection broke before the answer was complete."""


class UnreadableAnswerError(LostConnectionError):
    """The answer is not HTTP, or exceeds a limit, so it is not that of a Midaz."""

    def __init__(self, message: str, *, hint: str = NOT_MIDAZ_HINT) -> None:
        super().__init__(message, hint=hint)


class ReusedConnectionClosedError(TransportError):
    """A connection that had already carried an answer ended before the first byte of the next one.

    Usually the server closed it as idle while the request was in flight; whether it has read the request is unknown.
    """


class AnswerTimeoutError(TransportError):
    """The answer was not complete in time."""


class Transport(Protocol):
    """Sends requests over connections that it keeps open."""

    def send(self, request: Request) -> Awaitable[Response]:
        """Send a request once. The caller must await the result immediately.

        Raises:
            ConnectError: no connection could be made.
            OutOfFileDescriptorsError: no file descriptor is left for a connection.
            ReusedConnectionClosedError: a connection that was used before ended without an answer.
            UnreadableAnswerError: the answer is not HTTP, or exceeds a limit.
            LostConnectionError: the connection broke before the answer was complete.
            AnswerTimeoutError: the answer was not complete in time.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...
