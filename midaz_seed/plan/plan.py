"""The plan: all items, and the final balance of every account. Pure."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import orjson

from midaz_seed.errors import PlanError
from midaz_seed.model.balances import EXTERNAL, ExpectedBalance
from midaz_seed.plan.dimensions import LedgerDimensions, OrganizationDimensions, PlanIdentity
from midaz_seed.plan.generators import (
    ACCOUNT_TYPES,
    ACCOUNTS,
    ASSETS,
    DEPOSITS,
    LEDGERS,
    ORGANIZATIONS,
    PORTFOLIOS,
    SEGMENTS,
    TRANSFERS,
)
from midaz_seed.plan.generators.account import account_index
from midaz_seed.plan.generators.asset import asset_key
from midaz_seed.plan.items import AssetTemplate, EntityItem, Phase, TransactionItem, hold_key
from midaz_seed.plan.memory import MEMORY_MAX, memory_of
from midaz_seed.plan.streams import ACCOUNTS_PER_STREAM, stream
from midaz_seed.plan.templates import ASSETS as TEMPLATES
from midaz_seed.settings.model import Settings, Volume
from midaz_seed.wording import counted

FORMAT = 1
"""Part of the digest; incremented when the same settings produce other data than before."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """Planned balances of one ledger in minor units.

    Attributes:
        deposited: balance after the deposits, by account index.
        final: available balance at the end, by account index.
        external: amount that left the external account, by asset code.
        on_hold: amount on hold at the end, by account index, where there is any.
    """

    deposited: list[int]
    final: list[int]
    external: dict[str, int]
    on_hold: dict[int, int] = field(default_factory=dict)

    def effect_of(self, phase: Phase) -> Iterator[int]:
        """Iterate over the change of each account by all deposits or all transfers."""
        if phase is Phase.DEPOSITS:
            return iter(self.deposited)
        return (final - deposited for final, deposited in zip(self.final, self.deposited, strict=True))


class LedgerPlan:
    """One ledger: its items, generated on demand, and its planned balances."""

    def __init__(self, dimensions: LedgerDimensions, expectation: Expectation) -> None:
        self._dimensions = dimensions
        self._expectation = expectation
        self.key = dimensions.key
        self.assets = dimensions.assets
        self.account_count = dimensions.accounts
        self.transactions_per_account = dimensions.transactions_per_account
        self.counts: dict[Phase, int] = {
            phase: count
            for phase, count in {
                Phase.ASSETS: len(dimensions.assets),
                Phase.ACCOUNT_TYPES: dimensions.account_types,
                Phase.PORTFOLIOS: dimensions.portfolios,
                Phase.SEGMENTS: dimensions.segments,
                Phase.ACCOUNTS: dimensions.accounts,
                Phase.DEPOSITS: DEPOSITS.count(dimensions),
                Phase.TRANSFERS: TRANSFERS.count(dimensions),
            }.items()
            if count
        }

    @cached_property
    def item(self) -> EntityItem:
        """The item of the ledger."""
        return next(LEDGERS.items(self._dimensions))

    @property
    def name(self) -> str:
        """The ledger's name."""
        return str(self.item.payload["name"])

    def asset_items(self) -> Iterator[EntityItem]:
        """Generate the ledger's assets."""
        return ASSETS.items(self._dimensions)

    def account_type_items(self) -> Iterator[EntityItem]:
        """Generate its account types; none by default."""
        return ACCOUNT_TYPES.items(self._dimensions)

    def portfolio_items(self) -> Iterator[EntityItem]:
        """Generate its portfolios."""
        return PORTFOLIOS.items(self._dimensions)

    def segment_items(self) -> Iterator[EntityItem]:
        """Generate its segments."""
        return SEGMENTS.items(self._dimensions)

    def account_items(self) -> Iterator[EntityItem]:
        """Generate its customer accounts."""
        return ACCOUNTS.items(self._dimensions)

    def deposits(self) -> Iterator[TransactionItem]:
        """Generate one deposit for every account."""
        return DEPOSITS.items(self._dimensions)

    def transfers(self) -> Iterator[TransactionItem]:
        """Generate its transfers, round by round."""
        return TRANSFERS.items(self._dimensions)

    def transactions(self, phase: Phase) -> Iterator[TransactionItem]:
        """Generate the transactions of a phase, in the order of their ordinals."""
        if phase is Phase.DEPOSITS:
            return self.deposits()
        return self.transfers() if phase is Phase.TRANSFERS else iter(())

    @property
    def days(self) -> int:
        """The number of days of its history; 1 without dates. A day's transfers are sent after those before it."""
        return 1

    @property
    def is_dated(self) -> bool:
        """Whether its transfers have dates, so that every account's must be sent in their order."""
        return False

    def transfers_of(self, day: int) -> Iterator[TransactionItem]:
        """Generate the transfers of one day, in the order of their dates."""
        assert day == 0
        return self.transfers()

    def end_of(self, day: int) -> str:
        """Return the last second of a day in UTC, as `yyyy-mm-dd hh:mm:ss`."""
        raise NotImplementedError(day)

    def balances_at(self, days: Collection[int]) -> dict[int, list[int]]:
        """Return the balance of every account, in minor units, at the end of each of these days, by day.

        Everything before is made: the deposits, and all transfers of the day and of the days before it.
        """
        return dict.fromkeys(days, self._expectation.final)

    @property
    def frozen(self) -> Sequence[int]:
        """The accounts, by index, that may not send: their balances are frozen before anything is sent to them."""
        return ()

    @property
    def parents(self) -> Collection[str]:
        """Keys of the accounts that others refer to as `parentAccountId`; they are created before those."""
        return ()

    def alias(self, account: int) -> str:
        """Return an account's alias, by index."""
        return self._dimensions.aliases[account]

    def asset_of(self, account: int) -> AssetTemplate:
        """Return an account's asset, by index."""
        return self._dimensions.asset_of(account)

    def asset_key(self, code: str) -> str:
        """Return the key of the asset with this code."""
        return asset_key(self._dimensions, code)

    def account_index(self, key: str) -> int:
        """Return the index of the account with this key."""
        return account_index(key)

    def expectation(self) -> Expectation:
        """Return the planned balances."""
        return self._expectation

    def expected_balances(self, less: Mapping[int, int] | None = None) -> Iterator[ExpectedBalance]:
        """Generate the final balance of every account and of each external account.

        Args:
            less: changes by transactions that were left out, in minor units, with the keys of `balance_effect_of`.
        """
        less, on_hold = less or {}, self._expectation.on_hold
        external, deposited = dict(self._expectation.external), Counter[str]()
        for account, minor in enumerate(self._expectation.final):
            asset, left_out = self.asset_of(account), less.get(account, 0)
            not_held = less.get(hold_key(account), 0)
            deposited[asset.code] += self._expectation.deposited[account]
            external[asset.code] -= left_out + not_held
            held = asset.decimal(on_hold.get(account, 0) - not_held)
            yield ExpectedBalance(self.alias(account), asset.code, asset.decimal(minor - left_out), held)
        for asset in self.assets:
            only_pays = self._expectation.external[asset.code] == deposited[asset.code]
            amount = asset.decimal(external[asset.code])
            yield ExpectedBalance(EXTERNAL + asset.code, asset.code, amount, only_pays=only_pays)

    def sample(self, count: int) -> list[TransactionItem]:
        """Return up to `count` randomly drawn transactions, the same ones in every call."""
        if not self.transactions_per_account:
            return []
        dimensions, rng = self._dimensions, stream(self._dimensions.identity.seed, self.key, "sample")
        movements = range(dimensions.accounts * dimensions.transactions_per_account)
        chosen: dict[str, TransactionItem] = {}
        for movement in rng.sample(movements, min(count, len(movements))):
            account, number = divmod(movement, dimensions.transactions_per_account)
            item = TRANSFERS.one(dimensions, account, number - 1) if number else DEPOSITS.one(dimensions, account)
            chosen[item.key] = item
        return list(chosen.values())

    def find(self, key: str) -> EntityItem | TransactionItem | None:
        """Return the item with this key, or None."""
        if key == self.key:
            return self.item
        kinds: dict[str, Callable[[], Iterator[EntityItem] | Iterator[TransactionItem]]] = {
            "a-": self.asset_items,
            "at": self.account_type_items,
            "p": self.portfolio_items,
            "s": self.segment_items,
            "acc": self.account_items,
            "d": self.deposits,
            "t": self.transfers,
        }
        match = re.match(r"(a-|at|acc|[psdt])", key.removeprefix(f"{self.key}."))
        if not key.startswith(f"{self.key}.") or match is None:
            return None
        return next((item for item in kinds[match[0]]() if item.key == key), None)


@dataclass(frozen=True, slots=True)
class OrganizationPlan:
    """One organization and its ledgers."""

    key: str
    item: EntityItem
    ledgers: tuple[LedgerPlan, ...]

    @property
    def name(self) -> str:
        """The organization's legal name."""
        return str(self.item.payload["legalName"])


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a run: everything that it creates, and the final balance of every account."""

    seed: int
    run_id: str
    """Derived from the digest unless the settings name one."""
    digest: str
    """SHA-256 (hex) of everything that is planned, without the run id."""
    organizations: tuple[OrganizationPlan, ...]
    counts: dict[Phase, int]
    """Number of items by phase, each created by one request."""
    movements: int
    """Deposits and transfers between two accounts; a batch has several of them in one transaction."""
    transactions_per_batch: int
    """Maximum movements in one transaction."""

    @property
    def ledgers(self) -> tuple[LedgerPlan, ...]:
        """Return every ledger, in order."""
        return tuple(ledger for organization in self.organizations for ledger in organization.ledgers)

    @property
    def posts(self) -> int:
        """Return the number of requests that create something."""
        return sum(self.counts.values())

    def find(self, key: str) -> EntityItem | TransactionItem | None:
        """Return the item with this key (`o1`, `o1.l2`, `o1.l2.acc17`, `o1.l2.t17.3`), or None."""
        for organization in self.organizations:
            if key == organization.key:
                return organization.item
            if key.startswith(f"{organization.key}."):
                found = (ledger.find(key) for ledger in organization.ledgers)
                return next((item for item in found if item is not None), None)
        return None


def build_plan(settings: Settings, *, keep_balances: bool = True) -> Plan:
    """Build the plan of these settings. Pure: nothing is sent, and the same settings give the same plan.

    It generates every movement once, for the balances, the digest, and the check that every source is funded.

    Args:
        settings: what to create.
        keep_balances: keep the planned balances of all accounts, which a run needs. Otherwise the plan needs no memory
            for them, and only what left the external accounts is known.

    Raises:
        PlanError: the numbers cannot be planned, or `transactionsPerBatch` is `auto`, which only a target can decide.
    """
    volume, transactions_per_batch = settings.volume, settings.generation.batches.transactions_per_batch
    check_numbers(settings)
    if transactions_per_batch == "auto":
        raise PlanError(
            "the batch size is auto: only a run can measure it, on its target",
            hint="give a number, such as --transactions-per-batch 10, or the one that a run has chosen",
        )
    unnamed = PlanIdentity(settings.seed, "-", settings.data.individuals_percent, settings.data.alphanumeric_cnpj)
    organizations = [
        OrganizationDimensions(unnamed, index, transactions_per_batch) for index in range(volume.organizations)
    ]
    by_organization = [_ledger_dimensions(organization, volume) for organization in organizations]
    digest = hashlib.sha256(f"{FORMAT}:{settings.seed}:{transactions_per_batch}".encode())
    for organization in organizations:
        _digest_items(digest, ORGANIZATIONS.items(organization))
    expectations = [
        [_expect(dimensions, digest, keep=keep_balances) for dimensions in ledgers] for ledgers in by_organization
    ]
    run_id = settings.run_id or f"s{digest.hexdigest()[:10]}"
    named = replace(unnamed, run_id=run_id)
    planned = tuple(
        OrganizationPlan(
            organization.key,
            next(ORGANIZATIONS.items(replace(organization, identity=named))),
            tuple(
                LedgerPlan(replace(dimensions, identity=named), expectation)
                for dimensions, expectation in zip(
                    by_organization[organization.index], expectations[organization.index], strict=True
                )
            ),
        )
        for organization in organizations
    )
    ledgers = volume.organizations * volume.ledgers_per_organization
    counts = {Phase.ORGANIZATIONS: volume.organizations, Phase.LEDGERS: ledgers}
    counts |= {phase: count * ledgers for phase, count in planned[0].ledgers[0].counts.items()}
    return Plan(
        settings.seed,
        run_id,
        digest.hexdigest(),
        planned,
        counts,
        ledgers * volume.accounts_per_ledger * volume.transactions_per_account,
        transactions_per_batch,
    )


def _ledger_dimensions(organization: OrganizationDimensions, volume: Volume) -> list[LedgerDimensions]:
    return [
        LedgerDimensions(
            identity=organization.identity,
            organization_key=organization.key,
            index=index,
            assets=TEMPLATES[: volume.assets_per_ledger],
            account_types=volume.account_types_per_ledger,
            portfolios=volume.portfolios_per_ledger,
            segments=volume.segments_per_ledger,
            accounts=volume.accounts_per_ledger,
            transactions_per_account=volume.transactions_per_account,
            transactions_per_batch=organization.transactions_per_batch,
        )
        for index in range(volume.ledgers_per_organization)
    ]


def check_numbers(settings: Settings) -> None:
    """Check that the counts can be planned. Raises PlanError."""
    volume = settings.volume
    needed = memory_of(volume)
    if needed > MEMORY_MAX:
        ledgers = volume.organizations * volume.ledgers_per_organization
        accounts = ledgers * volume.accounts_per_ledger
        raise PlanError(
            f"a run of this plan needs about {needed / 1e9:,.1f} GB of memory, the limit is {MEMORY_MAX / 1e9:g} GB: "
            f"it has {volume.organizations:,} organizations, {ledgers:,} ledgers, {accounts:,} accounts and "
            f"{accounts * volume.transactions_per_account:,} movements",
            hint="use smaller numbers, and several runs with different seeds",
        )
    if volume.assets_per_ledger > len(TEMPLATES):
        raise PlanError(
            f"{counted(volume.assets_per_ledger, 'asset')} per ledger, but there are only {len(TEMPLATES)} templates",
            hint=f"use at most {len(TEMPLATES)}: {', '.join(asset.code for asset in TEMPLATES)}",
        )
    if volume.accounts_per_ledger < volume.assets_per_ledger:
        raise PlanError(
            f"too few accounts: {counted(volume.accounts_per_ledger, 'account')} per ledger for "
            f"{counted(volume.assets_per_ledger, 'asset')}",
            hint="use at least as many accounts as assets per ledger",
        )
    if volume.transactions_per_account > 1 and volume.accounts_per_ledger < 2 * volume.assets_per_ledger:
        raise PlanError(
            f"with {counted(volume.accounts_per_ledger, 'account')} and {counted(volume.assets_per_ledger, 'asset')} "
            "per ledger, an account is the only one with its asset and has no destination for transfers",
            hint=f"use at least {2 * volume.assets_per_ledger} accounts per ledger, fewer assets, or one transaction "
            "per account (deposits only)",
        )


def _expect(dimensions: LedgerDimensions, digest: "hashlib._Hash", *, keep: bool) -> Expectation:
    """Iterate over a ledger's movements: compute its balances, and check that each source is funded in any order."""
    for items in (LEDGERS, ASSETS, ACCOUNT_TYPES, PORTFOLIOS, SEGMENTS, ACCOUNTS):
        _digest_items(digest, items.items(dimensions))
    deposit_of = [
        dimensions.deposit_of(asset) if dimensions.transactions_per_account else 0 for asset in dimensions.assets
    ]
    deposited = [deposit_of[account % len(deposit_of)] for account in range(dimensions.accounts)]
    if not dimensions.transactions_per_account:
        digest.update(b"no deposits")  # deposits themselves are determined by assets and transfers
    final, outgoing = list(deposited), [0] * dimensions.accounts
    for number in range(dimensions.transfers_per_account):
        for block in range(-(-dimensions.accounts // ACCOUNTS_PER_STREAM)):
            parts = []
            for (source, destination, amount), bits in TRANSFERS.draws(dimensions, number, block):
                assert source is not None
                assert destination is not None
                outgoing[source] += amount
                final[source] -= amount
                final[destination] += amount
                parts.append(f"{destination}:{amount}:{bits}")
            digest.update(",".join(parts).encode())
    unfunded = [account for account in range(dimensions.accounts) if outgoing[account] > deposited[account]]
    if unfunded:
        raise PlanError(
            f"account {dimensions.aliases[unfunded[0]]} of ledger {dimensions.key} would send more than its deposit",
            hint="this is a defect of midaz-seed: please report it with the seed and the numbers",
        )
    external = {
        asset.code: deposit_of[position] * dimensions.group_size(position)
        for position, asset in enumerate(dimensions.assets)
    }
    if keep:
        return Expectation(deposited, final, external)
    dimensions.forget_aliases()
    return Expectation([], [], external)


def _digest_items(digest: "hashlib._Hash", items: Iterator[EntityItem]) -> None:
    for item in items:
        digest.update(orjson.dumps([item.key, item.payload, item.references]))
