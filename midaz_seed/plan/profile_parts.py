"""What a profile of a plan consists of: figures of assets, customers, entries of the scenario, and days."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from midaz_seed.plan.measures import Distribution, share

NIGHT = (20, 21, 22, 23, 0, 1, 2, 3, 4, 5)
"""Hours of the night, as the report of the Banco Central on the Pix counts them: from 20 h to 6 h."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """Balances of the accounts of customers in one asset. Internal accounts of the institution do not count."""

    amounts: Distribution
    gini: float
    zero_share: float
    """Share of the accounts with a balance of 0."""


@dataclass(frozen=True, slots=True)
class AssetProfile:
    """One asset over all ledgers. Opening deposits are in `opening` alone."""

    code: str
    transactions: Distribution | None
    """Totals of the transactions; annotations, which move nothing, do not count. None without any."""
    opening: Holdings | None
    """Balances after the deposits; None when no customer has an account in the asset."""
    final: Holdings | None
    came_in: Decimal
    """From the external account."""
    went_out: Decimal
    """To the external account."""


@dataclass(frozen=True, slots=True)
class Degrees:
    """How the payments are spread over the customers of a kind: one number for each customer."""

    total: int
    mean: float
    max: int
    gini: float
    top_1_percent: float
    """Share of the payments that the 1 % of the customers with the most of them have."""


@dataclass(frozen=True, slots=True)
class Top:
    """A customer that receives many payments."""

    alias: str
    received: int
    share: float
    """Of the payments that its kind receives."""


@dataclass(frozen=True, slots=True)
class KindProfile:
    """One kind of customers over all ledgers."""

    name: str
    holder: str
    customers: int
    accounts: dict[str, int]
    """Status -> accounts."""
    sent: Degrees
    received: Degrees
    top: tuple[Top, ...]
    """Those that receive the most payments, in the first ledger."""


@dataclass(frozen=True, slots=True)
class FlowProfile:
    """The transactions of one entry of the scenario."""

    name: str
    """Its place in the scenario: `mix.pix-p2p`, `schedules.salario`, `lifecycle.pending.pix`."""
    key: str
    """Its name in the keys of items: `s_salario`."""
    kind: str
    transactions: int
    share: float
    amounts: dict[str, Distribution]
    """By asset code."""
    weekdays: tuple[int, ...]
    """Transactions from Monday to Sunday."""
    hours: tuple[int, ...]
    """Transactions by the hour of the local day."""

    @property
    def weekday_share(self) -> float:
        """Share of the dated transactions from Monday to Friday."""
        return share(sum(self.weekdays[:5]), sum(self.weekdays))

    @property
    def night_share(self) -> float:
        """Share of the dated transactions from 20 h to 6 h."""
        return share(sum(self.hours[hour] for hour in NIGHT), sum(self.hours))


@dataclass(frozen=True, slots=True)
class DayCount:
    """One day of the history."""

    date: date
    transactions: int
    over_mean: float
    """Times the mean day."""


@dataclass(frozen=True, slots=True)
class History:
    """The transactions with dates, over all ledgers."""

    days: tuple[DayCount, ...]
    mean: float
    """Transactions of a day."""
    peak: DayCount
    pay_days: tuple[DayCount, ...]
    """Days on which incomes are paid: of schedules at a business day of the month whose amount is the income."""
    weekdays: tuple[int, ...]
    weekday_share: float
    """Monday to Friday."""
    hours: tuple[int, ...]
    night_share: float
    """From 20 h to 6 h."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What a plan looks like. All amounts are exact decimals; shares and coefficients have four decimals."""

    scenario: str
    seed: int
    digest: str
    ledgers: int
    transactions: int
    """Without the deposits and refusals."""
    assets: tuple[AssetProfile, ...]
    kinds: tuple[KindProfile, ...]
    flows: tuple[FlowProfile, ...]
    history: History | None
    """None without dates."""
    rails: dict[str, dict[str, int]]
    """Asset code -> rail -> transactions; `none` for those without one."""
    transaction_kinds: dict[str, int]
    legs: dict[int, int]
    """Accounts on both sides of a transaction -> transactions."""
    follow_ups: dict[str, int]
    refusals: dict[str, int]
    raised_accounts: int
    """Accounts whose opening balance is above the scenario's wish, because their movements need it."""
    raised_median: Decimal
    """Median of the raise in the first asset; of several ledgers, the median of theirs."""
