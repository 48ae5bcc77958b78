"""The settings of a ledger: its checks, switched on where the scenario wants them."""

from collections.abc import Iterator

from midaz_seed.model import payloads
from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.dimensions import LedgerDimensions
from midaz_seed.plan.generators.base import EntityGenerator
from midaz_seed.plan.items import Entity, EntityItem, Phase


class LedgerSettingsGenerator(EntityGenerator[LedgerDimensions]):
    """Settings are changed, and not created; those that the plan does not name stay (midaz-behaviour: settings)."""

    phase = Phase.LEDGER_SETTINGS
    entity = Entity.LEDGER_SETTINGS
    payload = payloads.LedgerSettings
    method = "PATCH"
    key_pattern = "settings"
    others_differ = False
    match_field = "accounting"

    def items(self, scope: LedgerDimensions) -> Iterator[EntityItem]:
        """Generate the change of a ledger's settings, if the plan has any."""
        routes = scope.shape.scenario.routes
        if routes is not None and routes.validate_:
            checks: JsonObject = {"accounting": {"validateAccountType": True, "validateRoutes": True}}
            yield self.item(f"{scope.key}.settings", checks)

    def differences(self, item: EntityItem, found: JsonObject) -> list[str]:
        """Return the differences of the settings that the plan names."""
        planned, there = item.payload["accounting"], found.get("accounting")
        assert isinstance(planned, dict)
        actual = there if isinstance(there, dict) else {}
        return [
            f"{name}: {actual.get(name)} on the server, {value} in the plan"
            for name, value in planned.items()
            if actual.get(name) != value
        ]
