"""Transaction routes: the operation routes that the transactions of a flow use together."""

from collections.abc import Iterator

from midaz_seed.model import payloads
from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.dimensions import LedgerDimensions
from midaz_seed.plan.generators.base import EntityGenerator
from midaz_seed.plan.generators.operation_route import TITLE_MAX
from midaz_seed.plan.items import Entity, EntityItem, Phase
from midaz_seed.plan.marks import KEY_MARK
from midaz_seed.plan.routes import operation_route, transaction_route


class TransactionRouteGenerator(EntityGenerator[LedgerDimensions]):
    """Titles are not unique on the server, so the mark in their metadata identifies them."""

    phase = Phase.TRANSACTION_ROUTES
    entity = Entity.TRANSACTION_ROUTE
    payload = payloads.TransactionRoute
    key_pattern = r"tr\d+"
    others_differ = False
    unique_on_server = False
    match_field = f"metadata.{KEY_MARK}"
    compared = ("title",)

    def items(self, scope: LedgerDimensions) -> Iterator[EntityItem]:
        """Generate the transaction routes of a ledger."""
        if scope.routes is None:
            return
        for index, route in enumerate(scope.routes.transaction_routes):
            key = f"{scope.key}.{transaction_route(index)}"
            used = [scope.routes.operation_routes[number] for number in route.operation_routes]
            payload: JsonObject = {
                "title": route.title[:TITLE_MAX],
                "description": ", ".join(f"{each.name} ({each.side})" for each in used)[:250],
                "metadata": scope.identity.tags(key),
            }
            keys = tuple(f"{scope.key}.{operation_route(number)}" for number in route.operation_routes)
            yield self.item(key, payload, {"operationRoutes": keys})
