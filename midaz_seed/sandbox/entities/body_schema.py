"""Request bodies as data: the fields of a body with their types and rules. `body_reader` reads bodies by them."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, cast

from midaz_seed.sandbox.core import decimals
from midaz_seed.sandbox.core.dialect import Dialect
from midaz_seed.sandbox.core.error_codes import RefusedError

FieldKind = Literal[
    "str",
    "text",
    "bool",
    "bool?",
    "int",
    "int?",
    "decimal",
    "decimal?",
    "object",
    "object?",
    "list",
    "meta",
    "raw",
    "time",
    "instant",
]
"""`str`: a text, null becomes "". `text`: a text or null. `?`: null allowed. `raw`: any JSON. `meta`: metadata. `time`:
a date with or without time. `instant`: a time in RFC 3339."""

Rule = Callable[[Any], str | None]
"""Returns the error code for a decoded value, 0047 or another; None when the value is valid."""

UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_LOWER_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_UUID_LENGTH = 36
MISSING: Any = object()
_AS_SENT: dict[FieldKind, type] = {
    "str": str, "text": str, "bool": bool, "bool?": bool, "int": int, "int?": int, "meta": dict,
}  # fmt: skip
"""Kind of field -> the JSON type whose values are stored as they are."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a body."""

    name: str
    kind: FieldKind = "str"
    required: bool = False
    omitempty: bool = False
    max: int = 0
    """The longest text in characters; 0: no limit."""
    rules: tuple[Rule, ...] = ()
    fields: tuple["Field", ...] = ()
    """The fields of an object, or of each object in a list. A list without fields contains ids."""
    nulls: bool = False
    """Of metadata: whether a value may be null."""
    feature: str = ""
    """Only versions with this feature have the field."""


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """The fields of a body, and rules for the whole body."""

    fields: tuple[Field, ...]
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """A valid body: the decoded values by field name, and the JSON that was sent."""

    values: dict[str, Any]
    sent: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def get(self, name: str) -> Any:
        """Return the value of a field that not every version has; None where it is missing."""
        return self.values.get(name)

    def has_null(self, name: str) -> bool:
        """Return whether a field was sent as null."""
        return self.sent.get(name, MISSING) is None


class CompiledFields(tuple[Field, ...]):
    """The fields of one object as a version has them, with what reading such an object needs."""

    by_name: dict[str, Field]
    as_sent: dict[str, type]
    """Field -> the JSON type whose values are stored as they are."""
    blank: dict[str, Any]
    """Field -> its value when it is not sent; objects are created for each body."""
    objects: tuple[Field, ...]
    checked: tuple[Field, ...]
    """The fields that have rules."""

    def __new__(cls, fields: Iterable[Field]) -> "CompiledFields":
        made = super().__new__(cls, fields)
        made.by_name = {field.name: field for field in made}
        made.as_sent = {field.name: _AS_SENT[field.kind] for field in made if field.kind in _AS_SENT}
        made.blank = {field.name: empty_value(field) for field in made}
        made.objects = tuple(field for field in made if field.kind == "object")
        made.checked = tuple(field for field in made if _is_checked(field))
        return made

    def empty(self) -> dict[str, Any]:
        """Return the values of an empty object."""
        values = self.blank.copy()
        for field in self.objects:
            values[field.name] = inner_fields(field).empty()
        return values


def _is_checked(field: Field) -> bool:
    inner = bool(field.fields) and bool(inner_fields(field).checked)
    return field.required or bool(field.max) or bool(field.rules) or field.kind == "meta" or inner


def inner_fields(field: Field) -> CompiledFields:
    """Return the fields within a compiled field."""
    return cast("CompiledFields", field.fields)


def empty_value(field: Field) -> Any:
    """Return the value of a field that was not sent."""
    match field.kind:
        case "str":
            return ""
        case "bool":
            return False
        case "int":
            return 0
        case "decimal":
            return decimals.ZERO
        case "object":
            return inner_fields(field).empty()
        case _:
            return None


@lru_cache
def compile_fields(schema: Schema, dialect: Dialect) -> CompiledFields:
    """Return the fields of a body as a version has them."""
    return _narrowed(schema.fields, dialect)


def _narrowed(fields: tuple[Field, ...], dialect: Dialect) -> CompiledFields:
    """Return the fields that a version has, with its limits and forms."""
    return CompiledFields(
        replace(
            field,
            kind=_kind_of(field, dialect),
            max=dialect.lengths.get(field.name, field.max),
            fields=_narrowed(field.fields, dialect),
        )
        for field in fields
        if dialect.has(field.feature)
    )


def _kind_of(field: Field, dialect: Dialect) -> FieldKind:
    if field.kind == "time" and dialect.dates == "rfc3339":
        return "instant"
    return "object?" if field.kind == "object" and field.required and dialect.send_is_pointer else field.kind


def is_uuid(value: str | None) -> str | None:
    """Check that a text is a UUID in lower-case letters, or missing; a rule."""
    return "0047" if value is not None and _LOWER_UUID.fullmatch(value) is None else None


def parse_uuid(text: str) -> str | None:
    """Return a UUID as the server writes it; None for a text that it does not read as one.

    It reads four forms: with hyphens, without, between any two characters (as in `{...}`), and after `urn:uuid:`.
    """
    if len(text) == _UUID_LENGTH + 2:
        text = text[1:-1]
    elif text[:9].lower() == "urn:uuid:":
        text = text[9:]
    elif len(text) == _UUID_LENGTH - 4:
        text = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
    return text.lower() if UUID.fullmatch(text) is not None else None


def check_metadata(metadata: Mapping[str, Any], *, nulls: bool) -> None:
    """Check metadata.

    Raises:
        RefusedError: 0050 (a key over 100 bytes), 0051 (a text over 2000 bytes, a list), 0067 (an object, a null).
    """
    for key, value in metadata.items():
        if len(key) > 25 and len(key.encode()) > 100:  # a character has four bytes at most
            raise RefusedError("0050")
        if isinstance(value, str):
            if len(value) > 500 and len(value.encode()) > 2000:
                raise RefusedError("0051")
        elif isinstance(value, dict) or (value is None and not nulls):
            raise RefusedError("0067")
        elif isinstance(value, list):
            raise RefusedError("0051")
