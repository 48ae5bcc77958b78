"""What ends a call before it is done: a signal, or the end of its time limit.

| what happens | before a run | in a run |
|---|---|---|
| first signal | the call is cancelled | it drains: every wait ends at once, writes in flight may finish |
| second signal, or the end of the grace time | | requests in flight are cut off |
| end of the time limit | the call is cancelled | it drains, and is cut off shortly after |

What was cut off is left to the next session: the journal says that it is unknown.
"""

import math
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from signal import Signals

import anyio
from anyio.abc import TaskGroup, TaskStatus

from midaz_seed.clock import Clock
from midaz_seed.engine.admission import ENDING_S
from midaz_seed.engine.context import RunContext
from midaz_seed.errors import SignalledError, UnreachableError, exit_code_of
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import Emit, StopRequested
from midaz_seed.task_groups import background_tasks

OVERRUN_S = 2.0
"""Time after the time limit in which settlement and verification may still end; requests in flight have half of it."""
ENDING_EVERY_S = 0.1
CUT_OFF_AFTER_S = 1.0
"""Time between the end of the time limit and the cut of what is in flight."""


def stop_signals() -> tuple[Signals, ...]:
    """Return the signals that stop a call. SIGHUP is not among them under nohup, which lets a process ignore it."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return (Signals.SIGINT, Signals.SIGTERM)
    return (Signals.SIGINT, Signals.SIGTERM, Signals.SIGHUP)


def _is_ending(context: RunContext) -> bool:
    """Return whether nothing is left to do but to settle and verify, for every ledger that was started."""
    active = [ledger.phase for ledger in context.meter.ledgers.values() if ledger.active]
    return bool(active) and all(phase in (Phase.SETTLEMENT, Phase.VERIFY) for phase in active)


class Stopping:
    """Ends one call early."""

    def __init__(
        self,
        clock: Clock,
        *,
        grace_s: float,
        duration_s: float = 0.0,
        overrun_s: float = OVERRUN_S,
        cut_off_after_s: float = CUT_OFF_AFTER_S,
        emit: Emit | None = None,
    ) -> None:
        """Prepare.

        Args:
            clock: gives the start of the time limit.
            grace_s: the time from the first signal to the end of the process.
            duration_s: the time limit of the call; 0: none.
            overrun_s: as `OVERRUN_S`.
            cut_off_after_s: how long what is in flight then may still end.
            emit: gets the signals.
        """
        self._clock = clock
        self._grace_s = grace_s
        self._overrun_s = overrun_s
        self._cut_off_after_s = cut_off_after_s
        self._emit = emit
        self._scope = anyio.CancelScope()
        self._context: RunContext | None = None
        self._is_over = False
        self._tasks: TaskGroup
        self.signal: Signals | None = None
        """The first signal."""
        self.ends_at_s = clock.monotonic() + duration_s if duration_s else math.inf
        """The end of the time limit (monotonic)."""

    @asynccontextmanager
    async def watching(self, consequence: str, *, signals: bool) -> AsyncIterator[None]:
        """Watch over the block, which is one call.

        Args:
            consequence: of ending it outside of a run, as a clause.
            signals: whether to handle signals. In another thread than the main one there are none.

        Raises:
            SignalledError: a signal came before the run, or outside of one.
            UnreachableError: the time limit passed before the run.
        """
        async with background_tasks() as tasks:
            self._tasks = tasks
            if signals and threading.current_thread() is threading.main_thread():  # others get no signals
                await tasks.start(self._listen)
            if self.ends_at_s < math.inf:
                tasks.start_soon(self._end_in_time)
            with self._scope:
                yield
        if self._scope.cancelled_caught:
            raise self.error(consequence)

    @contextmanager
    def steering(self, context: RunContext) -> Iterator[None]:
        """Drain this run instead of cancelling the block. What drains it leaves the grace time to what is in flight."""
        self._context = context
        self._tasks.start_soon(self._cut_off_after_grace, context)
        try:
            yield
        finally:
            self._context, self._is_over = None, True

    def error(self, consequence: str) -> SignalledError | UnreachableError:
        """Return the error for a call that ended before it could do anything.

        Args:
            consequence: a clause.
        """
        if self.signal is not None:
            return SignalledError(f"{self.signal.name}: {consequence}", exit_code=exit_code_of(self.signal))
        return UnreachableError(
            f"the time limit passed before the run could begin: {consequence}",
            hint="check that the server answers and is fast enough, or raise --duration: a large plan takes time too",
        )

    async def _listen(self, *, task_status: TaskStatus[None]) -> None:
        with anyio.open_signal_receiver(*stop_signals()) as received:
            task_status.started()
            async for number in received:
                self._receive(number)

    def _receive(self, number: Signals) -> None:
        context, first = self._context, self.signal is None
        if first:
            self.signal = number
            if self._emit is not None:
                self._emit(StopRequested(number.name, self._grace_s))
        if context is None:
            if not self._is_over:  # otherwise its report is printed next
                self._scope.cancel()
        elif first:
            context.findings.signal = number
            by = context.findings.stop_requested_by or number.name
            context.stop(
                f"{by}: requests in flight may finish within {self._grace_s:g} s; another signal ends them at once"
            )
        else:
            context.findings.was_urged = True
            context.pool.cancel()

    async def _cut_off_after_grace(self, context: RunContext) -> None:
        await context.pool.admission.draining.wait()
        await self._clock.sleep(self._grace_s - min(ENDING_S, self._grace_s / 2))
        if self._context is context:
            context.pool.cancel()

    async def _end_in_time(self) -> None:
        await self._clock.sleep(self.ends_at_s - self._clock.monotonic())
        context = self._context
        if context is None:
            if not self._is_over:
                self._scope.cancel()
            return
        await self._clock.sleep(self._overrun_s / 2)
        while _is_ending(context) and self._clock.monotonic() < self.ends_at_s + self._overrun_s:
            await self._clock.sleep(ENDING_EVERY_S)
        if context.pool.admission.is_draining:
            return
        context.findings.out_of_time = True
        context.stop("the time limit has passed")
        await self._clock.sleep(self._cut_off_after_s)
        if self._context is context:
            context.pool.cancel()
