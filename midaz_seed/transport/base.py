"""What carries one request to the server and its answer back.

One method: the seam for every test and every data plane.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import orjson

from midaz_seed.model.json_types import JsonObject


class Service(StrEnum):
    """Which of Midaz's two HTTP services a path belongs to; from v3.5 on both are usually the same address."""

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


@dataclass(slots=True)
class Response:
    """A complete answer."""

    status: int
    headers: Mapping[str, str]
    """Looked up regardless of letter case."""
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
    """There is no complete answer. `maybe_applied`: the server may have seen the request and acted on it."""

    maybe_applied = True


class ConnectError(TransportError):
    """No connection could be made, so the request was certainly not seen."""

    maybe_applied = False


class LostConnectionError(TransportError):
    """The connection broke before the answer was complete."""


class AnswerTimeoutError(TransportError):
    """The answer was not complete in time."""


class Transport(Protocol):
    """Sends requests; keeps connections."""

    def send(self, request: Request) -> Awaitable[Response]:
        """One attempt; await it at once.

        Raises ConnectError, LostConnectionError or AnswerTimeoutError; any HTTP status is an answer, not an error.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...
