"""The realism gate: the built-in scenarios against published figures of Brazilian payments.

Sources: Banco Central do Brasil, Relatório de Gestão do Pix (shares of weekdays and of the night, amounts between
people; pay-day records of 2024 and 2025 over the mean day).
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from midaz_seed.plan.plan import Plan, build_plan
from midaz_seed.plan.profile import profile
from midaz_seed.plan.profile_parts import FlowProfile, Profile
from midaz_seed.scenarios.loader import builtin_names
from midaz_seed.settings.model import Settings
from tests.support.brazil import END_TO_END_ID, parse_bank_slip, parse_utility_slip

pytestmark = pytest.mark.thorough

BANKS = ("demo", "month-of-history", "retail-bank")
LARGE_BANKS = ("month-of-history", "retail-bank")
"""Scenarios with enough movements for a mean that the tail decides."""
SMALLER = {
    "fintech-wallet": {"customers": 500, "movements": 3000},
    "marketplace-payouts": {"movements": 3000},
    "fx-desk": {"movements": 3000},
    "payroll": {"customers": 804},
    "retail-bank": {"customers": 50},
    "year-of-history": {"customers": 20},
}
"""Counts for checks that do not depend on them."""


@cache
def planned(scenario: str) -> tuple[Plan, Profile]:
    plan = build_plan(Settings.model_validate({"scenario": scenario}))
    return plan, profile(plan)


def smaller(scenario: str) -> Plan:
    if scenario not in SMALLER:
        return planned(scenario)[0]
    return build_plan(Settings.model_validate({"scenario": scenario, "volume": SMALLER[scenario]}))


def flow(scenario: str, name: str) -> FlowProfile:
    [found] = [each for each in planned(scenario)[1].flows if each.name == name]
    return found


@pytest.mark.parametrize("scenario", BANKS)
def test_77_percent_of_the_payments_are_made_from_monday_to_friday(scenario: str) -> None:
    history = planned(scenario)[1].history
    assert history is not None
    assert history.weekday_share == pytest.approx(0.77, abs=0.02)


@pytest.mark.parametrize("scenario", LARGE_BANKS)
def test_18_6_percent_of_the_payments_between_people_are_made_at_night(scenario: str) -> None:
    assert flow(scenario, "mix.pix-p2p").night_share == pytest.approx(0.186, abs=0.02)


@pytest.mark.parametrize("scenario", BANKS)
def test_the_median_payment_between_people_is_50(scenario: str) -> None:
    assert flow(scenario, "mix.pix-p2p").amounts["BRL"].p50 == pytest.approx(Decimal(50), rel=Decimal("0.05"))


@pytest.mark.parametrize("scenario", LARGE_BANKS)
def test_the_mean_payment_between_people_is_257(scenario: str) -> None:
    assert flow(scenario, "mix.pix-p2p").amounts["BRL"].mean == pytest.approx(Decimal(257), rel=Decimal("0.15"))


@pytest.mark.parametrize("scenario", BANKS)
def test_a_pay_day_has_about_one_and_a_half_times_the_payments_of_the_mean_day(scenario: str) -> None:
    history = planned(scenario)[1].history
    assert history is not None
    assert history.pay_days
    for day in history.pay_days:
        assert 1.3 <= day.over_mean <= 1.7, f"{day.date}: {day.over_mean}"


@pytest.mark.parametrize("scenario", [*BANKS, "classic"])
def test_balances_are_unequal(scenario: str) -> None:
    reais = planned(scenario)[1].assets[0]
    assert reais.opening is not None
    assert reais.final is not None
    assert reais.opening.gini > 0.4
    assert reais.final.gini > 0.4


def test_the_top_one_percent_of_the_shops_make_20_to_40_percent_of_the_sales() -> None:
    [shops] = [kind for kind in planned("retail-bank")[1].kinds if kind.name == "empresa"]
    assert 0.2 <= shops.received.top_1_percent <= 0.4


def _metadata(plan: Plan) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield asset, amount and metadata of every transaction with a body."""
    for ledger in plan.ledgers:
        for item in ledger.transfers():
            yield item.asset, item.amount, json.loads(item.body)["metadata"]


@pytest.mark.parametrize("scenario", builtin_names())
def test_rails_exist_only_in_reais_and_every_boleto_and_end_to_end_id_can_be_read(scenario: str) -> None:
    seen = set()
    for asset, amount, metadata in _metadata(smaller(scenario)):
        rail = metadata.get("rail")
        seen.add(rail)
        assert asset == "BRL" or rail not in ("PIX", "TED", "BOLETO")
        if rail == "PIX":
            assert END_TO_END_ID.fullmatch(metadata["endToEndId"]), metadata["endToEndId"]
        elif rail == "BOLETO":
            cents = int(Decimal(amount) * 100)
            if metadata["issuer"] == "BANK":
                assert parse_bank_slip(metadata["barcode"])[2] == cents
            else:
                assert parse_utility_slip(metadata["barcode"])[1] == cents
    assert seen
