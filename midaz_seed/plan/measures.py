"""Describe whole numbers: quantiles, bands, and how unevenly something is shared. Exact, pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from midaz_seed.plan.items import AssetTemplate

PLACES = 4
"""Decimals of shares and of Gini coefficients."""


@dataclass(frozen=True, slots=True)
class Band:
    """Amounts from `low` up to, but without, `high`. The bounds are 1, 2, 5, 10, 20, 50 ... in minor units."""

    low: Decimal
    high: Decimal
    count: int


@dataclass(frozen=True, slots=True)
class Distribution:
    """Amounts of one asset. A quantile is the smallest amount that at least that share of all amounts does not exceed;
    the mean is rounded to the asset's scale.
    """

    count: int
    total: Decimal
    min: Decimal
    p10: Decimal
    p50: Decimal
    p90: Decimal
    p99: Decimal
    mean: Decimal
    max: Decimal
    bands: tuple[Band, ...]


def distribution(counts: Mapping[int, int], asset: AssetTemplate) -> Distribution:
    """Return the distribution of amounts.

    Args:
        counts: amount in minor units -> how often it occurs; not empty.
        asset: the asset, for its scale.
    """
    amounts = sorted(counts)
    count, total = sum(counts.values()), sum(amount * number for amount, number in counts.items())
    # integers only: rounded half up at the last minor unit
    mean = (2 * total + count) // (2 * count)
    p10, p50, p90, p99 = (asset.decimal(each) for each in _quantiles(amounts, counts, count, (10, 50, 90, 99)))
    return Distribution(
        count,
        asset.decimal(total),
        asset.decimal(amounts[0]),
        p10,
        p50,
        p90,
        p99,
        asset.decimal(mean),
        asset.decimal(amounts[-1]),
        _bands(amounts, counts, asset),
    )


def _quantiles(amounts: Sequence[int], counts: Mapping[int, int], count: int, percents: Sequence[int]) -> Iterator[int]:
    reached, waiting = 0, list(percents)
    for amount in amounts:
        reached += counts[amount]
        while waiting and reached * 100 >= waiting[0] * count:
            waiting.pop(0)
            yield amount


def _bands(amounts: Sequence[int], counts: Mapping[int, int], asset: AssetTemplate) -> tuple[Band, ...]:
    """Return the bands from the first one that is not empty to the last one."""
    found: list[Band] = []
    low, high, inside = 0, 1, 0
    steps = _steps()
    for amount in amounts:
        while amount >= high:
            if inside or found:
                found.append(Band(asset.decimal(low), asset.decimal(high), inside))
            low, high, inside = high, next(steps), 0
        inside += counts[amount]
    return (*found, Band(asset.decimal(low), asset.decimal(high), inside))


def _steps() -> Iterator[int]:
    decade = 1
    while True:
        yield decade * 2
        yield decade * 5
        decade *= 10
        yield decade


def share(part: int, whole: int) -> float:
    """Return a share from 0 to 1, rounded to `PLACES`."""
    return round(part / whole, PLACES) if whole else 0.0


def gini(values: Iterable[int]) -> float:
    """Return the Gini coefficient of numbers from 0 on: 0 when all are equal, near 1 when one has everything."""
    ordered = sorted(values)
    total, count = sum(ordered), len(ordered)
    if not total:
        return 0.0
    weighted = sum((2 * rank - count - 1) * value for rank, value in enumerate(ordered, 1))
    return round(weighted / (count * total), PLACES)


def top_share(values: Sequence[int], percent: int) -> float:
    """Return the share that the largest `percent` of the values have of their sum; at least one value counts."""
    count = -(-len(values) * percent // 100)
    return share(sum(sorted(values, reverse=True)[:count]), sum(values))
