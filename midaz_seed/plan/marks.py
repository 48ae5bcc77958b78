"""The marks that created objects carry in their metadata: run, item, and what the run resolved when it began."""

from dataclasses import dataclass
from datetime import date

from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.population import HolderRules

RUN_MARK, KEY_MARK = "seedRun", "seedKey"
"""Metadata names: the run id, and the run id with the item's key."""
BATCH_SIZE_MARK, LAST_DAY_MARK, SCENARIO_MARK = "seedPack", "seedLastDay", "seedScenario"
"""Metadata names on organizations: the batch size, the last day of the history, and the scenario of the run."""


def mark_in(organization: JsonObject, mark: str) -> str:
    """Return a mark in an organization's metadata (of the plan or the server); "" without one."""
    tags = organization.get("metadata")
    return str(tags.get(mark) or "") if isinstance(tags, dict) else ""


def batch_size_of(organization: JsonObject) -> int:
    """Return the batch size in an organization's metadata; 1 without one."""
    size = mark_in(organization, BATCH_SIZE_MARK)
    return int(size) if size.isdigit() else 1


@dataclass(frozen=True, slots=True)
class PlanIdentity:
    """Values that all items of a plan share: they determine its random streams and marks."""

    seed: int
    run_id: str
    day: date
    """The day of what has no date of its own, in end-to-end ids and due dates."""
    holders: HolderRules

    def tags(self, key: str) -> JsonObject:
        """Return the metadata that identifies a created object: by run, and by its own key."""
        return {RUN_MARK: self.run_id, KEY_MARK: f"{self.run_id}/{key}"}
