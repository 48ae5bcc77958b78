"""The settings as a flat table: path, environment variable, valid values.

Derived from the model, so the two cannot differ.
"""

import json
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import ConfigDict, SecretStr, TypeAdapter
from pydantic.fields import FieldInfo

from midaz_seed.scenarios.model import Scenario, canonical_text
from midaz_seed.settings.masking import mask_user_info
from midaz_seed.settings.model import Section, Settings
from midaz_seed.settings.values import Expectation

VARIABLE_PREFIX = "MIDAZ_SEED_"


@dataclass(frozen=True)
class Setting:
    """One setting. `attributes` is its path in Python: ("generation", "retries", "max")."""

    path: str
    attributes: tuple[str, ...]
    info: FieldInfo

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return VARIABLE_PREFIX + "__".join(self.attributes).upper()

    @property
    def is_secret(self) -> bool:
        """Whether the value must not be shown."""
        kind = _bare(self.info)[0]
        return kind is SecretStr or any(_holds_secret(part) for part in get_args(kind))

    @property
    def expectation(self) -> str:
        """A description of the valid values: "a whole number from 1 to 4,096"."""
        return _describe(*_bare(self.info))

    @property
    def choices(self) -> tuple[str, ...]:
        """The valid values of an enumeration; empty for other settings."""
        kind, _ = _bare(self.info)
        return get_args(kind) if get_origin(kind) is Literal else ()

    def value_of(self, settings: Settings) -> Any:
        """Return this setting's value."""
        value: Any = settings
        for name in self.attributes:
            value = getattr(value, name)
        return value

    def read(self, value: object, *, typed: bool) -> Any:
        """Validate a raw value and convert it to the model's type.

        Args:
            value: the raw value.
            typed: it comes from YAML, where "5" is text and not a number.

        Raises:
            ValueError: when it is invalid (pydantic.ValidationError) or cannot be expressed as JSON.
        """
        if typed:
            return _adapter(self.path).validate_json(json.dumps(value), strict=True)
        return _adapter(self.path).validate_python(value)


def _holds_secret(part: Any) -> bool:
    return part is SecretStr or SecretStr in get_args(part)


def as_plain(value: Any) -> Any:
    """Convert a setting's value to the types of YAML and JSON; a secret becomes `***`, a scenario its name."""
    if isinstance(value, SecretStr):
        return "***"
    if isinstance(value, Scenario):
        return value.scenario
    if isinstance(value, tuple):
        return [as_plain(item) for item in value]
    if isinstance(value, str):
        return mask_user_info(value)  # the URL of a proxy may contain a password
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def as_stored(value: Any) -> Any:
    """Convert a setting's value as `as_plain`, but a scenario to its whole text, from which it can be read again."""
    return canonical_text(value) if isinstance(value, Scenario) else as_plain(value)


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
    if _bare(info)[0] is Scenario:  # a model has its own configuration
        return TypeAdapter(annotation)
    return TypeAdapter(annotation, config=ConfigDict(allow_inf_nan=False, hide_input_in_errors=True))


def _bare(info: FieldInfo) -> tuple[Any, tuple[Any, ...]]:
    """Return a field's type without `| None`, and its metadata."""
    kind: Any = info.annotation
    metadata = tuple(info.metadata)
    if get_origin(kind) in (Union, UnionType):
        kind = next(part for part in get_args(kind) if part is not type(None))
    if get_origin(kind) is Annotated:
        kind, *more = get_args(kind)
        metadata += tuple(more)
    return kind, metadata


def _describe(kind: Any, metadata: tuple[Any, ...]) -> str:
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
"""Dotted YAML path -> setting; dotted YAML path of a section ("" for the top level) -> its description."""
