"""The dimensions of an organization or ledger, from which generators make its items. Pure data and arithmetic."""

from dataclasses import dataclass, field

from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.catalog import Holder, catalog, slug
from midaz_seed.plan.items import AssetTemplate
from midaz_seed.plan.streams import ACCOUNTS_PER_STREAM, stream

RUN_MARK, KEY_MARK, BATCH_SIZE_MARK = "seedRun", "seedKey", "seedPack"
"""Metadata names on created objects: the run id, the item's key, and on organizations the batch size of the run."""


def batch_size_of(organization: JsonObject) -> int:
    """Return the batch size in an organization's metadata (of the plan or the server); 1 without one."""
    tags = organization.get("metadata")
    size = str(tags.get(BATCH_SIZE_MARK, "1")) if isinstance(tags, dict) else "1"
    return int(size) if size.isdigit() else 1


@dataclass(frozen=True, slots=True)
class PlanIdentity:
    """Values that all items of a plan share: they determine its random streams and marks."""

    seed: int
    run_id: str
    individuals_percent: int
    alphanumeric_cnpj: bool

    def tags(self, key: str) -> JsonObject:
        """Return the metadata that identifies a created object: by run, and by its own key."""
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
        """The metadata that identifies it and records the batch size of the run."""
        batch_size: JsonObject = (
            {BATCH_SIZE_MARK: str(self.transactions_per_batch)} if self.transactions_per_batch > 1 else {}
        )
        return {**self.identity.tags(self.key), **batch_size}

    @property
    def key(self) -> str:
        """`o1`"""
        return f"o{self.index + 1}"


@dataclass(frozen=True, slots=True)
class LedgerDimensions:
    """One ledger: its index, its counts, and the holders of its accounts. Account indexes count from 0."""

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
        """Movements per account without the deposit."""
        return max(self.transactions_per_account - 1, 0)

    def asset_of(self, account: int) -> AssetTemplate:
        """Return an account's asset; accounts take the assets in turn."""
        return self.assets[account % len(self.assets)]

    def group_size(self, asset: int) -> int:
        """Return the number of accounts with the asset of this index."""
        return (self.accounts - asset + len(self.assets) - 1) // len(self.assets)

    def deposit_of(self, asset: AssetTemplate) -> int:
        """Return the deposit of an account in minor units: the template's amount, or the maximum sum of its transfers
        if that is more."""
        return max(asset.deposit, self.transfers_per_account * asset.transfer_max)

    def forget_aliases(self) -> None:
        """Free the memory of the aliases; they are generated again when they are needed."""
        self._aliases.clear()

    def holders(self, block: int) -> tuple[Holder, ...]:
        """Return the holders of the accounts of a block (`ACCOUNTS_PER_STREAM` accounts)."""
        identity = self.identity
        rng = stream(identity.seed, self.key, "holders", block)
        people = catalog(identity.seed)
        return tuple(
            people.holder(rng, identity.individuals_percent, alphanumeric_cnpj=identity.alphanumeric_cnpj)
            for _ in range(block * ACCOUNTS_PER_STREAM, min((block + 1) * ACCOUNTS_PER_STREAM, self.accounts))
        )

    @property
    def aliases(self) -> list[str]:
        """The alias of every account, by index: the holder's name and the account's number, so it is unique."""
        if not self._aliases:
            for block in range(-(-self.accounts // ACCOUNTS_PER_STREAM)):
                first = block * ACCOUNTS_PER_STREAM
                self._aliases.extend(
                    f"{slug(holder.name)[:80]}-{first + offset + 1}"
                    for offset, holder in enumerate(self.holders(block))
                )
        return self._aliases
