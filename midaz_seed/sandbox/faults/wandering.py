"""The speed of a server as a function of time: a seeded walk, and stalls in which nothing is worked on.

Pure: the sandbox and simulations of servers use the same, so that both see the same speed at the same time.
"""

import math
from bisect import bisect_right
from random import Random

from midaz_seed.sandbox.faults.effects import Stalls, Wander

OCTAVES = 3
"""Walks that are added, each four times as fast and half as far as the one before: a server varies at every scale."""
_FASTER, _NARROWER = 4, 2


class _Walk:
    """A logarithm that changes at every period by a random step, reflected at its bounds."""

    def __init__(self, random: Random, bound: float, period_s: float) -> None:
        self.period_s = period_s
        self._random, self._bound = random, bound
        self._levels = [random.uniform(-bound, bound)]

    def level(self, period: int) -> float:
        levels, bound = self._levels, self._bound
        while len(levels) <= period:
            moved = levels[-1] + self._random.uniform(-bound, bound)
            levels.append(2 * bound - moved if moved > bound else -2 * bound - moved if moved < -bound else moved)
        return levels[period]


class Speed:
    """The speed at each time since the start: 1 is the usual one, 0 a stall. The same for the same seed."""

    def __init__(self, seed: str, wander: Wander | None = None, stalls: Stalls | None = None) -> None:
        self._stalls = stalls
        self._random = Random(f"{seed}:stalls")
        self._stall_starts_s: list[float] = []
        self._stall_ends_s: list[float] = []
        self._walks: list[_Walk] = []
        for octave in range(OCTAVES if wander is not None else 0):
            assert wander is not None
            bound = math.log1p(wander.percent / 100) / _NARROWER**octave
            self._walks.append(_Walk(Random(f"{seed}:{octave}"), bound, wander.every_s / _FASTER**octave))

    def stretch(self, at_s: float) -> tuple[float, float]:
        """Return the speed at a time, and the time until which it stays the same."""
        speed, until_s = 1.0, math.inf
        if self._walks:
            fastest_s = self._walks[-1].period_s
            period = int(at_s / fastest_s)
            until_s = (period + 1) * fastest_s
            if until_s <= at_s:  # the division was rounded down
                period, until_s = period + 1, until_s + fastest_s
            levels = (
                walk.level(period // _FASTER ** (len(self._walks) - 1 - octave))
                for octave, walk in enumerate(self._walks)
            )
            speed = math.exp(sum(levels))
        if self._stalls is None:
            return speed, until_s
        start_s, end_s = self._stall(at_s, self._stalls)
        return (0.0, end_s) if start_s <= at_s else (speed, min(until_s, start_s))

    def _stall(self, at_s: float, stalls: Stalls) -> tuple[float, float]:
        """Return start and end of the first stall that has not ended."""
        ends_s, random = self._stall_ends_s, self._random
        while not ends_s or ends_s[-1] <= at_s:
            pause_s = max(stalls.every_s + random.uniform(-1, 1) * stalls.every_spread_s, 0.0)
            start_s = (ends_s[-1] if ends_s else 0.0) + pause_s
            self._stall_starts_s.append(start_s)
            ends_s.append(start_s + max(stalls.ms + random.uniform(-1, 1) * stalls.spread_ms, 1.0) / 1000)
        index = bisect_right(ends_s, at_s)
        return self._stall_starts_s[index], ends_s[index]

    def duration_s(self, start_s: float, work_s: float) -> float:
        """Return how long work takes that begins at `start_s` and would take `work_s` at the usual speed."""
        at_s = start_s
        while True:
            speed, until_s = self.stretch(at_s)
            if speed * (until_s - at_s) >= work_s:
                return at_s + work_s / speed - start_s
            work_s -= speed * (until_s - at_s)
            at_s = until_s
