"""The items of a plan: entities to create, and transactions that move money."""

from collections.abc import Callable
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
    ASSET_RATE = "asset_rate"
    ACCOUNT_TYPE = "account_type"
    OPERATION_ROUTE = "operation_route"
    TRANSACTION_ROUTE = "transaction_route"
    LEDGER_SETTINGS = "ledger_settings"
    HOLDER = "holder"
    PORTFOLIO = "portfolio"
    SEGMENT = "segment"
    ACCOUNT = "account"
    INSTRUMENT = "instrument"


class Phase(StrEnum):
    """The phases of a run, in order; from `assets` on each ledger has its own."""

    ORGANIZATIONS = "organizations"
    LEDGERS = "ledgers"
    ASSETS = "assets"
    ASSET_RATES = "asset_rates"
    ACCOUNT_TYPES = "account_types"
    OPERATION_ROUTES = "operation_routes"
    TRANSACTION_ROUTES = "transaction_routes"
    LEDGER_SETTINGS = "ledger_settings"
    HOLDERS = "holders"
    PORTFOLIOS = "portfolios"
    SEGMENTS = "segments"
    ACCOUNTS = "accounts"
    INSTRUMENTS = "instruments"
    DEPOSITS = "deposits"
    SETTLEMENT = "settlement"
    TRANSFERS = "transfers"
    READS = "reads"
    """Reads beside the transfers, which follow from no item."""
    FOLLOW_UPS = "follow_ups"
    REFUSALS = "refusals"
    VERIFY = "verify"


MONEY = (Phase.DEPOSITS, Phase.TRANSFERS, Phase.FOLLOW_UPS)
"""The phases that move money. Refusals move none."""


class Kind(StrEnum):
    """Kinds of transactions, by what they do to balances."""

    DIRECT = "direct"
    """Moves the money at once."""
    PENDING = "pending"
    """Puts the money on hold at the source; a commit or a cancel ends that."""
    ANNOTATION = "annotation"
    """Moves nothing."""
    COMMIT = "commit"
    CANCEL = "cancel"
    REVERT = "revert"
    """Moves the money of another transaction back, as a transaction of its own."""


FOLLOW_UP_KINDS = (Kind.COMMIT, Kind.CANCEL, Kind.REVERT)
"""Kinds that refer to a transaction made before, by its id on the server."""
ENDINGS = (Kind.COMMIT, Kind.CANCEL)
"""Kinds that end a pending transaction: they change its record, and add none."""


@dataclass(frozen=True, slots=True)
class AssetTemplate:
    """An asset. Amounts are integers in its minor units."""

    code: str
    name: str
    symbol: str
    scale: int
    """Number of decimals: 1 BRL = 10**2 minor units."""
    type: str

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
        references: fields that get the server id of another item, or a list of ids: `{"portfolioId": "o1.l1.p2"}`.
        after: keys of further items that must exist before it.
    """

    entity: Entity
    key: str
    payload: JsonObject
    references: dict[str, str | tuple[str, ...]] = field(default_factory=dict)
    after: tuple[str, ...] = ()

    @property
    def needed(self) -> list[str]:
        """The keys of all items that must exist before it."""
        keys = list(self.after)
        for key in self.references.values():
            keys += [key] if isinstance(key, str) else key
        return keys

    def ids(self, id_of: Callable[[str], str]) -> JsonObject:
        """Return the fields of its references, each with the server id of its item.

        Args:
            id_of: key -> server id.
        """
        return {
            name: id_of(key) if isinstance(key, str) else [id_of(each) for each in key]
            for name, key in self.references.items()
        }


class Movement(NamedTuple):
    """An amount that moves between two accounts of a ledger; None is the external account of the asset."""

    source: int | None
    """Index of the account in its ledger."""
    destination: int | None
    amount: int
    """In minor units of the asset."""


class TransactionItem(NamedTuple):
    """One transaction to send: one movement, or a batch of several as one n:n transaction.

    A tuple, like its movements, because a run makes millions and a frozen dataclass is slower to create.
    """

    key: str
    phase: Phase
    """A phase of MONEY, or REFUSALS."""
    body: bytes
    """The request body, ready to send; b"" for a follow-up, whose path names its transaction."""
    mark: bytes
    """Run id and key of the item, as bytes that every answer to it has once: a member of its metadata, or, without
    metadata, the end of its description and the name of what follows it."""
    answer: bytes
    """Amount, asset and accounts, as JSON bytes in the server's answer."""
    asset: str
    amount: str
    """Total as a decimal string."""
    movements: tuple[Movement, ...]
    """What it moves; for a follow-up, what the transaction moves that it refers to."""
    kind: Kind = Kind.DIRECT
    endpoint: str = "json"
    """Last part of the path: json, inflow, outflow, annotation, block; for a follow-up commit, cancel, revert."""
    day: int = 0
    """Index of its day in the history; 0 without dates."""
    moment: str = ""
    """Its `transactionDate` (RFC 3339, UTC); "" without a date: the time at which it is made."""
    of: str = ""
    """For a follow-up: key of the transaction that it refers to."""
    refusal: str = ""
    """For REFUSALS: why the server must refuse it (`scenarios.model.RefusalKind`)."""

    @property
    def tag(self) -> str:
        """The value of its mark: `<run id>/<key>`."""
        mark = self.mark.decode()
        return mark[1 : mark.index("]")] if mark[0] == "[" else mark.partition(":")[2].strip('"')

    @property
    def accounts(self) -> tuple[list[str], list[str]]:
        """Aliases of its sources and of its destinations, in the order of the request."""
        answer = orjson.loads(b"{" + self.answer + b"}")
        return answer["source"], answer["destination"]


def mark_in_description(run_id: str, key: str) -> bytes:
    """Return the mark of an item without metadata: the end of its description, as answers have it.

    The descriptions of its operations end in the same way, but have another member behind them (recorded from v3.3,
    v3.8 and v4).
    """
    return f'[{run_id}/{key}]","status":'.encode()


def answer_of(asset: AssetTemplate, total: str, source: str, destinations: str) -> bytes:
    """Return a part of the expected answer to a transaction, as servers write it (recorded from v3.3, v3.8 and v4).

    Every kind and endpoint has the same form: the accounts as they were sent, an external account where an inflow or an
    outflow has none, the destinations of a pending transaction too.

    Args:
        asset: the asset.
        total: the amount as a decimal string; the server omits trailing zeros.
        source: alias of the source; of several, those between two quotes: `a","b`.
        destinations: aliases of the destinations as the content of a JSON list.
    """
    amount = total.rstrip("0").rstrip(".") if total[-1] == "0" and asset.scale else total
    text = (
        f'"amount":"{amount}","assetCode":"{asset.code}","chartOfAccountsGroupName":"","source":["{source}"],'
        f'"destination":[{destinations}]'
    )
    return text.encode()


def follow_up(item: TransactionItem, kind: Kind) -> TransactionItem:
    """Return the commit, cancel or revert of a transaction. It has no body: its path names the transaction."""
    return item._replace(
        key=f"{item.key}.{kind}", phase=Phase.FOLLOW_UPS, body=b"", kind=kind, endpoint=str(kind), of=item.key
    )


def effect_of(item: TransactionItem) -> dict[int, int]:
    """Return the changes of the available amounts by a transaction: account index -> minor units, never 0."""
    kind, effect = item.kind, dict[int, int]()
    if kind is Kind.ANNOTATION:
        return effect
    if kind is Kind.DIRECT or kind is Kind.REVERT:
        sign = 1 if kind is Kind.DIRECT else -1
        for source, destination, amount in item.movements:
            if destination is not None:
                effect[destination] = effect.get(destination, 0) + sign * amount
            if source is not None:
                effect[source] = effect.get(source, 0) - sign * amount
        return {account: change for account, change in effect.items() if change}
    for source, destination, amount in item.movements:
        if kind is Kind.COMMIT:
            if destination is not None:
                effect[destination] = effect.get(destination, 0) + amount
        elif source is not None:
            effect[source] = effect.get(source, 0) + (amount if kind is Kind.CANCEL else -amount)
    return effect


def hold_effect_of(item: TransactionItem) -> dict[int, int]:
    """Return the changes of the amounts on hold by a transaction: account index -> minor units, never 0."""
    sign = {Kind.PENDING: 1, Kind.COMMIT: -1, Kind.CANCEL: -1}.get(item.kind, 0)
    effect: dict[int, int] = {}
    if sign:
        for source, _, amount in item.movements:
            if source is not None:
                effect[source] = effect.get(source, 0) + sign * amount
    return effect


def adds_record(item: TransactionItem) -> bool:
    """Return whether the server lists it as a transaction of its own; a commit or a cancel changes that of another."""
    return item.kind not in ENDINGS


def balance_effect_of(item: TransactionItem) -> dict[int, int]:
    """Return the changes by a transaction: of available amounts by account index, of those on hold by `hold_key`."""
    effect = effect_of(item)
    if item.kind in (Kind.PENDING, Kind.COMMIT, Kind.CANCEL):
        effect |= {hold_key(account): change for account, change in hold_effect_of(item).items()}
    return effect


def trace_of(item: TransactionItem, *, touches_held: bool = False, splits_held: bool = False) -> dict[int, int]:
    """Return all that a transaction changes in the server's balances.

    Args:
        item: the transaction.
        touches_held: a pending transaction counts as a change of its destinations too (`midaz.server_traits`).
        splits_held: a pending transaction and its cancel are two changes of a source each, as in a ledger that checks
            routes (midaz-behaviour: route-validation).

    Returns:
        For each account index the change of the available amount in minor units, for `hold_key(index)` that of the
            amount on hold, and for `changes_key(index)` the number of changes: one for each account and side, because
            movements of one account and side are one leg.
    """
    trace = balance_effect_of(item)
    kind = item.kind
    sides = [] if kind is Kind.ANNOTATION else [{movement.source for movement in item.movements}]
    if kind not in (Kind.ANNOTATION, Kind.CANCEL) and (kind is not Kind.PENDING or touches_held):
        sides.append({movement.destination for movement in item.movements})
    if splits_held and kind in (Kind.PENDING, Kind.CANCEL):
        sides.append(sides[0])
    for side in sides:
        for account in side:
            if account is not None:
                key = changes_key(account)
                trace[key] = trace.get(key, 0) + 1
    return trace


def hold_key(account: int) -> int:
    """Return the key for the amount on hold of a balance; the account's index is the key for its available amount."""
    return account + HOLDS


HOLDS = 1 << 32
"""Keys of amounts on hold begin here; no ledger has that number of accounts."""


def changes_key(account: int) -> int:
    """Return the key for the number of changes of a balance; the account's index is the key for its amount."""
    return ~account


def account_of(key: int) -> int:
    """Return the account that a key of `trace_of` belongs to."""
    return ~key if key < 0 else key - HOLDS if key >= HOLDS else key


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
