"""The reference of the names of a scenario file, from its model: the generated part of docs/scenarios.md."""

from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BeforeValidator, StringConstraints
from pydantic.fields import FieldInfo

from midaz_seed.scenarios import model, parts, values
from midaz_seed.scenarios.checks.texts import FIELDS
from midaz_seed.scenarios.model import Part, Scenario
from midaz_seed.scenarios.sentences import PATTERNS
from midaz_seed.scenarios.shape import REPLACED, shape_of

BAR = "\\|"
"""A bar inside a table."""
_BY_VALIDATOR = {
    values._positive: "a decimal number",
    values._percent_number: "a percentage",
    values._percent: "a percentage",
    values._weight: "a weight",
    values._seconds_of_day: "a time of day",
    values._days: "a number of days",
    values._date: "a date, or `yesterday`",
    model._option: "text, a whole number, `true` or `false`",
    parts._amount: "[amounts](#amountspec)",
    parts._party: "[accounts](#partyspec)",
}
"""Validator of a type of the model -> what the type is in a file."""
_BY_PATTERN = {**PATTERNS, values.NAME: "a name", values.PATH: "accounts, such as `person.checking`"}


def reference() -> str:
    """Render a table for each part, the whole first, in the order in which a reader meets them."""
    return "\n".join(part_reference(part) for part in _parts(Scenario, []))


def field_reference() -> str:
    """Render the fields of texts."""
    rows = [f"| `{{{name}}}` | {about} |" for name, about in FIELDS.items()]
    return "\n".join(["| field | meaning |", "|---|---|", *rows]) + "\n"


def part_reference(part: type[Part]) -> str:
    about = " ".join((part.__doc__ or "").split())
    whole = "\n\nA file that extends another replaces it whole." if part in REPLACED else ""
    rows = [_row(name, info) for name, info in part.model_fields.items()]
    table = "\n".join(["| name | value | default | meaning |", "|---|---|---|---|", *rows])
    return f"### {part.__name__}\n\n{about}{whole}\n\n{table}\n"


def _parts(part: type[Part], found: list[type[Part]]) -> list[type[Part]]:
    if part not in found:
        found.append(part)
        for info in part.model_fields.values():
            for inner in _inner_parts(info.annotation):
                _parts(inner, found)
    return found


def _inner_parts(kind: Any) -> Iterator[type[Part]]:
    shape = shape_of(kind)
    stack = [shape]
    while stack:
        each = stack.pop()
        yield from each.parts
        stack += [*each.items, *([each.values] if each.values else [])]


def _row(name: str, info: FieldInfo) -> str:
    value, about = _value(info.annotation, info.metadata), info.description or ""
    cells = f"`{info.alias or name}`", value, _default(info), about
    return f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |"


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "needed"
    default = info.get_default(call_default_factory=True)
    if default in (None, (), {}, model.NO_PARTY) or isinstance(default, Part):
        return "–"
    if default is True or default is False:
        return f"`{str(default).lower()}`"
    for validator, text in ((values._percent, values._plain_percent), (values._seconds_of_day, values._plain_time)):
        if isinstance(default, int) and any(getattr(item, "func", None) is validator for item in info.metadata):
            return f"`{text(default)}`"
    return f"`{', '.join(map(str, default)) if isinstance(default, tuple) else default}`"


def _value(kind: Any, metadata: Sequence[Any] = ()) -> str:
    for item in metadata:
        if isinstance(item, BeforeValidator) and item.func in _BY_VALIDATOR:
            return _BY_VALIDATOR[item.func]
        if isinstance(item, StringConstraints):
            return _BY_PATTERN.get(str(item.pattern), "text")
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _value(arguments[0], arguments[1:])
    if kind is Any:
        return "what it changes"
    if kind == "Amount":
        return _BY_VALIDATOR[parts._amount]
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_value(each) for each in arguments if each is not type(None)))
    if origin is Literal:
        return " or ".join(f"`{str(each).lower() if each is True else each}`" for each in arguments)
    if origin is dict:
        keys = "decimal numbers" if arguments[0] is str else "names"
        return f"{keys}, each with {_value(arguments[1])}"
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return f"a list of {_value(arguments[0])}"
        shown = [_value(each) for each in arguments]
        return f"a list of {len(shown)}: {shown[0]} each" if len(set(shown)) == 1 else " and ".join(shown)
    if isinstance(kind, type) and issubclass(kind, Part):
        return f"[{kind.__name__}](#{kind.__name__.lower()})"
    if kind is int:
        return "a whole number" + _range(metadata)
    return {bool: "`true` or `false`"}.get(kind, "text")


def _range(metadata: Sequence[Any]) -> str:
    bounds = {name: getattr(item, name) for item in metadata for name in ("ge", "le") if hasattr(item, name)}
    low, high = bounds.get("ge"), bounds.get("le")
    return f" from {low:,} to {high:,}" if low is not None and high is not None else ""
