"""The shape of every ledger of a plan: a scenario together with the counts of the settings. Pure."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

from midaz_seed.errors import PlanError
from midaz_seed.plan.calendar.days import apportion, history_days
from midaz_seed.plan.items import AssetTemplate
from midaz_seed.plan.memory import customers_of, movements_of
from midaz_seed.plan.templates import ACCOUNT_TYPES, numbered
from midaz_seed.scenarios.model import IN_TURN, Kind, Persona, Pool, Scenario
from midaz_seed.scenarios.values import WHOLE
from midaz_seed.scenarios.zones import days_before_zone
from midaz_seed.settings.model import Settings
from midaz_seed.wording import counted


@dataclass(frozen=True)
class CustomerKind:
    """One kind of customer with its number in a ledger; its personas are the first ones."""

    name: str
    kind: Kind
    count: int
    personas: tuple[Persona, ...]


@dataclass(frozen=True)
class LedgerShape:
    """What all ledgers of a plan have in common.

    Attributes:
        scenario: with `last_day` resolved.
        assets: those of a ledger, in order.
        kinds: the kinds of customers.
        portfolios: names of the pool; () when each customer has one.
        segments: all names.
        account_types: those to register.
        each: movements from every account of an entry with `each: transactionsPerAccount`.
        has_openings: whether accounts get deposits.
    """

    scenario: Scenario
    assets: tuple[AssetTemplate, ...]
    kinds: tuple[CustomerKind, ...]
    portfolios: tuple[str, ...]
    segments: tuple[str, ...]
    account_types: tuple[str, ...]
    each: int
    has_openings: bool = True
    movements: int = 0
    """Movements by chance in the whole history."""

    @cached_property
    def history(self) -> tuple[date, ...]:
        """The days of the history; () without dates."""
        return history_days(self.scenario.time) if self.scenario.time else ()

    @cached_property
    def asset_index(self) -> dict[str, int]:
        """Asset code -> index."""
        return {asset.code: index for index, asset in enumerate(self.assets)}

    @property
    def refusals(self) -> int:
        """Transactions of a ledger that the server must refuse."""
        spec = self.scenario.refusals
        if spec is None:
            return 0
        if spec.share is None:
            return spec.count or 0
        return self.movements * spec.share // (WHOLE - spec.share)

    @property
    def customers(self) -> int:
        """Customers of a ledger."""
        return sum(kind.count for kind in self.kinds)

    @property
    def has_own_portfolios(self) -> bool:
        """Whether each customer has a portfolio."""
        return self.scenario.portfolios == "per-customer"


def ledger_shape(settings: Settings) -> LedgerShape:
    """Return the shape of the ledgers of a plan.

    Raises:
        PlanError: the counts of the settings do not fit the scenario, or its history begins too early.
    """
    scenario, volume = settings.scenario, settings.volume
    # a scenario file was checked when it was read, but not the last day of `yesterday`, which was resolved since
    if scenario.time is not None and (problem := days_before_zone(scenario.time)) is not None:
        raise PlanError(
            f"scenario {scenario.scenario}: time.history: {problem}",
            hint="set time.history and time.last_day in the scenario file",
        )
    codes = list(scenario.assets)
    if scenario.volume.from_settings:
        codes = codes[: volume.assets_per_ledger]
    kinds = _kinds(scenario, customers_of(settings))
    movements = 0 if scenario.volume.from_settings else movements_of(settings)
    count = volume.portfolios_per_ledger, volume.segments_per_ledger
    pools = (scenario.portfolios, scenario.segments)
    portfolios, segments = [
        _pool_names(pool, number if scenario.volume.from_settings else None) if isinstance(pool, Pool) else ()
        for pool, number in zip(pools, count, strict=True)
    ]
    return LedgerShape(
        scenario,
        tuple(_template(scenario, code) for code in codes),
        kinds,
        portfolios,
        segments or _named_segments(scenario),
        ACCOUNT_TYPES[: volume.account_types_per_ledger] if scenario.volume.from_settings else _account_types(scenario),
        max(volume.transactions_per_account - 1, 0),
        volume.transactions_per_account > 0 if scenario.volume.from_settings else True,
        movements,
    )


def _template(scenario: Scenario, code: str) -> AssetTemplate:
    asset = scenario.assets[code]
    return AssetTemplate(code, asset.name or code, asset.symbol or code, asset.scale, asset.type)


def _kinds(scenario: Scenario, customers: int) -> tuple[CustomerKind, ...]:
    kinds = scenario.accounts.kinds
    shares = [1_000_000 if kind.share is None and len(kinds) == 1 else kind.share or 0 for kind in kinds.values()]
    personas = {name: tuple(each for each in scenario.personas if each.kind == name) for name in kinds}
    found = []
    for (name, kind), count in zip(kinds.items(), apportion(customers, shares), strict=True):
        if len(personas[name]) > count:
            raise PlanError(
                f"{counted(count, 'customer')} of kind {name}, but the scenario {scenario.scenario} has "
                f"{counted(len(personas[name]), 'persona')} of it",
                hint="use a larger --customers",
            )
        found.append(CustomerKind(name, kind, count, personas[name]))
    return tuple(found)


def _pool_names(pool: Pool, count: int | None) -> tuple[str, ...]:
    number = count if count is not None else pool.count if pool.count is not None else len(pool.names)
    return tuple(numbered(pool.names, index) for index in range(number))


def _named_segments(scenario: Scenario) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for kind in scenario.accounts.kinds.values():
        segment = kind.segment
        if segment is not None:
            names |= dict.fromkeys(segment.cuts if hasattr(segment, "cuts") else segment.choose)
    return tuple(names)


def _account_types(scenario: Scenario) -> tuple[str, ...]:
    if scenario.routes is None:
        return ()
    names = dict.fromkeys(internal.type for internal in scenario.accounts.internal.values())
    for kind in scenario.accounts.kinds.values():
        for owned in kind.owns.values():
            names |= dict.fromkeys(owned.types or (owned.type,))
    return tuple(names)


def asset_code_of(owned_asset: str | None, assets: tuple[AssetTemplate, ...], number: int) -> str:
    """Return the asset of an account: the named one, the first by default, or `in-turn` the one of this number."""
    if owned_asset == IN_TURN:
        return assets[number % len(assets)].code
    return owned_asset or assets[0].code
