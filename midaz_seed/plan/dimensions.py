"""What generators know about the ledger (or organization) that they make items for. Pure data and arithmetic."""

from dataclasses import dataclass, field

from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.catalog import Holder, catalog, slug
from midaz_seed.plan.items import AssetTemplate
from midaz_seed.plan.streams import ACCOUNTS_PER_STREAM, stream

RUN_MARK, KEY_MARK, BATCH_SIZE_MARK = "seedRun", "seedKey", "seedPack"
"""Names in the metadata of what a run creates: its run id, its own key, and on organizations the pack size of the
run's transactions."""


def batch_size_of(organization: JsonObject) -> int:
    """The pack size that an organization's metadata tells, planned or on the server: 1 when it tells none."""
    tags = organization.get("metadata")
    size = str(tags.get(BATCH_SIZE_MARK, "1")) if isinstance(tags, dict) else "1"
    return int(size) if size.isdigit() else 1


@dataclass(frozen=True, slots=True)
class PlanIdentity:
    """Whose plan it is: what every item's random stream and mark begin with."""

    seed: int
    run_id: str
    individuals_percent: int
    alphanumeric_cnpj: bool

    def tags(self, key: str) -> JsonObject:
        """Metadata by which a created thing can be found again: by run, and by its own key."""
        return {RUN_MARK: self.run_id, KEY_MARK: f"{self.run_id}/{key}"}


@dataclass(frozen=True, slots=True)
class OrganizationDimensions:
    """One organization; `index` counts from 0."""

    identity: PlanIdentity
    index: int
    transactions_per_batch: int
    """Movements in one transaction."""

    @property
    def tags(self) -> JsonObject:
        """Metadata by which it can be found again, and by which the run is packed as it began."""
        packed: JsonObject = (
            {BATCH_SIZE_MARK: str(self.transactions_per_batch)} if self.transactions_per_batch > 1 else {}
        )
        return {**self.identity.tags(self.key), **packed}

    @property
    def key(self) -> str:
        """`o1`"""
        return f"o{self.index + 1}"


@dataclass(frozen=True, slots=True)
class LedgerDimensions:
    """One ledger: its place, how many of everything, and who its accounts belong to. Account indexes count from 0."""

    identity: PlanIdentity
    organization_key: str
    index: int
    assets: tuple[AssetTemplate, ...]
    account_types: int
    portfolios: int
    segments: int
    accounts: int
    transactions_per_account: int
    transactions_per_batch: int
    """Movements in one transaction."""
    _aliases: list[str] = field(default_factory=list, repr=False, compare=False)

    @property
    def key(self) -> str:
        """`o1.l2`"""
        return f"{self.organization_key}.l{self.index + 1}"

    @property
    def transfers_per_account(self) -> int:
        """All movements but the deposit."""
        return max(self.transactions_per_account - 1, 0)

    def asset_of(self, account: int) -> AssetTemplate:
        """Accounts take the assets in turn."""
        return self.assets[account % len(self.assets)]

    def group_size(self, asset: int) -> int:
        """How many accounts have the asset with this index."""
        return (self.accounts - asset + len(self.assets) - 1) // len(self.assets)

    def deposit_of(self, asset: AssetTemplate) -> int:
        """What an account gets, in minor units: the template's amount, or as much as its transfers can need when that
        is more."""
        return max(asset.deposit, self.transfers_per_account * asset.transfer_max)

    def holders(self, block: int) -> tuple[Holder, ...]:
        """Who the accounts of a block belong to."""
        identity = self.identity
        rng = stream(identity.seed, self.key, "holders", block)
        people = catalog(identity.seed)
        return tuple(
            people.holder(rng, identity.individuals_percent, alphanumeric_cnpj=identity.alphanumeric_cnpj)
            for _ in range(block * ACCOUNTS_PER_STREAM, min((block + 1) * ACCOUNTS_PER_STREAM, self.accounts))
        )

    @property
    def aliases(self) -> list[str]:
        """Every account's alias, by index: the holder's name and the account's number, so it is unique by
        construction."""
        if not self._aliases:
            for block in range(-(-self.accounts // ACCOUNTS_PER_STREAM)):
                first = block * ACCOUNTS_PER_STREAM
                self._aliases.extend(
                    f"{slug(holder.name)[:80]}-{first + offset + 1}"
                    for offset, holder in enumerate(self.holders(block))
                )
        return self._aliases
