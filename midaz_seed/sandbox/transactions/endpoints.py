"""The transaction endpoints: post, commit, cancel, revert and change, with the idempotency keys in front of them."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson

from midaz_seed.sandbox.core import ids
from midaz_seed.sandbox.core.error_codes import FailedError, RefusedError
from midaz_seed.sandbox.core.journal_records import PATCH, Claim, Operation, Transaction, slot_parts
from midaz_seed.sandbox.core.messages import Call, Reply, raw_json_reply
from midaz_seed.sandbox.entities.body_schema import read_body
from midaz_seed.sandbox.entities.crud import merged_metadata
from midaz_seed.sandbox.entities.kinds import DESCRIPTION_PATCH
from midaz_seed.sandbox.storage.idempotency import NOT_REPLAYED, REPLAYED, answered_by, claim_key, key_and_expiry
from midaz_seed.sandbox.storage.state import Book, World
from midaz_seed.sandbox.transactions.accounting_routes import check_revertible
from midaz_seed.sandbox.transactions.execution import check_date, check_value, end_pending, execute
from midaz_seed.sandbox.transactions.fast_path import post_ordinary
from midaz_seed.sandbox.transactions.reads import (
    find_transaction,
    load_transaction,
    operations_of,
    stored_operation,
    stored_transaction,
)
from midaz_seed.sandbox.transactions.rendering import created_json, placed, transaction_json
from midaz_seed.sandbox.transactions.request import INFLOW, JSON, Endpoint, Intent, Leg, read_intent


def poster(endpoint: Endpoint) -> Callable[[World, Call], Reply]:
    """The handler of one way to post a transaction: a short one for the ordinary ones, and the general one."""
    general = general_poster(endpoint)
    if endpoint is not JSON and endpoint is not INFLOW:
        return general
    inflow = endpoint is INFLOW

    def post(world: World, call: Call) -> Reply:
        return post_ordinary(world, call, inflow=inflow) or general(world, call)

    return post


def general_poster(endpoint: Endpoint) -> Callable[[World, Call], Reply]:
    """The general way, which takes every request."""

    def post(world: World, call: Call) -> Reply:
        intent = read_intent(endpoint, call.body, world.dialect)
        if world.dialect.checks_before_claim:
            check_date(intent, world.clock.time())
            check_value(intent)
        return carry_out(world, call, intent, endpoint)

    return post


def carry_out(world: World, call: Call, intent: Intent, endpoint: Endpoint, parent: str = "") -> Reply:
    """Claim the key, or answer with what stands under it; then carry the intent out."""
    book = world.book(call.org_id, call.ledger_id)
    silent = bool(parent) and world.dialect.revert_replays_silently
    claim = claim_of(world, call, intent)
    if silent:
        claim = Claim(intent.fingerprint(), claim.expires_s)  # what the request says is not looked at
    answered = answered_by(world, book, claim.key)
    if answered is not None:
        first = created_json(world, book, answered, load_transaction(world, answered))
        return raw_json_reply(201, first, None if silent else REPLAYED)
    try:
        if not world.dialect.checks_before_claim:
            check_date(intent, world.clock.time())
        seq, transaction = execute(world, book, intent, endpoint, claim, parent)
    except (RefusedError, FailedError) as error:
        error.claimed = True
        raise
    return raw_json_reply(201, created_json(world, book, seq, transaction), None if silent else NOT_REPLAYED)


def claim_of(world: World, call: Call, intent: Intent) -> Claim:
    """The request's key, or one made of its content, and when it expires."""
    key, expires_s = key_and_expiry(world, call)
    return Claim(key or intent.fingerprint(), expires_s)


def foreign_replay(
    world: World, call: Call, endpoint: Endpoint, chance: float, *, owner_loses: bool = False
) -> Reply | None:
    """Answer with another transaction of the ledger, whose answer stands under the request's key from now on, as real
    v3.3 and v4 servers sometimes do. What was asked for is not made. `owner_loses`: the other transaction's own key is
    left without an answer.

    None, and nothing done, when there is no other one to answer with.
    """
    book = world.book(call.org_id, call.ledger_id)
    if not book.seqs:
        return None
    try:
        intent = read_intent(endpoint, call.body, world.dialect)
        claim = claim_of(world, call, intent)
    except (RefusedError, FailedError):
        return None
    if claim.key in book.slots:
        return None
    seq = book.seqs[int(chance * len(book.seqs))]
    if not world.is_answered(seq) or world.is_stranded(seq):
        return None
    claim_key(world, book, claim, seq)
    other = load_transaction(world, seq)
    if owner_loses and slot_parts(book.slots.get(other.claim.key, 0))[1] == seq:
        claim_key(world, book, other.claim)
    return raw_json_reply(201, created_json(world, book, seq, other), REPLAYED)


# ---- what happens to a transaction later


def _known(world: World, call: Call, code: str, entity: str | None = None) -> tuple[Book, int, Transaction]:
    book = world.book(call.org_id, call.ledger_id)
    found = find_transaction(world, book, call.params[2])
    if found is None:
        raise RefusedError(code, entity=entity)
    return book, *found


def commit(world: World, call: Call) -> Reply:
    """Let a pending transaction happen. Raises RefusedError: 0007 (unknown), 0486 or 0099 (not pending any more)."""
    return _end(world, call, commit=True)


def cancel(world: World, call: Call) -> Reply:
    """Give back what a pending transaction holds. Raises RefusedError as `commit` does."""
    return _end(world, call, commit=False)


def _end(world: World, call: Call, *, commit: bool) -> Reply:
    book, seq, transaction = _known(world, call, "0007")
    ending = end_pending(world, book, seq, transaction, commit=commit)
    body = transaction_json(
        world,
        book,
        seq,
        transaction,
        status=ending.status,
        updated=ending.updated,
        operations=placed(world, world.seq, ending.ms, ending.operations, ending.updated),
        sources=transaction.sources,
        destinations=transaction.destinations,
        stored=True,
    )
    return raw_json_reply(201, body.encode())


def revert(world: World, call: Call) -> Reply:
    """Undo an approved transaction by one the other way round.

    Raises RefusedError: 0099 (unknown, or not approved), 0087 (done already), 0088 (itself a reversal), 0101 and 0150
    (an operation route that is gone, or that is not bidirectional).
    """
    book, seq, transaction = _known(world, call, "0099", entity="RevertTransaction")
    if seq in world.reverted:
        raise RefusedError("0087")
    if "parent" in transaction.extra:
        raise RefusedError("0088")
    if book.status_of(seq) != "APPROVED":
        raise RefusedError("0099", entity="RevertTransaction")
    if world.dialect.has("route-id"):
        check_revertible(book, [operation for _, _, _, operation, _ in operations_of(world, seq, transaction)])
    return carry_out(world, call, _reversal(world, seq, transaction), JSON, parent=call.params[2])


def _reversal(world: World, seq: int, transaction: Transaction) -> Intent:
    """The same movement the other way round, leg by leg in the order of the operations."""
    sources: list[Leg] = []
    destinations: list[Leg] = []
    for _, _, _, operation, _ in operations_of(world, seq, transaction):
        if operation.kind in ("DEBIT", "CREDIT", "BLOCK", "UNBLOCK"):
            (destinations if operation.is_debit else sources).append(_leg_of(world, operation, transaction))
    patch = world.patches.get((seq, 0))
    metadata = transaction.metadata if patch is None or patch[1] is None else patch[1]
    return Intent(
        asset=transaction.asset,
        value=Decimal(transaction.amount),
        sources=sources,
        destinations=destinations,
        description=(patch[0] if patch is not None else "") or transaction.description,
        group=transaction.extra.get("group", ""),
        route=transaction.extra.get("route", ""),
        route_id=transaction.extra.get("routeId"),
        metadata=metadata,
    )


def _leg_of(world: World, operation: Operation, transaction: Transaction) -> Leg:
    balance = world.balance_by_number[operation.balance]
    texts = operation.texts
    return Leg(
        alias=balance.alias,
        key=balance.key,
        amount=Decimal(operation.amount),
        amount_asset=transaction.asset,
        description=texts.get("d", ""),
        chart=texts.get("c", ""),
        metadata=texts.get("m"),
        route=texts.get("r", ""),
        route_id=texts.get("i"),
    )


def patch(world: World, call: Call) -> Reply:
    body = read_body(DESCRIPTION_PATCH, call.body, world.dialect)
    book, seq, transaction = _known(world, call, "0007")
    former = world.patches.get((seq, 0))
    present = transaction.metadata if former is None or former[1] is None else former[1]
    metadata = merged_metadata(present or {}, body) if "metadata" in body.sent else None
    _write_patch(world, seq, 0, body["description"], metadata, former)
    return raw_json_reply(200, stored_transaction(world, book, seq, transaction, bare=True).encode())


def patch_operation(world: World, call: Call) -> Reply:
    body = read_body(DESCRIPTION_PATCH, call.body, world.dialect)
    book, seq, transaction = _known(world, call, "0007")
    place = ids.journal_place(call.params[3])
    found = [item for item in operations_of(world, seq, transaction) if place == (item[1], item[2])]
    if not found or place is None:
        raise RefusedError("0007")
    former = world.patches.get(place)
    present = found[0][3].texts.get("m") if former is None or former[1] is None else former[1]
    metadata = merged_metadata(present or {}, body) if "metadata" in body.sent else None
    _write_patch(world, *place, body["description"], metadata, former)
    return raw_json_reply(200, stored_operation(world, book, seq, transaction, found[0]).encode())


def _write_patch(world: World, seq: int, part: int, description: str, metadata: Any, former: list[Any] | None) -> None:
    epoch_s, stamp = world.now()
    if former is not None:
        description = description or former[0]
        metadata = former[1] if metadata is None else metadata
    world.seq += 1
    world.patches[seq, part] = [description, metadata, stamp]
    world.store.append(world.seq, orjson.dumps([PATCH, world.ms(epoch_s), seq, part, description, metadata, stamp]))


def refuse_dsl(_world: World, _call: Call) -> Reply:
    """The form endpoint wants a file with a script; this server understands none."""
    raise RefusedError("0048")
