"""Movements in doubt, decided by the balances: always an assignment that the balances cannot tell from the truth."""

from hypothesis import given, settings
from hypothesis import strategies as st

from midaz_seed.model.doubts import solve

AMOUNTS = st.one_of(st.integers(1, 5), st.integers(1, 10**18))


@st.composite
def truths(draw: st.DrawFn) -> tuple[list[dict[int, int]], list[bool]]:
    """Transactions over a few accounts, some of several legs, and which of them were applied."""
    accounts = draw(st.integers(2, 8))
    effects = []
    for _ in range(draw(st.integers(0, 14))):
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


@settings(max_examples=80, deadline=None)
@given(truths())
def test_what_it_finds_cannot_be_told_from_the_truth(truth: tuple[list[dict[int, int]], list[bool]]) -> None:
    effects, applied = truth
    found = solve(effects, balances(effects, applied))
    assert found is not None
    assert balances(effects, found) == balances(effects, applied)


@settings(max_examples=50, deadline=None)
@given(truths(), st.integers(0, 7), st.integers(1, 10**19))
def test_balances_that_no_subset_explains_are_never_explained(
    truth: tuple[list[dict[int, int]], list[bool]], account: int, error: int
) -> None:
    effects, applied = truth
    wrong = balances(effects, applied)
    wrong[account] = wrong.get(account, 0) + error  # money from nowhere: no transaction changes the sum
    assert solve(effects, wrong) is None


def test_distinct_amounts_give_exactly_the_truth() -> None:
    effects = [{0: -(2**n), 1: 2**n} for n in range(16)]
    applied = [n % 3 == 0 for n in range(16)]
    assert solve(effects, balances(effects, applied)) == applied


def test_interchangeable_movements_are_counted_right() -> None:
    effects = [{0: -5, 1: 5}] * 6
    found = solve(effects, {0: -20, 1: 20})
    assert found is not None
    assert sum(found) == 4


def test_nothing_in_doubt_is_explained_by_nothing() -> None:
    assert solve([], {}) == []
    assert solve([], {3: 0}) == []
    assert solve([], {3: 1}) is None


def test_hundreds_in_doubt_over_many_accounts_are_decided() -> None:
    effects = [{n % 97: -(n + 1000), 97 + n % 89: n + 1000} for n in range(400)]
    applied = [n % 7 < 3 for n in range(400)]
    found = solve(effects, balances(effects, applied))
    assert found is not None
    assert balances(effects, found) == balances(effects, applied)
