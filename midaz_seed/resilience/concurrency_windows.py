"""Measure windows of the load for the concurrency search, and set the number in flight that it returns."""

from collections.abc import Callable
from typing import Protocol

from midaz_seed.clock import Clock
from midaz_seed.resilience.concurrency_search import Change, ConcurrencySearch, Window

ANSWERS_MIN = 50
"""Answers that a window waits for; the throughput of fewer is mostly chance."""
ROUNDS_MIN = 4
"""Answers that a window waits for, for each request in flight: with fewer, those that were in flight at its start and
at its end decide its throughput."""
WINDOW_S = (0.1, 2.0)
"""Shortest and longest window."""
SETTLES_S_MAX = 1.0
"""Longest pause between a change of the limit and the next window."""
SAMPLE_EVERY_S = 0.05


class Answers(Protocol):
    """Counts of a run, as `Meter` has them."""

    @property
    def succeeded(self) -> int: ...
    @property
    def overloaded(self) -> int: ...
    @property
    def latency_us(self) -> int: ...


class Limited(Protocol):
    """What has a limit of requests in flight, as the worker pool."""

    limit: int


class Load(Protocol):
    """What a search steers."""

    async def window(self, limit: int, settles_s: float) -> Window:
        """Set the limit, wait until it has its effect, and measure.

        Args:
            limit: requests in flight.
            settles_s: time after a change of the limit until the answers are those of the new one.
        """
        ...


class OwnLoad:
    """The load of this process."""

    def __init__(self, clock: Clock, answers: Answers, limited: Limited) -> None:
        self._clock = clock
        self._answers = answers
        self._limited = limited

    async def window(self, limit: int, settles_s: float) -> Window:
        """Set the limit and measure, as `Load`."""
        if self._limited.limit != limit:
            self._limited.limit = limit
            await self._clock.sleep(settles_s)
        window = await measure_window(self._clock, self._answers, answers_min(limit))
        assert window is not None
        return window


async def steer(search: ConcurrencySearch, load: Load, note: Callable[[Change], None]) -> None:
    """Measure windows and set the limit that the search returns, until cancelled.

    Args:
        note: called with each change.
    """
    settles_s = 0.0
    while True:
        window = await load.window(search.limit, settles_s)
        change = search.observe(window)
        # about how long the answers to requests sent before a change still arrive
        settles_s = min(window.in_flight * window.span_s / max(window.successes, 1), SETTLES_S_MAX)
        if change is not None:
            note(change)


def answers_min(limit: int, processes: int = 1) -> int:
    """Return the answers that a window of one process waits for.

    Args:
        limit: its requests in flight.
        processes: processes whose windows are added.
    """
    return max(ANSWERS_MIN // processes, ROUNDS_MIN * limit)


def _never() -> bool:
    return False


async def measure_window(
    clock: Clock,
    answers: Answers,
    answers_min: int,
    *,
    shortest_s: float = WINDOW_S[0],
    is_void: Callable[[], bool] = _never,
) -> Window | None:
    """Measure until there are enough answers, or the longest window is over.

    Args:
        answers_min: answers to wait for.
        shortest_s: the window is not shorter, however fast the answers come.
        is_void: whether the window is not needed any more.

    Returns:
        The window; None when it is not needed any more.
    """
    since_s, successes, overloaded = clock.monotonic(), answers.succeeded, answers.overloaded
    latency_us = answers.latency_us
    while True:
        await clock.sleep(SAMPLE_EVERY_S)
        if is_void():
            return None
        span_s = clock.monotonic() - since_s
        found = answers.succeeded - successes + answers.overloaded - overloaded
        if span_s >= WINDOW_S[1] or (span_s >= shortest_s and found >= answers_min):
            return Window(
                span_s,
                answers.succeeded - successes,
                answers.overloaded - overloaded,
                (answers.latency_us - latency_us) / 1e6 / span_s,  # Little's law
            )
