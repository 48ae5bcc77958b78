"""Combinations whose transactions no server takes are refused with the scenario, not planned."""

from typing import Any

import pytest

from midaz_seed.errors import PlanError
from midaz_seed.plan.plan import build_plan
from midaz_seed.scenarios.checks import check
from midaz_seed.scenarios.model import Scenario
from midaz_seed.settings.model import Settings
from tests.support.small_scenarios import plan_of_scenario

PAY = {"weight": 1, "from": "person.real", "to": "person.real"}
FX = {
    "weight": 1,
    "from": "person.real",
    "to": "person.dollar",
    "same_holder": True,
    "exchange": {"sell": "BRL", "buy": "USD", "desk": ["desk", "dollars"]},
}
FEE = {"fixed": "0.10", "to": "desk"}
DATED = {"last_day": "2026-11-25", "history": 3}


def scenario(mix: dict[str, Any], **parts: Any) -> Scenario:
    rate = {"BRL": {"start": "5", "daily_sigma": "1 %"}}
    return Scenario.model_validate(
        {
            "scenario": "drawn",
            "about": "Drawn.",
            "volume": {"customers": 20, "movements": 40},
            "assets": {"BRL": {"amount": "1.00"}, "USD": {"amount": "1.00", "rate": rate}},
            "accounts": {
                "internal": {"desk": {"name": "Mesa"}, "dollars": {"name": "Mesa", "asset": "USD"}},
                "kinds": {
                    "person": {
                        "share": "50 %",
                        "owns": {"any": {"asset": "in-turn"}, "dollar": {"asset": "USD"}, "real": {}},
                    },
                    "shop": {"share": "50 %", "owns": {"real": {}}},
                },
            },
            "mix": mix,
            **parts,
        }
    )


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        (scenario({"out": {"weight": 1, "from": "person.any", "to": "external", "through": "desk"}}), "desk is in BRL"),
        (scenario({"pay": {"weight": 1, "from": "person.any", "to": "person.any", "fee": FEE}}), "desk is in BRL"),
        (scenario({"pay": {"weight": 1, "from": "desk", "to": "person.real", "fee": FEE}}), "would pay itself"),
        (
            scenario({"in": {"weight": 1, "from": "external", "through": "desk", "to": "person.real", "fee": FEE}}),
            "would pay itself",
        ),
        (scenario({"fx": {**FX, "fee": FEE}}), "cannot be combined with exchange"),
        (scenario({"fx": {**FX, "legs": 3}}), "cannot be combined with exchange"),
        (scenario({"fx": {**FX, "same_holder": False}}), "same_holder: true"),
        (scenario({"fx": {**FX, "from": "person.any"}}), "not all in BRL"),
        (scenario({"save": {**PAY, "from": "person.any", "same_holder": True}}), "in other assets"),
        (scenario({"pay": PAY, "more": {"each": 2, "from": "shop.real", "to": "shop.real"},
                   "most": {"each": 3, "from": "shop.real", "to": "shop.real"}}), "only one entry"),
        (
            scenario({"pay": PAY}, lifecycle={"revert": [{"of": "pay", "count": 1}, {"of": "pay", "count": 2}]}),
            "already: add the counts",
        ),
        (
            scenario(
                {"in": {"weight": 1, "from": "external", "to": "person.any"}},
                time=DATED,
                payouts={"all": {"when": {"every": "day"}, "from": "person.any", "to": "desk"}},
            ),
            "another asset",
        ),
    ],
)  # fmt: skip
def test_what_no_server_takes_is_refused_with_the_scenario(refused: Scenario, said: str) -> None:
    assert any(said in problem.text for problem in check(refused)), check(refused)


def test_a_schedule_reaches_only_customers_of_its_kind() -> None:
    both = ["person.real", "shop.real"]
    found = scenario(
        {"out": {"weight": 0, "from": both, "to": "external"}},
        time=DATED,
        volume={"customers": 20, "movements": 0},
        schedules={"rent": {"when": {"every": "day"}, "via": "out", "per": "person", "amount": "2.00"}},
    )
    (ledger,) = plan_of_scenario(found).ledgers
    payers = {item.movements[0].source for item in ledger.transfers()}
    assert len(payers) == 10
    assert max(payer for payer in payers if payer is not None) < 2 + 30  # the accounts of people come first


def test_a_refusal_that_no_account_can_make_is_named_before_the_run() -> None:
    refusals = {"count": 1, "kinds": {"frozen-sender": 1}}
    kinds = {"person": {"owns": {"real": {}}, "status": {"frozen": "0.0001 %"}}}
    found = scenario({"pay": PAY}, refusals=refusals, accounts={"kinds": kinds}, assets={"BRL": {"amount": "1.00"}})
    with pytest.raises(PlanError, match="no account can make the refusal frozen-sender") as refused:
        build_plan(Settings.model_validate({"scenario": found}))
    assert "frozen persona" in refused.value.hint
