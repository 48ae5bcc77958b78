"""Small scenarios of every shape, drawn for tests of what must hold in all of them."""

from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from midaz_seed.errors import PlanError
from midaz_seed.plan.plan import Plan, build_plan
from midaz_seed.scenarios.checks import check
from midaz_seed.scenarios.model import Scenario
from midaz_seed.settings.model import Settings

BOTH = ["person.checking", "shop.checking"]
CHOICES = ({"uniform": True}, {"zipf": "1.1"}, {"hot": {"count": 2, "share": "80 %"}}, {"friends": {"mean": "3"}})
AMOUNTS = ("1.00", {"uniform": ["0.01", "9.99"]}, {"lognormal": {"median": "20", "sigma": "1.2"}, "round": {"5": 30}})
PERSONAS = [
    {"alias": "ana-demo", "kind": "person", "name": "Ana Demo", "opening": "12.34", "popularity": "top"},
    {"alias": "bia-parada", "kind": "person", "name": "Bia Parada", "status": "dormant"},
    {"alias": "loja-demo", "kind": "shop", "name": "Loja Demo Ltda."},
]
WORDS = ("live", "pending", "revert", "annotate", "block")


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Draw a scenario that the checks accept. Opening balances are those of the asset, the same for all customers."""
    dated = draw(st.booleans())
    mix = draw(_mix())
    document: dict[str, Any] = {
        "scenario": "drawn",
        "about": "Drawn.",
        "volume": {
            "customers": draw(st.integers(12, 30)),
            "ledgers": draw(st.integers(1, 2)),
            "movements": draw(st.integers(0, 80)),
        },
        "assets": {
            "BRL": {"opening": draw(st.sampled_from(["1.00", "250.00"])), "amount": draw(st.sampled_from(AMOUNTS))},
            "GOLD": {
                "type": "commodity",
                "scale": draw(st.sampled_from([0, 3, 18])),
                "amount": {"uniform": ["1", "7"]},
                "rate": {"BRL": {"start": "5.4321", "daily_sigma": "2 %"}},
            },
        },
        "accounts": {"internal": _internal(swept=dated and draw(st.booleans())), "kinds": draw(_kinds())},
        "personas": PERSONAS[: draw(st.integers(0, 3))],
        "mix": mix,
    }
    if dated:
        document["time"] = {"last_day": "2026-11-25", "history": draw(st.integers(1, 12))}
        document["schedules"] = draw(_schedules(mix))
        if draw(st.booleans()):
            document["payouts"] = {"repasse": draw(_payout())}
    if draw(st.booleans()):
        document["lifecycle"] = draw(_lifecycle(mix))
    if draw(st.booleans()):
        document["refusals"] = {
            "count": draw(st.integers(1, 12)),
            "kinds": {
                kind: 1
                for kind in (
                    "insufficient-funds", "frozen-sender", "unknown-destination", "wrong-asset", "unequal-sides",
                    "future",
                )
                if kind != "frozen-sender" or document["accounts"]["kinds"]["person"]["status"]["frozen"] != "0 %"
            },
        }  # fmt: skip
    scenario = Scenario.model_validate(document)
    found = check(scenario)
    assume(not any("days of history matches" in problem.text for problem in found))
    assert not found, found
    return scenario


def plan_of_scenario(scenario: Scenario, seed: int = 1, **volume: int) -> Plan:
    """Return the plan of a scenario with the run id `r`; an example without a plan is not counted."""
    try:
        return build_plan(
            Settings.model_validate(
                {"scenario": scenario, "seed": seed, "runId": "r", "volume": _volume(scenario) | volume}
            )
        )
    except PlanError as refused:
        # chance has left an entry without an account, as the message says
        assume("accounts in" not in str(refused) and "no account" not in str(refused))
        raise


def _volume(scenario: Scenario) -> dict[str, int]:
    return {"organizations": scenario.volume.organizations, "ledgersPerOrganization": scenario.volume.ledgers}


def _internal(*, swept: bool) -> dict[str, Any]:
    fees: dict[str, Any] = {"name": "Tarifas"} | ({"sweep": {"to": "tesouraria"}} if swept else {})
    others = {"caixa": {"name": "Caixa"}, "tesouraria": {"name": "Tesouraria"}, "mesa": {"name": "Mesa"}}
    return {**others, "tarifas": fees, "mesa-ouro": {"name": "Mesa ouro", "asset": "GOLD"}}


@st.composite
def _kinds(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "person": {
            "share": "70 %",
            "income": {"uniform": ["100", "900"]},
            "owns": {
                "checking": {"type": "checking"},
                "savings": {"chance": draw(st.sampled_from(["50 %", "100 %"])), "parent": "checking"},
                "gold": {"asset": "GOLD", "chance": "60 %"},
            },
            "segment": {"by": "income", "cuts": {"plain": "0", "rich": "700"}},
            "status": {
                "dormant": "5 %",
                "frozen": draw(st.sampled_from(["0 %", "25 %"])),
                "closed": "5 %",
            },
        },
        "shop": {"share": "30 %", "holder": "PJ", "owns": {"checking": {}}, "popularity": {"zipf": "1"}},
    }


@st.composite
def _mix(draw: st.DrawFn) -> dict[str, Any]:
    weights = st.sampled_from([0, 1, 5])
    amounts = st.sampled_from(
        [None, "0.01", "3.21", {"of": "income", "times": "0.1"}, {"pareto": {"min": 1, "alpha": 2}}]
    )
    known: dict[str, dict[str, Any]] = {
        "p2p": {"from": "person.checking", "to": {"person.checking": draw(st.sampled_from(CHOICES))}, "rail": "PIX"},
        "sale": {"from": BOTH, "to": "shop.checking", "says": 'Compra "{n}" em {to.name}'},
        "in": {"from": "external", "to": BOTH, "rail": "TED"},
        "out": {"from": BOTH, "to": "external", "rail": "BOLETO"},
        "save": {
            "from": "person.checking",
            "to": "person.savings",
            "same_holder": True,
            "metadata": {"goal": "{to.name}"},
        },
        "many": {"from": "mesa", "to": BOTH, "legs": draw(st.integers(1, 6))},
        "pay": {"from": "shop.checking", "to": {"person.checking": {"members": True}}, "legs": draw(st.integers(1, 6))},
        "fx": {
            "from": "person.checking",
            "to": "person.gold",
            "same_holder": True,
            "exchange": {"sell": "BRL", "buy": "GOLD", "desk": ["mesa", "mesa-ouro"]},
        },
    }  # fmt: skip
    for name in ("in", "out"):
        if draw(st.booleans()):
            known[name]["through"] = "caixa"
    charged = draw(st.sampled_from(["sale", "in", "out", "p2p"]))
    known[charged] |= draw(
        st.sampled_from(
            [
                {},
                {"fee": {"percent": "1.5", "min": "0.02", "to": "tarifas"}},
                {"fee": {"fixed": "0.30", "to": "tarifas"}},
                {"split": {"tarifas": "2.5 %", "tesouraria": "33.3333 %"}},
            ]
        )
    )
    for name, entry in known.items():
        entry["weight"] = draw(weights)
        amount = draw(amounts)
        if amount is not None and (name in ("p2p", "sale", "out", "save") or not isinstance(amount, dict)):
            entry["amount"] = amount
    if not any(entry["weight"] for entry in known.values()):
        known["p2p"]["weight"] = 1
    for name in ("sale", "out"):  # a shop has no income
        if isinstance(known[name].get("amount"), dict) and "of" in known[name]["amount"]:
            del known[name]["amount"]
    return known


@st.composite
def _schedules(draw: st.DrawFn, mix: dict[str, Any]) -> dict[str, Any]:
    when = st.sampled_from(
        [
            {"every": "day"},
            {"every": "business-day", "at": "06:00"},
            {"day": 20, "roll": "next-business-day"},
            {"day_of_month": "per-customer"},
        ]
    )
    found = {
        "salary": {"when": draw(when), "via": "in", "per": "person", "amount": "income", "reach": "60 %"},
        "rent": {"when": draw(when), "via": "out", "per": "person", "amount": "2.00", "reach": "60 %"},
        "stock": {"when": draw(when), "via": "sale", "per": "shop", "amount": "4.00"},
    }
    return {name: schedule for name, schedule in found.items() if draw(st.booleans())}


@st.composite
def _payout(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "when": {"every": draw(st.sampled_from(["day", "business-day", "week"]))},
        "from": "shop.checking",
        "to": draw(st.sampled_from(["external", "tesouraria"])),
        "share": draw(st.sampled_from(["60 %", "100 %"])),
        "legs": draw(st.integers(1, 3)),
    }


@st.composite
def _lifecycle(draw: st.DrawFn, mix: dict[str, Any]) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for word in draw(st.lists(st.sampled_from(WORDS), min_size=1, unique=True)):
        names = [name for name in mix if name != "fx" and (word != "pending" or name not in ("in", "many", "pay"))]
        parts[word] = [
            {"of": name, "count": draw(st.integers(1, 8))}
            for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
        ]
    for pending in parts.get("pending", []):
        pending["then"] = {"commit": draw(st.sampled_from(["0 %", "40 %", "60 %"])), "cancel": "40 %"}
    return parts
