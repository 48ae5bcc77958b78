"""Read a request body as the server does: decode it, look for what was not understood, check the rules.

The order is part of the behaviour: 0094 (no JSON, wrong type) comes before 0053 (unexpected fields), and that before
0009 and 0047. The server decodes into a struct, writes the struct again and compares with what was sent; `omitempty`
fields vanish when they are empty, which is why an empty text in one of them is "unexpected".
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from midaz_seed.sandbox.core import decimals
from midaz_seed.sandbox.core.dates import as_rewritten, parse_instant
from midaz_seed.sandbox.core.dialect import Dialect
from midaz_seed.sandbox.core.error_codes import FailedError, RefusedError
from midaz_seed.sandbox.entities.body_schema import (
    MISSING,
    Body,
    CompiledFields,
    Field,
    Schema,
    check_metadata,
    compile_fields,
    empty_value,
    inner_fields,
    parse_uuid,
)


def read_body(schema: Schema, data: bytes, dialect: Dialect) -> Body:
    """Decode and check a body.

    Raises:
        RefusedError: with the server's code for the first fault.
        FailedError: 400 for an empty body, where the server has no code for it.
    """
    if not data and dialect.empty_body_nameless:
        raise FailedError(400, "request body is required")
    try:
        sent = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise RefusedError("0094") from None
    if sent is None:
        sent = {}
    if not isinstance(sent, dict):
        raise RefusedError("0094")
    _check_size(sent, data, dialect)
    fields = compile_fields(schema, dialect)
    values = _decode_object(fields, sent)
    unexpected = _unexpected(fields, sent, values, nulls_are_absent=dialect.nulls_are_absent)
    if unexpected:
        raise RefusedError("0053", unexpected)
    missing: dict[str, str] = {}
    wrong: dict[str, str] = {}
    _check_object(fields, values, missing, wrong, dialect)
    for rule in schema.rules:
        code = rule(values)
        if code is not None:
            raise RefusedError(code)
    if missing:
        raise RefusedError("0009", missing)
    if wrong:
        raise RefusedError("0047", wrong)
    return Body(values, sent)


# ---- before decoding: size and characters


def _check_size(sent: Mapping[str, Any], data: bytes, dialect: Dialect) -> None:
    """Refuse deep nesting (0144), too many metadata keys in the whole body (0145) and NUL characters (0047)."""
    depth_max, keys_max = dialect.nesting_depth_max, dialect.metadata_keys_max
    if (
        (depth_max is None or data.count(b"{") <= depth_max)
        and (keys_max is None or data.count(b":") <= keys_max)
        and b"\\u0000" not in data
    ):
        return  # a cheap upper bound: not enough braces or colons for either limit
    keys = _measure(sent, "", 1, depth_max)
    if keys_max is not None and keys > keys_max:
        raise RefusedError("0145")


def _measure(value: Any, name: str, depth: int, depth_max: int | None) -> int:
    """Return the number of metadata keys within a value."""
    kind = type(value)
    if kind is dict:
        if depth_max is not None and depth > depth_max:
            raise RefusedError("0144")
        keys = len(value) if name == "metadata" else 0
        for key, inner in value.items():
            kind = type(inner)
            if kind is str:
                if "\0" in inner:
                    raise RefusedError("0047", {key: f"{key} holds a NUL character"})
            elif kind is dict or kind is list:
                keys += _measure(inner, key, depth + 1, depth_max)
        return keys
    if kind is list:
        return sum(_measure(inner, name, depth, depth_max) for inner in value)
    return 0


# ---- decode


def _decode_object(fields: CompiledFields, sent: Mapping[str, Any]) -> dict[str, Any]:
    values = fields.blank.copy()
    for key, value in sent.items():
        if type(value) is fields.as_sent.get(key):
            values[key] = value
            continue
        field = fields.by_name.get(key) or next((f for f in fields if f.name.lower() == key.lower()), None)
        if field is not None:
            values[field.name] = _decode(field, value)
    for field in fields.objects:
        if values[field.name] is fields.blank[field.name]:
            values[field.name] = inner_fields(field).empty()
    return values


def _decode(field: Field, value: Any) -> Any:
    if value is None:
        return empty_value(field)
    kind = field.kind
    if kind in ("str", "text") and isinstance(value, str):
        return value
    if kind in ("bool", "bool?") and isinstance(value, bool):
        return value
    if kind in ("int", "int?") and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind in ("decimal", "decimal?"):
        return _decode_decimal(value)
    if kind in ("object", "object?") and isinstance(value, dict):
        return _decode_object(inner_fields(field), value)
    if kind == "list" and isinstance(value, list):
        return [_decode_item(field, item) for item in value]
    if kind == "meta" and isinstance(value, dict):
        return value
    if kind == "time" and isinstance(value, str):
        return _decode_time(value)
    if kind == "instant" and isinstance(value, str):
        return _decode_instant(value)
    if kind == "raw":
        return value
    raise RefusedError("0094")


def _decode_item(field: Field, item: Any) -> Any:
    if field.fields:
        if item is not None and not isinstance(item, dict):
            raise RefusedError("0094")
        return _decode_object(inner_fields(field), item or {})
    uuid = parse_uuid(item) if isinstance(item, str) else None
    if uuid is None:
        raise RefusedError("0094")
    return uuid


def _decode_decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RefusedError("0094")
    try:
        return decimals.parse(value if isinstance(value, str) else repr(value))
    except ValueError:
        raise RefusedError("0094") from None


def _decode_time(value: str) -> datetime | None:
    if value == "":
        return None
    instant = parse_instant(value)
    if instant is None:
        raise RefusedError("0094")
    return instant


def _decode_instant(value: str) -> datetime:
    instant = parse_instant(value) if as_rewritten(value) is not None else None
    if instant is None:
        raise RefusedError("0094")
    return instant


# ---- what was not understood


def _unexpected(
    fields: CompiledFields, sent: Mapping[str, Any], values: Mapping[str, Any], *, nulls_are_absent: bool
) -> dict[str, Any]:
    """Return the fields of the request that do not survive a decode/encode round trip (reported as 0053)."""
    found: dict[str, Any] = {}
    for key, value in sent.items():
        field = fields.by_name.get(key)
        if field is None or _vanishes(field, values[key]):
            absent = nulls_are_absent if value is None else _is_zero(value)  # 0 counts as no field
            if not absent:
                found[key] = value
        elif values[key] is not value:
            inner = _unexpected_in(field, value, values[key], nulls_are_absent=nulls_are_absent)
            if inner is not MISSING:
                found[key] = inner
    return found


def _vanishes(field: Field, value: Any) -> bool:
    """Return whether the server omits a field with this value when it encodes the body."""
    if value or not field.omitempty or isinstance(value, Decimal):
        return False
    return value is None or field.kind not in ("text", "bool?", "int?")


def _is_zero(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == 0


def _unexpected_in(field: Field, value: Any, again: Any, *, nulls_are_absent: bool) -> Any:
    """Return what does not survive of one field's value; `MISSING` when all of it does."""
    if isinstance(value, dict) and isinstance(again, dict):
        return _unexpected(inner_fields(field), value, again, nulls_are_absent=nulls_are_absent) or MISSING
    if isinstance(value, list) and isinstance(again, list):
        if not field.fields:
            return [item for item, uuid in zip(value, again, strict=True) if item != uuid] or MISSING
        differing: list[Any] = []
        for item, values in zip(value, again, strict=True):
            if item is None:
                differing.append(item)
            elif inner := _unexpected(inner_fields(field), item, values, nulls_are_absent=nulls_are_absent):
                differing.append(inner)
        return differing or MISSING
    return MISSING if _same(field, value, again) else value


def _same(field: Field, value: Any, again: Any) -> bool:
    if isinstance(again, Decimal):
        return isinstance(value, str) or value == 0  # a JSON number is encoded as a text
    if isinstance(again, datetime):
        if field.kind == "instant":
            return isinstance(value, str) and as_rewritten(value) == value
        again = again.replace(microsecond=again.microsecond // 1000 * 1000)
        return isinstance(value, str) and parse_instant(value) == again
    return _is_zero(value) or (type(value) is type(again) and value == again)


# ---- rules


def _check_object(
    fields: CompiledFields,
    values: Mapping[str, Any],
    missing: dict[str, str],
    wrong: dict[str, str],
    dialect: Dialect,
) -> None:
    for field in fields.checked:
        value = values[field.name]
        if value is None and not field.required:
            continue
        if field.required and not value and not isinstance(value, Decimal | dict):
            missing[field.name] = f"{field.name} is a required field"
            continue
        if field.kind == "meta":
            check_metadata(value, nulls=field.nulls)
        elif field.max and isinstance(value, str) and len(value) > field.max:
            if field.name in dialect.too_long_code:
                raise RefusedError(dialect.too_long_code[field.name])
            wrong[field.name] = f"{field.name} must be a maximum of {field.max} characters in length"
            continue
        for rule in field.rules:
            code = rule(value)
            if code == "0047":
                wrong[field.name] = f"{field.name} is not valid"
                break
            if code == "0009":
                missing[field.name] = f"{field.name} is a required field"
                break
            if code is not None:
                raise RefusedError(code)
        if field.fields:
            for item in value if isinstance(value, list) else (value,):
                _check_object(inner_fields(field), item, missing, wrong, dialect)
