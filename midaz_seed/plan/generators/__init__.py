"""One generator for each kind of entity; they make items and send nothing. Transactions are in `plan.flows`."""

from typing import Any

from midaz_seed.plan.generators.account import AccountGenerator
from midaz_seed.plan.generators.account_type import AccountTypeGenerator
from midaz_seed.plan.generators.asset import AssetGenerator
from midaz_seed.plan.generators.base import BaseGenerator, EntityGenerator
from midaz_seed.plan.generators.ledger import LedgerGenerator
from midaz_seed.plan.generators.organization import OrganizationGenerator
from midaz_seed.plan.generators.portfolio import PortfolioGenerator
from midaz_seed.plan.generators.segment import SegmentGenerator
from midaz_seed.plan.items import Entity

ORGANIZATIONS = OrganizationGenerator()
LEDGERS = LedgerGenerator()
ASSETS = AssetGenerator()
ACCOUNT_TYPES = AccountTypeGenerator()
PORTFOLIOS = PortfolioGenerator()
SEGMENTS = SegmentGenerator()
ACCOUNTS = AccountGenerator()

GENERATORS: dict[Entity, EntityGenerator[Any]] = {
    generator.entity: generator
    for generator in (ORGANIZATIONS, LEDGERS, ASSETS, ACCOUNT_TYPES, PORTFOLIOS, SEGMENTS, ACCOUNTS)
}
"""By entity: what the conflict policy asks."""

__all__ = ["GENERATORS", "BaseGenerator", "EntityGenerator"]
