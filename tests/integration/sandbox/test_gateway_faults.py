"""What a gateway or a network does to requests and answers, seen from a client's side of the socket."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import orjson
import pytest

from midaz_seed.clock import FakeClock
from midaz_seed.sandbox import FaultPlan, SandboxConfig, SandboxServer, running
from tests.support.clocks import wait_for_sleepers
from tests.support.ledger_client import LedgerClient, ledger_client

LEGS = [{"accountAlias": "a", "amount": {"asset": "BRL", "value": "1.50"}}]
MADE_BEFORE = 5
"""Requests that make the client's ledger: an organization, a ledger, an asset, two accounts."""
DEPOSIT = {"send": {"asset": "BRL", "value": "1.50", "distribute": {"to": LEGS}}, "metadata": {"value": "7.0"}}


class Answer(NamedTuple):
    """An answer as it arrived."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class Client(NamedTuple):
    """A sandbox whose rules do nothing before the ledger is there, and a client of it."""

    server: SandboxServer
    ledger: LedgerClient
    clock: FakeClock

    async def send(self, method: str, path: str, body: Any = None, key: str = "") -> Answer:
        headers = {"X-Idempotency": key} if key else {}
        address = path if path.startswith("/v1") else self.ledger.ledger + path
        async with self.ledger.session.request(
            method, self.server.url + address, json=body, headers=headers, allow_redirects=False
        ) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def post(self, what: str, mark: str = "late") -> Answer:
        """Make one entity or movement of a kind; two with the same mark are in each other's way."""
        return await self.send("POST", self.post_path(what), _body(what, mark), mark)

    async def number_of(self, what: str) -> int:
        """Return the number of entities of a kind in a list."""
        found = (await self.send("GET", f"{self.list_path(what)}?limit=100")).json["items"]
        return len(found or [])

    def list_path(self, what: str) -> str:
        """Where a kind is listed."""
        return "/transactions" if what == "transactions" else self.post_path(what)

    def post_path(self, what: str) -> str:
        """Where one of a kind is made."""
        return _PATHS.get(what, f"/{what}").format(self.ledger.ledger.partition("/ledgers")[0])


_PATHS = {"organizations": "/v1/organizations", "ledgers": "{}/ledgers", "transactions": "/transactions/inflow"}
KINDS = [
    "organizations",
    "ledgers",
    "assets",
    "portfolios",
    "segments",
    "account-types",
    "accounts",
    "transactions",
]


def _body(what: str, mark: str) -> dict[str, Any]:
    bodies: dict[str, dict[str, Any]] = {
        "organizations": {"legalName": mark, "legalDocument": mark, "address": {"country": "BR"}},
        "ledgers": {"name": mark},
        "assets": {"name": mark, "type": "currency", "code": "USD"},
        "portfolios": {"name": mark},
        "segments": {"name": mark},
        "account-types": {"name": mark, "keyValue": mark},
        "accounts": {"assetCode": "BRL", "type": "deposit", "alias": mark},
        "transactions": DEPOSIT,
    }
    return {"metadata": {"mark": mark}, **bodies[what]}


@asynccontextmanager
async def gateway(*rules: dict[str, Any], **config: Any) -> AsyncIterator[Client]:
    """A client with a ledger behind a gateway with these faults."""
    clock = FakeClock()
    asleep = [{"from_s": 1, **rule} for rule in rules]
    plan = FaultPlan.parse({"rules": asleep})
    async with (
        running(SandboxConfig(faults=plan, clock=clock, **config)) as server,
        ledger_client(server.url) as ledger,
    ):
        await clock.advance(10)
        yield Client(server, ledger, clock)


def once(**effect: Any) -> dict[str, Any]:
    """A rule that hits the first request that posts anything when the ledger is there."""
    return {"methods": ["POST"], "from_request": MADE_BEFORE + 1, "to_request": MADE_BEFORE + 1, **effect}


# ---- altered


def _as_altered(how: str, plain: bytes, found: bytes) -> bool:
    """Whether a body is what a gateway makes of another."""
    match how:
        case "emptied":
            return found == b""
        case "shortened":
            return found == plain[: len(plain) // 2]
        case "doubled":
            return found == plain + plain
        case "stripped":
            whole = orjson.loads(plain)
            return "metadata" in whole and orjson.loads(found) == {k: v for k, v in whole.items() if k != "metadata"}
        case "reformatted":
            whole, other = orjson.loads(plain), orjson.loads(found)
            return other == whole and list(other) == list(reversed(whole)) and b'{\n  "' in found
    return False


@pytest.mark.parametrize("what", ["organizations", "ledgers", "accounts", "transactions"])
@pytest.mark.parametrize("how", ["emptied", "stripped", "reformatted", "shortened", "doubled"])
async def test_an_altered_answer_is_a_whole_message_about_a_request_that_was_carried_out(how: str, what: str) -> None:
    async with gateway(once(altered={"how": how})) as client:
        before = await client.number_of(what)
        found = await client.post(what)
        assert await client.number_of(what) == before + 1
        if what == "transactions":
            plain = (await client.post(what)).body  # the replay is the same answer, and passes unchanged
        else:
            path = client.list_path(what)
            newest = (await client.send("GET", f"{path}?sort_order=desc")).json["items"][0]["id"]
            plain = (await client.send("GET", f"{path}/{newest}")).body
        assert (found.status, found.headers["Content-Length"]) == (201, str(len(found.body)))
        assert found.headers["Content-Type"] == "application/json"
        assert _as_altered(how, plain, found.body), (plain, found.body)
        assert client.server.faults.injected == {"altered": 1}


async def test_numbers_instead_of_texts_lose_no_digit_and_touch_nothing_but_amounts() -> None:
    async with gateway({"on": "transactions", "every": 2, "altered": {"how": "numbers"}}) as client:
        legs = [{"accountAlias": "a", "amount": {"asset": "BRL", "value": "90071992547409931234.5600"}}]
        send = {"asset": "BRL", "value": "90071992547409931234.5600", "distribute": {"to": legs}}
        body = {"send": send, "metadata": {"value": "7.0"}, "description": "12"}
        plain = await client.send("POST", "/transactions/inflow", body, "k")
        found = await client.send("POST", "/transactions/inflow", body, "k")
        amount = plain.json["amount"]
        assert Decimal(amount) == Decimal("90071992547409931234.56")
        assert f'"amount":{amount},'.encode() in found.body
        for name in (b'"amount":{"value":', b'"available":', b'"onHold":'):
            assert plain.body.count(name + b'"') == found.body.count(name) > 0
            assert name + b'"' not in found.body
        assert found.json["metadata"] == {"value": "7.0"}
        assert found.json["description"] == "12"
        assert found.body.replace(b'"', b"") == plain.body.replace(b'"', b"")


async def test_an_answer_that_cannot_be_altered_that_way_passes_and_is_not_counted() -> None:
    async with gateway({"altered": {"how": "stripped"}}) as client:
        assert (await client.send("GET", "/accounts?limit=1")).json["items"]
        assert (await client.send("HEAD", "/accounts/metrics/count")).status == 204
        async with client.ledger.session.get(f"{client.server.url}/health") as answer:
            assert await answer.read() == b"healthy"
        assert client.server.faults.injected == {}


async def test_refusals_are_altered_as_well() -> None:
    async with gateway({"on": "accounts", "altered": {"how": "emptied"}}) as client:
        assert (await client.post("accounts", "a"))[::2] == (409, b"")


# ---- swapped


async def test_two_answers_change_places_with_status_and_headers() -> None:
    async with gateway({"path": "/inflow|/nowhere", "swapped": {}}) as client:
        deposit = asyncio.ensure_future(client.post("transactions"))
        await wait_for_sleepers(client.clock, 1)
        lost = await client.send("GET", "/nowhere")
        assert (lost.status, lost.headers["X-Idempotency-Replayed"]) == (201, "false")
        assert lost.json["amount"] == "1.5"
        got = await deposit
        assert got.status == 404
        assert "X-Idempotency-Replayed" not in got.headers
        assert client.server.faults.injected == {"swapped": 2}
        assert client.clock.sleepers == 0
        assert await client.ledger.listed() == 1


async def test_of_two_accounts_each_gets_the_others_id_and_both_are_made() -> None:
    async with gateway({"on": "accounts", "methods": ["POST"], "swapped": {}}) as client:
        first = asyncio.ensure_future(client.post("accounts", "x"))
        await wait_for_sleepers(client.clock, 1)
        second = await client.post("accounts", "y")
        assert ((await first).json["alias"], second.json["alias"]) == ("y", "x")
        assert await client.number_of("accounts") == 5


async def test_an_answer_that_meets_no_other_in_time_is_its_own() -> None:
    async with gateway({"on": "accounts", "methods": ["POST"], "swapped": {"within_ms": 400}}) as client:
        for alias in ("x", "y"):
            sent = asyncio.ensure_future(client.post("accounts", alias))
            await wait_for_sleepers(client.clock, 1)
            await client.clock.advance(0.399)
            assert not sent.done()
            await client.clock.advance(0.002)
            assert (await sent).json["alias"] == alias
        assert client.server.faults.injected == {}


async def test_a_third_answer_waits_for_a_fourth() -> None:
    async with gateway({"on": "accounts", "methods": ["POST"], "swapped": {}}) as client:
        sent = []
        for number in range(4):
            sent.append(asyncio.ensure_future(client.post("accounts", f"x{number}")))
            if number % 2 == 0:
                await wait_for_sleepers(client.clock, 1)
            else:
                await asyncio.wait(sent)
        assert [answer.result().json["alias"] for answer in sent] == ["x1", "x0", "x3", "x2"]


# ---- held


async def _lost(client: Client, what: str, answer: str) -> None:
    """Post something that is held on its way; it returns when the client is alone and the request is held."""
    if answer == "gateway":
        found = await client.post(what)
        assert (found.status, found.headers["Content-Type"]) == (504, "text/html")
        assert b"<h1>504</h1>" in found.body
    elif answer == "cut":
        with pytest.raises(aiohttp.ClientError):
            await client.post(what)
    else:
        sent = asyncio.ensure_future(client.post(what))
        await wait_for_sleepers(client.clock, 1)
        await asyncio.sleep(0.02)
        assert not sent.done()
        sent.cancel()
    await wait_for_sleepers(client.clock, 1)


@pytest.mark.parametrize("what", ["organizations", "ledgers", "accounts", "transactions"])
@pytest.mark.parametrize("answer", ["cut", "none", "gateway"])
async def test_a_held_request_is_carried_out_long_after_its_client_was_left_alone(answer: str, what: str) -> None:
    async with gateway(once(held={"for_s": 25, "answer": answer})) as client:
        before = await client.number_of(what)
        await _lost(client, what, answer)
        await client.clock.advance(24.9)
        assert await client.number_of(what) == before
        await client.clock.advance(0.2)
        assert await client.number_of(what) == before + 1
        assert client.server.faults.injected == {"held": 1}
        statistics = client.server.app.statistics
        assert statistics.requests["POST", what] == 1 + _MADE_OF.get(what, 0)
        while statistics.in_flight:
            await asyncio.sleep(0)


_MADE_OF = {"organizations": 1, "ledgers": 1, "accounts": 2}
"""What the client's ledger is made of."""


async def test_a_held_request_meets_the_state_at_the_time_it_arrives() -> None:
    async with gateway(once(held={})) as client:
        await _lost(client, "transactions", "cut")
        assert (await client.post("transactions")).headers["X-Idempotency-Replayed"] == "false"
        await client.clock.advance(26)
        assert await client.ledger.listed() == 1, "the key that was sent again is taken"
    async with gateway(once(held={"for_s": 400})) as client:
        await _lost(client, "transactions", "cut")
        await client.post("transactions")
        await client.clock.advance(401)
        assert await client.ledger.listed() == 2, "the key had expired"


@pytest.mark.parametrize("killed", [False, True])
async def test_a_sandbox_ends_at_once_although_requests_are_held_in_it(
    killed: bool, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rules = [
        {"path": "/segments", "held": {"answer": "none"}},
        {"path": "/portfolios", "held": {}},
        {"on": "assets", "duplicated": {"after_ms": 9000}},
        {"on": "accounts", "swapped": {}},
    ]
    async with gateway(*rules, data=tmp_path / "ledger.sqlite") as client:
        waiting = [asyncio.ensure_future(client.post(what)) for what in ("segments", "portfolios", "accounts")]
        await client.post("assets")
        await wait_for_sleepers(client.clock, 4)
        await asyncio.wait_for(client.server.kill() if killed else client.server.close(), 5)
        assert client.clock.sleepers == 0
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(end, aiohttp.ClientError) for end in ends)
        async with running(SandboxConfig(data=tmp_path / "ledger.sqlite", clock=client.clock)) as again:
            after = client._replace(server=again)
            await client.clock.advance(60)
            assert [await after.number_of(what) for what in ("segments", "portfolios", "assets")] == [0, 0, 2]
    assert capfd.readouterr() == ("", "")


# ---- duplicated


@pytest.mark.parametrize(("answer", "status"), [("first", 201), ("second", 409)])
async def test_a_duplicated_account_is_made_once_and_the_client_may_see_the_conflict(answer: str, status: int) -> None:
    async with gateway(once(duplicated={"answer": answer})) as client:
        found = await client.post("accounts")
        assert found.status == status
        if answer == "second":
            assert found.json["code"] == "0020"
        assert await client.number_of("accounts") == 4


async def test_a_duplicated_organization_is_made_twice() -> None:
    async with gateway(once(duplicated={"answer": "second"})) as client:
        found = await client.post("organizations")
        items = (await client.send("GET", "/v1/organizations")).json["items"]
        assert [item["legalName"] for item in items] == ["a", "late", "late"]
        assert found.json["id"] == items[2]["id"]


@pytest.mark.parametrize(("answer", "replayed"), [("first", "false"), ("second", "true")])
async def test_a_duplicated_movement_with_a_key_is_made_once(answer: str, replayed: str) -> None:
    async with gateway(once(duplicated={"answer": answer})) as client:
        found = await client.post("transactions")
        assert (found.status, found.headers["X-Idempotency-Replayed"]) == (201, replayed)
        assert await client.ledger.listed() == 1


async def test_the_second_one_may_come_much_later_than_the_first_answer() -> None:
    async with gateway(once(duplicated={"after_ms": 400_000})) as client:
        assert (await client.post("transactions")).status == 201
        await wait_for_sleepers(client.clock, 1)
        await client.clock.advance(399)
        assert await client.ledger.listed() == 1
        await client.clock.advance(2)
        assert await client.ledger.listed() == 2, "the key had expired"


async def test_who_gets_the_second_answer_waits_for_it() -> None:
    async with gateway(once(duplicated={"after_ms": 500, "answer": "second"})) as client:
        sent = asyncio.ensure_future(client.post("accounts"))
        await wait_for_sleepers(client.clock, 1)
        assert await client.number_of("accounts") == 4
        await client.clock.advance(0.499)
        assert not sent.done()
        await client.clock.advance(0.002)
        assert (await sent).status == 409


# ---- stale lists


def _missing_code(what: str) -> str:
    return {"account-types": "0109"}.get(what, "0007")


@pytest.mark.parametrize("what", KINDS)
async def test_a_stale_read_does_not_know_what_is_young_and_gives_the_code_of_what_is_missing(what: str) -> None:
    async with gateway({"stale_lists": {"ms": 3000}}) as client:
        before = await client.number_of(what)
        made = (await client.post(what)).json["id"]
        path = client.list_path(what)
        unknown = await client.send("GET", f"{path}/0197fa1c-0000-7000-8000-000000000001")
        await client.clock.advance(2.9)
        found = await client.send("GET", f"{path}/{made}")
        assert (found.status, found.body) == (404, unknown.body)
        assert found.json["code"] == _missing_code(what)
        assert await client.number_of(what) == before
        await client.clock.advance(0.2)
        assert (await client.send("GET", f"{path}/{made}")).json["id"] == made
        assert await client.number_of(what) == before + 1


async def test_a_stale_read_by_alias_does_not_know_a_young_account_although_it_can_be_used() -> None:
    async with gateway({"on": "accounts", "stale_lists": {}}) as client:
        made = (await client.post("accounts")).json["id"]
        found = await client.send("GET", "/accounts/alias/late")
        assert (found.status, found.json["code"]) == (404, "0085")
        assert (await client.send("GET", f"/accounts/{made}/balances")).json["items"]
        assert (await client.send("HEAD", "/accounts/metrics/count")).headers["X-Total-Count"] == "4"
        assert await client.ledger.deposit("k", alias="late") == (201, "false")
        assert (await client.send("PATCH", f"/accounts/{made}", {"name": "known"})).status == 200
        await client.clock.advance(3.1)
        assert (await client.send("GET", "/accounts/alias/late")).json["id"] == made
        assert client.server.faults.injected == {"stale_lists": 2}


@pytest.mark.parametrize("what", ["portfolios", "account-types", "transactions"])
async def test_a_page_of_a_stale_list_is_full_of_what_is_older(what: str) -> None:
    async with gateway({"stale_lists": {}}) as client:
        old = [(await client.post(what, f"old{number}")).json["id"] for number in range(3)]
        await client.clock.advance(4)
        for number in range(3):
            assert (await client.post(what, f"young{number}")).status == 201
        items = (await client.send("GET", f"/{what}?limit=2&sort_order=desc")).json["items"]
        assert [item["id"] for item in items] == [old[2], old[1]]


# ---- pages of proxies, and statuses that no Midaz gives


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("what", ["organizations", "ledgers", "accounts", "transactions"])
async def test_a_proxy_may_say_404_although_the_request_was_carried_out(what: str, when: str) -> None:
    async with gateway(once(html={"code": 404, "when": when})) as client:
        before = await client.number_of(what)
        found = await client.post(what)
        assert (found.status, found.headers["Content-Type"]) == (404, "text/html")
        assert b"<h1>404</h1>" in found.body
        assert await client.number_of(what) == before + (when == "after")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PATCH", "DELETE"])
async def test_a_proxys_404_is_a_whole_message_for_any_method(method: str) -> None:
    async with gateway({"methods": [method], "to_request": 1, "html": {"code": 404}}) as client:
        found = await client.send(method, "/accounts/alias/a")
        assert found.status == 404
        assert (found.body == b"") is (method == "HEAD")
        assert (await client.send("GET", "/accounts/alias/a")).status == 200


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("code", [400, 403, 404, 409, 418, 422, 499, 501, 520, 599])
async def test_a_bare_status_of_any_number_is_a_plain_text(code: int, when: str) -> None:
    async with gateway(once(status={"code": code, "when": when})) as client:
        found = await client.post("ledgers")
        assert (found.status, found.headers["Content-Type"]) == (code, "text/plain")
        assert found.body == f"injected {code}".encode()
        assert await client.number_of("ledgers") == 1 + (when == "after")
