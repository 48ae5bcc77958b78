"""Scenarios that are well written and impossible: each is refused with file, line and the nearest name."""

import re
from datetime import date
from pathlib import Path

import pytest

from midaz_seed.errors import ConfigurationError
from midaz_seed.model.currencies import CURRENCIES
from midaz_seed.sandbox.core.countries import CURRENCIES as ACCEPTED
from midaz_seed.scenarios.checks import check
from midaz_seed.scenarios.checks.days import days_hit
from midaz_seed.scenarios.checks.texts import template_problems
from midaz_seed.scenarios.loader import builtin_names, load_scenario
from midaz_seed.scenarios.model import Time, When
from tests.support.scenarios import SHOP, refusal, write_scenario

BANK = """\
scenario: bank
about: Two assets, a history, and one of everything that can be wrong.
time: {last_day: 2026-11-25, history: 60 days}
volume: {customers: 100, per_customer_per_day: "0.5"}
assets:
  BRL: {amount: "5.00"}
  USD: {amount: "2.00", rate: {BRL: {start: "5.40", daily_sigma: 0.7 %}}}
accounts:
  internal:
    fees: {name: Fees}
    vault: {name: Vault}
    desk-brl: {name: Desk}
    desk-usd: {name: Desk, asset: USD}
  kinds:
    person: {share: 90 %, income: "2000", owns: {checking: {}, savings: {}, dollars: {asset: USD}}}
    shop: {share: 10 %, holder: PJ, owns: {checking: {}}}
mix:
  sale: {weight: 9, from: person.checking, to: shop.checking}
  pay-in: {weight: 1, from: external, to: person.checking}
"""
"""A valid scenario, which each case below continues or changes."""

CASES: list[tuple[str, str, str]] = [
    # shares
    (
        "share: 90 %",
        "share: 86 %",
        "14: accounts.kinds: the shares of all kinds must sum to 100 %, not 86 % + 10 % = 96 %",
    ),
    ("share: 90 %, ", "", "15: accounts.kinds.person: it needs a share"),
    (
        "income:",
        "segment: {by: income, cuts: {}}, income:",
        "15: accounts.kinds.person.segment.cuts: one segment must begin at 0",
    ),
    (
        "income:",
        "status: {dormant: 60 %, closed: 50 %}, income:",
        "accounts.kinds.person.status: dormant, frozen and closed",
    ),
    # names that lead nowhere
    (
        "from: person.checking",
        "from: person.cheking",
        "mix.sale.from: there is no account 'person.cheking'; did you mean person.checking?",
    ),
    ("from: person.checking", "from: preson.checking", "did you mean person.checking?"),
    ("from: person.checking", "from: fes", "mix.sale.from: there is no account 'fes'; did you mean fees?"),
    (
        "from: person.checking",
        "from: person",
        "mix.sale.from: there is no account 'person'; did you mean person.checking?",
    ),
    (
        "name: Desk, asset: USD",
        "name: Desk, asset: UDS",
        "accounts.internal.desk-usd.asset: there is no asset 'UDS'; did you mean USD?",
    ),
    (
        "savings: {}",
        "savings: {parent: cheking}",
        "owns.savings.parent: there is no account 'cheking'; did you mean checking?",
    ),
    (
        "savings: {}",
        "savings: {parent: dollars}",
        "owns.savings.parent: an account and its parent must have the same asset",
    ),
    (
        "checking: {}, savings: {}",
        "checking: {parent: savings}, savings: {parent: checking}",
        "the parents are circular",
    ),
    (
        "{name: Fees}",
        "{name: Fees, sweep: {to: valt}}",
        "fees.sweep.to: there is no other internal account 'valt'; did you mean vault?",
    ),
    ("{name: Fees}", "{name: Fees, sweep: {to: desk-usd}}", "fees.sweep.to: desk-usd has another asset than fees"),
    (
        "    fees:",
        "    external: {name: E}\n    fees:",
        "accounts.internal.external: no account can be called external",
    ),
    ("rate: {BRL", "rate: {BLR", "assets.USD.rate.BLR: there is no other asset 'BLR'; did you mean BRL?"),
    ("  USD:", "  GBP: {}\n  USD:", "7: assets.GBP: no account has this asset"),
    ("savings: {}", "savings: {types: {deposit: 0}}", "owns.savings.types: one weight must be above 0"),
    # personas
    (
        "mix:",
        "personas: [{alias: a, kind: persn, name: A}]\nmix:",
        "personas[0].kind: there is no kind of customer 'persn'; did you mean person?",
    ),
    (
        "mix:",
        "personas: [{alias: a, kind: shop, name: A}, {alias: a, kind: shop, name: B}]\nmix:",
        "personas[1].alias: a is the alias of two personas",
    ),
    (
        "mix:",
        "personas: [{alias: fees, kind: shop, name: A}]\nmix:",
        "personas[0].alias: fees is the alias of an internal account",
    ),
    (
        "mix:",
        'personas: [{alias: a, kind: shop, name: "A\\0B"}]\nmix:',
        "personas[0].name must be text without control characters that has more than spaces, not",
    ),
    ("{name: Fees}", "{name: Fees, type: external}", "accounts.internal.fees.type: the type external is that of"),
    ("savings: {},", "savings: {type: external},", "person.owns.savings.type: the type external is that of"),
    ("savings: {},", "savings: {types: {external: 1}},", "person.owns.savings.types: the type external is that of"),
    (
        "accounts:",
        "  XYZ: {}\naccounts:",
        "assets.XYZ: XYZ is no currency that Midaz knows: set the type to crypto, commodity or others",
    ),
    ('start: "5.40"', "start: 0", "assets.USD.rate.BRL.start: a rate must be above 0"),
    ("{name: Fees}", '{name: "  "}', "accounts.internal.fees.name must be text without control characters"),
    (
        "mix:",
        "personas: [{alias: ana, kind: person, name: A}, {alias: ana-savings, kind: shop, name: B}]\nmix:",
        "personas[1].alias: ana-savings is the alias of account savings of persona ana",
    ),
    (
        "mix:",
        "personas: [{alias: ana-savings, kind: shop, name: B}, {alias: ana, kind: person, name: A}]\nmix:",
        "personas[1].alias: ana-savings is the alias of a persona and of account savings of persona ana",
    ),
    (
        "mix:",
        "personas: [{alias: a, kind: shop, name: A, opening: 1.234}]\nmix:",
        "personas[0].opening: 1.234 has more decimals",
    ),
    # partners that cannot exist
    ("from: person.checking, to: shop.checking", "from: fees, to: fees", "mix.sale.to: fees is one account"),
    (
        "from: person.checking, to: shop.checking",
        "from: external, to: external",
        "mix.sale.to: both sides are external",
    ),
    (
        "from: person.checking, to: shop.checking",
        "from: person.checking, to: person.dollars",
        "mix.sale: the two sides have no asset in common (BRL and USD)",
    ),
    (
        "from: person.checking, to: shop.checking",
        "same_holder: true, from: person.checking, to: shop.checking",
        "no customer owns an account on both sides",
    ),
    (
        "from: person.checking, to: shop.checking",
        "same_holder: true, from: person.checking, to: person.checking",
        "a customer has one account person.checking",
    ),
    (
        "from: person.checking, to: shop.checking",
        "from: [person.checking, external], to: shop.checking",
        "mix.sale.from: external stands alone",
    ),
    (
        "from: person.checking,",
        "from: {person.checking: {friends: {mean: 2}}},",
        "mix.sale.from: friends and members choose a destination",
    ),
    ("to: shop.checking", "to: {fees: {zipf: 1}}", "mix.sale.to: fees is one account: there is nothing to choose"),
    # legs
    (
        "to: shop.checking",
        "to: shop.checking, fee: {percent: 1, to: fes}",
        "mix.sale.fee.to: there is no internal account 'fes'; did you mean fees?",
    ),
    (
        "to: shop.checking",
        "to: shop.checking, fee: {percent: 1, to: desk-usd}",
        "mix.sale.fee.to: desk-usd is in USD, the movement in BRL",
    ),
    (
        "to: shop.checking",
        "to: shop.checking, split: {fees: 60 %, vault: 40 %}",
        "mix.sale.split: the shares sum to 100 %",
    ),
    (
        "to: shop.checking",
        "to: shop.checking, through: vault",
        "mix.sale.through: it stands in for the external account",
    ),
    ("to: shop.checking", "to: external, legs: 3", "mix.sale.legs: external is one account"),
    ("to: shop.checking", "to: shop.checking, legs: 30", "mix.sale.legs: there are at most 10 accounts"),
    # exchange
    (
        "to: shop.checking",
        "to: person.dollars, exchange: {sell: BRL, buy: USD, desk: [desk-usd, desk-brl]}",
        "exchange.desk[0]: desk-usd must be in BRL",
    ),
    (
        "to: shop.checking",
        "to: shop.checking, exchange: {sell: BRL, buy: USD, desk: [desk-brl, desk-usd]}",
        "exchange.buy: the accounts in `to` have no USD",
    ),
    # amounts
    (
        'BRL: {amount: "5.00"}',
        "BRL: {amount: 12.345}",
        "6: assets.BRL.amount: 12.345 has more decimals than BRL, whose scale is 2",
    ),
    (
        'BRL: {amount: "5.00"}',
        "BRL: {amount: {uniform: [5, 3]}}",
        "assets.BRL.amount.uniform: the lowest amount 5 is above the highest 3",
    ),
    (
        'BRL: {amount: "5.00"}',
        "BRL: {amount: {uniform: [5, 6], round: {0.005: 3 %}}}",
        "assets.BRL.amount.round.0.005: 0.005 has more decimals",
    ),
    (
        'BRL: {amount: "5.00"}',
        "BRL: {amount: {choose: {x: 3}}}",
        "assets.BRL.amount.choose.x: it must be a decimal number above 0",
    ),
    (
        'BRL: {amount: "5.00"}',
        "BRL: {amount: {choose: {5: 0}}}",
        "assets.BRL.amount.choose: one weight must be above 0",
    ),
    ('BRL: {amount: "5.00"}', "BRL: {amount: 0}", "assets.BRL.amount: an amount of 0 moves nothing"),
    (
        'BRL: {amount: "5.00"}',
        "BRL: {amount: {const: 5, min: 9, max: 3}}",
        "assets.BRL.amount.min: min 9 is above max 3",
    ),
    (
        'BRL: {amount: "5.00"}',
        'BRL: {amount: 5, opening: "10000000000000000000000000000.01"}',
        "assets.BRL.opening: amounts of BRL can exceed 10^30",
    ),
    (
        'BRL: {amount: "5.00"}',
        "BRL: {amount: 5, opening: {lognormal: {median: 5, sigma: 20}}}",
        "assets.BRL.opening: amounts of BRL can exceed 10^30",
    ),
    ('BRL: {amount: "5.00"}', "BRL: {}", "18: mix.sale: it needs an amount, because the asset BRL has none"),
    (
        "to: shop.checking",
        "to: shop.checking, amount: {like: pay-on}",
        "mix.sale.amount.like: there is no mix entry 'pay-on'; did you mean pay-in?",
    ),
    (
        "to: shop.checking",
        "to: shop.checking, amount: {like: sale}",
        "mix.sale.amount.like: the amounts are circular: sale -> sale",
    ),
    (
        "from: external, to: person.checking",
        "from: external, to: shop.checking, amount: income",
        "mix.pay-in.amount: no customer of this movement has an income",
    ),
    # volume
    ("customers: 100, ", "", "4: volume: it needs customers"),
    (', per_customer_per_day: "0.5"', "", "4: volume: it needs movements or per_customer_per_day"),
    (
        "customers: 100, ",
        "customers: 100, movements: 5, ",
        "volume.per_customer_per_day: give movements or per_customer_per_day, not both",
    ),
    (
        "customers: 100, ",
        "customers: 100, from_settings: true, ",
        "volume.customers: from_settings takes the counts from the settings",
    ),
    ("weight: 9, ", "", "mix.sale: it is never used"),
    ("weight: 9, ", "each: 3, ", "mix.sale.each: movements of every account have no dates"),
    ("weight: 9, ", "generator: lotery, weight: 9, ", "mix.sale: from, to cannot be combined with a generator"),
    (
        "weight: 9, from: person.checking, to: shop.checking",
        "weight: 9, generator: lotery",
        "mix.sale.generator: there is no installed generator 'lotery'",
    ),
    # days
    (
        "mix:",
        "schedules: {s: {when: {business_day: 20}, per: person, via: sale}}\nmix:",
        "schedules.s.when.business_day: months have at least",
    ),
    (
        "mix:",
        "schedules: {s: {when: {last_business_day_before: 02-30}, per: person, via: sale}}\nmix:",
        "there is no day 02-30 in any year",
    ),
    (
        "mix:",
        "schedules: {s: {when: {last_business_day_before: 12-20}, per: person, via: sale}}\nmix:",
        "17: schedules.s.when: no day of the 60 days of history matches",
    ),
    (
        "mix:",
        "schedules: {s: {when: {day: 5}, per: persn, via: sale}}\nmix:",
        "schedules.s.per: there is no kind of customer 'persn'; did you mean person?",
    ),
    (
        "mix:",
        "schedules: {s: {when: {day: 5}, per: person, via: sal}}\nmix:",
        "schedules.s.via: there is no mix entry 'sal'; did you mean sale?",
    ),
    (
        "mix:",
        "schedules: {s: {when: {day: 5}, per: shop, via: pay-in}}\nmix:",
        "schedules.s.per: no account of a shop is in pay-in",
    ),
    ("time: {last_day: 2026-11-25, history: 60 days}\n", "", "per_customer_per_day: it needs `time`"),
    (
        "history: 60 days",
        "history: 60 days, week: [0, 0, 0, 0, 0, 0, 0]",
        "time.week: one day of the week must be above 0",
    ),
    (
        "to: shop.checking",
        "to: shop.checking, only: {between: [18:00, 09:00]}",
        "mix.sale.only.between: the first time must be before",
    ),
    ("mix:", "proof: {as_of: [month-end]}\nmix:", "proof.as_of[0]: it must be month-ends"),
    ("mix:", "proof: {as_of: [61 random days]}\nmix:", "proof.as_of[0]: the history has 60 days"),
    (
        "mix:",
        "proof: {as_of: [2026-11-26]}\nmix:",
        "proof.as_of[0]: 2026-11-26 is not in the history, 2026-09-27 to 2026-11-25",
    ),
    # texts
    (
        "to: shop.checking",
        "to: shop.checking, says: 'To {to.frist_name}'",
        "mix.sale.says: there is no field {to.frist_name}; did you mean {to.first_name}?",
    ),
    ("to: shop.checking", "to: shop.checking, metadata: {a: '{n'}", "mix.sale.metadata.a: a brace has no partner"),
    (
        "to: shop.checking",
        "to: shop.checking, metadata: {" + ", ".join(f"k{n}: x" for n in range(16)) + "}",
        "mix.sale.metadata: 16 keys are too many",
    ),
    # the life of transactions
    (
        "mix:",
        "lifecycle: {pending: [{of: pay-in, count: 3}]}\nmix:",
        "lifecycle.pending[0].of: the server refuses a pending transaction whose source is external (0098)",
    ),
    (
        "mix:",
        "lifecycle: {pending: [{of: sale, count: 3, then: {commit: 90 %, cancel: 20 %}}]}\nmix:",
        "lifecycle.pending[0].then: commit and cancel sum to 110 %",
    ),
    (
        "mix:",
        "lifecycle: {revert: [{of: sal, count: 3}]}\nmix:",
        "lifecycle.revert[0].of: there is no mix entry 'sal'; did you mean sale?",
    ),
    (
        "mix:",
        "payouts: {p: {when: {every: day}, from: external}}\nmix:",
        "payouts.p.from: a payout leaves accounts of the ledger",
    ),
    (
        "mix:",
        "payouts: {p: {when: {every: day}, from: shop.cheking}}\nmix:",
        "payouts.p.from: there is no account 'shop.cheking'; did you mean shop.checking?",
    ),
    (
        "mix:",
        "refusals: {count: 3, kinds: {frozen-sender: 1}}\nmix:",
        "refusals.kinds.frozen-sender: no account is frozen",
    ),
    ("mix:", "refusals: {count: 3, kinds: {future: 0}}\nmix:", "refusals.kinds: one weight must be above 0"),
    # metadata
    ("weight: 9", "weight: 9, metadata: {seedKey: x}", "mix.sale.metadata.seedKey: seedKey is the mark of the plan"),
    (
        "mix:",
        "payouts: {p: {when: {every: day}, from: shop.checking, metadata: {seedRun: x}}}\nmix:",
        "payouts.p.metadata.seedRun: seedRun is the mark of the plan",
    ),
]


def test_the_scenario_that_the_cases_change_is_valid(tmp_path: Path) -> None:
    assert load_scenario(str(write_scenario(tmp_path, BANK))).scenario == "bank"
    assert load_scenario(str(write_scenario(tmp_path, SHOP))).scenario == "shop"


@pytest.mark.parametrize(("old", "new", "problem"), CASES, ids=lambda text: text[:50])
def test_an_impossible_scenario_is_refused_with_its_line(old: str, new: str, problem: str, tmp_path: Path) -> None:
    assert old in BANK
    found = refusal(write_scenario(tmp_path, BANK.replace(old, new, 1)))
    assert any(problem in each for each in found), found
    assert all(each.startswith("scenario.yaml:") and each.split(":")[1].isdecimal() for each in found), found


def test_the_currencies_of_a_scenario_are_those_that_the_server_accepts() -> None:
    assert CURRENCIES == ACCEPTED


def test_an_entry_for_business_days_in_a_history_without_one_is_refused(tmp_path: Path) -> None:
    weekend = BANK.replace("2026-11-25, history: 60 days", "2026-11-22, history: 2 days")
    text = weekend.replace("weight: 9", "weight: 9, only: {business_days: true}")
    [problem] = refusal(write_scenario(tmp_path, text))
    assert "mix.sale.only.business_days: no day of the 2 days of history is a business day" in problem


def test_every_impossibility_is_reported_at_once(tmp_path: Path) -> None:
    text = (
        BANK.replace("share: 90 %", "share: 80 %").replace("to: shop.checking", "to: shop.x").replace("5.00", "5.001")
    )
    assert len(refusal(write_scenario(tmp_path, text))) == 3


@pytest.mark.parametrize("name", builtin_names())
def test_a_built_in_scenario_is_possible(name: str) -> None:
    assert check(load_scenario(name)) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("plain", ""),
        ("{from.name} {to.first_name} {amount} {asset} {n} {e2e} {boleto} {entry}", ""),
        ("{due} {due:%d/%m/%Y} {date:%m-%y} {choose:A 1|B C 2}", ""),
        ("{date:%H}", "no valid format"),
        ("{n:3}", "takes nothing after a colon"),
        ("{choose:A|B}", "must hold words with weights"),
        ("{choose:A 0}", "must hold words with weights"),
        ("{}", "there is no field {}"),
        ("{{n}}", "a brace has no partner"),
        ("}{", "a brace has no partner"),
        ("{faker:iso8601}", "depends on today's date"),
    ],
)
def test_the_fields_of_a_text_are_checked(text: str, problem: str) -> None:
    found = template_problems(text)
    assert (problem in found[0]) if problem else found == []


@pytest.mark.parametrize(
    ("rule", "last_day", "history", "hit"),
    [
        ({"day": 31}, date(2026, 11, 30), 1, True),  # the last day of a month without a 31st
        ({"day": 5}, date(2026, 11, 25), 20, False),
        ({"day": 5}, date(2026, 11, 25), 21, True),
        ({"day": 5, "roll": "next-business-day"}, date(2026, 11, 8), 2, True),
        ({"business_day": 5}, date(2026, 11, 4), 4, False),
        ({"business_day": 5}, date(2026, 11, 9), 9, True),
        ({"last_business_day_before": "12-20"}, date(2026, 12, 18), 1, True),
        ({"last_business_day_before": "02-29"}, date(2026, 2, 27), 1, True),
        ({"last_business_day_before": "01-01"}, date(2025, 12, 31), 1, True),
        ({"last_business_day_before": "12-20"}, date(2026, 12, 21), 1, False),
        ({"every": "business-day"}, "yesterday", 2, False),
        ({"every": "business-day"}, date(2026, 11, 25), 3, True),  # Monday to Wednesday
        ({"every": "business-day"}, date(2026, 11, 22), 2, False),
        ({"day_of_month": "per-customer"}, date(2026, 11, 25), 1, True),
    ],
)
def test_a_rule_that_no_day_of_the_history_can_match_is_found(
    rule: dict[str, object], last_day: object, history: int, hit: bool
) -> None:
    time = Time.model_validate({"last_day": last_day, "history": history})
    assert days_hit(When.model_validate(rule), time) is hit


@pytest.mark.parametrize(
    ("friends", "sentence"),
    [
        ("{mean: 0.5}", "mix.sale.to.shop.checking.friends.mean: it must be from 1 to 100"),
        ("{mean: 101}", "mix.sale.to.shop.checking.friends.mean: it must be from 1 to 100"),
        ("{mean: 6, alpha: 0.5}", "mix.sale.to.shop.checking.friends.alpha: it must be from 1 to 10"),
    ],
)
def test_a_mean_number_of_friends_that_cannot_be_kept_is_refused(friends: str, sentence: str, tmp_path: Path) -> None:
    text = SHOP.replace('{zipf: "1.05"}', f"{{friends: {friends}}}")
    with pytest.raises(ConfigurationError, match=re.escape(sentence)):
        load_scenario(str(write_scenario(tmp_path, text)))
