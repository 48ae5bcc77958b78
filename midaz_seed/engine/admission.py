"""What may still begin in a run: one state, which only ever gets stricter."""

from collections.abc import Callable
from enum import IntEnum

import anyio


class Level(IntEnum):
    """How much may still begin, from everything to nothing."""

    OPEN = 0
    NO_NEW_ITEMS = 1
    """Time is up: no new items. Settlement, in-doubt resolution and verification of what was begun still run."""
    DRAINING = 2
    """Nothing more begins; what is in flight is finished."""
    CANCELLED = 3
    """What was in flight was cut off."""


class Admission:
    """The state that every part of a run asks before it begins something."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        """`on_change` is called after each transition."""
        self._on_change = on_change
        self.level = Level.OPEN
        self.reason = ""
        """Why the run drains, as a clause; "" while it does not."""
        self.time_is_up = False
        """It was closed before anything made it drain."""
        self.draining = anyio.Event()
        """Set when the run drains."""

    @property
    def is_open(self) -> bool:
        """New items may begin."""
        return self.level is Level.OPEN

    @property
    def is_draining(self) -> bool:
        """Nothing more may begin."""
        return self.level >= Level.DRAINING

    @property
    def is_cancelled(self) -> bool:
        """What was in flight was cut off, so its outcome is unknown."""
        return self.level is Level.CANCELLED

    def close(self) -> bool:
        """Begin no new items. Returns whether that is a change."""
        if not self._restrict(Level.NO_NEW_ITEMS):
            return False
        self.time_is_up = True
        return True

    def drain(self, reason: str) -> bool:
        """Begin nothing more. Returns whether that is a change: only the first reason counts."""
        if not self._restrict(Level.DRAINING):
            return False
        self.reason = reason
        return True

    def cancel(self) -> None:
        """What is in flight is being cut off."""
        self._restrict(Level.CANCELLED)

    def _restrict(self, level: Level) -> bool:
        if level <= self.level:
            return False
        self.level = level
        if self.is_draining:
            self.draining.set()
        self._on_change()
        return True
