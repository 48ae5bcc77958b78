"""The invariants of one transaction: its operations fit one another, its amount and its status. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from midaz_seed.ledger_audit.findings import Finding, FindingKind
from midaz_seed.ledger_audit.operations import ZERO, Directions, Operation, fits_amount, parse_operation, plain, shown
from midaz_seed.midaz.evidence import APPROVED, CANCELED, PENDING, status_of
from midaz_seed.model.balances import DEFAULT_KEY, parse_amount
from midaz_seed.model.json_types import JsonObject
from midaz_seed.model.money import EXACT

CREATED = "CREATED"
"""The status of a transaction in its 201; a read that comes from a cache shows it too."""


@dataclass(frozen=True, slots=True)
class TransactionRules:
    """What transactions are checked against.

    Attributes:
        directions: of all balances.
        versions: as in `parse_operation`.
        pending_max_s: how long a transaction may be pending, in seconds.
        now_s: the present, in seconds since the epoch.
    """

    directions: Directions
    versions: bool
    pending_max_s: float
    now_s: float


@dataclass(frozen=True, slots=True)
class CheckedTransaction:
    """A transaction with what is wrong with it."""

    id: str
    operations: tuple[Operation, ...]
    findings: tuple[Finding, ...]


def check_transaction(row: JsonObject, rules: TransactionRules) -> CheckedTransaction:
    """Check one row of the list of transactions, which has all operations of each.

    Raises:
        NotMidazError: an amount of it is not one.
    """
    transaction_id, rows = str(row.get("id") or ""), row.get("operations")
    operations = tuple(
        parse_operation(each, versions=rules.versions)
        for each in (rows if isinstance(rows, list) else ())
        if isinstance(each, dict)
    )
    findings = [
        *_operation_findings(transaction_id, operations, rules.directions),
        *_side_findings(row, transaction_id, operations),
        *_pending_findings(row, transaction_id, rules),
    ]
    return CheckedTransaction(transaction_id, operations, tuple(findings))


def _operation_findings(
    transaction_id: str, operations: tuple[Operation, ...], directions: Directions
) -> Iterator[Finding]:
    for each in operations:
        if fits_amount(each, directions.get(each.balance_id)) or each.before is None or each.after is None:
            continue
        yield Finding(
            FindingKind.OPERATION_AMOUNT,
            f"a {each.kind} of {plain(each.amount)} takes the balance from {shown(each.before)} to {shown(each.after)}",
            expected=plain(each.amount),
            actual=plain(_moved(each)),
            account=each.alias,
            account_id=each.account_id,
            balance_key="" if each.key == DEFAULT_KEY else each.key,
            asset=each.asset,
            transaction_id=transaction_id,
            operation_id=each.id,
        )


def _moved(operation: Operation) -> Decimal:
    """Return by how much an operation changes its balance: what is available, or else what is on hold."""
    available, on_hold = operation.change
    return (available or on_hold).copy_abs()


class _Sides:
    """The sums of a transaction's operations, by asset.

    A reservation that goes with a debit, and its release that goes with a credit, are no further movement
    (midaz-behaviour: route-validation).
    """

    def __init__(self, operations: tuple[Operation, ...]) -> None:
        self.debits: dict[str, Decimal] = {}
        self.credits: dict[str, Decimal] = {}
        self.held: dict[str, Decimal] = {}
        self.released: dict[str, Decimal] = {}
        self.has_hold = self.has_overdraft = False
        for each in operations:
            if each.affects:
                self._add(each)

    def _add(self, operation: Operation) -> None:
        asset, amount = operation.asset, operation.amount
        available, _ = operation.change
        is_part = operation.before is not None and not available  # the other part is an operation of its own
        if operation.kind == "ON_HOLD":
            self.has_hold = True
            _add(self.held, asset, amount)
            if is_part:
                _add(self.debits, asset, amount.copy_negate())
        elif operation.kind == "RELEASE":
            _add(self.released, asset, amount)
            if is_part:
                _add(self.credits, asset, amount.copy_negate())
        elif operation.kind == "OVERDRAFT":
            self.has_overdraft = True
            _add(self.debits if available > 0 else self.credits, asset, amount)
        else:
            _add(self.debits if operation.is_debit else self.credits, asset, amount)


def _add(sums: dict[str, Decimal], asset: str, amount: Decimal) -> None:
    total = EXACT.add(sums.get(asset, ZERO), amount)
    if total:
        sums[asset] = total
    else:
        sums.pop(asset, None)


def _side_findings(row: JsonObject, transaction_id: str, operations: tuple[Operation, ...]) -> Iterator[Finding]:
    """Compare the operations of a transaction with one another, with its amount and with its status.

    An annotation is not compared: it changes nothing, and versions differ in how they show it.
    """
    status, asset = status_of(row), str(row.get("assetCode") or "")
    amount = parse_amount(row.get("amount"), "a transaction's `amount`")
    sides = _Sides(operations)
    if sides.has_hold and sides.has_overdraft:
        return  # the operations of such a hold differ by how much of it is lent
    found = _Comparison(transaction_id, asset)
    if status in (APPROVED, CREATED, ""):
        if not operations:
            yield found.status("it is approved and has no operations", "operations", "none")
            return
        yield from found.sides("debits {} and credits {}", sides.debits, sides.credits)
        if sides.held:
            yield from found.sides("it held {} and took {}", sides.held, sides.debits)
        yield from found.amount(amount, sides.debits)
    elif status in (PENDING, CANCELED):
        moved = sides.debits or sides.credits
        if moved:
            yield found.status(f"it is {status} and has moved {_text(moved)}", "nothing moved", _text(moved))
        if status == CANCELED:
            yield from found.sides("it held {} and released {}", sides.held, sides.released)
        yield from found.amount(amount, sides.held)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Makes the findings of one transaction."""

    transaction_id: str
    asset: str

    def sides(self, text: str, first: dict[str, Decimal], second: dict[str, Decimal]) -> Iterator[Finding]:
        if first != second:
            expected, actual = _text(first), _text(second)
            yield self._finding(FindingKind.TRANSACTION_SIDES, text.format(expected, actual), expected, actual)

    def amount(self, stated: Decimal, moved: dict[str, Decimal]) -> Iterator[Finding]:
        actual = moved.get(self.asset, ZERO)
        if actual != stated:
            text = f"it states {plain(stated)}, and its operations move {plain(actual)}"
            yield self._finding(FindingKind.TRANSACTION_AMOUNT, text, plain(stated), plain(actual))

    def status(self, text: str, expected: str, actual: str) -> Finding:
        return self._finding(FindingKind.TRANSACTION_STATUS, text, expected, actual)

    def _finding(self, kind: FindingKind, text: str, expected: str, actual: str) -> Finding:
        return Finding(
            kind, text, expected=expected, actual=actual, asset=self.asset, transaction_id=self.transaction_id
        )


def _text(sums: dict[str, Decimal]) -> str:
    return ", ".join(f"{plain(amount)} {asset}" for asset, amount in sorted(sums.items())) or "0"


def _pending_findings(row: JsonObject, transaction_id: str, rules: TransactionRules) -> Iterator[Finding]:
    if status_of(row) != PENDING:
        return
    try:
        created = datetime.fromisoformat(str(row.get("createdAt")))
    except ValueError:
        return
    created = created if created.tzinfo is not None else created.replace(tzinfo=UTC)
    age_s = rules.now_s - created.timestamp()
    if age_s > rules.pending_max_s:
        allowed, age = f"{rules.pending_max_s / 3600:g} h", f"{age_s / 3600:.1f} h"
        asset = str(row.get("assetCode") or "")
        amount = plain(parse_amount(row.get("amount"), "a transaction's `amount`"))
        yield Finding(
            FindingKind.PENDING_TOO_LONG,
            f"{amount} {asset} are pending for {age}",
            expected=f"at most {allowed}",
            actual=age,
            asset=asset,
            transaction_id=transaction_id,
        )
