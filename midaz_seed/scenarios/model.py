"""The scenario file: its names, values and defaults. Unknown names are errors, values are exact.

A scenario is data: names, numbers, distributions and `{fields}`, without expressions and loops. No name is a word that
YAML reads as true or false (on, off, yes, no, y, n).
"""

import json
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from midaz_seed.scenarios.holders import (
    IN_TURN,
    Accounts,
    Asset,
    ByIncome,
    Chosen,
    Internal,
    Kind,
    Owned,
    Persona,
    Pool,
    Rail,
    Rate,
    Status,
    Sweep,
)
from midaz_seed.scenarios.parts import (
    EXTERNAL,
    NO_PARTY,
    Amount,
    AmountSpec,
    Choice,
    Friends,
    Hot,
    Lognormal,
    Pareto,
    Part,
    Party,
    PartySpec,
    Text,
    exactly_one,
)
from midaz_seed.scenarios.values import (
    MIDAZ_VERSION,
    OPTION,
    AssetCode,
    Days,
    LastDay,
    MonthDay,
    Name,
    Number,
    Path,
    PercentNumber,
    Share,
    TimeOfDay,
    Weight,
)

__all__ = [
    "EXTERNAL",
    "IN_TURN",
    "NO_PARTY",
    "Accounts",
    "Amount",
    "AmountSpec",
    "Asset",
    "ByIncome",
    "Choice",
    "Chosen",
    "Friends",
    "Hot",
    "Internal",
    "Kind",
    "Lognormal",
    "Owned",
    "Pareto",
    "Part",
    "Party",
    "PartySpec",
    "Persona",
    "Pool",
    "Rail",
    "Rate",
    "Status",
    "Sweep",
]
"""What the modules beside this one define of the model: import it from here."""

DEFAULT_SCENARIO = "classic"
"""The scenario of a run that names none."""


# ---- movements


class Fee(Part):
    """A fee: a leg of the same transaction, out of what the destination receives."""

    percent: PercentNumber | None = Field(None, description="Of the amount: 0.99 %, or the number 0.99.")
    fixed: Number | None = Field(None, description="An amount.")
    min: Number | None = Field(None, description="The lowest fee.")
    to: Name = Field(description="Internal account that receives it.")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        exactly_one(self, ("percent", "fixed"))
        return self


class Exchange(Part):
    """Two transactions with one reference at the rate of the day, each against a desk."""

    sell: AssetCode
    buy: AssetCode
    desk: tuple[Name, Name] = Field(description="Internal accounts in the asset that is sold and in that bought.")


class Only(Part):
    """When movements of an entry are made."""

    business_days: bool = Field(False, description="Only on business days.")
    between: tuple[TimeOfDay, TimeOfDay] | None = Field(None, description="First and last time of a day.")


def _option(value: object) -> object:
    """Keep a decimal number as text, because it must be exact."""
    return repr(value) if isinstance(value, float) else value


MetadataKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9]{0,39}$")]
Option = Annotated[str | int | bool, BeforeValidator(_option)]


class Then(Part):
    """What becomes of pending transactions; what is left stays pending."""

    commit: Share = Field(0, description="Share that is committed.")
    cancel: Share = Field(0, description="Share that is cancelled.")


class Mix(Part):
    """Movements that chance makes: between `from` and `to`, or by a `generator` in Python."""

    weight: Weight | None = Field(None, description="Share of the movements; the weights need not sum to 100.")
    each: Annotated[int, Field(ge=1, le=10_000)] | Literal["transactionsPerAccount"] | None = Field(
        None, description="Movements from every source account instead of a weight, without dates."
    )
    from_: Party = Field(default=NO_PARTY, alias="from", description="Who pays.")
    to: Party = Field(default=NO_PARTY, description="Who receives.")
    through: Name | None = Field(None, description="Internal account that stands in for the external one.")
    amount: Amount | None = Field(None, description="By default that of the asset.")
    fee: Fee | None = Field(None, description="A leg of the same transaction.")
    split: dict[Name, Share] = Field(
        default_factory=dict, description="Internal account -> share; the destination receives the rest."
    )
    legs: Annotated[int, Field(ge=1, le=500)] = Field(1, description="Destinations of one transaction.")
    sources: Annotated[int, Field(ge=1, le=500)] = Field(1, description="Sources of one transaction.")
    then: Then | None = Field(
        None, description="Its transactions are made pending, and this becomes of them; without `time`."
    )
    same_holder: bool = Field(False, description="Both accounts belong to one customer.")
    exchange: Exchange | None = Field(None, description="Sells one asset and buys another.")
    only: Only | None = Field(None, description="Days and times; needs `time`.")
    says: Text | None = Field(
        None, description="Description, with {fields}; by default that of the rail, or `Transferência` without one."
    )
    rail: Rail | Literal["by-asset"] | None = Field(None, description="Adds the metadata of a payment rail.")
    metadata: dict[MetadataKey, Text] = Field(default_factory=dict, description="Metadata, with {fields}.")
    generator: Name | None = Field(
        None, description="A Python generator that is installed makes the movements, instead of from, to and amount."
    )
    options: dict[Annotated[str, StringConstraints(pattern=OPTION)], Option] = Field(
        default_factory=dict, description="What the generator gets: texts, whole numbers, true or false."
    )

    @model_validator(mode="after")
    def _has_parties_or_a_generator(self) -> Self:
        given = [name for name in ("from", "to") if getattr(self, name if name == "to" else "from_") != NO_PARTY]
        if self.generator is None:
            if len(given) < 2:
                missing = " and ".join(name for name in ("from", "to") if name not in given)
                raise ValueError(f"it needs {missing} (or a generator)")
            if self.options:
                raise ValueError("options need a generator, which gets them")
            return self
        unused = ("through", "amount", "fee", "split", "then", "same_holder", "exchange")
        given += [name for name in unused if getattr(self, name)]
        given += [name for name in ("legs", "sources") if getattr(self, name) > 1]
        if given:
            raise ValueError(f"{', '.join(given)} cannot be combined with a generator, which makes the whole movement")
        return self


class When(Part):
    """Days of the calendar: exactly one rule."""

    business_day: Annotated[int, Field(ge=1, le=20)] | None = Field(None, description="The n-th of each month.")
    day: Annotated[int, Field(ge=1, le=31)] | None = Field(None, description="Day of each month, or its last one.")
    last_business_day_before: MonthDay | None = Field(None, description="The last one up to this day of the year.")
    day_of_month: Literal["per-customer"] | None = Field(None, description="A fixed day for each customer, 1 to 28.")
    every: Literal["day", "business-day", "week"] | None = Field(None, description="The week: one day of it.")
    roll: Literal["next-business-day"] | None = Field(None, description="Where the day is no business day.")
    at: TimeOfDay | None = Field(None, description="By default spread over the day.")

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        exactly_one(self, ("business_day", "day", "last_business_day_before", "day_of_month", "every"))
        return self


class Schedule(Part):
    """Movements by the calendar: one for each customer of a kind that it reaches."""

    when: When = Field(description="Its days.")
    via: Name = Field(description="The mix entry whose accounts, texts and metadata it uses; its weight may be 0.")
    per: Name = Field(description="Kind of customer.")
    amount: Amount | None = Field(None, description="By default that of the mix entry.")
    reach: Share = Field(1_000_000, description="Share of the customers that it reaches.")
    says: Text | None = Field(None, description="Description, with {fields}; by default that of the mix entry.")


class Payout(Part):
    """What accounts received since the last payout, a share of it, leaves in transactions of several sources.

    Payouts are made at the end of the day, after its other movements.
    """

    when: When = Field(description="Its days.")
    from_: Path = Field(alias="from", description="Accounts whose income is paid out.")
    to: Path = Field(EXTERNAL, description="`external`, or an internal account.")
    share: Share = Field(1_000_000, description="Share of what was received since the last payout.")
    legs: Annotated[int, Field(ge=1, le=500)] = Field(1, description="Sources of one transaction.")
    says: Text = Field("Repasse", description="Description, with {fields}.")
    metadata: dict[MetadataKey, Text] = Field(default_factory=dict, description="Metadata, with {fields}.")


class Pending(Part):
    """Transactions that are made pending."""

    of: Name = Field(description="The mix entry.")
    count: Annotated[int, Field(ge=1, le=10_000_000)]
    then: Then = Then()


class Live(Part):
    """Transactions of an entry without a date of their own."""

    of: Name = Field(description="The mix entry.")
    count: Annotated[int, Field(ge=1, le=10_000_000)]


class Lifecycle(Part):
    """What has no date of its own: it is made last, at the time of the run."""

    live: tuple[Live, ...] = Field((), description="Made as they are.")
    pending: tuple[Pending, ...] = Field((), description="Made pending.")
    revert: tuple[Live, ...] = Field((), description="Made and then reverted.")
    annotate: tuple[Live, ...] = Field((), description="Annotations, which move nothing.")
    block: tuple[Live, ...] = Field((), description="Block transactions (v3.8 and later).")


RefusalKind = Literal[
    "insufficient-funds", "frozen-sender", "unknown-destination", "wrong-asset", "unequal-sides", "future"
]


class Refusals(Part):
    """Transactions that the server must refuse, each with the code of its kind; anything else is a difference."""

    count: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    share: Share | None = Field(
        None, description="Instead of `count`: their share of the transactions by chance and the refusals together."
    )
    kinds: Annotated[dict[RefusalKind, Weight], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_number(self) -> Self:
        exactly_one(self, ("count", "share"))
        return self


class Routes(Part):
    """Operation routes from the account types, and a transaction route for each mix entry."""

    validate_: bool = Field(False, alias="validate", description="Switch on the server's checks (v3.6 and later).")


class Proof(Part):
    """What is verified beyond the final balances."""

    as_of: tuple[str, ...] | None = Field(
        None,
        description="Days at whose end every balance is compared: `month-ends`, `N random days`, or dates. By default "
        "`month-ends` and `3 random days`, where the server has balances at a date; `[]` compares none.",
    )
    statements: Annotated[int, Field(ge=0, le=100_000)] = Field(10, description="Accounts whose statement is checked.")


# ---- the whole


class Calendar(Part):
    """Which days are business days."""

    country: Literal["BR"] = "BR"
    also: tuple[Literal["carnival", "corpus-christi"], ...] = ("carnival", "corpus-christi")


class Time(Part):
    """The days of the movements."""

    last_day: LastDay = Field("yesterday", description="A date, or `yesterday`, which is resolved when the run begins.")
    history: Days = Field(description="Number of days, the last one included.")
    zone: Literal["America/Sao_Paulo", "UTC"] = "America/Sao_Paulo"
    calendar: Calendar = Calendar()
    week: tuple[Number, Number, Number, Number, Number, Number, Number] = Field(
        default=("1", "1", "1", "1", "1", "1", "1"), validate_default=True, description="Volume, Monday to Sunday."
    )
    hours: Literal["br-pix", "business", "flat"] = Field("br-pix", description="A curve of the hours of a day.")
    order: Literal["exact", "free"] = Field(
        "exact",
        description="exact: every account's movements are sent in the order of their dates. free: only the days are "
        "sent one after another.",
    )


class ScenarioVolume(Part):
    """How much: the settings' `volume` can override each."""

    from_settings: bool = Field(False, description="All counts come from the settings: preset and flags.")
    organizations: Annotated[int, Field(ge=1, le=10_000)] = 1
    ledgers: Annotated[int, Field(ge=1, le=10_000)] = Field(1, description="In each organization.")
    customers: Annotated[int, Field(ge=1, le=10_000_000)] | None = Field(None, description="In each ledger.")
    movements: Annotated[int, Field(ge=0, le=100_000_000)] | None = Field(
        None, description="By chance (`mix`), in each ledger."
    )
    per_customer_per_day: Number | None = Field(None, description="Instead of `movements`.")


class Needs(Part):
    """What the server must have, beyond what the features of the scenario need."""

    midaz: Annotated[str, StringConstraints(pattern=MIDAZ_VERSION)] | None = None


class Scenario(Part):
    """A scenario after `extends` was resolved."""

    scenario: Name = Field(description="The name of the scenario.")
    about: Text = Field(description="What it is, in one sentence.")
    assumptions: tuple[Text, ...] = Field((), description="Figures without a source.")
    needs: Needs = Needs()
    language: Literal["pt_BR"] = "pt_BR"
    time: Time | None = Field(None, description="Without it, movements have no dates.")
    volume: ScenarioVolume = ScenarioVolume()
    assets: Annotated[dict[AssetCode, Asset], Field(min_length=1)]
    accounts: Accounts
    portfolios: Pool | Literal["per-customer"] = "per-customer"
    segments: Pool | None = Field(None, description="Without it, those that the kinds name.")
    personas: tuple[Persona, ...] = ()
    schedules: dict[Name, Schedule] = Field(default_factory=dict)
    mix: dict[Name, Mix] = Field(default_factory=dict)
    payouts: dict[Name, Payout] = Field(default_factory=dict)
    lifecycle: Lifecycle | None = None
    refusals: Refusals | None = None
    routes: Routes | None = None
    parties: bool = Field(
        False, description="A holder for each customer, and an instrument for its first account (v4 and later)."
    )
    proof: Proof = Proof()
    cases: dict[Name, Any] = Field(
        default_factory=dict,
        exclude=True,
        description="Variants of this scenario by name, each what it changes, as a file that extends it; "
        "`NAME#CASE` is one of them.",
    )

    def case(self, name: str) -> "Scenario":
        """Return one of its cases, which is a scenario of its own. Raises KeyError."""
        case: Scenario = self.cases[name]
        return case


def canonical_text(scenario: Scenario) -> str:
    """Return a resolved scenario as JSON on one line, without its defaults.

    The names of parts are in the order of the model; maps with free names keep the order of the file, because it has a
    meaning: the first asset is the default, and a ledger has the first assets of the scenario `classic`.
    """
    return scenario.model_dump_json(by_alias=True, exclude_defaults=True)


def read_canonical(text: str) -> Scenario:
    """Return the scenario of a text that `canonical_text` made. Raises ValueError for another text."""
    return Scenario.model_validate(_frozen(json.loads(text)), strict=True)


def _frozen(value: Any) -> Any:
    """Return a value of JSON with tuples in place of lists, as the model has them."""
    if isinstance(value, dict):
        return {name: _frozen(inner) for name, inner in value.items()}
    return tuple(_frozen(inner) for inner in value) if isinstance(value, list) else value
