"""The bytes of answers to movements, and what the shipped rule says that they prove.

The model's client gets real bodies, and `midaz_seed.midaz.evidence` decides about them: the model adds no opinion of
its own about what an answer means.
"""

import json
from functools import cache
from typing import NamedTuple

from midaz_seed.midaz import evidence
from midaz_seed.midaz.evidence import Effect, Next, Reading
from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.items import Movement, Phase, TransactionItem

LIFE_S, MARGIN_S = 2.0, 1.0
"""One tick of the model's clock is the margin, and a key lives for two."""

Answer = tuple[str, int, bool]
"""Kind, whose transaction it is about, whether it is marked as a replay."""
LOST: Answer = ("lost", 0, False)
UNSEEN: Answer = ("no connection", 0, False)
IN_FLIGHT: Answer = ("0084", 0, False)
REFUSAL: Answer = ("0018", 0, False)
GATEWAYS: tuple[Answer, ...] = (("404", 0, False), ("409", 0, False), ("502", 0, False))
"""Answers that a gateway wrote by itself."""
DAMAGES = ("emptied", "stripped", "cut")
WHOLE = "201"

MADE, NOT_MADE, UNKNOWN = range(3)
"""`Effect` as numbers: an enum's member takes long to hash, and states are hashed all the time."""
_NUMBERS = {Effect.MADE: MADE, Effect.NOT_MADE: NOT_MADE, Effect.UNKNOWN: UNKNOWN}
_EFFECTS = {number: effect for effect, number in _NUMBERS.items()}
FOREIGN, REFUSED, ODD = "foreign", "refused", "odd"
_READINGS = {Reading.OURS: "ours", Reading.FOREIGN: FOREIGN, Reading.REFUSED: REFUSED, Reading.ODD: ODD}
_CODES = {"0084": 409, "0018": 422}
_PLACE = "/v1/organizations/o/ledgers/l"


class Told(NamedTuple):
    """An `Evidence` in small values. `said` is equal for two answers that say the same."""

    effect: int
    reading: str
    said: str


@cache
def told(item: int, answer: Answer) -> Told:
    """What an answer proves about an item."""
    if answer in (LOST, UNSEEN):
        found = evidence.of_no_answer(maybe_seen=answer == LOST)
    else:
        status, headers, body = _bytes(answer)
        found = evidence.of_transaction(status, headers, body, movement(item), _PLACE)
    reading = _READINGS.get(found.reading, "open")
    return Told(_NUMBERS[found.effect], reading, f"{reading} {found.transaction_id}".strip())


@cache
def after(before: int, attempt: int) -> int:
    """`evidence.after`."""
    return _NUMBERS[evidence.after(_EFFECTS[before], _EFFECTS[attempt])]


@cache
def next_sending(effect: int, old: bool, taken: bool) -> Next:
    """`evidence.next_sending`; `old`: the margin has passed since the first attempt under the key."""
    age_s = MARGIN_S if old else 0.0
    return evidence.next_sending(_EFFECTS[effect], age_s=age_s, ttl_s=LIFE_S, margin_s=MARGIN_S, key_is_taken=taken)


@cache
def is_record_of(item: int, row_of: int) -> bool:
    """Whether a row of the server's list is the record of an item."""
    return evidence.is_record(_row(row_of), movement(item))


@cache
def movement(number: int) -> TransactionItem:
    """A planned movement. All look alike, so that only their marks tell them apart."""
    answer = '"amount":"1","assetCode":"BRL","chartOfAccountsGroupName":"","source":["@a"],"destination":["@b"]'
    mark = f'"seedKey":"{_mark(number)}"'
    return TransactionItem(
        key=f"t{number}",
        phase=Phase.TRANSFERS,
        body=b"{}",
        mark=mark.encode(),
        answer=answer.encode(),
        asset="BRL",
        amount="1",
        movements=(Movement(0, 1, 1),),
    )


def _mark(number: int) -> str:
    return f"run/t{number}"


def _row(number: int) -> JsonObject:
    return {
        "id": f"id{number}",
        "amount": "1",
        "assetCode": "BRL",
        "organizationId": "o",
        "ledgerId": "l",
        "source": ["@a"],
        "destination": ["@b"],
        "operations": [{}],
        "metadata": {"seedKey": _mark(number)},
    }


def _bytes(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer."""
    kind, number, replayed = answer
    if kind in _CODES:
        return _CODES[kind], {}, json.dumps({"code": kind, "title": "no", "message": "no"}).encode()
    if answer in GATEWAYS:
        return int(kind), {}, b"<html>no healthy upstream</html>"
    row = _row(number)
    if kind == "stripped":
        del row["metadata"]
    whole = json.dumps(row).encode()
    body = {"emptied": b"{}", "cut": whole[:-9]}.get(kind, whole)
    return 201, {evidence.REPLAYED: "true" if replayed else "false"}, body
