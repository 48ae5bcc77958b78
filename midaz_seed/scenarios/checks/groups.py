"""The accounts that a name in a scenario stands for: which assets they have, and whether any exists."""

from collections.abc import Iterable
from dataclasses import dataclass

from midaz_seed.scenarios.model import EXTERNAL, NO_PARTY, PartySpec, Scenario
from midaz_seed.scenarios.values import WHOLE


@dataclass(frozen=True, slots=True)
class Group:
    """The accounts of one name.

    Attributes:
        kind: the kind of customer that owns them; "" for internal accounts and the external one.
        assets: those that they have.
        most: the largest number of them that is possible in a ledger; None where it is not known.
    """

    kind: str
    assets: frozenset[str]
    most: int | None


class Groups:
    """Every group of accounts of a scenario, by the name that stands for it."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.assets = frozenset(scenario.assets)
        self.first_asset = next(iter(scenario.assets))
        self.internal = {
            name: Group("", self._assets(account.asset), 1) for name, account in scenario.accounts.internal.items()
        }
        self.owned = {
            f"{kind}.{account}": Group(kind, self._assets(owned.asset), self._most(kind, owned.chance))
            for kind, spec in scenario.accounts.kinds.items()
            for account, owned in spec.owns.items()
        }
        self.by_name = {**self.internal, **self.owned, EXTERNAL: Group("", self.assets, 1)}

    def _assets(self, asset: str | None) -> frozenset[str]:
        asset = asset or self.first_asset
        # one that does not exist is reported once, where it stands
        return frozenset({asset}) if asset in self.assets else self.assets

    def _most(self, kind: str, chance: int) -> int | None:
        """Return the largest number of accounts. It is known where no customer owns one, or customers are few."""
        spec, customers = self.scenario.accounts.kinds[kind], self.scenario.volume.customers
        personas = sum(persona.kind == kind for persona in self.scenario.personas)
        if chance == 0:
            return 0
        share = WHOLE if spec.share is None else spec.share
        if share == 0:
            return personas
        if customers is None:
            return None
        return max(-(-customers * share // WHOLE), personas)

    def of(self, party: PartySpec) -> list[Group]:
        """Return the groups of a party that exist."""
        return [self.by_name[name] for name in party.of if name in self.by_name and party != NO_PARTY]

    def assets_of(self, party: PartySpec) -> frozenset[str]:
        """Return the assets that a party's accounts have."""
        return _union(group.assets for group in self.of(party))

    def kinds_of(self, party: PartySpec) -> set[str]:
        """Return the kinds of customers of a party."""
        return {group.kind for group in self.of(party) if group.kind}

    def most_of(self, party: PartySpec) -> int | None:
        """Return the largest number of accounts of a party; None where it is not known."""
        counts = [group.most for group in self.of(party)]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*sets)
