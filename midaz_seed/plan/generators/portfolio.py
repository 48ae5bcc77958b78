"""Portfolios."""

from collections.abc import Iterator

from midaz_seed.model import payloads
from midaz_seed.plan.dimensions import KEY_MARK, LedgerDimensions
from midaz_seed.plan.generators.base import EntityGenerator
from midaz_seed.plan.items import Entity, EntityItem, Phase
from midaz_seed.plan.templates import PORTFOLIOS, numbered


class PortfolioGenerator(EntityGenerator[LedgerDimensions]):
    """Portfolios have no unique name on the server, so the mark in their metadata identifies them."""

    phase = Phase.PORTFOLIOS
    entity = Entity.PORTFOLIO
    payload = payloads.Portfolio
    unique_on_server = False
    match_field = f"metadata.{KEY_MARK}"
    compared = ("name",)

    def items(self, scope: LedgerDimensions) -> Iterator[EntityItem]:
        """Generate the portfolios of a ledger."""
        for index in range(scope.portfolios):
            key = portfolio_key(scope, index)
            yield self.item(
                key,
                {
                    "name": numbered(PORTFOLIOS, index),
                    "entityId": f"portfolio-{key}",
                    "metadata": scope.identity.tags(key),
                },
            )


def portfolio_key(scope: LedgerDimensions, index: int) -> str:
    """Return the key of a portfolio: `o1.l2.p1`."""
    return f"{scope.key}.p{index + 1}"
