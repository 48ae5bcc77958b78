"""The fast path against the general path: the same answer, record and balances, byte by byte.

What the fast path declines, it has not changed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midaz_seed.clock import FakeClock, ShiftedClock
from midaz_seed.sandbox.core.dialect import DIALECTS
from midaz_seed.sandbox.core.error_codes import FailedError, RefusedError
from midaz_seed.sandbox.core.messages import Call, Reply
from midaz_seed.sandbox.http.router import Router
from midaz_seed.sandbox.storage.state import LedgerState, SandboxState
from midaz_seed.sandbox.storage.store import Store
from midaz_seed.sandbox.transactions.endpoints import general_handler_of
from midaz_seed.sandbox.transactions.fast_path import post_fast
from midaz_seed.sandbox.transactions.request import INFLOW, JSON, OUTFLOW

ALIASES = ["@a", "@b", "@c", "@usd", "@shut", "@d#x", "@nobody", ""]
GENERAL = {endpoint.name: general_handler_of(endpoint) for endpoint in (JSON, INFLOW, OUTFLOW)}
EXTERNAL = {"json": "", "inflow": "source", "outflow": "distribute"}


class Twin:
    """One of two sandboxes with the same content."""

    def __init__(self, dialect: str) -> None:
        found = DIALECTS[dialect]
        store = Store(None, found.version)
        store.salt = 7  # otherwise drawn at random: part of every id
        clock = ShiftedClock(FakeClock())
        self.state = SandboxState(found, clock, store, seed=1)
        self.router = Router(found)
        organization = self.made("/v1/organizations", legalName="O", legalDocument="1", address={"country": "BR"})
        self.ledger = f"/v1/organizations/{organization}/ledgers"
        self.ledger += "/" + self.made(self.ledger, name="L")
        for code in ("BRL", "USD"):
            self.made(f"{self.ledger}/assets", name=code, type="currency", code=code)
        for alias in ("@a", "@b", "@c", "@d#x", "@usd", "@shut"):
            code = "USD" if alias == "@usd" else "BRL"
            self.made(f"{self.ledger}/accounts", name=alias, type="deposit", assetCode=code, alias=alias.split("#")[0])
        clock.advance(60)  # v3.3 makes default balances late
        self.made(f"{self.ledger}/transactions/inflow", **funds("@a", "100.50"))
        self.made(f"{self.ledger}/transactions/inflow", **funds("@b", "7"))
        (shut,) = self.ledger_state.balances_by_account[self.ledger_state.account_by_alias["@shut"]["id"]]
        shut.allow_receiving = False

    @property
    def ledger_state(self) -> LedgerState:
        _, organization, _, ledger = self.ledger.rsplit("/", 3)
        return self.state.ledger_states[organization, ledger]

    def made(self, path: str, **body: Any) -> str:
        route, params = self.router.find("POST", path.encode())
        reply = route.handler(self.state, Call("POST", path.encode(), params, b"", [], orjson.dumps(body)))
        assert reply.status == 201, reply
        return str(orjson.loads(reply.body)["id"])

    def call(self, name: str, body: bytes, headers: list[tuple[bytes, bytes]]) -> Call:
        path = f"{self.ledger}/transactions/{name}".encode()
        return Call("POST", path, self.router.find("POST", path)[1], b"", headers, body)

    def snapshot(self) -> Any:
        """Everything that a transaction changes."""
        ledger = self.ledger_state
        balances = {number: (one.state, one.available) for number, one in self.state.balance_by_number.items()}
        columns = (list(ledger.seqs), list(ledger.created_s), list(ledger.status), dict(ledger.stored_keys))
        touched = {account: list(seqs) for account, seqs in ledger.touched.items()}
        return balances, columns, touched, self.state.seq, self.state.store.record(self.state.seq)


def funds(alias: str, value: str) -> dict[str, Any]:
    leg = {"accountAlias": alias, "amount": {"asset": "BRL", "value": value}}
    return {"send": {"asset": "BRL", "value": value, "distribute": {"to": [leg]}}}


def pays(alias: str, value: str) -> dict[str, Any]:
    leg = {"accountAlias": alias, "amount": {"asset": "BRL", "value": value}}
    return {"send": {"asset": "BRL", "value": value, "source": {"from": [leg]}}}


AMOUNTS = st.sampled_from(["1", "2.50", "2.5", "1e1", "0", "-1", "100.50", "250", "+3", "x", 1, None, "0.000000001"])
METADATA = st.one_of(
    st.none(),
    st.dictionaries(
        st.sampled_from(["k", "y" * 26, "é" * 60, "seedKey"]),
        st.one_of(
            st.text(max_size=5),
            st.just("é" * 1001),
            st.integers(-(2**63), 2**63 - 1),
            st.booleans(),
            st.none(),
            st.just({}),
            st.just([]),
            st.floats(-1e9, 1e9),
        ),
        max_size=2,
    ),
)


@st.composite
def legs(draw: st.DrawFn, value: Any, most: int) -> Any:
    count = draw(st.integers(0, most))
    amounts = [value] + ["0"] * (count - 1)
    if count > 1 and draw(st.booleans()):
        amounts = draw(st.lists(AMOUNTS, min_size=count, max_size=count))
    found = []
    for amount in amounts:
        leg: dict[str, Any] = {"accountAlias": draw(st.sampled_from(ALIASES))}
        leg["amount"] = {"asset": draw(st.sampled_from(["BRL", "BRL", "BRL", "USD", ""])), "value": amount}
        extra = draw(st.sampled_from([None, None, None, None, "balanceKey", "share", "description", "remaining"]))
        if extra == "remaining":
            del leg["amount"]
        if extra:
            leg[extra] = draw(st.sampled_from(["default", "x", {"percentage": 50}, "\x00"]))
        found.append(leg)
    return found


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, bytes]:
    name = draw(st.sampled_from(["json", "json", "inflow", "outflow"]))
    value = draw(AMOUNTS)
    send: dict[str, Any] = {"asset": draw(st.sampled_from(["BRL", "BRL", "BRL", "USD", "", "€"])), "value": value}
    if name != "inflow" or draw(st.integers(0, 9)) == 0:
        send["source"] = {"from": draw(legs(value, 2))}
    if name != "outflow" or draw(st.integers(0, 9)) == 0:
        send["distribute"] = {"to": draw(legs(value, 3))}
    body: dict[str, Any] = {"send": send}
    if draw(st.booleans()):
        body["description"] = draw(st.sampled_from(["d", "é\"'", "", "y" * 257, None, 5]))
    if draw(st.booleans()):
        body["metadata"] = draw(METADATA)
    if draw(st.integers(0, 9)) == 0:
        body[draw(st.sampled_from(["pending", "code", "transactionDate", "odd"]))] = draw(st.sampled_from([True, "x"]))
    return name, orjson.dumps(body)


HEADERS = st.sampled_from(
    [[(b"x-idempotency", b"k")]] * 4
    + [
        [],
        [(b"x-ttl", b"60")],
        [(b"x-ttl", b"60"), (b"x-idempotency", b"k\xe9")],
        [(b"x-idempotency", b"k"), (b"x-ttl", b"-1")],
        [(b"x-idempotency", b"k"), (b"x-ttl", b"0")],
        [(b"x-idempotency", b"k"), (b"x-ttl", b"1234567890")],
        [(b"x-idempotency", b"k"), (b"x-ttl", b"soon")],
        [(b"x-idempotency", b"first"), (b"x-idempotency", b"last")],
    ]
)


@contextmanager
def two_sandboxes(dialect: str) -> Iterator[tuple[Twin, Twin]]:
    fast, general = Twin(dialect), Twin(dialect)
    try:
        assert fast.snapshot() == general.snapshot()
        yield fast, general
    finally:  # an example that Hypothesis passes over ends here too
        fast.state.store.close()
        general.state.store.close()


def answered(fast: Twin, general: Twin, name: str, body: bytes, headers: list[tuple[bytes, bytes]]) -> Reply | None:
    """Let both answer; the fast path's answer, when it gave one."""
    before = fast.snapshot()
    answer = post_fast(fast.state, fast.call(name, body, headers), EXTERNAL[name])
    if answer is None:
        assert fast.snapshot() == before
        return None
    assert answer == GENERAL[name](general.state, general.call(name, body, headers))
    assert fast.snapshot() == general.snapshot()
    return answer


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_both_paths_leave_the_same_behind(dialect: str) -> None:
    with two_sandboxes(dialect) as (fast, general):

        @settings(deadline=None)
        @given(bodies(), HEADERS, st.integers(0, 10**6))
        def same(sent: tuple[str, bytes], headers: list[tuple[bytes, bytes]], number: int) -> None:
            name, body = sent
            headers = [(key, b"%b%d" % (value, number) if key == b"x-idempotency" else value) for key, value in headers]
            if answered(fast, general, name, body, headers) is None:  # then the general path answers in both
                for twin in (fast, general):
                    try:
                        GENERAL[name](twin.state, twin.call(name, body, headers))
                    except (RefusedError, FailedError):
                        continue
            assert fast.snapshot() == general.snapshot()

        same()


def transfer(source: str, value: str, *parts: tuple[str, str]) -> bytes:
    def leg(alias: str, amount: str) -> dict[str, Any]:
        return {"accountAlias": alias, "amount": {"asset": "BRL", "value": amount}}

    send = {"asset": "BRL", "value": value, "source": {"from": [leg(source, value)]}}
    send["distribute"] = {"to": [leg(alias, amount) for alias, amount in parts]}
    return orjson.dumps({"send": send, "description": "x", "metadata": {"seedKey": "a/b"}})


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("json", transfer("@a", "1.50", ("@b", "1.50"))),
        ("json", transfer("@b", "1.50", ("@a", "1.5"))),
        ("json", transfer("@b", "3", ("@c", "1"), ("@a", "2.00"))),
        ("inflow", orjson.dumps(funds("@c", "12"))),
        ("outflow", orjson.dumps(pays("@a", "2.50"))),
        (
            "inflow",
            orjson.dumps(
                {
                    "send": {
                        "asset": "BRL",
                        "value": "3",
                        "distribute": {
                            "to": [
                                {"accountAlias": alias, "amount": {"asset": "BRL", "value": amount}}
                                for alias, amount in (("@c", "1"), ("@a", "2"))
                            ]
                        },
                    }
                }
            ),
        ),
    ],
)
def test_common_transactions_take_the_fast_path(dialect: str, name: str, body: bytes) -> None:
    with two_sandboxes(dialect) as (fast, general):
        answer = answered(fast, general, name, body, [(b"x-idempotency", b"k")])
        assert answer is not None
        assert answer.status == 201
        assert answered(fast, general, name, body, [(b"x-idempotency", b"k")]) is None


@pytest.mark.parametrize(
    "body",
    [
        transfer("@a", "2", ("@b", "2"), ("@c", "0")),
        transfer("@a", "2", ("@b", "3"), ("@c", "-1")),
        transfer("@a", "2", ("@b", "1"), ("@b", "1")),
        transfer("@a", "2", ("@a", "2")),
        transfer("@a", "2", ("@b", "1")),
        transfer("@a", "0", ("@b", "0")),
        transfer("@c", "0.01", ("@b", "0.01")),
        transfer("@a", "2", ("@usd", "2")),
        transfer("@a", "2", ("@shut", "2")),
        transfer("@a", "2", ("@b\x00", "2")),
    ],
)
def test_any_other_transaction_is_left_to_the_general_path(body: bytes) -> None:
    with two_sandboxes("v3.8") as (fast, general):
        assert answered(fast, general, "json", body, [(b"x-idempotency", b"k")]) is None
