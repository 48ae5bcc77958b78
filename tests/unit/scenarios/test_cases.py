"""The cases of a scenario: what each changes, and what is wrong with one, with file, line and case."""

from pathlib import Path

import pytest

from midaz_seed.errors import ConfigurationError
from midaz_seed.plan.items import Kind, Phase, TransactionItem
from midaz_seed.plan.plan import build_plan
from midaz_seed.scenarios.loader import load_scenario
from midaz_seed.scenarios.model import canonical_text
from midaz_seed.settings.model import Settings
from tests.support.scenarios import write_scenario

MOVEMENTS = 90
BASE = """scenario: shop
about: A shop.
volume: {customers: 40, movements: 90}
assets: {BRL: {amount: 1}}
accounts: {kinds: {a: {owns: {main: {opening: 100}}}}}
mix: {sale: {weight: 1, from: a.main, to: a.main}}
cases:
"""
CASES = list(load_scenario("contention").cases)


def _wrong(folder: Path, case: str) -> str:
    file = write_scenario(folder, BASE + f"  even: {{}}\n  {case}\n", "shop.yaml")
    with pytest.raises(ConfigurationError) as raised:
        load_scenario(str(file))
    return str(raised.value)


def transfers(case: str) -> tuple[dict[Phase, int], list[TransactionItem]]:
    """Return the counts of a small plan of a case, and its transfers."""
    scenario = load_scenario(f"contention#{case}")
    customers = 3000 if case == "legs-500" else 200
    volume = {"customers": customers, "movements": 9 if case == "legs-500" else MOVEMENTS}
    plan = build_plan(Settings.model_validate({"scenario": scenario, "volume": volume}))
    return plan.counts, list(plan.ledgers[0].transfers())


@pytest.mark.parametrize("case", CASES)
def test_a_case_of_contention_loads_the_accounts_that_it_names(case: str) -> None:
    counts, items = transfers(case)
    sources, targets = ([getattr(item.movements[0], side) for item in items] for side in ("source", "destination"))
    legs = {len(item.movements) for item in items}
    assert len(items) == (9 if case == "legs-500" else MOVEMENTS)
    if case.startswith("legs-"):
        assert legs == {int(case.removeprefix("legs-"))}
    elif case == "n-to-1":
        assert legs == {10}
        assert all(len({move.destination for move in item.movements}) == 1 for item in items)
        assert all(len({move.source for move in item.movements}) == 10 for item in items)
    else:
        assert legs == ({2} if case == "fee-account" else {1})
    assert (len(set(targets)) <= 2) == (case == "hot-sink"), "another destination only for the hot account itself"
    assert (len(set(sources)) == 1) == (case == "hot-source")
    assert (max(map(sources.count, sources)) > 6) == (case in ("hot-source", "hot-set"))
    assert {item.kind for item in items} == {Kind.PENDING if case == "hold-commit" else Kind.DIRECT}
    assert counts.get(Phase.FOLLOW_UPS, 0) == (MOVEMENTS if case == "hold-commit" else 0)
    assert counts.get(Phase.REFUSALS, 0) == (MOVEMENTS // 9 if case == "refused-10" else 0)


def test_a_case_changes_the_scenario_around_it_and_leaves_that_as_it_is() -> None:
    whole, case = load_scenario("contention"), load_scenario("builtin:contention#legs-10")
    assert (case.scenario, case.mix["transfer"].legs, case.volume.movements) == ("contention-legs-10", 10, 5000)
    assert case.cases == {}
    assert whole.mix["transfer"].legs == 1
    assert "cases" not in canonical_text(whole), "a run of the scenario itself does not depend on its cases"


def test_a_file_changes_all_cases_of_what_it_extends_and_replaces_one_that_it_gives(tmp_path: Path) -> None:
    text = """scenario: mine
extends: builtin:contention
volume: {customers: 150}
cases: {zipf: {mix: {transfer: {amount: 7}}}, legs-500: {remove: true}}
"""
    file = write_scenario(tmp_path, text, "mine#1.yaml")
    mine = load_scenario(str(file))
    assert "legs-500" not in mine.cases
    assert {case.volume.customers for case in mine.cases.values()} == {150}
    zipf = load_scenario(f"{file}#zipf").mix["transfer"]
    assert (zipf.to.by, zipf.amount.const if zipf.amount else None) == (None, 7)


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("odd: {mix: {sale: {legs: 0}}}", "shop.yaml:9: in the case odd: mix.sale.legs must be at least 1, not 0"),
        ("odd: {mix: {sale: {to: b.main}}}", "shop.yaml:9: in the case odd: mix.sale.to: there is no account 'b.main'"),
        ("odd: {mix: {sole: {remove: true}}}", "shop.yaml:9: mix.sole: what it extends has nothing of this name"),
        ("odd: {extends: classic}", "shop.yaml:9: cases.odd.extends: a case changes the scenario around it"),
        ("odd: 3", "shop.yaml:9: cases.odd must be what the case changes"),
        ("Odd: {}", "shop.yaml:9: cases.Odd: the name of a case is of a-z"),
        ("odd: {mix: {sale: {sources: 50}}}", "at most 40 accounts to send from"),
        ("odd: {mix: {sale: {then: {commit: 90 %, cancel: 20 %}}}}", "commit and cancel sum to 110 %"),
        ("odd: {time: {history: 9 days}, mix: {sale: {then: {}}}}", "refuses a pending transaction with a date"),
        ("odd: {refusals: {share: 100 %, kinds: {future: 1}}}", "must be above 0 % and below 100 %"),
    ],
)
def test_what_is_wrong_with_a_case_is_reported_with_its_line(case: str, message: str, tmp_path: Path) -> None:
    assert message in _wrong(tmp_path, case)


def test_an_unknown_case_is_reported_with_the_nearest_name() -> None:
    with pytest.raises(ConfigurationError, match="has no case 'hot-snik'; did you mean hot-sink"):
        load_scenario("contention#hot-snik")
