"""Transactions and operations as the server writes them.

The JSON is put together from pieces of text, because it is most of what is sent.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from midaz_seed.sandbox.core import ids
from midaz_seed.sandbox.core.dialect import Dialect
from midaz_seed.sandbox.core.records import Operation, Transaction
from midaz_seed.sandbox.storage.state import LedgerState, SandboxState

_BOOL = ("false", "true")


class LocatedOperation(NamedTuple):
    """An operation, its id and where it is recorded."""

    id: str
    seq: int
    part: int
    operation: Operation
    created: str


def quote(text: str) -> str:
    """Return a text as JSON."""
    return orjson.dumps(text).decode()


def locate(
    state: SandboxState, seq: int, ms: int, operations: Sequence[Operation], created: str
) -> list[LocatedOperation]:
    """Return the operations of record `seq`, which was written at `ms`, with their ids."""
    head = state.head(ms)
    return [
        LocatedOperation(ids.record_id(head, seq, part), seq, part, operation, created)
        for part, operation in enumerate(operations, 1)
    ]


def operation_json(
    state: SandboxState,
    located: LocatedOperation,
    *,
    transaction_id: str,
    description: str,
    asset: str,
    affected: bool = True,
) -> str:
    """Return one operation as JSON.

    Args:
        description: that of the transaction as JSON; shown where the leg has none.
        asset: the asset's code as JSON.
        affected: whether the operation changed its balance.
    """
    operation_id, seq, part, operation, created = located
    texts = operation.texts
    updated, chart, route, metadata, more = created, '""', '""', "null", ""
    if texts:
        if "d" in texts:
            description = quote(texts["d"])
        chart = quote(texts.get("c", ""))
        route = quote(texts.get("r", ""))
        metadata = orjson.dumps(texts.get("m")).decode()
        for key, name in (("i", "routeId"), ("rc", "routeCode"), ("rd", "routeDescription")):
            if key in texts:
                more += f'"{name}":{quote(texts[key])},'
    patch = state.patches.get((seq, part)) if state.patches else None
    if patch is not None:
        description = quote(patch[0]) if patch[0] else description
        metadata = metadata if patch[1] is None else orjson.dumps(patch[1] or None).decode()
        updated = patch[2]
    dialect = state.dialect
    return operation_text(
        operation_frame(transaction_id, description, asset, created, updated, chart, route, metadata, affected),
        operation_id=operation_id,
        kind=operation.kind,
        amount=operation.amount,
        amounts=dialect.operation_amounts(operation.before, operation.after),
        balance=state.balance_by_number[operation.balance].json,
        more=more + dialect.operation_direction[operation.is_debit],
    )


OperationFrame = tuple[str, str, str, str]
"""The parts of an operation's JSON that those of a transaction have in common."""


def operation_frame(
    transaction_id: str,
    description: str,
    asset: str,
    created: str,
    updated: str,
    chart: str = '""',
    route: str = '""',
    metadata: str = "null",
    affected: bool = True,
) -> OperationFrame:
    """Return the frame of operations.

    Args:
        description: JSON, as are `asset`, `chart`, `route` and `metadata`.
    """
    return (
        f'","transactionId":"{transaction_id}","description":{description},"type":"',
        f'","assetCode":{asset},"chartOfAccounts":{chart},"amount":{{"value":"',
        f',"route":{route},',
        f'"balanceAffected":{"true" if affected else "false"},"createdAt":"{created}","updatedAt":"{updated}",'
        f'"deletedAt":null,"metadata":{metadata}}}',
    )


def operation_text(
    frame: OperationFrame, operation_id: str, kind: str, amount: str, amounts: str, balance: str, more: str
) -> str:
    """Return the JSON of an operation.

    Args:
        amounts: fields of the object, as are `balance` and `more`, which ends with a comma unless it is empty.
    """
    texts, value, route, ends = frame
    return (
        f'{{"id":"{operation_id}{texts}{kind}{value}{amount}"}},{amounts},'
        f'"status":{{"code":"","description":null}},{balance}{route}{more}{ends}'
    )


def transaction_json(
    state: SandboxState,
    ledger: LedgerState,
    seq: int,
    transaction: Transaction,
    *,
    status: str,
    operations: Sequence[LocatedOperation] | None,
    sources: list[str] | None,
    destinations: list[str] | None,
    updated: str = "",
    stored: bool = False,
) -> str:
    """Return a transaction as JSON.

    Args:
        updated: when it was last updated; left out: as its record says.
        stored: as a read shows it, with what was changed since and its creation in UTC.
    """
    transaction_id = ids.record_id(state.head(transaction.ms), seq, 0)
    extra, created = transaction.extra, transaction.created
    description, metadata = transaction.description, transaction.metadata
    updated = updated or transaction.updated
    if stored:
        created = extra.get("utc", created)
        patch = state.patches.get((seq, 0))
        if patch is not None:
            description = patch[0] or description
            metadata = metadata if patch[1] is None else patch[1]
            updated = patch[2]
    described, asset = quote(transaction.description), quote(transaction.asset)
    shown = None
    if operations is not None:
        affected = transaction.status != "NOTED"
        shown = [
            operation_json(
                state, item, transaction_id=transaction_id, description=described, asset=asset, affected=affected
            )
            for item in operations
        ]
    if description is not transaction.description:
        described = quote(description)
    return transaction_text(
        transaction_id=transaction_id,
        description=described,
        status=status,
        amount=transaction.amount,
        asset=asset,
        sources=sources,
        destinations=destinations,
        ledger=ledger,
        more=optional_fields(state.dialect, extra, orjson.dumps(metadata).decode() if metadata else ""),
        created=created,
        operations=shown,
        updated=updated,
        group=quote(extra.get("group", "")),
        route=quote(extra.get("route", "")),
    )


def transaction_text(
    transaction_id: str,
    description: str,
    status: str,
    amount: str,
    asset: str,
    sources: list[str] | None,
    destinations: list[str] | None,
    ledger: LedgerState,
    more: str,
    created: str,
    operations: list[str] | None,
    updated: str = "",
    group: str = '""',
    route: str = '""',
) -> str:
    """Return the JSON of a transaction.

    Args:
        description: JSON, as are `asset`, each of `operations`, `group` and `route`.
        more: fields of the object.
        updated: left out: as `created`.
    """
    begins, ends = ("null", "") if operations is None else ("[", "]")
    return (
        f'{{"id":"{transaction_id}","description":{description},"status":{{"code":"{status}","description":"{status}"}},'
        f'"amount":"{amount}","assetCode":{asset},"chartOfAccountsGroupName":{group},'
        f'"source":{orjson.dumps(sources).decode()},"destination":{orjson.dumps(destinations).decode()},'
        f'"ledgerId":"{ledger.ledger_id}","organizationId":"{ledger.org_id}","route":{route},{more}'
        f'"createdAt":"{created}","updatedAt":"{updated or created}","deletedAt":null,'
        f'"operations":{begins}{",".join(operations or ())}{ends}}}'
    )


def optional_fields(dialect: Dialect, extra: Mapping[str, Any], metadata: str) -> str:
    """Return the fields that not every transaction has, or not every version shows.

    Args:
        metadata: JSON; "" for none.
    """
    more = ""
    if "parent" in extra:
        more += f'"parentTransactionId":"{extra["parent"]}",'
    if "routeId" in extra:
        more += f'"routeId":"{extra["routeId"]}",'
    if dialect.shows_skips:
        fees, tracer = extra.get("skips", (False, False))
        more += f'"feesSkipped":{_BOOL[fees]},"tracerSkipped":{_BOOL[tracer]},'
    if metadata:
        more += f'"metadata":{metadata},'
    return more


def created_json(state: SandboxState, ledger: LedgerState, seq: int, transaction: Transaction) -> bytes:
    """Return the body of the 201, and of every replay of it."""
    return transaction_json(
        state,
        ledger,
        seq,
        transaction,
        status=transaction.status,
        operations=locate(state, seq, transaction.ms, transaction.operations, transaction.created) or None,
        sources=transaction.sources,
        destinations=transaction.destinations,
    ).encode()


def sides_of(state: SandboxState, operations: Sequence[LocatedOperation]) -> dict[str, list[str]]:
    """Return `sources` and `destinations` as a read derives them: the aliases of the operations that moved money."""
    sides: dict[str, list[str]] = {"sources": [], "destinations": []}
    for item in operations:
        operation = item.operation
        if operation.kind in ("DEBIT", "CREDIT", "BLOCK", "UNBLOCK"):
            sides["sources" if operation.is_debit else "destinations"].append(
                state.balance_by_number[operation.balance].alias
            )
    return sides
