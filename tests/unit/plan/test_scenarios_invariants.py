"""What holds in the plan of every scenario, whatever it combines."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import chain
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from midaz_seed.model import payloads
from midaz_seed.model.balances import EXTERNAL
from midaz_seed.plan.items import EntityItem, Kind, Phase, TransactionItem, effect_of, hold_effect_of
from midaz_seed.plan.ledger_plan import LedgerPlan
from midaz_seed.scenarios.model import Scenario
from midaz_seed.scenarios.values import WHOLE
from tests.support.plans import asset_of, entities, sums_by_side, transactions
from tests.support.small_scenarios import plan_of_scenario, scenarios

SEEDS = st.integers(0, 2**40)
MANY = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


def epochs_of(ledger: LedgerPlan) -> list[list[TransactionItem]]:
    """Return what is sent between two moments of rest: the epochs, and all follow-ups as the last one."""
    return [list(ledger.transfers_of(epoch)) for epoch in range(len(ledger.epochs))] + [list(ledger.follow_ups())]


@MANY
@given(scenarios(), SEEDS)
def test_a_plan_counts_each_movement_of_a_transaction_with_several(scenario: Scenario, seed: int) -> None:
    plan = plan_of_scenario(scenario, seed)
    made = [item for ledger in plan.ledgers for item in chain(ledger.deposits(), ledger.transfers())]
    assert plan.movements == sum(len(item.movements) for item in made)


def minor(text: str) -> int:
    return int(text.replace(".", ""))


def wished(ledger: LedgerPlan, scenario: Scenario) -> list[int]:
    """Return the opening balances that the scenario wishes."""
    personas = {persona.alias: persona.opening for persona in scenario.personas if persona.opening is not None}
    wishes = []
    for item in ledger.account_items():
        metadata: Any = item.payload["metadata"]
        asset = ledger.asset_of(ledger.account_index(item.key))
        opening = scenario.assets[asset.code].opening
        amount = opening.const if opening is not None and opening.const is not None else Decimal(0)
        amount = personas.get(str(item.payload["alias"]), amount)
        nothing = metadata.get("role") == "internal" or metadata.get("accountStatus") == "closed"
        wishes.append(0 if nothing else int(amount.scaleb(asset.scale)))
    return wishes


@MANY
@given(scenarios(), SEEDS)
def test_no_order_inside_an_epoch_overdraws_an_account_and_no_opening_is_higher_than_needed(
    scenario: Scenario, seed: int
) -> None:
    for ledger in plan_of_scenario(scenario, seed).ledgers:
        opening, wishes = ledger.expectation().deposited, wished(ledger, scenario)
        balances, lowest = list(opening), list(opening)
        for items in epochs_of(ledger):
            effects = [(account, change) for item in items for account, change in _changes(item)]
            for account, change in sorted(effects, key=lambda one: one[1]):  # all payments first
                balances[account] += change
                lowest[account] = min(lowest[account], balances[account])
        assert min(lowest) >= 0
        raised = [account for account, wish in enumerate(wishes) if opening[account] != wish]
        assert all(opening[account] > wishes[account] and lowest[account] == 0 for account in raised)
        assert ledger.expectation().raised.accounts == len(raised)
        assert balances == ledger.expectation().final


def _changes(item: TransactionItem) -> list[tuple[int, int]]:
    """Return the payments and receipts of a transaction, each on its own, because a server may apply them so."""
    if item.kind is not Kind.DIRECT:
        return list(effect_of(item).items())
    sides = [(movement.source, -movement.amount) for movement in item.movements]
    sides += [(movement.destination, movement.amount) for movement in item.movements]
    return [(account, change) for account, change in sides if account is not None]


@MANY
@given(scenarios(), SEEDS)
def test_planned_balances_are_what_the_items_do_and_every_asset_sums_to_zero(scenario: Scenario, seed: int) -> None:
    for ledger in plan_of_scenario(scenario, seed).ledgers:
        final, held, outside = [0] * ledger.account_count, Counter[int](), Counter[str]()
        for phase in (Phase.DEPOSITS, Phase.TRANSFERS, Phase.FOLLOW_UPS):
            before = list(final)
            for item in ledger.transactions(phase):
                available, on_hold = effect_of(item), hold_effect_of(item)
                for account, change in available.items():
                    final[account] += change
                held.update(on_hold)
                outside[item.asset] += sum(available.values()) + sum(on_hold.values())
            changes = [after - earlier for after, earlier in zip(final, before, strict=True)]
            assert changes == list(ledger.expectation().effect_of(phase))
        expectation = ledger.expectation()
        assert final == expectation.final
        assert {account: amount for account, amount in held.items() if amount} == expectation.on_hold
        assert dict(outside) == {code: amount for code, amount in expectation.external.items() if code in outside}
        sums = Counter[str]()
        for balance in ledger.expected_balances():
            sign = -1 if balance.alias.startswith(EXTERNAL) else 1
            sums[balance.asset] += sign * (balance.available + balance.on_hold)  # type: ignore[assignment]
        assert not any(sums.values())


@MANY
@given(scenarios(), SEEDS)
def test_bodies_say_what_the_movements_do_and_only_what_a_server_takes(scenario: Scenario, seed: int) -> None:
    plan = plan_of_scenario(scenario, seed)
    keys = [item.key for item in entities(plan)]
    for ledger in plan.ledgers:
        aliases = [ledger.alias(account) for account in range(ledger.account_count)]
        assert len(set(aliases)) == len(aliases)
        for item in transactions(ledger):
            keys.append(item.key)
            if item.phase in (Phase.DEPOSITS, Phase.TRANSFERS):
                _check_body(ledger, item)
            for field, value in json.loads(item.body or b'{"metadata": {}}')["metadata"].items():
                assert (field.isascii(), value.isascii(), 0 < len(value) <= 100) == (True, True, True)
    assert len(set(keys)) == len(keys)
    assert Counter(item.entity for item in entities(plan)).total() + sum(
        1 for ledger in plan.ledgers for _ in transactions(ledger)
    ) == sum(plan.counts.values())


def _check_body(ledger: LedgerPlan, item: TransactionItem) -> None:
    body = json.loads(item.body)
    payloads.Transaction.model_validate(body)
    send, asset = body["send"], asset_of(ledger, item)
    sides = []
    for side, sums in zip(("source", "distribute"), sums_by_side([item]), strict=True):
        expected = {
            EXTERNAL + code if account is None else ledger.alias(account): asset.text(amount)
            for (account, code), amount in sums.items()
        }
        found = [
            (leg["accountAlias"], leg["amount"]["value"])
            for leg in send.get(side, {}).get("from" if side == "source" else "to", [])
        ]
        assert found or expected == {EXTERNAL + asset.code: item.amount}
        assert not found or (dict(found) == expected and len(found) == len(expected))
        assert set(item.accounts[side == "distribute"]) == set(expected)
        sides.append(set(expected))
    assert not sides[0] & sides[1], "an account is on both sides"
    assert send["value"] == item.amount == asset.text(sum(movement.amount for movement in item.movements))
    assert all(movement.amount > 0 for movement in item.movements)
    has = {"inflow": {"distribute"}, "outflow": {"source"}}.get(item.endpoint, {"source", "distribute"})
    assert {"source", "distribute"} & set(send) == has
    assert ("pending" in body) is (item.kind is Kind.PENDING)
    assert body.get("transactionDate", "") == item.moment
    assert body["metadata"]["seedKey"] == f"r/{item.key}"


@MANY
@given(scenarios(), SEEDS)
def test_the_dates_of_a_history_ascend_and_stay_in_its_days(scenario: Scenario, seed: int) -> None:
    for ledger in plan_of_scenario(scenario, seed).ledgers:
        epochs = epochs_of(ledger)[:-1]
        moments = [item.moment for items in epochs for item in items if item.moment]
        assert moments == sorted(moments)
        for epoch, items in zip(ledger.epochs, epochs, strict=True):
            dated = epoch.day < len(ledger.history)
            assert all(item.day == epoch.day and bool(item.moment) is dated for item in items)
            if dated:  # 21:00 of the day before to 20:59 in UTC is the other way round: the zone is 3 hours behind
                day = ledger.history[epoch.day].toordinal()
                assert all(date.fromisoformat(item.moment[:10]).toordinal() - day in (0, 1) for item in items)
                assert all(
                    item.moment <= ledger.end_of(ledger.history[epoch.day]).replace(" ", "T") + "Z" for item in items
                )
        before = [item.moment for item in ledger.deposits()]
        assert all(bool(moment) is ledger.is_dated for moment in before)
        assert not moments or max(before, default="") < moments[0]


@MANY
@given(scenarios(), SEEDS)
def test_a_follow_up_refers_to_a_transaction_that_it_can_follow_and_no_other_follows_it(
    scenario: Scenario, seed: int
) -> None:
    life = scenario.lifecycle
    for ledger in plan_of_scenario(scenario, seed).ledgers:
        made = {item.key: item for item in ledger.transfers()}
        follow_ups = list(ledger.follow_ups())
        for item in follow_ups:
            wanted = Kind.DIRECT if item.kind is Kind.REVERT else Kind.PENDING
            assert made[item.of].kind is wanted
            assert item.movements == made[item.of].movements
            assert (item.key, item.body, item.endpoint) == (f"{item.of}.{item.kind}", b"", item.kind)
        assert len({item.of for item in follow_ups}) == len(follow_ups)
        counts = Counter(item.kind for item in follow_ups)
        pending, reverts = (life.pending, life.revert) if life else ((), ())
        assert counts[Kind.COMMIT] == sum(each.count * each.then.commit // WHOLE for each in pending)
        assert counts[Kind.CANCEL] == sum(each.count * each.then.cancel // WHOLE for each in pending)
        assert counts[Kind.REVERT] == sum(each.count for each in reverts)


@MANY
@given(scenarios(), SEEDS)
def test_a_refusal_has_a_reason_that_nothing_before_it_can_remove(scenario: Scenario, seed: int) -> None:
    for ledger in plan_of_scenario(scenario, seed).ledgers:
        had = Counter[int]()
        for item in chain(ledger.deposits(), ledger.transfers(), ledger.follow_ups()):
            for account, change in _changes(item):
                had[account] += max(change, 0)
        by_alias = {ledger.alias(account): account for account in range(ledger.account_count)}
        refusals = list(ledger.refusals())
        assert len(refusals) == (scenario.refusals.count if scenario.refusals else 0)
        for item in refusals:
            body = json.loads(item.body)
            [payer], [payee] = body["send"]["source"]["from"], body["send"]["distribute"]["to"]
            source, destination = by_alias[payer["accountAlias"]], by_alias.get(payee["accountAlias"])
            asset = ledger.asset_of(source)
            reasons = {
                "insufficient-funds": minor(item.amount) > had[source],
                "frozen-sender": source in ledger.frozen,
                "unknown-destination": destination is None,
                "wrong-asset": destination is not None and ledger.asset_of(destination) != asset,
                "unequal-sides": payer["amount"]["value"] != payee["amount"]["value"],
                "future": body.get("transactionDate", "") > "2190",
            }
            assert [reason for reason, holds in reasons.items() if holds] in (
                [item.refusal],
                # one minor unit may be more than an empty account has
                *([["insufficient-funds", item.refusal]] if had[source] == 0 else []),
            )
            assert (minor(item.amount) > 0, source != destination, item.phase) == (True, True, Phase.REFUSALS)


@MANY
@given(scenarios(), SEEDS)
def test_a_payout_is_a_share_of_what_came_in_since_the_last_one(scenario: Scenario, seed: int) -> None:
    for ledger in plan_of_scenario(scenario, seed).ledgers:
        received = Counter[int | None]()
        for epoch, items in zip(ledger.epochs, epochs_of(ledger)[:-1], strict=True):
            payouts = [item for item in items if ".p_repasse." in item.key]
            if not epoch.is_closing:
                for item in items:
                    for movement in item.movements:
                        received[movement.destination] += movement.amount
            share = scenario.payouts["repasse"].share if scenario.payouts else 0
            legs = scenario.payouts["repasse"].legs if scenario.payouts else 0
            for item in payouts:
                assert len(item.movements) <= legs
                for source, destination, amount in item.movements:
                    assert amount == received[source] * share // WHOLE > 0
                    assert (destination is None) is (scenario.payouts["repasse"].to == "external")
            if payouts:
                received.clear()


@MANY
@given(scenarios(), SEEDS)
def test_customers_have_documents_of_their_own_parents_of_their_own_and_personas_their_alias(
    scenario: Scenario, seed: int
) -> None:
    plan = plan_of_scenario(scenario, seed)
    documents: dict[str, set[tuple[str, str]]] = {}
    for ledger in plan.ledgers:
        accounts = {item.key: item for item in ledger.account_items()}
        for item in accounts.values():
            metadata: Any = item.payload["metadata"]
            if metadata.get("role") != "internal":
                who = (ledger.key, item.references["portfolioId"])
                documents.setdefault(str(item.payload["entityId"]), set()).add(who)
            parent = item.references.get("parentAccountId")
            assert (parent is not None) is str(item.payload["alias"]).endswith("-savings")
            if parent is not None:
                assert parent in ledger.parents
                for name in ("entityId", "assetCode", "name"):
                    assert accounts[parent].payload[name] == item.payload[name]
        by_alias = {item.payload["alias"]: item for item in accounts.values()}
        for persona in scenario.personas:
            assert by_alias[persona.alias].payload["name"] == persona.name
            assert f"{persona.alias}-savings" in by_alias or persona.kind == "shop"
    assert all(len(owners) == 1 for owners in documents.values()), "two customers have one document"


@MANY
@given(scenarios(), SEEDS, st.data())
def test_an_item_of_a_scenario_that_is_made_alone_is_the_one_made_in_its_turn(
    scenario: Scenario, seed: int, data: st.DataObject
) -> None:
    plan = plan_of_scenario(scenario, seed)
    items: Sequence[EntityItem | TransactionItem] = [
        *entities(plan),
        *(item for ledger in plan.ledgers for item in transactions(ledger)),
    ]
    item = data.draw(st.sampled_from(items))
    assert plan_of_scenario(scenario, seed).find(item.key) == item
    by_key = {item.key: item for item in items}
    for ledger in plan.ledgers:
        sample = ledger.sample(20)
        assert [by_key[item.key] for item in sample] == sample


@MANY
@given(scenarios(), SEEDS)
def test_an_entry_that_makes_nothing_changes_no_item_and_another_seed_changes_them(
    scenario: Scenario, seed: int
) -> None:
    (ledger, *_) = plan_of_scenario(scenario, seed).ledgers
    unused = scenario.mix["in"].model_copy(update={"weight": 0, "says": "nothing"})
    more = scenario.model_copy(update={"mix": {"unused": unused, **scenario.mix}})
    (with_more, *_) = plan_of_scenario(more, seed).ledgers
    assert list(transactions(with_more)) == list(transactions(ledger))
    assert list(with_more.account_items()) == list(ledger.account_items())
    (other, *_) = plan_of_scenario(scenario, seed + 1).ledgers
    assert list(other.account_items()) != list(ledger.account_items())


@pytest.mark.parametrize("part", ["mix", "schedules"])
def test_what_one_more_part_makes_does_not_move_the_items_of_the_others(part: str) -> None:
    base: dict[str, Any] = {
        "scenario": "base",
        "about": "Base.",
        "time": {"last_day": "2026-11-25", "history": 5},
        "volume": {"customers": 20, "movements": 40},
        "assets": {"BRL": {"amount": "1.00"}},
        "accounts": {"kinds": {"person": {"owns": {"checking": {}}}}},
        "mix": {"in": {"weight": 1, "from": "external", "to": "person.checking", "amount": {"uniform": [1, 9]}}},
        "schedules": {"rent": {"when": {"every": "day"}, "via": "in", "per": "person"}},
    }
    added = {
        "mix": {"out": {"weight": 1, "from": "person.checking", "to": "external"}},
        "schedules": {"more": {"when": {"every": "day"}, "via": "in", "per": "person"}},
    }
    more = Scenario.model_validate({**base, part: {**added[part], **base[part]}})
    made = [
        {item.key: item for item in plan_of_scenario(each).ledgers[0].transfers()}
        for each in (Scenario.model_validate(base), more)
    ]
    shared = [key for key in made[0] if key in made[1]]
    assert len(shared) > 100
    assert [made[0][key] for key in shared] == [made[1][key] for key in shared]
    assert any(re.search(r"\.(out|s_more)\.", key) for key in made[1])
