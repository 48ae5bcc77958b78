"""Classify answers by status and body: what an answer means for its request. Pure.

Sources (midaz-behaviour: error-bodies, conflict-codes, missing-references, transient-codes, key-in-use, saved-later,
exhausted-pool).
"""

from dataclasses import dataclass
from enum import Enum, auto

import orjson

from midaz_seed.model.outcomes import ErrorClass
from midaz_seed.reporting.redaction import redact, redacted_start

LOCATION_CHARACTERS_MAX = 200


class Disposition(Enum):
    """How to react to an answer."""

    OK = auto()
    RETRY = auto()
    """It had no effect; send the request again after a pause."""
    UNKNOWN = auto()
    """It may have had an effect: read first, or send it again only with its idempotency key."""
    NOT_READY = auto()
    """An object that it refers to is not visible yet; send it again until a deadline."""
    IN_FLIGHT = auto()
    """0084: its idempotency key is in use; send it again with growing pauses."""
    APPLIED_LATER = auto()
    """0095: the balances have changed, the record follows. Never send it with another key."""
    CONFLICT = auto()
    """An object with this name exists: look it up."""
    EXPIRED = auto()
    """It was not sent, because the server may have forgotten its idempotency key."""
    PERMANENT = auto()
    """It cannot succeed unchanged."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The meaning of one answer. `error` is None exactly when the disposition is OK."""

    disposition: Disposition
    error: ErrorClass | None = None
    code: str = ""
    message: str = ""


OK = Verdict(Disposition.OK)
"""The only verdict with its disposition, so callers can test `is OK`."""

MESSAGE_MAX = 297
"""Characters of the server's message that are kept."""
CODE_MAX = 20
"""Characters of an error code. The longest of Midaz has eight; reports count errors by code."""
_CONFLICTS = frozenset({"0002", "0003", "0015", "0020", "0108", "0123", "CRM-0010", "CRM-0013"})
_NOT_READY = frozenset(
    {"0007", "0019", "0029", "0034", "0035", "0036", "0037", "0038", "0052", "0085", "0126", "CRM-0006"}
)
_TRANSIENT = frozenset({"0061", "0086", "0130", "0174"})


def classify(status: int, body: bytes, location: str = "") -> Verdict:
    """Classify a complete answer.

    Args:
        status: its status.
        body: only read when the status is not 2xx.
        location: where a redirect leads.
    """
    if 200 <= status < 300:
        return OK
    code, message = read_error(body)
    if status in (401, 403):
        return Verdict(Disposition.PERMANENT, ErrorClass.AUTH, code, message)
    if status in (420, 429):  # some gateways use 420 for a rate limit
        return Verdict(Disposition.RETRY, ErrorClass.RATE_LIMITED, code, message)
    if code == "0084":
        return Verdict(Disposition.IN_FLIGHT, ErrorClass.IN_DOUBT, code, message)
    if code == "0095":
        return Verdict(Disposition.APPLIED_LATER, ErrorClass.IN_DOUBT, code, message)
    if code in _TRANSIENT:
        return Verdict(Disposition.RETRY, ErrorClass.SERVER, code, message)
    if status == 408:
        return Verdict(Disposition.UNKNOWN, ErrorClass.TIMEOUT, code, message)
    if status >= 500:
        return Verdict(Disposition.UNKNOWN, ErrorClass.SERVER, code, message)
    if 300 <= status < 400:
        return Verdict(Disposition.PERMANENT, ErrorClass.SERVER, code, redirect(status, location))
    return _classify_rejection(status, code, message)


def _classify_rejection(status: int, code: str, message: str) -> Verdict:
    """Classify a 4xx without special handling."""
    if code in _CONFLICTS:
        return Verdict(Disposition.CONFLICT, ErrorClass.CONFLICT, code, message)
    if code in _NOT_READY:
        return Verdict(Disposition.NOT_READY, ErrorClass.NOT_FOUND, code, message)
    if code == "0018":
        return Verdict(Disposition.PERMANENT, ErrorClass.INSUFFICIENT_FUNDS, code, message)
    if status == 404:
        return Verdict(Disposition.PERMANENT, ErrorClass.NOT_FOUND, code, message)
    if status == 409:
        return Verdict(Disposition.PERMANENT, ErrorClass.CONFLICT, code, message)
    return Verdict(Disposition.PERMANENT, ErrorClass.VALIDATION, code, message)


def redirect(status: int, location: str) -> str:
    """Describe a 3xx in one line; control characters are escaped, secrets masked.

    Args:
        status: the status, 3xx.
        location: the header `Location`; "" without one.
    """
    if not location:
        return f"{status} without a place to go to, which is no answer of a Midaz"
    return f"a redirect ({status}) to {redacted_start(location, LOCATION_CHARACTERS_MAX)!r}, which is not followed"


def read_error(body: bytes) -> tuple[str, str]:
    """Return code and message of an error body of any form (midaz-behaviour: error-bodies), without secrets.

    The code is "" when there is no string code: from v3.6 on the errors of the router have a number instead.
    """
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        parsed = None
    if not isinstance(parsed, dict):
        return "", redacted_start(body, MESSAGE_MAX)
    code = parsed.get("code")
    message = parsed.get("detail") or parsed.get("message") or parsed.get("error") or parsed.get("title") or ""
    details = parsed.get("errors") or parsed.get("fields") or ""
    usable = code if isinstance(code, str) and len(code) <= CODE_MAX and code.isprintable() else ""
    return redact(usable), redacted_start(f"{_text(message)} {_text(details)}", MESSAGE_MAX)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return "(nested too deeply)"
