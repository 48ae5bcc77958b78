"""The schedule of an open loop, on a clock that is moved by hand."""

import itertools
import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.clock import FakeClock
from midaz_seed.model.rate_curve import DayCurve, Ramp, Steps, day_curve, parse_rate_curve, steps_curve
from midaz_seed.plan.calendar.hours import slot_weights
from midaz_seed.resilience.arrival_schedule import ArrivalSchedule

NEVER_SPARE = False


def loop(
    clock: FakeClock, rate_per_s: float, *, was_idle_since: bool = NEVER_SPARE, ramp_s: float = 0.0
) -> ArrivalSchedule:
    return ArrivalSchedule(clock, rate_per_s, was_idle_since=lambda: was_idle_since, ramp_s=ramp_s)


@pytest.mark.parametrize("rate", [0.5, 10, 20_000])
async def test_slots_are_evenly_apart_when_every_request_is_answered_at_once(rate: float) -> None:
    clock = FakeClock(auto=True)
    schedule, start_s = loop(clock, rate), clock.monotonic()
    moments = [await schedule.next_slot() - start_s for _ in range(50)]
    assert moments == pytest.approx([number / rate for number in range(50)], abs=1e-6)
    assert (schedule.slots.sent, schedule.slots.dropped) == (50, 0)


async def test_a_request_that_begins_late_counts_from_its_slot_and_catches_up_at_once() -> None:
    clock = FakeClock(auto=True)
    schedule, start_s = loop(clock, 100), clock.monotonic()
    await schedule.next_slot()
    await clock.sleep(0.5)  # an answer that took so long
    late = [await schedule.next_slot() - start_s for _ in range(5)]
    assert late == pytest.approx([0.01, 0.02, 0.03, 0.04, 0.05])
    assert clock.monotonic() - start_s == pytest.approx(0.5)
    assert schedule.slots.start_delay.max_us == pytest.approx(490_000, rel=0.01)
    assert schedule.slots.dropped == 0


async def test_slots_without_a_free_worker_within_a_second_are_dropped_and_counted() -> None:
    clock = FakeClock(auto=True)
    schedule, start_s = loop(clock, 100), clock.monotonic()
    await schedule.next_slot()
    await clock.sleep(3.0)
    assert await schedule.next_slot() - start_s == pytest.approx(2.0)
    assert schedule.slots.dropped == 199  # those between 0.01 and 1.99 s
    assert schedule.slots.sent == 2


async def test_slots_in_which_there_was_nothing_to_send_are_neither_offered_nor_late() -> None:
    clock = FakeClock(auto=True)
    schedule, start_s = loop(clock, 100, was_idle_since=True), clock.monotonic()
    await schedule.next_slot()
    await clock.sleep(3.004)
    assert await schedule.next_slot() - start_s == pytest.approx(3.01)
    assert (schedule.slots.sent, schedule.slots.dropped) == (2, 0)
    assert schedule.slots.start_delay.max_us == 0


@given(rate=st.floats(1, 5000), ramp_s=st.floats(0.1, 30), part=st.floats(0, 3))
async def test_in_a_ramp_the_rate_grows_linearly_from_zero(rate: float, ramp_s: float, part: float) -> None:
    clock = FakeClock(auto=True)
    schedule, start_s = loop(clock, rate, ramp_s=ramp_s), clock.monotonic()
    await schedule.next_slot()
    elapsed_s = min(part * ramp_s, 1.0)  # not so late that slots are dropped
    await clock.sleep(elapsed_s)
    until_s = start_s + elapsed_s
    begun = 1
    while await schedule.next_slot() < until_s and begun < 6000:
        begun += 1
    in_ramp, after = min(elapsed_s, ramp_s), max(elapsed_s - ramp_s, 0.0)
    expected = rate * in_ramp**2 / (2 * ramp_s) + rate * after
    assert begun == pytest.approx(max(math.ceil(expected), 1), abs=1.01) or begun == 6000


STEPS = parse_rate_curve("10s:50%,5s:0%,20s:100%")
assert isinstance(STEPS, Steps)
CURVES = {
    "steps": steps_curve(STEPS, 100),
    "day": day_curve(slot_weights("business"), DayCurve(48), 100),
    "ramp": Ramp(100, 7.0),
}


@given(st.sampled_from(sorted(CURVES)), st.floats(0, 400))
def test_the_time_of_a_position_is_the_inverse_of_the_slots_within_it(name: str, elapsed_s: float) -> None:
    curve = CURVES[name]
    position = curve.slots_within(elapsed_s)
    again_s = curve.time_of(position)
    assert curve.slots_within(again_s) == pytest.approx(position, abs=1e-6)
    assert curve.time_of(position + 1) > again_s


async def test_a_curve_changes_the_rate_from_the_first_transfer_on() -> None:
    clock = FakeClock(auto=True)
    schedule = ArrivalSchedule(clock, 100, was_idle_since=lambda: False, curve=CURVES["steps"])
    before = [await schedule.next_slot() for _ in range(3)]
    assert before[2] - before[1] == pytest.approx(0.01)
    await clock.sleep(0.5)
    schedule.begin_curve()
    start_s = clock.monotonic()
    slots = [await schedule.next_slot() - start_s for _ in range(700)]
    schedule.begin_curve()  # of another ledger: nothing changes
    assert slots[:3] == pytest.approx([0, 0.02, 0.04])
    assert [sum(low <= slot < low + 5 for slot in slots) for low in (0, 5, 10)] == pytest.approx([250, 250, 0], abs=1)
    assert slots[600] - slots[599] == pytest.approx(0.01)
    assert await schedule.next_slot() - start_s == pytest.approx(17.0, abs=0.02)


async def test_poisson_arrivals_have_the_rate_and_the_spread_of_independent_users_and_repeat_with_their_seed() -> None:
    async def distances(seed: str) -> list[float]:
        clock = FakeClock(auto=True)
        schedule = ArrivalSchedule(clock, 200, was_idle_since=lambda: False, poisson_seed=seed)
        slots = [await schedule.next_slot() for _ in range(4000)]
        return [after - before for before, after in itertools.pairwise(slots)]

    found = await distances("1")
    assert statistics.mean(found) == pytest.approx(1 / 200, rel=0.06)
    assert statistics.stdev(found) == pytest.approx(1 / 200, rel=0.08), "an exponential has its mean as deviation"
    assert found == await distances("1") != await distances("2")


async def test_dropped_and_idle_slots_of_poisson_arrivals_are_counted_apart() -> None:
    for is_idle in (False, True):
        clock = FakeClock(auto=True)
        schedule = ArrivalSchedule(clock, 100, was_idle_since=lambda is_idle=is_idle: is_idle, poisson_seed="1")
        first_s = await schedule.next_slot()
        await clock.sleep(11.0)
        assert await schedule.next_slot() >= first_s + 9.9
        assert schedule.slots.dropped == (0 if is_idle else pytest.approx(1000, abs=150))


@pytest.mark.parametrize("text", ["fast", "30s:50", "0s:50%", "30s:120%", "30s:50%,10s:0%", "day:0s", "day:5", ","])
def test_what_is_no_curve_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be|needs a time|last step"):
        parse_rate_curve(text)
