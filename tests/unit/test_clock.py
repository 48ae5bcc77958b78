"""Time that is handed in: the machine's own, and one that stands still until it is moved."""

import time

import anyio
import anyio.lowlevel
import pytest

from midaz_seed.clock import FakeClock, ShiftedClock, SystemClock


async def _until_asleep(clock: FakeClock, count: int) -> None:
    while clock.sleepers < count:
        await anyio.lowlevel.checkpoint()


def test_the_system_clock_returns_epoch_time_and_never_goes_back() -> None:
    clock = SystemClock()
    before_s = time.time()
    assert clock.time() >= before_s
    readings_s = [clock.monotonic() for _ in range(100)]
    assert readings_s == sorted(readings_s)


@pytest.mark.parametrize("delay_s", [0.0, -5.0])
async def test_the_system_clock_lets_others_run_when_there_is_nothing_to_wait_for(delay_s: float) -> None:
    others: list[str] = []

    async def other() -> None:
        others.append("ran")

    async with anyio.create_task_group() as group:
        group.start_soon(other)
        await SystemClock().sleep(delay_s)
        assert others == ["ran"]


async def test_a_fake_clock_stands_still_until_it_is_advanced() -> None:
    clock = FakeClock(start_s=100.0)
    for _ in range(5):
        await anyio.lowlevel.checkpoint()
    assert (clock.monotonic(), clock.time()) == (100.0, 100.0)
    await clock.advance(2.5)
    assert (clock.monotonic(), clock.time()) == (102.5, 102.5)


async def test_sleepers_wake_in_the_order_of_their_moments_and_see_their_own_time() -> None:
    clock, woken = FakeClock(start_s=0.0), []

    async def sleep(delay_s: float) -> None:
        await clock.sleep(delay_s)
        woken.append((delay_s, clock.monotonic()))

    async with anyio.create_task_group() as group:
        for delay_s in (3.0, 1.0, 2.0):
            group.start_soon(sleep, delay_s)
        await _until_asleep(clock, 3)
        await clock.advance(2.0)
        assert woken == [(1.0, 1.0), (2.0, 2.0)]
        assert clock.sleepers == 1
        await clock.advance(1.0)
    assert woken[-1] == (3.0, 3.0)
    assert clock.sleepers == 0


async def test_those_who_sleep_until_the_same_moment_wake_in_the_order_they_came() -> None:
    clock, woken = FakeClock(), []

    async def sleep(name: str) -> None:
        await clock.sleep(1.0)
        woken.append(name)

    async with anyio.create_task_group() as group:
        for count, name in enumerate("abc", 1):
            group.start_soon(sleep, name)
            await _until_asleep(clock, count)
        await clock.advance(1.0)
    assert woken == ["a", "b", "c"]


async def test_who_sleeps_again_within_an_advance_wakes_again_within_it() -> None:
    clock, ticks = FakeClock(start_s=0.0), []

    async def tick() -> None:
        for _ in range(4):
            await clock.sleep(1.0)
            ticks.append(clock.monotonic())

    async with anyio.create_task_group() as group:
        group.start_soon(tick)
        await _until_asleep(clock, 1)
        await clock.advance(10.0)
    assert ticks == [1.0, 2.0, 3.0, 4.0]
    assert clock.monotonic() == 10.0


@pytest.mark.parametrize("delay_s", [0.0, -1.0])
async def test_a_fake_sleep_of_nothing_returns_at_once_and_moves_nothing(delay_s: float) -> None:
    clock = FakeClock(start_s=7.0)
    await clock.sleep(delay_s)
    assert clock.monotonic() == 7.0
    assert clock.slept_s == [delay_s]


async def test_an_automatic_clock_moves_with_each_sleep_and_keeps_what_was_slept() -> None:
    clock = FakeClock(start_s=0.0, auto=True)
    await clock.sleep(1.5)
    await clock.sleep(60.0)
    assert clock.monotonic() == 61.5
    assert clock.slept_s == [1.5, 60.0]


async def test_a_cancelled_sleeper_does_not_delay_others() -> None:
    clock, woken = FakeClock(), []

    async def sleep() -> None:
        await clock.sleep(2.0)
        woken.append("other")

    async with anyio.create_task_group() as group:
        async with anyio.create_task_group() as cancelled:
            cancelled.start_soon(clock.sleep, 1.0)
            await _until_asleep(clock, 1)
            cancelled.cancel_scope.cancel()
        group.start_soon(sleep)
        await _until_asleep(clock, 1)
        await clock.advance(2.0)
    assert woken == ["other"]


async def test_a_cancelled_sleeper_is_no_longer_counted() -> None:
    clock = FakeClock()
    async with anyio.create_task_group() as group:
        group.start_soon(clock.sleep, 1.0)
        await _until_asleep(clock, 1)
        group.cancel_scope.cancel()
    assert clock.sleepers == 0


async def test_a_shifted_clock_runs_with_the_other_and_ahead_of_it() -> None:
    under = FakeClock()
    clock = ShiftedClock(under)
    start_s = under.time()
    clock.advance(60.0)
    await under.advance(1.0)
    assert clock.time() == clock.monotonic() == start_s + 61.0
    assert clock.ahead_s == 60.0


async def test_a_sleeper_of_a_shifted_clock_is_woken_by_either_clock_and_not_too_early() -> None:
    under = FakeClock()
    clock = ShiftedClock(under)
    woken: list[float] = []

    async def sleep(delay_s: float) -> None:
        await clock.sleep(delay_s)
        woken.append(delay_s)

    async with anyio.create_task_group() as group:
        for delay_s in (0.0, 10.0, 20.0):
            group.start_soon(sleep, delay_s)
        await _until_asleep(under, 2)
        clock.advance(9.0)
        await anyio.wait_all_tasks_blocked()
        assert woken == [0.0]
        await under.advance(1.0)
        await anyio.wait_all_tasks_blocked()
        assert woken == [0.0, 10.0]
        clock.advance(10.0)
    assert woken == [0.0, 10.0, 20.0]
