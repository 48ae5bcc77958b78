"""Compare the server's balances with the planned ones. Amounts are exact decimals."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from midaz_seed.errors import NotMidazError
from midaz_seed.model.json_types import JsonObject
from midaz_seed.model.money import EXACT

DEFAULT_KEY = "default"
"""Key of an account's main balance."""
EXTERNAL = "@external/"
"""Start of an external account's alias; the asset code follows."""
_PLAIN = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?").fullmatch
"""The usual form of an amount, which needs no further checks."""
DIGITS_MAX = 80
"""Maximum digits before and after the decimal point: far more than any asset has, with exact sums."""


@dataclass(frozen=True, slots=True)
class ObservedBalance:
    """A balance as reported by the server. `direction` is None before v3.7, where external balances are negative."""

    alias: str
    key: str
    asset: str
    available: Decimal
    on_hold: Decimal
    direction: str | None
    id: str = ""
    """Id on the server; identifies the balance in repeated reads."""
    version: int | None = None
    """Number of its changes; None when the server does not report it."""
    may_send: bool = True
    """Whether it may be the source of a transaction."""

    @classmethod
    def parse(cls, row: JsonObject) -> "ObservedBalance":
        """Parse a row of `GET .../balances`. Raises NotMidazError when it is not a balance."""
        if not isinstance(row, dict):
            raise _not_a_balance(f"{row!r}")
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
            may_send=row.get("allowSending") is not False,
        )

    @property
    def credit(self) -> Decimal:
        """Its contribution to the sum of its asset, which is zero over all balances."""
        total = EXACT.add(self.available, self.on_hold)
        return total.copy_negate() if self.direction == "debit" else total


def parse_amount(value: object, what: str) -> Decimal:
    """Parse an amount of the server, a string or a number, as an exact decimal.

    Args:
        value: the amount; a float is refused, because it has lost digits.
        what: name of the amount for the message.

    Raises:
        NotMidazError: when it is not an amount.
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
        f"the server sent {what} {shown[:60]}{'...' if len(shown) > 60 else ''}, which is not an amount",
        hint="check that no proxy or gateway alters the server's answers",
    )


def _decimals(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _text(row: JsonObject, name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise _not_a_balance(f"`{name}` is {value!r}"[:80])
    return value


def _not_a_balance(why: str) -> NotMidazError:
    return NotMidazError(
        f"the server lists an invalid balance: {why}",
        hint="check that no proxy or gateway alters the server's answers",
    )


@dataclass(frozen=True, slots=True)
class ExpectedBalance:
    """A planned balance; for an external account the amount that left it, as a positive number."""

    alias: str
    asset: str
    available: Decimal
    on_hold: Decimal = Decimal(0)
    only_pays: bool = True
    """For an external account: money leaves it and never returns, so it cannot show more too early."""


@dataclass(frozen=True, slots=True)
class BalanceDifference:
    """A difference between a balance and the plan."""

    what: str
    alias: str
    expected: str
    actual: str
    surplus: bool = False
    """There is more than planned, which no delay of the server explains."""


def compare_balances(
    expected: Iterable[ExpectedBalance], observed: Iterable[ObservedBalance]
) -> Iterator[BalanceDifference]:
    """Compare the available and on-hold amount of every account with the plan.

    Unplanned accounts are differences too, as is a balance that is on two pages with different amounts.
    """
    found: dict[tuple[str, str], ObservedBalance] = {}
    rows: dict[object, ObservedBalance] = {}
    for row in observed:
        before = rows.get(row.id or row)
        if before is not None and before != row:
            seen = f"{_plain(before.available)}, then {_plain(row.available)}"
            yield BalanceDifference("balance", f"{row.alias}#{row.key}", "at rest", seen)
        rows[row.id or row] = row
    for row in rows.values():
        if found.setdefault((row.alias, row.key), row) is not row:  # another balance with the same alias and key
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
        # a customer account may show more because its own payment is not visible yet; an external account only pays
        surplus = external and plan.only_pays and available > plan.available
        yield BalanceDifference("available", plan.alias, _plain(plan.available), _plain(available), surplus)
    if actual.on_hold != plan.on_hold:
        # more may be on hold because a commit or a cancel is not visible yet
        yield BalanceDifference("on hold", plan.alias, _plain(plan.on_hold), _plain(actual.on_hold))


def zero_sum_differences(observed: Iterable[ObservedBalance]) -> Iterator[BalanceDifference]:
    """Check per asset that customers hold exactly what left the external account.

    The sign is that of an external account (midaz-behaviour: external-account-sign).
    """
    sums: dict[str, Decimal] = {}
    for row in {row.id or row: row for row in observed}.values():
        sums[row.asset] = EXACT.add(sums.get(row.asset, Decimal(0)), row.credit)
    for asset, total in sums.items():
        if total != 0:
            yield BalanceDifference("sum of the asset", asset, "0", _plain(total))


def frozen_differences(frozen: Collection[str], observed: Iterable[ObservedBalance]) -> Iterator[BalanceDifference]:
    """Check that exactly the accounts with these aliases may not send."""
    for row in observed:
        planned = row.alias not in frozen
        if row.key == DEFAULT_KEY and row.may_send is not planned:
            texts = {True: "allowed", False: "not allowed"}
            yield BalanceDifference("sending", row.alias, texts[planned], texts[row.may_send])


def _plain(value: Decimal) -> str:
    """Format without trailing zeros; unlike `normalize` this never rounds."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
