"""Reading the data file back at the start: entities first, then the journal in its order."""

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson

from midaz_seed.clock import ShiftedClock
from midaz_seed.sandbox.core.dates import parse_instant
from midaz_seed.sandbox.core.decimals import ZERO
from midaz_seed.sandbox.core.journal_records import Claim, Operation, unpack_ending, unpack_transaction
from midaz_seed.sandbox.core.ledger import Balance
from midaz_seed.sandbox.entities.balances import overdraft_limit, prepare
from midaz_seed.sandbox.faults.crash_recovery import NOT_YET, PERSISTED, Recovery, adopt_orphans
from midaz_seed.sandbox.storage.state import World
from midaz_seed.sandbox.transactions.execution import index_ending, index_transaction, raise_version
from midaz_seed.sandbox.transactions.reads import load_transaction


def load(world: World, recovery: Recovery) -> None:
    """Fill an empty world from its store."""
    for number, kind, org_id, ledger_id, data in world.store.entities():
        doc = orjson.loads(data)
        world.saw_entity(number, int(doc["id"].replace("-", "")[:12], 16))
        if kind == "balance":
            _load_balance(world, org_id, ledger_id, doc)
        else:
            world.file(kind, org_id, ledger_id, doc)
    for seq, data in world.store.journal():
        packed = orjson.loads(data)
        world.saw_entity(0, packed[1])
        _LOADERS[packed[0]](world, seq, packed)
    world.seq = world.store.committed_seq
    adopt_orphans(world, recovery)


def _load_balance(world: World, org_id: str, ledger_id: str, doc: dict[str, Any]) -> None:
    balance = Balance(**doc, overdraft_limit=overdraft_limit(doc["settings"]))
    prepare(balance, org_id, ledger_id)
    world.file_balance(world.book(org_id, ledger_id), balance)


def _take(world: World, operations: list[Operation], *, moved: bool) -> None:
    """The balances stand where the last operations left them."""
    if not moved:
        return
    for operation in operations:
        balance = world.balance_by_number[operation.balance]
        available, on_hold, version, used = operation.after
        owes = operation.kind != "OVERDRAFT"  # a companion shows what its balance owes, and owes nothing itself
        balance.available, balance.on_hold = Decimal(available), Decimal(on_hold)
        balance.overdraft_used = Decimal(used) if owes else ZERO
        balance.state = (available, on_hold, version, used if owes else "0")


def _load_transaction(world: World, seq: int, packed: list[Any]) -> None:
    transaction = unpack_transaction(packed)
    book = world.book_by_number[transaction.book]
    created_s = transaction.ms / 1000
    if "utc" in transaction.extra:
        instant = parse_instant(transaction.extra["utc"])
        assert instant is not None, transaction.extra
        created_s = instant.timestamp()
    if transaction.claim.expires_s <= world.clock.time():
        transaction.claim = Claim("", 0)
    index_transaction(world, book, seq, transaction, created_s)
    _take(world, transaction.operations, moved=transaction.status != "NOTED")
    if world.dialect.pending_touches_destination:
        for number, is_source, _, _ in transaction.extra.get("held", ()):
            if not is_source:
                raise_version(world.balance_by_number[number])


def _load_ending(world: World, seq: int, packed: list[Any]) -> None:
    ending = unpack_ending(packed)
    place = world.store.record(ending.transaction)
    assert place is not None, ending.transaction
    book = world.book_by_number[orjson.loads(place)[2]]
    index_ending(world, book, seq, ending)
    _take(world, ending.operations, moved=True)


def _load_patch(world: World, _seq: int, packed: list[Any]) -> None:
    _, _, seq, part, description, metadata, stamp = packed
    world.patches[seq, part] = [description, metadata, stamp]


def _load_claim(world: World, _seq: int, packed: list[Any]) -> None:
    number, key, expires_s = packed[2:5]
    answer = packed[5] if len(packed) > 5 else 0  # files of earlier versions have no such place
    slots = world.book_by_number[number].slots
    if expires_s > world.clock.time():
        slots[key] = Claim(key, expires_s).slot(answer)
    else:
        slots.pop(key, None)


def _load_hidden(world: World, _seq: int, packed: list[Any]) -> None:
    _, _, seq, visible_from_s = packed
    if visible_from_s == NOT_YET:
        world.hidden[seq] = math.inf
    elif visible_from_s > world.clock.time():
        world.hidden[seq] = visible_from_s
    else:
        world.hidden.pop(seq, None)
    transaction = load_transaction(world, seq)
    claim = transaction.claim
    if claim.key and claim.expires_s > world.clock.time():
        answered = visible_from_s == PERSISTED
        world.book_by_number[transaction.book].slots[claim.key] = claim.slot(seq if answered else 0)


def _load_clock(world: World, _seq: int, packed: list[Any]) -> None:
    if isinstance(world.clock, ShiftedClock):
        world.clock.advance(packed[2] - world.clock.ahead_s)


_LOADERS: dict[str, Callable[[World, int, list[Any]], None]] = {
    "t": _load_transaction,
    "e": _load_ending,
    "p": _load_patch,
    "k": _load_claim,
    "h": _load_hidden,
    "c": _load_clock,
}
