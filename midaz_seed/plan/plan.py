"""The plan: everything that will be created and moved, and the balance that every account will end with. Pure."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
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
from midaz_seed.plan.items import AssetTemplate, EntityItem, Phase, TransactionItem
from midaz_seed.plan.streams import ACCOUNTS_PER_STREAM, stream
from midaz_seed.plan.templates import ASSETS as TEMPLATES
from midaz_seed.settings.model import Settings, Volume

FORMAT = 1
"""Goes into the digest; raised when the same settings make other data than before."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """Balances of one ledger in minor units, by account index, and what left each external account."""

    deposited: list[int]
    final: list[int]
    external: dict[str, int]

    def effect_of(self, phase: Phase) -> Iterator[int]:
        """What all deposits, or all transfers, together add to each account."""
        if phase is Phase.DEPOSITS:
            return iter(self.deposited)
        return (final - deposited for final, deposited in zip(self.final, self.deposited, strict=True))


class LedgerPlan:
    """One ledger's items, made when they are asked for, and its balances."""

    def __init__(self, shape: LedgerDimensions, expectation: Expectation) -> None:
        self._shape = shape
        self._expectation = expectation
        self.key = shape.key
        self.assets = shape.assets
        self.account_count = shape.accounts
        self.transactions_per_account = shape.transactions_per_account
        self.counts: dict[Phase, int] = {
            phase: count
            for phase, count in {
                Phase.ASSETS: len(shape.assets),
                Phase.ACCOUNT_TYPES: shape.account_types,
                Phase.PORTFOLIOS: shape.portfolios,
                Phase.SEGMENTS: shape.segments,
                Phase.ACCOUNTS: shape.accounts,
                Phase.DEPOSITS: DEPOSITS.count(shape),
                Phase.TRANSFERS: TRANSFERS.count(shape),
            }.items()
            if count
        }

    @cached_property
    def item(self) -> EntityItem:
        """The ledger itself."""
        return next(LEDGERS.items(self._shape))

    @property
    def name(self) -> str:
        """The ledger's name."""
        return str(self.item.payload["name"])

    def asset_items(self) -> Iterator[EntityItem]:
        """The ledger's assets."""
        return ASSETS.items(self._shape)

    def account_type_items(self) -> Iterator[EntityItem]:
        """Its account types; none unless the plan asks for them."""
        return ACCOUNT_TYPES.items(self._shape)

    def portfolio_items(self) -> Iterator[EntityItem]:
        """Its portfolios."""
        return PORTFOLIOS.items(self._shape)

    def segment_items(self) -> Iterator[EntityItem]:
        """Its segments."""
        return SEGMENTS.items(self._shape)

    def account_items(self) -> Iterator[EntityItem]:
        """Its customer accounts."""
        return ACCOUNTS.items(self._shape)

    def deposits(self) -> Iterator[TransactionItem]:
        """One deposit for every account."""
        return DEPOSITS.items(self._shape)

    def transfers(self) -> Iterator[TransactionItem]:
        """Its transfers, round by round."""
        return TRANSFERS.items(self._shape)

    def alias(self, account: int) -> str:
        """An account's alias, by index."""
        return self._shape.aliases[account]

    def asset_of(self, account: int) -> AssetTemplate:
        """An account's asset, by index."""
        return self._shape.asset_of(account)

    def asset_key(self, code: str) -> str:
        """The key of the asset with this code."""
        return asset_key(self._shape, code)

    def account_index(self, key: str) -> int:
        """The index of the account with this key."""
        return account_index(key)

    def expectation(self) -> Expectation:
        """What the accounts will hold after the deposits and in the end."""
        return self._expectation

    def expected_balances(self, less: Mapping[int, int] | None = None) -> Iterator[ExpectedBalance]:
        """The balance of every account in the end, and what has left each external account; `less` what is left out:
        account -> minor units."""
        external = dict(self._expectation.external)
        for account, minor in enumerate(self._expectation.final):
            asset, left_out = self.asset_of(account), less.get(account, 0) if less else 0
            external[asset.code] -= left_out
            yield ExpectedBalance(self.alias(account), asset.code, asset.decimal(minor - left_out))
        for asset in self.assets:
            yield ExpectedBalance(EXTERNAL + asset.code, asset.code, asset.decimal(external[asset.code]))

    def sample(self, count: int) -> list[TransactionItem]:
        """Up to `count` transactions, the same ones each time: deposits and transfers of accounts drawn at random."""
        if not self.transactions_per_account:
            return []
        shape, rng = self._shape, stream(self._shape.identity.seed, self.key, "sample")
        movements = range(shape.accounts * shape.transactions_per_account)
        chosen: dict[str, TransactionItem] = {}
        for movement in rng.sample(movements, min(count, len(movements))):
            account, number = divmod(movement, shape.transactions_per_account)
            item = TRANSFERS.one(shape, account, number - 1) if number else DEPOSITS.one(shape, account)
            chosen[item.key] = item
        return list(chosen.values())

    def find(self, key: str) -> EntityItem | TransactionItem | None:
        """The item with this key, or None."""
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
    """Everything that a run creates and moves, and the balance that every account ends with."""

    seed: int
    run_id: str
    """Derived from the digest unless the settings name one."""
    digest: str
    """SHA-256 (hex) of everything that is planned, without the run id."""
    organizations: tuple[OrganizationPlan, ...]
    counts: dict[Phase, int]
    """Items by phase: the number of requests that create them."""
    movements: int
    """Deposits and transfers between two accounts; a batch has several of them in one transaction."""
    transactions_per_batch: int
    """Movements in one transaction, at most."""

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


def build_plan(settings: Settings) -> Plan:
    """Build the plan of these settings. Pure: nothing is sent, and the same settings give the same plan.

    It generates every movement once, for the balances, the digest, and the check that every source has the money.

    Args:
        settings: what to create.

    Raises:
        PlanError: the numbers cannot be planned, or `transactionsPerBatch` is `auto`, which only a target can decide.
    """
    volume, transactions_per_batch = settings.volume, settings.generation.batches.transactions_per_batch
    check_numbers(settings)
    if transactions_per_batch == "auto":
        raise PlanError(
            "how many movements share a transaction is not known yet: with auto, a run measures it on its target",
            hint="give a number, such as --transactions-per-batch 10, or the one that a run has found",
        )
    nameless = PlanIdentity(settings.seed, "-", settings.data.individuals_percent, settings.data.alphanumeric_cnpj)
    organizations = [
        OrganizationDimensions(nameless, index, transactions_per_batch) for index in range(volume.organizations)
    ]
    shapes = [_ledger_shapes(organization, volume) for organization in organizations]
    digest = hashlib.sha256(f"{FORMAT}:{settings.seed}:{transactions_per_batch}".encode())
    for organization in organizations:
        _digest_items(digest, ORGANIZATIONS.items(organization))
    expectations = [[_expect(shape, digest) for shape in ledgers] for ledgers in shapes]
    run_id = settings.run_id or f"s{digest.hexdigest()[:10]}"
    named = replace(nameless, run_id=run_id)
    planned = tuple(
        OrganizationPlan(
            organization.key,
            next(ORGANIZATIONS.items(replace(organization, identity=named))),
            tuple(
                LedgerPlan(replace(shape, identity=named), expectation)
                for shape, expectation in zip(shapes[organization.index], expectations[organization.index], strict=True)
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


def _ledger_shapes(organization: OrganizationDimensions, volume: Volume) -> list[LedgerDimensions]:
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
    """Refuse numbers that make no plan, before anything is made. Raises PlanError."""
    volume = settings.volume
    if volume.assets_per_ledger > len(TEMPLATES):
        raise PlanError(
            f"{volume.assets_per_ledger} assets are asked for in each ledger, and there are {len(TEMPLATES)} templates",
            hint=f"ask for at most {len(TEMPLATES)}: {', '.join(asset.code for asset in TEMPLATES)}",
        )
    if volume.accounts_per_ledger < volume.assets_per_ledger:
        raise PlanError(
            f"{volume.accounts_per_ledger} accounts cannot be spread over {volume.assets_per_ledger} assets",
            hint="ask for at least as many accounts as assets in each ledger",
        )
    if volume.transactions_per_account > 1 and volume.accounts_per_ledger < 2 * volume.assets_per_ledger:
        raise PlanError(
            f"with {volume.accounts_per_ledger} accounts over {volume.assets_per_ledger} assets, some account is alone "
            "with its asset and has nobody to transfer to",
            hint=f"ask for at least {2 * volume.assets_per_ledger} accounts in each ledger, for fewer assets, "
            "or for one transaction per account (deposits only)",
        )


def _expect(shape: LedgerDimensions, digest: "hashlib._Hash") -> Expectation:
    """Go over every movement of a ledger: its balances, and the proof that no order of events can leave a source
    without money."""
    for items in (LEDGERS, ASSETS, ACCOUNT_TYPES, PORTFOLIOS, SEGMENTS, ACCOUNTS):
        _digest_items(digest, items.items(shape))
    deposit_of = [shape.deposit_of(asset) if shape.transactions_per_account else 0 for asset in shape.assets]
    deposited = [deposit_of[account % len(deposit_of)] for account in range(shape.accounts)]
    if not shape.transactions_per_account:
        digest.update(b"no deposits")  # where there are some, they follow from the assets and the transfers
    final, outgoing = list(deposited), [0] * shape.accounts
    for number in range(shape.transfers_per_account):
        for block in range(-(-shape.accounts // ACCOUNTS_PER_STREAM)):
            parts = []
            for (source, destination, amount), bits in TRANSFERS.draws(shape, number, block):
                assert source is not None
                outgoing[source] += amount
                final[source] -= amount
                final[destination] += amount
                parts.append(f"{destination}:{amount}:{bits}")
            digest.update(",".join(parts).encode())
    unfunded = [account for account in range(shape.accounts) if outgoing[account] > deposited[account]]
    if unfunded:
        raise PlanError(
            f"account {shape.aliases[unfunded[0]]} of ledger {shape.key} would send more than its deposit",
            hint="this is a defect of midaz-seed: please report it with the seed and the numbers",
        )
    external = {
        asset.code: deposit_of[position] * shape.group_size(position) for position, asset in enumerate(shape.assets)
    }
    return Expectation(deposited, final, external)


def _digest_items(digest: "hashlib._Hash", items: Iterator[EntityItem]) -> None:
    for item in items:
        digest.update(orjson.dumps([item.key, item.payload, item.references]))
