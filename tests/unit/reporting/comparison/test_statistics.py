"""The effect of a change: Student's t, intervals from windows and from runs."""

import math
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from midaz_seed.reporting.comparison.statistics import WINDOWS_MIN, Figure, compare_figures
from midaz_seed.reporting.comparison.student import two_sided_p, two_sided_quantile

NOISES = st.lists(st.floats(-0.5, 0.5), min_size=WINDOWS_MIN, max_size=30).map(tuple)
FIGURES = st.builds(Figure, st.floats(0.01, 1e6), NOISES)


def noise(share: float, count: int, seed: int) -> tuple[float, ...]:
    draw = random.Random(seed)
    return tuple(draw.gauss(0, share) for _ in range(count))


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(1, 12.7062), (2, 4.30265), (5, 2.57058), (10, 2.22814), (30, 2.04227), (1000, 1.96234)]
)
def test_the_quantiles_of_student_are_those_of_the_tables(freedom: float, quantile: float) -> None:
    assert two_sided_quantile(0.95, freedom) == pytest.approx(quantile, rel=1e-5)
    assert two_sided_p(quantile, freedom) == pytest.approx(0.05, rel=1e-4)


@given(FIGURES, FIGURES)
def test_swapping_the_sides_inverts_the_ratio_and_its_interval(a: Figure, b: Figure) -> None:
    forward, back = compare_figures([a], [b]), compare_figures([b], [a])
    assert forward is not None
    assert back is not None
    assert forward.change * back.change == pytest.approx(1)
    assert math.log(forward.low) == pytest.approx(-math.log(back.high), abs=1e-9)
    assert forward.p_value == pytest.approx(back.p_value)
    assert forward.is_shown == back.is_shown


@given(FIGURES)
def test_a_figure_never_differs_from_itself(a: Figure) -> None:
    change = compare_figures([a], [a])
    assert change is not None
    assert change.change == 1
    assert not change.is_shown
    assert change.p_value == pytest.approx(1)


@given(NOISES, st.floats(-0.2, 0.2))
def test_the_interval_excludes_no_change_exactly_where_the_p_value_is_below_5_percent(
    series: tuple[float, ...], shift: float
) -> None:
    change = compare_figures([Figure(1.0, series)], [Figure(math.exp(shift), series)])
    assert change is not None
    assume(abs(change.p_value - 0.05) > 1e-6)
    assert change.is_shown == (change.p_value < 0.05)


def test_a_tenth_less_is_found_in_ten_quiet_windows_and_not_in_ten_noisy_ones() -> None:
    quiet = compare_figures([Figure(1000, noise(0.02, 10, 1))], [Figure(900, noise(0.02, 10, 2))])
    noisy = compare_figures([Figure(1000, noise(0.3, 10, 1))], [Figure(900, noise(0.3, 10, 2))])
    assert quiet is not None
    assert quiet.is_shown
    assert quiet.detectable > 0.9
    assert noisy is not None
    assert not noisy.is_shown
    assert noisy.detectable < 0.8


def test_windows_that_depend_on_one_another_give_a_wider_interval_than_the_same_windows_in_random_order() -> None:
    level, wandering = 0.0, []
    draw = random.Random(3)
    for _ in range(60):
        level = 0.9 * level + draw.gauss(0, 0.03)
        wandering.append(level)
    shuffled = draw.sample(wandering, len(wandering))
    first, second = (
        compare_figures([Figure(1.0, tuple(each))], [Figure(1.0, tuple(each))]) for each in (wandering, shuffled)
    )
    assert first is not None
    assert second is not None
    assert math.log(first.high) > 1.5 * math.log(second.high)


def test_with_several_runs_the_interval_is_that_of_welch_over_the_runs() -> None:
    """By hand: the means of the logarithms differ by -0.1036; standard error 0.03896, 4.0 degrees, t 2.776."""
    runs = ([Figure(value, noise(0.001, 30, 1)) for value in side] for side in ((100, 110, 105), (90, 99, 95)))
    change = compare_figures(*runs)
    assert change is not None
    assert change.unit == "runs"
    assert change.change == pytest.approx(0.9016, abs=1e-4)
    assert (change.low, change.high) == (pytest.approx(0.8091, abs=2e-4), pytest.approx(1.0046, abs=2e-4))
    assert not change.is_shown


def test_pairs_remove_what_two_runs_of_a_round_have_in_common() -> None:
    a, b = ([Figure(value) for value in side] for side in ((100, 150, 200), (90, 136, 179)))
    apart, paired = compare_figures(a, b), compare_figures(a, b, paired=True)
    assert apart is not None
    assert not apart.is_shown
    assert paired is not None
    assert paired.is_shown
    with pytest.raises(ValueError, match="3 and 2 runs are not pairs"):
        compare_figures(a, b[:2], paired=True)


def test_one_run_against_several_is_expected_to_vary_as_they_do() -> None:
    several = [Figure(value) for value in (100, 102, 98, 101, 99)]
    assert not (change := compare_figures(several, [Figure(97)])) or not change.is_shown
    far = compare_figures(several, [Figure(80)])
    assert far is not None
    assert far.is_shown


def test_without_enough_windows_or_with_a_ratio_of_zero_there_is_no_interval() -> None:
    few = Figure(1.0, noise(0.1, WINDOWS_MIN - 1, 1))
    assert compare_figures([few], [few]) is None
    assert compare_figures([Figure(0.0), Figure(1.0)], [Figure(1.0)]) is None
    assert compare_figures([], [few]) is None


@given(st.floats(0, 100), st.floats(0, 100), NOISES)
def test_shares_are_compared_by_their_difference(a: float, b: float, series: tuple[float, ...]) -> None:
    change = compare_figures([Figure(a, series)], [Figure(b, series)], is_ratio=False)
    assert change is not None
    assert change.change == pytest.approx(b - a)
    assert change.low <= change.change <= change.high
