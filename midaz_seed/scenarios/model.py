"""The scenario file: its names, values and defaults. Unknown names are errors, values are exact.

A scenario is data: names, numbers, distributions and `{fields}`, without expressions and loops. No name is a word that
YAML reads as true or false (on, off, yes, no, y, n).
"""

import json
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

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
    Share,
    TimeOfDay,
    Weight,
)

DEFAULT_SCENARIO = "classic"
"""The scenario of a run that names none."""
EXTERNAL = "external"
"""In `from` and `to`: the external account of the asset."""
IN_TURN = "in-turn"
"""As the asset of an account: the assets of the ledger one after another."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class Part(BaseModel):
    """A part of a scenario. Unknown names are errors; values cannot be changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)


def _exactly_one(part: Part, names: tuple[str, ...]) -> None:
    given = [name for name in names if getattr(part, name) is not None]
    if len(given) != 1:
        raise ValueError(
            f"exactly one of {', '.join(names)} is needed" + (f", not {' and '.join(given)}" if given else "")
        )


# ---- amounts


class Lognormal(Part):
    """Amounts whose logarithm is normally distributed; the mean is median * exp(sigma**2 / 2)."""

    median: Number
    sigma: Number


class Pareto(Part):
    """Amounts from `min` on with a long tail of the exponent `alpha`."""

    min: Number
    alpha: Number


def _amount(value: object) -> object:
    """Accept a bare decimal as a constant, and the word `income`."""
    if value == "income":
        return {"of": "income"}
    return {"const": value} if isinstance(value, str | int | float) else value


class AmountSpec(Part):
    """How amounts are distributed: exactly one distribution, in the unit of the asset (12.50 is 1,250 minor units)."""

    const: Number | None = None
    uniform: tuple[Number, Number] | None = Field(None, description="Lowest and highest amount.")
    lognormal: Lognormal | None = None
    pareto: Pareto | None = None
    exponential: Number | None = Field(None, description="The mean.")
    mix: tuple[tuple[Weight, "Amount"], ...] | None = Field(None, description="Weights and distributions.")
    choose: dict[str, Weight] | None = Field(None, description="Decimal amounts, each with its weight.")
    bands: tuple[tuple[Weight, Number, Number], ...] | None = Field(
        None, description="An empirical distribution: weight, lowest and highest amount of each band."
    )
    of: Literal["income"] | None = Field(None, description="The income of the customer, times `times`.")
    like: Name | None = Field(None, description="As the mix entry of this name.")
    times: Number | None = Field(None, description="Factor for `of` or `like`.")
    round: dict[str, Share] = Field(
        default_factory=dict, description="Multiple -> share of the amounts that are rounded to it."
    )
    min: Number | None = None
    max: Number | None = None

    @model_validator(mode="after")
    def _one_distribution(self) -> Self:
        names = ("const", "uniform", "lognormal", "pareto", "exponential", "mix", "choose", "bands", "of", "like")
        _exactly_one(self, names)
        if self.times is not None and self.of is None and self.like is None:
            raise ValueError("times needs `of: income` or `like`")
        return self


Amount = Annotated[AmountSpec, BeforeValidator(_amount, json_schema_input_type=AmountSpec | Number | Literal["income"])]


# ---- who moves money


class Friends(Part):
    """Each source pays a few fixed partners; the number of them follows a power law."""

    mean: Number
    alpha: Number = Field(default="1.9", validate_default=True)


class Hot(Part):
    """A few accounts that take most of the movements."""

    count: Annotated[int, Field(ge=1, le=1_000_000)]
    share: Share = 1_000_000


class Choice(Part):
    """How one account of a group is chosen: exactly one way; by default each with the same probability."""

    uniform: Literal[True] | None = None
    zipf: Number | None = Field(None, description="The exponent: the k-th account is chosen with weight 1 / k**zipf.")
    hot: Hot | None = None
    friends: Friends | None = None
    members: Literal[True] | None = Field(
        None, description="The group is divided evenly among the sources, such as employees among employers."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        _exactly_one(self, ("uniform", "zipf", "hot", "friends", "members"))
        return self


def _party(value: object) -> object:
    """Accept `person.checking`, a list of such names, or one name with a choice: `{person.checking: {zipf: 1.05}}`."""
    if isinstance(value, str):
        return {"of": (value,)}
    if isinstance(value, list | tuple):
        return {"of": tuple(value)}
    if isinstance(value, dict) and len(value) == 1 and "of" not in value:
        [(name, choice)] = value.items()
        return {"of": (name,), "by": choice}
    return value


class PartySpec(Part):
    """The accounts of one side: `external`, internal accounts, or those of kinds of customers; and how one is chosen.

    A name with a dot is the account that customers of a kind own (`person.checking`).
    """

    of: Annotated[tuple[Path, ...], Field(min_length=1)]
    by: Choice | None = None

    @property
    def is_external(self) -> bool:
        """Whether it is the external account of the asset."""
        return self.of == (EXTERNAL,)


Party = Annotated[
    PartySpec,
    BeforeValidator(_party, json_schema_input_type=Path | tuple[Path, ...] | PartySpec | dict[Path, Choice]),
]
NO_PARTY = PartySpec(of=("generator",))
"""`from` and `to` of an entry whose movements a Python generator makes. No account can have this name."""


# ---- assets and accounts

Rail = Literal["PIX", "TED", "BOLETO", "P2P", "WIRE", "ONCHAIN", "TRANSFER", "REDEMPTION"]


class Rate(Part):
    """A rate of exchange that changes daily: a seeded random walk."""

    start: Number = Field(description="Rate on the first day.")
    daily_sigma: Share = Field(description="Standard deviation of the daily change.")
    source: Text = "PTAX"


class Asset(Part):
    """One asset of the ledgers."""

    name: Text | None = None
    symbol: Text | None = None
    type: Literal["currency", "crypto", "commodity", "others"] = "currency"
    scale: Annotated[int, Field(ge=0, le=18)] = Field(2, description="Number of decimals.")
    amount: Amount | None = Field(None, description="Amounts of movements that have no distribution of their own.")
    opening: Amount | None = Field(None, description="Opening balances of accounts that have none of their own.")
    rails: dict[Rail, Weight] = Field(default_factory=dict, description="Rails of movements that name none.")
    rate: dict[AssetCode, Rate] = Field(
        default_factory=dict, description="What one unit costs in another asset, for `exchange`."
    )


class Sweep(Part):
    """The transfer of what an internal account received on a day to another one, at the end of the day."""

    to: Name


class Internal(Part):
    """An account of the bank itself, one in each ledger; its alias is its name."""

    name: Text
    type: Name = "internal"
    asset: AssetCode | None = Field(None, description="By default the first asset.")
    opening: Amount | None = None
    sweep: Sweep | None = None


class Owned(Part):
    """One account of a customer."""

    chance: Share = Field(1_000_000, description="Share of the customers that own one.")
    type: Name = "deposit"
    types: dict[Name, Weight] = Field(default_factory=dict, description="Types by chance, instead of `type`.")
    asset: AssetCode | Literal["in-turn"] | None = Field(None, description="By default the first asset.")
    parent: Name | None = Field(None, description="The customer's account of this name is its parent account.")
    opening: Amount | None = None


class ByIncome(Part):
    """Segments by income: each begins at an income."""

    by: Literal["income"]
    cuts: dict[Name, Number]


class Chosen(Part):
    """Segments by chance, each with its share."""

    choose: dict[Name, Weight]


class Status(Part):
    """The shares of accounts without movements. What is left is active."""

    dormant: Share = Field(0, description="No movements.")
    frozen: Share = Field(0, description="Cannot send, from the beginning.")
    closed: Share = Field(0, description="Status CLOSED, balance 0, no movements.")


class Kind(Part):
    """A kind of customer. Each customer has one portfolio, and the accounts in `owns`."""

    share: Share | None = Field(None, description="Share of the customers; all shares sum to 100 %.")
    holder: Literal["PF", "PJ", "mixed"] = Field(
        "PF", description="PF: people; PJ: companies; mixed: as `data.individualsPercent` of the settings."
    )
    owns: Annotated[dict[Name, Owned], Field(min_length=1)]
    segment: ByIncome | Chosen | None = None
    income: Amount | None = None
    opening: Amount | None = Field(None, description="Wish for the opening balance of each account.")
    popularity: Choice | None = Field(None, description="How one of them is chosen as a destination by default.")
    status: Status = Status()


class Pool(Part):
    """Names that accounts are distributed over by chance, instead of one per customer."""

    names: Annotated[tuple[Text, ...], Field(min_length=1)]
    only: dict[Text, Literal["PF", "PJ"]] = Field(
        default_factory=dict, description="Names that only people (PF) or only companies (PJ) get."
    )
    count: Annotated[int, Field(ge=0, le=1000)] | None = Field(None, description="By default one of each name.")


class Accounts(Part):
    """Who holds accounts."""

    internal: dict[Name, Internal] = Field(default_factory=dict)
    kinds: Annotated[dict[Name, Kind], Field(min_length=1)]


class Persona(Part):
    """A customer with a fixed name and alias in every seed, made first."""

    alias: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9-]{1,60}$")]
    kind: Name = Field(description="Kind of customer.")
    name: Text
    income: Number | None = Field(None, description="By default drawn as that of the kind.")
    opening: Number | None = Field(None, description="Opening balance; by default drawn as that of the kind.")
    status: Literal["active", "dormant", "frozen", "closed"] = "active"
    popularity: Literal["top"] | None = Field(None, description="The one that is chosen most often.")
    tags: tuple[Name, ...] = Field((), description="Words for the manifest.")


# ---- movements


class Fee(Part):
    """A fee: a leg of the same transaction, out of what the destination receives."""

    percent: Number | None = Field(None, description="Of the amount, without a percent sign: 0.99.")
    fixed: Number | None = Field(None, description="An amount.")
    min: Number | None = Field(None, description="The lowest fee.")
    to: Name = Field(description="Internal account that receives it.")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        _exactly_one(self, ("percent", "fixed"))
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
    same_holder: bool = Field(False, description="Both accounts belong to one customer.")
    exchange: Exchange | None = Field(None, description="Sells one asset and buys another.")
    only: Only | None = Field(None, description="Days and times; needs `time`.")
    says: Text | None = Field(None, description="Description, with {fields}.")
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
        unused = ("through", "amount", "fee", "split", "same_holder", "exchange")
        given += [name for name in unused if getattr(self, name)]
        given += ["legs"] if self.legs > 1 else []
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
        _exactly_one(self, ("business_day", "day", "last_business_day_before", "day_of_month", "every"))
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


class Then(Part):
    """What becomes of pending transactions; what is left stays pending."""

    commit: Share = 0
    cancel: Share = 0


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

    live: tuple[Live, ...] = ()
    pending: tuple[Pending, ...] = ()
    revert: tuple[Live, ...] = Field((), description="Made and then reverted.")
    annotate: tuple[Live, ...] = Field((), description="Annotations, which move nothing.")
    block: tuple[Live, ...] = Field((), description="Block transactions (v3.8 and later).")


RefusalKind = Literal[
    "insufficient-funds", "frozen-sender", "unknown-destination", "wrong-asset", "unequal-sides", "future"
]


class Refusals(Part):
    """Transactions that the server must refuse, each with the code of its kind; anything else is a difference."""

    count: Annotated[int, Field(ge=1, le=1_000_000)]
    kinds: Annotated[dict[RefusalKind, Weight], Field(min_length=1)]


class Routes(Part):
    """Operation routes from the account types, and a transaction route for each mix entry."""

    validate_: bool = Field(False, alias="validate", description="Switch on the server's checks (v3.6 and later).")


class Proof(Part):
    """What is verified beyond the final balances."""

    as_of: tuple[str, ...] = Field(
        (), description="Days at whose end every balance is compared: `month-ends`, `N random days`, or dates."
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
    history: Days
    zone: Literal["America/Sao_Paulo", "UTC"] = "America/Sao_Paulo"
    calendar: Calendar = Calendar()
    week: tuple[Number, Number, Number, Number, Number, Number, Number] = Field(
        default=("1", "1", "1", "1", "1", "1", "1"), validate_default=True, description="Volume, Monday to Sunday."
    )
    hours: Literal["br-pix", "business", "flat"] = Field("br-pix", description="A curve of the hours of a day.")
    order: Literal["exact", "free"] = Field(
        "exact", description="exact: every account's movements are sent in the order of their dates."
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

    scenario: Name
    about: Text
    assumptions: tuple[Text, ...] = Field((), description="Figures without a source.")
    needs: Needs = Needs()
    language: Literal["pt_BR"] = "pt_BR"
    time: Time | None = None
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
    proof: Proof = Proof()


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
