"""The endpoints that show transactions and operations: one, a page, a count."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import orjson

from midaz_seed.sandbox.core import ids
from midaz_seed.sandbox.core.dates import months_before, parse_instant
from midaz_seed.sandbox.core.error_codes import RefusedError
from midaz_seed.sandbox.core.messages import Call, Headers, Reply, empty_reply, raw_json_reply
from midaz_seed.sandbox.core.records import ENDING, TRANSACTION, Transaction, unpack_ending, unpack_transaction
from midaz_seed.sandbox.entities.crud import count_reply
from midaz_seed.sandbox.entities.list_queries import Listing, cut, metadata_matches, read_listing
from midaz_seed.sandbox.storage.state import STATUSES, LedgerState, SandboxState
from midaz_seed.sandbox.transactions.rendering import (
    LocatedOperation,
    created_json,
    locate,
    operation_json,
    quote,
    sides_of,
    transaction_json,
)

NOT_FROM_CACHE: Headers = [(b"x-cache-hit", b"false")]
FROM_CACHE: Headers = [(b"x-cache-hit", b"true")]
_DAY_S = 86_400.0


def load_transaction(state: SandboxState, seq: int) -> Transaction:
    """Return a transaction by the number of its record."""
    record = state.store.record(seq)
    assert record is not None, seq
    return unpack_transaction(orjson.loads(record))


def find_transaction(state: SandboxState, ledger: LedgerState, transaction_id: str) -> tuple[int, Transaction] | None:
    """Return the record's number and the transaction with an id; None when the ledger has none that reads show."""
    position = ids.record_position(transaction_id)
    if position is None or position[1] != 0 or ledger.position(position[0]) is None or state.is_hidden(position[0]):
        return None
    transaction = load_transaction(state, position[0])
    return (
        (position[0], transaction)
        if ids.record_id(state.head(transaction.ms), position[0], 0) == transaction_id
        else None
    )


def operations_of(state: SandboxState, seq: int, transaction: Transaction) -> list[LocatedOperation]:
    """Return the operations of a transaction, then those of its commit or cancel."""
    created = transaction.extra.get("utc", transaction.created)
    found = locate(state, seq, transaction.ms, transaction.operations, created)
    for ending_seq in state.endings.get(seq, ()):
        record = state.store.record(ending_seq)
        assert record is not None, ending_seq
        ending = unpack_ending(orjson.loads(record))
        found += locate(state, ending_seq, ending.ms, ending.operations, ending.updated)
    return found


def stored_transaction(
    state: SandboxState,
    ledger: LedgerState,
    seq: int,
    transaction: Transaction,
    *,
    limit: int | None = None,
    bare: bool = False,
) -> str:
    """Return a transaction as a read shows it, with up to `limit` operations; `bare`: without operations and sides."""
    operations = None if bare else operations_of(state, seq, transaction)
    if operations is not None and limit is not None:
        operations = operations[:limit]
    sides = {"sources": None, "destinations": None} if operations is None else sides_of(state, operations)
    status = ledger.status_of(seq)
    return transaction_json(
        state,
        ledger,
        seq,
        transaction,
        status=status,
        operations=operations,
        stored=True,
        **sides,
    )


def stored_operation(
    state: SandboxState, ledger: LedgerState, seq: int, transaction: Transaction, item: LocatedOperation
) -> str:
    """Return an operation as a read shows it."""
    transaction_id = ids.record_id(state.head(transaction.ms), seq, 0)
    return operation_json(
        state,
        item,
        transaction_id=transaction_id,
        description=quote(transaction.description),
        asset=quote(transaction.asset),
        affected=transaction.status != "NOTED",
    )


def get(state: SandboxState, call: Call) -> Reply:
    """Show one transaction (0007 when it is unknown)."""
    ledger = state.ledger_state(call.org_id, call.ledger_id)
    listing = read_listing(call.query(), state.dialect)
    found = find_transaction(state, ledger, call.params[2])
    if found is None or not state.shows(call.params[2]):
        refusal = RefusedError("0007")
        refusal.headers = NOT_FROM_CACHE if state.dialect.cache_header else []
        raise refusal
    if not state.is_listed(found[0]):  # still in the queue: the cached copy, which the 201 showed
        return raw_json_reply(200, created_json(state, ledger, *found), FROM_CACHE)
    body = stored_transaction(state, ledger, *found, limit=_operations_shown(state, ledger, found[0], listing))
    return raw_json_reply(200, body.encode(), NOT_FROM_CACHE if state.dialect.cache_header else None)


def _operations_shown(state: SandboxState, ledger: LedgerState, seq: int, listing: Listing) -> int:
    """Return the number of operations that a read of one transaction shows."""
    if state.dialect.date_window_hides_operations:
        index = ledger.position(seq)
        start_s, end_s = _window(state, listing)
        if index is not None and not start_s <= ledger.created_s[index] < end_s:
            return 0
    return listing.limit


def _window(state: SandboxState, listing: Listing) -> tuple[float, float]:
    """Return the window of a list: the requested one, else the last months."""
    if listing.start_s is not None and listing.end_s is not None:
        return listing.start_s, listing.end_s
    now_s = state.clock.time()
    return months_before(now_s, state.dialect.date_window_months), now_s + _DAY_S


def _page_reply(state: SandboxState, listing: Listing, kind: str, shown: list[str], cursors: dict[str, str]) -> Reply:
    empty = state.dialect.cursor_list_empty[kind]
    if listing.metadata is not None:
        empty = "null"  # as the real server, when nothing matches the metadata
    items = f"[{','.join(shown)}]" if shown or empty == "[]" else "null"
    more = "".join(f',"{name}":{quote(cursor)}' for name, cursor in cursors.items())
    return raw_json_reply(200, f'{{"items":{items},"limit":{listing.limit}{more}}}'.encode())


def list_transactions(state: SandboxState, call: Call) -> Reply:
    """List transactions by cursor, within the requested dates, else the last months."""
    ledger = state.ledger_state(call.org_id, call.ledger_id)
    listing = read_listing(call.query(), state.dialect)
    start_s, end_s = _window(state, listing)
    wanted, until_s = listing.metadata, state.shown_until_s
    found: list[tuple[int, Transaction]] = []
    for index in _indexes(ledger, listing):
        if not start_s <= ledger.created_s[index] < end_s:
            continue
        seq = ledger.seqs[index]
        if not state.is_listed(seq):
            continue
        transaction = load_transaction(state, seq)
        if until_s is not None and transaction.ms / 1000 > until_s:
            continue
        patch = state.patches.get((seq, 0))
        metadata = transaction.metadata if patch is None or patch[1] is None else patch[1]
        if wanted is None or metadata_matches(metadata, wanted):
            found.append((seq, transaction))
            if len(found) > listing.limit:
                break
    page, cursors = cut(found, lambda item: ids.record_id(state.head(item[1].ms), item[0], 0), listing, state.dialect)
    return _page_reply(
        state, listing, "transactions", [stored_transaction(state, ledger, *item) for item in page], cursors
    )


def _indexes(ledger: LedgerState, listing: Listing) -> Iterable[int]:
    """Return the rows of the ledger's columns in the order of a list, from its cursor."""
    downwards = listing.descending != listing.backwards
    start, stop = 0, len(ledger.seqs)
    if listing.cursor_id:
        cursor = ids.record_position(listing.cursor_id) or (0, 0)
        if downwards:
            stop = bisect_left(ledger.seqs, cursor[0])
        else:
            start = bisect_right(ledger.seqs, cursor[0])
    return range(stop - 1, start - 1, -1) if downwards else range(start, stop)


def count_transactions(state: SandboxState, call: Call) -> Reply:
    """Count transactions in a window, by default today, optionally of one status and route.

    An invalid parameter, or an end before the start, is a 400 without body.
    """
    query = {name: text.strip() for name, text in call.query().items()}
    ledger = state.ledger_state(call.org_id, call.ledger_id)
    status, route = query.get("status", "").upper(), query.get("route", "")
    if status and status not in STATUSES:
        return empty_reply(400)
    now = datetime.fromtimestamp(state.clock.time(), UTC)
    start_s = now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    end_s = start_s + _DAY_S
    for name in ("start_date", "end_date"):
        text = query.get(name, "").replace(" ", "+")
        instant = parse_instant(text) if "T" in text and (text.endswith("Z") or text[-6:-5] in ("+", "-")) else None
        if text and instant is None:
            return empty_reply(400)
        if instant is not None and name == "start_date":
            start_s = instant.timestamp()
        elif instant is not None:
            end_s = instant.timestamp()
    if start_s > end_s:
        return empty_reply(400)
    count = 0
    for index, created_s in enumerate(ledger.created_s):
        if not start_s <= created_s <= end_s or (status and STATUSES[ledger.status[index]] != status):
            continue
        if not state.is_listed(ledger.seqs[index]):
            continue
        if route and load_transaction(state, ledger.seqs[index]).extra.get("route") != route:
            continue
        count += 1
    return count_reply(count)


# ---- operations of an account


def list_operations(state: SandboxState, call: Call) -> Reply:
    """List the operations of an account by cursor, within the requested dates, else the last months.

    An unknown account has none.
    """
    ledger = state.ledger_state(call.org_id, call.ledger_id)
    query = call.query()
    listing = read_listing(query, state.dialect)
    keep = _operation_test(query, state)
    start_s, end_s = _window(state, listing)
    found: list[tuple[int, Transaction, LocatedOperation]] = []
    for item in _operations_of_account(state, ledger, call.params[2], listing):
        instant = parse_instant(item[2].created)
        if instant is not None and start_s <= instant.timestamp() < end_s and keep(item[2]):
            found.append(item)
            if len(found) > listing.limit:
                break
    page, cursors = cut(found, lambda item: item[2].id, listing, state.dialect)
    if listing.metadata is not None:  # filtered after the page was cut, as the real server does
        page = [item for item in page if metadata_matches(_metadata_of(state, item[2]), listing.metadata)]
    shown = [stored_operation(state, ledger, *item) for item in page]
    return _page_reply(state, listing, "operations", shown, cursors)


def _metadata_of(state: SandboxState, item: LocatedOperation) -> Any:
    """Return the metadata of an operation with later changes."""
    patch = state.patches.get((item.seq, item.part))
    return item.operation.texts.get("m") if patch is None or patch[1] is None else patch[1]


def _operation_test(query: dict[str, str], state: SandboxState) -> Callable[[LocatedOperation], bool]:
    """Return the test of the query's filters; those that the version does not have are ignored."""
    wanted = {"type": query.get("type", "").upper(), "direction": ""}
    route_id = route_code = ""
    if state.dialect.has("route-id"):
        wanted["direction"] = query.get("direction", "").lower()
        route_id, route_code = query.get("route_id", ""), query.get("route_code", "")

    def test(item: LocatedOperation) -> bool:
        operation = item.operation
        if wanted["type"] and operation.kind != wanted["type"]:
            return False
        if wanted["direction"] and ("debit" if operation.is_debit else "credit") != wanted["direction"]:
            return False
        if route_id and operation.texts.get("i") != route_id:
            return False
        return not route_code or operation.texts.get("rc") == route_code

    return test


def _operations_of_account(
    state: SandboxState, ledger: LedgerState, account_id: str, listing: Listing
) -> Iterable[tuple[int, Transaction, LocatedOperation]]:
    """Yield the operations of an account in the order of a list, from its cursor."""
    entries = ledger.touched.get(account_id)
    if entries is None:
        return
    downwards = listing.descending != listing.backwards
    cursor = ids.record_position(listing.cursor_id) if listing.cursor_id else None
    indexes: Iterable[int] = range(len(entries) - 1, -1, -1) if downwards else range(len(entries))
    if cursor is not None:
        if downwards:
            indexes = range(bisect_right(entries, cursor[0]) - 1, -1, -1)
        else:
            indexes = range(bisect_left(entries, cursor[0]), len(entries))
    for index in indexes:
        if not state.is_listed(entries[index]):
            continue
        seq, transaction, items = load_record(state, entries[index])
        own = [item for item in items if state.balance_by_number[item.operation.balance].account_id == account_id]
        for item in reversed(own) if downwards else own:
            if cursor is None or ((item.seq, item.part) < cursor if downwards else (item.seq, item.part) > cursor):
                yield seq, transaction, item


def load_record(state: SandboxState, seq: int) -> tuple[int, Transaction, list[LocatedOperation]]:
    """Return the transaction that a record belongs to, as (number, transaction), and the record's own operations."""
    record = state.store.record(seq)
    assert record is not None, seq
    packed = orjson.loads(record)
    if packed[0] == TRANSACTION:
        transaction = unpack_transaction(packed)
        return (
            seq,
            transaction,
            locate(
                state, seq, transaction.ms, transaction.operations, transaction.extra.get("utc", transaction.created)
            ),
        )
    assert packed[0] == ENDING, packed[0]
    ending = unpack_ending(packed)
    return (
        ending.transaction,
        load_transaction(state, ending.transaction),
        locate(state, seq, ending.ms, ending.operations, ending.updated),
    )


def get_operation(state: SandboxState, call: Call) -> Reply:
    """Show one operation of an account (0007 when it is unknown)."""
    ledger = state.ledger_state(call.org_id, call.ledger_id)
    position = ids.record_position(call.params[3])
    entries = ledger.touched.get(call.params[2])
    at = bisect_left(entries, position[0]) if position is not None and entries is not None else 0
    if (
        position is None
        or entries is None
        or at == len(entries)
        or entries[at] != position[0]
        or not state.is_listed(position[0])
    ):
        raise RefusedError("0007")
    seq, transaction, items = load_record(state, position[0])
    for item in items:
        if item.part == position[1] and state.balance_by_number[item.operation.balance].account_id == call.params[2]:
            return raw_json_reply(200, stored_operation(state, ledger, seq, transaction, item).encode())
    raise RefusedError("0007")
