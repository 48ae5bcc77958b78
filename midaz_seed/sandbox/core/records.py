"""The records of transactions and what happens to them, and how they are encoded as short JSON lists.

    ["t", ms, ledger, created, updated, status, amount, asset, description, sources, destinations, metadata,
     operations, key, expires_s, extra]
    ["e", ms, transaction, status, updated, operations]         a pending transaction ended
    ["p", ms, transaction, part, description, metadata, time]   a transaction (part 0) or operation was changed
    ["k", ms, ledger, key, expires_s, transaction]              a key was claimed and has this transaction's answer; 0
                                                                or left out: no answer; expires_s 0: it is free again
    ["h", ms, transaction, visible_from_s]                      applied but unlisted; -1: until persisted, 0: persisted
    ["c", ms, ahead_s]                                          the clock was moved to this far ahead of the machine's

An operation is [type, balance, is debit, amount, available, onHold, version, overdraftUsed, the same four after,
texts].
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

TRANSACTION, ENDING, PATCH, CLAIM, HIDDEN, CLOCK = "t", "e", "p", "k", "h", "c"
_STORED_KEY_SHIFT = 44
_STORED_KEY_MASK = (1 << _STORED_KEY_SHIFT) - 1

Amounts = tuple[str, str, int, str]
"""(available, onHold, version, overdraftUsed)."""


class KeyClaim(NamedTuple):
    """An idempotency key and when it expires, in seconds of the epoch."""

    key: str
    expires_s: int

    def stored_key(self, seq: int) -> int:
        """Return what is stored under the key while `seq` is its record, 0 while it has none."""
        return pack_stored_key(self.expires_s, seq)


def pack_stored_key(expires_s: int, seq: int) -> int:
    """Return when a key expires and its record in one int, because a sandbox keeps one for each transaction."""
    return expires_s << _STORED_KEY_SHIFT | seq


def unpack_stored_key(stored_key: int) -> tuple[int, int]:
    """Return (expires_s, record or 0) of a stored key."""
    return stored_key >> _STORED_KEY_SHIFT, stored_key & _STORED_KEY_MASK


def pack_operation(
    kind: str, balance: int, is_debit: bool, amount: str, before: Amounts, after: Amounts, texts: dict[str, Any] | None
) -> list[Any]:
    """Return an operation as a record holds it."""
    return [kind, balance, is_debit, amount, *before, *after, texts or 0]


def pack_transaction(
    ms: int,
    ledger: int,
    created: str,
    updated: str,
    status: str,
    amount: str,
    asset: str,
    description: str,
    sources: list[str],
    destinations: list[str],
    metadata: dict[str, Any] | orjson.Fragment | None,
    operations: list[list[Any]],
    key: str,
    expires_s: int,
    extra: dict[str, Any] | None,
) -> list[Any]:
    """Return a transaction as its record; `operations` are encoded already."""
    return [
        TRANSACTION, ms, ledger, created, updated, status, amount, asset, description, sources, destinations, metadata,
        operations, key, expires_s, extra or 0,
    ]  # fmt: skip


@dataclass(slots=True)
class Operation:
    """One change of one balance. `texts`: d description, c chart of accounts, m metadata, r route, i route id, rc
    route code, rd route description."""

    kind: str
    balance: int
    is_debit: bool
    amount: str
    before: Amounts
    after: Amounts
    texts: dict[str, Any]

    def pack(self) -> list[Any]:
        """Return the operation as a record holds it."""
        return pack_operation(self.kind, self.balance, self.is_debit, self.amount, self.before, self.after, self.texts)


def unpack_operation(packed: list[Any]) -> Operation:
    """Return the operation that `Operation.pack` encoded."""
    return Operation(
        packed[0], packed[1], packed[2], packed[3], tuple(packed[4:8]), tuple(packed[8:12]), packed[12] or {}
    )


@dataclass(slots=True)
class Transaction:
    """A transaction as its 201 showed it."""

    ms: int
    ledger: int
    """The ledger's number."""
    created: str
    updated: str
    status: str
    amount: str
    asset: str
    description: str
    sources: list[str]
    destinations: list[str]
    metadata: dict[str, Any] | None
    operations: list[Operation]
    claim: KeyClaim
    extra: dict[str, Any]
    """group, route, routeId, parent (id), utc (a back-dated creation in UTC), held (the legs of a pending one),
    skips (fees, tracer)."""

    def pack(self) -> list[Any]:
        """Return the transaction as its record."""
        return pack_transaction(
            ms=self.ms,
            ledger=self.ledger,
            created=self.created,
            updated=self.updated,
            status=self.status,
            amount=self.amount,
            asset=self.asset,
            description=self.description,
            sources=self.sources,
            destinations=self.destinations,
            metadata=self.metadata,
            operations=[operation.pack() for operation in self.operations],
            key=self.claim.key,
            expires_s=self.claim.expires_s,
            extra=self.extra,
        )


def unpack_transaction(packed: list[Any]) -> Transaction:
    """Return the transaction of a record."""
    operations = [unpack_operation(operation) for operation in packed[12]]
    fields: Any = (*packed[1:12], operations, KeyClaim(packed[13], packed[14]), packed[15] or {})
    return Transaction(*fields)


@dataclass(slots=True)
class Ending:
    """The commit or cancel of a pending transaction."""

    ms: int
    transaction: int
    status: str
    updated: str
    operations: list[Operation]

    def pack(self) -> list[Any]:
        """Return the ending as its record."""
        operations = [operation.pack() for operation in self.operations]
        return [ENDING, self.ms, self.transaction, self.status, self.updated, operations]


def unpack_ending(packed: list[Any]) -> Ending:
    """Return the ending of a record."""
    fields: Any = (*packed[1:5], [unpack_operation(operation) for operation in packed[5]])
    return Ending(*fields)
