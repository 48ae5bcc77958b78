"""Operation routes: which accounts may stand on a side of a transaction."""

from collections.abc import Iterator

from midaz_seed.model import payloads
from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.dimensions import LedgerDimensions
from midaz_seed.plan.generators.base import EntityGenerator
from midaz_seed.plan.items import Entity, EntityItem, Phase
from midaz_seed.plan.marks import KEY_MARK
from midaz_seed.plan.routes import BIDIRECTIONAL, DESTINATION, SOURCE, OperationRoute, operation_route
from midaz_seed.scenarios.model import Scenario

TITLE_MAX = 50
"""Characters of a title; from v3.6 on 255."""
_SIDES = {SOURCE: "origem", DESTINATION: "destino", BIDIRECTIONAL: "origem ou destino"}


class OperationRouteGenerator(EntityGenerator[LedgerDimensions]):
    """Titles are not unique on the server, so the mark in their metadata identifies them."""

    phase = Phase.OPERATION_ROUTES
    entity = Entity.OPERATION_ROUTE
    payload = payloads.OperationRoute
    key_pattern = r"or\d+"
    others_differ = False
    unique_on_server = False
    match_field = f"metadata.{KEY_MARK}"
    compared = ("title", "operationType")

    def items(self, scope: LedgerDimensions) -> Iterator[EntityItem]:
        """Generate the operation routes of a ledger."""
        routes = scope.routes.operation_routes if scope.routes is not None else []
        for index, route in enumerate(routes):
            key = f"{scope.key}.{operation_route(index)}"
            rule: JsonObject = {"ruleType": "alias", "validIf": f"@external/{route.asset}"}
            if route.types:
                rule = {"ruleType": "account_type", "validIf": list(route.types)}
            payload: JsonObject = {
                "title": f"{route.name} - {_SIDES[route.side]}"[:TITLE_MAX],
                "description": f"{', '.join(route.types) or route.name} como {_SIDES[route.side]}"[:250],
                "operationType": route.side,
                "account": rule,
                "metadata": scope.identity.tags(key),
            }
            if scope.shape.scenario.routes is not None and scope.shape.scenario.routes.validate_:
                payload["accountingEntries"] = _entries(scope.shape.scenario, route)
            yield self.item(key, payload)


def _entries(scenario: Scenario, route: OperationRoute) -> JsonObject:
    """Return the accounting entries: one for each thing that can happen to the transactions of a scenario.

    Only a source can be held, and only what is bidirectional reverted (midaz-behaviour: operation-routes).
    """
    lifecycle, actions = scenario.lifecycle, ["direct"]
    if route.side != BIDIRECTIONAL:
        if (lifecycle is not None and lifecycle.pending) or any(entry.then for entry in scenario.mix.values()):
            actions += ["hold", "commit", "cancel"] if route.side == SOURCE else ["commit"]
        if lifecycle is not None and lifecycle.block:
            actions.append("block")
    if route.side == BIDIRECTIONAL:
        actions.append("revert")
    names = {"debit": "Débito", "credit": "Crédito"}
    return {
        action: {
            side: {"code": f"{action}-{side}", "description": f"{name} em {route.name}"[:250]}
            for side, name in names.items()
        }
        for action in actions
    }
