"""A server that is a formula, on a clock of its own: the concurrency search against hours of load within seconds.

It is the clock, the meter and the pool of `steer` and `follow_orders`, so what is tried is the code of a run, without
sockets. Several slices of a run may use it; their messages take a time that follows from the seed.
"""

import heapq
import math
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from midaz_seed.model.ledger_shard import LedgerShard
from midaz_seed.resilience.concurrency_search import START, Change, ConcurrencySearch
from midaz_seed.resilience.concurrency_windows import OwnLoad, steer
from midaz_seed.resilience.divided_load import (
    DividedLoad,
    LimitOrder,
    LimitOrders,
    OrderedWindow,
    follow_orders,
)
from midaz_seed.sandbox.faults.effects import Capacity
from midaz_seed.sandbox.faults.wandering import Speed

STEP_S = 0.01
SETTLED = 0.01
"""Difference between the requests in flight and the limit that is neglected."""
HARD, SOFT = 16.0, 2.0
"""Sharpness of the saturation point: with the first, 96 % of the throughput at `at_once` requests in flight, as the
sandbox's; with the second, 71 %, which fits what was measured of a real v3.8 (175, 385, 430 transactions a second with
1, 4 and 16 in flight)."""
MANY = 50
"""Mean from which a normal distribution replaces that of Poisson."""


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


@dataclass(slots=True)
class ModelLoad:
    """The load of one client process: its meter and its pool."""

    limit: int
    server: "ModelServer" = field(repr=False)
    succeeded: int = 0
    overloaded: int = 0
    in_flight_s: float = 0.0
    """Requests in flight, summed over time."""
    in_flight: float = field(init=False)
    worked_on: float = field(init=False)
    expected: float = 0.0
    """Answers that are not drawn yet, as their mean."""
    drawn: float = 0.0

    def __post_init__(self) -> None:
        self.in_flight = self.worked_on = float(self.limit)

    @property
    def latency_us(self) -> int:
        return int(self.in_flight_s * 1e6)

    @property
    def is_settled(self) -> bool:
        """Whether the requests in flight are those of the limit."""
        return abs(self.worked_on - self.limit) < SETTLED * self.limit and self.in_flight <= self.limit

    def draw(self) -> None:
        """Draw the number of answers since the last time, which arrive independently."""
        mean, self.expected = self.expected, 0.0
        if len(self.server.loads) == 1:  # as when the figures of ADR 14 were measured
            self.drawn += max(self.server.random.gauss(mean, math.sqrt(mean)), 0.0)
        else:  # a slice has so few answers between two samples that cutting at zero would increase their mean
            self.drawn += _poisson(self.server.random, mean)
        self.succeeded = int(self.drawn)

    # the clock of its process, which sees the answers of a sleep after it
    def monotonic(self) -> float:
        return self.server.now_s

    def time(self) -> float:
        return self.server.now_s

    async def sleep(self, delay_s: float) -> None:
        await _Sleep(delay_s)
        self.draw()


def _poisson(random: Random, mean: float) -> int:
    if mean > MANY:
        return max(round(random.gauss(mean, math.sqrt(mean))), 0)
    least, product, number = math.exp(-mean), random.random(), 0
    while product > least:
        product *= random.random()
        number += 1
    return number


@dataclass(frozen=True)
class _Sleep:
    """Returns control to the simulation for a time."""

    delay_s: float

    def __await__(self) -> Generator[float, None, None]:
        yield self.delay_s


class ModelServer:
    """Its state, in time, and the processes that use it."""

    def __init__(self, model: Model, seed: int, limits: Sequence[int], end_s: float) -> None:
        """Begin with the limit of each process."""
        self.model = model
        self.random = Random(f"{seed}:answers")
        self.now_s, self._end_s = 0.0, end_s
        self.loads = [ModelLoad(limit, self) for limit in limits]
        self._speed = Speed(str(seed), model.capacity.wander, model.capacity.stalls)
        self._messages = Random(f"{seed}:messages")
        self._order = count()
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []

    @property
    def succeeded(self) -> int:
        """Answers to all processes."""
        return sum(load.succeeded for load in self.loads)

    @property
    def in_flight_s(self) -> float:
        """Requests in flight of all processes, summed over time."""
        return sum(load.in_flight_s for load in self.loads)

    def monotonic(self) -> float:
        return self.now_s

    def time(self) -> float:
        return self.now_s

    async def sleep(self, delay_s: float) -> None:
        await _Sleep(delay_s)

    def call_later(self, delay_s: float, function: Callable[[], None]) -> None:
        """Call a function after a time."""
        heapq.heappush(self._waiting, (self.now_s + delay_s, next(self._order), function))

    def start(self, task: Coroutine[Any, Any, None]) -> None:
        """Begin a task, which waits only by a clock of this simulation."""
        self.call_later(task.send(None), lambda: self.start(task))

    def run(self) -> None:
        """Work until the end."""
        while self._waiting and self._waiting[0][0] < self._end_s:
            at_s, _, function = heapq.heappop(self._waiting)
            self._advance(at_s)
            function()
        self._advance(self._end_s)
        for load in self.loads:
            load.draw()

    def _advance(self, until_s: float) -> None:
        while self.now_s < until_s:
            speed, same_until_s = self._speed.stretch(self.now_s)
            step_s = min(until_s, same_until_s) - self.now_s
            is_settled = all(load.is_settled for load in self.loads)
            if not is_settled:
                step_s = min(step_s, STEP_S)
            worked_on = sum(load.worked_on for load in self.loads)
            rate = self.model.answers_per_s(worked_on) * speed
            for load in self.loads:
                own_rate = rate * load.worked_on / worked_on
                if not is_settled:
                    load.in_flight = max(float(load.limit), load.in_flight - own_rate * step_s)
                    # a request that was just sent is answered a latency later
                    share = 1 - math.exp(-step_s * rate / worked_on)
                    load.worked_on += (load.in_flight - load.worked_on) * share
                load.expected += own_rate * step_s
                load.in_flight_s += load.in_flight * step_s
            self.now_s += step_s

    def work_with(self, in_flight: int) -> None:
        """Work until the end with a fixed number in flight."""
        (load,) = self.loads
        load.limit = in_flight

        async def sample() -> None:
            while True:
                await load.sleep(1.0)

        self.start(sample())
        self.run()

    def work_with_searches(
        self, searches: Sequence[ConcurrencySearch], note: Callable[[Change], None] = lambda change: None
    ) -> None:
        """Work until the end as the search of each process decides, which knows nothing of the others."""
        for search, load in zip(searches, self.loads, strict=True):
            self.start(steer(search, OwnLoad(load, load, load), note))
        self.run()

    def work_with_one_search(self, search: ConcurrencySearch, message_s: tuple[float, float]) -> None:
        """Work until the end as one search over all processes decides.

        Args:
            message_s: shortest and longest time of a message between the search and a process.
        """
        orders: dict[LedgerShard, LimitOrders] = {}

        def delay_s() -> float:
            return self._messages.uniform(*message_s)

        async def send(given: Mapping[LedgerShard, LimitOrder]) -> None:
            for shard, order in given.items():
                self.call_later(delay_s(), lambda shard=shard, order=order: orders[shard].give(order))  # type: ignore[misc]

        def report(shard: LedgerShard, found: OrderedWindow) -> None:
            self.call_later(delay_s(), lambda: whole.receive(shard, found))

        whole = DividedLoad(self, _Total(START), send)
        for number, load in enumerate(self.loads):
            shard = LedgerShard(number, len(self.loads))
            orders[shard] = LimitOrders(lambda found, shard=shard: report(shard, found))  # type: ignore[misc]
            whole.begin(shard)
            self.start(follow_orders(orders[shard], load, load, load))
        self.start(steer(search, whole, lambda change: None))
        self.run()


@dataclass(slots=True)
class _Total:
    """Shows the limit of all processes."""

    limit: int
