"""Choose the display for a stream."""

from typing import TextIO

from midaz_seed.clock import Clock
from midaz_seed.reporting.progress.display import Progress
from midaz_seed.reporting.progress.line_progress import LineProgress
from midaz_seed.reporting.progress.watched import Watched
from midaz_seed.reporting.terminal import can_redraw


def make_progress(stream: TextIO, watched: Watched, clock: Clock) -> Progress:
    """Return a live view for a terminal that can redraw lines, otherwise lines.

    Args:
        stream: where to display it.
        watched: what to show.
        clock: gives the intervals.
    """
    if not can_redraw(stream):
        return LineProgress(watched, clock, stream)
    from midaz_seed.reporting.progress.live_progress import LiveProgress  # rich, which the other view does not need

    return LiveProgress(watched, clock, stream)
