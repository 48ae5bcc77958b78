"""Time as something that can be handed in: the system's clock, and one that tests move by hand.

Everything that waits or measures takes a `Clock`, so no test has to sleep and none depends on the speed of a machine.
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
    """Where a component reads the time and waits."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back."""
        ...

    def time(self) -> float:
        """Seconds since the Unix epoch (UTC)."""
        ...

    async def sleep(self, delay_s: float) -> None:
        """Wait for `delay_s` seconds; zero or less only lets other tasks run."""
        ...


_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", None)


class SystemClock:
    """The machine's own time. Where the system tells, it goes on while the machine sleeps: the keys on the server do
    not sleep with it, and must not look younger than they are."""

    # itself, not a method that calls it: it is read several times an item
    monotonic = staticmethod(time.monotonic if _BOOTTIME is None else partial(time.clock_gettime, _BOOTTIME))
    time = staticmethod(time.time)

    async def sleep(self, delay_s: float) -> None:
        await anyio.sleep(max(delay_s, 0.0))


class FakeClock:
    """A clock that stands still until `advance` moves it; with `auto=True` a sleep moves it and returns at once."""

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
            if not woken.is_set():  # cancelled: nobody waits here any more
                self._sleepers.remove(sleeper)
                heapq.heapify(self._sleepers)

    @property
    def sleepers(self) -> int:
        """How many tasks wait in `sleep`."""
        return len(self._sleepers)

    async def advance(self, delta_s: float) -> None:
        """Move time on, waking every sleeper whose moment has come, in order, and letting each run."""
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
    """Another clock's time plus whatever `advance` has added: hours pass at once, seconds pass as ever."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._moved = anyio.Event()
        self.ahead_s = 0.0
        """How far it is ahead of the other clock."""

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
        """Move time on; whoever sleeps is woken when that was long enough."""
        self.ahead_s += delta_s
        moved, self._moved = self._moved, anyio.Event()
        moved.set()


async def _cancel_after(event: anyio.Event, scope: anyio.CancelScope) -> None:
    await event.wait()
    scope.cancel()
