"""The result of one attempt of a request."""

from dataclasses import dataclass
from enum import Enum, auto

from midaz_seed.midaz.classify import Verdict
from midaz_seed.model.outcomes import ErrorClass, Failure
from midaz_seed.reporting.redaction import redact, redacted_start
from midaz_seed.transport.base import Request, Response, TransportError

_EXAMPLE_CHARACTERS = 400


class Excuse(Enum):
    """Why a failed attempt does not count."""

    BUSY = auto()
    """A rate limit rejected it."""
    REUSED_CONNECTION = auto()
    """The server had closed the idle connection; a fresh one may be used at once."""
    NO_DESCRIPTOR = auto()
    """This process has no file descriptor left."""


@dataclass(slots=True)
class Answer:
    """The result of one attempt: a verdict, and the response if there was one."""

    verdict: Verdict
    response: Response | None
    attempts: int = 1
    """Attempts of the same request, including this one."""
    sent_s: float = float("-inf")
    """When the attempt began (monotonic); minus infinity when nothing was sent."""
    at_s: float = 0.0
    """When the response was complete (monotonic)."""
    excuse: Excuse | None = None
    cause: TransportError | None = None
    """Why there is no response."""

    def failure(self, request: Request) -> Failure:
        """Return why it failed, with one line each of request and response, secrets redacted."""
        sent = f"{request.method} {request.path} {redacted_start(request.body or b'', _EXAMPLE_CHARACTERS)}".rstrip()
        got = (
            f"{self.response.status} {redacted_start(self.response.body, _EXAMPLE_CHARACTERS)}".rstrip()
            if self.response
            else ""
        )
        verdict = self.verdict
        return Failure(
            verdict.error or ErrorClass.SERVER,
            verdict.code,
            redact(verdict.message),
            redact(sent),
            redact(got),
            status=self.response.status if self.response else 0,
            attempts=self.attempts,
        )

    def created_id(self) -> str:
        """Return the id of the created entity; "" when the response has none."""
        entity = self.response.json_object() if self.response else None
        found = entity.get("id") if entity else None
        return found if isinstance(found, str) else ""
