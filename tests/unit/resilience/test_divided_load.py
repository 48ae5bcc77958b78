"""One search over all slices of a run, on a fake clock: what each may have in flight, and what is measured."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import anyio
import pytest

from benchmarks.search import FAST_S, SLOW_S, Case, compare, model
from midaz_seed.clock import FakeClock
from midaz_seed.model.ledger_shard import LedgerShard
from midaz_seed.resilience.concurrency_search import START, ConcurrencySearch, Window
from midaz_seed.resilience.divided_load import (
    SILENT_S,
    DividedLoad,
    LimitOrder,
    LimitOrders,
    OrderedWindow,
    follow_orders,
)

A, B, C = (LedgerShard(number, 3) for number in range(3))


@dataclass
class Total:
    limit: int = 0


@dataclass
class Slices:
    """Slices that report each window at once, unless they are silent."""

    clock: FakeClock = field(default_factory=lambda: FakeClock(auto=True))
    silent: set[LedgerShard] = field(default_factory=set)
    idle: set[LedgerShard] = field(default_factory=set)
    given: list[dict[LedgerShard, LimitOrder]] = field(default_factory=list)
    on_send: Callable[[], None] = lambda: None
    message_s: float = 0.0

    def __post_init__(self) -> None:
        self.total = Total()
        self.load = DividedLoad(self.clock, self.total, self.send)
        for shard in (A, B, C):
            self.load.begin(shard)

    async def send(self, orders: Mapping[LedgerShard, LimitOrder]) -> None:
        self.given.append(dict(orders))
        self.on_send()
        await self.clock.sleep(self.message_s)
        for shard, order in orders.items():
            if shard not in self.silent:
                self.report(shard, order)

    def report(self, shard: LedgerShard, order: LimitOrder) -> None:
        in_flight = 0.0 if shard in self.idle else float(order.limit)
        self.load.receive(shard, OrderedWindow(order.number, Window(0.5, 10 * order.limit, 0, in_flight)))

    def limits(self, number: int = -1) -> dict[LedgerShard, int]:
        return {shard: order.limit for shard, order in self.given[number].items()}


async def test_a_limit_is_divided_and_each_slice_has_at_least_one_in_flight() -> None:
    slices = Slices()
    for limit, parts in ((8, (3, 3, 2)), (9, (3, 3, 3)), (2, (1, 1, 1))):
        window = await slices.load.window(limit, 0.0)
        assert slices.limits() == dict(zip((A, B, C), parts, strict=True))
        assert (slices.total.limit, window.in_flight, window.processes) == (limit, sum(parts), 3)


async def test_the_throughputs_of_windows_of_different_lengths_add_up() -> None:
    slices = Slices(silent={A, B, C})

    def report() -> None:
        for shard, span_s, successes in ((A, 0.5, 50), (B, 1.0, 10), (C, 2.0, 10)):
            order = slices.given[-1][shard]
            slices.load.receive(shard, OrderedWindow(order.number, Window(span_s, successes, 2, 4.0)))

    slices.on_send = report
    window = await slices.load.window(12, 0.0)
    assert window.successes / window.span_s == 100 + 10 + 5
    assert window.overloaded / window.span_s == 4 + 2 + 1
    assert window.in_flight == 12


async def test_the_part_of_a_slice_that_ends_goes_to_the_others_and_its_window_is_not_awaited() -> None:
    slices = Slices(silent={B})
    slices.on_send = lambda: slices.load.end(B) if len(slices.given) == 2 else None
    slices.silent.clear()
    before = await slices.load.window(8, 0.0)
    slices.silent.add(B)
    after = await slices.load.window(8, 0.0)
    assert slices.limits(1) == {A: 3, B: 3, C: 2}
    assert slices.limits() == {A: 4, C: 4}
    assert (before.processes, after.processes) == (3, 2)
    assert before.group != after.group


async def test_a_slice_that_is_silent_loses_its_part_and_its_next_report_brings_it_back() -> None:
    slices = Slices()
    await slices.load.window(9, 0.0)
    slices.silent.add(C)
    silent_since_s = slices.clock.monotonic()
    assert (await slices.load.window(9, 0.0)).processes == 2
    assert slices.clock.monotonic() - silent_since_s > SILENT_S
    assert slices.limits()[C] == 1
    assert (slices.limits()[A], slices.limits()[B]) == (5, 4)
    last = slices.given[-1][C]
    for _ in range(3):  # it gets no other order, which would void its window, while it may carry out that one
        await slices.load.window(9, 0.0)
        assert C not in slices.given[-1]
    slices.silent.clear()
    slices.report(C, last)
    assert (await slices.load.window(9, 0.0)).processes == 3
    assert slices.limits() == {A: 3, B: 3, C: 3}


async def test_nothing_is_divided_anew_when_all_slices_are_silent() -> None:
    slices = Slices()
    await slices.load.window(9, 0.0)
    slices.silent |= {A, B, C}
    with anyio.move_on_after(0.2):
        await slices.load.window(9, 0.0)
    assert slices.clock.monotonic() > 3 * SILENT_S
    assert slices.limits() == {A: 3, B: 3, C: 3}


async def test_a_slice_with_nothing_to_send_leaves_its_part_to_the_others_until_it_has_work() -> None:
    slices = Slices(idle={A})
    window = await slices.load.window(8, 0.0)
    assert (window.processes, window.in_flight) == (2, 8)
    assert slices.limits() == {A: 1, B: 4, C: 4}
    slices.idle.clear()
    await slices.load.window(8, 0.0)  # it reports load with this one
    window = await slices.load.window(8, 0.0)
    assert (window.processes, slices.limits()) == (3, {A: 3, B: 3, C: 2})


async def test_a_slice_waits_after_a_change_for_latency_and_messages_and_not_otherwise() -> None:
    slices = Slices(message_s=0.8)
    await slices.load.window(6, 0.2)
    await slices.load.window(6, 0.2)
    await slices.load.window(12, 0.2)
    first, same, changed = (orders[A] for orders in slices.given)
    assert (first.pause_s, same.pause_s) == (0.2, 0.0)
    assert changed.pause_s == pytest.approx(0.2 + 0.3)  # 0.8 s less the window of 0.5 s
    assert changed.window_s_min == pytest.approx(0.3)


@dataclass
class Client:
    """A process that makes as many answers a second as it may have in flight, by the clock."""

    clock: FakeClock
    limit: int = 1
    overloaded: int = 0
    since_s: float = 0.0
    made: float = 0.0

    def __setattr__(self, name: str, value: object) -> None:
        if name == "limit" and hasattr(self, "made"):
            self.made, self.since_s = self.answers, self.clock.monotonic()
        super().__setattr__(name, value)

    @property
    def answers(self) -> float:
        return self.made + 100 * self.limit * (self.clock.monotonic() - self.since_s)

    @property
    def succeeded(self) -> int:
        return round(self.answers)

    @property
    def latency_us(self) -> int:
        return round(1e4 * self.answers)


async def test_a_slice_measures_what_it_was_ordered_to_and_keeps_its_last_number_without_orders() -> None:
    clock = FakeClock(start_s=0.0)
    client, found = Client(clock), list[OrderedWindow]()
    orders = LimitOrders(found.append)
    async with anyio.create_task_group() as group:
        group.start_soon(follow_orders, orders, clock, client, client)
        await clock.advance(1.0)
        assert (client.limit, found) == (1, [])
        orders.give(LimitOrder(7, 4, 0.5, 80, 0.1))
        await clock.advance(0.3)
        assert (client.limit, found) == (4, [])
        await clock.advance(0.6)
        (one,) = found
        assert one.number == 7
        assert one.window.successes / one.window.span_s == pytest.approx(400, rel=0.01)  # nothing of before the change
        assert one.window.in_flight == pytest.approx(4, rel=0.01)
        orders.give(LimitOrder(6, 9, 0.0, 80, 0.1))  # an older one that was late
        await clock.advance(60.0)
        assert (client.limit, len(found)) == (4, 1)
        orders.give(LimitOrder(8, 2, 0.0, 10**6, 0.1))
        await clock.advance(0.2)
        orders.give(LimitOrder(9, 3, 0.0, 30, 0.1))  # before the window ended: that is not needed any more
        await clock.advance(1.0)
        assert (client.limit, [each.number for each in found]) == (3, [7, 9])
        group.cancel_scope.cancel()


def test_windows_of_different_slices_are_not_compared() -> None:
    search = ConcurrencySearch(highest=512)
    for number in range(40):  # half of the slices are away in every second window
        search.observe(Window(1.0, 100 if number % 2 else 1000, 0, float(search.limit), 1, number % 2))
    assert search.current == START


def test_a_search_has_at_least_one_in_flight_for_each_slice() -> None:
    search = ConcurrencySearch(highest=512)
    change = search.observe(Window(1.0, 100, 0, 8.0, 8, 1))
    assert change is not None
    assert (change.in_flight, search.current) == (8, 8)
    for _ in range(200):  # a server that does one at a time
        search.observe(Window(1.0, 100, 0, float(search.limit), 8, 1))
        assert search.limit >= 8
    search.observe(Window(1.0, 100, 0, float(search.limit), 2, 2))
    for _ in range(400):
        search.observe(Window(1.0, 100, 0, float(search.limit), 2, 2))
    assert search.current == 2


@pytest.mark.parametrize("message_s", [FAST_S, SLOW_S])
def test_one_search_over_four_slices_gets_what_a_wandering_server_can_do(message_s: tuple[float, float]) -> None:
    case = Case("16", model(16, 10, wandering=True), START, 4, message_s)
    assert min(compare(case, seed, 60).share for seed in range(4)) > 0.9
