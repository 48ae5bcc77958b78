"""Outcomes of items and classes of errors."""

from dataclasses import dataclass
from enum import StrEnum


class ErrorClass(StrEnum):
    """The class of a failure; each failure has exactly one."""

    NETWORK = "network"
    """No connection, or it broke before the answer was complete."""
    TIMEOUT = "timeout"
    """No complete answer before the deadline."""
    RATE_LIMITED = "rate_limited"
    """429."""
    SERVER = "server"
    """5xx, or an answer that is not what a Midaz sends."""
    VALIDATION = "validation"
    """The server rejects the request as invalid (400, 413, 422)."""
    CONFLICT = "conflict"
    """An object with this name exists and differs from the plan."""
    AUTH = "auth"
    """401 or 403."""
    NOT_FOUND = "not_found"
    """A parent or reference does not exist on the server."""
    INSUFFICIENT_FUNDS = "insufficient_funds"
    """0018."""
    FOREIGN_REPLAY = "foreign_replay"
    """A 201 with another item's transaction; this item was not made (observed on real servers)."""
    IN_DOUBT = "in_doubt"
    """The server may or may not have applied it, and sending it again is no longer safe."""


class Outcome(StrEnum):
    """The final outcome of an item."""

    CREATED = "created"
    EXISTING = "existing"
    """It existed and equals the plan."""
    REFUSED = "refused"
    """Refused by the server with the planned code: a success, of an item that must be refused."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not sent, because an item that it depends on failed."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The failure of an item or of one attempt.

    Attributes:
        error: the class.
        code: the server's error code; "" without one.
        message: the server's message, or a description.
        request: the request on one line, with secrets masked.
        answer: the answer on one line, with secrets masked.
        status: status of the last answer; 0 without one.
        attempts: number of attempts, including the first.
    """

    error: ErrorClass
    code: str
    message: str
    request: str = ""
    answer: str = ""
    status: int = 0
    attempts: int = 1
