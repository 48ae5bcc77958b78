"""The latency histogram: three significant digits from a microsecond to over an hour, whatever is recorded."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.model.histogram import LIMIT_US, Histogram

HOUR_US = 3_600_000_000
LATENCIES_US = st.lists(st.integers(0, HOUR_US) | st.integers(0, 5000), min_size=1, max_size=50)


def histogram(values_us: list[int]) -> Histogram:
    made = Histogram()
    for value_us in values_us:
        made.record(value_us)
    return made


def exact(values_us: list[int], percent: float) -> int:
    """The smallest value that at least `percent` of the values do not exceed."""
    rank = max(math.ceil(round(len(values_us) * percent / 100, 9)), 1)
    return sorted(values_us)[rank - 1]


@given(LATENCIES_US, st.sampled_from([0, 1, 25, 50, 90, 95, 99, 99.9, 100]))
def test_a_percentile_is_right_to_three_significant_digits(values_us: list[int], percent: float) -> None:
    right_us = exact(values_us, percent)
    assert right_us <= histogram(values_us).percentile(percent) <= right_us * 1.001


@given(LATENCIES_US)
def test_count_mean_and_maximum_are_exact(values_us: list[int]) -> None:
    made = histogram(values_us)
    assert made.count == len(values_us)
    assert made.max_us == max(values_us)
    assert made.mean_us == pytest.approx(sum(values_us) / len(values_us))
    assert made.percentile(100) == max(values_us)


@given(LATENCIES_US, st.lists(st.integers(0, HOUR_US), max_size=5).map(sorted))
def test_cumulative_counts_are_those_of_the_values_to_three_digits(values_us: list[int], limits_us: list[int]) -> None:
    for limit_us, count in zip(limits_us, histogram(values_us).cumulative(limits_us), strict=True):
        assert sum(value <= limit_us for value in values_us) <= count
        assert count <= sum(value <= limit_us * 1.001 for value in values_us)


@given(LATENCIES_US, LATENCIES_US)
def test_merging_is_as_if_all_had_been_recorded_in_one(left_us: list[int], right_us: list[int]) -> None:
    merged, whole = histogram(left_us), histogram(left_us + right_us)
    merged.merge(histogram(right_us))
    assert (merged.count, merged.max_us, merged.mean_us) == (whole.count, whole.max_us, whole.mean_us)
    for percent in (1, 50, 99, 99.9):
        assert merged.percentile(percent) == whole.percentile(percent)


def test_below_two_milliseconds_every_microsecond_counts() -> None:
    for value_us in range(2048):
        assert histogram([value_us, 10_000]).percentile(50) == value_us


@pytest.mark.parametrize("edge_us", [2 << bits for bits in range(10, 32)])
def test_nothing_gets_lost_where_the_buckets_double_their_width(edge_us: int) -> None:
    for value_us in (edge_us - 1, edge_us, edge_us + 1):
        assert value_us <= histogram([value_us, LIMIT_US]).percentile(50) <= value_us * 1.001


def test_a_histogram_without_values_answers_zero() -> None:
    empty = Histogram()
    assert (empty.count, empty.max_us, empty.mean_us, empty.percentile(99)) == (0, 0, 0.0, 0)


def test_values_out_of_range_count_as_the_nearest_in_range() -> None:
    made = histogram([-5, 10**12])
    assert made.percentile(50) == 0
    assert made.max_us == made.percentile(100) == LIMIT_US >= HOUR_US


def test_the_median_of_a_thousand_is_the_five_hundredth() -> None:
    made = histogram(list(range(1, 1001)))
    assert [made.percentile(percent) for percent in (50, 95, 99, 99.9, 100)] == [500, 950, 990, 999, 1000]


def test_a_rank_between_two_values_is_the_upper_one() -> None:
    made = histogram([10, 20, 30, 40, 50])
    assert [made.percentile(percent) for percent in (20, 21, 25, 50, 81)] == [10, 20, 20, 30, 50]
