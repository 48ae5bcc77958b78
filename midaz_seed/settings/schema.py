"""The settings as a flat table: path, variable, what a value must be, in words.

It is read from the model, so it cannot disagree with it.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import ConfigDict, SecretStr, TypeAdapter
from pydantic.fields import FieldInfo

from midaz_seed.settings.model import Section, Settings
from midaz_seed.settings.values import Expectation

VARIABLE_PREFIX = "MIDAZ_SEED_"


@dataclass(frozen=True)
class Setting:
    """One setting. `attributes` leads to it in Python: ("generation", "retries", "max")."""

    path: str
    attributes: tuple[str, ...]
    info: FieldInfo

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return VARIABLE_PREFIX + "__".join(self.attributes).upper()

    @property
    def is_secret(self) -> bool:
        kind = _bare(self.info)[0]
        return kind is SecretStr or any(_holds_secret(part) for part in get_args(kind))

    @property
    def expectation(self) -> str:
        """What a value must be: "a whole number from 1 to 4,096"."""
        return _words(*_bare(self.info))

    @property
    def choices(self) -> tuple[str, ...]:
        kind, _ = _bare(self.info)
        return get_args(kind) if get_origin(kind) is Literal else ()

    def value_of(self, settings: Settings) -> Any:
        value: Any = settings
        for name in self.attributes:
            value = getattr(value, name)
        return value

    def read(self, value: object, *, typed: bool) -> Any:
        """The value as the model wants it. `typed` ones come from YAML: "5" is text there, not a number.

        Raises pydantic.ValidationError, or ValueError for what JSON cannot express.
        """
        if typed:
            return _adapter(self.path).validate_json(json.dumps(value), strict=True)
        return _adapter(self.path).validate_python(value)


def _holds_secret(part: Any) -> bool:
    return part is SecretStr or SecretStr in get_args(part)


def as_plain(value: Any) -> Any:
    """A setting's value in the types of YAML and JSON; a secret as `***`."""
    if isinstance(value, SecretStr):
        return "***"
    if isinstance(value, tuple):
        return [as_plain(item) for item in value]
    if isinstance(value, str):
        return re.sub(r"://[^/\s]*@", "://***@", value)  # a proxy's address may hold a password
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _walk(section: type[Section], path: str, attributes: tuple[str, ...]) -> tuple[dict[str, Setting], dict[str, str]]:
    settings: dict[str, Setting] = {}
    sections: dict[str, str] = {path: (section.__doc__ or "").strip()}
    for name, info in section.model_fields.items():
        here = f"{path}.{info.alias}" if path else str(info.alias)
        if isinstance(info.annotation, type) and issubclass(info.annotation, Section):
            inner_settings, inner_sections = _walk(info.annotation, here, (*attributes, name))
            settings |= inner_settings
            sections |= inner_sections
        else:
            settings[here] = Setting(here, (*attributes, name), info)
    return settings, sections


@cache
def _adapter(path: str) -> TypeAdapter[Any]:
    info = SETTINGS[path].info
    annotation: Any = Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation
    return TypeAdapter(annotation, config=ConfigDict(allow_inf_nan=False, hide_input_in_errors=True))


def _bare(info: FieldInfo) -> tuple[Any, tuple[Any, ...]]:
    """A field's type without `| None`, and what is attached to it."""
    kind: Any = info.annotation
    metadata = tuple(info.metadata)
    if get_origin(kind) in (Union, UnionType):
        kind = next(part for part in get_args(kind) if part is not type(None))
    if get_origin(kind) is Annotated:
        kind, *more = get_args(kind)
        metadata += tuple(more)
    return kind, metadata


def _words(kind: Any, metadata: tuple[Any, ...]) -> str:
    for item in metadata:
        if isinstance(item, Expectation):
            return item.text
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    simple = {bool: "true or false", str: "text", int: "a whole number", float: "a number"}
    return simple.get(kind, "the path of a file") + _range(metadata)


def _range(metadata: tuple[Any, ...]) -> str:
    lowest = highest = ""
    for item in metadata:
        if isinstance(item, Ge):
            lowest = f" from {_number(item.ge)}"
        elif isinstance(item, Gt):
            lowest = f" above {_number(item.gt)}"
        elif isinstance(item, Le):
            highest = f" to {_number(item.le)}"
        elif isinstance(item, Lt):
            highest = f" to {_number(item.lt)} less 1"
    if lowest.startswith(" above"):
        highest = highest.replace(" to ", " up to ")
    return lowest + highest


def _number(bound: Any) -> str:
    return "2^63" if bound == 2**63 else f"{bound:,}"


SETTINGS, SECTIONS = _walk(Settings, "", ())
"""Every setting by its dotted YAML path, and every section (the empty path is the whole) with its description."""
