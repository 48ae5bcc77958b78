"""Logs on stderr, as text or JSON, with secrets masked: the loggers of Python's `logging`.

Nothing is configured but by the command; a program that calls the library configures `logging` as it likes.
"""

import dataclasses
import io
import json
import logging
import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal, TextIO, cast

from midaz_seed.reporting.events import (
    BreakerChanged,
    Draining,
    ErrorSeen,
    Event,
    LedgerFailed,
    LeftBehind,
    RateLimited,
)
from midaz_seed.reporting.redaction import MASK, SECRET_NAME, redact
from midaz_seed.reporting.terminal import wants_colour
from midaz_seed.wording import printable

LOGGER = logging.getLogger("midaz_seed")
LOGGER.addHandler(logging.NullHandler())  # without handlers at all, Python prints warnings on stderr
_COLOURS = {logging.DEBUG: "32", logging.INFO: "32", logging.WARNING: "33", logging.ERROR: "31"}
_EVENT_WIDTH = 30
"""Columns of the event in a line for people, so that the details of most lines begin in one column."""


def log(level: int, event: str, /, **details: object) -> None:
    """Log an event with its details.

    Args:
        level: of the message, such as `logging.WARNING`.
        event: what happened, in a few words that are always the same.
        details: what belongs to it, by name.
    """
    LOGGER.log(level, event, extra={"details": details})


def shows_debug() -> bool:
    """Return whether debug messages are shown.

    Callers ask once and skip the calls, because one costs about as much as sending a request.
    """
    return LOGGER.isEnabledFor(logging.DEBUG)


def silence(stream: "TextIO") -> None:
    """Redirect a stream to the null device, because its reader has closed it or its disk is full.

    A run must not fail because its output cannot be written.
    """
    with suppress(OSError, ValueError):  # a stream without a file descriptor cannot be redirected
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


class CurrentStderr(io.TextIOBase):
    """Writes to `sys.stderr` as it is at the time of writing: the live display replaces it to print log lines above
    itself."""

    def write(self, text: str) -> int:
        try:
            return sys.stderr.write(text)
        except OSError:
            silence(sys.stderr)
            return len(text)

    def flush(self) -> None:
        try:
            sys.stderr.flush()
        except OSError:
            silence(sys.stderr)

    def isatty(self) -> bool:
        return sys.stderr.isatty()


def configure_logging(
    level: Literal["debug", "info", "warning", "error"],
    style: Literal["console", "json"],
    stream: "TextIO | CurrentStderr",
) -> None:
    """Write logs of at least this level to a stream; those of libraries only from errors on."""
    handler = logging.StreamHandler(cast("TextIO", stream))
    handler.setFormatter(_JsonLines() if style == "json" else _TextLines(colours=wants_colour(stream)))
    logging.basicConfig(level=logging.ERROR, handlers=[handler], force=True)
    LOGGER.setLevel(level.upper())


class _Lines(logging.Formatter):
    """Formats the messages of libraries, tracebacks included, with secrets masked and what does not print escaped.

    Further lines are indented, so that none looks like an entry of its own.
    """

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        details: Mapping[str, object] | None = getattr(record, "details", None)
        if details is None:
            return "\n  ".join(printable(line) for line in redact(super().format(record)).split("\n"))
        values = {name: _redacted(name, value) for name, value in details.items()}
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        return self.line(time, record.levelno, redact(record.getMessage()), values)

    def line(self, time: str, level: int, event: str, details: Mapping[str, object]) -> str:
        """Return the line of an event of ours."""
        raise NotImplementedError


class _JsonLines(_Lines):
    """Formats each event as a JSON object on one line."""

    def line(self, time: str, level: int, event: str, details: Mapping[str, object]) -> str:
        return json.dumps({**details, "event": event, "level": logging.getLevelName(level).lower(), "timestamp": time})


class _TextLines(_Lines):
    """Formats each event for people: time, level, event, details."""

    def __init__(self, *, colours: bool) -> None:
        super().__init__()
        self._colours = colours

    def line(self, time: str, level: int, event: str, details: Mapping[str, object]) -> str:
        name = logging.getLevelName(level).lower()
        event = printable(event).ljust(_EVENT_WIDTH)
        pairs = [f"{self._in_colour('36', key)}={_shown(value)}" for key, value in sorted(details.items())]
        start = f"{time} [{self._in_colour(_COLOURS.get(level, '31'), name.ljust(9))}] {self._in_colour('1', event)}"
        return " ".join([start, *pairs]).rstrip()

    def _in_colour(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colours else text


def _shown(value: object) -> str:
    """Return a value for people; text that could be taken for more than one value is quoted."""
    if not isinstance(value, str):
        return printable(str(value))
    text = printable(value)
    return repr(text) if not text or set(text) & set(" =\"'") else text


def _redacted(name: str, value: object) -> object:
    """Return a value with secrets masked at any depth; convert other types to the text to be logged."""
    if SECRET_NAME.search(name):
        return MASK
    if isinstance(value, Mapping):
        return {str(inner): _redacted(str(inner), held) for inner, held in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted("", held) for held in value]
    return value if value is None or isinstance(value, bool | int | float) else redact(str(value))


def log_event(event: Event) -> None:
    """Log an event of a run: failures as warning or error, the rest as info."""
    level = _level(event)
    if LOGGER.isEnabledFor(level):
        details = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
        log(level, _spaced(type(event).__name__), **details)


def _level(event: Event) -> int:
    if isinstance(event, LedgerFailed):
        return logging.ERROR
    loud = isinstance(event, ErrorSeen | BreakerChanged | RateLimited | Draining | LeftBehind)
    return logging.WARNING if loud else logging.INFO


def _spaced(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()
