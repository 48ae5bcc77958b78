"""Determine from an answer whether a request was carried out: made, not made, or unknown. Pure.

This is the only module that decides it; ADR 7 has the table and the reasons. An item is *made* when an answer is
certainly the answer to this item. It is *not made* when no attempt can have been carried out. Everything else is
*unknown*: that is decided later by sending the same key again within its lifetime, by a record on the server with the
item's mark, or by balances that only one assignment explains (`engine.ledger.in_doubt`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum, auto
from json import JSONDecoder
from typing import cast

import orjson

from midaz_seed.model.json_types import Json, JsonObject
from midaz_seed.plan.items import Kind, TransactionItem
from midaz_seed.plan.marks import KEY_MARK, mark_in, mark_of_transaction

REPLAYED = "X-Idempotency-Replayed"
"""Response header for transactions: `true` when the server returned the stored answer of the key and did nothing."""
_CODE = re.compile(r"(?:[A-Z]{3}-)?[0-9]{4}")
_NO_SUCH_ROUTE = frozenset({"0484", "0485"})
"""Codes of v4 for a path or method that does not exist, which says nothing about the object."""
REVERTED = "0087"
"""The transaction is reverted already, and it can be only once."""
NOT_PENDING = frozenset({"0099", "0486"})
"""The transaction is not pending (any more), or is being committed or cancelled."""
_MAY_BE_MADE = frozenset({"0061", "0084", "0095"})
"""0061: writing the balances failed at some step. 0084: an attempt with the key is in progress. 0095: the balances have
changed, the record follows."""


class Effect(Enum):
    """Whether a request, or any attempt of an item, was carried out."""

    MADE = auto()
    NOT_MADE = auto()
    UNKNOWN = auto()


class Reading(Enum):
    """The kind of an answer to a transaction."""

    OURS = auto()
    """The item's own transaction."""
    FOREIGN = auto()
    """A complete transaction of another item, marked as a replay: its answer is stored under this item's key."""
    REFUSED = auto()
    """A Midaz rejected it and changed nothing."""
    ODD = auto()
    """A success that is not the answer to this request: empty, truncated, altered, or of another item."""
    OPEN = auto()
    """Any other answer: the request may or may not have been carried out."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one attempt proves by itself. `transaction_id` is set for a FOREIGN answer."""

    effect: Effect
    reading: Reading
    transaction_id: str = ""


MADE = Evidence(Effect.MADE, Reading.OURS)
REFUSED = Evidence(Effect.NOT_MADE, Reading.REFUSED)
ODD = Evidence(Effect.UNKNOWN, Reading.ODD)
OPEN = Evidence(Effect.UNKNOWN, Reading.OPEN)
NEVER_SEEN = Evidence(Effect.NOT_MADE, Reading.OPEN)
"""No connection was made, so the server has not received the request."""


def of_no_answer(*, maybe_seen: bool) -> Evidence:
    """Return the evidence of an attempt without a complete answer; `maybe_seen`: the server may have received it."""
    return OPEN if maybe_seen else NEVER_SEEN


def of_transaction(status: int, headers: Mapping[str, str], body: bytes, item: TransactionItem, place: str) -> Evidence:
    """Return what the answer to a transaction proves.

    Args:
        status: status of the answer.
        headers: headers of the answer.
        body: body of the answer.
        item: the item that was sent.
        place: `/v1/organizations/{id}/ledgers/{id}`, the ledger that it was sent to.
    """
    if 200 <= status < 300:
        return _of_success(headers, body, item, place)
    code = midaz_code(body) if 400 <= status < 500 else ""
    return REFUSED if code and code[-4:] not in _MAY_BE_MADE else OPEN


def of_refusal(status: int, headers: Mapping[str, str], body: bytes, item: TransactionItem) -> Evidence:
    """Return what the answer to a transaction proves that the server must refuse.

    Its mark alone says that it was accepted: it may be a transaction that no server should make.

    Args:
        status: status of the answer.
        headers: headers of the answer.
        body: body of the answer.
        item: the item that was sent.
    """
    if not 200 <= status < 300:
        code = midaz_code(body) if 400 <= status < 500 else ""
        return REFUSED if code and code[-4:] not in _MAY_BE_MADE else OPEN
    found = parsed_exactly(body)
    mark = mark_of_transaction(found) if isinstance(found, dict) else ""
    if mark == item.tag:
        return MADE
    if mark and headers.get(REPLAYED) == "true":
        return Evidence(Effect.NOT_MADE, Reading.FOREIGN, mark)
    return ODD


def after(before: Effect, attempt: Effect) -> Effect:
    """Combine what was known about an item before an attempt (NOT_MADE at first) with what the attempt proves."""
    if attempt is Effect.MADE or before is Effect.MADE:
        return Effect.MADE
    if attempt is Effect.NOT_MADE and before is Effect.NOT_MADE:
        return Effect.NOT_MADE
    return Effect.UNKNOWN


class Next(Enum):
    """Whether and with which key an item may be sent again."""

    NEVER = auto()
    """It was made."""
    SAME_KEY = auto()
    NEXT_KEY = auto()
    WAIT = auto()
    """Nothing may be sent: only a record on the server, or balances that one assignment explains, can decide."""


def next_sending(effect: Effect, *, age_s: float, ttl_s: float, margin_s: float, key_is_taken: bool) -> Next:
    """Decide whether an item may be sent again, and with which key.

    An unknown item is sent only with the same key, while the server certainly remembers it: then the server decides. An
    item that was not made is also sent with the same key, at any age: an attempt that is still delayed in the network
    then finds the key in use and is a replay. The next key is used only if the last one returns another item's answer.

    Args:
        effect: what is known about the item.
        age_s: time since the first attempt with its last key.
        ttl_s: lifetime of a key on the server.
        margin_s: safety margin before the end of the lifetime.
        key_is_taken: the last key returns another item's transaction (`Reading.FOREIGN`, the same one twice).
    """
    if effect is Effect.MADE:
        return Next.NEVER
    if effect is Effect.NOT_MADE:
        return Next.NEXT_KEY if key_is_taken else Next.SAME_KEY
    return Next.SAME_KEY if not key_is_taken and 0 <= age_s < ttl_s - margin_s else Next.WAIT


def ledger_bytes(organization_id: str, ledger_id: str) -> bytes:
    """Return the bytes by which an answer names the ledger, for `is_plainly_ours`."""
    return f',"ledgerId":"{ledger_id}","organizationId":"{organization_id}"'.encode()


def is_plainly_ours(body: bytes, item: TransactionItem, ledger: bytes) -> bool:
    """Return whether the body of a 201 is certainly the item's own transaction, without parsing it.

    It compares everything that `of_transaction` checks, in the form that servers write (recorded from v3.3, v3.8 and
    v4). False proves nothing.

    Args:
        body: body of the answer.
        item: the item that was sent.
        ledger: from `ledger_bytes`.
    """
    at = body.find(b'"amount"')
    return body.startswith(item.answer + ledger, at) and item.mark in body and body.endswith(b"}]}")


def midaz_code(body: bytes) -> str:
    """Return the error code of an answer that a Midaz wrote; "" for other answers (midaz-behaviour: error-bodies).

    Errors of the router have no code or a number: they mean that a path does not exist, not an entity.
    """
    parsed = parsed_exactly(body)
    if not isinstance(parsed, dict):
        return ""
    code = parsed.get("code")
    has_text = any(isinstance(parsed.get(name), str) for name in ("title", "message", "detail"))
    return code if isinstance(code, str) and has_text and _CODE.fullmatch(code) else ""


def says_missing(status: int, body: bytes) -> bool:
    """Return whether the answer to a read says that the object does not exist: a 404 with an error code of Midaz."""
    if status != 404:
        return False
    code = midaz_code(body)
    return bool(code) and code not in _NO_SUCH_ROUTE


def of_entity(status: int, body: bytes, planned: JsonObject, parents: Mapping[str, str]) -> Effect:
    """Return what the answer to the creation of an entity proves.

    Args:
        status: status of the answer.
        body: body of the answer.
        planned: the body that was sent; the answer must have the same identifying fields (mark, name, code, alias).
        parents: ids of its parents, such as `organizationId`, which the answer must have if it has such a field.
    """
    if 200 <= status < 300:
        try:
            found = orjson.loads(body)  # the identifying fields are text, so decimals need not be exact
        except orjson.JSONDecodeError:
            return Effect.UNKNOWN
        return Effect.MADE if isinstance(found, dict) and is_entity(found, planned, parents) else Effect.UNKNOWN
    return Effect.NOT_MADE if 400 <= status < 500 and midaz_code(body) else Effect.UNKNOWN


_NAMES = ("legalName", "name", "code", "alias", "keyValue", "title")
_IDENTIFIES = (*_NAMES, "legalDocument", "document", "assetCode", "operationType")


def shows_change(status: int, body: bytes, planned: JsonObject) -> bool:
    """Return whether an answer shows that what a PUT or a PATCH sets is set.

    Args:
        status: status of the answer.
        body: body of the answer: the whole object.
        planned: the body that was sent.
    """
    return 200 <= status < 300 and _holds(parsed_exactly(body), planned)


def _holds(found: Json, planned: Json) -> bool:
    """Return whether an object has all fields of another, with the same values."""
    if isinstance(found, dict) and isinstance(planned, dict):
        return all(_holds(found.get(name), value) for name, value in planned.items())
    return found == planned


def is_entity(found: JsonObject, planned: JsonObject, parents: Mapping[str, str]) -> bool:
    """Return whether a server object is the planned one: it has an id, the mark, and the identifying fields."""
    if not isinstance(found.get("id"), str) or not found["id"]:
        return False
    mark = mark_in(planned, KEY_MARK)
    if mark and mark_in(found, KEY_MARK) != mark:
        return False
    if any(found.get(name) != value for name, value in parents.items() if name in found or value):
        return False
    return all(_same(planned[name], found.get(name)) for name in _IDENTIFIES if name in planned)


def _same(planned: Json, found: Json) -> bool:
    """Compare case-insensitively, because the server stores the key of an account type in lower case."""
    if isinstance(planned, str) and isinstance(found, str):
        return planned.casefold() == found.casefold()
    return planned == found


def is_record(row: JsonObject, item: TransactionItem) -> bool:
    """Return whether a transaction on the server is the item's, by mark, amount and asset.

    Accounts are not compared: in lists their order varies and operations may be truncated.
    """
    return mark_of_transaction(row) == item.tag and has_amount(row.get("amount"), row.get("assetCode"), item)


def has_amount(amount: Json, asset: Json, item: TransactionItem) -> bool:
    """Return whether a record has the amount and the asset of an item."""
    return asset == item.asset and _amount(amount) == Decimal(item.amount)


def status_of(row: JsonObject) -> str:
    """Return the status code of a transaction on the server; "" without one."""
    status = row.get("status")
    code = status.get("code") if isinstance(status, dict) else None
    return code if isinstance(code, str) else ""


def parent_of(row: JsonObject) -> str:
    """Return the id of the transaction that a reversal on the server reverts; "" for any other transaction."""
    parent = row.get("parentTransactionId")
    return parent if isinstance(parent, str) else ""


APPROVED, PENDING, CANCELED, NOTED = "APPROVED", "PENDING", "CANCELED", "NOTED"
"""Status codes of transactions on the server (midaz-behaviour: transaction-statuses)."""
STATUS_AFTER = {Kind.COMMIT: APPROVED, Kind.CANCEL: CANCELED}
"""Status of a pending transaction after its end."""


def of_follow_up(status: int, body: bytes, item: TransactionItem, transaction_id: str) -> Evidence:
    """Return what the answer to a commit, a cancel or a revert proves.

    The answer to a commit or a cancel is the pending transaction with its new status, the one to a revert the new
    transaction with the id of the reverted one. A refusal shows that this attempt was not carried out; where it says
    that there is nothing left to do (0087, 0099, 0486), an earlier attempt may have been.

    Args:
        status: status of the answer.
        body: body of the answer.
        item: the follow-up.
        transaction_id: id of the transaction that it refers to.
    """
    if not 200 <= status < 300:
        code = midaz_code(body) if 400 <= status < 500 else ""
        return REFUSED if code and code[-4:] not in _MAY_BE_MADE else OPEN
    found = parsed_exactly(body)
    if not isinstance(found, dict) or not has_amount(found.get("amount"), found.get("assetCode"), item):
        return ODD
    if item.kind is Kind.REVERT:
        ours = bool(found.get("id")) and parent_of(found) == transaction_id
    else:
        ours = found.get("id") == transaction_id and status_of(found) == STATUS_AFTER[item.kind]
    return MADE if ours else ODD


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_DECODER = JSONDecoder(parse_float=Decimal, parse_constant=_no_number)


def parsed_exactly(body: bytes) -> Json:
    """Parse JSON with exact decimals instead of floats; None when it is not JSON."""
    try:
        return cast("Json", _DECODER.decode(body.decode()))
    except (ValueError, RecursionError, ArithmeticError):  # no JSON; too deep; an exponent that no decimal has
        return None


def _of_success(headers: Mapping[str, str], body: bytes, item: TransactionItem, place: str) -> Evidence:
    found = parsed_exactly(body)
    if not isinstance(found, dict) or not _is_whole_transaction(found):
        return ODD
    mark = mark_of_transaction(found)
    if mark == item.tag:
        return MADE if _is_planned(found, item, place) else ODD
    if mark and headers.get(REPLAYED) == "true":
        return Evidence(Effect.NOT_MADE, Reading.FOREIGN, str(found["id"]))
    return ODD


def _is_whole_transaction(found: JsonObject) -> bool:
    texts = ("id", "assetCode", "organizationId", "ledgerId")
    lists = ("source", "destination", "operations")
    return (
        all(isinstance(found.get(name), str) and found[name] for name in texts)
        and all(isinstance(found.get(name), list) and found[name] for name in lists)
        and _amount(found.get("amount")) is not None
    )


def _is_planned(found: JsonObject, item: TransactionItem, place: str) -> bool:
    """Return whether amount, asset, accounts and ledger are the planned ones. The order of the accounts may differ."""
    sources, destinations = item.accounts
    return (
        _amount(found["amount"]) == Decimal(item.amount)
        and found["assetCode"] == item.asset
        and sorted(map(str, cast("list[Json]", found["source"]))) == sorted(sources)
        and sorted(map(str, cast("list[Json]", found["destination"]))) == sorted(destinations)
        and place.endswith(f"/organizations/{found['organizationId']}/ledgers/{found['ledgerId']}")
    )


def _amount(value: object) -> Decimal | None:
    """Parse an amount, a string or a number, as an exact decimal; None when it is not an amount."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None
