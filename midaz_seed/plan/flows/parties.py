"""The sides of a movement: which accounts, and how one is chosen. Pure."""

from array import array
from collections.abc import Callable, Sequence

from midaz_seed.plan.drawing.bits import Bits
from midaz_seed.plan.drawing.choices import compile_choice, members_of
from midaz_seed.plan.population import Population
from midaz_seed.scenarios.model import Choice, PartySpec


class Group:
    """The accounts of a side that may move money."""

    def __init__(self, population: Population, spec: PartySpec) -> None:
        self._asset = population.asset
        self.accounts: array[int] = array("I")
        for label in spec.of:
            self.accounts.extend(population.groups.get(label, ()))
        self.by_asset = self._by_asset()

    def keep(self, accounts: Sequence[int]) -> None:
        """Leave out all accounts but these."""
        self.accounts = array("I", accounts)
        self.by_asset = self._by_asset()

    def _by_asset(self) -> dict[int, "array[int]"]:
        found: dict[int, array[int]] = {}
        for account in self.accounts:
            found.setdefault(self._asset[account], array("I")).append(account)
        return found


class Sources:
    """Chooses the source of a movement."""

    def __init__(self, population: Population, group: Group, choice: Choice | None, seed: str, top: int | None) -> None:
        accounts = group.accounts
        rank = accounts.index(top) if top is not None and top in accounts else None
        self._accounts, self._asset = accounts, population.asset
        self._choose = compile_choice(choice, max(len(accounts), 1), seed, top=rank)

    def draw(self, bits: Bits) -> int:
        """Return an account."""
        return self._accounts[self._choose(bits, 0)]

    def other(self, bits: Bits, destination: int) -> int:
        """Return an account that is not the destination, in its asset."""
        accounts, asset, position = self._accounts, self._asset, self._choose(bits, 0)
        for _ in range(len(accounts)):
            if accounts[position] != destination and asset[accounts[position]] == asset[destination]:
                break
            position = (position + 1) % len(accounts)
        return accounts[position]


class Destinations:
    """Chooses the destination of a movement for its source: another account in the same asset."""

    def __init__(
        self,
        population: Population,
        group: Group,
        choice: Choice | None,
        seed: str,
        sources: Group | None,
        top: int | None,
    ) -> None:
        self._asset = population.asset
        self._group = group
        self._position: dict[int, int] = {}
        """Account of a source -> its position among the sources in its asset."""
        self._by_members = choice is not None and choice.members is not None
        self._source_counts: dict[int, int] = {}
        self._choosers: dict[int, tuple[array[int], Callable[[Bits, int], int]]] = {}
        for asset, accounts in group.by_asset.items():
            rank = accounts.index(top) if top is not None and top in accounts else None
            count = len(sources.by_asset.get(asset, ())) if sources is not None else 0
            choose = compile_choice(choice, len(accounts), f"{seed}:{asset}", top=rank, sources=max(count, 1))
            self._choosers[asset] = accounts, choose
            self._source_counts[asset] = max(count, 1)
        if sources is not None:
            for accounts in sources.by_asset.values():
                self._position |= {account: position for position, account in enumerate(accounts)}

    def any(self, bits: Bits) -> int:
        """Return an account in any asset, for money from outside."""
        if len(self._choosers) == 1:
            [(accounts, choose)] = self._choosers.values()
            return accounts[choose(bits, 0)]
        every = self._group.accounts
        return every[(bits(64) * len(every)) >> 64]

    def has(self, asset: int) -> bool:
        """Return whether there are accounts in an asset."""
        return asset in self._choosers

    def chooser(self, asset: int) -> tuple[Sequence[int], dict[int, int], Callable[[Bits, int], int]]:
        """Return the accounts in an asset, the positions of the sources, and the function that chooses a position."""
        accounts, choose = self._choosers[asset]
        return accounts, self._position, choose

    def members(self, source: int, asset: int) -> Sequence[int] | None:
        """Return the accounts that belong to a source; None when the group is not divided among the sources."""
        if not self._by_members:
            return None
        accounts, _ = self._choosers[asset]
        members = members_of(self._position[source], self._source_counts[asset], len(accounts))
        return accounts[members.start : members.stop]

    def draw(self, bits: Bits, source: int, asset: int) -> int:
        """Return an account in the asset that is not the source."""
        accounts, choose = self._choosers[asset]
        position = choose(bits, self._position.get(source, 0))
        found = accounts[position]
        return accounts[(position + 1) % len(accounts)] if found == source else found
