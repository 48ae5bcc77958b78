"""Reading scenario files: names, values and their errors, each with file and line."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from midaz_seed.errors import ConfigurationError
from midaz_seed.scenarios.loader import builtin_names, load_scenario, scenario_source
from midaz_seed.scenarios.model import Scenario, canonical_text, read_canonical
from tests.support.scenarios import SHOP, refusal, write_scenario


def load(folder: Path, text: str) -> Scenario:
    return load_scenario(str(write_scenario(folder, text)))


def changed(old: str, new: str) -> str:
    """Return the small scenario with one text replaced."""
    assert SHOP.count(old) == 1, old
    return SHOP.replace(old, new)


@pytest.mark.parametrize("name", builtin_names())
def test_a_built_in_scenario_loads_with_and_without_its_prefix(name: str) -> None:
    assert load_scenario(name) is load_scenario(f"builtin:{name}")
    assert load_scenario(name).scenario == name
    assert f"scenario: {name}\n" in scenario_source(name).text


@pytest.mark.parametrize("name", builtin_names())
def test_the_stored_text_of_a_scenario_reads_back_with_the_order_of_its_names(name: str) -> None:
    scenario = load_scenario(name)
    again = read_canonical(canonical_text(scenario))
    assert again == scenario.model_copy(update={"cases": {}}), "its cases are no part of a run"
    assert canonical_text(again) == canonical_text(scenario)
    assert list(again.assets) == list(scenario.assets)
    assert list(again.mix) == list(scenario.mix)


def test_a_file_loads(tmp_path: Path) -> None:
    assert load(tmp_path, SHOP).scenario == "shop"


@pytest.mark.parametrize("reference", ["nowhere.yaml", "a/b", "x.yml"])
def test_a_file_that_is_not_there_is_named(reference: str) -> None:
    with pytest.raises(ConfigurationError, match=f"the scenario file {reference} does not exist"):
        load_scenario(reference)


@pytest.mark.parametrize("reference", ["clasic", "builtin:clasic"])
def test_an_unknown_name_gets_the_nearest_one(reference: str) -> None:
    with pytest.raises(ConfigurationError, match=r"no built-in scenario is called 'clasic'; did you mean classic\?"):
        load_scenario(reference)


@pytest.mark.parametrize("reference", ["x" * 5000, "a\0b.yaml", "/", "."])
def test_a_reference_that_cannot_be_a_file_is_refused(reference: str) -> None:
    with pytest.raises(ConfigurationError):
        load_scenario(reference)


def test_a_file_is_found_without_its_ending_but_not_before_a_built_in_scenario(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_scenario(tmp_path, SHOP, "mine")
    write_scenario(tmp_path, SHOP, "classic")
    assert load_scenario("mine").scenario == "shop"
    assert load_scenario("./classic").scenario == "shop"
    assert load_scenario("classic").scenario == "classic"


def test_values_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    text = changed("{name: Fees}", "{name: no}").replace("weight: 9,", "weight: 9, only: {between: [06:30, 22:30]},")
    text += "time: {last_day: 2026-11-25, history: 4 weeks}\n"
    scenario = load(tmp_path, text)
    assert scenario.accounts.internal["fees"].name == "no"
    only = scenario.mix["sale"].only
    assert only is not None
    assert only.between == (6 * 3600 + 30 * 60, 22 * 3600 + 30 * 60)
    assert scenario.time is not None
    assert scenario.time.last_day == date(2026, 11, 25)
    assert scenario.time.history == 28


def test_merge_keys_and_names_of_the_user_share_parts(tmp_path: Path) -> None:
    text = "x-sale: &sale {to: shop.checking, amount: 7}\n" + changed(
        'to: {shop.checking: {zipf: "1.05"}}', "<<: *sale"
    )
    assert load(tmp_path, text).mix["sale"].to.of == ("shop.checking",)


def test_a_fee_may_have_a_percent_sign(tmp_path: Path) -> None:
    for percent in ("0.99 %", "0.99%", "0.99", '"0.99"'):
        text = changed("sale: {weight: 9,", f"sale: {{weight: 9, fee: {{percent: {percent}, to: fees}},")
        fee = load(tmp_path, text).mix["sale"].fee
        assert fee is not None
        assert fee.percent == Decimal("0.99")


BAD = [
    (
        "weight: 9,",
        "weight: 9 %,",
        "scenario.yaml:13: mix.sale.weight must be a weight: a number from 0 on with up to four decimals, without a "
        "percent sign, not '9 %'",
    ),
    (
        "assets:\n",
        "about: People: and a shop\nassets:\n",
        "scenario.yaml:4: the file is not valid YAML: mapping values are not allowed here; check the indentation, and "
        "quote texts that contain a colon",
    ),
    ("customers: 20", "custmers: 20", "scenario.yaml:3: unknown name volume.custmers; did you mean customers?"),
    ("customers: 20", "customers: many", "scenario.yaml:3: volume.customers must be a whole number, not 'many'"),
    ("customers: 20", "customers: 0", "scenario.yaml:3: volume.customers must be at least 1, not 0"),
    ("customers: 20", "customers: true", "scenario.yaml:3: volume.customers must be a whole number, not true"),
    (
        "90 %",
        "101 %",
        "scenario.yaml:10: accounts.kinds.person.share must be a percentage from 0 to 100 % with up to four decimals, "
        "not '101 %'",
    ),
    (
        "holder: PJ",
        "holder: PX",
        "scenario.yaml:11: accounts.kinds.shop.holder must be one of PF, PJ, mixed, not 'PX'",
    ),
    ("about: People pay a shop.\n", "", "scenario.yaml:1: about is missing"),
    ("{name: Fees}", "{}", "scenario.yaml:8: accounts.internal.fees.name is missing"),
    ("zipf:", "zpif:", "scenario.yaml:13: unknown name mix.sale.to.shop.checking.zpif; did you mean zipf?"),
    (
        '{zipf: "1.05"}',
        "{zipf: 1, uniform: true}",
        "scenario.yaml:13: mix.sale.to.shop.checking: exactly one of uniform, zipf, hot, friends, members is needed, "
        "not uniform and zipf",
    ),
    (
        'amount: "5.00"',
        "amount: five",
        "scenario.yaml:5: assets.BRL.amount must be a decimal number, such as 12.50, not 'five'",
    ),
    (
        'amount: "5.00"',
        "amount: {uniform: [1, 2, 3]}",
        "scenario.yaml:5: assets.BRL.amount.uniform must have at most 2 entries",
    ),
    ('amount: "5.00"', "amount: {uniform: [1]}", "scenario.yaml:5: assets.BRL.amount.uniform must have 2 entries"),
    (
        "save: {weight: 1,",
        "Save: {weight: 1,",
        "scenario.yaml:14: mix.Save is named 'Save', but the name must be a name of a-z, 0-9 and -, that begins with a "
        "letter (at most 40 characters)",
    ),
    (
        "from: person.checking, to: person.savings, ",
        "",
        "scenario.yaml:14: mix.save: it needs from and to (or a generator)",
    ),
    ("  sale: {", "  save: {", "scenario.yaml:14: save is given twice, first at scenario.yaml:13"),
    ("accounts:\n", "accounts: [\n", "scenario.yaml:8: the file is not valid YAML"),
]


@pytest.mark.parametrize(("old", "new", "problem"), BAD, ids=lambda text: text[:40])
def test_a_wrong_value_is_reported_with_its_line(old: str, new: str, problem: str, tmp_path: Path) -> None:
    found = refusal(write_scenario(tmp_path, changed(old, new)))
    assert any(each.startswith(problem) for each in found), found


def test_all_problems_of_a_file_are_reported_at_once(tmp_path: Path) -> None:
    text = (
        changed("customers: 20", "custmers: 20").replace("share: 90 %", "share: x").replace("holder: PJ", "holder: P")
    )
    assert [each.split(": ")[0] for each in refusal(write_scenario(tmp_path, text))] == [
        "scenario.yaml:3",
        "scenario.yaml:10",
        "scenario.yaml:11",
    ]


@pytest.mark.parametrize(("text", "problem"), [("", "the file is empty"), ("- a", "the file is no scenario")])
def test_a_file_without_a_map_is_refused(text: str, problem: str, tmp_path: Path) -> None:
    assert problem in refusal(write_scenario(tmp_path, text))[0]


def test_a_last_day_that_is_not_over_in_the_zone_of_the_scenario_is_refused_with_its_line(tmp_path: Path) -> None:
    file = write_scenario(tmp_path, SHOP + "time:\n  history: 30\n  last_day: 2026-11-25\n")
    # the day ends in Sao Paulo three hours after midnight
    assert load_scenario(str(file), now=datetime(2026, 11, 26, 3, tzinfo=UTC)).time is not None
    with pytest.raises(ConfigurationError, match=r"time\.last_day: 2026-11-25 is not over yet"):
        load_scenario(str(file), now=datetime(2026, 11, 26, 2, 59, tzinfo=UTC))
    with pytest.raises(ConfigurationError, match=r"time\.last_day: 2026-11-25 is in the future") as caught:
        load_scenario(str(file), now=datetime(2026, 11, 24, 12, tzinfo=UTC))
    assert caught.value.where == f"{file}:17"


def test_the_stored_text_refuses_what_a_file_may_not_hold() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        read_canonical('{"scenario": "x", "nonsense": 1}')
