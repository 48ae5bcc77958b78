"""A display of the progress of a run: what the live view and the lines have in common."""

from abc import ABC, abstractmethod

from midaz_seed.clock import Clock
from midaz_seed.reporting.events import BreakerChanged, Draining, Event
from midaz_seed.reporting.progress.descriptions import describe
from midaz_seed.reporting.progress.figures import Figures
from midaz_seed.reporting.progress.sampling import Sampler
from midaz_seed.reporting.progress.watched import Watched

LINE_WIDTH_MAX = 120
"""Columns of a line with figures, at most; longer ones would wrap sooner when the terminal becomes narrower."""


class Progress(ABC):
    """Shows the progress of a run."""

    every_s: float
    """Interval of `show`."""

    def __init__(self, watched: Watched, clock: Clock) -> None:
        """Create a display.

        Args:
            watched: what to show.
            clock: gives the intervals.
        """
        self._watched = watched
        self._clock = clock
        self._sampler = Sampler(watched, clock)
        self.breaker = "closed"
        self.draining = ""

    async def run(self) -> None:
        """Show the state at intervals until cancelled."""
        self.begin()
        try:
            while True:
                self.show()
                await self._clock.sleep(self.every_s)
        finally:
            self.end()

    def emit(self, event: Event) -> None:
        """Receive an event of the run."""
        if isinstance(event, BreakerChanged):
            self.breaker = event.state
        elif isinstance(event, Draining):
            self.draining = event.reason
        line = describe(event)
        if line:
            self.print_line(line)

    def figures(self) -> Figures:
        """Compute the current figures."""
        return self._sampler.figures(self.breaker)

    def begin(self) -> None:
        """Prepare the output before the first `show`."""

    def end(self) -> None:
        """Finish the output after the last `show`."""

    @abstractmethod
    def show(self) -> None:
        """Show the current state."""

    @abstractmethod
    def print_line(self, line: str) -> None:
        """Print a line about an event."""
