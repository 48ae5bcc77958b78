"""Fault plans: what they may say, and that the same seed hits the same requests."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.clock import FakeClock
from midaz_seed.errors import ConfigurationError
from midaz_seed.sandbox.core.dialect import GROUPS
from midaz_seed.sandbox.faults.decisions import Faults
from midaz_seed.sandbox.faults.plan import FaultPlan, draws

TRANSFER = ("POST", "/v1/organizations/o/ledgers/l/transactions/json", "transactions")
READ = ("GET", "/v1/organizations/o/ledgers/l/balances", "balances")


def faults(*rules: dict[str, Any], seed: int = 0, clock: FakeClock | None = None) -> Faults:
    return Faults(FaultPlan.parse({"rules": list(rules)}), seed, clock or FakeClock())


def pattern(rules: Faults, request: tuple[str, str, str] = TRANSFER, count: int = 200) -> list[bool]:
    return [bool(rules.decide(*request)) for _ in range(count)]


@given(st.integers(0, 10), st.floats(0, 1))
def test_the_same_seed_hits_the_same_requests(seed: int, rate: float) -> None:
    rule = {"rate": rate, "reset": {}}
    assert pattern(faults(rule, seed=seed)) == pattern(faults(rule, seed=seed))


def test_rules_and_seeds_have_streams_of_their_own() -> None:
    rule = {"rate": 0.5, "reset": {}}
    first = pattern(faults(rule))
    assert pattern(faults(rule, seed=1)) != first
    assert pattern(faults({"rate": 0, "truncate": {}}, rule)) != first
    assert 60 < sum(first) < 140


def test_other_requests_do_not_shift_a_rules_stream() -> None:
    rule = {"on": "transactions", "rate": 0.3, "reset": {}}
    mixed = faults(rule)
    hits = []
    for _ in range(200):
        assert mixed.decide(*READ) == []
        hits.append(bool(mixed.decide(*TRANSFER)))
    assert hits == pattern(faults(rule))


def test_a_draw_is_the_same_on_every_machine() -> None:
    assert draws(7, 1, 2) == (0.9693903370999222, 0.6364833694685822)


def test_windows_by_number_and_by_time() -> None:
    clock = FakeClock()
    assert pattern(faults({"from_request": 3, "to_request": 4, "reset": {}}), count=6) == [
        False,
        False,
        True,
        True,
        False,
        False,
    ]
    late = faults({"from_s": 10, "to_s": 20, "reset": {}}, clock=clock)
    assert not late.decide(*TRANSFER)


async def test_a_window_opens_and_closes_with_the_clock() -> None:
    clock = FakeClock()
    rules = faults({"from_s": 10, "to_s": 20, "reset": {}}, clock=clock)
    seen = []
    for _ in range(4):
        seen.append(bool(rules.decide(*TRANSFER)))
        await clock.advance(8)
    assert seen == [False, False, True, False]


def test_every_nth_and_method_and_path() -> None:
    assert pattern(faults({"every": 3, "reset": {}}), count=6) == [False, False, True, False, False, True]
    assert not faults({"methods": ["get"], "reset": {}}).decide(*TRANSFER)
    assert faults({"path": "/json$", "reset": {}}).decide(*TRANSFER)
    assert not faults({"path": "^/json$", "reset": {}}).decide(*TRANSFER)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"rules": [{"latency": {"ms": -1}}]}, "rules[0].latency.ms"),
        ({"rules": [{"reset": {}, "rate": 2}]}, "rules[0].rate"),
        ({"rules": [{"reset": {}, "rate": 0.1, "every": 2}]}, "not both"),
        ({"rules": [{"rate": 0.1}]}, "exactly one effect"),
        ({"rules": [{"reset": {}, "truncate": {}}]}, "exactly one effect"),
        ({"rules": [{"reset": {}, "on": "transaction"}]}, "rules[0].on"),
        ({"rules": [{"reset": {}, "path": "("}]}, "rules[0].path"),
        ({"rules": [{"status": {"code": 200}}]}, "rules[0].status.code"),
        ({"rules": [{"status": {"code": 600}}]}, "rules[0].status.code"),
        ({"rules": [{"html": {"code": 204}}]}, "rules[0].html.code"),
        ({"rules": [{"altered": {}}]}, "rules[0].altered.how"),
        ({"rules": [{"altered": {"how": "shouted"}}]}, "rules[0].altered.how"),
        ({"rules": [{"held": {"answer": "late"}}]}, "rules[0].held.answer"),
        ({"rules": [{"duplicated": {"answer": "third"}}]}, "rules[0].duplicated.answer"),
        ({"rule": []}, "rule"),
        ([], "the plan"),
    ],
)
def test_a_wrong_plan_names_the_place(data: Any, said: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        FaultPlan.parse(data, where="storm.yaml")
    assert said in str(raised.value)
    assert raised.value.where == "storm.yaml"


def test_a_plan_is_read_from_yaml(tmp_path: Path) -> None:
    file = tmp_path / "storm.yaml"
    file.write_text(
        "seed: 7\nrules:\n  - {on: transactions, rate: 0.05, latency: {ms: 80, spread_ms: 40}}\n", encoding="utf-8"
    )
    plan = FaultPlan.read(file)
    assert (plan.seed, plan.rules[0].label) == (7, "latency")
    file.write_text("rules: [", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="not valid YAML"):
        FaultPlan.read(file)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        FaultPlan.read(tmp_path / "none.yaml")


def test_each_problem_is_a_sentence_of_ours_with_its_line(tmp_path: Path) -> None:
    """Row 7: the errors of a fault plan were pydantic's own, and only the first of them, without a line."""
    file = tmp_path / "storm.yaml"
    file.write_text(
        "rules:\n"
        "  - on: transactions\n"
        "    latency: {ms: -1}\n"
        "  - {latncy: {ms: 3}}\n"
        "  - {on: transaction, reset: {}}\n"
        "  - status: {when: later}\n"
        "  - held: {for_s: abc}\n"
        "  - 5\n"
        "  - {capacity: {ms: 3}}\n"
        "  - {rate: 0.5}\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigurationError) as raised:
        FaultPlan.read(file)
    first, *lines = raised.value.message.splitlines()
    assert first == "8 problems in the fault plan:"
    assert [line.strip().removeprefix(f"{file}:")[:70] for line in lines] == [
        "3: rules[0].latency.ms must be at least 0, not -1",
        "4: unknown field rules[1].latncy; did you mean latency?",
        "5: rules[2].on must be one of account-types, accounts, asset-rates, as",
        "6: rules[3].status.when must be before or after, not 'later'",
        "7: rules[4].held.for_s must be a number, not 'abc'",
        "8: rules[5] must be a group of fields, not 5",
        "9: rules[6].capacity.at_once is missing",
        "10: rules[7] must have exactly one effect of latency, capacity, status",
    ]
    assert lines[2].endswith("not transaction; did you mean transactions?")


def test_a_single_problem_has_file_and_line_as_its_place(tmp_path: Path) -> None:
    """Row 7: a case that is not in the list."""
    file = tmp_path / "storm.yaml"
    file.write_text("seed: 1\nrules: {}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        FaultPlan.read(file)
    assert str(raised.value) == f"{file}:2: rules must be a list, not a group of fields"


@pytest.mark.parametrize("path", ["a{99999999999}", "(", "(" * 3000 + ")" * 3000, "*"])
def test_a_path_that_is_no_regular_expression_is_refused(path: str, tmp_path: Path) -> None:
    file = tmp_path / "storm.yaml"
    file.write_text(f"rules: [{{path: '{path}', latency: {{ms: 1}}}}]\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="must be a regular expression"):
        FaultPlan.read(file)


def test_the_plan_in_the_documentation_is_one(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    file = tmp_path / "storm.yaml"
    file.write_text(text.partition("```yaml\n")[2].partition("```")[0], encoding="utf-8")
    plan = FaultPlan.read(file)
    assert [rule.label for rule in plan.rules] == ["slow transfers", "status", "reset", "refuse"]
    assert all(f"`{group}`" in text for group in GROUPS)
