"""The changes of a body by a gateway, and which of them keep its content."""

import json
from decimal import Decimal
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.sandbox.core.messages import Reply
from midaz_seed.sandbox.faults.gateway import altered

LEAVES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8)
KEYS = st.sampled_from(["amount", "value", "available", "onHold", "metadata", "id"])
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False).map(lambda value: f"{value:f}")


def body_after(how: Any, body: bytes) -> bytes:
    return altered(Reply(200, [], body), how).body


@given(VALUES)
def test_a_reformatted_body_says_the_same(value: Any) -> None:
    assert orjson.loads(body_after("reformatted", orjson.dumps(value))) == value


@given(AMOUNTS, st.text(max_size=5))
def test_an_amount_as_a_number_has_the_digits_that_the_text_had(amount: str, other: str) -> None:
    value = {"amount": amount, "items": [{"amount": {"value": amount}, "id": other}], "metadata": {"value": amount}}
    body = body_after("numbers", orjson.dumps(value))
    found = json.loads(body, parse_float=Decimal, parse_int=Decimal)
    assert str(found["amount"]) == str(Decimal(amount))
    assert body.startswith(f'{{"amount":{amount},'.encode())
    assert found["items"] == [{"amount": {"value": Decimal(amount)}, "id": other}]
    assert found["metadata"] == {"value": amount}


@given(VALUES)
def test_a_body_with_numbers_is_json(value: Any) -> None:
    orjson.loads(body_after("numbers", orjson.dumps(value)))


def test_a_text_that_is_no_plain_number_stays_a_text() -> None:
    for text in ("", "abc", "1e5", "01", "1.", ".5", "NaN", "1.5\n"):
        body = orjson.dumps({"value": text})
        assert body_after("numbers", body) == body


def test_what_is_no_json_stays_as_it_is_and_is_the_same_object() -> None:
    reply = Reply(200, [], b"<html>")
    assert altered(reply, "numbers") is reply
    assert altered(reply, "reformatted") is reply
    assert altered(reply, "stripped") is reply
    assert altered(Reply(204, [], b""), "doubled").body == b""
