"""Logs: structlog to stderr, as text or JSON, with secrets masked."""

import dataclasses
import io
import logging
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from enum import StrEnum
from typing import Any, Literal, TextIO, cast

import structlog

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


def redact_event(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Apply `redact` to every value of a log entry, and mask values with secret names. A structlog processor."""
    for name, value in event.items():
        event[name] = redact(str(value)) if name == "event" else _redacted(name, value)
    return event


def _redacted(name: str, value: object) -> object:
    """Return a value with secrets masked at any depth; convert other types to the text to be logged."""
    if SECRET_NAME.search(name):
        return MASK
    if isinstance(value, Mapping):
        return {str(inner): _redacted(str(inner), held) for inner, held in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted("", held) for held in value]
    return value if value is None or isinstance(value, bool | int | float) else redact(str(value))


def escape_event(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Apply `printable` to every text of a log entry, for logs that people read. A structlog processor."""
    return {name: printable(value) if isinstance(value, str) else value for name, value in event.items()}


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


def logger() -> Any:
    """Return the logger that `configure_logging` or the calling program configured; without one, a silent logger."""
    if structlog.is_configured():
        return structlog.get_logger().bind()
    return structlog.wrap_logger(
        structlog.ReturnLogger(), wrapper_class=structlog.make_filtering_bound_logger("critical")
    ).bind()


def shows_debug(log: Any) -> bool:
    """Return whether a logger emits debug messages; True when it cannot be determined.

    Callers ask once and skip the calls, because one costs about as much as sending a request.
    """
    can_tell = hasattr(type(log), "is_enabled_for")  # on its class: instances of some structlog loggers have any method
    return not can_tell or bool(log.is_enabled_for(logging.DEBUG))


def configure_logging(
    level: Literal["debug", "info", "warning", "error"],
    style: Literal["console", "json"],
    stream: "TextIO | CurrentStderr",
) -> None:
    """Write logs of at least this level to a stream; libraries that use `logging` write only errors."""
    rendering: list[Any] = (
        [structlog.processors.JSONRenderer()]
        if style == "json"
        else [escape_event, structlog.dev.ConsoleRenderer(colors=wants_colour(stream))]
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact_event,
            *rendering,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", stream)),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(cast("TextIO", stream))
    handler.setFormatter(_RedactingFormatter("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.ERROR, handlers=[handler], force=True)


class _RedactingFormatter(logging.Formatter):
    """Masks secrets in the logs of libraries, tracebacks included, and escapes what does not print.

    Further lines are indented, so that none looks like an entry of its own.
    """

    def format(self, record: logging.LogRecord) -> str:
        return "\n  ".join(printable(line) for line in redact(super().format(record)).split("\n"))


def log_event(event: Event) -> None:
    """Log an event of a run: failures as warning or error, the rest as info."""
    log = logger()
    details = {field.name: _plain(getattr(event, field.name)) for field in dataclasses.fields(event)}
    name = _spaced(type(event).__name__)
    if isinstance(event, LedgerFailed):
        log.error(name, **details)
    elif isinstance(event, ErrorSeen | BreakerChanged | RateLimited | Draining | LeftBehind):
        log.warning(name, **details)
    else:
        log.info(name, **details)


def _spaced(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): inner for key, inner in value.items()}
    return str(value) if isinstance(value, StrEnum) else value
