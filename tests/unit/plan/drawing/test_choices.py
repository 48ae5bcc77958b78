"""How an account of a group is chosen."""

from collections import Counter
from decimal import Decimal
from itertools import pairwise
from random import Random
from statistics import mean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.plan.drawing.choices import UNIT, compile_choice, members_of, power_law, ranked, weighted
from midaz_seed.scenarios.model import Choice


def choose(way: dict[str, Any] | None, size: int, **options: Any) -> Any:
    return compile_choice(Choice.model_validate(way) if way else None, size, options.pop("seed", "s"), **options)


def chosen(way: dict[str, Any] | None, size: int, count: int = 20_000, **options: Any) -> Counter[int]:
    """Return how often each position was chosen."""
    made, bits = choose(way, size, **options), Random(7).getrandbits
    return Counter(made(bits, 0) for _ in range(count))


@pytest.mark.parametrize("way", [None, {"uniform": True}])
def test_each_account_has_the_same_probability(way):
    found = chosen(way, 10)
    assert sorted(found) == list(range(10))
    assert all(count == pytest.approx(2000, rel=0.1) for count in found.values())


def test_of_sixty_shops_the_first_takes_a_quarter_and_ten_take_two_thirds():
    weights = power_law(Decimal("1.05"), 60)
    assert weights[0] / sum(weights) == pytest.approx(0.233, abs=0.001)
    assert sum(weights[:10]) / sum(weights) == pytest.approx(0.65, abs=0.01)
    drawn = [count / 20_000 for _, count in chosen({"zipf": "1.05"}, 60).most_common(10)]
    assert drawn[0] == pytest.approx(0.233, abs=0.01)
    assert sum(drawn) == pytest.approx(0.65, abs=0.015)


@pytest.mark.parametrize("exponent", ["0.5", "1.05", "2"])
def test_the_interpolated_power_law_is_as_exact_as_it_says(exponent):
    weights, most = power_law(Decimal(exponent), 20_000), float(exponent) * (float(exponent) + 1) / 2**19
    for rank in range(1, 20_000, 7):
        exact = UNIT * float(rank) ** -float(exponent)
        assert abs(weights[rank - 1] - exact) <= exact * most + 2
    assert all(before >= after for before, after in pairwise(weights))


def test_ranks_are_a_permutation_that_the_seed_determines():
    assert sorted(ranked(500, "a")) == list(range(500))
    assert ranked(500, "a") == ranked(500, "a") != ranked(500, "b")
    assert ranked(8, "a") == FIRST_RANKS


FIRST_RANKS = [5, 6, 2, 7, 3, 4, 1, 0]


@pytest.mark.parametrize("way", [{"zipf": "1.05"}, {"hot": {"count": 1, "share": "50 %"}}, {"friends": {"mean": 6}}])
def test_the_top_account_is_chosen_most_often(way):
    made, bits = choose(way, 40, top=17), Random(7).getrandbits
    found = Counter(made(bits, number % 300) for number in range(20_000))
    assert found.most_common(1)[0][0] == 17


def test_the_share_of_the_movements_goes_to_the_hot_accounts_and_the_rest_to_all():
    found = chosen({"hot": {"count": 2, "share": "60 %"}}, 10)
    two = sum(count for _, count in found.most_common(2)) / 20_000
    assert two == pytest.approx(0.6 + 0.4 * 2 / 10, abs=0.01)
    assert sorted(found) == list(range(10))


def test_hot_accounts_take_everything_by_default_and_can_be_all():
    assert len(chosen({"hot": {"count": 3}}, 10)) == 3
    assert len(chosen({"hot": {"count": 30}}, 10)) == 10


@pytest.mark.parametrize(
    ("friends", "most"), [({"mean": 6}, 60), ({"mean": "1.5", "alpha": "2.5"}, 60), ({"mean": 20}, 100)]
)
def test_the_mean_number_of_friends_is_the_wanted_one(friends, most):
    made, sources, steps = choose({"friends": friends}, 3000), 6000, most + 4
    even = [(lambda count, step=step: (step << count) // steps) for step in range(steps)]
    known = [{made(bits, source) for bits in even} for source in range(sources)]
    assert mean(map(len, known)) == pytest.approx(float(friends["mean"]), rel=0.05)
    assert len(known[0] & known[1]) < len(known[0])
    payers = Counter(position for partners in known for position in partners)
    top = sum(count for _, count in payers.most_common(30)) / payers.total()
    assert top > 0.03, "the most popular 1 % are partners of three times as many as on average"


def test_friends_stay_the_same_in_any_order_of_asking():
    made, again = choose({"friends": {"mean": 3}}, 100), choose({"friends": {"mean": 3}}, 100)
    bits = Random(0).getrandbits
    forward = {source: {made(bits, source) for _ in range(300)} for source in range(0, 2000, 100)}
    backward = {source: {again(bits, source) for _ in range(300)} for source in reversed(range(0, 2000, 100))}
    assert forward == backward


def test_friends_in_a_group_of_one_are_that_one():
    assert set(chosen({"friends": {"mean": 6}}, 1, 10)) == {0}


@given(sources=st.integers(1, 60), size=st.integers(0, 300))
def test_members_divide_a_group_without_rest_or_overlap(sources, size):
    parts = [members_of(source, sources, size) for source in range(sources)]
    assert [position for part in parts for position in part] == list(range(size))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@given(sources=st.integers(1, 20), size=st.integers(1, 100), seed=st.integers(0, 2**32))
def test_a_source_chooses_among_its_members(sources, size, seed):
    made, bits = choose({"members": True}, size, sources=sources), Random(seed).getrandbits
    for source in range(sources):
        position = made(bits, source)
        assert position in (members_of(source, sources, size) or range(size))


@given(weights=st.lists(st.integers(0, 10**12), min_size=1, max_size=8).filter(any), seed=st.integers(0, 2**32))
def test_an_option_without_weight_is_never_chosen(weights, seed):
    draw, bits = weighted(weights), Random(seed).getrandbits
    assert all(weights[draw(bits)] for _ in range(20))
    assert weights[draw(lambda _: 0)]
    assert weights[draw(lambda count: (1 << count) - 1)]
