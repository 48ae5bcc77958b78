"""Progress as lines, for logs: rarer the longer a run takes, and rarer while nothing changes."""

from typing import TextIO

from midaz_seed.clock import Clock
from midaz_seed.reporting.events import BreakerChanged, Draining, Event, RunStarted, TimeUp
from midaz_seed.reporting.logs import silence
from midaz_seed.reporting.progress.display import LINE_WIDTH_MAX, Progress
from midaz_seed.reporting.progress.watched import Watched
from midaz_seed.reporting.terminal import text_width

LINE_EVERY_S = 5.0
"""Interval of the lines at first."""
LINES_PER_DOUBLING = 42
"""From the fifth minute on, lines in the time in which the elapsed time doubles: 150 in the first hour, and 42 more by
the end of the second."""
UNCHANGED_FACTOR = 6
"""How much rarer lines are while nothing changes."""
EVENT_LINES_MAX = 100
"""Lines about events: more would be the larger part of the log of a run with many ledgers."""
RUN_EVENTS = (RunStarted, BreakerChanged, Draining, TimeUp)
"""Events that concern the whole run, and come a few times: they are never left out."""


class LineProgress(Progress):
    """Prints lines with the figures, and one per described event."""

    every_s = LINE_EVERY_S

    def __init__(self, watched: Watched, clock: Clock, stream: TextIO) -> None:
        super().__init__(watched, clock)
        self._stream = stream
        self._started_s = clock.monotonic()
        self._shown_s = float("-inf")
        self._shown: tuple[object, ...] = ()
        """What the last line showed of the run, without the times."""
        self._event_lines = 0

    def show(self) -> None:
        """Print a line, where one is due."""
        now_s = self._clock.monotonic()
        state = self._state()
        interval_s = max(LINE_EVERY_S, (now_s - self._started_s) / (LINES_PER_DOUBLING / 0.7))
        due_s = self._shown_s + interval_s * (1 if state != self._shown else UNCHANGED_FACTOR)
        if now_s >= due_s - LINE_EVERY_S / 2:
            self._shown_s, self._shown = now_s, state
            self._print_figures()

    def emit(self, event: Event) -> None:
        """Print a line about an event, up to EVENT_LINES_MAX of those that may be many."""
        if not isinstance(event, RUN_EVENTS) and self._event_lines >= EVENT_LINES_MAX:
            return
        super().emit(event)

    def print_line(self, line: str) -> None:
        self._event_lines += 1
        self._print(line)
        if self._event_lines == EVENT_LINES_MAX:
            self._print("further lines about single events are left out")

    def end(self) -> None:
        if self._state() != self._shown or self._clock.monotonic() - self._shown_s > 1:
            self._print_figures()

    def _state(self) -> tuple[object, ...]:
        """Return what changes while something happens."""
        figures = self.figures()
        return figures.done, figures.breaker, self.draining, self._watched.meter.requests

    def _print_figures(self) -> None:
        width = text_width(self._stream, LINE_WIDTH_MAX) if self._stream.isatty() else None
        self._print(self.figures().line(width))

    def _print(self, line: str) -> None:
        try:
            print(line, file=self._stream, flush=True)
        except OSError:
            silence(self._stream)
