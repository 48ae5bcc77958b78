"""What the layers hand to one another. Light on purpose: the command line imports this to declare its flags."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from midaz_seed.settings.model import Settings

CONFIG_VARIABLE = "MIDAZ_SEED_CONFIG"
DEBUG_VARIABLE = "MIDAZ_SEED_DEBUG"


@dataclass(frozen=True)
class Flag:
    """A setting that was given on the command line.

    `spelling` is how the flag is written (`--seed`), `path` the setting's dotted YAML path. `value` is the text that
    was typed, or a bool for a switch, or a tuple of texts for a repeatable flag; with `yaml` it is the text of a YAML
    value.
    """

    spelling: str
    path: str
    value: object
    yaml: bool = False


@dataclass(frozen=True)
class RawValue:
    """A raw value for a setting, and where it was found.

    `typed` values come from YAML and must have the right type already; the others are text that is still to be read.
    `items` are the places of a list's items where they differ from `where`.
    """

    path: str
    value: object
    where: str
    typed: bool = False
    items: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with the configuration: the file and line, variable or flag, and what to say about it."""

    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


@dataclass(frozen=True)
class LoadedSettings:
    """The effective settings, and for each dotted YAML path where its value came from.

    A source reads `flag --seed`, `environment MIDAZ_SEED_SEED`, `midaz-seed.yaml:12`, `preset medium` or `default`.
    """

    settings: "Settings"
    sources: Mapping[str, str]
