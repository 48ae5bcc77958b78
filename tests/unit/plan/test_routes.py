"""The routes that a scenario plans: every transaction uses exactly the operation routes of its transaction route."""

import json
import re
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.items import Entity, EntityItem, Phase, TransactionItem
from midaz_seed.plan.ledger_plan import LedgerPlan
from midaz_seed.plan.plan import Plan, build_plan
from midaz_seed.scenarios.needs import missing
from midaz_seed.settings.model import Settings
from tests.support.scenarios import SHOP, write_scenario

BUILT_IN = ["bank-base", "fx-desk", "lifecycle", "marketplace-payouts", "fintech-wallet", "corner-cases"]
PLACEHOLDER = re.compile(r"<id of ([^>]+)>")


def settings_of(folder: Path, text: str, run_id: str = "r") -> Settings:
    return Settings.model_validate({"scenario": str(write_scenario(folder, text)), "runId": run_id})


def ledger_of(folder: Path, text: str) -> LedgerPlan:
    (ledger,) = build_plan(settings_of(folder, text)).ledgers
    return ledger


def small(name: str, routes: str) -> str:
    return (
        f"scenario: small\nextends: builtin:{name}\nvolume: {{customers: 150, movements: 200}}\n"
        f"routes: {routes}\nproof: {{as_of: []}}\n"
    )


def sent(ledger: LedgerPlan) -> list[TransactionItem]:
    phases = (Phase.DEPOSITS, Phase.TRANSFERS, Phase.REFUSALS)
    return list(chain.from_iterable(ledger.transactions(phase) for phase in phases))


def legs_of(body: dict[str, Any]) -> list[tuple[str, str]]:
    """Side and key of the route of each leg."""
    send = body["send"]
    sides = (("source", send["source"]["from"]), ("destination", send["distribute"]["to"]))
    return [(side, PLACEHOLDER.sub(r"\1", leg["routeId"])) for side, legs in sides for leg in legs]


@pytest.mark.parametrize("name", BUILT_IN)
def test_legs_use_every_operation_route_of_their_transaction_route_on_its_side(tmp_path: Path, name: str) -> None:
    ledger = ledger_of(tmp_path, small(name, "{validate: true}"))
    operation_routes = {item.key: item.payload for item in ledger.items_of(Entity.OPERATION_ROUTE)}
    transaction_routes = {item.key: item for item in ledger.items_of(Entity.TRANSACTION_ROUTE)}
    types = {str(item.payload["alias"]): item.payload["type"] for item in ledger.account_items()}
    for transaction in sent(ledger):
        body = json.loads(transaction.body)
        planned = transaction_routes[PLACEHOLDER.sub(r"\1", body["routeId"])]
        legs = legs_of(body)
        assert {key for _, key in legs} == set(planned.references["operationRoutes"])
        assert all(operation_routes[key]["operationType"] in (side, "bidirectional") for side, key in legs)
        send = body["send"]
        named = [leg["accountAlias"] for leg in (*send["source"]["from"], *send["distribute"]["to"])]
        for alias, (_, key) in zip(named, legs, strict=True):
            if not transaction.refusal:
                _allows(operation_routes[key], alias, types)


def _allows(route: JsonObject, alias: str, types: dict[str, Any]) -> None:
    rule: Any = route["account"]
    assert rule["validIf"] == alias if rule["ruleType"] == "alias" else types[alias] in rule["validIf"]


def test_a_fee_that_can_be_rounded_to_nothing_has_a_route_without_it(tmp_path: Path) -> None:
    text = SHOP.replace('to: {shop.checking: {zipf: "1.05"}}', "to: shop.checking, fee: {percent: 1, to: fees}")
    for amount, titles in (("{lognormal: {median: 1, sigma: 2}}", {"sale", "sale 2"}), ('"5.00"', {"sale"})):
        ledger = ledger_of(tmp_path, text.replace('amount: "5.00"', f"amount: {amount}") + "routes: {}\n")
        found = {str(item.payload["title"]) for item in ledger.items_of(Entity.TRANSACTION_ROUTE)}
        assert {title for title in found if title.startswith("sale")} == titles


def test_accounting_entries_come_only_with_the_checks(tmp_path: Path) -> None:
    kept = ledger_of(tmp_path, SHOP + "routes: {}\n")
    checked = ledger_of(tmp_path, SHOP + "routes: {validate: true}\n")
    assert not any("accountingEntries" in item.payload for item in kept.items_of(Entity.OPERATION_ROUTE))
    assert all("accountingEntries" in item.payload for item in checked.items_of(Entity.OPERATION_ROUTE))
    assert Phase.LEDGER_SETTINGS not in kept.counts
    assert checked.counts[Phase.LEDGER_SETTINGS] == 1


def test_a_route_is_found_by_its_key_and_on_the_server_by_its_mark(tmp_path: Path) -> None:
    plan: Plan = build_plan(settings_of(tmp_path, SHOP + "routes: {}\n"))
    for key, entity in (("o1.l1.or2", Entity.OPERATION_ROUTE), ("o1.l1.tr2", Entity.TRANSACTION_ROUTE)):
        item = plan.find(key)
        assert isinstance(item, EntityItem)
        assert (item.entity, item.key) == (entity, key)
        assert item.payload["metadata"] == {"seedRun": "r", "seedKey": f"r/{key}"}


def test_without_routes_a_transaction_names_none_and_the_plan_has_none(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path, SHOP)
    assert not any(b"route" in item.body for item in sent(ledger))
    assert not {Phase.OPERATION_ROUTES, Phase.TRANSACTION_ROUTES, Phase.ACCOUNT_TYPES} & ledger.counts.keys()


def test_routes_do_not_change_what_moves(tmp_path: Path) -> None:
    without, with_routes = ledger_of(tmp_path, SHOP), ledger_of(tmp_path, SHOP + "routes: {}\n")
    assert [(item.key, item.movements) for item in sent(without)] == [
        (item.key, item.movements) for item in sent(with_routes)
    ]


def test_reverts_of_transactions_with_routes_need_routes_for_both_sides(tmp_path: Path) -> None:
    scenario = settings_of(tmp_path, SHOP + "routes: {}\nlifecycle: {revert: [{of: sale, count: 2}]}\n").scenario
    assert [need.path for need in missing(scenario, "v3.3")] == ["lifecycle.revert"]
    assert missing(scenario, "v3.8") == []


# ---- asset rates


def test_both_transactions_of_an_exchange_name_one_reference_and_the_rate_of_their_day(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path, small("fx-desk", "{}"))
    found: dict[str, list[dict[str, Any]]] = {}
    for item in ledger.transfers():
        body = json.loads(item.body)
        if "fxReference" in body["metadata"]:
            found.setdefault(body["metadata"]["fxReference"], []).append(body)
    assert len(found) > 20
    for sold, got in found.values():
        assert sold["metadata"]["fxRate"] == got["metadata"]["fxRate"]
        assert sold["transactionDate"] == got["transactionDate"]
        code, other = sold["metadata"]["fxPair"].split("/")
        amounts = {body["send"]["asset"]: Decimal(body["send"]["value"]) for body in (sold, got)}
        bought = amounts[got["send"]["asset"]]
        rate = Decimal(sold["metadata"]["fxRate"])
        exact = amounts[other] / rate if got["send"]["asset"] == code else amounts[code] * rate
        assert 0 <= exact - bought < Decimal("0.01")


def test_each_rate_is_that_of_the_last_day_and_always_has_a_life_and_a_source(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path, small("fx-desk", "{}"))
    rates = {
        f"{item.payload['from']}/{item.payload['to']}": item.payload for item in ledger.items_of(Entity.ASSET_RATE)
    }
    assert set(rates) == {"USD/BRL", "EUR/BRL", "BTC/BRL"}
    assert all(rate["ttl"] and rate["source"] and rate["scale"] == 6 for rate in rates.values())
    last = {
        metadata["fxPair"]: metadata["fxRate"]
        for metadata in (json.loads(item.body)["metadata"] for item in ledger.transfers())
        if "fxPair" in metadata
    }
    assert Decimal(int(str(rates["USD/BRL"]["rate"]))).scaleb(-6) == Decimal(last["USD/BRL"])
