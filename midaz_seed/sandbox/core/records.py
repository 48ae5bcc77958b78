"""The entries of the journal, and how they are packed into short JSON lists.

    ["t", ms, ledger, created, updated, status, amount, asset, description, sources, destinations, metadata,
     operations, key, expires_s, extra]
    ["e", ms, transaction, status, updated, operations]         a pending transaction ended
    ["p", ms, transaction, part, description, metadata, time]   a transaction (part 0) or operation was changed
    ["k", ms, ledger, key, expires_s, transaction]                a key was claimed and has this one's answer, or (0, or
                                                                left out) none; expires_s 0: it is free again
    ["h", ms, transaction, visible_from_s]                      applied, not listed: -1 until it is persisted, 0 it is
    ["c", ms, ahead_s]                                          the clock was moved to so far ahead of the machine's

An operation is [type, balance, is debit, amount, available, onHold, version, overdraftUsed, the same four after,
texts].
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

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
        """Both numbers in one, because there are as many as transactions."""
        return pack_stored_key(self.expires_s, seq)


def pack_stored_key(expires_s: int, seq: int) -> int:
    """What stands under a key: when it expires, and its journal entry, 0 while there is none."""
    return expires_s << _STORED_KEY_SHIFT | seq


def unpack_stored_key(stored_key: int) -> tuple[int, int]:
    """(expires_s, journal entry or 0) of a stored key."""
    return stored_key >> _STORED_KEY_SHIFT, stored_key & _STORED_KEY_MASK


@dataclass(slots=True)
class Operation:
    """One change of one balance. `texts`: d description, c chart of accounts, m metadata, r route, i route id, rc,
    rd."""

    kind: str
    balance: int
    is_debit: bool
    amount: str
    before: Amounts
    after: Amounts
    texts: dict[str, Any]

    def pack(self) -> list[Any]:
        return [self.kind, self.balance, self.is_debit, self.amount, *self.before, *self.after, self.texts or 0]


def unpack_operation(packed: list[Any]) -> Operation:
    return Operation(
        packed[0], packed[1], packed[2], packed[3], tuple(packed[4:8]), tuple(packed[8:12]), packed[12] or {}
    )


@dataclass(slots=True)
class Transaction:
    """A transaction as its 201 said it."""

    ms: int
    ledger: int
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
        operations = [operation.pack() for operation in self.operations]
        return [
            TRANSACTION, self.ms, self.ledger, self.created, self.updated, self.status, self.amount, self.asset,
            self.description,
            self.sources, self.destinations, self.metadata, operations, self.claim.key, self.claim.expires_s,
            self.extra or 0,
        ]  # fmt: skip


def unpack_transaction(packed: list[Any]) -> Transaction:
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
        return [
            ENDING,
            self.ms,
            self.transaction,
            self.status,
            self.updated,
            [operation.pack() for operation in self.operations],
        ]


def unpack_ending(packed: list[Any]) -> Ending:
    fields: Any = (*packed[1:5], [unpack_operation(operation) for operation in packed[5]])
    return Ending(*fields)
