"""Reads the data file at the start: entities first, then the records in their order."""

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson

from midaz_seed.clock import ShiftedClock
from midaz_seed.sandbox.core.dates import parse_instant
from midaz_seed.sandbox.core.decimals import ZERO
from midaz_seed.sandbox.core.ledger import Balance
from midaz_seed.sandbox.core.records import KeyClaim, Operation, unpack_ending, unpack_transaction
from midaz_seed.sandbox.entities.balances import overdraft_limit, prepare
from midaz_seed.sandbox.faults.crash_recovery import NOT_YET, PERSISTED, Recovery, schedule_recovery
from midaz_seed.sandbox.storage.state import SandboxState
from midaz_seed.sandbox.transactions.execution import raise_version
from midaz_seed.sandbox.transactions.reads import load_transaction
from midaz_seed.sandbox.transactions.recording import index_ending, index_transaction


def load(state: SandboxState, recovery: Recovery) -> None:
    """Fill an empty state from its store, and schedule what a crash left."""
    for number, kind, org_id, ledger_id, data in state.store.entities():
        doc = orjson.loads(data)
        state.note_loaded_id(number, int(doc["id"].replace("-", "")[:12], 16))
        if kind == "balance":
            _load_balance(state, org_id, ledger_id, doc)
        else:
            state.index_entity(kind, org_id, ledger_id, doc)
    for seq, data in state.store.records():
        packed = orjson.loads(data)
        state.note_loaded_id(0, packed[1])
        _LOADERS[packed[0]](state, seq, packed)
    state.seq = state.store.committed_seq
    schedule_recovery(state, recovery)


def _load_balance(state: SandboxState, org_id: str, ledger_id: str, doc: dict[str, Any]) -> None:
    balance = Balance(**doc, overdraft_limit=overdraft_limit(doc["settings"]))
    prepare(balance, org_id, ledger_id)
    state.index_balance(state.ledger_state(org_id, ledger_id), balance)


def _restore(state: SandboxState, operations: list[Operation], *, moved: bool) -> None:
    """Set the balances to what the operations left."""
    if not moved:
        return
    for operation in operations:
        balance = state.balance_by_number[operation.balance]
        available, on_hold, version, used = operation.after
        owes = operation.kind != "OVERDRAFT"  # a companion shows what its balance owes, but owes nothing itself
        balance.available, balance.on_hold = Decimal(available), Decimal(on_hold)
        balance.overdraft_used = Decimal(used) if owes else ZERO
        balance.state = (available, on_hold, version, used if owes else "0")


def _load_transaction(state: SandboxState, seq: int, packed: list[Any]) -> None:
    transaction = unpack_transaction(packed)
    ledger = state.ledger_by_number[transaction.ledger]
    created_s = transaction.ms / 1000
    if "utc" in transaction.extra:
        instant = parse_instant(transaction.extra["utc"])
        assert instant is not None, transaction.extra
        created_s = instant.timestamp()
    if transaction.claim.expires_s <= state.clock.time():
        transaction.claim = KeyClaim("", 0)
    index_transaction(state, ledger, seq, transaction, created_s)
    _restore(state, transaction.operations, moved=transaction.status != "NOTED")
    if state.dialect.pending_touches_destination:
        for number, is_source, _, _ in transaction.extra.get("held", ()):
            if not is_source:
                raise_version(state.balance_by_number[number])


def _load_ending(state: SandboxState, seq: int, packed: list[Any]) -> None:
    ending = unpack_ending(packed)
    record = state.store.record(ending.transaction)
    assert record is not None, ending.transaction
    ledger = state.ledger_by_number[orjson.loads(record)[2]]
    index_ending(state, ledger, seq, ending)
    _restore(state, ending.operations, moved=True)


def _load_patch(state: SandboxState, _seq: int, packed: list[Any]) -> None:
    _, _, seq, part, description, metadata, stamp = packed
    state.patches[seq, part] = [description, metadata, stamp]


def _load_claim(state: SandboxState, _seq: int, packed: list[Any]) -> None:
    number, key, expires_s = packed[2:5]
    answer = packed[5] if len(packed) > 5 else 0  # files of earlier versions have no such value
    stored_keys = state.ledger_by_number[number].stored_keys
    if expires_s > state.clock.time():
        stored_keys[key] = KeyClaim(key, expires_s).stored_key(answer)
    else:
        stored_keys.pop(key, None)


def _load_hidden(state: SandboxState, _seq: int, packed: list[Any]) -> None:
    _, _, seq, visible_from_s = packed
    if visible_from_s == NOT_YET:
        state.hidden[seq] = math.inf
    elif visible_from_s > state.clock.time():
        state.hidden[seq] = visible_from_s
    else:
        state.hidden.pop(seq, None)
    transaction = load_transaction(state, seq)
    claim = transaction.claim
    if claim.key and claim.expires_s > state.clock.time():
        answered = visible_from_s == PERSISTED
        state.ledger_by_number[transaction.ledger].stored_keys[claim.key] = claim.stored_key(seq if answered else 0)


def _load_clock(state: SandboxState, _seq: int, packed: list[Any]) -> None:
    if isinstance(state.clock, ShiftedClock):
        state.clock.advance(packed[2] - state.clock.ahead_s)


_LOADERS: dict[str, Callable[[SandboxState, int, list[Any]], None]] = {
    "t": _load_transaction,
    "e": _load_ending,
    "p": _load_patch,
    "k": _load_claim,
    "h": _load_hidden,
    "c": _load_clock,
}
