"""What a stream can show: whether it is a terminal that can redraw lines, its width, and whether to use colours."""

import os
import shutil
from collections.abc import Mapping
from typing import Protocol

_DUMB = ("dumb", "unknown")
"""Values of TERM for terminals that cannot move the cursor."""


class Stream(Protocol):
    """What is asked of a stream."""

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        ...


def can_redraw(stream: Stream, environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether lines that were written can be replaced. Colours have nothing to do with it."""
    return stream.isatty() and environ.get("TERM") not in _DUMB


def wants_colour(stream: Stream, environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether to write colours, by the usual variables.

    In this order: NO_COLOR (not empty) forbids them, FORCE_COLOR and CLICOLOR_FORCE (neither empty nor 0) demand them,
    CLICOLOR=0 forbids them; otherwise terminals get them, except dumb ones.
    """
    if environ.get("NO_COLOR"):
        return False
    if any(environ.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return environ.get("CLICOLOR") != "0" and can_redraw(stream, environ)


def can_encode(stream: object, text: str) -> bool:
    """Return whether a stream has the characters of a text."""
    try:
        text.encode(getattr(stream, "encoding", None) or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True


def text_width(stream: Stream, most: int) -> int:
    """Return how many columns text for a stream may have: at most the terminal's, and `most` anywhere else."""
    return min(most, shutil.get_terminal_size((most, 24)).columns) if stream.isatty() else most
