"""The protocol, explored exhaustively: every old rule is found out, and the policy holds wherever it is explored.

`make model` explores larger configurations, and prints the counterexamples with `--traces`.
"""

import pytest

from tools.protocol_model import movements
from tools.protocol_model.configurations import LIMITS, NEEDED, OLD_RULES, Case, Limit
from tools.protocol_model.search import Explorer, Found, Step
from tools.protocol_model.settings import ONE, Rules, Setup

pytestmark = pytest.mark.thorough


def invariant(found: Found) -> str:
    """The first word of the invariant that was broken; "" when all hold."""
    return found.broken.partition(":")[0]


def names(rows: tuple[Case, ...] | tuple[Limit, ...]) -> list[str]:
    return [row.name for row in rows]


@pytest.mark.parametrize("case", OLD_RULES + NEEDED, ids=names(OLD_RULES + NEEDED))
def test_a_wrong_rule_is_found_with_a_trace(case: Case) -> None:
    found = case.broken()
    assert invariant(found) == case.breaks
    assert found.trace


@pytest.mark.parametrize("case", OLD_RULES + NEEDED, ids=names(OLD_RULES + NEEDED))
def test_the_policy_has_no_counterexample_where_a_wrong_rule_has_one(case: Case) -> None:
    found = case.policy()
    assert found.broken == "", found.trace


@pytest.mark.parametrize("limit", LIMITS, ids=names(LIMITS))
def test_each_assumption_is_needed_and_is_enough(limit: Limit) -> None:
    assert invariant(limit.beyond()) == limit.breaks
    within = limit.within()
    assert within.broken == "", within.trace


def test_without_a_late_delivery_a_held_request_doubles_nothing_and_with_it_that_delivery_is_the_doubling() -> None:
    setup = Setup(changes=ONE, holds=True, time=True)
    assert movements.explore(setup).broken == ""
    late = movements.explore(Setup(changes=ONE, holds=True, time=True, late=True))
    assert late.trace[-1] == "the held request t0.0 arrives: made"


def test_an_attempt_that_was_not_seen_leaves_an_earlier_one_unresolved() -> None:
    found = movements.explore(Setup(changes=ONE, holds=True, time=True, unseen=True, tries=3))
    assert found.broken == "", found.trace


@pytest.mark.parametrize(
    "setup",
    [
        Setup(time=True, overwrites=True, duplicates=True, sessions=1),
        Setup(holds=True, time=True, swaps=2),
    ],
    ids=["a copy gets another's answer", "answers change places twice"],
)
def test_a_look_before_the_next_key_withstands_what_two_equal_answers_do_not(setup: Setup) -> None:
    assert invariant(movements.explore(setup)) == "once"
    found = movements.explore(setup, Rules(looks_before_next_key=True))
    assert found.broken == "", found.trace


def test_a_search_finds_the_shortest_trace_to_a_violation() -> None:
    def steps(number: int) -> list[Step[int]]:
        return [Step("one more", number + 1), Step("double", 2 * number)] if number < 20 else []

    found = Explorer(steps, lambda number: "ten" if number == 10 else "", lambda _: True).explore(1)
    assert found.broken == "ten"
    assert len(found.trace) == 4


def test_a_search_finds_a_state_that_only_a_fault_could_lead_out_of() -> None:
    def steps(name: str) -> list[Step[str]]:
        ways = {"begin": [Step("works", "done"), Step("breaks", "stuck", calm=False)]}
        return [*ways.get(name, []), *([Step("is repaired by a fault", "done", calm=False)] if name == "stuck" else [])]

    found = Explorer(steps, lambda _: "", lambda name: name == "done").explore("begin")
    assert found.broken.startswith("progress")
    assert found.trace == ("breaks",)
