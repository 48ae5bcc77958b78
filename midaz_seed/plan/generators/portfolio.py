"""Portfolios."""

from collections.abc import Iterator

from midaz_seed.model import payloads
from midaz_seed.plan.dimensions import LedgerDimensions
from midaz_seed.plan.generators.base import EntityGenerator
from midaz_seed.plan.items import Entity, EntityItem, Phase
from midaz_seed.plan.marks import KEY_MARK
from midaz_seed.plan.people.slugs import slug


class PortfolioGenerator(EntityGenerator[LedgerDimensions]):
    """Portfolios have no unique name on the server, so the mark in their metadata identifies them."""

    phase = Phase.PORTFOLIOS
    entity = Entity.PORTFOLIO
    payload = payloads.Portfolio
    key_pattern = r"p\d+"
    unique_on_server = False
    match_field = f"metadata.{KEY_MARK}"
    compared = ("name",)

    def items(self, scope: LedgerDimensions) -> Iterator[EntityItem]:
        """Generate the portfolios of a ledger."""
        for index, (name, entity_id) in enumerate(self._customers(scope)):
            key = portfolio_key(scope, index)
            yield self.item(key, {"name": name, "entityId": entity_id, "metadata": scope.identity.tags(key)})

    def count(self, scope: LedgerDimensions) -> int:
        """Return the number of portfolios."""
        return scope.shape.customers if scope.shape.has_own_portfolios else len(scope.shape.portfolios)

    @staticmethod
    def _customers(scope: LedgerDimensions) -> Iterator[tuple[str, str]]:
        """Yield name and entity id: one for each customer, as Lerian models it, or those of a pool of names."""
        if scope.shape.has_own_portfolios:
            for kind in scope.shape.kinds:
                for holder in scope.population.holders(kind):
                    yield holder.name, holder.document
        else:
            for name in scope.shape.portfolios:
                yield name, slug(name)


def portfolio_key(scope: LedgerDimensions, index: int) -> str:
    """Return the key of a portfolio: `o1.l2.p1`."""
    return f"{scope.key}.p{index + 1}"
