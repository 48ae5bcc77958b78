"""Reading transactions and operations back from the journal: one, a page, a count."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import orjson

from midaz_seed.sandbox.core import ids
from midaz_seed.sandbox.core.dates import months_before, parse_instant
from midaz_seed.sandbox.core.error_codes import RefusedError
from midaz_seed.sandbox.core.journal_records import ENDING, TRANSACTION, Transaction, unpack_ending, unpack_transaction
from midaz_seed.sandbox.core.messages import Call, Headers, Reply, empty_reply, raw_json_reply
from midaz_seed.sandbox.entities.crud import count_reply
from midaz_seed.sandbox.entities.list_queries import Listing, cut, metadata_matches, read_listing
from midaz_seed.sandbox.storage.state import STATUSES, Book, World
from midaz_seed.sandbox.transactions.rendering import (
    Placed,
    created_json,
    operation_json,
    placed,
    quote,
    sides_of,
    transaction_json,
)

NOT_FROM_CACHE: Headers = [(b"x-cache-hit", b"false")]
FROM_CACHE: Headers = [(b"x-cache-hit", b"true")]
_DAY_S = 86_400.0


def load_transaction(world: World, seq: int) -> Transaction:
    """A transaction by its place in the journal."""
    record = world.store.record(seq)
    assert record is not None, seq
    return unpack_transaction(orjson.loads(record))


def find_transaction(world: World, book: Book, transaction_id: str) -> tuple[int, Transaction] | None:
    """A transaction of this ledger by its id."""
    place = ids.journal_place(transaction_id)
    if place is None or place[1] != 0 or book.position(place[0]) is None or world.is_stranded(place[0]):
        return None
    transaction = load_transaction(world, place[0])
    return (
        (place[0], transaction) if ids.journal_id(world.head(transaction.ms), place[0], 0) == transaction_id else None
    )


def operations_of(world: World, seq: int, transaction: Transaction) -> list[Placed]:
    """A transaction's operations, those of its commit or cancel after its own."""
    created = transaction.extra.get("utc", transaction.created)
    found = placed(world, seq, transaction.ms, transaction.operations, created)
    for ending_seq in world.endings.get(seq, ()):
        record = world.store.record(ending_seq)
        assert record is not None, ending_seq
        ending = unpack_ending(orjson.loads(record))
        found += placed(world, ending_seq, ending.ms, ending.operations, ending.updated)
    return found


def stored_transaction(
    world: World, book: Book, seq: int, transaction: Transaction, *, limit: int | None = None, bare: bool = False
) -> str:
    """A transaction as a read shows it; `limit` cuts its operations, `bare` leaves them and the sides out."""
    operations = None if bare else operations_of(world, seq, transaction)
    if operations is not None and limit is not None:
        operations = operations[:limit]
    sides = {"sources": None, "destinations": None} if operations is None else sides_of(world, operations)
    status = book.status_of(seq)
    return transaction_json(
        world,
        book,
        seq,
        transaction,
        status=status,
        updated=transaction.updated,
        operations=operations,
        stored=True,
        **sides,
    )


def stored_operation(world: World, book: Book, seq: int, transaction: Transaction, item: Placed) -> str:
    """An operation as a read shows it."""
    transaction_id = ids.journal_id(world.head(transaction.ms), seq, 0)
    affected = transaction.status != "NOTED"
    return operation_json(
        world, item, transaction_id, quote(transaction.description), quote(transaction.asset), affected=affected
    )


def get(world: World, call: Call) -> Reply:
    book = world.book(call.org_id, call.ledger_id)
    listing = read_listing(call.query(), world.dialect)
    found = find_transaction(world, book, call.params[2])
    if found is None or not world.shows(call.params[2]):
        raise RefusedError("0007")
    if not world.is_listed(found[0]):  # still in the queue: the copy that the 201 showed
        return raw_json_reply(200, created_json(world, book, *found), FROM_CACHE)
    body = stored_transaction(world, book, *found, limit=_operations_shown(world, book, found[0], listing))
    return raw_json_reply(200, body.encode(), NOT_FROM_CACHE if world.dialect.cache_header else None)


def _operations_shown(world: World, book: Book, seq: int, listing: Listing) -> int:
    """How many operations a read of one transaction shows."""
    if world.dialect.date_window_hides_operations:
        place = book.position(seq)
        start_s, end_s = _window(world, listing)
        if place is not None and not start_s <= book.created_s[place] < end_s:
            return 0
    return listing.limit


def _window(world: World, listing: Listing) -> tuple[float, float]:
    """The dates of a list: those that were asked for, else the last months."""
    if listing.start_s is not None and listing.end_s is not None:
        return listing.start_s, listing.end_s
    now_s = world.clock.time()
    return months_before(now_s, world.dialect.date_window_months), now_s + _DAY_S


def _page_reply(world: World, listing: Listing, kind: str, shown: list[str], cursors: dict[str, str]) -> Reply:
    empty = world.dialect.cursor_list_empty[kind]
    if listing.metadata is not None:
        empty = "null"  # what the real server answers when nothing has that metadata
    items = f"[{','.join(shown)}]" if shown or empty == "[]" else "null"
    more = "".join(f',"{name}":{quote(cursor)}' for name, cursor in cursors.items())
    return raw_json_reply(200, f'{{"items":{items},"limit":{listing.limit}{more}}}'.encode())


def list_transactions(world: World, call: Call) -> Reply:
    book = world.book(call.org_id, call.ledger_id)
    listing = read_listing(call.query(), world.dialect)
    start_s, end_s = _window(world, listing)
    wanted, until_s = listing.metadata, world.shown_until_s
    found: list[tuple[int, Transaction]] = []
    for place in _places(book, listing):
        if not start_s <= book.created_s[place] < end_s:
            continue
        seq = book.seqs[place]
        if not world.is_listed(seq):
            continue
        transaction = load_transaction(world, seq)
        if until_s is not None and transaction.ms / 1000 > until_s:
            continue
        patch = world.patches.get((seq, 0))
        metadata = transaction.metadata if patch is None or patch[1] is None else patch[1]
        if wanted is None or metadata_matches(metadata, wanted):
            found.append((seq, transaction))
            if len(found) > listing.limit:
                break
    page, cursors = cut(found, lambda item: ids.journal_id(world.head(item[1].ms), item[0], 0), listing, world.dialect)
    return _page_reply(
        world, listing, "transactions", [stored_transaction(world, book, *item) for item in page], cursors
    )


def _places(book: Book, listing: Listing) -> Iterable[int]:
    """The places in the book's columns that a list walks over, in its order."""
    downwards = listing.descending != listing.backwards
    start, stop = 0, len(book.seqs)
    if listing.cursor_id:
        cursor = ids.journal_place(listing.cursor_id) or (0, 0)
        if downwards:
            stop = bisect_left(book.seqs, cursor[0])
        else:
            start = bisect_right(book.seqs, cursor[0])
    return range(stop - 1, start - 1, -1) if downwards else range(start, stop)


def count_transactions(world: World, call: Call) -> Reply:
    """The number in a window (of a date that is missing: today's begin or end), by status and route. A bad parameter or
    an end before the start is a 400 without body."""
    query = {name: text.strip() for name, text in call.query().items()}
    book = world.book(call.org_id, call.ledger_id)
    status, route = query.get("status", "").upper(), query.get("route", "")
    if status and status not in STATUSES:
        return empty_reply(400)
    now = datetime.fromtimestamp(world.clock.time(), UTC)
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
    for place, created_s in enumerate(book.created_s):
        if not start_s <= created_s <= end_s or (status and STATUSES[book.status[place]] != status):
            continue
        if not world.is_listed(book.seqs[place]):
            continue
        if route and load_transaction(world, book.seqs[place]).extra.get("route") != route:
            continue
        count += 1
    return count_reply(count)


# ---- operations of an account


def list_operations(world: World, call: Call) -> Reply:
    """An account's operations by cursor, within the dates that were asked for, else the last months; an unknown account
    has none. Raises RefusedError for parameters that every list refuses."""
    book = world.book(call.org_id, call.ledger_id)
    query = call.query()
    listing = read_listing(query, world.dialect)
    keep = _operation_test(query, world)
    start_s, end_s = _window(world, listing)
    found: list[tuple[int, Transaction, Placed]] = []
    for item in _operations_of_account(world, book, call.params[2], listing):
        instant = parse_instant(item[2][4])
        if instant is not None and start_s <= instant.timestamp() < end_s and keep(item[2]):
            found.append(item)
            if len(found) > listing.limit:
                break
    page, cursors = cut(found, lambda item: ids.journal_id(*item[2][:3]), listing, world.dialect)
    if listing.metadata is not None:  # looked for in the page that was cut already, as the real server does
        page = [item for item in page if metadata_matches(_metadata_of(world, item[2]), listing.metadata)]
    shown = [stored_operation(world, book, *item) for item in page]
    return _page_reply(world, listing, "operations", shown, cursors)


def _metadata_of(world: World, item: Placed) -> Any:
    """An operation's metadata with what was changed since."""
    patch = world.patches.get((item[1], item[2]))
    return item[3].texts.get("m") if patch is None or patch[1] is None else patch[1]


def _operation_test(query: dict[str, str], world: World) -> Callable[[Placed], bool]:
    """What the filters of the query let through; those that this version does not know are not looked at."""
    wanted = {"type": query.get("type", "").upper(), "direction": ""}
    route_id = route_code = ""
    if world.dialect.has("route-id"):
        wanted["direction"] = query.get("direction", "").lower()
        route_id, route_code = query.get("route_id", ""), query.get("route_code", "")

    def test(item: Placed) -> bool:
        operation = item[3]
        if wanted["type"] and operation.kind != wanted["type"]:
            return False
        if wanted["direction"] and ("debit" if operation.is_debit else "credit") != wanted["direction"]:
            return False
        if route_id and operation.texts.get("i") != route_id:
            return False
        return not route_code or operation.texts.get("rc") == route_code

    return test


def _operations_of_account(
    world: World, book: Book, account_id: str, listing: Listing
) -> Iterable[tuple[int, Transaction, Placed]]:
    """An account's operations in the order of the list, from where its cursor stands."""
    entries = book.touched.get(account_id)
    if entries is None:
        return
    downwards = listing.descending != listing.backwards
    cursor = ids.journal_place(listing.cursor_id) if listing.cursor_id else None
    places: Iterable[int] = range(len(entries) - 1, -1, -1) if downwards else range(len(entries))
    if cursor is not None:
        if downwards:
            places = range(bisect_right(entries, cursor[0]) - 1, -1, -1)
        else:
            places = range(bisect_left(entries, cursor[0]), len(entries))
    for place in places:
        if not world.is_listed(entries[place]):
            continue
        seq, transaction, items = entry(world, entries[place])
        own = [item for item in items if world.balance_by_number[item[3].balance].account_id == account_id]
        for item in reversed(own) if downwards else own:
            if cursor is None or ((item[1], item[2]) < cursor if downwards else (item[1], item[2]) > cursor):
                yield seq, transaction, item


def entry(world: World, seq: int) -> tuple[int, Transaction, list[Placed]]:
    """A journal entry with operations: the transaction it belongs to, and its own operations."""
    record = world.store.record(seq)
    assert record is not None, seq
    packed = orjson.loads(record)
    if packed[0] == TRANSACTION:
        transaction = unpack_transaction(packed)
        return (
            seq,
            transaction,
            placed(
                world, seq, transaction.ms, transaction.operations, transaction.extra.get("utc", transaction.created)
            ),
        )
    assert packed[0] == ENDING, packed[0]
    ending = unpack_ending(packed)
    return (
        ending.transaction,
        load_transaction(world, ending.transaction),
        placed(world, seq, ending.ms, ending.operations, ending.updated),
    )


def get_operation(world: World, call: Call) -> Reply:
    book = world.book(call.org_id, call.ledger_id)
    place = ids.journal_place(call.params[3])
    entries = book.touched.get(call.params[2])
    at = bisect_left(entries, place[0]) if place is not None and entries is not None else 0
    if (
        place is None
        or entries is None
        or at == len(entries)
        or entries[at] != place[0]
        or not world.is_listed(place[0])
    ):
        raise RefusedError("0007")
    seq, transaction, items = entry(world, place[0])
    for item in items:
        if item[2] == place[1] and world.balance_by_number[item[3].balance].account_id == call.params[2]:
            return raw_json_reply(200, stored_operation(world, book, seq, transaction, item).encode())
    raise RefusedError("0007")
