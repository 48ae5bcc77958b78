"""A server that is a formula, on a clock of its own: the concurrency search against hours of load within seconds.

It is the clock, the meter and the pool of `steer`, so what is tried is the code of a run, without sockets.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from midaz_seed.engine.control.concurrency import steer
from midaz_seed.resilience.concurrency_search import Change, ConcurrencySearch
from midaz_seed.sandbox.faults.effects import Capacity
from midaz_seed.sandbox.faults.wandering import Speed

STEP_S = 0.01
SETTLED = 0.01
"""Difference between the requests in flight and the limit that is neglected."""
HARD, SOFT = 16.0, 2.0
"""Sharpness of the saturation point: with the first, 96 % of the throughput at `at_once` requests in flight, as the
sandbox's; with the second, 71 %, which fits what was measured of a real v3.8 (175, 385, 430 transactions a second with
1, 4 and 16 in flight)."""
DISPERSION = 1.0
"""Variance of the number of answers in a window, as a multiple of its mean; 1: independent arrivals."""


class _OverError(Exception):
    """The time of the simulation is over."""


@dataclass(frozen=True)
class Model:
    """A server: its capacity, as the sandbox's fault plans have it, and how sharp its saturation point is."""

    capacity: Capacity
    sharpness: float = HARD

    def answers_per_s(self, in_flight: float) -> float:
        """The throughput at the usual speed."""
        capacity = self.capacity
        one_by_one, full = in_flight / capacity.ms * 1000, capacity.at_once / capacity.ms * 1000
        smooth = (one_by_one**-self.sharpness + full**-self.sharpness) ** (-1 / self.sharpness)
        waiting = max(in_flight - capacity.at_once, 0)
        return smooth / (1 + capacity.slower_percent / 100 * waiting / capacity.at_once)

    def best(self, highest: int = 512) -> int:
        """The number in flight with the highest throughput."""
        return max(range(1, highest + 1), key=self.answers_per_s)


class ModelServer:
    """Its state, in time."""

    def __init__(self, model: Model, seed: int, limit: int, end_s: float) -> None:
        self.model = model
        self.limit = limit
        self.succeeded = self.overloaded = self.latency_us = 0
        self._speed = Speed(str(seed), model.capacity.wander, model.capacity.stalls)
        self._random = Random(f"{seed}:answers")
        self._now_s, self._end_s = 0.0, end_s
        self._in_flight = self._worked_on = float(limit)
        self._answers = 0.0
        self.in_flight_s = 0.0
        """Requests in flight, summed over time."""

    def monotonic(self) -> float:
        return self._now_s

    def time(self) -> float:
        return self._now_s

    async def sleep(self, delay_s: float) -> None:
        self.advance(delay_s)

    def advance(self, delay_s: float) -> None:
        """Work for this time.

        Raises:
            _OverError: the end of the simulation was reached.
        """
        until_s = min(self._now_s + delay_s, self._end_s)
        answers = 0.0
        while self._now_s < until_s:
            speed, same_until_s = self._speed.stretch(self._now_s)
            step_s = min(until_s, same_until_s) - self._now_s
            settled = abs(self._worked_on - self.limit) < SETTLED * self.limit and self._in_flight <= self.limit
            if not settled:
                step_s = min(step_s, STEP_S)
            rate = self.model.answers_per_s(self._worked_on) * speed
            if not settled:
                self._in_flight = max(float(self.limit), self._in_flight - rate * step_s)
                # a request that was just sent is answered a latency later
                share = 1 - math.exp(-step_s * rate / self._worked_on)
                self._worked_on += (self._in_flight - self._worked_on) * share
            answers += rate * step_s
            self.in_flight_s += self._in_flight * step_s
            self._now_s += step_s
        self._answers += max(self._random.gauss(answers, math.sqrt(DISPERSION * answers)), 0.0)
        self.succeeded = int(self._answers)
        self.latency_us = int(self.in_flight_s * 1e6)
        if self._now_s >= self._end_s:
            raise _OverError

    def work_with(self, in_flight: int) -> None:
        """Work until the end with a fixed number in flight."""
        self.limit = in_flight
        try:
            while True:
                self.advance(1.0)
        except _OverError:
            return

    def work_with_search(self, search: ConcurrencySearch, note: Callable[[Change], None] = lambda change: None) -> None:
        """Work until the end as a search decides."""
        run = steer(search, self, self, self, note)
        try:
            run.send(None)
        except _OverError:
            return
