"""The dimensions of an organization or ledger, from which generators make its items. Pure data and arithmetic."""

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.batching import Batches
from midaz_seed.plan.flows.base import LedgerFacts
from midaz_seed.plan.flows.ledger_flows import LedgerFlows
from midaz_seed.plan.items import AssetTemplate
from midaz_seed.plan.marks import BATCH_SIZE_MARK, LAST_DAY_MARK, SCENARIO_MARK, PlanIdentity
from midaz_seed.plan.population import Population
from midaz_seed.plan.routes import LedgerRoutes
from midaz_seed.plan.shape import LedgerShape

if TYPE_CHECKING:
    from midaz_seed.plan.writing import TransactionWriter


_DERIVED = ("population", "flows", "routes", "writer")
"""Properties of a ledger that are computed from the others."""


@dataclass(frozen=True, slots=True)
class OrganizationDimensions:
    """One organization; `index` counts from 0."""

    identity: PlanIdentity
    index: int
    transactions_per_batch: int
    """Movements in one transaction."""
    scenario: str
    last_day: date | None
    """Last day of the history, where the scenario says `yesterday`: a later session takes it from here."""

    @property
    def tags(self) -> JsonObject:
        """The metadata that identifies it and records what the run resolved when it began."""
        tags: JsonObject = {**self.identity.tags(self.key), SCENARIO_MARK: self.scenario, "synthetic": "true"}
        if self.transactions_per_batch > 1:
            tags[BATCH_SIZE_MARK] = str(self.transactions_per_batch)
        if self.last_day is not None:
            tags[LAST_DAY_MARK] = self.last_day.isoformat()
        return tags

    @property
    def key(self) -> str:
        """`o1`"""
        return f"o{self.index + 1}"


@dataclass(frozen=True)
class LedgerDimensions:
    """One ledger: its index, its shape, its accounts and flows. Account indexes count from 0."""

    identity: PlanIdentity
    organization_key: str
    index: int
    shape: LedgerShape
    transactions_per_batch: int
    """Movements in one transaction."""
    number: int
    """Index in the plan."""

    @property
    def key(self) -> str:
        """`o1.l2`"""
        return f"{self.organization_key}.l{self.index + 1}"

    @property
    def assets(self) -> tuple[AssetTemplate, ...]:
        """The assets of the ledger."""
        return self.shape.assets

    @cached_property
    def population(self) -> Population:
        """The accounts of the ledger."""
        return Population(self.shape, self.identity.seed, self.key, self.identity.holders, self.number)

    @cached_property
    def flows(self) -> LedgerFlows:
        """What moves money in the ledger."""
        return LedgerFlows(LedgerFacts(self.population, self.identity.seed, self.key))

    @cached_property
    def writer(self) -> "TransactionWriter":
        """Writes the transactions of the ledger."""
        from midaz_seed.plan.writing import TransactionWriter

        return TransactionWriter(self.flows.facts, self.identity, self.shape.history, self.routes)

    @cached_property
    def routes(self) -> LedgerRoutes | None:
        """The accounting routes of the ledger; None without `routes` in the scenario."""
        return LedgerRoutes(self.flows) if self.shape.scenario.routes is not None else None

    def batches(self) -> Batches | None:
        """Return the batches of its transfers; None where each movement is a transaction of its own."""
        rounds, size = self.flows.rounds, self.transactions_per_batch
        return Batches(rounds, size) if rounds is not None and size > 1 else None

    def __getstate__(self) -> dict[str, object]:
        """Return what a process of a shard gets: accounts and flows are made again where they are needed."""
        return {name: value for name, value in self.__dict__.items() if name not in _DERIVED}

    def named(self, identity: PlanIdentity) -> "LedgerDimensions":
        """Return the same ledger with another run id; what does not depend on it is kept."""
        other = replace(self, identity=identity)
        for name in ("population", "flows", "routes"):
            if name in self.__dict__:
                other.__dict__[name] = self.__dict__[name]
        return other

    def forget(self) -> None:
        """Free the memory of accounts and flows; they are made again when they are needed."""
        for name in _DERIVED:
            self.__dict__.pop(name, None)
