"""Movements in doubt: the balances decide what one assignment alone explains, and nothing else."""

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from midaz_seed.model.in_doubt_solver import solve

AMOUNTS = st.one_of(st.integers(1, 5), st.integers(1, 10**18))


@st.composite
def truths(draw: st.DrawFn, legs_max: int = 14) -> tuple[list[dict[int, int]], list[bool]]:
    """Transactions over a few accounts, some of several legs, and which of them were applied."""
    accounts = draw(st.integers(2, 8))
    effects = []
    for _ in range(draw(st.integers(0, legs_max))):
        source = draw(st.integers(0, accounts - 1))
        others = [account for account in range(accounts) if account != source]
        legs = draw(st.dictionaries(st.sampled_from(others), AMOUNTS, min_size=1))
        effects.append({source: -sum(legs.values()), **legs})
    return effects, draw(st.lists(st.booleans(), min_size=len(effects), max_size=len(effects)))


def balances(effects: list[dict[int, int]], applied: list[bool]) -> dict[int, int]:
    totals: dict[int, int] = {}
    for effect, was in zip(effects, applied, strict=True):
        for account, change in effect.items():
            totals[account] = totals.get(account, 0) + (change if was else 0)
    return totals


def every_assignment(effects: list[dict[int, int]], totals: dict[int, int]) -> list[tuple[bool, ...]]:
    """All that explain the balances, found by trying each."""
    wanted = {key: total for key, total in totals.items() if total}
    return [
        tried
        for tried in product((False, True), repeat=len(effects))
        if {key: total for key, total in balances(effects, list(tried)).items() if total} == wanted
    ]


@settings(max_examples=150, deadline=None)
@given(truths(legs_max=10))
def test_it_says_only_what_every_explanation_agrees_on(truth: tuple[list[dict[int, int]], list[bool]]) -> None:
    effects, applied = truth
    totals = balances(effects, applied)
    solution = solve(effects, totals)
    assert not solution.contradicted
    explanations = every_assignment(effects, totals)
    for position, value in enumerate(solution.values):
        told = {explanation[position] for explanation in explanations}
        assert value is None or told == {value}
    assert solution.unique == (len(explanations) == 1)


@settings(max_examples=80, deadline=None)
@given(truths())
def test_what_it_says_is_the_truth(truth: tuple[list[dict[int, int]], list[bool]]) -> None:
    effects, applied = truth
    solution = solve(effects, balances(effects, applied))
    assert not solution.contradicted
    assert all(value in (None, was) for value, was in zip(solution.values, applied, strict=True))


@settings(max_examples=50, deadline=None)
@given(truths(), st.integers(0, 7), st.integers(1, 10**19))
def test_balances_that_no_subset_explains_are_never_explained(
    truth: tuple[list[dict[int, int]], list[bool]], account: int, error: int
) -> None:
    effects, applied = truth
    wrong = balances(effects, applied)
    wrong[account] = wrong.get(account, 0) + error  # money from nowhere: no transaction changes the sum
    assert solve(effects, wrong).contradicted


def test_distinct_amounts_give_exactly_the_truth() -> None:
    effects = [{0: -(2**n), 1: 2**n} for n in range(16)]
    applied = [n % 3 == 0 for n in range(16)]
    assert solve(effects, balances(effects, applied)).values == applied


def test_interchangeable_movements_are_left_open_unless_all_or_none_were_made() -> None:
    effects = [{0: -5, 1: 5}] * 6
    assert solve(effects, {0: -20, 1: 20}).values == [None] * 6
    assert solve(effects, {0: -30, 1: 30}).values == [True] * 6
    assert solve(effects, {}).values == [False] * 6


def test_movements_that_sum_to_zero_differ_only_in_the_number_of_changes() -> None:
    there_and_back = [{0: -5, 1: 5}, {0: 5, 1: -5}]
    assert solve(there_and_back, {}).values == [None, None]
    counted = [effect | {~account: 1 for account in effect} for effect in there_and_back]
    assert solve(counted, {}).values == [False, False]
    assert solve(counted, {~0: 2, ~1: 2}).values == [True, True]


def test_a_doubtful_group_leaves_the_others_their_answers() -> None:
    effects = [{0: -5, 1: 5}, {0: -5, 1: 5}, {2: -7, 3: 7}]
    assert solve(effects, {0: -5, 1: 5, 2: -7, 3: 7}).values == [None, None, True]


def test_nothing_in_doubt_is_explained_by_nothing() -> None:
    assert solve([], {}).unique
    assert solve([], {3: 0}).unique
    assert solve([], {3: 1}).contradicted == {3}


def test_hundreds_in_doubt_over_many_accounts_are_decided() -> None:
    effects = [{n % 97: -(n + 1000), 97 + n % 89: n + 1000} for n in range(400)]
    applied = [n % 7 < 3 for n in range(400)]
    assert solve(effects, balances(effects, applied)).values == applied


def test_thousands_between_two_accounts_that_were_all_made_are_decided() -> None:
    effects = [{0: n + 1, 1: -n - 1, ~0: 1, ~1: 1} for n in range(3000)]
    assert solve(effects, balances(effects, [True] * 3000)).values == [True] * 3000


def test_a_search_without_end_is_given_up_and_says_nothing() -> None:
    asked = 0

    def give_up() -> bool:
        nonlocal asked
        asked += 1
        return asked > 500

    effects = [{0: 1000 + 37 * n, 1: -1000 - 37 * n} for n in range(60)]
    total = sum(effect[0] for effect in effects[:30])
    solution = solve(effects, {0: total + 1, 1: -total - 1}, give_up)
    assert asked < 600
    assert True not in solution.values
    assert False not in solution.values


def test_what_has_no_effect_stays_open_and_disturbs_nothing_else() -> None:
    solution = solve([{}, {1: 5, 2: -5}, {}], {1: 5, 2: -5})
    assert solution.values == [None, True, None]
    assert solution.unique
    assert not solution.complete
    assert solve([{1: 5}], {1: 5}).complete
