"""The rate limit, on an event loop whose time moves only when everybody waits: no second passes, none is measured."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from midaz_seed.resilience.rate_limiter import RateLimiter

TURN_S = 1e-6


class VirtualTime(selectors.DefaultSelector):
    """Where the loop would wait for its next timer, the time just becomes that timer's. Each turn of the loop takes a
    microsecond, because the bucket's waker relies on time that goes on when a rounded moment comes a hair too early."""

    now_s = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everybody waits and no timer is set: nobody would ever be woken"
        self.now_s += timeout + TURN_S
        return super().select(0)


def run(story: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a coroutine function in virtual time."""

    def loop_in_virtual_time() -> asyncio.AbstractEventLoop:
        selector = VirtualTime()
        loop = asyncio.SelectorEventLoop(selector)
        loop.time = lambda: selector.now_s  # type: ignore[method-assign]
        return loop

    with asyncio.Runner(loop_factory=loop_in_virtual_time) as runner:
        return runner.run(story())


async def moments(rate_per_s: float, tokens: int, workers: int) -> list[float]:
    """When each of so many tokens was had, in seconds from the beginning, by workers that want them all at once."""
    limiter, loop, wanted = RateLimiter(rate_per_s), asyncio.get_running_loop(), iter(range(tokens))
    start_s, had = loop.time(), []

    async def worker() -> None:
        for _ in wanted:
            await limiter.next_slot()
            had.append(loop.time() - start_s)

    await asyncio.gather(*[worker() for _ in range(workers)])
    return had


RATES = [0.5, 1, 7, 49, 50, 75, 500, 5000, 20_000]


@pytest.mark.parametrize("rate", RATES)
def test_no_stretch_of_time_sees_more_than_the_rate_and_two_leases(rate: float) -> None:
    had = run(lambda: moments(rate, tokens=int(3 * rate) + 10, workers=16))
    burst = 2 * RateLimiter(rate).lease
    for number, moment_s in enumerate(had, 1):
        assert number <= rate * moment_s + burst + 1e-6


@pytest.mark.parametrize("rate", RATES)
def test_the_whole_rate_is_used(rate: float) -> None:
    had = run(lambda: moments(rate, tokens=int(3 * rate) + 10, workers=16))
    for number, moment_s in enumerate(had, 1):
        assert number >= rate * moment_s - 1e-6


@pytest.mark.parametrize("rate", [rate for rate in RATES if rate >= 50])
def test_the_first_second_is_not_let_through_twice(rate: float) -> None:
    """A bucket that holds a second's tokens would give them away at once, and the second's own tokens on top."""
    had = run(lambda: moments(rate, tokens=int(2 * rate), workers=16))
    assert sum(moment_s < 1 for moment_s in had) <= 1.06 * rate


def test_a_token_costs_no_wait_when_the_rate_is_not_used_up() -> None:
    async def story() -> float:
        limiter, loop = RateLimiter(100), asyncio.get_running_loop()
        waited_s = 0.0
        for _ in range(50):
            before_s = loop.time()
            await limiter.next_slot()
            waited_s += loop.time() - before_s
            await asyncio.sleep(0.02)
        return waited_s

    assert run(story) == pytest.approx(0, abs=0.001)


def test_time_without_requests_is_not_saved_up_for_a_burst() -> None:
    async def story() -> int:
        limiter, loop = RateLimiter(500), asyncio.get_running_loop()
        await limiter.next_slot()
        await asyncio.sleep(3600)
        start_s, had = loop.time(), 0
        while loop.time() - start_s < 0.001:
            await limiter.next_slot()
            had += 1
        return had

    assert run(story) <= 3 * RateLimiter(500).lease


def test_a_cancelled_waiter_takes_no_token_and_does_not_delay_others() -> None:
    async def story() -> list[float]:
        limiter, loop = RateLimiter(1), asyncio.get_running_loop()
        start_s, had = loop.time(), []

        async def take() -> None:
            await limiter.next_slot()
            had.append(loop.time() - start_s)

        tasks = [asyncio.create_task(take()) for _ in range(8)]
        await asyncio.sleep(0.5)
        for task in tasks[2:6]:  # the one that waits for the bucket, and three that wait for their turn
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return had

    assert run(story) == pytest.approx([0, 0, 1, 2], abs=0.001)
