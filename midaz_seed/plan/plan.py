"""The plan: all items, and the final balance of every account. Pure."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import median_low

import orjson

from midaz_seed.errors import PlanError
from midaz_seed.model.ledger_shard import ALL_LEDGERS, LedgerShard
from midaz_seed.plan.dimensions import LedgerDimensions, OrganizationDimensions
from midaz_seed.plan.drawing.texts import fields_from_outside
from midaz_seed.plan.expectation import Expectation, Raised, expect
from midaz_seed.plan.generators import LEDGER_ENTITIES, LEDGERS, ORGANIZATIONS
from midaz_seed.plan.items import EntityItem, Phase, TransactionItem
from midaz_seed.plan.last_day import is_open, recorded_last_day
from midaz_seed.plan.ledger_plan import LedgerPlan
from midaz_seed.plan.marks import PlanIdentity
from midaz_seed.plan.memory import MEMORY_MAX, accounts_of, memory_of, movements_of
from midaz_seed.plan.population import HolderRules
from midaz_seed.plan.shape import ledger_shape
from midaz_seed.scenarios.model import canonical_text
from midaz_seed.settings.model import MetadataMode, Settings
from midaz_seed.wording import counted

FORMAT = 2
"""Part of the digest; incremented when the same settings produce other data than before."""


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
    """Deposits and transfers; a batch has several of them in one transaction."""
    transactions_per_batch: int
    """Maximum movements in one transaction."""
    scenario: str
    """Name of the scenario."""
    metadata: MetadataMode = "full"
    """What transactions carry as metadata."""

    @property
    def ledgers(self) -> tuple[LedgerPlan, ...]:
        """Return every ledger, in order."""
        return tuple(ledger for organization in self.organizations for ledger in organization.ledgers)

    @property
    def posts(self) -> int:
        """Return the number of requests that create something."""
        return sum(self.counts.values())

    def counts_of(self, shard: LedgerShard, *, with_organizations: bool = True) -> dict[Phase, int]:
        """Return the number of items by phase in a shard of the ledgers.

        Args:
            shard: the ledgers that count.
            with_organizations: count the organizations of these ledgers too.
        """
        if shard == ALL_LEDGERS:
            return dict(self.counts)
        pairs = [(organization.key, ledger) for organization in self.organizations for ledger in organization.ledgers]
        mine = [pair for index, pair in enumerate(pairs) if shard.has(index)]
        found = Counter({Phase.LEDGERS: len(mine)})
        if with_organizations:
            found[Phase.ORGANIZATIONS] = len({key for key, _ in mine})
        for _, ledger in mine:
            found.update(ledger.counts)
        return {phase: found[phase] for phase in Phase if found[phase]}

    @property
    def raised(self) -> Raised:
        """The accounts of all ledgers whose opening balance was raised; the median is that of the ledgers' medians."""
        found = [ledger.expectation().raised for ledger in self.ledgers]
        medians = [each.median for each in found if each.median]
        return Raised(sum(each.accounts for each in found), median_low(medians) if medians else 0)

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

    It generates every movement once, for the balances, the digest, and the opening balances that the movements need.

    Args:
        settings: what to create.
        keep_balances: keep the planned balances of all accounts, which a run needs. Otherwise the plan needs no memory
            for them, and only sums are known, and the opening balances of the first ledger.

    Raises:
        PlanError: the numbers cannot be planned, `transactionsPerBatch` is `auto`, which only a target can decide, or
            the last day of the history is `yesterday`, which only a run can resolve.
    """
    size = settings.generation.batches.transactions_per_batch
    check_numbers(settings)
    if size == "auto":
        raise PlanError(
            "the batch size is auto: only a run can measure it, on its target",
            hint="give a number, such as --transactions-per-batch 10, or the one that a run has chosen",
        )
    if is_open(settings):
        raise PlanError(
            f"the history of the scenario {settings.scenario.scenario} ends yesterday: only a run resolves that day",
            hint="give a date as time.last_day, such as 2026-11-25",
        )
    shape, identity = ledger_shape(settings), plan_identity(settings)
    scenario = settings.scenario
    organizations = [
        OrganizationDimensions(identity, index, size, scenario.scenario, recorded_last_day(settings))
        for index in range(settings.volume.organizations)
    ]
    by_organization = [
        [
            LedgerDimensions(
                identity,
                organization.key,
                index,
                shape,
                size,
                organization.index * settings.volume.ledgers_per_organization + index,
            )
            for index in range(settings.volume.ledgers_per_organization)
        ]
        for organization in organizations
    ]
    text = canonical_text(scenario)
    digest = hashlib.sha256(f"{FORMAT}:{settings.seed}:{size}:{text}{fields_from_outside(text)}".encode())
    if identity.metadata != "full":  # so that the plans of before have their digests
        digest.update(f"metadata:{identity.metadata}".encode())
    for organization in organizations:
        _digest_items(digest, ORGANIZATIONS.items(organization))
    expectations = [
        [_expect(dimensions, digest, keep=keep_balances) for dimensions in ledgers] for ledgers in by_organization
    ]
    named = replace(identity, run_id=settings.run_id or f"s{digest.hexdigest()[:10]}")
    planned = tuple(
        OrganizationPlan(
            organization.key,
            next(ORGANIZATIONS.items(replace(organization, identity=named))),
            tuple(
                LedgerPlan(dimensions.named(named), expectation)
                for dimensions, expectation in zip(
                    by_organization[organization.index], expectations[organization.index], strict=True
                )
            ),
        )
        for organization in organizations
    )
    ledgers = [ledger for organization in planned for ledger in organization.ledgers]
    counts = Counter({Phase.ORGANIZATIONS: len(planned), Phase.LEDGERS: len(ledgers)})
    for ledger in ledgers:
        counts.update(ledger.counts)
    return Plan(
        settings.seed,
        named.run_id,
        digest.hexdigest(),
        planned,
        {phase: counts[phase] for phase in Phase if counts[phase]},
        sum(ledger.movements for ledger in ledgers),
        size,
        scenario.scenario,
        identity.metadata,
    )


def plan_identity(settings: Settings) -> PlanIdentity:
    """Return what the items of a plan share, without a run id."""
    data = settings.data
    rules = HolderRules(data.individuals_percent, data.alphanumeric_cnpj, data.documents == "impossible")
    return PlanIdentity(settings.seed, "-", data.day, rules, data.metadata)


def check_numbers(settings: Settings) -> None:
    """Check that the counts can be planned. Raises PlanError."""
    needed = memory_of(settings)
    volume, scenario = settings.volume, settings.scenario
    if needed > MEMORY_MAX:
        ledgers = volume.organizations * volume.ledgers_per_organization
        raise PlanError(
            f"a run of this plan needs about {needed / 1e9:,.1f} GB of memory, the limit is {MEMORY_MAX / 1e9:g} GB: "
            f"it has {volume.organizations:,} organizations, {ledgers:,} ledgers, "
            f"{ledgers * accounts_of(settings):,} accounts and {ledgers * movements_of(settings):,} movements",
            hint="use smaller numbers, and several runs with different seeds",
        )
    size = settings.generation.batches.transactions_per_batch
    if not scenario.volume.from_settings:
        if size != 1:
            raise PlanError(
                f"transactionsPerBatch is {size}, but the movements of the scenario {scenario.scenario} are "
                "transactions of their own",
                hint="leave out --transactions-per-batch, or use the scenario classic",
            )
        return
    if volume.assets_per_ledger > len(scenario.assets):
        raise PlanError(
            f"{counted(volume.assets_per_ledger, 'asset')} per ledger, but the scenario {scenario.scenario} has only "
            f"{len(scenario.assets)}",
            hint=f"use at most {len(scenario.assets)}: {', '.join(scenario.assets)}",
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
    """Add a ledger's entities to the digest, and compute its balances."""
    for generator in (LEDGERS, *LEDGER_ENTITIES):
        _digest_items(digest, generator.items(dimensions))
    return expect(dimensions, digest, keep=keep)


def _digest_items(digest: "hashlib._Hash", items: Iterator[EntityItem]) -> None:
    for item in items:
        digest.update(orjson.dumps([item.key, item.payload, item.references]))
