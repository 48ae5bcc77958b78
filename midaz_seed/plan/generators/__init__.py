"""One generator for each kind of entity; they make items and send nothing. Transactions are in `plan.flows`."""

from typing import Any

from midaz_seed.plan.dimensions import LedgerDimensions
from midaz_seed.plan.generators.account import AccountGenerator
from midaz_seed.plan.generators.account_type import AccountTypeGenerator
from midaz_seed.plan.generators.asset import AssetGenerator
from midaz_seed.plan.generators.asset_rate import AssetRateGenerator
from midaz_seed.plan.generators.base import BaseGenerator, EntityGenerator
from midaz_seed.plan.generators.holder import HolderGenerator
from midaz_seed.plan.generators.instrument import InstrumentGenerator
from midaz_seed.plan.generators.ledger import LedgerGenerator
from midaz_seed.plan.generators.ledger_settings import LedgerSettingsGenerator
from midaz_seed.plan.generators.operation_route import OperationRouteGenerator
from midaz_seed.plan.generators.organization import OrganizationGenerator
from midaz_seed.plan.generators.portfolio import PortfolioGenerator
from midaz_seed.plan.generators.segment import SegmentGenerator
from midaz_seed.plan.generators.transaction_route import TransactionRouteGenerator

ORGANIZATIONS = OrganizationGenerator()
LEDGERS = LedgerGenerator()
LEDGER_ENTITIES: tuple[EntityGenerator[LedgerDimensions], ...] = (
    AssetGenerator(),
    AssetRateGenerator(),
    AccountTypeGenerator(),
    OperationRouteGenerator(),
    TransactionRouteGenerator(),
    LedgerSettingsGenerator(),
    HolderGenerator(),
    PortfolioGenerator(),
    SegmentGenerator(),
    AccountGenerator(),
    InstrumentGenerator(),
)
"""What a ledger holds, in the order in which it is created: counts, keys, phases and verification follow from it."""

_ALL: tuple[EntityGenerator[Any], ...] = (ORGANIZATIONS, LEDGERS, *LEDGER_ENTITIES)
GENERATORS = {generator.entity: generator for generator in _ALL}
"""By entity: what the conflict policy asks."""

__all__ = ["GENERATORS", "LEDGER_ENTITIES", "BaseGenerator", "EntityGenerator"]
