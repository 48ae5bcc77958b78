"""Holders: the customers as v4 knows them, if the scenario wants parties."""

from collections.abc import Iterator

from midaz_seed.model import payloads
from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.dimensions import LedgerDimensions
from midaz_seed.plan.generators.base import EntityGenerator
from midaz_seed.plan.items import Entity, EntityItem, Phase


class HolderGenerator(EntityGenerator[LedgerDimensions]):
    """Documents are unique in their organization, and no document is in two ledgers of a plan."""

    phase = Phase.HOLDERS
    entity = Entity.HOLDER
    payload = payloads.Holder
    key_pattern = r"h\d+"
    others_differ = False
    match_field = filter = "document"
    compared = ("name", "type")

    def items(self, scope: LedgerDimensions) -> Iterator[EntityItem]:
        """Generate the holders of a ledger."""
        if not scope.shape.scenario.parties:
            return
        holders = (holder for kind in scope.shape.kinds for holder in scope.population.holders(kind))
        for index, holder in enumerate(holders):
            key = holder_key(scope, index)
            payload: JsonObject = {
                "type": "NATURAL_PERSON" if holder.kind == "PF" else "LEGAL_PERSON",
                "name": holder.name,
                "document": holder.document,
                "metadata": scope.identity.tags(key),
            }
            if holder.trading_name:
                payload["legalPerson"] = {"tradeName": holder.trading_name}
            yield self.item(key, payload)

    def count(self, scope: LedgerDimensions) -> int:
        """Return the number of holders."""
        return scope.shape.customers if scope.shape.scenario.parties else 0


def holder_key(scope: LedgerDimensions, customer: int) -> str:
    """Return the key of a holder: `o1.l2.h7`."""
    return f"{scope.key}.h{customer + 1}"
