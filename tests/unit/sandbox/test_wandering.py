"""The wandering speed of a capacity: bounded, seeded, and the work that it leaves takes the time that it has to."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.errors import ConfigurationError
from midaz_seed.sandbox.faults.effects import Stalls, Wander
from midaz_seed.sandbox.faults.plan import FaultPlan
from midaz_seed.sandbox.faults.wandering import Speed


def stretches(speed: Speed, until_s: float) -> list[tuple[float, float, float]]:
    """(from, to, speed) from the start on."""
    found, at_s = [], 0.0
    while at_s < until_s:
        value, end_s = speed.stretch(at_s)
        assert end_s > at_s
        found.append((at_s, min(end_s, until_s), value))
        at_s = end_s
    return found


def work_s(speed: Speed, from_s: float, to_s: float) -> float:
    return sum(
        value * max(min(end_s, to_s) - max(at_s, from_s), 0.0) for at_s, end_s, value in stretches(speed, to_s + 1)
    )


def test_the_same_seed_wanders_the_same_way_in_any_order_of_questions() -> None:
    first, second = (Speed("7:0", Wander(), Stalls()) for _ in range(2))
    late = second.stretch(900.0)
    assert stretches(first, 1000) == stretches(second, 1000)
    assert first.stretch(900.0) == late
    assert stretches(Speed("8:0", Wander(), Stalls()), 1000) != stretches(first, 1000)


def test_the_speed_moves_by_up_to_30_percent_from_six_seconds_to_the_next_and_does_not_run_away() -> None:
    speed = Speed("1:0", Wander())
    means = [work_s(speed, start_s, start_s + 6) / 6 for start_s in range(0, 1200, 6)]
    assert all(1 / 1.3**1.75 <= mean <= 1.3**1.75 for mean in means)
    steps = [abs(math.log(after / before)) for before, after in pairwise(means)]
    assert 0.05 < sum(steps) / len(steps) < math.log(1.3)
    assert max(steps) > 0.2


def test_stalls_last_and_return_as_planned() -> None:
    idle = [(at_s, to_s) for at_s, to_s, value in stretches(Speed("1:0", None, Stalls()), 2000) if value == 0]
    assert 66 < len(idle) < 200
    assert all(0.2 <= to_s - at_s <= 0.8 + 1e-9 for at_s, to_s in idle)
    assert all(10 - 1e-9 <= after[0] - before[1] <= 30 + 1e-9 for before, after in pairwise(idle))


@given(start_s=st.floats(0, 40), work=st.floats(0.001, 5), seed=st.integers(0, 5))
def test_work_takes_as_long_as_the_speed_needs_for_it(start_s: float, work: float, seed: int) -> None:
    speed = Speed(f"{seed}", Wander(), Stalls())
    assert work_s(speed, start_s, start_s + speed.duration_s(start_s, work)) == pytest.approx(work, rel=1e-6)


def test_without_either_work_takes_its_usual_time() -> None:
    assert Speed("1").duration_s(12.3, 0.5) == pytest.approx(0.5)


def test_a_wrong_field_of_a_stall_is_named() -> None:
    rule = {"capacity": {"at_once": 1, "ms": 5, "stalls": {"every": 3}}}
    with pytest.raises(
        ConfigurationError, match=r"unknown field rules\[0\]\.capacity\.stalls\.every; did you mean every_s\?"
    ):
        FaultPlan.parse({"rules": [rule]})
