"""Logs: structlog to stderr, for people or as JSON, and nothing secret in them."""

import logging
import re
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import structlog

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


def configure_logging(
    level: Literal["debug", "info", "warning", "error"], style: Literal["console", "json"], stream: TextIO
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
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.ERROR, stream=stream, format="%(levelname)s %(name)s %(message)s", force=True)
