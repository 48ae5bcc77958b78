"""Operations as the server lists them, and what each does to its balance. Pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from midaz_seed.model.balances import DEFAULT_KEY, parse_amount
from midaz_seed.model.json_types import Json, JsonObject
from midaz_seed.model.money import EXACT

ZERO = Decimal(0)
NO_VERSION = -1
"""The version of a balance where versions are not compared."""
Directions = Mapping[str, int]
"""Balance id -> 1 for a balance of direction credit, -1 for one of direction debit."""


class BalanceState(NamedTuple):
    """A balance at a moment."""

    available: Decimal
    on_hold: Decimal
    version: int
    """Number of its changes, or `NO_VERSION`."""


class Operation(NamedTuple):
    """An operation; `before` and `after` are None where the server does not give them."""

    id: str
    kind: str
    """DEBIT, CREDIT, ON_HOLD, RELEASE, BLOCK, UNBLOCK or OVERDRAFT."""
    is_debit: bool
    amount: Decimal
    asset: str
    alias: str
    key: str
    account_id: str
    balance_id: str
    before: BalanceState | None
    after: BalanceState | None
    uses_overdraft: bool
    """It changes what is used of the overdraft."""
    affects: bool
    """It changes its balance: not for an annotation."""

    @property
    def change(self) -> tuple[Decimal, Decimal]:
        """What it adds to the available amount and to the amount on hold; zero where that is not known."""
        if self.before is None or self.after is None:
            return ZERO, ZERO
        return (
            EXACT.subtract(self.after.available, self.before.available),
            EXACT.subtract(self.after.on_hold, self.before.on_hold),
        )


def parse_operation(row: JsonObject, *, versions: bool) -> Operation:
    """Parse an operation of a transaction or of an account.

    Args:
        row: as the server lists it.
        versions: whether every change of a balance has an operation, so that versions can be compared
            (midaz-behaviour: balance-versions).

    Raises:
        NotMidazError: an amount of it is not one.
    """
    kind, direction, amount = str(row.get("type")), row.get("direction"), row.get("amount")
    value = amount.get("value") if isinstance(amount, dict) else None
    before, after = row.get("balance"), row.get("balanceAfter")
    return Operation(
        id=_text(row.get("id")),
        kind=kind,
        is_debit=direction == "debit" if direction in ("debit", "credit") else kind in ("DEBIT", "ON_HOLD"),
        amount=parse_amount(value if value is not None else 0, "an operation's amount"),
        asset=_text(row.get("assetCode")),
        alias=_text(row.get("accountAlias")),
        key=_text(row.get("balanceKey")) or DEFAULT_KEY,
        account_id=_text(row.get("accountId")),
        balance_id=_text(row.get("balanceId")),
        before=state_of(before, versions=versions),
        after=state_of(after, versions=versions),
        uses_overdraft=_overdraft_of(before) != _overdraft_of(after),
        affects=row.get("balanceAffected") is not False,
    )


def state_of(value: Json, *, versions: bool) -> BalanceState | None:
    """Return the state in a balance, or in the `balance` or `balanceAfter` of an operation; None without one."""
    if not isinstance(value, dict) or value.get("available") is None:
        return None
    on_hold, version = value.get("onHold"), value.get("version")
    return BalanceState(
        parse_amount(value["available"], "`available`"),
        parse_amount(on_hold if on_hold is not None else 0, "`onHold`"),
        version if versions and isinstance(version, int) else NO_VERSION,
    )


def fits_amount(operation: Operation, sign: int | None) -> bool:
    """Return whether an operation changes its balance by its amount, as its type says.

    A hold is one change or, where routes are checked, a debit and a reservation; likewise a release
    (midaz-behaviour: route-validation). A commit takes the amount from what is on hold.

    Args:
        operation: the operation.
        sign: 1 for a balance of direction credit, -1 for debit; None: not known.
    """
    if operation.before is None or operation.after is None or not operation.affects:
        return True
    available, on_hold = operation.change
    if operation.uses_overdraft:  # what is on hold then includes what is lent
        return available.copy_abs() == operation.amount
    allowed = _CHANGES.get((operation.kind, operation.is_debit)) or _CHANGES.get((operation.kind, None))
    if allowed is None:  # a type of a later version
        return True
    signs = (sign,) if sign is not None else (1, -1)
    return any(
        available == times(each * first, operation.amount) and on_hold == times(second, operation.amount)
        for first, second in allowed
        for each in signs
    )


_CHANGES: dict[tuple[str, bool | None], tuple[tuple[int, int], ...]] = {
    ("DEBIT", None): ((-1, 0), (0, -1)),
    ("CREDIT", None): ((1, 0),),
    ("ON_HOLD", None): ((-1, 1), (0, 1)),
    ("RELEASE", None): ((1, -1), (0, -1)),
    ("BLOCK", True): ((-1, 0),),
    ("BLOCK", False): ((1, 0),),
    ("UNBLOCK", True): ((-1, 0),),
    ("UNBLOCK", False): ((1, 0),),
    ("OVERDRAFT", None): ((1, 0), (-1, 0)),
}
"""(type, whether it is a debit; None: either) -> the changes of a credit balance that it may be: (available, on hold),
in units of the amount."""


def times(sign: int, amount: Decimal) -> Decimal:
    """Return an amount with this sign (1, 0 or -1). The operators of decimals would round a long amount."""
    return amount.copy_negate() if sign < 0 else amount if sign else ZERO


def plain(value: Decimal) -> str:
    """Format an amount without trailing zeros and without rounding."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def shown(state: BalanceState) -> str:
    """Format a state: the available amount, and what is on hold if that is not zero."""
    return plain(state.available) + (f" and {plain(state.on_hold)} on hold" if state.on_hold else "")


def _overdraft_of(value: Json) -> Json:
    used = value.get("overdraftUsed") if isinstance(value, dict) else None
    return used if used is not None else "0"


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
