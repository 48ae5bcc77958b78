"""The lines of a live page's event log."""

from typing import Any

from midaz_seed.reporting.events import (
    BreakerChanged,
    Draining,
    ErrorSeen,
    Event,
    LedgerFailed,
    LeftBehind,
    RateLimited,
    StopRequested,
    TimeUp,
)
from midaz_seed.reporting.progress import describe
from midaz_seed.wording import counted, printable

_WARNINGS = (BreakerChanged, Draining, ErrorSeen, LeftBehind, RateLimited, StopRequested, TimeUp)


def event_line(event: Event, at_s: float) -> dict[str, Any] | None:
    """Return the line of an event, with its time (epoch, in seconds) and level; None for those without a line."""
    text = printable(_text(event)) or describe(event)
    if not text:
        return None
    level = "error" if isinstance(event, LedgerFailed) else "warning" if isinstance(event, _WARNINGS) else "info"
    return {"at_s": round(at_s, 3), "level": level, "text": text}


def _text(event: Event) -> str:
    match event:
        case LedgerFailed():
            return f"{event.ledger} ({event.name}) failed in {event.phase}: {event.reason}"
        case BreakerChanged():
            return f"circuit breaker {event.state}"
        case Draining():
            return f"stopping: {event.reason}"
        case StopRequested():
            return f"stop requested: {event.signal}; the process ends within {event.within_s:g} s"
        case ErrorSeen():
            code = f" {event.code}" if event.code else ""
            return f"first {event.error.value.replace('_', ' ')} error{code} in {event.phase}: {event.message}"
        case LeftBehind():
            return f"{counted(len(event.paths), 'object')} of the batch-size measurement could not be removed"
    return ""
