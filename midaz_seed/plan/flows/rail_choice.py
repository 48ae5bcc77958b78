"""Which payment rail a movement takes: by its asset, or the one that its entry names. Pure."""

from collections.abc import Mapping

from midaz_seed.plan.flows.base import LedgerFacts
from midaz_seed.scenarios.model import Rail

LEAVES = frozenset({"BOLETO"})
"""Rails whose money leaves the ledger: the payee of a boleto is another bank's customer."""
SLOTS = 1024
SLOTS_MASK = SLOTS - 1


class RailChoice:
    """Chooses the rail of a movement by its asset and its random bits, so that the writer finds the same one."""

    def __init__(self, facts: LedgerFacts) -> None:
        shape = facts.population.shape
        self._tables = [_table(shape.scenario.assets[asset.code].rails) for asset in shape.assets]

    def of(self, asset: int, bits: int) -> str:
        """Return the rail of a movement."""
        return self._tables[asset][(bits >> 64) & SLOTS_MASK]

    def table(self, asset: int) -> tuple[str, ...]:
        """Return the rails of an asset, each in its share of `SLOTS` places."""
        return self._tables[asset]

    @property
    def leaves(self) -> list[tuple[bool, ...]]:
        """For each asset, whether the rail in each place of its table leaves the ledger; () where none does."""
        return [tuple(rail in LEAVES for rail in table) if LEAVES.intersection(table) else () for table in self._tables]


def _table(rails: Mapping[Rail, int]) -> tuple[str, ...]:
    """Return a table in which each rail has its share of the places."""
    if not rails:
        return ("TRANSFER",) * SLOTS
    total, names, reached = sum(rails.values()), list[str](), 0
    for name, weight in rails.items():
        reached += weight
        names += [name] * (reached * SLOTS // total - len(names))
    return tuple(names)
