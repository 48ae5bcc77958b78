"""Clocks: the system's, one that tests advance, and one that is ahead of another.

Everything that waits or measures time takes a `Clock`, so that tests neither sleep nor depend on the machine's speed.
"""

import heapq
import time
from functools import partial
from itertools import count
from typing import Protocol

import anyio
import anyio.lowlevel

__all__ = ["Clock", "FakeClock", "SystemClock"]  # `ShiftedClock` is the sandbox's


class Clock(Protocol):
    """Reads the time and waits."""

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start; never decreases."""
        ...

    def time(self) -> float:
        """Return seconds since the Unix epoch (UTC)."""
        ...

    async def sleep(self, delay_s: float) -> None:
        """Wait for `delay_s` seconds; zero or less only yields to other tasks."""
        ...


_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", None)


class SystemClock:
    """The machine's time. On Linux it includes the time that the machine is suspended, because idempotency keys on the
    server keep aging then."""

    # the function itself and not a method that calls it, because it is called several times per item
    monotonic = staticmethod(time.monotonic if _BOOTTIME is None else partial(time.clock_gettime, _BOOTTIME))
    time = staticmethod(time.time)

    async def sleep(self, delay_s: float) -> None:
        await anyio.sleep(max(delay_s, 0.0))


class FakeClock:
    """A clock for tests: only `advance` moves it; with `auto=True` a sleep also moves it and returns immediately."""

    def __init__(self, *, start_s: float = 1_767_225_600.0, auto: bool = False) -> None:
        self._now_s = start_s
        self._auto = auto
        self._order = count()
        self._sleepers: list[tuple[float, int, anyio.Event]] = []
        self.slept_s: list[float] = []

    def monotonic(self) -> float:
        return self._now_s

    def time(self) -> float:
        return self._now_s

    async def sleep(self, delay_s: float) -> None:
        self.slept_s.append(delay_s)
        if self._auto or delay_s <= 0:
            self._now_s += max(delay_s, 0.0)
            await anyio.lowlevel.checkpoint()
            return
        woken = anyio.Event()
        sleeper = (self._now_s + delay_s, next(self._order), woken)
        heapq.heappush(self._sleepers, sleeper)
        try:
            await woken.wait()
        finally:
            if not woken.is_set():  # the sleep was cancelled
                self._sleepers.remove(sleeper)
                heapq.heapify(self._sleepers)

    @property
    def sleepers(self) -> int:
        """The number of tasks that wait in `sleep`."""
        return len(self._sleepers)

    async def advance(self, delta_s: float) -> None:
        """Advance the time, waking each sleeper at its time, in order, and letting it run."""
        target_s = self._now_s + delta_s
        while self._sleepers and self._sleepers[0][0] <= target_s:
            self._now_s, _, woken = heapq.heappop(self._sleepers)
            woken.set()
            for _ in range(10):
                await anyio.lowlevel.checkpoint()
        self._now_s = target_s
        for _ in range(10):
            await anyio.lowlevel.checkpoint()


class ShiftedClock:
    """The time of another clock plus the total of all `advance` calls."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._moved = anyio.Event()
        self.ahead_s = 0.0
        """Seconds that it is ahead of the other clock."""

    def monotonic(self) -> float:
        return self._clock.monotonic() + self.ahead_s

    def time(self) -> float:
        return self._clock.time() + self.ahead_s

    async def sleep(self, delay_s: float) -> None:
        until_s = self.monotonic() + delay_s
        await anyio.lowlevel.checkpoint()
        while (left_s := until_s - self.monotonic()) > 0:
            async with anyio.create_task_group() as either:
                either.start_soon(_cancel_after, self._moved, either.cancel_scope)
                await self._clock.sleep(left_s)
                either.cancel_scope.cancel()

    def advance(self, delta_s: float) -> None:
        """Advance the time, waking every sleeper whose time has come."""
        self.ahead_s += delta_s
        moved, self._moved = self._moved, anyio.Event()
        moved.set()


async def _cancel_after(event: anyio.Event, scope: anyio.CancelScope) -> None:
    await event.wait()
    scope.cancel()
