"""What the sandbox shows late: records in asynchronous mode, balances on a replica; and time that a test moves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from midaz_seed.clock import FakeClock
from midaz_seed.sandbox import FaultPlan, RecordQueue, SandboxConfig, running
from tests.support.ledger_client import LedgerClient, ledger_client


@asynccontextmanager
async def client_of(**config: Any) -> AsyncIterator[LedgerClient]:
    async with running(SandboxConfig(**config)) as server, ledger_client(server.url) as client:
        yield client


async def test_records_come_behind_their_answers_and_balances_do_not() -> None:
    clock = FakeClock()
    async with client_of(clock=clock, queue=RecordQueue(delay_ms=100, per_s=10)) as client:
        for number in range(5):
            assert await client.deposit(f"{number}") == (201, "false")
        assert (await client.available(), await client.listed()) == (5, 0)
        assert await client.deposit("0") == (201, "true")
        await clock.advance(0.11)
        assert await client.listed() == 1
        await clock.advance(0.2)
        assert await client.listed() == 3
        await clock.advance(10)
        assert (await client.available(), await client.listed()) == (5, 5)


async def test_a_transaction_in_the_queue_is_read_from_the_cache_and_its_operations_are_not_listed() -> None:
    clock = FakeClock()
    async with client_of(clock=clock, queue=RecordQueue()) as client:
        leg = {"accountAlias": "a", "amount": {"asset": "BRL", "value": "1"}}
        body = {"send": {"asset": "BRL", "value": "1", "distribute": {"to": [leg]}}}
        _, _, made = await client.call("POST", "/transactions/inflow", body)
        _, _, account = await client.call("GET", "/accounts/alias/a")
        status, headers, found = await client.call("GET", f"/transactions/{made['id']}")
        assert (status, headers["X-Cache-Hit"], found) == (200, "true", made)
        operations = f"/accounts/{account['id']}/operations"
        operation = next(row for row in made["operations"] if row["accountAlias"] == "a")
        assert not (await client.call("GET", operations))[2]["items"]
        assert (await client.call("GET", f"{operations}/{operation['id']}"))[0] == 404
        await clock.advance(1)
        status, headers, found = await client.call("GET", f"/transactions/{made['id']}")
        assert (status, headers["X-Cache-Hit"], found["status"]["code"]) == (200, "false", "APPROVED")
        assert len((await client.call("GET", operations))[2]["items"]) == 1
        assert (await client.call("GET", f"{operations}/{operation['id']}"))[0] == 200


async def test_in_v3_3_balances_wait_for_the_queue_too_and_spending_does_not() -> None:
    clock = FakeClock()
    queue = RecordQueue(delay_ms=100, per_s=1000)
    async with client_of(clock=clock, queue=queue, dialect="v3.3", one_port=True) as client:
        await clock.advance(1)
        await client.deposit("x", "5")
        legs = [[{"accountAlias": alias, "amount": {"asset": "BRL", "value": "2"}}] for alias in ("a", "b")]
        send = {"asset": "BRL", "value": "2", "source": {"from": legs[0]}, "distribute": {"to": legs[1]}}
        assert (await client.call("POST", "/transactions/json", {"send": send}))[0] == 201
        assert (await client.available("a"), await client.available("b")) == (0, 0)
        await clock.advance(0.2)
        assert (await client.available("a"), await client.available("b")) == (3, 2)


async def test_stale_balances_are_those_of_some_time_ago_and_only_where_the_rule_hits() -> None:
    clock = FakeClock()
    rule = {"on": "balances", "methods": ["GET"], "every": 2, "stale_balances": {"ms": 500}}
    async with client_of(clock=clock, faults=FaultPlan.parse({"rules": [rule]})) as client:
        await clock.advance(1)
        for value in (1, 10, 100):
            await client.deposit(f"{value}", str(value))
            await clock.advance(0.4)
        assert [await client.available() for _ in range(4)] == [111, 11, 111, 11]
        await clock.advance(0.2)
        assert [await client.available() for _ in range(2)] == [111, 111]
        await client.call("POST", "/accounts", {"assetCode": "BRL", "type": "deposit", "alias": "new"})
        shown = [(await client.call("GET", "/accounts/alias/new/balances"))[2]["items"] for _ in range(2)]
        assert [len(items) for items in shown] == [1, 0]


async def test_the_clock_is_moved_over_http_where_that_was_asked_for() -> None:
    async with client_of() as client:
        assert (await client.call("POST", "/sandbox/clock", {"advanceS": 1}))[0] == 404
    async with client_of(control=True, clock=FakeClock(), queue=RecordQueue(delay_ms=60_000)) as client:
        await client.deposit("x")
        assert await client.listed() == 0
        _, _, before = await client.call("GET", "/sandbox/clock")
        _, _, after = await client.call("POST", "/sandbox/clock", {"advanceS": 301.5})
        assert (before["aheadS"], after["aheadS"]) == (0, 301.5)
        assert after["now"][:19] == "2026-01-01T00:05:01"
        assert await client.listed() == 1
        assert await client.deposit("x") == (201, "false")
        _, _, made = await client.call("POST", "/accounts", {"assetCode": "BRL", "type": "deposit", "alias": "new"})
        assert made["createdAt"][:19] == "2026-01-01T00:05:01"


@pytest.mark.parametrize("body", [{}, {"advanceS": -1}, {"advanceS": "1"}, {"advanceS": True}, [], 3, None])
async def test_time_only_goes_forward_and_only_by_numbers(body: Any) -> None:
    async with client_of(control=True) as client:
        assert (await client.call("POST", "/sandbox/clock", body))[0] == 400
        assert (await client.call("DELETE", "/sandbox/clock"))[0] == 405
        assert (await client.call("GET", "/sandbox/clock"))[2]["aheadS"] == 0


async def test_a_restarted_sandbox_continues_at_the_time_that_its_clock_was_moved_to(tmp_path: Path) -> None:
    config = SandboxConfig(data=tmp_path / "ledger.sqlite", control=True)
    async with running(config) as server, ledger_client(server.url) as client:
        await client.call("POST", "/sandbox/clock", {"advanceS": 5000})
        await client.deposit("x")
        await server.kill()
        async with running(config) as second:
            client.url = second.url
            assert (await client.call("GET", "/sandbox/clock"))[2]["aheadS"] == 5000
            assert await client.deposit("x") == (201, "true")


async def test_a_waiting_request_continues_when_the_clock_is_moved() -> None:
    rule = {"on": "transactions", "latency": {"ms": 3_600_000}}
    async with client_of(control=True, faults=FaultPlan.parse({"rules": [rule]})) as client:
        waiting = asyncio.ensure_future(client.deposit("x"))
        while not waiting.done():
            await client.call("POST", "/sandbox/clock", {"advanceS": 600})
        assert await waiting == (201, "false")
