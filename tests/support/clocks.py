"""Clocks for tests."""

import asyncio

from midaz_seed.clock import Clock, FakeClock


class AcceleratedClock:
    """A clock that runs `factor` times as fast as another: a wait by it takes a fraction of the time."""

    def __init__(self, clock: Clock, factor: float) -> None:
        self._clock = clock
        self._factor = factor
        self._started_s = clock.time()

    def monotonic(self) -> float:
        return self._clock.monotonic() * self._factor

    def time(self) -> float:
        return self._started_s + (self._clock.time() - self._started_s) * self._factor

    async def sleep(self, delay_s: float) -> None:
        await self._clock.sleep(delay_s / self._factor)


async def wait_for_sleepers(clock: FakeClock, number: int) -> None:
    """Wait until `number` tasks sleep by the clock."""
    while clock.sleepers < number:
        await asyncio.sleep(0)
