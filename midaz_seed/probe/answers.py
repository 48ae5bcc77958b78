"""Whether what comes back is the answer to what was sent: each answer is looked at and counted, where a server is tried
out (`probe.scratch_ledger`). What an answer proves is said by `midaz.evidence`."""

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
from midaz_seed.plan.dimensions import KEY_MARK
from midaz_seed.plan.items import TransactionItem
from midaz_seed.reporting.logs import redact
from midaz_seed.transport.base import Request, Response

EXCERPT_BYTES = 100
_OF_A_PROXY = frozenset({401, 403, 407, 408, 413, 425, 429})
"""Refusals that something before a server may rightly make; what was asked for was not done."""
_WHOLE = ("id", "amount", "assetCode", "organizationId", "ledgerId", "source", "destination", "operations", "metadata")


@dataclass(slots=True)
class Tally:
    """Answers of one kind, and those among them that are not the server's answer to their request."""

    count: int = 0
    odd: int = 0
    example: str = ""
    """What was expected and what came, of the first odd one: in one line, free of secrets and control characters."""

    def take(self, oddity: str) -> None:
        """Count one; `oddity` is "" when nothing is wrong with it."""
        self.count += 1
        self.odd += bool(oddity)
        self.example = self.example or oddity


@dataclass(slots=True)
class Answers:
    """All answers that came from one server."""

    writes: Tally = field(default_factory=Tally)
    reads: Tally = field(default_factory=Tally)
    foreign: int = 0
    """Transactions that were answered with the stored transaction of another one, marked as a replay."""
    rewritten: int = 0
    """Answers that say what the server says, in other bytes than a Midaz writes."""

    def transaction(self, answer: Response, item: TransactionItem, place: Place) -> Reading:
        """What the answer to the sending of a transaction is."""
        organization_id, ledger_id = place.organization_id, place.ledger_id
        if answer.status == 201 and is_plainly_ours(answer.body, item, ledger_bytes(organization_id, ledger_id)):
            self.writes.take("")
            return Reading.OURS
        evidence = of_transaction(answer.status, answer.headers, answer.body, item, place.path)
        reading = evidence.reading
        if _is_odd(answer, evidence):
            expected = f"the transaction {item.tag} of {item.amount} {item.asset}"
            self.writes.take(_oddity(expected, answer, _fault(answer.body, item.tag)))
            return Reading.ODD
        self.writes.take("")
        self.foreign += reading is Reading.FOREIGN
        self.rewritten += reading is Reading.OURS
        return reading

    def entity(self, answer: Response, kind: str, planned: JsonObject, parents: Mapping[str, str]) -> Effect:
        """What the answer to a create proves."""
        effect = of_entity(answer.status, answer.body, planned, parents)
        success = 200 <= answer.status < 300
        if effect is Effect.UNKNOWN and (success or _is_somebody_elses(answer)):
            self.writes.take(_oddity(f"the new {kind}", answer, _fault_of_entity(answer.body)))
        else:
            self.writes.take("")
        return effect

    def read(self, request: Request, answer: Response) -> JsonObject:
        """The object that a read of something which exists gives; empty when there is none, which is odd unless the
        server itself says so, or is busy."""
        found = parsed_exactly(answer.body) if 200 <= answer.status < 300 else None
        whole = isinstance(found, dict)
        odd = not whole and (200 <= answer.status < 300 or _is_somebody_elses(answer))
        path = request.path.split("?")[0]
        self.reads.take(_oddity(f"JSON of a Midaz at {path}", answer, _no_json(answer.body)) if odd else "")
        return found if isinstance(found, dict) else {}


def printable(text: str) -> str:
    """The text with control characters escaped, so that it can be shown on a terminal."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def excerpt(body: bytes) -> str:
    """The beginning of a body in one line, free of secrets and control characters."""
    text = printable(redact(" ".join(body[: 4 * EXCERPT_BYTES].decode("utf-8", "replace").split())))
    return text if len(text) <= EXCERPT_BYTES else f"{text[:EXCERPT_BYTES]}..."


def _is_odd(answer: Response, evidence: Evidence) -> bool:
    return evidence.reading is Reading.ODD or (evidence.reading is Reading.OPEN and _is_somebody_elses(answer))


def _is_somebody_elses(answer: Response) -> bool:
    """A redirect or a refusal that no Midaz wrote, such as the 404 of an ingress."""
    return 300 <= answer.status < 500 and answer.status not in _OF_A_PROXY and not midaz_code(answer.body)


def _oddity(expected: str, answer: Response, fault: str) -> str:
    came = f"{answer.status} {fault}"
    body = excerpt(answer.body)
    return printable(f"expected {expected}, came {came}{f': {body}' if body else ''}")


def _no_json(body: bytes) -> str:
    return "with another body" if body else "with an empty body"


def _fault_of_entity(body: bytes) -> str:
    found = parsed_exactly(body)
    if not isinstance(found, dict):
        return _no_json(body)
    return "without its mark, or with other values" if found.get("id") else "without its id"


def _fault(body: bytes, tag: str) -> str:
    """What is wrong with the body of an odd answer."""
    found = parsed_exactly(body)
    if not isinstance(found, dict):
        return _no_json(body)
    if missing := [name for name in _WHOLE if not found.get(name)]:
        return f"without {', '.join(missing)}"
    metadata = found["metadata"]
    mark = metadata.get(KEY_MARK) if isinstance(metadata, dict) else None
    if mark is None:
        return f"without the mark {KEY_MARK}"
    return "with other values" if mark == tag else f"with the transaction {str(mark)[:60]}, not marked as a replay"
