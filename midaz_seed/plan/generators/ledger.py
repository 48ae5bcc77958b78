"""Ledgers."""

from collections.abc import Iterator

from midaz_seed.model import payloads
from midaz_seed.plan.dimensions import LedgerDimensions
from midaz_seed.plan.generators.base import EntityGenerator
from midaz_seed.plan.items import Entity, EntityItem, Phase
from midaz_seed.plan.templates import LEDGERS, numbered


class LedgerGenerator(EntityGenerator[LedgerDimensions]):
    """Names are unique in their organization, case-insensitively."""

    phase = Phase.LEDGERS
    entity = Entity.LEDGER
    payload = payloads.Ledger
    match_field = "name"
    case_sensitive = False
    filter = "name"

    def items(self, scope: LedgerDimensions) -> Iterator[EntityItem]:
        """Generate the item of a ledger."""
        yield self.item(
            scope.key,
            {"name": numbered(LEDGERS, scope.index), "metadata": scope.identity.tags(scope.key)},
        )
