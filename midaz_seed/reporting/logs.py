"""Logs: structlog to stderr, for people or as JSON, and nothing secret in them."""

import dataclasses
import io
import logging
import re
import sys
from collections.abc import MutableMapping
from enum import StrEnum
from typing import Any, Literal, TextIO, cast

import structlog

from midaz_seed.reporting.events import BreakerChanged, Draining, ErrorSeen, Event, LedgerFailed

MASK = "***"
_SECRET_NAME = re.compile(r"(?i)token|authorization|secret|password|api[-_]?key")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"',;]+")
_USERINFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^/\s@]+@")
_ASSIGNED = re.compile(
    r"(?i)(\"?(?:access_?token|token|client_?secret|secret|password|api[-_]?key)\"?\s*[:=]\s*\"?)[^\s\"',;&}]+"
)


def redact(text: str) -> str:
    """The text without bearer tokens, passwords in URLs, and values that are named like secrets."""
    text = _BEARER.sub(lambda match: f"{match[1]} {MASK}", text)
    text = _USERINFO.sub(lambda match: f"{match[1]}{MASK}@", text)
    return _ASSIGNED.sub(lambda match: f"{match[1]}{MASK}", text)


def redact_event(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog's processor that applies `redact` to every value, and masks those whose name says that they are
    secret."""
    for name, value in event.items():
        if name != "event" and _SECRET_NAME.search(name):
            event[name] = MASK
        elif isinstance(value, str):
            event[name] = redact(value)
    return event


class CurrentStderr(io.TextIOBase):
    """Whatever is `sys.stderr` at the moment of writing: a live display puts itself there, so that a log line does not
    tear it."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()

    def isatty(self) -> bool:
        return sys.stderr.isatty()


def logger() -> Any:
    """Where to log: what `configure_logging` (or the program that uses this library) set up, else nowhere."""
    if structlog.is_configured():
        return structlog.get_logger().bind()
    return structlog.wrap_logger(
        structlog.ReturnLogger(), wrapper_class=structlog.make_filtering_bound_logger("critical")
    ).bind()


def configure_logging(
    level: Literal["debug", "info", "warning", "error"],
    style: Literal["console", "json"],
    stream: "TextIO | CurrentStderr",
) -> None:
    """Send our logs from this level on to a stream; libraries that use the standard library's logging stay silent
    below error."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact_event,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", stream)),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.ERROR, stream=stream, format="%(levelname)s %(name)s %(message)s", force=True)


def log_event(event: Event) -> None:
    """Log an event of a run: trouble as a warning or an error, the rest as info."""
    log = logger()
    details = {field.name: _plain(getattr(event, field.name)) for field in dataclasses.fields(event)}
    name = _words(type(event).__name__)
    if isinstance(event, LedgerFailed):
        log.error(name, **details)
    elif isinstance(event, ErrorSeen | BreakerChanged | Draining):
        log.warning(name, **details)
    else:
        log.info(name, **details)


def _words(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): inner for key, inner in value.items()}
    return str(value) if isinstance(value, StrEnum) else value
