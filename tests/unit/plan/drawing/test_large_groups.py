"""Choices in groups that are too large for a weight and a rank of each account in memory."""

import tracemalloc
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.plan.drawing.choices import SMALL_SIZE, compile_choice, ranked
from midaz_seed.scenarios.model import Choice

MANY = 300_000
DRAWS = 40_000


def chosen(way: dict[str, object], *, top: int | None = None) -> Counter[int]:
    choose, bits = compile_choice(Choice.model_validate(way), MANY, "seed", top=top), Random(3).getrandbits
    return Counter(choose(bits, source) for source in range(DRAWS))


@pytest.mark.parametrize("exponent", ["0.7", "1.05", "1.5"])
def test_ranks_have_the_shares_of_the_power_law(exponent: str) -> None:
    position = ranked(MANY, "seed")
    rank_of = {position[rank]: rank for rank in range(MANY)}
    counts = Counter({rank_of[index]: count for index, count in chosen({"zipf": exponent}).items()})
    exact = [rank ** -float(exponent) for rank in range(1, MANY + 1)]
    for first, after in ((0, 1), (1, 10), (10, 100), (100, 3000), (3000, MANY)):
        found = sum(counts[rank] for rank in range(first, after)) / DRAWS
        assert found == pytest.approx(sum(exact[first:after]) / sum(exact), abs=0.008)


def test_the_top_account_of_a_large_group_is_chosen_most_often() -> None:
    for way in ({"zipf": "1.05"}, {"hot": {"count": 3, "share": "60 %"}}):
        counts = chosen(way, top=77_777)
        assert counts[77_777] > DRAWS // 20
        assert 77_777 in {index for index, _ in counts.most_common(3)}


@given(st.integers(SMALL_SIZE + 1, 200_000), st.integers())
def test_the_ranks_of_a_large_group_repeat_none_of_their_first_ones(size: int, seed: int) -> None:
    position = ranked(size, str(seed))
    found = [position[rank] for rank in range(1000)]
    assert len(set(found)) == 1000
    assert 0 <= min(found) <= max(found) < size


def test_the_ranks_of_a_large_group_are_a_permutation_that_the_seed_determines() -> None:
    one, other = ranked(SMALL_SIZE + 2, "a"), ranked(SMALL_SIZE + 2, "b", top=5)
    assert sorted(one) == list(range(SMALL_SIZE + 2))
    assert list(one[:9]) == list(ranked(SMALL_SIZE + 2, "a")[:9]) != list(other[:9])
    assert other[0] == 5
    with pytest.raises(IndexError):
        one[SMALL_SIZE + 2]


def test_a_power_law_over_ten_million_accounts_takes_less_than_a_megabyte() -> None:
    tracemalloc.start()
    try:
        choose = compile_choice(Choice.model_validate({"zipf": "1.05"}), 10_000_000, "seed")
        assert 0 <= choose(Random(1).getrandbits, 0) < 10_000_000
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
