"""Admission: one state that says what a run may still start, and that only gets stricter.

It is also the one place that knows every wait of a run, so that no wait can ignore a stop. Each wait is in a block of
`interruptible`, which ends when the run drains; only the answer to a write is waited for outside of one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum

import anyio

ENDING_S = 2.0
"""Part of the grace time, at most half of it, for what follows the last request: journal, report, other processes."""


class Level(IntEnum):
    """What may still start, from everything to nothing."""

    OPEN = 0
    NO_NEW_ITEMS = 1
    """Time is up: no new items. Settlement, in-doubt resolution and verification of started items still run."""
    DRAINING = 2
    """Nothing is started; requests in flight finish."""
    CANCELLED = 3
    """Requests in flight were cut off."""


class StoppedError(Exception):
    """The run drains, so this was not started, or a wait was ended."""


class Admission:
    """The state that every part of a run checks before it starts something."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        """Open the admission.

        Args:
            on_change: called after each transition.
        """
        self._on_change = on_change
        self.level = Level.OPEN
        self.time_is_up = False
        """The time limit closed the admission, before anything drained it."""
        self.draining = anyio.Event()
        """Set when the run drains."""
        self._waits: set[anyio.CancelScope] = set()

    @property
    def is_open(self) -> bool:
        """Return whether new items may start."""
        return self.level is Level.OPEN

    @property
    def is_draining(self) -> bool:
        """Return whether nothing may start any more."""
        return self.level >= Level.DRAINING

    @property
    def is_cancelled(self) -> bool:
        """Return whether requests in flight were cut off, so that their outcome is unknown."""
        return self.level is Level.CANCELLED

    def close(self) -> bool:
        """Start no new items. Return whether that changed the state."""
        if not self._restrict(Level.NO_NEW_ITEMS):
            return False
        self.time_is_up = True
        return True

    def drain(self) -> bool:
        """Start nothing more. Return whether that changed the state."""
        return self._restrict(Level.DRAINING)

    def cancel(self) -> None:
        """Note that requests in flight are being cut off."""
        self._restrict(Level.CANCELLED)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """End the block when the run drains.

        Raises:
            StoppedError: the run drains, or was draining before.
        """
        if self.is_draining:
            raise StoppedError
        with anyio.CancelScope() as scope:
            self._waits.add(scope)
            try:
                yield
            finally:
                self._waits.discard(scope)
        if scope.cancelled_caught:
            raise StoppedError

    def _restrict(self, level: Level) -> bool:
        if level <= self.level:
            return False
        self.level = level
        if self.is_draining:
            self.draining.set()
            for scope in list(self._waits):
                scope.cancel()
        self._on_change()
        return True
