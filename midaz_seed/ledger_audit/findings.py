"""What an audit finds: findings, each named by account or transaction, and notes about what could not be decided."""

from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

LISTED_MAX = 100
"""Findings of one kind that are listed for a ledger; the others are counted."""
NOTES_MAX = 20
"""Notes that are listed for a ledger; the others are counted."""


class FindingKind(StrEnum):
    """The invariant that does not hold."""

    ASSET_SUM = "asset_sum"
    """The balances of an asset, with its external account, do not sum to zero."""
    NEGATIVE_BALANCE = "negative_balance"
    """A balance is below zero that may not be."""
    MISSING_BALANCE = "missing_balance"
    """An asset without a balance of its external account, or operations that left money on a balance that is gone."""
    LAST_OPERATION = "last_operation"
    """A balance is not the one after its last operation."""
    OPERATION_GAP = "operation_gap"
    """The balance before an operation is not the one after the operation before it."""
    OPERATION_AMOUNT = "operation_amount"
    """An operation changes its balance by another amount than its own."""
    TRANSACTION_SIDES = "transaction_sides"
    """The debits and the credits of a transaction differ."""
    TRANSACTION_AMOUNT = "transaction_amount"
    """The operations of a transaction move another amount than it states."""
    TRANSACTION_STATUS = "transaction_status"
    """The operations of a transaction do not fit its status."""
    PENDING_TOO_LONG = "pending_too_long"
    """A transaction is pending for longer than is allowed."""
    COUNT = "count"
    """A count of the server differs from its list."""


@dataclass(frozen=True, slots=True)
class Finding:
    """An invariant that does not hold, and where. Amounts are decimal strings; what does not apply is empty."""

    kind: FindingKind
    text: str
    """The finding as a sentence, without the names below."""
    expected: str = ""
    actual: str = ""
    organization_id: str = ""
    ledger_id: str = ""
    ledger: str = ""
    """Name of the ledger."""
    account: str = ""
    """Alias of the account."""
    account_id: str = ""
    balance_key: str = ""
    """Key of the balance, where it is not `default`."""
    asset: str = ""
    transaction_id: str = ""
    operation_id: str = ""


@dataclass(frozen=True, slots=True)
class AuditNote:
    """Something that could not be decided, because it changed while it was read."""

    text: str
    organization_id: str = ""
    ledger_id: str = ""
    ledger: str = ""
    account: str = ""
    account_id: str = ""
    asset: str = ""


@dataclass(slots=True)
class Findings:
    """The findings of one ledger, or of what is above the ledgers: all are counted, the first ones listed."""

    organization_id: str = ""
    ledger_id: str = ""
    ledger: str = ""
    totals: Counter[str] = field(default_factory=Counter)
    """By kind."""
    listed: list[Finding] = field(default_factory=list)
    notes: list[AuditNote] = field(default_factory=list)
    notes_total: int = 0

    def add(self, finding: Finding) -> None:
        """Count a finding, and list it unless there are many of its kind."""
        self.totals[finding.kind.value] += 1
        if self.totals[finding.kind.value] <= LISTED_MAX:
            self.listed.append(
                replace(finding, organization_id=self.organization_id, ledger_id=self.ledger_id, ledger=self.ledger)
            )

    def note(self, text: str, **names: str) -> None:
        """Note what could not be decided; `names`: fields of `AuditNote`."""
        self.notes_total += 1
        if self.notes_total <= NOTES_MAX:
            self.notes.append(
                AuditNote(
                    text,
                    organization_id=self.organization_id,
                    ledger_id=self.ledger_id,
                    ledger=self.ledger,
                    **names,
                )
            )

    def merge(self, other: "Findings") -> None:
        """Add the findings and notes of another part of the audit of the same ledger."""
        self.totals += other.totals
        self.listed += other.listed
        self.notes = [*self.notes, *other.notes][:NOTES_MAX]
        self.notes_total += other.notes_total

    @property
    def total(self) -> int:
        """The number of findings."""
        return self.totals.total()

    def as_plain(self) -> dict[str, Any]:
        """Return the findings as plain values, for the state of an audit."""
        plain = {name: getattr(self, name) for name in ("organization_id", "ledger_id", "ledger", "notes_total")}
        listed, notes = [asdict(finding) for finding in self.listed], [asdict(note) for note in self.notes]
        return {**plain, "totals": dict(self.totals), "listed": listed, "notes": notes}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Findings":
        """Return the findings that `as_plain` gave."""
        listed = [Finding(**{**row, "kind": FindingKind(row["kind"])}) for row in plain["listed"]]
        notes = [AuditNote(**row) for row in plain["notes"]]
        return cls(**{**plain, "totals": Counter(plain["totals"]), "listed": listed, "notes": notes})
