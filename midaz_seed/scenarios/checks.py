"""What the model alone cannot see: names that lead nowhere, shares that do not sum, days that never come."""

from collections.abc import Collection
from dataclasses import dataclass

from midaz_seed.scenarios.document import Step
from midaz_seed.scenarios.model import Scenario


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that makes a scenario impossible: where in it, and the end of a sentence about it."""

    path: tuple[Step, ...]
    text: str


def check(scenario: Scenario, *, generators: Collection[str] = ()) -> list[Finding]:
    """Return everything that makes a resolved scenario impossible."""
    return []
