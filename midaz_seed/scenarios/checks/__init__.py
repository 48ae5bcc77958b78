"""What the model alone cannot see: names that lead nowhere, shares that do not sum, days that never come."""

from collections.abc import Collection, Iterator

from midaz_seed.scenarios.checks.accounts import check_accounts
from midaz_seed.scenarios.checks.amounts import check_amounts
from midaz_seed.scenarios.checks.days import check_days
from midaz_seed.scenarios.checks.finding import Finding
from midaz_seed.scenarios.checks.groups import Groups
from midaz_seed.scenarios.checks.lifecycle import check_lifecycle
from midaz_seed.scenarios.checks.movements import check_movements
from midaz_seed.scenarios.checks.texts import check_texts
from midaz_seed.scenarios.model import Scenario

__all__ = ["Finding", "check"]


def check(scenario: Scenario, *, generators: Collection[str] = ()) -> list[Finding]:
    """Return everything that makes a resolved scenario impossible.

    Args:
        scenario: what to check.
        generators: names of the Python generators that are installed.
    """
    return list(_all(scenario, Groups(scenario), generators))


def _all(scenario: Scenario, groups: Groups, generators: Collection[str]) -> Iterator[Finding]:
    yield from check_accounts(scenario, groups)
    yield from check_movements(scenario, groups, generators)
    yield from check_amounts(scenario, groups)
    yield from check_days(scenario)
    yield from check_texts(scenario)
    yield from check_lifecycle(scenario, groups)
