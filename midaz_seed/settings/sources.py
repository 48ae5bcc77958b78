"""Values that the layers of settings pass on. Imports nothing heavy, because every command imports it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from midaz_seed.settings.model import Settings

CONFIG_VARIABLE = "MIDAZ_SEED_CONFIG"
DEBUG_VARIABLE = "MIDAZ_SEED_DEBUG"


@dataclass(frozen=True)
class Flag:
    """A setting given on the command line.

    Attributes:
        spelling: the flag, such as `--seed`.
        path: the setting's dotted YAML path.
        value: the text as typed; a bool for a switch; a tuple of texts for a repeatable flag.
        yaml: `value` is the text of a YAML value.
    """

    spelling: str
    path: str
    value: object
    yaml: bool = False


@dataclass(frozen=True)
class RawValue:
    """A raw value for a setting.

    Attributes:
        path: the setting's dotted YAML path.
        value: the value before validation.
        where: where it was found, for messages.
        typed: it comes from YAML and must have the right type; otherwise it is text to be parsed.
        items: where each item of a list was found, if that differs from `where`.
    """

    path: str
    value: object
    where: str
    typed: bool = False
    items: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoadedSettings:
    """The effective settings, and for each dotted YAML path the source of its value.

    Sources are `flag --seed`, `environment MIDAZ_SEED_SEED`, `midaz-seed.yaml:12`, `preset medium` or `default`.
    """

    settings: "Settings"
    sources: Mapping[str, str]
