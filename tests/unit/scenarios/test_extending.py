"""`extends`: how a file changes another one."""

from pathlib import Path

import pytest

from midaz_seed.scenarios.loader import load_scenario
from midaz_seed.scenarios.model import Scenario
from tests.support.scenarios import SHOP, other_scenario, refusal, write_scenario

PERSONAS = (
    "personas:\n  - {alias: ana, kind: person, name: Ana, income: 5}\n  - {alias: rui, kind: person, name: Rui}\n"
)


def extended(folder: Path, change: str, base: str = SHOP) -> Scenario:
    return load_scenario(str(child(folder, change, base)))


def child(folder: Path, change: str, base: str = SHOP) -> Path:
    """Write a file that changes the small scenario."""
    write_scenario(folder, base, "other.yaml")
    return write_scenario(folder, f"scenario: child\nextends: other.yaml\n{change}")


def test_maps_merge_by_name_at_every_depth_and_keep_their_order(tmp_path: Path) -> None:
    scenario = extended(
        tmp_path,
        "volume: {customers: 5}\nmix: {gift: {weight: 2, from: fees, to: person.checking}, sale: {weight: 3}}\n"
        "accounts: {kinds: {person: {holder: mixed}}}\n",
    )
    assert (scenario.scenario, scenario.about) == ("child", "People pay a shop.")
    assert (scenario.volume.customers, scenario.volume.movements) == (5, 100)
    assert list(scenario.mix) == ["sale", "save", "gift"]
    assert scenario.mix["sale"].weight == 30_000
    assert scenario.mix["sale"].to.of == ("shop.checking",)
    assert scenario.accounts.kinds["person"].owns.keys() == {"checking", "savings"}


@pytest.mark.parametrize(
    ("base", "change", "value"),
    [
        ("amount: 3", "amount: {uniform: [1, 9]}", "amount"),
        ("to: {shop.checking: {zipf: 1}}", "to: person.savings", "to"),
        ("to: {shop.checking: {zipf: 1}}", "to: {shop.checking: {uniform: true}}", "to"),
        ("fee: {percent: 1, to: fees}", "fee: {fixed: 1, to: fees}", "fee"),
    ],
)
def test_a_choice_among_several_is_replaced_whole(base: str, change: str, value: str, tmp_path: Path) -> None:
    start = "weight: 1, from: person.checking"
    end = "" if value == "to" else ", to: shop.checking"
    new = f"mix: {{new: {{{start}, {change}{end}}}}}\n"
    whole = load_scenario(str(write_scenario(tmp_path, f"scenario: a\nextends: other.yaml\n{new}", _base(tmp_path))))
    text = SHOP + f"  new: {{{start}, {base}{end}}}\n"
    merged = extended(tmp_path, f"mix: {{new: {{{change}}}}}\n", text)
    assert getattr(merged.mix["new"], value) == getattr(whole.mix["new"], value)


def _base(folder: Path) -> str:
    other_scenario(folder)
    return "whole.yaml"


def test_lists_are_replaced(tmp_path: Path) -> None:
    base = SHOP + "assumptions: [one, two]\n"
    assert extended(tmp_path, "assumptions: [three]\n", base).assumptions == ("three",)


def test_personas_merge_by_alias_and_can_be_removed(tmp_path: Path) -> None:
    change = (
        "personas: [{alias: rui, remove: true}, {alias: eva, kind: person, name: Eva}, {alias: ana, name: Ana B}]\n"
    )
    personas = extended(tmp_path, change, SHOP + PERSONAS).personas
    assert [(persona.alias, persona.name) for persona in personas] == [("ana", "Ana B"), ("eva", "Eva")]
    assert personas[0].income == 5


def test_a_movement_count_replaces_the_one_per_customer_and_day(tmp_path: Path) -> None:
    base = SHOP.replace("movements: 100", "per_customer_per_day: 2") + "time: {history: 9}\n"
    volume = extended(tmp_path, "volume: {movements: 7}\n", base).volume
    assert (volume.movements, volume.per_customer_per_day) == (7, None)


def test_an_entry_is_removed(tmp_path: Path) -> None:
    assert extended(tmp_path, "mix: {save: {remove: true}}\n").mix.keys() == {"sale"}


def test_removing_what_is_not_there_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    [problem] = refusal(child(tmp_path, "mix:\n  svae: {remove: true}\n"))
    assert problem == "scenario.yaml:4: mix.svae: what it extends has nothing of this name; did you mean save?"


def test_removing_without_extends_is_refused(tmp_path: Path) -> None:
    [problem] = refusal(write_scenario(tmp_path, SHOP + "  gone: {remove: true}\n"))
    assert problem == "scenario.yaml:15: mix.gone: there is nothing to remove without `extends`"


def test_a_problem_names_the_file_that_the_value_came_from(tmp_path: Path) -> None:
    base = SHOP.replace("90 %", "70 %")
    found = refusal(child(tmp_path, "mix:\n  sale: {from: person.cheking}\n", base))
    assert found == [
        "other.yaml:9: accounts.kinds: the shares of all kinds must sum to 100 %, not 70 % + 10 % = 80 %",
        "scenario.yaml:4: mix.sale.from: there is no account 'person.cheking'; did you mean person.checking?",
    ]


def test_relative_paths_begin_at_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    write_scenario(tmp_path, SHOP, "base.yaml")
    write_scenario(tmp_path / "deep", "scenario: b\nextends: ../base.yaml\n", "b.yaml")
    file = write_scenario(tmp_path, "scenario: c\nextends: deep/b.yaml\n", "c.yaml")
    assert load_scenario(str(file)).about == "People pay a shop."


def test_a_built_in_scenario_can_be_extended(tmp_path: Path) -> None:
    file = write_scenario(tmp_path, "scenario: mine\nextends: builtin:classic\nassets: {XAG: {remove: true}}\n")
    assert load_scenario(str(file)).assets.keys() == load_scenario("classic").assets.keys() - {"XAG"}


def test_a_circle_is_refused_with_its_chain(tmp_path: Path) -> None:
    write_scenario(tmp_path, "scenario: a\nextends: b.yaml\n", "a.yaml")
    write_scenario(tmp_path, "scenario: b\nextends: c.yaml\n", "b.yaml")
    file = write_scenario(tmp_path, "scenario: c\nextends: ./a.yaml\n", "c.yaml")
    [problem] = refusal(file)
    assert problem == "b.yaml:2: extends is circular: c.yaml -> a.yaml -> b.yaml -> c.yaml"


def test_a_chain_of_more_than_ten_is_refused(tmp_path: Path) -> None:
    write_scenario(tmp_path, SHOP, "s0.yaml")
    for number in range(1, 12):
        write_scenario(tmp_path, f"scenario: s{number}\nextends: s{number - 1}.yaml\n", f"s{number}.yaml")
    assert load_scenario(str(tmp_path / "s9.yaml")).scenario == "s9"
    assert "more than 10 scenarios" in refusal(tmp_path / "s10.yaml")[0]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("builtin:clasic", "did you mean classic?"),
        ("nowhere.yaml", "does not exist"),
        ("[a]", "extends must be followed by"),
        ("''", "extends must be followed by"),
    ],
)
def test_what_cannot_be_extended_is_refused_with_its_line(value: str, problem: str, tmp_path: Path) -> None:
    [found] = refusal(write_scenario(tmp_path, f"scenario: x\nextends: {value}\n"))
    assert found.startswith("scenario.yaml:2: ")
    assert problem in found


def test_each_file_has_a_name_of_its_own(tmp_path: Path) -> None:
    assert "it needs `scenario`: its own name" in refusal(write_scenario(tmp_path, "extends: builtin:classic\n"))[0]
