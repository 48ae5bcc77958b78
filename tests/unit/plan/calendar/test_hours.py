"""The hours of a day."""

from collections import Counter
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.plan.calendar.hours import CURVES, compile_hours, slot_weights

SECOND = st.integers(0, 86_399)


def shares(name: str) -> list[float]:
    return [weight / sum(CURVES[name]) for weight in CURVES[name]]


def test_pix_has_the_shares_that_the_central_bank_names():
    hours = shares("br-pix")
    assert sum(hours[20:] + hours[:6]) == pytest.approx(0.186)
    assert (min(hours), max(hours)) == pytest.approx((0.003, 0.074))
    assert sum(hours[17:]) == pytest.approx(0.38, abs=0.01)  # Nubank, 2021: on working days
    assert [hour for hour in range(24) if hours[hour - 1] < hours[hour] > hours[(hour + 1) % 24]] == [12, 18]


@pytest.mark.parametrize("name", CURVES)
def test_ten_minutes_change_nothing_about_the_sum_of_an_hour(name):
    weights = slot_weights(name)
    assert min(weights) >= 0
    hours = [sum(weights[6 * hour : 6 * hour + 6]) for hour in range(24)]
    assert [weight / sum(hours) for weight in hours] == pytest.approx(shares(name))


def test_the_volume_changes_evenly_from_hour_to_hour():
    """A curve of steps would have a sixth of the largest change of the hours only at full hours."""
    weights = slot_weights("br-pix")
    largest = max(abs(after - before) for before, after in pairwise(weights))
    assert largest < max(abs(after - before) for before, after in pairwise(weights[::6])) / 2


@pytest.mark.parametrize("name", CURVES)
def test_drawn_hours_follow_their_curve(name):
    draw, bits = compile_hours(name), Random(4).getrandbits
    found = Counter(draw(bits) // 3600 for _ in range(40_000))
    for hour, share in enumerate(shares(name)):
        assert found[hour] / 40_000 == pytest.approx(share, abs=0.005)


@pytest.mark.parametrize("name", CURVES)
@given(a=SECOND, b=SECOND, seed=st.integers(0, 2**32))
def test_seconds_are_between_the_times_of_an_entry(name, a, b, seed):
    first, last = sorted((a, b))
    draw, bits = compile_hours(name, (first, last)), Random(seed).getrandbits
    assert all(first <= draw(bits) <= last for _ in range(20))


def test_a_curve_that_is_cut_keeps_its_proportions():
    draw, bits = compile_hours("business", (9 * 3600, 10 * 3600 + 1799)), Random(4).getrandbits
    found = Counter(draw(bits) // 3600 for _ in range(20_000))
    assert found[9] / 20_000 == pytest.approx(1200 / (1200 + 1300 / 2), abs=0.01)


def test_hours_without_weight_are_even_when_an_entry_has_no_others():
    draw, bits = compile_hours("business", (0, 3 * 3600 - 1)), Random(4).getrandbits
    found = Counter(draw(bits) // 3600 for _ in range(9000))
    assert all(count / 9000 == pytest.approx(1 / 3, abs=0.02) for count in found.values())


def test_one_second_is_possible():
    assert compile_hours("br-pix", (61, 61))(Random(1).getrandbits) == 61


def test_the_first_and_the_last_second_of_a_day_can_be_drawn():
    draw = compile_hours("br-pix")
    assert draw(lambda _: 0) == 0
    assert draw(lambda count: (1 << count) - 1) == 86_399


def test_the_same_bits_give_the_same_seconds_on_every_platform():
    draw, bits = compile_hours("br-pix"), Random(1).getrandbits
    assert [draw(bits) for _ in range(5)] == FROZEN


FROZEN = [33941, 72481, 67837, 40870, 53856]
