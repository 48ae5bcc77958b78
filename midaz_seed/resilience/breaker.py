"""The circuit breaker: while the server is down, requests wait, a few are sent on trial, and none is dropped."""

from collections.abc import Callable
from enum import StrEnum

import anyio

from midaz_seed.clock import Clock
from midaz_seed.errors import BreakerOpenError


class BreakerState(StrEnum):
    """Closed: all requests are sent. Open: none is sent. Half-open: a few are sent on trial."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class CircuitBreaker:
    """A circuit breaker for one origin, shared by all workers.

    A permit is the number of the current epoch; each change of state starts a new epoch. A result with the permit of an
    earlier epoch is ignored, because it says nothing about the current state.
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
        """Create a closed breaker.

        Args:
            clock: the clock to wait with.
            failures: consecutive failures after which it opens.
            open_s: seconds for which it stays open.
            successes: successful trial requests after which it closes.
            give_up_s: seconds without closing after which waiting requests raise BreakerOpenError.
            on_change: called with each new state.
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
        """The permit for a request while the breaker is closed; otherwise use `enter`."""
        self._failures = 0
        self._successes = 0
        self._probes = 0
        self._left_closed_s = 0.0
        self._try_at_s = 0.0
        self._give_up_at_s = 0.0
        self._open_before_s = 0.0
        self._changed = anyio.Event()
        self.good_answers = 0
        """Results reported as ok, in total."""
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
        """Wait until a request may be sent and return its permit. Raises BreakerOpenError after `give_up_s`."""
        while not self.is_closed:
            now_s = self._clock.monotonic()
            if now_s >= self._give_up_at_s:
                raise BreakerOpenError(
                    f"the server has failed for {now_s - self._left_closed_s:.0f} s: the circuit breaker gives up",
                    hint="repair the server, then run the same command again; breaker.giveUpS sets the time to wait",
                )
            if self.state is BreakerState.OPEN and now_s >= self._try_at_s:
                self._change(BreakerState.HALF_OPEN)
            if self.state is BreakerState.HALF_OPEN and self._probes < self._successes_to_close - self._successes:
                self._probes += 1
                break
            await self._park(now_s)
        return self.epoch

    def is_current(self, epoch: int) -> bool:
        """Return whether the state has not changed since the permit was given."""
        return epoch == self.epoch

    def record(self, epoch: int, *, ok: bool) -> None:
        """Report the result of a request with this permit."""
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
        """Report that a request with this permit ended without a result."""
        if epoch == self.epoch and not self.is_closed:
            self._probes -= 1
            self._notify()

    def _change(self, state: BreakerState) -> None:
        now_s = self._clock.monotonic()
        if state is BreakerState.OPEN:
            # store times, not durations: one computed from a rounded time can stay slightly too short forever
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
        """Wait for a change of state, the time of the next trial, or the time to give up."""
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
