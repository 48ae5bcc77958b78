"""The schedule of an open loop, on a clock that is moved by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.clock import FakeClock
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
