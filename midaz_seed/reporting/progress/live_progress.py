"""A view of a run that is redrawn in place: the whole, then organizations and ledgers as a tree."""

import sys
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType
from rich.text import Text

from midaz_seed.clock import Clock
from midaz_seed.reporting.events import BreakerChanged, Draining, Event, RateLimited, RunStarted, TimeUp
from midaz_seed.reporting.progress.display import LINE_WIDTH_MAX, Progress
from midaz_seed.reporting.progress.figures import Figures
from midaz_seed.reporting.progress.sparkline import sparkline
from midaz_seed.reporting.progress.tree import Shape, bar_text, tree_lines
from midaz_seed.reporting.progress.watched import Watched
from midaz_seed.reporting.terminal import wants_colour
from midaz_seed.wording import printable

LIVE_EVERY_S = 0.25
LIVE_EVERY_MAX_S = 2.0
CPU_SHARE_MAX = 0.01
"""Share of its time that a run may spend on the view: with thousands of ledgers it is redrawn less often."""
SPARKLINE_MIN = 8
"""Columns below which a sparkline says nothing."""
TREE_ROWS_MAX = 40
"""Rows of the tree, at most: more cannot be read while they change."""


class LiveProgress(Progress):
    """Redraws a view in place."""

    every_s = LIVE_EVERY_S

    def __init__(self, watched: Watched, clock: Clock, stream: TextIO) -> None:
        super().__init__(watched, clock)
        self._console = Console(
            file=stream,
            stderr=stream is sys.stderr,
            force_terminal=True,
            force_interactive=True,
            no_color=not wants_colour(stream),
        )
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._drawn: list[int] = []
        """Length of each line that is displayed."""

    def begin(self) -> None:
        self._live.start()

    def end(self) -> None:
        self._erase_wrapped_rows()
        self._live.stop()

    def show(self) -> None:
        began_s = self._clock.monotonic()
        lines = self._lines()
        self._erase_wrapped_rows()
        self._live.update(Group(*lines), refresh=True)
        self._drawn = [line.cell_len for line in lines]
        took_s = self._clock.monotonic() - began_s
        self.every_s = min(max(LIVE_EVERY_S, took_s / CPU_SHARE_MAX), LIVE_EVERY_MAX_S)

    def emit(self, event: Event) -> None:
        """Print lines only for events of the whole run; the view shows the phases."""
        if isinstance(event, RunStarted | BreakerChanged | RateLimited | Draining | TimeUp):
            super().emit(event)

    def print_line(self, line: str) -> None:
        self._erase_wrapped_rows()
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def render(self) -> RenderableType:
        """Build the current view."""
        return Group(*self._lines())

    def _lines(self) -> list[Text]:
        """Return the lines of the view, each narrower than the terminal: a full last column would wrap."""
        columns = max(self._console.width - 1, 1)
        width = min(columns, LINE_WIDTH_MAX)
        shape = Shape(columns, 0, self._console.options.ascii_only)
        figures = self.figures()
        lines = [
            bar_text(figures.share, width, shape),
            Text(figures.progress_line(width)),
            self._load_line(figures, width, shape),
        ]
        if figures.errors:
            lines.append(Text(f"failed attempts: {figures.failures}", style="yellow"))
        if self.draining:
            lines.append(Text(printable(self.draining), style="yellow"))
        rows_max = min(self._console.height - len(lines) - 2, TREE_ROWS_MAX)
        lines += tree_lines(self._watched.organizations, Shape(columns, rows_max, shape.ascii_only))
        for line in lines:
            line.truncate(columns)
        return lines

    def _load_line(self, figures: Figures, width: int, shape: Shape) -> Text:
        """Return the rate with its last minute, and the latencies."""
        latency = "  ".join(text for text in figures.latency if text)
        space = width - len(figures.rate) - len(latency) - 4
        line = Text(figures.rate)
        if space >= SPARKLINE_MIN and len(figures.history) > 1:
            line.append("  ")
            line.append(sparkline(figures.history, space, ascii_only=shape.ascii_only), style="cyan")
        line.append(f"  {latency}" if latency else "")
        return line

    def _erase_wrapped_rows(self) -> None:
        """Erase what a narrower terminal has made of the displayed lines, up to the height that rich erases itself.

        Terminals break lines that have become too long in two, so that the display is higher than it was drawn.
        """
        width = max(self._console.width, 1)
        added = sum(max(-(-length // width), 1) - 1 for length in self._drawn)
        self._drawn = []
        if added:
            erase_up = ((ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1))
            self._console.control(Control(ControlType.CARRIAGE_RETURN, *(erase_up * added)))
