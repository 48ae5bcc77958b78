"""The plan: exact numbers, funded whatever happens, the same to the byte, unique by construction."""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midaz_seed.errors import PlanError
from midaz_seed.model import payloads
from midaz_seed.model.balances import ObservedBalance, compare_balances, zero_sum_differences
from midaz_seed.model.tax_ids import is_cnpj, is_cpf
from midaz_seed.plan import generators
from midaz_seed.plan.generators import GENERATORS, BaseGenerator, EntityGenerator
from midaz_seed.plan.items import MONEY, Entity, Phase
from midaz_seed.plan.memory import MEMORY_MAX, memory_of
from midaz_seed.plan.plan import build_plan
from midaz_seed.plan.summary import summarize_plan
from midaz_seed.settings.model import Settings
from tests.support.plans import asset_of, entities, ledger_of, plan_of, shapes, sums_by_side, transactions

ROOT = Path(__file__).parents[3]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("preset", "posts", "movements"),
    [
        ("tiny", 36, 24),
        ("small", 8_434, 8_000),
        ("medium", 15_950, 15_000),
        pytest.param("large", 1_051_010, 1_000_000, marks=pytest.mark.thorough),
    ],
)
def test_presets_have_the_originals_exact_numbers(preset: str, posts: int, movements: int) -> None:
    plan = build_plan(Settings.model_validate({"preset": preset}))
    assert (plan.posts, plan.movements) == (posts, movements)


@settings(max_examples=30, deadline=None)
@given(shapes())
def test_every_source_is_funded_whatever_the_interleaving(chosen: Settings) -> None:
    for ledger in build_plan(chosen).ledgers:
        paid, _ = sums_by_side(ledger.transfers())
        deposited = ledger.expectation().deposited
        assert all(amount <= deposited[account] for (account, _), amount in paid.items() if account is not None)
        assert all(account is not None for account, _ in paid)


@settings(max_examples=30, deadline=None)
@given(shapes())
def test_the_expected_balances_are_what_the_movements_give(chosen: Settings) -> None:
    for ledger in build_plan(chosen).ledgers:
        balances, external = [0] * ledger.account_count, Counter[str]()
        for item in transactions(ledger):
            assert asset_of(ledger, item).code == item.asset
            for source, destination, amount in item.movements:
                assert source != destination
                assert amount > 0
                for account, change in ((source, -amount), (destination, amount)):
                    if account is None:
                        external[item.asset] -= change
                    else:
                        balances[account] += change
        expectation = ledger.expectation()
        assert balances == expectation.final
        assert min(balances) >= 0
        assert {code: amount for code, amount in expectation.external.items() if amount} == external
        sums = Counter[str]()
        for account, balance in enumerate(balances):
            sums[ledger.asset_of(account).code] += balance
        assert sums == Counter(expectation.external)


@settings(max_examples=20, deadline=None)
@given(shapes())
def test_packing_changes_no_balance(chosen: Settings) -> None:
    packed, single = (
        build_plan(chosen),
        build_plan(
            chosen.model_copy(
                update={
                    "generation": chosen.generation.model_copy(
                        update={"batches": chosen.generation.batches.model_copy(update={"transactions_per_batch": 1})}
                    )
                }
            )
        ),
    )
    for one, other in zip(packed.ledgers, single.ledgers, strict=True):
        assert replace(one.expectation(), batches=()) == other.expectation()
        assert sum(len(item.movements) for item in transactions(one)) == sum(1 for _ in transactions(other))


@settings(max_examples=20, deadline=None)
@given(shapes(), st.data())
def test_an_item_made_alone_is_the_one_made_in_its_turn(chosen: Settings, data: st.DataObject) -> None:
    plan = build_plan(chosen)
    items = [*entities(plan), *(item for ledger in plan.ledgers for item in transactions(ledger))]
    item = data.draw(st.sampled_from(items))
    assert build_plan(chosen).find(item.key) == item


@settings(max_examples=20, deadline=None)
@given(shapes())
def test_counts_are_what_the_generators_make(chosen: Settings) -> None:
    plan = build_plan(chosen)
    made = Counter(item.entity.value for item in entities(plan))
    for ledger in plan.ledgers:
        made.update(item.phase.value for item in transactions(ledger))
    for phase, count in plan.counts.items():
        assert made[phase.value if phase in (*MONEY, Phase.REFUSALS) else phase.value.removesuffix("s")] == count
    assert sum(made.values()) == plan.posts


def _texts(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    else:
        yield value


@settings(max_examples=20, deadline=None)
@given(shapes())
def test_everything_is_unique_and_nothing_is_what_a_server_trips_over(chosen: Settings) -> None:
    plan = build_plan(chosen)
    keys = [item.key for item in entities(plan)] + [item.key for one in plan.ledgers for item in transactions(one)]
    assert len(keys) == len(set(keys))
    bodies = [item.payload for item in entities(plan)]
    for organization in plan.organizations:
        names = [ledger.name.lower() for ledger in organization.ledgers]
        assert len(names) == len(set(names))
    for ledger in plan.ledgers:
        aliases = [ledger.alias(account) for account in range(ledger.account_count)]
        assert len(aliases) == len(set(aliases))
        assert all(re.fullmatch(r"[a-z0-9-]{1,100}", alias) for alias in aliases)
        for items in (ledger.items_of(Entity.SEGMENT), ledger.items_of(Entity.ASSET)):
            names = [str(item.payload["name"]) for item in items]
            assert len(names) == len(set(names))
            assert not any("_" in name or "%" in name for name in names)
        for item in transactions(ledger):
            body = json.loads(item.body)
            payloads.Transaction.model_validate(body)
            assert item.mark in json.dumps(body["metadata"], separators=(",", ":")).encode()
            assert Decimal(body["send"]["value"]) == Decimal(item.amount)
            bodies.append(body)
    for body in bodies:
        assert all(isinstance(text, str) and text for text in _texts(body))
        assert all(len(text) <= 100 and text.isascii() for text in body["metadata"].values())


def test_the_digest_covers_what_is_planned_and_nothing_else() -> None:
    base = build_plan(Settings.model_validate({"preset": "tiny"}))
    same = [
        {"generation": {"limits": {"maxConcurrency": 99, "requestsPerSecond": 5}, "retries": {"max": 9}}},
        {"runId": "another", "settlement": {"deadlineS": 5}},
    ]
    for change in same:
        assert build_plan(Settings.model_validate({"preset": "tiny", **change})).digest == base.digest
    other = [
        {"seed": 2},
        {"volume": {"accountsPerLedger": 7}},
        {"volume": {"transactionsPerAccount": 5}},
        {"volume": {"transactionsPerAccount": 1}},
        {"volume": {"transactionsPerAccount": 0}},
        {"volume": {"segmentsPerLedger": 2}},
        {"data": {"alphanumericCnpj": True}},
        {"data": {"individualsPercent": 1}},
        {"data": {"metadata": "mark"}},
        {"data": {"metadata": "none"}},
        {"generation": {"batches": {"transactionsPerBatch": 2}}},
    ]
    digests = [build_plan(Settings.model_validate({"preset": "tiny", **change})).digest for change in other]
    assert len({base.digest, *digests}) == len(other) + 1


def test_the_run_id_follows_from_the_plan_unless_it_is_given() -> None:
    plan = build_plan(Settings.model_validate({"preset": "tiny"}))
    assert plan.run_id == f"s{plan.digest[:10]}"
    assert build_plan(Settings.model_validate({"preset": "tiny", "runId": "mine"})).run_id == "mine"


def test_a_sample_is_part_of_the_plan_and_the_same_each_time() -> None:
    (ledger,) = plan_of(accountsPerLedger=30, transactionsPerAccount=10).ledgers
    sample = ledger.sample(20)
    everything = {item.key: item for item in transactions(ledger)}
    assert len(sample) == 20
    assert all(everything[item.key] == item for item in sample)
    assert sample == ledger.sample(20)
    assert len(ledger.sample(10_000)) == 300
    assert plan_of(transactionsPerAccount=0).ledgers[0].sample(5) == []


@pytest.mark.parametrize(
    ("volume", "said"),
    [
        ({"assetsPerLedger": 9, "accountsPerLedger": 20}, "BRL, USD, EUR, BTC, ETH, XAU, XAG, MILES"),
        ({"assetsPerLedger": 5, "accountsPerLedger": 4}, "at least as many"),
        ({"assetsPerLedger": 3, "accountsPerLedger": 5}, "at least 6 accounts"),
    ],
)
def test_numbers_that_make_no_plan_are_refused_with_what_would(volume: dict[str, int], said: str) -> None:
    with pytest.raises(PlanError) as caught:
        plan_of(**volume)
    assert said in caught.value.hint


def test_one_account_per_asset_is_enough_when_nothing_is_transferred() -> None:
    assert plan_of(assetsPerLedger=4, accountsPerLedger=4, transactionsPerAccount=1).movements == 4


@pytest.mark.parametrize("alphanumeric", [False, True])
def test_holders_have_valid_documents_in_the_asked_shares(alphanumeric: bool) -> None:
    chosen = {"preset": "tiny", "volume": {"accountsPerLedger": 1000}, "data": {"alphanumericCnpj": alphanumeric}}
    (ledger,) = build_plan(Settings.model_validate(chosen)).ledgers
    kinds = Counter[str]()
    for item in ledger.account_items():
        kind, document = item.payload["metadata"]["holderKind"], str(item.payload["entityId"])  # type: ignore[index,call-overload]
        kinds[str(kind)] += 1
        assert is_cpf(document) if kind == "PF" else is_cnpj(document)
    assert 650 < kinds["PF"] < 750
    letters = any(re.search(r"[A-Z]", str(item.payload["entityId"])) for item in ledger.account_items())
    assert letters is alphanumeric


def test_every_generator_extends_the_base_generator() -> None:
    made = [value for value in vars(generators).values() if hasattr(value, "items") and hasattr(value, "phase")]
    assert len(made) >= 9
    assert all(isinstance(generator, BaseGenerator) for generator in made if not isinstance(generator, type))
    assert all(isinstance(generator, EntityGenerator) for generator in GENERATORS.values())


def test_what_makes_deposits_and_transfers_stays_under_300_lines() -> None:
    plan = ROOT / "midaz_seed/plan"
    lines = {path.name: path.read_text(encoding="utf-8").count("\n") for path in plan.glob("flows/*.py")}
    lines["writing.py"] = (plan / "writing.py").read_text(encoding="utf-8").count("\n")
    assert {name for name, count in lines.items() if count >= 300} == set()


def test_every_entity_of_a_plan_is_validated() -> None:
    for item in entities(plan_of(assetsPerLedger=8, accountsPerLedger=20, accountTypesPerLedger=5)):
        generator = GENERATORS[item.entity]
        generator.payload.model_validate(item.payload)
        with pytest.raises(ValueError, match="surprise"):
            generator.item(item.key, {**item.payload, "surprise": "field"})
        for field in item.payload:
            with pytest.raises(ValueError, match=field):
                generator.item(item.key, {**item.payload, field: ""})


def test_differences_name_the_field_and_both_values() -> None:
    (ledger,) = plan_of().ledgers
    item = next(ledger.account_items())
    generator = GENERATORS[item.entity]
    assert generator.differences(item, dict(item.payload)) == []
    found = {**item.payload, "assetCode": "XYZ"}
    assert generator.differences(item, found) == ["assetCode: XYZ on the server, BRL in the plan"]


def test_only_the_type_of_an_account_may_differ_in_case() -> None:
    (ledger,) = plan_of(accountTypesPerLedger=5, accountsPerLedger=10).ledgers
    item = next(ledger.account_items())
    generator = GENERATORS[item.entity]
    assert generator.differences(item, {**item.payload, "type": str(item.payload["type"]).upper()}) == []
    assert generator.differences(item, {**item.payload, "assetCode": "brl"}) != []
    assert generator.differences(item, {**item.payload, "type": None}) != []


def test_a_summary_counts_bytes_time_and_redis() -> None:
    plan = plan_of(accountsPerLedger=20, transactionsPerAccount=10)
    summary = summarize_plan(plan, rate_per_s=10, ttl_s=5)
    assert summary.duration_s == plan.posts / 10
    assert summary.slots == 50
    assert summary.redis_bytes == 50 * 2700
    (ledger,) = plan.ledgers
    exact = sum(len(item.body) for item in transactions(ledger))
    assert abs(summary.body_bytes - exact) < 0.4 * exact
    assert [(total.code, total.accounts) for total in summary.totals] == [("BRL", 10), ("USD", 10)]


def test_compared_balances_name_what_differs() -> None:
    ledger = ledger_of(assetsPerLedger=1, accountsPerLedger=3, transactionsPerAccount=1)
    expected = [replace(each, available=Decimal(30_000 if "@" in each.alias else 10_000))
                for each in ledger.expected_balances()]  # fmt: skip

    def row(
        alias: str, available: str, *, asset: str = "BRL", hold: str = "0", direction: str | None = "credit"
    ) -> ObservedBalance:
        return ObservedBalance(alias, "default", asset, Decimal(available), Decimal(hold), direction)

    one, two, three = (ledger.alias(account) for account in range(3))
    good = [row(one, "10000"), row(two, "10000.00"), row(three, "10000")]
    external = row("@external/BRL", "30000", direction="debit")
    older = row("@external/BRL", "-30000", direction=None)
    for outside in (external, older):
        assert list(compare_balances(expected, [*good, outside])) == []
        assert list(zero_sum_differences([*good, outside])) == []
    wrong = [row(one, "9999.99"), row(two, "10000", hold="5"), row("stranger", "1"), external]
    found = {(difference.what, difference.alias) for difference in compare_balances(expected, wrong)}
    assert found == {
        ("available", one),
        ("on hold", two),
        ("balance", three),
        ("unplanned balance", "stranger#default"),
    }
    assert [difference.what for difference in zero_sum_differences(wrong)] == ["sum of the asset"]


def test_type_checking_is_strict_for_the_whole_package() -> None:
    mypy = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    assert mypy["strict"] is True
    assert mypy["packages"] == ["midaz_seed"]
    assert not any("ignore_errors" in override for override in mypy.get("overrides", []))


def test_the_coverage_target_demands_ninety_percent() -> None:
    target = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\ncoverage:")[2].partition("\n\n")[0]
    assert "--cov-fail-under=90" in target
    coverage = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["coverage"]["run"]
    assert coverage["branch"] is True


@pytest.mark.parametrize(
    ("volume", "named"),
    [
        ({"organizations": 10_000_000}, "10,000,000 organizations"),
        ({"ledgersPerOrganization": 10_000_000}, "20,000,000 ledgers"),
        ({"accountsPerLedger": 10_000_000}, "40,000,000 accounts"),
        ({"transactionsPerAccount": 10_000_000}, "4,000,000,000 movements"),
        ({"portfoliosPerLedger": 10_000_000}, "400 accounts"),
        ({"segmentsPerLedger": 10_000_000}, "400 accounts"),
        (dict.fromkeys(("organizations", "ledgersPerOrganization", "accountsPerLedger"), 10_000_000), "ledgers"),
    ],
)
def test_a_plan_that_no_memory_holds_is_refused_at_once_with_the_numbers(volume: dict[str, int], named: str) -> None:
    """P5: before anything is generated."""
    with pytest.raises(PlanError, match=r"needs about [\d,.]+ GB of memory, the limit is 2 GB") as refused:
        build_plan(Settings.model_validate({"volume": volume}))
    assert named in refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize("preset", ["tiny", "small", "medium", "large"])
def test_every_preset_is_far_below_the_limit(preset: str) -> None:
    """P5: a hundred times over."""
    assert memory_of(Settings.model_validate({"preset": preset})) * 50 < MEMORY_MAX


def test_a_plan_without_balances_keeps_nothing_of_the_accounts_and_is_the_same_plan() -> None:
    """P5: `midaz-seed plan` needs no memory for accounts."""
    tiny = Settings.model_validate({"preset": "tiny", "volume": {"ledgersPerOrganization": 2}})
    whole, lean = build_plan(tiny), build_plan(tiny, keep_balances=False)
    assert (lean.digest, lean.run_id, lean.counts) == (whole.digest, whole.run_id, whole.counts)
    assert (lean.ledgers[0].expectation().final, lean.ledgers[1].expectation().deposited) == ([], [])
    assert lean.ledgers[0].expectation().external == whole.ledgers[0].expectation().external
    assert lean.find("o1.l1.t3.2") == whole.find("o1.l1.t3.2")
    assert summarize_plan(lean, rate_per_s=9.0, ttl_s=300) == summarize_plan(whole, rate_per_s=9.0, ttl_s=300)
