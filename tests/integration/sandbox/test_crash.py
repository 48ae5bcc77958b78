"""A sandbox killed in the middle of its work leaves behind what a real server was measured to leave behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from midaz_seed.clock import FakeClock
from midaz_seed.sandbox import FaultPlan, Recovery, SandboxConfig, SandboxServer, Stages, running
from tests.support.clocks import wait_for_sleepers
from tests.support.ledger_client import LedgerClient, ledger_client
from tools.chaos.processes import CLEAN_ENVIRONMENT, sandbox_process

STAGES = Stages(received_ms=10, claimed_ms=10, applied_ms=10, spread=0)
TTL_S = 300


@asynccontextmanager
async def in_stages(tmp_path: Path) -> AsyncIterator[tuple[SandboxServer, LedgerClient, FakeClock]]:
    """A durable sandbox whose new transactions take 30 ms, and a client with a ledger in it."""
    clock = FakeClock()
    config = SandboxConfig(data=tmp_path / "ledger.sqlite", clock=clock, stages=STAGES)
    async with running(config) as server, ledger_client(server.url) as client:
        yield server, client, clock


@asynccontextmanager
async def restarted(server: SandboxServer, client: LedgerClient) -> AsyncIterator[SandboxServer]:
    """The same file in another sandbox, whose transactions take no time."""
    async with running(replace(server.config, port=0, stages=None)) as second:
        client.url = second.url
        yield second


async def killed_after(
    stages_done: int, server: SandboxServer, client: LedgerClient, clock: FakeClock, key: str = "x"
) -> None:
    """Send a deposit and kill the server after a number of its stages: its answer never comes."""
    request = asyncio.ensure_future(client.deposit(key))
    await wait_for_sleepers(clock, 1)
    for _ in range(stages_done):
        await clock.advance(0.010)
        await wait_for_sleepers(clock, 1)
    await server.kill()
    with pytest.raises(aiohttp.ClientError):
        await request


async def test_what_was_not_begun_is_carried_out_when_it_is_sent_again(tmp_path: Path) -> None:
    async with in_stages(tmp_path) as (server, client, clock):
        await killed_after(0, server, client, clock)
        async with restarted(server, client):
            assert await client.available() == 0
            assert await client.deposit("x") == (201, "false")
            assert await client.available() == 1


async def test_a_claimed_key_is_in_flight_until_its_time_is_over_and_then_its_request_is_carried_out(
    tmp_path: Path,
) -> None:
    async with in_stages(tmp_path) as (server, client, clock):
        await killed_after(1, server, client, clock)
        async with restarted(server, client):
            for _ in range(2):
                assert await client.deposit("x") == (409, "0084")
                assert (await client.available(), await client.listed()) == (0, 0)
                await clock.advance(TTL_S / 2 - 2)
            await clock.advance(5)
            assert await client.deposit("x") == (201, "false")
            assert (await client.available(), await client.listed()) == (1, 1)


async def test_a_movement_that_was_applied_is_doubled_by_the_same_key_after_its_time_and_seen_only_much_later(
    tmp_path: Path,
) -> None:
    async with in_stages(tmp_path) as (server, client, clock):
        await killed_after(2, server, client, clock)
        async with restarted(server, client):
            assert await client.deposit("x") == (409, "0084")
            assert (await client.available(), await client.listed()) == (1, 0)
            await clock.advance(TTL_S + 1)
            assert await client.deposit("x") == (201, "false")
            assert (await client.available(), await client.listed()) == (2, 1)
            await clock.advance(1800 - TTL_S - 10)
            assert await client.listed() == 1
            await clock.advance(1800)
            assert (await client.available(), await client.listed()) == (2, 2)


async def test_what_a_crash_left_behind_survives_further_ends(tmp_path: Path) -> None:
    async with in_stages(tmp_path) as (server, client, clock):
        await killed_after(2, server, client, clock)
        async with restarted(server, client) as second:
            await second.kill()
        async with restarted(server, client):
            assert await client.deposit("x") == (409, "0084")
            assert (await client.available(), await client.listed()) == (1, 0)
            await clock.advance(3601)
        async with restarted(server, client):
            assert (await client.available(), await client.listed()) == (1, 1)


async def test_what_was_answered_is_seen_and_replayed_after_a_kill(tmp_path: Path) -> None:
    async with in_stages(tmp_path) as (server, client, clock):
        request = asyncio.ensure_future(client.deposit("x"))
        for _ in range(3):
            await wait_for_sleepers(clock, 1)
            await clock.advance(0.010)
        assert await request == (201, "false")
        await killed_after(2, server, client, clock, key="y")
        async with restarted(server, client):
            assert await client.deposit("x") == (201, "true")
            assert await client.deposit("y") == (409, "0084")
            assert (await client.available(), await client.listed()) == (2, 1)


async def test_a_second_request_under_a_key_in_flight_gets_0084_and_a_refusal_frees_the_key_for_good(
    tmp_path: Path,
) -> None:
    async with in_stages(tmp_path) as (server, client, clock):
        requests = [asyncio.ensure_future(client.deposit("x", alias="nobody")) for _ in range(2)]
        await wait_for_sleepers(clock, 2)
        for _ in range(2):
            await clock.advance(0.010)
        assert {await request for request in requests} == {(422, "0019"), (409, "0084")}
        await server.kill()
        async with restarted(server, client):
            assert await client.deposit("x") == (201, "false")


def test_the_worker_takes_what_is_old_enough_when_its_turn_comes() -> None:
    worker = Recovery(age_s=1800, period_s=600)
    assert worker.visible_from_s(made_s=990, started_s=1000) == 1000 + 1800
    assert worker.visible_from_s(made_s=1500, started_s=1000) == 1000 + 2400
    assert worker.visible_from_s(made_s=-9000, started_s=1000) == 1000 + 600


# ---- the same without a kill


@asynccontextmanager
async def faulty(*rules: dict[str, object], **config: object) -> AsyncIterator[tuple[SandboxServer, LedgerClient]]:
    plan = FaultPlan.parse({"rules": list(rules)})
    async with running(SandboxConfig(faults=plan, **config)) as server, ledger_client(server.url) as client:  # type: ignore[arg-type]
        yield server, client


@pytest.mark.parametrize(("applied", "moved"), [(1, 1), (0, 0)])
async def test_a_stuck_request_moves_the_balances_or_not_and_is_seen_later(
    tmp_path: Path, applied: int, moved: int
) -> None:
    clock = FakeClock()
    rule = {"on": "transactions", "methods": ["POST"], "to_request": 1}
    stuck = {**rule, "stuck": {"applied": applied, "visible_after_s": 900}}
    async with faulty(stuck, clock=clock, data=tmp_path / "ledger.sqlite") as (server, client):
        with pytest.raises(aiohttp.ClientError):
            await client.deposit("x")
        assert await client.deposit("x") == (409, "0084")
        assert (await client.available(), await client.listed()) == (moved, 0)
        assert server.faults.injected == {"stuck": 1}
        await server.kill()
        async with restarted(server, client):
            assert await client.deposit("x") == (409, "0084")
            await clock.advance(899)
            assert (await client.available(), await client.listed()) == (moved, 0)
            await clock.advance(2)
            assert (await client.available(), await client.listed()) == (moved, moved)
            assert await client.deposit("y") == (201, "false")


async def test_what_would_be_refused_or_replayed_is_not_stuck() -> None:
    rule = {"on": "transactions", "methods": ["POST"], "from_request": 2, "stuck": {"applied": 1}}
    async with faulty(rule) as (server, client):
        assert await client.deposit("x") == (201, "false")
        assert await client.deposit("x") == (201, "true")
        assert (await client.deposit("y", "0"))[0] >= 400
        assert not server.faults.injected


async def test_an_operation_of_a_stuck_transaction_cannot_be_seen_and_it_cannot_be_reverted() -> None:
    rule = {"on": "transactions", "methods": ["POST"], "to_request": 1, "stuck": {"applied": 1}}
    async with faulty(rule) as (server, client):
        with pytest.raises(aiohttp.ClientError):
            await client.deposit("x")
        (ledger,) = server.state.ledger_states.values()
        _, _, accounts = await client.call("GET", "/accounts/alias/a")
        _, _, operations = await client.call("GET", f"/accounts/{accounts['id']}/operations")
        assert not operations["items"]
        assert len(ledger.seqs) == 1
        assert await client.available() == 1


async def test_the_same_seed_sticks_and_applies_the_same_requests() -> None:
    async def run() -> tuple[int, int]:
        rule = {"on": "transactions", "methods": ["POST"], "rate": 0.5, "stuck": {"applied": 0.5}}
        async with faulty(rule) as (_, client):
            lost = 0
            for number in range(60):
                try:
                    await client.deposit(f"{number}")
                except aiohttp.ClientError:
                    lost += 1
            return lost, await client.available()

    first = await run()
    assert first == await run()
    assert 10 < first[0] < 50
    assert 60 - first[0] < first[1] < 60


# ---- a process


async def test_a_process_killed_under_load_leaves_keys_in_flight_and_unlisted_movements(
    tmp_path: Path,
) -> None:
    options = ["--data", str(tmp_path / "ledger.sqlite"), "--crash-like-midaz", "--control"]
    answered: set[str] = set()
    unanswered: set[str] = set()
    async with sandbox_process(*options, environment=CLEAN_ENVIRONMENT) as (url, child), ledger_client(url) as client:

        async def load(worker: int) -> None:
            for number in range(1000):
                key = f"{worker}-{number}"
                try:
                    assert await client.deposit(key) == (201, "false")
                    answered.add(key)
                except aiohttp.ClientError:
                    unanswered.add(key)
                    return
                if len(answered) == 60 and child.returncode is None:
                    child.kill()

        await asyncio.gather(*(load(worker) for worker in range(16)))
        await child.wait()
        async with sandbox_process(*options, environment=CLEAN_ENVIRONMENT) as (client.url, _):
            moved = await client.available()
            listed = await client.listed()
            applied = moved - len(answered)
            assert 0 <= applied <= len(unanswered) == 16
            codes = {key: await client.deposit(key) for key in unanswered}
            stuck = {key for key, answer in codes.items() if answer == (409, "0084")}
            at_once = {key for key, answer in codes.items() if answer == (201, "false")}
            replayed = {key for key, answer in codes.items() if answer == (201, "true")}
            assert stuck | at_once | replayed == unanswered
            assert stuck
            assert listed == len(answered) + len(replayed)
            assert {await client.deposit(key) for key in answered} == {(201, "true")}
            assert await client.available() == moved + len(at_once)
            status, _, clock = await client.call("POST", "/sandbox/clock", {"advanceS": 301})
            assert (status, clock["aheadS"]) == (200, 301)
            assert {await client.deposit(key) for key in stuck} == {(201, "false")}
            doubled = await client.available() - len(answered) - len(unanswered)
            assert doubled == applied - len(replayed)
