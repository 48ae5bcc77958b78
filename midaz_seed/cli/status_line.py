"""One line of stderr that is replaced, on a terminal that can redraw."""

import shutil
import sys
from contextlib import suppress

import click


class StatusLine:
    """Shows what a command does now. Elsewhere than on such a terminal it shows nothing."""

    def __init__(self) -> None:
        from midaz_seed.reporting.terminal import can_redraw

        self.redraws = can_redraw(sys.stderr)
        self._drawn = 0

    def draw(self, text: str) -> None:
        """Replace the line; what does not fit the terminal is left out, because a line that wraps stays."""
        from midaz_seed.wording import printable

        if self.redraws:
            shown = printable(text)[: shutil.get_terminal_size().columns - 1]
            click.echo(f"\r{shown.ljust(self._drawn)}", err=True, nl=False)
            self._drawn = len(shown)

    def clear(self) -> None:
        """Remove the line."""
        if self._drawn:
            with suppress(OSError):
                click.echo(f"\r{' ' * self._drawn}\r", err=True, nl=False)
            self._drawn = 0
