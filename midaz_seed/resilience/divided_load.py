"""One concurrency search over all slices of a run, each a process: `DividedLoad` where the search is, `follow_orders`
in each slice.

Searches that know nothing of one another compare windows in which the others try something else. Here one search
decides the sum. For each of its windows the slices get an order: how many requests each may have in flight, and to
measure a window with that. The sum of their windows is the window of the search. Nothing here depends on how the
messages travel; that is up to the engine.

How the windows of the slices are aligned, though a message may take some 100 ms:

- Each slice measures with its own clock and reports its own throughput, so no clocks have to agree, and the time that
  a report takes changes no figure.
- After a change a slice waits before it measures: a latency, as a process alone does, and then the time that messages
  took in the window before, there and back. When the first slice measures, the last one has the new number too.
- No slice gets another number before all have reported. So no window of one overlaps with the change of another.
- A window lasts at least as long as the messages took, so that half of the time is measured. The answers that it waits
  for are shared among the slices.

A slice that is silent for `SILENT_S` counts as lost, and one with nothing to send as idle, while others work: these get
its part. It is ordered to have one request in flight, and comes back with a report of load. A slice that gets no orders
keeps its last number.
"""

import math
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from midaz_seed.clock import Clock
from midaz_seed.model.ledger_shard import LedgerShard
from midaz_seed.resilience.concurrency_search import Window
from midaz_seed.resilience.concurrency_windows import (
    SAMPLE_EVERY_S,
    WINDOW_S,
    Answers,
    Limited,
    answers_min,
    measure_window,
)

REPORT_WITHIN_S = 3.0
"""Time after the longest window in which all slices must have reported it; then the slices get a new order."""
SILENT_S = 15.0
"""Time without a report, of about three of these windows, after which a slice counts as lost."""
IDLE = 0.2
"""Mean number in flight below which a slice has nothing to send, as while it waits for settlement."""
DELAY_S_MAX = 1.0
"""Longest time of messages that a window waits for."""


@dataclass(frozen=True, slots=True)
class LimitOrder:
    """What a slice may have in flight, and the window that it measures with that."""

    number: int
    """Increases with each order of a run."""
    limit: int
    pause_s: float
    """Time from the change of the limit to the beginning of the window."""
    answers_min: int
    """Answers that the window waits for."""
    window_s_min: float
    """Length of the window at least."""


@dataclass(frozen=True, slots=True)
class OrderedWindow:
    """The window that a slice has measured."""

    number: int
    """That of the order."""
    window: Window


class LimitOrders:
    """Where a slice finds its orders, and what it reports its windows with."""

    def __init__(self, report: Callable[[OrderedWindow], None]) -> None:
        """Report windows with `report`, which must not wait."""
        self.report = report
        self.latest: LimitOrder | None = None

    def give(self, order: LimitOrder) -> None:
        """Give the slice an order, from any thread; an older one than the last has no effect."""
        if self.latest is None or order.number > self.latest.number:
            self.latest = order


async def follow_orders(orders: LimitOrders, clock: Clock, answers: Answers, limited: Limited) -> None:
    """Set the limit of a slice as ordered, and report the windows, until cancelled."""
    done: LimitOrder | None = None
    while True:
        order = orders.latest
        if order is None or order is done:
            await clock.sleep(SAMPLE_EVERY_S)
            continue
        done = order
        limited.limit = order.limit
        if order.pause_s:
            await clock.sleep(order.pause_s)
        window = await measure_window(
            clock,
            answers,
            order.answers_min,
            shortest_s=order.window_s_min,
            is_void=lambda order=order: orders.latest is not order,  # type: ignore[misc]
        )
        if window is not None:
            orders.report(OrderedWindow(order.number, window))


@dataclass(slots=True)
class _Slice:
    """A process whose load is a part of the whole."""

    heard_s: float
    """When it last reported, or began (monotonic)."""
    ordered_s: float = -math.inf
    """When it was last given an order (monotonic)."""
    ordered: int = 0
    """Number of that order."""
    found: OrderedWindow | None = None
    is_left_out: bool = False
    """It is lost or idle."""

    @property
    def has_reported(self) -> bool:
        """Whether it has carried out its last order."""
        return self.found is not None and self.found.number == self.ordered

    @property
    def is_idle(self) -> bool:
        """Whether its last window shows that it has nothing to send."""
        window = self.found.window if self.found is not None else None
        return window is not None and window.in_flight < IDLE and not window.overloaded


SendOrders = Callable[[Mapping[LedgerShard, LimitOrder]], Awaitable[None]]
"""Sends slices their orders. A message may be lost: another order follows."""


class DividedLoad:
    """The load of all slices that work now, as the search sees it."""

    def __init__(self, clock: Clock, limited: Limited, send: SendOrders) -> None:
        """Send orders with `send`. `limited` gets the limit of the whole run, which reports and displays show."""
        self._clock = clock
        self._limited = limited
        self._send = send
        self._slices: dict[LedgerShard, _Slice] = {}
        self._group = 0
        """Changes with the slices that are measured."""
        self._measured: tuple[int, int] | None = None
        """Limit and group of the last window."""
        self._number = 0
        self._delay_s = 0.0
        """Time that the messages of the last window took, there and back."""

    def begin(self, shard: LedgerShard) -> None:
        """Add a slice, which has begun to work; one that was added before stays as it is."""
        if shard not in self._slices:
            self._slices[shard] = _Slice(self._clock.monotonic())
            self._group += 1

    def end(self, shard: LedgerShard) -> None:
        """Remove a slice that has ended, or whose process has; the others get its part."""
        if self._slices.pop(shard, None) is not None:
            self._group += 1

    def receive(self, shard: LedgerShard, found: OrderedWindow) -> None:
        """Take the window that a slice reports."""
        one = self._slices.get(shard)
        if one is not None:
            one.found, one.heard_s = found, self._clock.monotonic()
            if one.is_left_out and not one.is_idle:
                self._leave_out([one], False)

    async def window(self, limit: int, settles_s: float) -> Window:
        """Let all slices measure with a limit, as `Load`; with other slices again when one begins or ends."""
        self._limited.limit = limit
        while True:
            measured = [one for one in self._slices.values() if not one.is_left_out]
            if not measured:
                self._leave_out(self._slices.values(), False)
                await self._clock.sleep(SAMPLE_EVERY_S)
                continue
            group = self._group
            pause_s = settles_s + self._delay_s if self._measured != (limit, group) else 0.0
            self._measured = (limit, group)
            if await self._all_report(limit, pause_s, measured):
                idle = [one for one in measured if one.is_idle]
                if not idle or len(idle) == len(measured):
                    return _sum([one.found.window for one in measured if one.found is not None], group)
                self._leave_out(idle, True)
            self._measured = None

    async def _all_report(self, limit: int, pause_s: float, measured: Sequence[_Slice]) -> bool:
        """Order a window.

        Returns:
            Whether all slices have reported it; not when others work meanwhile, or one is silent.
        """
        group, sent_s = self._group, self._clock.monotonic()
        await self._send(self._orders(limit, pause_s, len(measured)))
        while not all(one.has_reported for one in measured):
            await self._clock.sleep(SAMPLE_EVERY_S)
            if self._group != group:
                return False
            if self._clock.monotonic() - sent_s > pause_s + WINDOW_S[1] + REPORT_WITHIN_S:
                silent = [one for one in measured if self._clock.monotonic() - one.heard_s > SILENT_S]
                if len(silent) < len(measured):
                    self._leave_out(silent, True)
                return False
        spans_s = [one.found.window.span_s for one in measured if one.found is not None]
        self._delay_s = min(max(self._clock.monotonic() - sent_s - pause_s - max(spans_s), 0.0), DELAY_S_MAX)
        return True

    def _orders(self, limit: int, pause_s: float, measured: int) -> dict[LedgerShard, LimitOrder]:
        """Return the next orders. A slice that is left out gets none while it carries out its last one."""
        self._number += 1
        now_s, shortest_s = self._clock.monotonic(), max(WINDOW_S[0], self._delay_s)
        parts, orders = _parts(limit, measured), {}
        for shard, one in self._slices.items():
            is_late = now_s - one.ordered_s > WINDOW_S[1] + REPORT_WITHIN_S
            if not one.is_left_out or one.has_reported or is_late:
                part = 1 if one.is_left_out else next(parts)
                orders[shard] = LimitOrder(self._number, part, pause_s, answers_min(part, measured), shortest_s)
                one.ordered, one.ordered_s = self._number, now_s
        return orders

    def _leave_out(self, slices: Iterable[_Slice], is_left_out: bool) -> None:
        """Change which slices are measured."""
        for one in slices:
            if one.is_left_out != is_left_out:
                one.is_left_out = is_left_out
                self._group += 1


def _parts(limit: int, slices: int) -> Iterator[int]:
    """Divide a limit among slices; each gets at least one."""
    each, rest = divmod(limit, slices)
    return iter([max(each + (number < rest), 1) for number in range(slices)])


def _sum(windows: Sequence[Window], group: int) -> Window:
    """Add windows of slices, which may differ in length: the sum of their throughputs, in the longest."""
    span_s = max(window.span_s for window in windows)

    def total(of: Callable[[Window], int]) -> int:
        return round(sum(of(window) / window.span_s for window in windows) * span_s)

    return Window(
        span_s,
        total(lambda window: window.successes),
        total(lambda window: window.overloaded),
        sum(window.in_flight for window in windows),
        len(windows),
        group,
    )
