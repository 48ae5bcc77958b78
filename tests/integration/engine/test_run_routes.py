"""Runs whose transactions name accounting routes, on servers that check them, or only keep them."""

from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from midaz_seed.engine.requests.route_ids import RouteIds
from midaz_seed.errors import UnsupportedScenarioError
from midaz_seed.plan.items import Phase, account_of, trace_of
from midaz_seed.plan.plan import Plan, build_plan
from midaz_seed.reporting.report import Report
from midaz_seed.runner import seed_async
from midaz_seed.sandbox import SandboxServer
from midaz_seed.settings.model import Settings
from tests.support.sandbox import sandbox
from tests.support.scenarios import write_scenario
from tests.support.settings import SHORT_PAUSES, merge

BANK = """\
scenario: small-bank
about: Everything that routes have to allow for.
volume: {{customers: 12, movements: 80}}
assets:
  BRL: {{opening: "500.00", amount: {{lognormal: {{median: "2", sigma: "2"}}}}}}
  USD: {{opening: "500.00", amount: "1.00", rate: {{BRL: {{start: "5.40", daily_sigma: 1 %}}}}}}
accounts:
  internal:
    fees: {{name: Fees, type: revenue{sweep}}}
    treasury: {{name: Treasury, type: treasury}}
    desk-brl: {{name: Desk, type: desk, opening: "1000.00"}}
    desk-usd: {{name: Desk, type: desk, asset: USD, opening: "1000.00"}}
  kinds:
    person:
      share: 70 %
      owns: {{main: {{types: {{checking: 1, savings: 1}}}}, usd: {{type: custody, asset: USD}}}}
    shop: {{share: 30 %, holder: PJ, owns: {{main: {{type: checking}}}}}}
mix:
  sale: {{weight: 4, from: person.main, to: shop.main, fee: {{percent: "0.5", to: fees}}}}
  market: {{weight: 2, from: external, to: shop.main, split: {{fees: 1 %, treasury: 2 %}}}}
  out: {{weight: 2, from: [person.main, person.usd], to: external}}
  pay: {{weight: 1, from: shop.main, to: person.main, legs: 4}}
  buy:
    weight: 1
    exchange: {{sell: BRL, buy: USD, desk: [desk-brl, desk-usd]}}
    from: person.main
    to: person.usd
    same_holder: true
    amount: "20.00"
routes: {routes}
"""
DATED = """\
time: {last_day: "2026-01-31", history: 5 days}
schedules:
  salary: {when: {every: day}, per: shop, via: market, amount: "3.00", reach: 50 %}
payouts:
  weekly: {when: {every: business-day}, from: shop.main, share: 50 %, legs: 3}
"""
LIFE = """\
lifecycle:
  pending: [{of: sale, count: 20, then: {commit: 50 %, cancel: 30 %}}]
  revert: [{of: pay, count: 5}]
  annotate: [{of: out, count: 3}]
  block: [{of: sale, count: 3}]
refusals: {count: 8, kinds: {insufficient-funds: 1, unknown-destination: 1, wrong-asset: 1, unequal-sides: 1}}
"""


CHECKED, KEPT = "{validate: true}", "{}"


def settings_of(folder: Path, server: SandboxServer, routes: str, more: str = "") -> Settings:
    sweep = ", sweep: {to: treasury}" if "time:" in more else ""
    scenario = {"scenario": str(write_scenario(folder, BANK.format(routes=routes, sweep=sweep) + more))}
    target = {"baseUrl": server.url, "transactionUrl": server.transaction_url}
    sections = {"target": target, "journal": {"enabled": False}, "verification": {"everyTransaction": True}}
    return Settings.model_validate(merge(SHORT_PAUSES, scenario, sections))


async def ledger_of(server: SandboxServer) -> str:
    """The URL of the only ledger of a server, at its transaction service."""
    ((organization_id, ledger_id),) = server.state.ledger_states
    return f"{server.transaction_url}/v1/organizations/{organization_id}/ledgers/{ledger_id}"


async def read(url: str) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 200
        return dict(await answer.json())


def outcomes(report: Report) -> dict[str, tuple[int, int, int]]:
    return {phase.name: (phase.created, phase.existing, phase.failed) for phase in report.phases}


def versions(plan: Plan) -> Counter[str]:
    """How often the plan says that the balance of each alias changes."""
    (ledger,) = plan.ledgers
    found: Counter[str] = Counter()
    for phase in (Phase.DEPOSITS, Phase.TRANSFERS, Phase.FOLLOW_UPS):
        for item in ledger.transactions(phase):
            for key, count in trace_of(item, splits_held=ledger.checks_routes).items():
                if key < 0:
                    found[ledger.alias(account_of(key))] += count
    return found


@pytest.mark.parametrize("dialect", ["v3.8", "v4"])
async def test_a_server_that_checks_routes_accepts_every_transaction_of_a_scenario(
    tmp_path: Path, dialect: str
) -> None:
    async with sandbox(dialect=dialect) as server:
        settings = settings_of(tmp_path, server, CHECKED, LIFE)
        report = await seed_async(settings)
        assert report.exit_code == 0, report.verdict
        ledger = await ledger_of(server)
        accounting = (await read(f"{ledger}/settings"))["accounting"]
        assert accounting["validateRoutes"]
        assert accounting["validateAccountType"]
        listed = (await read(f"{ledger}/transactions?limit=100"))["items"]
        assert len(listed) == 100
        assert all(row["routeId"] and all(each["routeId"] for each in row["operations"]) for row in listed)
        balances = (await read(f"{ledger}/balances?limit=100"))["items"]
        planned = versions(build_plan(settings))
        counted = {row["alias"]: row["version"] for row in balances if not row["alias"].startswith("@external")}
        assert counted == {alias: planned[alias] for alias in counted}


async def test_schedules_payouts_and_sweeps_have_routes_too(tmp_path: Path) -> None:
    async with sandbox() as server:
        report = await seed_async(settings_of(tmp_path, server, CHECKED, DATED))
        assert report.exit_code == 0, report.verdict
        listed = (await read(f"{await ledger_of(server)}/transaction-routes?limit=100"))["items"]
    assert {"salary", "weekly", "sweep_fees", "saldo-inicial"} < {row["title"] for row in listed}


async def test_running_again_finds_the_routes_and_changes_no_setting(tmp_path: Path) -> None:
    async with sandbox() as server:
        settings = settings_of(tmp_path, server, CHECKED)
        first = await seed_async(settings)
        again = await seed_async(settings)
    assert again.exit_code == 0, again.verdict
    for phase in ("account_types", "operation_routes", "transaction_routes", "ledger_settings"):
        created, existing, failed = outcomes(first)[phase]
        assert created
        assert not existing + failed
        assert outcomes(again)[phase] == (0, created, 0)


async def test_a_setting_that_was_switched_off_later_is_a_difference(tmp_path: Path) -> None:
    async with sandbox() as server:
        settings = settings_of(tmp_path, server, CHECKED)
        assert (await seed_async(settings)).exit_code == 0
        url = f"{await ledger_of(server)}/settings"
        async with aiohttp.ClientSession() as session:
            await session.patch(url, json={"accounting": {"validateRoutes": False}})
        again = await seed_async(settings)
        assert again.exit_code == 0, again.verdict
        assert outcomes(again)["ledger_settings"] == (1, 0, 0)
        assert (await read(url))["accounting"]["validateRoutes"]


async def test_an_older_server_keeps_the_routes_as_text(tmp_path: Path) -> None:
    async with sandbox(dialect="v3.3") as server:
        report = await seed_async(settings_of(tmp_path, server, KEPT))
        assert report.exit_code == 0, report.verdict
        ledger = await ledger_of(server)
        listed = (await read(f"{ledger}/transactions?limit=100"))["items"]
        routes = {row["id"] for row in (await read(f"{ledger}/transaction-routes?limit=100"))["items"]}
        legs = {row["id"] for row in (await read(f"{ledger}/operation-routes?limit=100"))["items"]}
        assert {row["route"] for row in listed} <= routes
        assert {each["route"] for row in listed for each in row["operations"]} <= legs


async def test_a_server_that_cannot_check_routes_is_refused_before_the_first_write(tmp_path: Path) -> None:
    async with sandbox(dialect="v3.3") as server:
        with pytest.raises(UnsupportedScenarioError, match=r"routes\.validate"):
            await seed_async(settings_of(tmp_path, server, CHECKED))
        assert not server.state.ledger_states


def test_a_body_without_routes_stays_the_same_bytes() -> None:
    body = b'{"description":"<id of x>","routeId":"y"}'
    assert RouteIds({}, as_ids=True).fill(body) == body


@pytest.mark.parametrize(("as_ids", "name"), [(True, "routeId"), (False, "route")])
def test_keys_of_routes_become_server_ids(as_ids: bool, name: str) -> None:
    routes = RouteIds({"o1.l1.tr1": "T", "o1.l1.or1": "S"}, as_ids=as_ids)
    body = b'{"routeId":"<id of o1.l1.tr1>","send":{"routeId":"<id of o1.l1.or1>"}}'
    assert routes.fill(body).decode() == f'{{"{name}":"T","send":{{"{name}":"S"}}}}'
