"""Check that each response belongs to its request, and count those that do not (they are called odd).

What a response proves is decided by `midaz.evidence`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from midaz_seed.midaz.evidence import (
    Effect,
    Evidence,
    Reading,
    is_plainly_ours,
    ledger_bytes,
    midaz_code,
    of_entity,
    of_transaction,
    parsed_exactly,
)
from midaz_seed.midaz.routes import Place
from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.items import TransactionItem
from midaz_seed.plan.marks import KEY_MARK
from midaz_seed.reporting.redaction import redacted_start
from midaz_seed.transport.base import Request, Response
from midaz_seed.wording import printable

EXCERPT_CHARACTERS = 100
_PROXY_STATUSES = frozenset({401, 403, 407, 408, 413, 425, 429})
"""Refusals that may legitimately come from something before a server; the request was not carried out."""
_REQUIRED = (
    "id",
    "amount",
    "assetCode",
    "organizationId",
    "ledgerId",
    "source",
    "destination",
    "operations",
    "metadata",
)


@dataclass(slots=True)
class Tally:
    """The number of responses of one kind, and of the odd ones among them."""

    count: int = 0
    odd: int = 0
    example: str = ""
    """What was expected and what came for the first odd one: one line, without secrets and control characters."""

    def add(self, oddity: str) -> None:
        """Count a response; `oddity` is "" when nothing is wrong with it."""
        self.count += 1
        self.odd += bool(oddity)
        self.example = self.example or oddity


@dataclass(slots=True)
class Answers:
    """All responses of one server."""

    writes: Tally = field(default_factory=Tally)
    reads: Tally = field(default_factory=Tally)
    foreign: int = 0
    """Transactions answered with the stored response of another one, marked as a replay."""
    rewritten: int = 0
    """Responses with the right values, in other bytes than a Midaz writes."""

    def transaction(self, answer: Response, item: TransactionItem, place: Place) -> Reading:
        """Count the response to a transaction and return its reading."""
        organization_id, ledger_id = place.organization_id, place.ledger_id
        if answer.status == 201 and is_plainly_ours(answer.body, item, ledger_bytes(organization_id, ledger_id)):
            self.writes.add("")
            return Reading.OURS
        evidence = of_transaction(answer.status, answer.headers, answer.body, item, place.path)
        reading = evidence.reading
        if _is_odd(answer, evidence):
            expected = f"the transaction {item.tag} of {item.amount} {item.asset}"
            self.writes.add(_oddity(expected, answer, _fault(answer.body, item.tag)))
            return Reading.ODD
        self.writes.add("")
        self.foreign += reading is Reading.FOREIGN
        self.rewritten += reading is Reading.OURS
        return reading

    def entity(self, answer: Response, kind: str, planned: JsonObject, parents: Mapping[str, str]) -> Effect:
        """Count the response to a create and return what it proves."""
        effect = of_entity(answer.status, answer.body, planned, parents)
        success = 200 <= answer.status < 300
        if effect is Effect.UNKNOWN and (success or _is_foreign(answer)):
            self.writes.add(_oddity(f"the new {kind}", answer, _fault_of_entity(answer.body)))
        else:
            self.writes.add("")
        return effect

    def read(self, request: Request, answer: Response) -> JsonObject:
        """Count the response to a read of something that exists, and return its object.

        The object is empty when there is none, which is odd unless the server itself says so, or is busy.
        """
        found = parsed_exactly(answer.body) if 200 <= answer.status < 300 else None
        odd = not isinstance(found, dict) and (200 <= answer.status < 300 or _is_foreign(answer))
        path = request.path.split("?")[0]
        self.reads.add(_oddity(f"JSON of a Midaz at {path}", answer, _other_body(answer.body)) if odd else "")
        return found if isinstance(found, dict) else {}


def excerpt(body: bytes) -> str:
    """Return the beginning of a body in one line, without secrets and control characters."""
    return printable(redacted_start(body, EXCERPT_CHARACTERS))


def _is_odd(answer: Response, evidence: Evidence) -> bool:
    return evidence.reading is Reading.ODD or (evidence.reading is Reading.OPEN and _is_foreign(answer))


def _is_foreign(answer: Response) -> bool:
    """Return whether it is a redirect or refusal that no Midaz wrote, such as the 404 of an ingress."""
    return 300 <= answer.status < 500 and answer.status not in _PROXY_STATUSES and not midaz_code(answer.body)


def _oddity(expected: str, answer: Response, fault: str) -> str:
    came = f"{answer.status} {fault}"
    body = excerpt(answer.body)
    return printable(f"expected {expected}, came {came}{f': {body}' if body else ''}")


def _other_body(body: bytes) -> str:
    return "with another body" if body else "with an empty body"


def _fault_of_entity(body: bytes) -> str:
    found = parsed_exactly(body)
    if not isinstance(found, dict):
        return _other_body(body)
    return "without its mark, or with other values" if found.get("id") else "without its id"


def _fault(body: bytes, tag: str) -> str:
    """Describe what is wrong with the body of an odd response."""
    found = parsed_exactly(body)
    if not isinstance(found, dict):
        return _other_body(body)
    if missing := [name for name in _REQUIRED if not found.get(name)]:
        return f"without {', '.join(missing)}"
    metadata = found["metadata"]
    mark = metadata.get(KEY_MARK) if isinstance(metadata, dict) else None
    if mark is None:
        return f"without the mark {KEY_MARK}"
    return "with other values" if mark == tag else f"with the transaction {str(mark)[:60]}, not marked as a replay"
