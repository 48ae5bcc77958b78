"""The things a plan consists of: entities to create, and transactions that move money."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

import orjson

from midaz_seed.model.json_types import JsonObject
from midaz_seed.model.money import format_minor, to_decimal


class Entity(StrEnum):
    """What Midaz's API calls the things that exist once created."""

    ORGANIZATION = "organization"
    LEDGER = "ledger"
    ASSET = "asset"
    ACCOUNT_TYPE = "account_type"
    PORTFOLIO = "portfolio"
    SEGMENT = "segment"
    ACCOUNT = "account"


class Phase(StrEnum):
    """The steps of a run, in order; from `assets` on, each ledger goes through them by itself."""

    ORGANIZATIONS = "organizations"
    LEDGERS = "ledgers"
    ASSETS = "assets"
    ACCOUNT_TYPES = "account_types"
    PORTFOLIOS = "portfolios"
    SEGMENTS = "segments"
    ACCOUNTS = "accounts"
    DEPOSITS = "deposits"
    SETTLEMENT = "settlement"
    TRANSFERS = "transfers"
    VERIFY = "verify"


MONEY = (Phase.DEPOSITS, Phase.TRANSFERS)
"""The phases that move money."""


@dataclass(frozen=True, slots=True)
class AssetTemplate:
    """An asset and the amounts that move in it. Amounts are integers in the asset's minor units."""

    code: str
    name: str
    symbol: str
    scale: int
    """Number of decimals: 1 BRL = 10**2 minor units."""
    type: str
    deposit: int
    transfer_min: int
    transfer_max: int

    def text(self, minor: int) -> str:
        """An amount as the API wants it: a decimal string."""
        return format_minor(minor, self.scale)

    def decimal(self, minor: int) -> Decimal:
        """An amount as an exact decimal."""
        return to_decimal(minor, self.scale)


@dataclass(frozen=True, slots=True)
class EntityItem:
    """One entity to create.

    `payload` is the request body without references to server ids; `references` names the fields that take the
    server's id of another item: `{"portfolioId": "o1.l1.p2"}`.
    """

    entity: Entity
    key: str
    payload: JsonObject
    references: dict[str, str] = field(default_factory=dict)


class Movement(NamedTuple):
    """Money that goes from one account to another, inside one ledger. `source` None is the external account."""

    source: int | None
    """Index of the account in its ledger."""
    destination: int
    amount: int
    """In minor units of the account's asset."""


class TransactionItem(NamedTuple):
    """One transaction to send: one movement, or several packed into one n:n transaction.

    A tuple, like its movements, because a run makes millions: a frozen dataclass takes three times as long to make.
    """

    key: str
    phase: Phase
    """DEPOSITS or TRANSFERS."""
    body: bytes
    """The request body, ready to send."""
    mark: bytes
    """The item's run id and key, as they stand in the metadata of the request and of every answer to it."""
    answer: bytes
    """Amount, asset and accounts, as they stand in the server's answer to it."""
    asset: str
    amount: str
    """Total as a decimal string."""
    movements: tuple[Movement, ...]

    @property
    def tag(self) -> str:
        """The value of its mark: `<run id>/<key>`."""
        return self.mark.decode().partition(":")[2].strip('"')

    @property
    def accounts(self) -> tuple[list[str], list[str]]:
        """Aliases of its sources and of its destinations, in the order in which they are sent."""
        answer = orjson.loads(b"{" + self.answer + b"}")
        return answer["source"], answer["destination"]


def answer_of(asset: AssetTemplate, total: str, source: str, destinations: str) -> bytes:
    """What the answer to a transaction holds, as every server writes it (recorded from v3.3, v3.8 and v4).

    Args:
        total: the amount as a decimal string; the server leaves out the zeros at its end.
        destinations: aliases as they stand in a JSON list.
    """
    amount = total.rstrip("0").rstrip(".") if total[-1] == "0" and asset.scale else total
    text = (
        f'"amount":"{amount}","assetCode":"{asset.code}","chartOfAccountsGroupName":"","source":["{source}"],'
        f'"destination":[{destinations}]'
    )
    return text.encode()


def effect_of(item: TransactionItem) -> dict[int, int]:
    """What a transaction does to the balances of a ledger's accounts: account index -> change in minor units."""
    effect: dict[int, int] = {}
    for source, destination, amount in item.movements:
        effect[destination] = effect.get(destination, 0) + amount
        if source is not None:
            effect[source] = effect.get(source, 0) - amount
    return {account: change for account, change in effect.items() if change}


def trace_of(item: TransactionItem) -> dict[int, int]:
    """What a transaction leaves in the balances that a server shows: for each account index its change in minor units,
    and under `changes_key(index)` how often it changes it. Movements to one destination are one leg."""
    effect = effect_of(item)
    return effect | {changes_key(account): 1 for account in effect}


def changes_key(account: int) -> int:
    """The key for the number of changes of an account's balance, beside the account's index for its amount."""
    return ~account


@dataclass(frozen=True, slots=True)
class LookUp:
    """How to find an entity that already exists: the rows of a list (or one object), and which of them is it.

    `query` narrows the list on servers that know the filter; the answer is matched on `match_field` all the same,
    because older servers ignore filters they do not know (midaz-behaviour: unknown-filters).
    """

    match_field: str
    """Field of a row that identifies it: `name`, `code`, `alias`, `keyValue` or `metadata.seedKey`."""
    match_value: str
    query: dict[str, str] = field(default_factory=dict)
    case_sensitive: bool = True
