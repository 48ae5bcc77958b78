"""Scenario files for tests."""

from pathlib import Path

import pytest

from midaz_seed.errors import ConfigurationError
from midaz_seed.scenarios.loader import load_scenario

SHOP = """\
scenario: shop
about: People pay a shop.
volume: {customers: 20, movements: 100}
assets:
  BRL: {opening: "100.00", amount: "5.00"}
accounts:
  internal:
    fees: {name: Fees}
  kinds:
    person: {share: 90 %, owns: {checking: {}, savings: {chance: 40 %, parent: checking}}}
    shop: {share: 10 %, holder: PJ, owns: {checking: {}}}
mix:
  sale: {weight: 9, from: person.checking, to: {shop.checking: {zipf: "1.05"}}}
  save: {weight: 1, from: person.checking, to: person.savings, same_holder: true}
"""
"""A small scenario without dates that sets its own counts."""


def write_scenario(folder: Path, text: str, name: str = "scenario.yaml") -> Path:
    """Write a scenario file and return its path."""
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def other_scenario(folder: Path) -> Path:
    """Write `other.yaml`, a scenario other than the default one, and return its path."""
    return write_scenario(folder, SHOP, "other.yaml")


def refusal(file: Path) -> list[str]:
    """Load a scenario that must be refused; return its problems without the folder: `scenario.yaml:3: text`."""
    with pytest.raises(ConfigurationError) as caught:
        load_scenario(str(file))
    assert caught.value.hint
    return [str(problem).replace(f"{file.parent}/", "") for problem in caught.value.problems]
