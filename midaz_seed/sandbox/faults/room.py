"""The room for concurrent requests that the effect `capacity` gives."""

import asyncio

from midaz_seed.clock import Clock
from midaz_seed.sandbox.faults.effects import Capacity
from midaz_seed.sandbox.faults.wandering import Speed


class Room:
    """Works on a limited number of requests at once; the others queue."""

    def __init__(self, capacity: Capacity, seed: str, clock: Clock, start_s: float) -> None:
        """Create an empty room.

        Args:
            capacity: how many, and how long.
            seed: of the wandering speed and the stalls.
            clock: of the sandbox.
            start_s: time of that clock at which the sandbox was started.
        """
        self._capacity = capacity
        self._clock, self._start_s = clock, start_s
        self._room = asyncio.Semaphore(capacity.at_once)
        self._waiting = 0
        self._speed = Speed(seed, capacity.wander, capacity.stalls)

    async def work(self, chance: float) -> bool:
        """Wait in the queue and for the time of the work; return False at once when the queue is full."""
        capacity, room = self._capacity, self._room
        if room.locked() and capacity.waiting_max is not None and self._waiting >= capacity.waiting_max:
            return False
        self._waiting += 1
        try:
            await room.acquire()
        finally:
            self._waiting -= 1
        try:
            slower = 1 + capacity.slower_percent / 100 * self._waiting / capacity.at_once
            work_s = max(0.0, capacity.ms + (2 * chance - 1) * capacity.spread_ms) / 1000 * slower
            await self._clock.sleep(self._speed.duration_s(self._clock.monotonic() - self._start_s, work_s))
        finally:
            room.release()
        return True
