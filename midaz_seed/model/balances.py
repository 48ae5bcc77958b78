"""Comparing what the server holds with what was planned. Amounts are exact decimals."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from midaz_seed.errors import NotMidazError
from midaz_seed.model.json_types import JsonObject
from midaz_seed.model.money import EXACT

DEFAULT_KEY = "default"
EXTERNAL = "@external/"
_PLAIN = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?").fullmatch
"""An amount as every server writes it, which needs no further look."""
DIGITS_MAX = 80
"""Before and behind the decimal point of an amount: far more than any asset has, and sums of such amounts are exact."""


@dataclass(frozen=True, slots=True)
class ObservedBalance:
    """A balance as the server reports it. `direction` is None before v3.7, where external balances are negative."""

    alias: str
    key: str
    asset: str
    available: Decimal
    on_hold: Decimal
    direction: str | None
    id: str = ""
    """The server's. One balance has one, however often it is read."""
    version: int | None = None
    """How often it was changed, from 0; None when the server does not tell."""

    @classmethod
    def parse(cls, row: JsonObject) -> "ObservedBalance":
        """From a row of `GET .../balances`. Raises NotMidazError when it is none."""
        if not isinstance(row, dict):
            raise _no_balance(f"{row!r}")
        direction, version = row.get("direction"), row.get("version")
        return cls(
            alias=_text(row, "alias"),
            key=_text(row, "key") if row.get("key") else DEFAULT_KEY,
            asset=_text(row, "assetCode"),
            available=parse_amount(row.get("available"), "`available`"),
            on_hold=parse_amount(row.get("onHold"), "`onHold`"),
            direction=direction if isinstance(direction, str) else None,
            id=_text(row, "id"),
            version=version if isinstance(version, int) and not isinstance(version, bool) else None,
        )

    @property
    def credit(self) -> Decimal:
        """What it adds to the sum of its asset, which is zero over all balances."""
        total = EXACT.add(self.available, self.on_hold)
        return total.copy_negate() if self.direction == "debit" else total


def parse_amount(value: object, what: str) -> Decimal:
    """An amount of the server's as an exact decimal, whether it was written as a string or as a number.

    Raises NotMidazError when it is none; a float is none, for it has lost digits. `what` is how a message calls it.
    """
    if isinstance(value, str) and _PLAIN(value):
        return Decimal(value)
    if isinstance(value, str | int | Decimal) and not isinstance(value, bool):
        try:
            amount = Decimal(value)
        except InvalidOperation:
            amount = Decimal("NaN")
        if amount.is_finite() and amount.adjusted() < DIGITS_MAX and _decimals(amount) <= DIGITS_MAX:
            return amount
    shown = repr(value)
    raise NotMidazError(
        f"the server sent {what} {shown[:60]}{'...' if len(shown) > 60 else ''}, which is no amount",
        hint="check that nothing (a proxy, a gateway) changes the server's answers on the way",
    )


def _decimals(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _text(row: JsonObject, name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise _no_balance(f"`{name}` is {value!r}"[:80])
    return value


def _no_balance(why: str) -> NotMidazError:
    return NotMidazError(
        f"the server lists a balance that is none: {why}",
        hint="check that nothing (a proxy, a gateway) changes the server's answers on the way",
    )


@dataclass(frozen=True, slots=True)
class ExpectedBalance:
    """A balance as planned; for an external account what has left it, as a positive amount."""

    alias: str
    asset: str
    available: Decimal


@dataclass(frozen=True, slots=True)
class BalanceDifference:
    """One way in which a balance is not the planned one."""

    what: str
    alias: str
    expected: str
    actual: str
    surplus: bool = False
    """There is more than planned, and no delay of the server's explains that."""


def compare_balances(
    expected: Iterable[ExpectedBalance], observed: Iterable[ObservedBalance]
) -> Iterator[BalanceDifference]:
    """Every account's available and on-hold amount against the plan; accounts that were not planned are differences
    too, and so is a balance that changed between two pages on which it came."""
    found: dict[tuple[str, str], ObservedBalance] = {}
    rows: dict[object, ObservedBalance] = {}
    for row in observed:
        before = rows.get(row.id or row)
        if before is not None and before != row:
            seen = f"{_plain(before.available)}, then {_plain(row.available)}"
            yield BalanceDifference("balance", f"{row.alias}#{row.key}", "at rest", seen)
        rows[row.id or row] = row
    for row in rows.values():
        if found.setdefault((row.alias, row.key), row) is not row:  # money of its own under the same alias
            yield BalanceDifference(
                "second balance", f"{row.alias}#{row.key}", "absent", _plain(row.available), surplus=True
            )
    for plan in expected:
        actual = found.pop((plan.alias, DEFAULT_KEY), None)
        if actual is None:
            yield BalanceDifference("balance", plan.alias, _plain(plan.available), "absent")
        else:
            yield from _differences(plan, actual)
    for row in found.values():
        yield BalanceDifference(
            "unplanned balance", f"{row.alias}#{row.key}", "absent", _plain(row.available), surplus=True
        )


def _differences(plan: ExpectedBalance, actual: ObservedBalance) -> Iterator[BalanceDifference]:
    external = plan.alias.startswith(EXTERNAL)
    available = actual.credit.copy_negate() if external else actual.available
    if actual.asset != plan.asset:
        yield BalanceDifference("asset", plan.alias, plan.asset, actual.asset)
    if available != plan.available:
        # an account may have more because a payment of its own does not show yet; an external one only ever pays
        surplus = external and available > plan.available
        yield BalanceDifference("available", plan.alias, _plain(plan.available), _plain(available), surplus)
    if actual.on_hold != 0:
        yield BalanceDifference("on hold", plan.alias, "0", _plain(actual.on_hold), surplus=True)


def zero_sum_differences(observed: Iterable[ObservedBalance]) -> Iterator[BalanceDifference]:
    """Per asset: everything that customers hold has come from the external account
    (midaz-behaviour: external-account-sign)."""
    sums: dict[str, Decimal] = {}
    for row in {row.id or row: row for row in observed}.values():
        sums[row.asset] = EXACT.add(sums.get(row.asset, Decimal(0)), row.credit)
    for asset, total in sums.items():
        if total != 0:
            yield BalanceDifference("sum of the asset", asset, "0", _plain(total))


def _plain(value: Decimal) -> str:
    """All its digits, without trailing zeros; unlike `normalize`, this never rounds."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
