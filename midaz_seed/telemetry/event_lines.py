"""Events as lines of JSON: what `--events` writes. docs/events.schema.json is generated from these classes."""

import dataclasses
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeAlias, get_args

from midaz_seed.reporting.events import Event
from midaz_seed.reporting.redaction import redact
from midaz_seed.wording import printable_json

SCHEMA_VERSION = 1
"""Grows when a field is renamed or removed; new fields and events do not change it."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line."""

    schema_version: int
    version: str
    """Version of midaz-seed."""
    command: str
    """`run`, `retry` or `verify`."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Every few seconds, and once when the work has ended: the counters of the whole run, over all shards."""

    done: int
    """Items with a final outcome."""
    planned: int
    """Items that are planned to be created; 0 in a verification."""
    failed: int
    """Items that failed."""
    movements: int
    """Movements in the created transactions."""
    requests: int
    """Attempts sent."""
    in_flight: int
    """Requests sent and not answered."""
    items_per_s: float
    """Since the line before; so are the other rates."""
    movements_per_s: float
    requests_per_s: float
    breaker: str
    """State of the circuit breaker: `closed`, `open` or `half-open`."""
    ledgers: int
    verified_ledgers: int
    """Ledgers that were verified."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every line has, before the fields of its event."""

    event: str
    """The name of the event."""
    at: str
    """Date and time (ISO 8601, UTC)."""
    at_s: float
    """Seconds since the start of the command."""
    run_id: str
    """Id of the run; "" until its plan is built."""


Line: TypeAlias = Header | Progress | Event
KINDS: tuple[type, ...] = get_args(Line)


def name_of(kind: type) -> str:
    """Return the name of a kind of event: `phase_finished`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


def field_names(kind: type) -> list[str]:
    """Return the fields of an event that its line has. Where it has a time of its own, that of the line replaces it."""
    common = {field.name for field in dataclasses.fields(Envelope)}
    return [field.name for field in dataclasses.fields(kind) if field.name not in common]


def line_of(event: Line, *, at_s: float, since_s: float, run_id: str) -> bytes:
    """Return an event as a line, with secrets masked.

    Args:
        event: the event.
        at_s: its time (epoch).
        since_s: seconds since the start of the command.
        run_id: as in `Envelope`; an event that has the id itself takes precedence.
    """
    at = datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds")
    envelope = Envelope(name_of(type(event)), at, since_s, getattr(event, "run_id", run_id))
    document = {field.name: getattr(envelope, field.name) for field in dataclasses.fields(Envelope)}
    document["at_s"] = round(since_s, 6)
    document |= {name: _plain(getattr(event, name)) for name in field_names(type(event))}
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return f"{printable_json(text)}\n".encode()


def _plain(value: object) -> object:
    if isinstance(value, str):
        return value if isinstance(value, StrEnum) else redact(value)
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, tuple | list) else value
