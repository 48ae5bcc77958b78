"""The throttle: against a rate limit of any size it loses nothing, comes close to the limit, and recovers (L1)."""

import math

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midaz_seed.clock import FakeClock
from midaz_seed.resilience.throttle import INACTIVE_AFTER_S, Throttle


class TokenBucket:
    """A server's rate limit."""

    def __init__(self, clock: FakeClock, rate_per_s: float, burst: float) -> None:
        self._clock, self.rate_per_s, self._burst = clock, rate_per_s, burst
        self._level, self._last_s = burst, clock.monotonic()

    def lets_through(self) -> bool:
        now_s = self._clock.monotonic()
        self._level = min(self._burst, self._level + (now_s - self._last_s) * self.rate_per_s)
        self._last_s = now_s
        if self._level < 1:
            return False
        self._level -= 1
        return True


async def _send(clock: FakeClock, throttle: Throttle, bucket: TokenBucket, until_s: float, step_s: float) -> int:
    """Send one request after the other until a time; return how many were accepted."""
    accepted = 0
    while clock.monotonic() < until_s:
        if throttle.active:
            await throttle.next_slot()
        await clock.sleep(step_s)
        if bucket.lets_through():
            accepted += 1
            if throttle.active:
                throttle.accept(clock.monotonic(), is_read=False)
        else:
            throttle.reject(clock.monotonic(), is_read=False)
    return accepted


@given(rate_per_s=st.floats(10, 200), burst=st.floats(1, 50))
@settings(max_examples=10, deadline=None)
def test_it_comes_close_to_any_rate_limit_with_few_rejections(rate_per_s: float, burst: float) -> None:
    """L1: the client sends up to 500 requests per second."""
    clock = FakeClock(auto=True)
    throttle, bucket = Throttle(clock), TokenBucket(clock, rate_per_s, burst)

    async def run() -> None:
        start_s = clock.monotonic()
        await _send(clock, throttle, bucket, start_s + 10, 1 / 500)
        before = throttle.rejected
        accepted = await _send(clock, throttle, bucket, start_s + 40, 1 / 500)
        assert accepted >= 0.5 * 30 * rate_per_s
        assert throttle.rejected - before <= 0.25 * accepted + 30
        assert 0.5 * rate_per_s <= throttle.found_per_s <= 1.5 * rate_per_s + burst

    anyio.run(run)


async def test_it_recovers_when_the_limit_is_lifted_and_is_inactive_after_a_while() -> None:
    """L1."""
    clock = FakeClock(auto=True)
    changes: list[float] = []
    throttle, bucket = Throttle(clock, changes.append), TokenBucket(clock, 10, 5)
    await _send(clock, throttle, bucket, clock.monotonic() + 10, 1 / 1000)
    assert throttle.rate_per_s < 15
    bucket.rate_per_s = math.inf
    bucket.lets_through()
    lifted_s = clock.monotonic()
    bucket = TokenBucket(clock, 1e9, 1e9)
    assert await _send(clock, throttle, bucket, lifted_s + 20, 1 / 1000) > 5_000
    await _send(clock, throttle, bucket, lifted_s + INACTIVE_AFTER_S + 5, 1 / 100)
    assert not throttle.active
    assert throttle.rate_per_s == math.inf
    assert changes
    assert changes[-1] < 15


@pytest.mark.parametrize("rejected", [1, 5, 50])
async def test_a_server_that_rejects_everything_is_asked_ever_more_rarely(rejected: int) -> None:
    """L1: and the time without an accepted request is known."""
    clock = FakeClock(auto=True)
    throttle = Throttle(clock)
    began_s = clock.monotonic()
    for _ in range(rejected):
        if throttle.active:
            await throttle.next_slot()
        await clock.sleep(0.2)
        throttle.reject(clock.monotonic(), is_read=False)
    waited_s = clock.monotonic() - began_s
    assert waited_s - 1.5 < throttle.rejected_for_s(clock.monotonic(), is_read=False) <= waited_s
    assert throttle.rejected_for_s(clock.monotonic(), is_read=True) == 0
    assert throttle.found_per_s == 0
    if rejected == 50:
        assert throttle.rate_per_s == 1.0
    throttle.accept(clock.monotonic(), is_read=False)
    assert throttle.rejected_for_s(clock.monotonic(), is_read=False) == 0
