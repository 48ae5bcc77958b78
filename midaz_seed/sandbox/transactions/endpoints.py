"""The transaction endpoints: post, commit, cancel, revert and change, with their idempotency keys."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson

from midaz_seed.sandbox.core import ids
from midaz_seed.sandbox.core.error_codes import FailedError, RefusedError
from midaz_seed.sandbox.core.messages import Call, Reply, raw_json_reply
from midaz_seed.sandbox.core.records import PATCH, KeyClaim, Operation, Transaction, unpack_stored_key
from midaz_seed.sandbox.entities.body_reader import read_body
from midaz_seed.sandbox.entities.crud import merged_metadata
from midaz_seed.sandbox.entities.kinds import DESCRIPTION_PATCH
from midaz_seed.sandbox.storage.idempotency import NOT_REPLAYED, REPLAYED, answered_by, claim_key, key_and_expiry
from midaz_seed.sandbox.storage.state import LedgerState, SandboxState
from midaz_seed.sandbox.transactions.accounting_routes import check_revertible
from midaz_seed.sandbox.transactions.execution import check_date, check_value, end_pending, execute
from midaz_seed.sandbox.transactions.fast_path import post_fast
from midaz_seed.sandbox.transactions.reads import (
    find_transaction,
    load_transaction,
    operations_of,
    stored_operation,
    stored_transaction,
)
from midaz_seed.sandbox.transactions.rendering import created_json, locate, transaction_json
from midaz_seed.sandbox.transactions.request import (
    INFLOW,
    JSON,
    OUTFLOW,
    Endpoint,
    Leg,
    TransactionRequest,
    read_request,
)

_EXTERNAL_SIDES = {JSON.name: "", INFLOW.name: "source", OUTFLOW.name: "distribute"}
"""The endpoints with a fast path -> the side that they leave to the external account."""


def handler_of(endpoint: Endpoint) -> Callable[[SandboxState, Call], Reply]:
    """Return the handler of an endpoint: the fast path first where there is one, then the general path."""
    general = general_handler_of(endpoint)
    external = _EXTERNAL_SIDES.get(endpoint.name)
    if external is None:
        return general

    def post(state: SandboxState, call: Call) -> Reply:
        return post_fast(state, call, external) or general(state, call)

    return post


def general_handler_of(endpoint: Endpoint) -> Callable[[SandboxState, Call], Reply]:
    """Return the handler of the general path, which answers every request."""

    def post(state: SandboxState, call: Call) -> Reply:
        request = read_request(endpoint, call.body, state.dialect)
        if state.dialect.checks_before_claim:
            check_date(request, state.clock.time())
            check_value(request)
        return carry_out(state, call, request, endpoint)

    return post


def carry_out(
    state: SandboxState, call: Call, request: TransactionRequest, endpoint: Endpoint, parent: str = ""
) -> Reply:
    """Claim the key and carry the request out, or replay the answer that the key has.

    Args:
        parent: the id of the transaction that the request reverts; "" for none.
    """
    ledger = state.ledger_state(call.org_id, call.ledger_id)
    silent = bool(parent) and state.dialect.revert_replays_silently
    claim = claim_of(state, call, request)
    if silent:
        claim = KeyClaim(request.fingerprint(), claim.expires_s)  # the key that was sent is ignored
    try:
        answered = answered_by(state, ledger, claim.key)
        if answered is not None:
            first = created_json(state, ledger, answered, load_transaction(state, answered))
            return raw_json_reply(201, first, None if silent else REPLAYED)
        if not state.dialect.checks_before_claim:
            check_date(request, state.clock.time())
        seq, transaction = execute(state, ledger, request, endpoint, claim, parent)
    except (RefusedError, FailedError) as error:
        error.claimed = True
        raise
    return raw_json_reply(201, created_json(state, ledger, seq, transaction), None if silent else NOT_REPLAYED)


def claim_of(state: SandboxState, call: Call, request: TransactionRequest) -> KeyClaim:
    """Return the request's key, or one made of its content, and when it expires."""
    key, expires_s = key_and_expiry(state, call)
    return KeyClaim(key or request.fingerprint(), expires_s)


def foreign_replay(
    state: SandboxState, call: Call, endpoint: Endpoint, chance: float, *, owner_loses: bool = False
) -> Reply | None:
    """Answer with another transaction of the ledger and let the request's key have its answer, as real v3.3 and v4
    servers sometimes do. The request is not carried out.

    Args:
        chance: from 0 to 1; chooses the transaction.
        owner_loses: the other transaction's own key is left without an answer.

    Returns:
        The answer; None, with nothing changed, when there is no other transaction.
    """
    ledger = state.ledger_state(call.org_id, call.ledger_id)
    if not ledger.seqs:
        return None
    try:
        request = read_request(endpoint, call.body, state.dialect)
        claim = claim_of(state, call, request)
    except (RefusedError, FailedError):
        return None
    if claim.key in ledger.stored_keys:
        return None
    seq = ledger.seqs[int(chance * len(ledger.seqs))]
    if not state.is_answered(seq) or state.is_hidden(seq):
        return None
    claim_key(state, ledger, claim, seq)
    other = load_transaction(state, seq)
    if owner_loses and unpack_stored_key(ledger.stored_keys.get(other.claim.key, 0))[1] == seq:
        claim_key(state, ledger, other.claim)
    return raw_json_reply(201, created_json(state, ledger, seq, other), REPLAYED)


# ---- endpoints of an existing transaction


def _known(
    state: SandboxState, call: Call, code: str, entity: str | None = None
) -> tuple[LedgerState, int, Transaction]:
    ledger = state.ledger_state(call.org_id, call.ledger_id)
    found = find_transaction(state, ledger, call.params[2])
    if found is None:
        raise RefusedError(code, entity=entity)
    return ledger, *found


def commit(state: SandboxState, call: Call) -> Reply:
    """Commit a pending transaction.

    Raises:
        RefusedError: 0007 (unknown), 0486 or 0099 (not pending any more).
    """
    return _end(state, call, commit=True)


def cancel(state: SandboxState, call: Call) -> Reply:
    """Cancel a pending transaction and release what it holds.

    Raises:
        RefusedError: as `commit`.
    """
    return _end(state, call, commit=False)


def _end(state: SandboxState, call: Call, *, commit: bool) -> Reply:
    ledger, seq, transaction = _known(state, call, "0007")
    ending = end_pending(state, ledger, seq, transaction, commit=commit)
    body = transaction_json(
        state,
        ledger,
        seq,
        transaction,
        status=ending.status,
        updated=ending.updated,
        operations=locate(state, state.seq, ending.ms, ending.operations, ending.updated),
        sources=transaction.sources,
        destinations=transaction.destinations,
        stored=True,
    )
    return raw_json_reply(201, body.encode())


def revert(state: SandboxState, call: Call) -> Reply:
    """Revert an approved transaction by one in the opposite direction.

    Raises:
        RefusedError: 0099 (unknown, or not approved), 0087 (already reverted), 0088 (itself a reversal), 0101 and 0150
            (an operation route that does not exist any more, or is not bidirectional).
    """
    ledger, seq, transaction = _known(state, call, "0099", entity="RevertTransaction")
    if seq in state.reverted:
        raise RefusedError("0087")
    if "parent" in transaction.extra:
        raise RefusedError("0088")
    if ledger.status_of(seq) != "APPROVED":
        raise RefusedError("0099", entity="RevertTransaction")
    if state.dialect.has("route-id"):
        check_revertible(ledger, [operation for _, _, _, operation, _ in operations_of(state, seq, transaction)])
    return carry_out(state, call, _reversal(state, seq, transaction), JSON, parent=call.params[2])


def _reversal(state: SandboxState, seq: int, transaction: Transaction) -> TransactionRequest:
    """Return the request in the opposite direction, leg by leg in the order of the operations."""
    sources: list[Leg] = []
    destinations: list[Leg] = []
    for _, _, _, operation, _ in operations_of(state, seq, transaction):
        if operation.kind in ("DEBIT", "CREDIT", "BLOCK", "UNBLOCK"):
            (destinations if operation.is_debit else sources).append(_leg_of(state, operation, transaction))
    patch = state.patches.get((seq, 0))
    metadata = transaction.metadata if patch is None or patch[1] is None else patch[1]
    return TransactionRequest(
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


def _leg_of(state: SandboxState, operation: Operation, transaction: Transaction) -> Leg:
    balance = state.balance_by_number[operation.balance]
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


def patch(state: SandboxState, call: Call) -> Reply:
    """Change the description and metadata of a transaction (0007 when it is unknown)."""
    body = read_body(DESCRIPTION_PATCH, call.body, state.dialect)
    ledger, seq, transaction = _known(state, call, "0007")
    former = state.patches.get((seq, 0))
    present = transaction.metadata if former is None or former[1] is None else former[1]
    metadata = merged_metadata(present or {}, body) if "metadata" in body.sent else None
    _write_patch(state, seq, 0, body["description"], metadata, former)
    return raw_json_reply(200, stored_transaction(state, ledger, seq, transaction, bare=True).encode())


def patch_operation(state: SandboxState, call: Call) -> Reply:
    """Change the description and metadata of an operation (0007 when it is unknown)."""
    body = read_body(DESCRIPTION_PATCH, call.body, state.dialect)
    ledger, seq, transaction = _known(state, call, "0007")
    position = ids.record_position(call.params[3])
    found = [item for item in operations_of(state, seq, transaction) if position == (item.seq, item.part)]
    if not found or position is None:
        raise RefusedError("0007")
    former = state.patches.get(position)
    present = found[0].operation.texts.get("m") if former is None or former[1] is None else former[1]
    metadata = merged_metadata(present or {}, body) if "metadata" in body.sent else None
    _write_patch(state, *position, body["description"], metadata, former)
    return raw_json_reply(200, stored_operation(state, ledger, seq, transaction, found[0]).encode())


def _write_patch(
    state: SandboxState, seq: int, part: int, description: str, metadata: Any, former: list[Any] | None
) -> None:
    epoch_s, stamp = state.now()
    if former is not None:
        description = description or former[0]
        metadata = former[1] if metadata is None else metadata
    state.seq += 1
    state.patches[seq, part] = [description, metadata, stamp]
    state.store.append(state.seq, orjson.dumps([PATCH, state.ms(epoch_s), seq, part, description, metadata, stamp]))


def refuse_dsl(_state: SandboxState, _call: Call) -> Reply:
    """Refuse a script: the sandbox runs none (0048)."""
    raise RefusedError("0048")
