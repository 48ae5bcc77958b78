"""Transactions and operations as the server writes them: JSON put together from pieces, because it is most of what is
sent."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from midaz_seed.sandbox.core import ids
from midaz_seed.sandbox.core.dialect import Dialect
from midaz_seed.sandbox.core.records import Operation, Transaction
from midaz_seed.sandbox.storage.state import LedgerState, SandboxState

LocatedOperation = tuple[str, int, int, Operation, str]
"""An operation with the head of its id, its journal entry, its part there, and the time of its making."""


_BOOL = ("false", "true")


def quote(text: str) -> str:
    """A text as JSON."""
    return orjson.dumps(text).decode()


def locate(
    state: SandboxState, seq: int, ms: int, operations: Sequence[Operation], created: str
) -> list[LocatedOperation]:
    """Operations of one journal entry with where they stand."""
    head = state.head(ms)
    return [(head, seq, part, operation, created) for part, operation in enumerate(operations, 1)]


def operation_json(
    state: SandboxState,
    item: LocatedOperation,
    transaction_id: str,
    description: str,
    asset: str,
    *,
    affected: bool = True,
) -> str:
    """One operation. `description` and `asset` are JSON already and stand in for what the leg does not say."""
    head, seq, part, operation, created = item
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
    if dialect.operation_shows_direction:
        more += '"direction":"debit",' if operation.is_debit else '"direction":"credit",'
    return operation_text(
        ids.record_id(head, seq, part),
        transaction_id,
        description,
        operation.kind,
        asset,
        operation.amount,
        dialect.operation_amounts(operation.before, operation.after),
        state.balance_by_number[operation.balance].json,
        more,
        created,
        updated,
        chart,
        route,
        metadata,
        affected=affected,
    )


def operation_text(
    operation_id: str,
    transaction_id: str,
    description: str,
    kind: str,
    asset: str,
    amount: str,
    amounts: str,
    balance: str,
    more: str,
    created: str,
    updated: str = "",
    chart: str = '""',
    route: str = '""',
    metadata: str = "null",
    *,
    affected: bool = True,
) -> str:
    """The form of an operation; texts are JSON already, `amounts`, `balance` and `more` are fields of the object.
    `updated` is `created` unless it is given."""
    return (
        f'{{"id":"{operation_id}","transactionId":"{transaction_id}","description":{description},'
        f'"type":"{kind}","assetCode":{asset},"chartOfAccounts":{chart},'
        f'"amount":{{"value":"{amount}"}},{amounts},"status":{{"code":"","description":null}},'
        f'{balance},"route":{route},{more}'
        f'"balanceAffected":{"true" if affected else "false"},'
        f'"createdAt":"{created}","updatedAt":"{updated or created}","deletedAt":null,"metadata":{metadata}}}'
    )


def transaction_json(
    state: SandboxState,
    ledger: LedgerState,
    seq: int,
    transaction: Transaction,
    *,
    status: str,
    updated: str,
    operations: Sequence[LocatedOperation] | None,
    sources: list[str] | None,
    destinations: list[str] | None,
    stored: bool = False,
) -> str:
    """A transaction. `stored`: as a read shows it, with what was changed since and its creation in UTC."""
    transaction_id = ids.record_id(state.head(transaction.ms), seq, 0)
    extra, created = transaction.extra, transaction.created
    description, metadata = transaction.description, transaction.metadata
    if stored:
        created = extra.get("utc", created)
        patch = state.patches.get((seq, 0))
        if patch is not None:
            description = patch[0] or description
            metadata = metadata if patch[1] is None else patch[1]
            updated = patch[2]
    described, asset = quote(transaction.description), quote(transaction.asset)
    listed = "null"
    if operations is not None:
        affected = transaction.status != "NOTED"
        shown = [
            operation_json(state, item, transaction_id, described, asset, affected=affected) for item in operations
        ]
        listed = f"[{','.join(shown)}]"
    return transaction_text(
        transaction_id,
        described if description is transaction.description else quote(description),
        status,
        transaction.amount,
        asset,
        orjson.dumps(sources).decode(),
        orjson.dumps(destinations).decode(),
        ledger,
        more_text(state.dialect, extra, metadata),
        created,
        listed,
        updated,
        quote(extra.get("group", "")),
        quote(extra.get("route", "")),
    )


def more_text(dialect: Dialect, extra: Mapping[str, Any], metadata: Mapping[str, Any] | None) -> str:
    """The fields that not every transaction has, and not every version shows."""
    more = ""
    if "parent" in extra:
        more += f'"parentTransactionId":"{extra["parent"]}",'
    if "routeId" in extra:
        more += f'"routeId":"{extra["routeId"]}",'
    if dialect.shows_skips:
        fees, tracer = extra.get("skips", (False, False))
        more += f'"feesSkipped":{_BOOL[fees]},"tracerSkipped":{_BOOL[tracer]},'
    if metadata:
        more += f'"metadata":{orjson.dumps(metadata).decode()},'
    return more


def transaction_text(
    transaction_id: str,
    description: str,
    status: str,
    amount: str,
    asset: str,
    source: str,
    destination: str,
    ledger: LedgerState,
    more: str,
    created: str,
    operations: str,
    updated: str = "",
    group: str = '""',
    route: str = '""',
) -> str:
    """The form of a transaction; texts are JSON already, `more` are fields of the object. `updated` is `created` unless
    it is given."""
    return (
        f'{{"id":"{transaction_id}","description":{description},"status":{{"code":"{status}","description":"{status}"}},'
        f'"amount":"{amount}","assetCode":{asset},"chartOfAccountsGroupName":{group},'
        f'"source":{source},"destination":{destination},'
        f'"ledgerId":"{ledger.ledger_id}","organizationId":"{ledger.org_id}","route":{route},{more}'
        f'"createdAt":"{created}","updatedAt":"{updated or created}","deletedAt":null,"operations":{operations}}}'
    )


def created_json(state: SandboxState, ledger: LedgerState, seq: int, transaction: Transaction) -> bytes:
    """The body of the 201, and of every replay of it."""
    return transaction_json(
        state,
        ledger,
        seq,
        transaction,
        status=transaction.status,
        updated=transaction.updated,
        operations=locate(state, seq, transaction.ms, transaction.operations, transaction.created) or None,
        sources=transaction.sources,
        destinations=transaction.destinations,
    ).encode()


def sides_of(state: SandboxState, operations: Sequence[LocatedOperation]) -> dict[str, Any]:
    """Source and destination as a read derives them from the operations: those that moved money."""
    sides: dict[str, Any] = {"sources": [], "destinations": []}
    for item in operations:
        operation = item[3]
        if operation.kind in ("DEBIT", "CREDIT", "BLOCK", "UNBLOCK"):
            sides["sources" if operation.is_debit else "destinations"].append(
                state.balance_by_number[operation.balance].alias
            )
    return sides
