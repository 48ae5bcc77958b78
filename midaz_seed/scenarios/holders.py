"""The parts of a scenario file about assets, and about who holds accounts."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from midaz_seed.scenarios.parts import Amount, Choice, Part, Text
from midaz_seed.scenarios.values import AssetCode, Name, Number, Share, Weight

IN_TURN = "in-turn"
"""As the asset of an account: the assets of the ledger one after another."""


Rail = Literal["PIX", "TED", "BOLETO", "P2P", "WIRE", "ONCHAIN", "TRANSFER", "REDEMPTION"]


class Rate(Part):
    """A rate of exchange that changes daily: a seeded random walk."""

    start: Number = Field(description="Rate on the first day.")
    daily_sigma: Share = Field(description="Standard deviation of the daily change.")
    source: Text = Field("PTAX", description="Where the rates come from, for the server.")


class Asset(Part):
    """One asset of the ledgers."""

    name: Text | None = Field(None, description="By default the code.")
    symbol: Text | None = Field(None, description="By default the code.")
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

    to: Name = Field(description="Internal account that receives it.")


class Internal(Part):
    """An account of the bank itself, one in each ledger; its alias is its name."""

    name: Text
    type: Name = Field("internal", description="Account type.")
    asset: AssetCode | None = Field(None, description="By default the first asset.")
    opening: Amount | None = Field(None, description="Opening balance.")
    sweep: Sweep | None = Field(None, description="Moves what it received to another account daily.")


class Owned(Part):
    """One account of a customer."""

    chance: Share = Field(1_000_000, description="Share of the customers that own one.")
    type: Name = Field("deposit", description="Account type.")
    types: dict[Name, Weight] = Field(default_factory=dict, description="Types by chance, instead of `type`.")
    asset: AssetCode | Literal["in-turn"] | None = Field(None, description="By default the first asset.")
    parent: Name | None = Field(None, description="The customer's account of this name is its parent account.")
    opening: Amount | None = Field(None, description="Wish for the opening balance.")


class ByIncome(Part):
    """Segments by income: each begins at an income."""

    by: Literal["income"]
    cuts: dict[Name, Number] = Field(description="Segment -> income from which it begins; one begins at 0.")


class Chosen(Part):
    """Segments by chance, each with its share."""

    choose: dict[Name, Weight] = Field(description="Segment -> weight.")


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
    owns: Annotated[dict[Name, Owned], Field(min_length=1)] = Field(description="Accounts by name.")
    segment: ByIncome | Chosen | None = Field(None, description="Segment of each customer.")
    income: Amount | None = Field(None, description="Monthly income of each customer.")
    opening: Amount | None = Field(None, description="Wish for the opening balance of each account.")
    popularity: Choice | None = Field(None, description="How one of them is chosen as a destination by default.")
    status: Status = Field(Status(), description="Shares of accounts without movements.")


class Pool(Part):
    """Names that accounts are distributed over by chance, instead of one per customer."""

    names: Annotated[tuple[Text, ...], Field(min_length=1)] = Field(description="The names.")
    only: dict[Text, Literal["PF", "PJ"]] = Field(
        default_factory=dict, description="Names that only people (PF) or only companies (PJ) get."
    )
    count: Annotated[int, Field(ge=0, le=1000)] | None = Field(None, description="By default one of each name.")


class Accounts(Part):
    """Who holds accounts."""

    internal: dict[Name, Internal] = Field(default_factory=dict, description="Accounts of the bank itself.")
    kinds: Annotated[dict[Name, Kind], Field(min_length=1)] = Field(description="Kinds of customers.")


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
