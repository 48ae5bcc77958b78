"""Comparing what the server holds with what was planned. Amounts are exact decimals."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from midaz_seed.model.jsons import JsonObject
from midaz_seed.model.money import EXACT

DEFAULT_KEY = "default"
EXTERNAL = "@external/"


@dataclass(frozen=True, slots=True)
class ObservedBalance:
    """A balance as the server reports it. `direction` is None before v3.7, where external balances are negative."""

    alias: str
    key: str
    asset: str
    available: Decimal
    on_hold: Decimal
    direction: str | None
    version: int | None = None
    """How often it was changed; None where the server does not say."""

    @classmethod
    def parse(cls, row: JsonObject) -> "ObservedBalance":
        """From a row of `GET .../balances`."""
        direction, version = row.get("direction"), row.get("version")
        return cls(
            alias=str(row["alias"]),
            key=str(row.get("key") or DEFAULT_KEY),
            asset=str(row["assetCode"]),
            available=Decimal(str(row["available"])),
            on_hold=Decimal(str(row["onHold"])),
            direction=direction if isinstance(direction, str) else None,
            version=version if isinstance(version, int) else None,
        )

    @property
    def credit(self) -> Decimal:
        """What it adds to the sum of its asset, which is zero over all balances."""
        total = EXACT.add(self.available, self.on_hold)
        return total.copy_negate() if self.direction == "debit" else total


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


def compare_balances(
    expected: Iterable[ExpectedBalance], observed: Iterable[ObservedBalance]
) -> Iterator[BalanceDifference]:
    """Every account's available and on-hold amount against the plan; accounts that were not planned are differences
    too."""
    found: dict[tuple[str, str], ObservedBalance] = {}
    for row in observed:
        # the same row on two pages is one balance; another row under the same alias is money of its own
        if found.setdefault((row.alias, row.key), row) != row:
            yield BalanceDifference("second balance", f"{row.alias}#{row.key}", "absent", _plain(row.available))
    for plan in expected:
        actual = found.pop((plan.alias, DEFAULT_KEY), None)
        if actual is None:
            yield BalanceDifference("balance", plan.alias, _plain(plan.available), "absent")
            continue
        if actual.asset != plan.asset:
            yield BalanceDifference("asset", plan.alias, plan.asset, actual.asset)
        available = actual.credit.copy_negate() if plan.alias.startswith(EXTERNAL) else actual.available
        if available != plan.available:
            yield BalanceDifference("available", plan.alias, _plain(plan.available), _plain(available))
        if actual.on_hold != 0:
            yield BalanceDifference("on hold", plan.alias, "0", _plain(actual.on_hold))
    for row in found.values():
        yield BalanceDifference("unplanned balance", f"{row.alias}#{row.key}", "absent", _plain(row.available))


def zero_sum_differences(observed: Iterable[ObservedBalance]) -> Iterator[BalanceDifference]:
    """Per asset: everything that customers hold has come from the external account (contract, 12.6)."""
    sums: dict[str, Decimal] = {}
    for row in observed:
        sums[row.asset] = EXACT.add(sums.get(row.asset, Decimal(0)), row.credit)
    for asset, total in sums.items():
        if total != 0:
            yield BalanceDifference("sum of the asset", asset, "0", _plain(total))


def _plain(value: Decimal) -> str:
    """All its digits, without trailing zeros; unlike `normalize`, this never rounds."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
