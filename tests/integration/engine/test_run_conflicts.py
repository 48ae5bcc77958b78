"""What exists already is found, compared and counted as existing; what is something else is a conflict with its
name."""

import orjson
import pytest

from midaz_seed.plan.items import Phase
from midaz_seed.runner import seed_async
from midaz_seed.sandbox import SandboxServer
from midaz_seed.transport.aiohttp_transport import AiohttpTransport
from midaz_seed.transport.base import Request, Response, Transport
from tests.support.sandbox import read_balances, sandbox
from tests.support.settings import settings_for
from tests.support.transports import InterceptingTransport


def _transport(server: SandboxServer) -> AiohttpTransport:
    return AiohttpTransport(server.url, server.url, headers={}, request_timeout_s=10, connect_timeout_s=5)


async def test_a_missing_account_is_made_and_everything_else_found() -> None:
    async with sandbox() as server:
        settings = settings_for(server.url, volume={"transactionsPerAccount": 0})
        await seed_async(settings)
        transport = _transport(server)
        listing = await transport.send(Request("GET", "/v1/organizations"))
        organization = orjson.loads(listing.body)["items"][0]["id"]
        ledgers = await transport.send(Request("GET", f"/v1/organizations/{organization}/ledgers"))
        base = f"/v1/organizations/{organization}/ledgers/{orjson.loads(ledgers.body)['items'][0]['id']}"
        accounts = orjson.loads((await transport.send(Request("GET", f"{base}/accounts?limit=100"))).body)["items"]
        gone = next(row["id"] for row in accounts if row["type"] != "external")
        assert (await transport.send(Request("DELETE", f"{base}/accounts/{gone}"))).status == 204
        await transport.aclose()
        report = await seed_async(settings)
    phases = {phase.name: (phase.created, phase.existing) for phase in report.phases}
    assert report.exit_code == 0, report.verdict
    assert phases["accounts"] == (1, 5)
    assert phases["organizations"] == phases["ledgers"] == (0, 1)


async def test_an_account_of_another_asset_under_a_planned_alias_is_a_conflict_that_names_the_field() -> None:
    async with sandbox() as server:
        shape = {"accountsPerLedger": 4, "transactionsPerAccount": 0}
        await seed_async(settings_for(server.url, runId="same", volume={**shape, "assetsPerLedger": 2}))
        report = await seed_async(settings_for(server.url, runId="same", volume={**shape, "assetsPerLedger": 1}))
    assert report.exit_code == 1
    conflicts = [error for error in report.errors if error.error == "conflict"]
    assert sum(error.final for error in conflicts) == 2
    assert any("assetCode" in item.message for item in report.failed_items)


async def test_a_ledger_without_assets_is_named_and_gets_no_accounts_and_the_others_continue() -> None:
    refused: list[str] = []
    ledgers: dict[str, str] = {}

    def answer(request: Request) -> Response | None:
        if request.method == "POST" and request.path.endswith("/assets"):
            ledger = request.path.split("/")[5]
            victim = ledgers.setdefault("victim", ledger)
            if ledger == victim:
                refused.append(ledger)
                return Response(400, {}, b'{"code":"0047","title":"Bad Request","message":"no"}')
        if refused and f"/ledgers/{refused[0]}/accounts" in request.path and request.method == "POST":
            raise AssertionError("a ledger without assets was sent an account")
        return None

    async with sandbox() as server:
        transport = InterceptingTransport(_transport(server), answer)
        report = await seed_async(
            settings_for(server.url, "small", volume={"accountsPerLedger": 6, "transactionsPerAccount": 2}),
            overrides={Transport: transport},
        )
        await transport.aclose()
    states = {ledger.key: ledger.state for ledger in report.ledgers}
    assert sorted(states.values()) == ["done", "done", "done", "failed"]
    failed = next(ledger for ledger in report.ledgers if ledger.state == "failed")
    assert "assets" in failed.reason
    assert failed.name
    assert report.exit_code == 1
    assert len(refused) == 3
    accounts = next(phase for phase in report.phases if phase.name == "accounts")
    assert (accounts.created, accounts.skipped) == (18, 6)


@pytest.mark.parametrize("entity", ["organizations", "ledgers", "assets", "portfolios", "segments", "accounts"])
async def test_a_create_whose_answer_was_lost_is_looked_up_and_never_made_twice(entity: str) -> None:
    faults = {"rules": [{"methods": ["POST"], "path": f"/{entity}$", "every": 2, "reset": {"when": "after"}}]}
    async with sandbox(faults) as server:
        settings = settings_for(
            server.url,
            "small",
            volume={"accountsPerLedger": 6, "transactionsPerAccount": 1, "organizations": 2},
        )
        report = await seed_async(settings)
        assert report.exit_code == 0, report.verdict
        assert server.faults.injected["reset"] > 0
        found = await read_balances(server.url)
    assert len(found) == 4
    phase = next(phase for phase in report.phases if phase.name == entity)
    assert phase.created == phase.planned
    assert phase.recovered > 0


async def test_money_that_another_client_moved_stops_the_ledger() -> None:
    async with sandbox() as server:
        settings = settings_for(server.url, settlement={"deadlineS": 0.1})
        await seed_async(settings_for(server.url, settlement={"deadlineS": 0.1}, volume={"transactionsPerAccount": 4}))
        found = await read_balances(server.url)
        alias = next(name for accounts in found.values() for name in accounts if not name.startswith("@external"))
        code = (await _asset_of(server, alias))["assetCode"]
        await _inflow(server, alias, str(code))
        report = await seed_async(settings)
    assert report.exit_code != 0
    assert "already holds movements" in report.ledgers[0].reason
    deposits = next(phase for phase in report.phases if phase.name == Phase.DEPOSITS)
    assert deposits.created == 0


async def _base(transport: AiohttpTransport) -> str:
    organizations = await transport.send(Request("GET", "/v1/organizations"))
    organization = orjson.loads(organizations.body)["items"][0]["id"]
    ledgers = await transport.send(Request("GET", f"/v1/organizations/{organization}/ledgers"))
    return f"/v1/organizations/{organization}/ledgers/{orjson.loads(ledgers.body)['items'][0]['id']}"


async def _asset_of(server: SandboxServer, alias: str) -> dict[str, object]:
    transport = _transport(server)
    answer = await transport.send(Request("GET", f"{await _base(transport)}/accounts/alias/{alias}"))
    await transport.aclose()
    return dict(orjson.loads(answer.body))


async def _inflow(server: SandboxServer, alias: str, code: str) -> None:
    transport = _transport(server)
    leg = {"accountAlias": alias, "amount": {"asset": code, "value": "1"}}
    body = orjson.dumps({"send": {"asset": code, "value": "1", "distribute": {"to": [leg]}}})
    answer = await transport.send(Request("POST", f"{await _base(transport)}/transactions/inflow", body))
    await transport.aclose()
    assert answer.status == 201
