"""The circuit breaker: while the server is down it parks requests, lets a few try, and drops none."""

from collections.abc import Callable
from enum import StrEnum

import anyio

from midaz_seed.clock import Clock
from midaz_seed.errors import BreakerOpenError


class BreakerState(StrEnum):
    """Closed: everything passes. Open: nothing does. Half-open: a few try whether the server is back."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class CircuitBreaker:
    """One for each origin, shared by all workers.

    A permit is the number of the breaker's present epoch (each change of state begins another), so that a result which
    arrives late, from before a change, tells nothing about the state after it.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        failures: int = 5,
        open_s: float = 60.0,
        successes: int = 3,
        give_up_s: float = 600.0,
        on_change: Callable[[BreakerState], None] | None = None,
    ) -> None:
        """Opens after `failures` in a row, stays open for `open_s`, closes after `successes` tries that worked.

        Whoever is parked gets BreakerOpenError once it has not been closed for `give_up_s`.
        """
        self._clock = clock
        self._failures_to_open = failures
        self._open_s = open_s
        self._successes_to_close = successes
        self._give_up_s = give_up_s
        self._on_change = on_change
        self.state = BreakerState.CLOSED
        self.is_closed = True
        self.epoch = 0
        """What a request gets that finds it closed; `enter` waits for that."""
        self._failures = 0
        self._successes = 0
        self._probes = 0
        self._left_closed_s = 0.0
        self._try_at_s = 0.0
        self._give_up_at_s = 0.0
        self._open_before_s = 0.0
        self._changed = anyio.Event()
        self.good_answers = 0
        """Answers of a server that works, since the beginning."""
        self.opened_count = 0
        """How often it left the closed state."""

    @property
    def open_total_s(self) -> float:
        """Seconds in which it was not closed; a breaker that gave up has been open until now."""
        present_s = 0.0 if self.is_closed else self._clock.monotonic() - self._left_closed_s
        return self._open_before_s + present_s

    def add(self, *, opened_count: int, open_s: float) -> None:
        """Count what the breakers of other processes did."""
        self.opened_count += opened_count
        self._open_before_s += open_s

    async def enter(self) -> int:
        """Wait until a request may be sent, and get a permit for it. Raises BreakerOpenError after `give_up_s`."""
        while not self.is_closed:
            now_s = self._clock.monotonic()
            if now_s >= self._give_up_at_s:
                raise BreakerOpenError(
                    f"the server has failed for {now_s - self._left_closed_s:.0f} s; the circuit breaker gives up",
                    hint="put the server right, then run the same command again; breaker.giveUpS says how long to wait",
                )
            if self.state is BreakerState.OPEN and now_s >= self._try_at_s:
                self._change(BreakerState.HALF_OPEN)
            if self.state is BreakerState.HALF_OPEN and self._probes < self._successes_to_close - self._successes:
                self._probes += 1
                break
            await self._park(now_s)
        return self.epoch

    def is_current(self, epoch: int) -> bool:
        """Whether the breaker is still in the state in which it gave the permit."""
        return epoch == self.epoch

    def record(self, epoch: int, *, ok: bool) -> None:
        """Tell how a request with this permit ended."""
        self.good_answers += ok
        if epoch != self.epoch:
            return
        if self.is_closed:
            self._failures = 0 if ok else self._failures + 1
            if self._failures >= self._failures_to_open:
                self._change(BreakerState.OPEN)
            return
        self._probes -= 1
        if not ok:
            self._change(BreakerState.OPEN)
            return
        self._successes += 1
        if self._successes >= self._successes_to_close:
            self._change(BreakerState.CLOSED)
        else:
            self._notify()

    def release(self, epoch: int) -> None:
        """A request with this permit ended without telling anything about the server."""
        if epoch == self.epoch and not self.is_closed:
            self._probes -= 1
            self._notify()

    def _change(self, state: BreakerState) -> None:
        now_s = self._clock.monotonic()
        if state is BreakerState.OPEN:
            # moments, not spans: a span computed back from a rounded moment can stay a hair short of itself for ever
            self._try_at_s = now_s + self._open_s
            if self.is_closed:
                self._left_closed_s = now_s
                self._give_up_at_s = now_s + self._give_up_s
                self.opened_count += 1
        elif state is BreakerState.CLOSED:
            self._open_before_s += now_s - self._left_closed_s
        self.state, self.is_closed = state, state is BreakerState.CLOSED
        self.epoch += 1
        self._failures = self._successes = self._probes = 0
        self._notify()
        if self._on_change is not None:
            self._on_change(state)

    def _notify(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    async def _park(self, now_s: float) -> None:
        """Wait for a change, or for the moment at which the breaker may be tried or is given up."""
        until_s = self._give_up_at_s
        if self.state is BreakerState.OPEN:
            until_s = min(until_s, self._try_at_s)
        changed = self._changed
        async with anyio.create_task_group() as group:

            async def wake() -> None:
                await self._clock.sleep(until_s - now_s)
                group.cancel_scope.cancel()

            group.start_soon(wake)
            await changed.wait()
            group.cancel_scope.cancel()
