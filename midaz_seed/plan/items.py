"""The items of a plan: entities to create, and transactions that move money."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

import orjson

from midaz_seed.model.json_types import JsonObject
from midaz_seed.model.money import format_minor, to_decimal


class Entity(StrEnum):
    """Kinds of entities, by their names in Midaz's API."""

    ORGANIZATION = "organization"
    LEDGER = "ledger"
    ASSET = "asset"
    ACCOUNT_TYPE = "account_type"
    PORTFOLIO = "portfolio"
    SEGMENT = "segment"
    ACCOUNT = "account"


class Phase(StrEnum):
    """The phases of a run, in order; from `assets` on each ledger has its own."""

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
    """An asset and its amounts. Amounts are integers in minor units of the asset."""

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
        """Format an amount for the API: a decimal string."""
        return format_minor(minor, self.scale)

    def decimal(self, minor: int) -> Decimal:
        """Convert an amount to an exact decimal."""
        return to_decimal(minor, self.scale)


@dataclass(frozen=True, slots=True)
class EntityItem:
    """One entity to create.

    Attributes:
        entity: its kind.
        key: its key in the plan, such as `o1.l1.acc7`.
        payload: the request body without server ids.
        references: fields that get the server id of another item: `{"portfolioId": "o1.l1.p2"}`.
    """

    entity: Entity
    key: str
    payload: JsonObject
    references: dict[str, str] = field(default_factory=dict)


class Movement(NamedTuple):
    """An amount that moves between two accounts of a ledger. `source` None is the external account."""

    source: int | None
    """Index of the account in its ledger."""
    destination: int
    amount: int
    """In minor units of the account's asset."""


class TransactionItem(NamedTuple):
    """One transaction to send: one movement, or a batch of several as one n:n transaction.

    A tuple, like its movements, because a run makes millions and a frozen dataclass is slower to create.
    """

    key: str
    phase: Phase
    """DEPOSITS or TRANSFERS."""
    body: bytes
    """The request body, ready to send."""
    mark: bytes
    """Run id and key of the item, as JSON bytes in the metadata of the request and of every answer to it."""
    answer: bytes
    """Amount, asset and accounts, as JSON bytes in the server's answer."""
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
        """Aliases of its sources and of its destinations, in the order of the request."""
        answer = orjson.loads(b"{" + self.answer + b"}")
        return answer["source"], answer["destination"]


def answer_of(asset: AssetTemplate, total: str, source: str, destinations: str) -> bytes:
    """Return a part of the expected answer to a transaction, as servers write it (recorded from v3.3, v3.8 and v4).

    Args:
        asset: the asset.
        total: the amount as a decimal string; the server omits trailing zeros.
        source: alias of the source.
        destinations: aliases of the destinations as the content of a JSON list.
    """
    amount = total.rstrip("0").rstrip(".") if total[-1] == "0" and asset.scale else total
    text = (
        f'"amount":"{amount}","assetCode":"{asset.code}","chartOfAccountsGroupName":"","source":["{source}"],'
        f'"destination":[{destinations}]'
    )
    return text.encode()


def effect_of(item: TransactionItem) -> dict[int, int]:
    """Return the changes of the balances by a transaction: account index -> minor units."""
    effect: dict[int, int] = {}
    for source, destination, amount in item.movements:
        effect[destination] = effect.get(destination, 0) + amount
        if source is not None:
            effect[source] = effect.get(source, 0) - amount
    return {account: change for account, change in effect.items() if change}


def trace_of(item: TransactionItem) -> dict[int, int]:
    """Return all that a transaction changes in the server's balances.

    That is for each account index the change in minor units, and for `changes_key(index)` the number of changes, which
    is 1: movements to one destination are one leg.
    """
    effect = effect_of(item)
    return effect | {changes_key(account): 1 for account in effect}


def changes_key(account: int) -> int:
    """Return the key for the number of changes of a balance; the account's index is the key for its amount."""
    return ~account


@dataclass(frozen=True, slots=True)
class LookUp:
    """How to find an existing entity in a list.

    `query` filters the list on servers that support the filter. The rows are compared by `match_field` in any case,
    because older servers ignore unknown filters (midaz-behaviour: unknown-filters).
    """

    match_field: str
    """Field that identifies a row: `name`, `code`, `alias`, `keyValue` or `metadata.seedKey`."""
    match_value: str
    query: dict[str, str] = field(default_factory=dict)
    case_sensitive: bool = True
