"""What the answers to commits, cancels, reverts and intended refusals prove."""

from typing import Any

import orjson
import pytest

from midaz_seed.midaz.evidence import Effect, Reading, of_follow_up, of_refusal
from midaz_seed.midaz.server_traits import server_of
from midaz_seed.plan.items import Kind, Movement, Phase, TransactionItem

FIRST = TransactionItem(
    "o1.l1.t1", Phase.TRANSFERS, b"{}", b'"seedKey":"r/o1.l1.t1"', b"", "BRL", "1.00", (Movement(0, 1, 100),)
)


def follow(kind: Kind) -> TransactionItem:
    return FIRST._replace(key=f"o1.l1.t1.{kind}", phase=Phase.FOLLOW_UPS, kind=kind, of="o1.l1.t1")


def answer(**changes: Any) -> bytes:
    row = {"id": "t", "amount": "1", "assetCode": "BRL", "status": {"code": "APPROVED"}, "metadata": {}} | changes
    return orjson.dumps({name: value for name, value in row.items() if value is not None})


def refused(code: str) -> bytes:
    return orjson.dumps({"code": code, "title": "t", "message": "m"})


@pytest.mark.parametrize(
    ("kind", "status", "body", "effect"),
    [
        (Kind.COMMIT, 201, answer(), Effect.MADE),
        (Kind.COMMIT, 201, answer(status={"code": "CANCELED"}), Effect.UNKNOWN),
        (Kind.COMMIT, 201, answer(status={"code": "PENDING"}), Effect.UNKNOWN),
        (Kind.COMMIT, 201, answer(id="other"), Effect.UNKNOWN),
        (Kind.COMMIT, 201, answer(amount="2"), Effect.UNKNOWN),
        (Kind.COMMIT, 201, answer(assetCode="USD"), Effect.UNKNOWN),
        (Kind.COMMIT, 201, b"", Effect.UNKNOWN),
        (Kind.CANCEL, 201, answer(status={"code": "CANCELED"}), Effect.MADE),
        (Kind.CANCEL, 201, answer(), Effect.UNKNOWN),
        (Kind.REVERT, 201, answer(id="new", parentTransactionId="t"), Effect.MADE),
        (Kind.REVERT, 201, answer(id="new", parentTransactionId="other"), Effect.UNKNOWN),
        (Kind.REVERT, 201, answer(), Effect.UNKNOWN),
        (Kind.REVERT, 400, refused("0087"), Effect.NOT_MADE),
        (Kind.COMMIT, 422, refused("0099"), Effect.NOT_MADE),
        (Kind.COMMIT, 409, refused("0486"), Effect.NOT_MADE),
        (Kind.REVERT, 409, refused("0084"), Effect.UNKNOWN),
        (Kind.COMMIT, 404, b"Not Found", Effect.UNKNOWN),
        (Kind.COMMIT, 500, refused("0095"), Effect.UNKNOWN),
    ],
)
def test_only_the_transaction_in_its_new_state_shows_that_a_follow_up_was_made(
    kind: Kind, status: int, body: bytes, effect: Effect
) -> None:
    assert of_follow_up(status, body, follow(kind), "t").effect is effect


@pytest.mark.parametrize(
    ("status", "headers", "body", "effect", "reading"),
    [
        (422, {}, refused("0018"), Effect.NOT_MADE, Reading.REFUSED),
        (409, {}, refused("0084"), Effect.UNKNOWN, Reading.OPEN),
        (422, {}, b"Unprocessable", Effect.UNKNOWN, Reading.OPEN),
        (503, {}, b"", Effect.UNKNOWN, Reading.OPEN),
        (201, {}, answer(metadata={"seedKey": "r/o1.l1.t1"}), Effect.MADE, Reading.OURS),
        (201, {}, answer(metadata={"seedKey": "r/other"}), Effect.UNKNOWN, Reading.ODD),
        (
            201,
            {"X-Idempotency-Replayed": "true"},
            answer(metadata={"seedKey": "r/other"}),
            Effect.NOT_MADE,
            Reading.FOREIGN,
        ),
        (201, {}, b"{", Effect.UNKNOWN, Reading.ODD),
    ],
)
def test_the_mark_alone_shows_that_what_must_be_refused_was_accepted(
    status: int, headers: dict[str, str], body: bytes, effect: Effect, reading: Reading
) -> None:
    evidence = of_refusal(status, headers, body, FIRST)
    assert (evidence.effect, evidence.reading) == (effect, reading)


@pytest.mark.parametrize(
    ("version", "frees", "touches"),
    [
        ("v3.0.2", False, True),
        ("v3.3.14", False, True),
        ("v3.3.15", True, True),
        ("v3.4.8", False, None),
        ("v3.4.9", True, None),
        ("v3.5", False, None),
        ("v3.5.2", True, None),
        ("v3.6.0", True, False),
        ("v4.0.0-beta.11", True, False),
    ],
)
def test_a_version_says_whether_a_refusal_frees_its_key_and_what_a_hold_counts_as(
    version: str, frees: bool, touches: bool | None
) -> None:
    server = server_of(version)
    assert (server.frees_keys_of_refused, server.holds_touch_destinations) == (frees, touches)
