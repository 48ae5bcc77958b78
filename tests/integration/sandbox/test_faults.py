"""Every fault of the sandbox, seen from a client's side of the socket."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from midaz_seed.clock import FakeClock
from midaz_seed.sandbox import FaultPlan, SandboxConfig, SandboxServer, running


class SandboxFixture:
    """A client with one funded ledger in a sandbox."""

    def __init__(self, server: SandboxServer, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.session = session
        self.ledger = ""

    async def call(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Mapping[str, str], bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(method, self.server.url + path, json=body, headers=named) as answer:
            return answer.status, answer.headers, await answer.read()

    async def made(self, path: str, body: Any) -> str:
        async with self.session.post(self.server.url + path, json=body) as answer:
            assert answer.status == 201, await answer.text()
            return str((await answer.json())["id"])

    async def transfer(self, value: str, key: str) -> tuple[int, Mapping[str, str], bytes]:
        legs = [{"accountAlias": "bob", "amount": {"asset": "BRL", "value": value}}]
        body = {"send": {"asset": "BRL", "value": value, "distribute": {"to": legs}}, "metadata": {"key": key}}
        return await self.call("POST", f"{self.ledger}/transactions/inflow", body, X_Idempotency=key)

    async def bobs(self) -> str:
        async with self.session.get(f"{self.server.url}{self.ledger}/accounts/alias/bob/balances") as answer:
            items = (await answer.json())["items"]
            return str(items[0]["available"]) if items else "none"


@asynccontextmanager
async def sandbox_with(*rules: dict[str, Any], **config: Any) -> AsyncIterator[SandboxFixture]:
    plan = FaultPlan.parse({"rules": list(rules)})
    async with running(SandboxConfig(faults=plan, **config)) as server, aiohttp.ClientSession() as session:
        made = SandboxFixture(server, session)
        about = {"legalName": "a", "legalDocument": "1", "address": {"country": "BR"}}
        organization = await made.made("/v1/organizations", about)
        ledger = await made.made(f"/v1/organizations/{organization}/ledgers", {"name": "a"})
        made.ledger = f"/v1/organizations/{organization}/ledgers/{ledger}"
        await made.made(f"{made.ledger}/assets", {"name": "Real", "type": "currency", "code": "BRL"})
        await made.made(f"{made.ledger}/accounts", {"assetCode": "BRL", "type": "deposit", "alias": "bob"})
        yield made


async def test_a_status_before_the_effect_moves_nothing_and_one_after_it_does() -> None:
    before = {"on": "transactions", "to_request": 1, "status": {"code": 503, "retry_after_s": 7}}
    after = {"on": "transactions", "from_request": 2, "to_request": 2, "status": {"code": 500, "when": "after"}}
    async with sandbox_with(before, after) as client:
        status, headers, _ = await client.transfer("1", "a")
        assert (status, headers["Retry-After"], await client.bobs()) == (503, "7", "0")
        assert (await client.transfer("1", "b"))[0] == 500
        assert await client.bobs() == "1"
        status, headers, _ = await client.transfer("1", "b")
        assert (status, headers["X-Idempotency-Replayed"], await client.bobs()) == (201, "true", "1")
        assert client.server.faults.injected == {"status": 2}


@pytest.mark.parametrize(("when", "moved"), [("before", "0"), ("after", "1")])
async def test_a_reset_cuts_the_connection(when: str, moved: str) -> None:
    async with sandbox_with({"on": "transactions", "to_request": 1, "reset": {"when": when}}) as client:
        with pytest.raises(aiohttp.ClientError) as raised:
            await client.transfer("1", "a")
        assert isinstance(raised.value, ConnectionResetError | aiohttp.ServerDisconnectedError | aiohttp.ClientOSError)
        assert await client.bobs() == moved


async def test_a_truncated_answer_ends_in_the_middle_of_a_request_that_was_carried_out() -> None:
    async with sandbox_with({"on": "transactions", "to_request": 1, "truncate": {}}) as client:
        with pytest.raises(aiohttp.ClientPayloadError):
            await client.transfer("1", "a")
        assert await client.bobs() == "1"


async def test_a_proxy_answers_with_its_own_page() -> None:
    async with sandbox_with({"on": "transactions", "to_request": 1, "html": {"code": 502}}) as client:
        status, headers, body = await client.transfer("1", "a")
        assert (status, headers["Content-Type"]) == (502, "text/html")
        assert b"<html>" in body


async def test_an_expired_token_is_a_401_in_plain_text() -> None:
    async with sandbox_with({"on": "transactions", "unauthorized": {}}) as client:
        assert (await client.transfer("1", "a"))[::2] == (401, b"Missing Token")


async def test_latency_is_waited_for_on_the_clock() -> None:
    clock = FakeClock()
    async with sandbox_with({"on": "transactions", "latency": {"ms": 60_000}}, clock=clock) as client:
        sending = asyncio.ensure_future(client.transfer("1", "a"))
        while not clock.sleepers:
            await asyncio.sleep(0)
        assert await client.bobs() == "0"
        await clock.advance(60)
        assert (await sending)[0] == 201
        assert clock.slept_s == [60.0]


async def test_late_balances_refuse_the_leg_until_they_appear() -> None:
    clock = FakeClock()
    async with sandbox_with({"on": "accounts", "late_balances": {"ms": 500}}, clock=clock) as client:
        assert await client.bobs() == "none"
        status, _, body = await client.transfer("1", "a")
        assert status == 422
        assert b'"0019"' in body
        await clock.advance(0.6)
        assert (await client.transfer("1", "a"))[0] == 201


async def test_a_foreign_replay_gives_anothers_transaction_again_and_again_while_the_key_lives() -> None:
    clock = FakeClock()
    async with sandbox_with(
        {"on": "transactions", "from_request": 1, "to_request": 2, "foreign_replay": {}}, clock=clock
    ) as client:
        status, headers, first = await client.transfer("1", "a")
        assert (status, headers["X-Idempotency-Replayed"]) == (201, "false"), "there was no other transaction yet"
        status, headers, body = await client.transfer("2", "b")
        assert (status, headers["X-Idempotency-Replayed"], body) == (201, "true", first)
        for _ in range(2):
            await clock.advance(149)
            status, headers, body = await client.transfer("2", "b")
            assert (status, headers["X-Idempotency-Replayed"], body) == (201, "true", first)
            assert await client.bobs() == "1"
        assert (await client.transfer("1", "a"))[2] == first, "its own key still has it"
        await clock.advance(3)
        status, headers, body = await client.transfer("2", "b")
        assert (status, headers["X-Idempotency-Replayed"], await client.bobs()) == (201, "false", "3")
        assert orjson.loads(body)["metadata"] == {"key": "b"}
        assert client.server.faults.injected == {"foreign_replay": 1}


async def test_the_owner_of_a_foreign_answer_may_lose_it() -> None:
    clock = FakeClock()
    rule = {"on": "transactions", "from_request": 2, "to_request": 2, "foreign_replay": {"owner_loses": True}}
    async with sandbox_with(rule, clock=clock) as client:
        _, _, first = await client.transfer("1", "a")
        assert (await client.transfer("2", "b"))[2] == first
        status, _, body = await client.transfer("1", "a")
        assert (status, orjson.loads(body)["code"]) == (409, "0084")
        assert (await client.transfer("2", "b"))[2] == first
        await clock.advance(301)
        assert (await client.transfer("1", "a"))[1]["X-Idempotency-Replayed"] == "false"


async def test_a_restarted_sandbox_still_has_the_foreign_answer_under_the_key(tmp_path: Path) -> None:
    clock = FakeClock()
    config = {"clock": clock, "data": tmp_path / "ledger.sqlite"}
    async with sandbox_with({"on": "transactions", "from_request": 2, "foreign_replay": {}}, **config) as client:
        _, _, first = await client.transfer("1", "a")
        assert (await client.transfer("2", "b"))[2] == first
        await client.server.kill()
        async with running(SandboxConfig(**config)) as again:
            client.server = again
            status, headers, body = await client.transfer("2", "b")
            assert (status, headers["X-Idempotency-Replayed"], body) == (201, "true", first)
            await clock.advance(301)
            assert (await client.transfer("2", "b"))[1]["X-Idempotency-Replayed"] == "false"
            assert await client.bobs() == "3"


async def test_a_server_that_refuses_listens_on_the_same_port_again() -> None:
    clock = FakeClock()
    async with sandbox_with({"on": "transactions", "to_request": 1, "refuse": {"for_s": 5}}, clock=clock) as client:
        with pytest.raises(aiohttp.ClientError):
            await client.transfer("1", "a")
        with pytest.raises(aiohttp.ClientConnectorError):
            await client.bobs()
        await clock.advance(5)
        assert await client.bobs() == "0"


async def test_the_statistics_count_requests_and_injected_faults() -> None:
    async with sandbox_with({"name": "storm", "on": "transactions", "every": 2, "status": {}}) as client:
        statuses = [(await client.transfer(str(number), f"k{number}"))[0] for number in range(1, 5)]
        assert statuses == [201, 503, 201, 503]
        async with client.session.get(f"{client.server.url}/sandbox/faults") as answer:
            assert await answer.json() == {
                "seed": 0,
                "injected": {"storm": 2},
                "rules": [{"name": "storm", "matched": 4}],
            }
        async with client.session.get(f"{client.server.url}/sandbox/stats") as answer:
            stats = await answer.json()
        assert stats["statuses"]["503"] == 2
        assert stats["in_flight_max"] == 1
        assert stats["requests"]["POST accounts"] == 1


async def test_a_sandbox_ends_at_once_although_requests_wait_in_it(capfd: pytest.CaptureFixture[str]) -> None:
    clock = FakeClock()
    async with sandbox_with({"on": "transactions", "latency": {"ms": 60_000}}, clock=clock) as client:
        sending = [asyncio.ensure_future(client.transfer("1", f"k{number}")) for number in range(3)]
        while clock.sleepers < len(sending):
            await asyncio.sleep(0)
        await client.server.close()
        answers = await asyncio.gather(*sending, return_exceptions=True)
    assert all(isinstance(answer, aiohttp.ClientError) for answer in answers)
    assert capfd.readouterr() == ("", "")


async def test_an_exhausted_pool_refuses_accounts_with_0127_and_leaves_them_unmade() -> None:
    rule = {"on": "accounts", "methods": ["POST"], "from_request": 2, "exhausted": {}}
    async with sandbox_with(rule, seed=3) as made:
        seen = set()
        for number in range(40):
            body = {"assetCode": "BRL", "type": "deposit", "alias": f"a{number}"}
            status, _, text = await made.call("POST", f"{made.ledger}/accounts", body)
            code = orjson.loads(text)["code"]
            there = (await made.call("GET", f"{made.ledger}/accounts/alias/a{number}"))[0] == 200
            assert status == 500
            seen.add((str(code), there))
        assert seen == {("0127", False), ("500", False), ("500", True)}  # the number 500 says nothing either way


async def test_an_exhausted_pool_may_carry_a_transfer_out_and_say_500_all_the_same() -> None:
    async with sandbox_with({"on": "transactions", "methods": ["POST"], "exhausted": {}}) as made:
        answers = [await made.transfer("1", f"k{number}") for number in range(40)]
        assert {status for status, _, _ in answers} == {500}
        assert 0 < float(await made.bobs()) < 40


RATE = {
    "from": "BRL",
    "to": "BRL",
    "rate": 100,
    "scale": 2,
    "source": "desk",
    "externalId": "0197fa1c-0000-7000-8000-000000000001",
}


@pytest.mark.parametrize(("dialect", "lives"), [("v3.3", False), ("v3.8", False), ("v4", True)])
async def test_changing_a_rate_without_ttl_ends_the_server_of_the_versions_that_it_ends(
    dialect: str, lives: bool
) -> None:
    rule = {"on": "asset-rates", "rate_crash": {}}
    async with sandbox_with(rule, dialect=dialect, one_port=True) as made:
        await made.made(f"{made.ledger}/assets", {"name": "Dollar", "type": "currency", "code": "USD"})
        path, rate = f"{made.ledger}/asset-rates", {**RATE, "to": "USD"}
        assert (await made.call("PUT", path, rate))[0] == 500  # there is none that it could change
        assert (await made.call("PUT", path, {**rate, "ttl": 10}))[0] == 201
        if lives:
            assert (await made.call("PUT", path, rate))[0] == 500
            assert not made.server.crashed.is_set()
            return
        with pytest.raises(aiohttp.ClientError):
            await made.call("PUT", path, rate)
        assert made.server.crashed.is_set()
        with pytest.raises(aiohttp.ClientError):
            await made.call("GET", "/version")


async def test_without_a_fault_plan_a_rate_without_ttl_ends_nothing() -> None:
    async with sandbox_with(dialect="v3.8") as made:
        path, rate = f"{made.ledger}/asset-rates", {**RATE, "to": "USD"}
        assert (await made.call("PUT", path, {**rate, "ttl": 10}))[0] == 201
        assert (await made.call("PUT", path, rate))[0] == 500
        assert (await made.call("GET", "/version"))[0] == 200
