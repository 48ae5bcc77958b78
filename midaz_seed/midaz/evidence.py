"""What an answer proves about the effect of a request: made, not made, or unknown. Pure; no other module decides that.

ADR 7 has the table and the reasons. In short: an effect is *made* when an answer is beyond doubt the answer to this
very item; it is *not made* when no attempt of the item can have been carried out; everything else is *unknown*, and
nothing may be concluded from it. What decides later is the same key sent again within its life, a record of the
server's with the item's mark, or balances that one assignment alone explains (`engine.ledger.in_doubt`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum, auto
from json import JSONDecodeError, JSONDecoder
from typing import cast

import orjson

from midaz_seed.model.json_types import Json, JsonObject
from midaz_seed.plan.dimensions import KEY_MARK
from midaz_seed.plan.items import TransactionItem

REPLAYED = "X-Idempotency-Replayed"
"""The server's header on answers to transactions: `true` when it carried nothing out and answered with what it had
stored under the key."""
_CODE = re.compile(r"(?:[A-Z]{3}-)?\d{4}")
_NO_SUCH_ROUTE = frozenset({"0484", "0485"})
"""Of v4: the path or its method does not exist, which says nothing about what was asked for."""
_MAY_BE_MADE = frozenset({"0061", "0084", "0095"})
"""0061: writing the balances failed somewhere. 0084: the key is claimed by an attempt that has not ended. 0095: the
balances have moved, the record follows."""


class Effect(Enum):
    """What is known about the effect of a request, or of all attempts of an item."""

    MADE = auto()
    NOT_MADE = auto()
    UNKNOWN = auto()


class Reading(Enum):
    """What an answer to the sending of a transaction is."""

    OURS = auto()
    """The item's own transaction."""
    FOREIGN = auto()
    """A whole transaction of another item, marked as a replay: its stored answer stands under our key."""
    REFUSED = auto()
    """A Midaz refused it, and changed nothing."""
    ODD = auto()
    """A success that is not the answer to this request: emptied, cut, stripped, or somebody else's."""
    OPEN = auto()
    """Any other answer: it may or may not have been carried out."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one attempt proves by itself. `transaction_id` is that of a FOREIGN answer."""

    effect: Effect
    reading: Reading
    transaction_id: str = ""


MADE = Evidence(Effect.MADE, Reading.OURS)
REFUSED = Evidence(Effect.NOT_MADE, Reading.REFUSED)
ODD = Evidence(Effect.UNKNOWN, Reading.ODD)
OPEN = Evidence(Effect.UNKNOWN, Reading.OPEN)
NEVER_SEEN = Evidence(Effect.NOT_MADE, Reading.OPEN)
"""No connection was made, so nobody has seen the request."""


def of_no_answer(*, maybe_seen: bool) -> Evidence:
    """An attempt without a complete answer; `maybe_seen`: its bytes may have reached somebody."""
    return OPEN if maybe_seen else NEVER_SEEN


def of_transaction(status: int, headers: Mapping[str, str], body: bytes, item: TransactionItem, place: str) -> Evidence:
    """What the answer to the sending of an item proves.

    Args:
        place: `/v1/organizations/{id}/ledgers/{id}`, where it was sent to.
    """
    if 200 <= status < 300:
        return _of_success(headers, body, item, place)
    code = midaz_code(body) if 400 <= status < 500 else ""
    return REFUSED if code and code not in _MAY_BE_MADE else OPEN


def after(before: Effect, attempt: Effect) -> Effect:
    """What is known about an item after one more attempt; `before` is what was known until then (NOT_MADE at first)."""
    if attempt is Effect.MADE or before is Effect.MADE:
        return Effect.MADE
    if attempt is Effect.NOT_MADE and before is Effect.NOT_MADE:
        return Effect.NOT_MADE
    return Effect.UNKNOWN


class Next(Enum):
    """Under which key an item may be sent again."""

    NEVER = auto()
    """It was made."""
    SAME_KEY = auto()
    NEXT_KEY = auto()
    WAIT = auto()
    """Nothing may be sent: only a record, balances that one assignment alone explains, or a later look decides."""


def next_sending(effect: Effect, *, age_s: float, ttl_s: float, margin_s: float, key_is_taken: bool) -> Next:
    """Whether an item may be sent again, and under which key.

    An unknown one only under the same key while the server certainly remembers it, so that the server decides. One that
    was not made goes out under the same key too, however old: an attempt that a network still holds then meets that key
    and is a replay. Another key is used only where the last one holds somebody else's answer.

    Args:
        age_s: since the first attempt under its last key.
        key_is_taken: that key answers with another item's transaction (`Reading.FOREIGN`, twice the same).
    """
    if effect is Effect.MADE:
        return Next.NEVER
    if effect is Effect.NOT_MADE:
        return Next.NEXT_KEY if key_is_taken else Next.SAME_KEY
    return Next.SAME_KEY if not key_is_taken and 0 <= age_s < ttl_s - margin_s else Next.WAIT


def ledger_bytes(organization_id: str, ledger_id: str) -> bytes:
    """How an answer names the ledger, for `is_plainly_ours`."""
    return f',"ledgerId":"{ledger_id}","organizationId":"{organization_id}"'.encode()


def is_plainly_ours(body: bytes, item: TransactionItem, ledger: bytes) -> bool:
    """Whether the bytes of a 201 are beyond doubt the item's own transaction, without parsing them.

    Everything that `of_transaction` looks at is there, in the form that every server writes (recorded from v3.3, v3.8
    and v4): False says nothing. `ledger` is what `ledger_bytes` gives.
    """
    at = body.find(b'"amount"')
    return body.startswith(item.answer + ledger, at) and body.find(item.mark, at) > 0 and body.endswith(b"}]}")


def midaz_code(body: bytes) -> str:
    """The error code of an answer that a Midaz wrote; "" when somebody else did, or it has none
    (midaz-behaviour: error-bodies).

    Router errors carry no code, or a number: they tell that a path does not exist, not that an entity does not.
    """
    parsed = parsed_exactly(body)
    if not isinstance(parsed, dict):
        return ""
    code = parsed.get("code")
    told = any(isinstance(parsed.get(name), str) for name in ("title", "message", "detail"))
    return code if isinstance(code, str) and told and _CODE.fullmatch(code) else ""


def says_missing(status: int, body: bytes) -> bool:
    """Whether an answer to a read says that what was asked for does not exist: a 404 that a Midaz wrote about it."""
    if status != 404:
        return False
    code = midaz_code(body)
    return bool(code) and code not in _NO_SUCH_ROUTE


def of_entity(status: int, body: bytes, planned: JsonObject, parents: Mapping[str, str]) -> Effect:
    """What the answer to a create proves.

    Args:
        planned: the body that was sent; what identifies it (mark, name, code, alias) must come back.
        parents: ids that the answer must name where it names any, such as `organizationId`.
    """
    if 200 <= status < 300:
        try:
            found = orjson.loads(body)  # what identifies an entity is text, so no decimal needs to be exact
        except orjson.JSONDecodeError:
            return Effect.UNKNOWN
        return Effect.MADE if isinstance(found, dict) and is_entity(found, planned, parents) else Effect.UNKNOWN
    return Effect.NOT_MADE if 400 <= status < 500 and midaz_code(body) else Effect.UNKNOWN


_IDENTIFIES = ("legalName", "legalDocument", "name", "code", "alias", "keyValue", "assetCode")


def is_entity(found: JsonObject, planned: JsonObject, parents: Mapping[str, str]) -> bool:
    """Whether a server's object is the planned one: it has an id, our mark where it tells marks, and what names it."""
    if not isinstance(found.get("id"), str) or not found["id"]:
        return False
    mark = _mark(planned)
    if mark and _mark(found) != mark:
        return False
    if any(found.get(name) != value for name, value in parents.items() if name in found or value):
        return False
    return all(_same(planned[name], found.get(name)) for name in _IDENTIFIES if name in planned)


def _same(planned: Json, found: Json) -> bool:
    """Names come back as they were sent, but the key of an account type in lower case."""
    if isinstance(planned, str) and isinstance(found, str):
        return planned.casefold() == found.casefold()
    return planned == found


def is_record(row: JsonObject, item: TransactionItem) -> bool:
    """Whether a transaction that the server shows is the item's: its mark, amount and asset. (In lists the order of
    accounts is free, and operations may be cut.)"""
    return (
        _mark(row) == item.tag
        and _amount(row.get("amount")) == Decimal(item.amount)
        and (row.get("assetCode") == item.asset)
    )


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


_DECODER = JSONDecoder(parse_float=Decimal, parse_constant=_no_number)


def parsed_exactly(body: bytes) -> Json:
    """JSON with decimals as they are written, never through a float; None when it is no JSON."""
    try:
        return cast("Json", _DECODER.decode(body.decode()))
    except (JSONDecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return None


def _of_success(headers: Mapping[str, str], body: bytes, item: TransactionItem, place: str) -> Evidence:
    found = parsed_exactly(body)
    if not isinstance(found, dict) or not _is_whole_transaction(found):
        return ODD
    mark = _mark(found)
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
    """Amount, asset, accounts and place are the planned ones. The order of the accounts is the server's."""
    sources, destinations = item.accounts
    return (
        _amount(found["amount"]) == Decimal(item.amount)
        and found["assetCode"] == item.asset
        and sorted(map(str, cast("list[Json]", found["source"]))) == sorted(sources)
        and sorted(map(str, cast("list[Json]", found["destination"]))) == sorted(destinations)
        and place.endswith(f"/organizations/{found['organizationId']}/ledgers/{found['ledgerId']}")
    )


def _mark(row: JsonObject) -> str:
    metadata = row.get("metadata")
    mark = metadata.get(KEY_MARK) if isinstance(metadata, dict) else None
    return mark if isinstance(mark, str) else ""


def _amount(value: object) -> Decimal | None:
    """An amount as an exact decimal, written as a string or a number."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None
