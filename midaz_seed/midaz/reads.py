"""The reads that users of a ledger send: their requests, and what their answers must be."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from midaz_seed.errors import NotMidazError
from midaz_seed.midaz import routes
from midaz_seed.midaz.evidence import parsed_exactly
from midaz_seed.midaz.routes import Place
from midaz_seed.model.balances import ObservedBalance
from midaz_seed.model.json_types import JsonObject
from midaz_seed.transport.base import Request, Response, Service

ROWS = "10"
"""Rows of a statement and of a list: the page that a client gets by default (midaz-behaviour: list-pages)."""


@dataclass(frozen=True, slots=True)
class ReadableAccount:
    """An account that can be read.

    Attributes:
        index: in its ledger.
        id: of the account.
        balance_id: of its default balance.
        alias: of the account.
        asset: code of its asset.
        most: what it holds at most, at any time of the plan, with what is on hold.
    """

    index: int
    id: str
    balance_id: str
    alias: str
    asset: str
    most: Decimal


def balance_read(place: Place, account: ReadableAccount) -> Request:
    """Build the read of an account's balance."""
    return Request("GET", routes.balance(place, account.balance_id), service=Service.TRANSACTION)


def statement_read(place: Place, account: ReadableAccount) -> Request:
    """Build the read of an account's last operations."""
    path = routes.with_query(routes.operations(place, account.id), limit=ROWS, sort_order="desc")
    return Request("GET", path, service=Service.TRANSACTION)


def transaction_read(place: Place, transaction_id: str) -> Request:
    """Build the read of a transaction."""
    return Request("GET", f"{routes.transactions(place)}/{transaction_id}", service=Service.TRANSACTION)


def list_read(place: Place) -> Request:
    """Build the read of the last transactions."""
    path = routes.with_query(routes.transactions(place), limit=ROWS, sort_order="desc")
    return Request("GET", path, service=Service.TRANSACTION)


def wrong_balance(response: Response, account: ReadableAccount) -> str:
    """Return what contradicts the plan in the answer to the read of a balance; "" when nothing does."""
    row = _object(response)
    if row is None:
        return _NO_OBJECT
    try:
        balance = ObservedBalance.parse(row)
    except NotMidazError as error:
        return error.message
    if balance.id != account.balance_id or row.get("accountId") not in (None, account.id):
        return f"it is of another account: {row.get('accountId')}"
    if balance.asset != account.asset:
        return f"it is in {balance.asset}"
    held = balance.available + balance.on_hold
    if balance.available < 0 or held > account.most:
        return f"{balance.available} available and {balance.on_hold} on hold"
    return ""


def wrong_statement(response: Response, account: ReadableAccount) -> str:
    """Return what contradicts the plan in a statement; "" when nothing does."""
    rows = _rows(response)
    if rows is None:
        return _NO_OBJECT
    for row in rows:
        if row.get("accountId") not in (None, account.id):
            return f"a line is of another account: {row.get('accountId')}"
        if row.get("assetCode") not in (None, account.asset):
            return f"a line is in {row.get('assetCode')}"
    return ""


def wrong_transaction(response: Response, transaction_id: str, assets: Sequence[str]) -> str:
    """Return what contradicts the plan in a transaction; "" when nothing does."""
    row = _object(response)
    if row is None:
        return _NO_OBJECT
    if row.get("id") != transaction_id:
        return f"it is another transaction: {row.get('id')}"
    return "" if row.get("assetCode") in assets else f"it is in {row.get('assetCode')}"


def wrong_list(response: Response, place: Place, assets: Sequence[str]) -> tuple[str, list[str]]:
    """Return what contradicts the plan in a list of transactions, "" when nothing does, and the ids in it."""
    rows = _rows(response)
    if rows is None:
        return _NO_OBJECT, []
    for row in rows:
        if row.get("ledgerId") not in (None, place.ledger_id):
            return f"a transaction is of another ledger: {row.get('ledgerId')}", []
        if row.get("assetCode") not in assets:
            return f"a transaction is in {row.get('assetCode')}", []
    return "", [str(row["id"]) for row in rows if row.get("id")]


_NO_OBJECT = "the answer is not the JSON of a Midaz"


def _object(response: Response) -> JsonObject | None:
    found = parsed_exactly(response.body)
    return found if isinstance(found, dict) else None


def _rows(response: Response) -> list[JsonObject] | None:
    found = _object(response)
    items = found.get("items", "") if found is not None else ""
    rows = [] if items is None else items
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else None
