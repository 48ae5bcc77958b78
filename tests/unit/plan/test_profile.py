"""The profile of a plan: what it says is what the plan's transactions are."""

import csv
import io
import json
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.plan.items import AssetTemplate, Phase
from midaz_seed.plan.measures import distribution, gini, share, top_share
from midaz_seed.plan.plan import Plan, build_plan
from midaz_seed.plan.profile import profile
from midaz_seed.plan.profile_parts import Profile
from midaz_seed.plan.profile_text import ASCII, profile_document, render_profile
from midaz_seed.plan.rows import Row, rows
from midaz_seed.settings.model import Settings

CENTS = AssetTemplate("BRL", "Real", "R$", 2, "currency")


@cache
def planned(scenario: str) -> tuple[Plan, Profile]:
    plan = build_plan(Settings.model_validate({"scenario": scenario, "preset": "tiny"}))
    return plan, profile(plan)


SCENARIOS = pytest.mark.parametrize("scenario", ["classic", "corner-cases", "demo"])


# ---- measures


@given(st.lists(st.integers(0, 10**14), min_size=1, max_size=60))
def test_quantiles_are_amounts_that_occur_and_bands_hold_every_amount_once(amounts: list[int]) -> None:
    found = distribution(Counter(amounts), CENTS)
    ordered = sorted(amounts)
    for percent, value in ((10, found.p10), (50, found.p50), (90, found.p90), (99, found.p99)):
        assert value == CENTS.decimal(ordered[-(-len(ordered) * percent // 100) - 1])
    assert (found.min, found.max) == (CENTS.decimal(ordered[0]), CENTS.decimal(ordered[-1]))
    assert abs(found.mean * len(amounts) - found.total) <= Decimal("0.005") * len(amounts)
    for band in found.bands:
        assert band.count == sum(band.low <= CENTS.decimal(amount) < band.high for amount in amounts)
    assert sum(band.count for band in found.bands) == found.count == len(amounts)
    assert [band.high for band in found.bands[:-1]] == [band.low for band in found.bands[1:]]


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30))
def test_the_gini_coefficient_is_half_the_mean_difference_over_the_mean(values: list[int]) -> None:
    total, count = sum(values), len(values)
    differences = sum(abs(one - other) for one in values for other in values)
    assert gini(values) == (round(differences / (2 * count * total), 4) if total else 0.0)


def test_the_top_share_counts_at_least_one_value_and_an_empty_sum_has_none() -> None:
    assert top_share([1, 1, 2], 1) == 0.5
    assert top_share(range(200), 1) == share(199 + 198, sum(range(200)))
    assert top_share([0, 0], 1) == 0.0


# ---- a profile against the transactions of its plan


@SCENARIOS
def test_the_counts_are_those_of_the_plan(scenario: str) -> None:
    plan, found = planned(scenario)
    transfers = plan.counts[Phase.TRANSFERS]
    assert found.transactions == transfers == sum(flow.transactions for flow in found.flows)
    assert sum(found.transaction_kinds.values()) == sum(found.legs.values()) == transfers
    assert sum(sum(rails.values()) for rails in found.rails.values()) == transfers
    assert sum(found.follow_ups.values()) == plan.counts.get(Phase.FOLLOW_UPS, 0)
    assert sum(found.refusals.values()) == plan.counts.get(Phase.REFUSALS, 0)
    accounts = sum(ledger.account_count for ledger in plan.ledgers)
    internal = sum(len(ledger.shape.scenario.accounts.internal) for ledger in plan.ledgers)
    assert sum(sum(kind.accounts.values()) for kind in found.kinds) == accounts - internal


@SCENARIOS
def test_the_amounts_are_those_of_the_request_bodies(scenario: str) -> None:
    plan, found = planned(scenario)
    sums, legs, rails = Counter[str](), Counter[int](), Counter[tuple[str, str]]()
    for ledger in plan.ledgers:
        for item in ledger.transfers():
            body = json.loads(item.body)
            rails[item.asset, body["metadata"].get("rail", "none")] += 1
            legs[sum(map(len, item.accounts))] += 1
            if item.kind != "annotation":
                sums[item.asset] += Decimal(body["send"]["value"])
    assert {one.code: one.transactions.total for one in found.assets if one.transactions} == sums
    assert (
        Counter({(code, rail): number for code, each in found.rails.items() for rail, number in each.items()}) == rails
    )
    assert found.legs == legs


@SCENARIOS
def test_the_final_balances_are_the_opening_ones_and_what_came_in_less_what_went_out(scenario: str) -> None:
    plan, found = planned(scenario)
    for asset in found.assets:
        expected = [ledger.expectation() for ledger in plan.ledgers]
        [template] = [each for each in plan.ledgers[0].assets if each.code == asset.code]
        opening = template.decimal(sum(each.opening[asset.code] for each in expected))
        outside = template.decimal(sum(each.external[asset.code] for each in expected))
        if not found.follow_ups:
            assert opening + asset.came_in - asset.went_out == outside


def test_a_history_has_each_day_and_hour_of_its_transactions() -> None:
    plan, found = planned("demo")
    days, hours = Counter[str](), Counter[int]()
    for item in plan.ledgers[0].transfers():
        local = datetime.fromisoformat(item.moment) - timedelta(hours=3)
        days[local.date().isoformat()] += 1
        hours[local.hour] += 1
    assert found.history is not None
    assert {day.date.isoformat(): day.transactions for day in found.history.days} == days
    assert dict(enumerate(found.history.hours)) == {hour: hours[hour] for hour in range(24)}
    assert [day.date.isoformat() for day in found.history.pay_days] == ["2026-09-08", "2026-10-07", "2026-11-09"]


def test_who_receives_most_is_named() -> None:
    plan, found = planned("demo")
    received = Counter(item.accounts[1][0] for item in plan.ledgers[0].transfers())
    [shops] = [kind for kind in found.kinds if kind.name == "empresa"]
    assert shops.top[0].alias == "padaria-demo"
    assert shops.top[0].received >= received["padaria-demo"]


# ---- text, document, rows


@SCENARIOS
@pytest.mark.parametrize("width", [80, 60])
def test_lines_fit_the_terminal_and_a_terminal_without_unicode_gets_ascii(scenario: str, width: int) -> None:
    _, found = planned(scenario)
    text = render_profile(found, width, signs=ASCII)
    assert text.isascii()
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= width
    assert "█" in render_profile(found, width)


def test_the_document_has_amounts_as_decimal_strings() -> None:
    _, found = planned("corner-cases")
    document = json.loads(profile_document(found))
    assert document["schema_version"] == 1
    [ether] = [asset for asset in document["assets"] if asset["code"] == "ETH"]
    assert ether["transactions"]["max"] == "1000000.123456789012345678"
    assert document["legs"] == {str(legs): count for legs, count in found.legs.items()}


@SCENARIOS
def test_rows_are_the_transactions_of_the_plan_with_their_local_times(scenario: str) -> None:
    plan, found = planned(scenario)
    exported = list(rows(plan))
    phases = (Phase.DEPOSITS, Phase.TRANSFERS, Phase.FOLLOW_UPS, Phase.REFUSALS)
    assert len({row.key for row in exported}) == len(exported) == sum(plan.counts.get(phase, 0) for phase in phases)
    made = [row for row in exported if row.kind in found.transaction_kinds and row.entry != "opening"]
    assert Counter(row.entry for row in made) == {flow.name: flow.transactions for flow in found.flows}
    if found.history is not None:
        dated = Counter(row.date for row in made)
        assert dated == {day.date.isoformat(): day.transactions for day in found.history.days}
        assert all(len(row.time) == len("06:00:00") for row in made)


def test_rows_of_batches_have_their_entry() -> None:
    batches = {"generation": {"batches": {"transactionsPerBatch": 3}}, "preset": "tiny"}
    exported = list(rows(build_plan(Settings.model_validate(batches))))
    assert {row.entry for row in exported} == {"opening", "mix.payment"}
    assert Row._fields[0] == "key"


def test_rows_survive_csv() -> None:
    plan, _ = planned("corner-cases")
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    exported = list(rows(plan))
    writer.writerows(exported)
    stream.seek(0)
    assert [Row(*line[:-1], int(line[-1])) for line in csv.reader(stream)] == exported
