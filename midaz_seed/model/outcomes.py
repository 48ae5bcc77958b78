"""What became of a work item, and the classes of what can go wrong."""

from dataclasses import dataclass
from enum import StrEnum


class ErrorClass(StrEnum):
    """Every failure belongs to exactly one of these."""

    NETWORK = "network"
    """No connection, or it broke before the answer was complete."""
    TIMEOUT = "timeout"
    """No complete answer before the deadline."""
    RATE_LIMITED = "rate_limited"
    """429."""
    SERVER = "server"
    """5xx, or an answer that is not what a Midaz sends."""
    VALIDATION = "validation"
    """The server finds the request wrong (400, 413, 422)."""
    CONFLICT = "conflict"
    """Something else with this name exists, and it is not what the plan has."""
    AUTH = "auth"
    """401 or 403."""
    NOT_FOUND = "not_found"
    """A parent or reference does not exist on the server."""
    INSUFFICIENT_FUNDS = "insufficient_funds"
    """0018."""
    FOREIGN_REPLAY = "foreign_replay"
    """A 201 that carries somebody else's transaction: ours was not made (measured on real servers)."""
    IN_DOUBT = "in_doubt"
    """The server may or may not have applied it, and asking again is no longer safe."""


class Outcome(StrEnum):
    """How a work item ended."""

    CREATED = "created"
    EXISTING = "existing"
    """It was there already and is what the plan has."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not sent, because what it depends on failed."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an item failed, or an attempt of it.

    `request` and `answer` are one-line examples without secrets; `code` is the server's error code, or "" when it
    sent none; `status` is that of its last answer, or 0 when it gave none; `attempts` counts the first one.
    """

    error: ErrorClass
    code: str
    message: str
    request: str = ""
    answer: str = ""
    status: int = 0
    attempts: int = 1
