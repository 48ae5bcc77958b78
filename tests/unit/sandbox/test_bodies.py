"""The order in which a body is refused, and the rules of names, lists, ids and times."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.sandbox.core import ids
from midaz_seed.sandbox.core.dates import Stamps, months_before, parse_instant, rfc3339
from midaz_seed.sandbox.core.dialect import V3_8
from midaz_seed.sandbox.core.error_codes import RefusedError, describe
from midaz_seed.sandbox.entities.body_reader import read_body
from midaz_seed.sandbox.entities.kinds import ACCOUNTS, LEDGERS, ORGANIZATIONS
from midaz_seed.sandbox.entities.list_queries import by_cursor, like, read_listing
from midaz_seed.sandbox.transactions.request import INFLOW, JSON, read_request

LEG = {"accountAlias": "@a", "amount": {"asset": "BRL", "value": "1"}}
OTHER = {"accountAlias": "@b", "amount": {"asset": "BRL", "value": "1"}}


def transfer(**changes: Any) -> dict[str, Any]:
    send = {"asset": "BRL", "value": "1", "source": {"from": [LEG]}, "distribute": {"to": [OTHER]}}
    return {"send": send, **changes}


def code_of(body: Any, schema: Any = LEDGERS.create) -> str:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    with pytest.raises(RefusedError) as refused:
        read_body(schema, data, V3_8)
    return refused.value.code


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"5", b'"x"', b"{} {}", b'{"name": 5}', b'{"status": []}', b'{"metadata": "x"}']
)
def test_what_is_no_such_object_is_0094(body: bytes) -> None:
    assert code_of(body) == "0094"


def test_unexpected_fields_come_before_missing_ones_and_those_before_wrong_ones() -> None:
    wrong = {"status": {"code": "S" * 101}}
    assert code_of({**wrong, "colour": "blue"}) == "0053"
    assert code_of(wrong) == "0009"
    assert code_of({**wrong, "name": "x"}) == "0047"


def test_the_unexpected_is_named_where_it_stands() -> None:
    body = {"legalName": "a", "legalDocument": "b", "address": {"country": "BR", "planet": "Earth"}, "status": None}
    with pytest.raises(RefusedError) as refused:
        read_body(ORGANIZATIONS.create, orjson.dumps(body), V3_8)
    assert refused.value.fields == {"address": {"planet": "Earth"}, "status": None}


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ({"k" * 101: "v"}, "0050"), ({"é" * 51: "v"}, "0050"), ({"k": "v" * 2001}, "0051"), ({"k": "é" * 1001}, "0051"),
        ({"k": {"a": 1}}, "0067"), ({"k": None}, "0067"), ({"k": []}, "0051"),
        ({f"k{n}": n for n in range(101)}, "0145"),
    ],
)  # fmt: skip
def test_the_limits_of_metadata(metadata: dict[str, Any], code: str) -> None:
    assert code_of({"name": "x", "metadata": metadata}) == code


def test_objects_may_be_nested_eleven_deep() -> None:
    def nested(depth: int) -> dict[str, Any]:
        return {"a": nested(depth - 1)} if depth else {}

    assert code_of({"name": "x", "metadata": nested(9)}) == "0067"
    assert code_of({"name": "x", "metadata": nested(10)}) == "0144"


def test_a_nul_in_a_text_names_its_field() -> None:
    with pytest.raises(RefusedError) as refused:
        read_body(LEDGERS.create, b'{"name": "a\\u0000"}', V3_8)
    assert (refused.value.code, list(refused.value.fields or {})) == ("0047", ["name"])


@pytest.mark.parametrize(
    ("alias", "code"),
    [("", "0096"), ("a b", "0096"), ("@external/BRL", "0047"), ("x" * 101, "0047"), ("ok:1-A@b_", None)],
)
def test_the_form_of_an_alias(alias: str, code: str | None) -> None:
    body = orjson.dumps({"assetCode": "BRL", "type": "deposit", "alias": alias})
    if code is None:
        assert read_body(ACCOUNTS.create, body, V3_8)["alias"] == alias
    else:
        assert code_of(body, ACCOUNTS.create) == code


# ---- transactions

SENT = [
    transfer(),
    transfer(description="d", metadata={"k": "v", "n": 1, "f": True}, pending=False),
    transfer(metadata=None),
    transfer(metadata={"k": 1.5}),
    transfer(description=""),
    transfer(pending=True),
    transfer(colour=1),
    transfer(code="x", route="r"),
    transfer(description="d" * 257),
    {"send": {"asset": "", "value": "1", "source": {"from": [LEG]}, "distribute": {"to": [OTHER]}}},
    {"send": {"asset": "BRL", "value": 1, "source": {"from": [LEG]}, "distribute": {"to": [OTHER]}}},
    {"send": {"asset": "BRL", "value": "1e1", "source": {"from": [LEG]}, "distribute": {"to": []}}},
    {
        "send": {
            "asset": "BRL",
            "value": "1",
            "source": {"from": [{**LEG, "balanceKey": "k"}]},
            "distribute": {"to": [{**LEG, "description": "x"}]},
        }
    },
    {
        "send": {
            "asset": "BRL",
            "value": "1",
            "source": {"from": [{**LEG, "remaining": "x"}]},
            "distribute": {"to": [OTHER]},
        }
    },
    {"send": {"asset": "BRL", "value": "1", "source": {"from": LEG}, "distribute": {"to": [OTHER]}}},
    {"send": {"asset": "BRL", "value": "1", "distribute": {"to": [OTHER]}}},
    {"send": {"asset": "BRL", "value": "1", "source": {"from": [LEG]}}},
    {
        "send": {
            "asset": "BRL",
            "value": "1",
            "source": {"from": [{**LEG, "amount": {"asset": "BRL", "value": 1}}]},
            "distribute": {"to": [OTHER]},
        }
    },
]


def test_equal_content_has_one_fingerprint_however_it_is_written_and_posted() -> None:
    external = {"accountAlias": "@external/BRL", "amount": {"asset": "BRL", "value": "1"}}
    full = {"send": {"asset": "BRL", "value": "1.00", "source": {"from": [external]}, "distribute": {"to": [OTHER]}}}
    inflow = read_request(INFLOW, orjson.dumps(SENT[15]), V3_8)
    assert read_request(JSON, orjson.dumps(full), V3_8).fingerprint() == inflow.fingerprint()
    assert read_request(JSON, orjson.dumps({**full, "description": "x"}), V3_8).fingerprint() != inflow.fingerprint()


@pytest.mark.parametrize(
    ("leg", "code"),
    [
        ({"accountAlias": "@a"}, "0072"),
        ({**LEG, "share": {"percentage": 1}}, "0072"),
        ({"accountAlias": "@a", "share": {}}, "0009"),
        ({"accountAlias": "@a", "share": {"percentage": 12.5}}, "0094"),
        ({"accountAlias": "@a", "amount": {"asset": "BRL", "value": "1,5"}}, "0094"),
        ({"account": "@a", "amount": {"asset": "BRL", "value": "1"}}, "0053"),
    ],
)
def test_a_leg_that_is_wrong(leg: dict[str, Any], code: str) -> None:
    body = {"send": {"asset": "BRL", "value": "1", "source": {"from": [leg]}, "distribute": {"to": [OTHER]}}}
    assert code_of(body, JSON.schema) == code


# ---- names, lists, ids, times


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("a_b", "axb", True), ("a_b", "ab", False), ("Alp%", "Alpha", True), ("%", "", True), ("a\\_b", "a_b", True),
        ("a\\_b", "axb", False), ("a.b", "axb", False), ("A", "a", False), ("a\\", "a", True),
    ],
)  # fmt: skip
def test_like(pattern: str, text: str, matches: bool) -> None:
    assert like(pattern)(text) is matches


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"limit": "101"}, "0080"), ({"limit": "0"}, "0082"), ({"limit": "abc"}, "0082"), ({"page": "0"}, "0082"),
        ({"sort_order": "up"}, "0081"),
        ({"cursor": "zzz"}, "0082"), ({"start_date": "2026-01-01"}, "0083"),
        ({"start_date": "2026-02-01", "end_date": "2026-01-01"}, "0078"),
        ({"start_date": "soon", "end_date": "later"}, "0131"),
    ],
)  # fmt: skip
def test_a_wrong_list_parameter(query: dict[str, str], code: str) -> None:
    with pytest.raises(RefusedError) as refused:
        read_listing(query, V3_8)
    assert refused.value.code == code


@given(st.integers(0, 30), st.integers(1, 12), st.booleans())
def test_following_the_cursor_gives_every_item_once(size: int, limit: int, descending: bool) -> None:
    items = [f"{number:04d}" for number in range(size)]
    query = {"limit": str(limit), "sort_order": "desc" if descending else "asc"}
    seen: list[str] = []
    while True:
        page, cursors = by_cursor(items, str, read_listing(query, V3_8), V3_8)
        seen += page
        if "next_cursor" not in cursors:
            break
        query["cursor"] = cursors["next_cursor"]
    assert seen == (items[::-1] if descending else items)


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**12 - 1), st.integers(1, 2**44 - 1), st.integers(0, ids.PARTS_MAX))
def test_a_transactions_record_is_read_from_its_id(ms: int, salt: int, seq: int, part: int) -> None:
    made = ids.record_id(ids.head(ms, salt), seq, part)
    assert ids.record_position(made) == (seq, part)
    first = ids.record_id(ids.head(ms, salt), seq, 0)
    assert part > 0xFFFF or made == f"{first[:-4]}{part:04x}"  # the fast path relies on it
    assert made[14] == "7"
    assert made[19] in "89ab"
    assert len(made) == 36


def test_ids_sort_in_the_order_of_creation() -> None:
    made = [ids.record_id(ids.head(5, 9), seq, part) for seq in range(1, 70) for part in range(3)]
    assert made == sorted(made)


def test_times_are_written_as_the_server_writes_them() -> None:
    assert rfc3339(datetime(2024, 1, 15, 10, 20, 30, 120_000, UTC)) == "2024-01-15T10:20:30.12Z"
    zoned = parse_instant("2024-01-15T10:20:30+02:00")
    assert zoned is not None
    assert rfc3339(zoned) == "2024-01-15T10:20:30+02:00"
    assert parse_instant("2024-02-31") is None
    assert Stamps().at(1_700_000_000.25) == "2023-11-14T22:13:20.250000Z"
    assert (
        months_before(datetime(2026, 3, 31, tzinfo=UTC).timestamp(), 1) == datetime(2026, 2, 28, tzinfo=UTC).timestamp()
    )


def test_a_dialect_decides_the_shape_and_status_of_errors() -> None:
    error = RefusedError("0009", {"name": "name is a required field"})
    assert describe(error, V3_8) == (
        400,
        {
            "title": "Missing Fields in Request",
            "message": "Missing Fields in Request. Please check the request and try again.",
            "code": "0009",
            "fields": {"name": "name is a required field"},
        },
    )
    status, body = describe(error, replace(V3_8, error_shape="problem", status_by_code={"0009": 422}))
    assert (status, body["status"], body["code"]) == (422, 422, "0009")
    assert body["errors"] == [{"location": "name", "message": "name is a required field"}]
