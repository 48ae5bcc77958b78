"""The classifier and the evidence under any answer: nothing raises, and made or not made is only what ADR 7 says."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson
from hypothesis import strategies as st

from midaz_seed.midaz.classify import Disposition, classify
from midaz_seed.midaz.evidence import (
    REPLAYED,
    Effect,
    Reading,
    is_plainly_ours,
    is_record,
    ledger_bytes,
    midaz_code,
    of_entity,
    of_transaction,
    parsed_exactly,
    says_missing,
)
from midaz_seed.plan.items import TransactionItem
from tests.support.damage import JSON, Change, Damage, changed, changes, damaged, damages, hostile_json, rendered
from tests.support.fuzzing import fuzz
from tests.support.transactions import LEDGER, ORGANIZATION, PLACE, own_answer, planned_items

STATUSES = st.one_of(st.sampled_from([200, 201, 204, 302, 400, 404, 408, 409, 422, 429, 500, 503]), st.integers(0, 999))
ERROR_STATUSES = st.sampled_from([400, 400, 404, 409, 422, 429, 500, 503])
INDEXES = st.integers(0, 7).map(lambda number: number if number < 3 else 0)
"""Often the same item, so that an answer often belongs to the request."""
HEADERS = st.sampled_from([{}, {REPLAYED: "true"}, {REPLAYED: "false"}, {REPLAYED: "True"}])
CODES = st.one_of(
    st.sampled_from(["0047", "0009", "0053", "0084", "0095", "0061", "0484", "CRM-0006", "TRX-0084"]),
    st.sampled_from(["٠٠٨٤", "00840", "84", "0047\n"]) | JSON,
)
NEAR_VALUES: list[Any] = ["", None, [], {}, 0, "0", "10000.0", "10000.01", 10000, "1e4", ["@external/BRL"]]
"""Values that are close to those of an answer."""
ENTITY: dict[str, Any] = {
    "name": "Asset Ação",
    "code": "BRL",
    "type": "currency",
    "metadata": {"seedKey": "run/o1.l1.ast1", "seedRun": "run"},
}
FOUND: dict[str, Any] = {**ENTITY, "id": "0198c2a4-1", "organizationId": ORGANIZATION, "ledgerId": LEDGER}
PARENTS = {"organizationId": ORGANIZATION, "ledgerId": LEDGER}


@st.composite
def errors(draw: st.DrawFn) -> tuple[int, bytes]:
    """Draw errors of every form that was seen, with any values."""
    body: dict[str, Any] = {"code": draw(CODES), "title": "T"}
    for name in draw(st.lists(st.sampled_from(["title", "message", "detail", "errors", "fields"]), max_size=2)):
        body[name] = draw(JSON)
    text = rendered(body)
    if draw(st.integers(0, 3)) == 3:
        name = draw(st.sampled_from([b"errors", b"fields", b"message", b"code"]))
        text = text[:-1] + b',"' + name + b'":' + draw(hostile_json()) + b"}"
    return draw(ERROR_STATUSES), damaged(text, draw(damages(max_size=1)))


@st.composite
def successes(draw: st.DrawFn) -> tuple[int, bytes]:
    """Draw answers to a transaction: a server's, changed, with parts of another item's, or damaged."""
    items = planned_items()
    whole = own_answer(items[draw(INDEXES)], draw(st.integers(1, 3)))
    done = draw(changes())
    if done:
        whole = rendered(changed(orjson.loads(whole), done), indent=draw(st.sampled_from([None, 2])))
    others = [own_answer(item) for item in items]
    return draw(st.sampled_from([201, 201, 200, 202])), damaged(whole, draw(damages(max_size=2)), others)


ANSWERS = st.one_of(
    successes(), successes(), errors(), errors(), st.tuples(STATUSES, st.binary(max_size=60) | hostile_json())
)


@fuzz(examples=500, answer=ANSWERS, index=INDEXES, headers=HEADERS)
def test_no_answer_raises_and_what_people_read_is_short(
    answer: tuple[int, bytes], index: int, headers: dict[str, str]
) -> None:
    (status, body), item = answer, planned_items()[index]
    verdict = classify(status, body)
    assert (verdict.error is None) == (verdict.disposition is Disposition.OK) == (200 <= status < 300)
    assert len(verdict.message) <= 300
    assert len(verdict.code) <= 20
    assert "\n" not in verdict.message + verdict.code
    of_transaction(status, headers, body, item, PLACE)
    of_entity(status, body, ENTITY, PARENTS)
    is_plainly_ours(body, item, ledger_bytes(ORGANIZATION, LEDGER))
    if says_missing(status, body):
        assert status == 404
        assert midaz_code(body)
    found = parsed_exactly(body)
    if isinstance(found, dict):
        is_record(found, item)


@fuzz(examples=800, answer=ANSWERS, index=INDEXES, headers=HEADERS)
def test_a_transaction_is_made_or_not_made_only_by_the_rules(
    answer: tuple[int, bytes], index: int, headers: dict[str, str]
) -> None:
    (status, body), item = answer, planned_items()[index]
    evidence = of_transaction(status, headers, body, item, PLACE)
    if evidence.effect is Effect.MADE:
        assert 200 <= status < 300
        _assert_names_the_item(body, item)
    elif evidence.effect is Effect.NOT_MADE and evidence.reading is Reading.FOREIGN:
        found = _parsed(body)
        assert found["metadata"]["seedKey"] not in ("", item.tag)
        assert headers == {REPLAYED: "true"}
        assert evidence.transaction_id == found["id"]
    elif evidence.effect is Effect.NOT_MADE:
        _assert_is_a_refusal(status, body)
        assert _parsed(body)["code"][-4:] not in ("0061", "0084", "0095")


CHECKED = ("amount", "assetCode", "source", "destination", "organizationId", "ledgerId", "id", "operations", "metadata")


@fuzz(examples=300, name=st.sampled_from(CHECKED), value=JSON, near=st.integers(0, 30), index=INDEXES)
def test_an_own_answer_with_another_value_is_made_only_if_it_means_the_same(
    name: str, value: Any, near: int, index: int
) -> None:
    item = planned_items()[index]
    found = orjson.loads(own_answer(item))
    close = NEAR_VALUES + [orjson.loads(own_answer(other))[name] for other in planned_items()]
    found[name] = close[near] if near < len(close) else value
    body = rendered(found)
    if of_transaction(201, {}, body, item, PLACE).effect is Effect.MADE:
        _assert_names_the_item(body, item)


@fuzz(examples=200, number=st.integers(1, 10**6), index=INDEXES, wide=st.booleans(), numbers=st.booleans())
def test_the_items_own_answer_is_made_in_any_formatting(number: int, index: int, wide: bool, numbers: bool) -> None:
    item = planned_items()[index]
    body = own_answer(item, number)
    assert is_plainly_ours(body, item, ledger_bytes(ORGANIZATION, LEDGER))
    if numbers:
        body = re.sub(rb'"amount":"([0-9.]+)"', rb'"amount":\1', body)
    if wide:
        body = json.dumps(json.loads(body, parse_float=_Number), indent=1, sort_keys=True, default=str).encode()
    assert of_transaction(201, {}, body, item, PLACE).effect is Effect.MADE
    other = planned_items()[(index + 1) % 8]
    assert of_transaction(201, {}, body, other, PLACE).effect is Effect.UNKNOWN
    assert of_transaction(201, {REPLAYED: "true"}, body, other, PLACE).reading is Reading.FOREIGN


class _Number(float):
    """A number that is written as it was read."""


@fuzz(examples=500, drawn=changes(), damage=damages(max_size=1), error=st.none() | st.none() | errors())
def test_an_entity_is_made_or_not_made_only_by_the_rules(
    drawn: list[Change], damage: list[Damage], error: tuple[int, bytes] | None
) -> None:
    status, body = error or (201, damaged(rendered(changed(FOUND, drawn)), damage))
    effect = of_entity(status, body, ENTITY, PARENTS)
    if effect is Effect.MADE:
        found = _parsed(body)
        assert 200 <= status < 300
        assert isinstance(found["id"], str)
        assert found["id"]
        assert found["metadata"]["seedKey"] == ENTITY["metadata"]["seedKey"]
        assert all(found.get(name, value) == value for name, value in PARENTS.items())
        assert [found[name].casefold() for name in ("name", "code")] == ["asset ação", "brl"]
    elif effect is Effect.NOT_MADE:
        _assert_is_a_refusal(status, body)


def _assert_names_the_item(body: bytes, item: TransactionItem) -> None:
    found = _parsed(body)
    sources, destinations = item.accounts
    assert found["metadata"]["seedKey"] == item.tag
    assert _decimal(found["amount"]) == Decimal(item.amount)
    assert found["assetCode"] == item.asset
    assert sorted(found["source"]) == sorted(sources)
    assert sorted(found["destination"]) == sorted(destinations)
    assert (found["organizationId"], found["ledgerId"]) == (ORGANIZATION, LEDGER)
    assert found["id"]
    assert found["operations"]


def _assert_is_a_refusal(status: int, body: bytes) -> None:
    found = _parsed(body)
    assert 400 <= status < 500
    assert re.fullmatch(r"([A-Z]{3}-)?[0-9]{4}", found["code"])
    assert any(isinstance(found.get(name), str) for name in ("title", "message", "detail"))


def _parsed(body: bytes) -> Mapping[str, Any]:
    found = json.loads(body, parse_float=_decimal, parse_int=Decimal)
    assert isinstance(found, dict)
    return found


def _decimal(value: Any) -> Decimal:
    try:
        return Decimal(value)
    except InvalidOperation:
        return Decimal("NaN")
