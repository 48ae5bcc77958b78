"""Amounts of money from random bits, by the distributions of a scenario: whole numbers of minor units. Pure."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import NamedTuple

from midaz_seed.model.money import EXACT
from midaz_seed.plan.drawing.bits import Bits
from midaz_seed.plan.drawing.choices import cumulative
from midaz_seed.plan.drawing.quantiles import CONTEXT, SPARE_BITS, Table, standard_exponential, standard_normal
from midaz_seed.scenarios.model import AmountSpec
from midaz_seed.scenarios.values import WHOLE

AMOUNT_MAX = 10**30
"""Largest amount in minor units."""
Draw = Callable[[Bits], int]


class _Part(NamedTuple):
    """A distribution and its bounds, in minor units."""

    draw: Draw
    lowest: int
    highest: int


def compile_amount(spec: AmountSpec, scale: int) -> Draw:
    """Return the function that draws amounts in minor units, each at least 1; only the constant 0 remains 0.

    `round` is applied first, then `min` and `max`: an amount beyond a bound becomes the bound.

    Args:
        spec: the distribution, in the unit of the asset. `of` and `like` must have been resolved.
        scale: number of decimals of the asset.

    Raises:
        ValueError: the distribution refers to something else, or can exceed `AMOUNT_MAX`.
    """
    return _compiled(spec.model_dump_json(exclude_defaults=True), scale)


@lru_cache(256)
def _compiled(text: str, scale: int) -> Draw:
    part = _part(AmountSpec.model_validate_json(text), scale)
    if part.highest > AMOUNT_MAX:
        raise ValueError(f"amounts can exceed {AMOUNT_MAX:.0e} minor units: set a smaller max")
    return part.draw


def _part(spec: AmountSpec, scale: int) -> _Part:
    """Return a distribution with its rounding and its bounds."""
    if spec.of is not None or spec.like is not None:
        raise ValueError("amounts that refer to an income or to another entry are resolved before")
    if spec.const is not None and not spec.const:
        return _constant(0)
    least = max(minor_units(spec.min, scale, ROUND_CEILING), 1) if spec.min is not None else 1
    most = minor_units(spec.max, scale, ROUND_FLOOR) if spec.max is not None else None
    if (table := table_of(spec, scale)) is not None:
        lowest, highest = (0, table.highest) if spec.round else (least, table.highest if most is None else most)
        part = _Part(table.drawer(lowest, highest), lowest, highest)
    else:
        part = _composed(spec, scale)
    return _rounded(part, spec, scale, least, most) if spec.round else _bounded(part, least, most)


def minor_units(value: Decimal, scale: int, rounding: str = ROUND_HALF_EVEN) -> int:
    """Return an amount in minor units. Only one with more decimals than the asset is rounded."""
    return int(value.scaleb(scale, EXACT).to_integral_value(rounding, EXACT))


def table_of(spec: AmountSpec, scale: int) -> Table | None:
    """Return the quantiles of a continuous distribution in minor units, without rounding and bounds.

    None for any other distribution.
    """
    if spec.lognormal is not None:
        return _lognormal(spec.lognormal.sigma, spec.lognormal.median.scaleb(scale, EXACT))
    if spec.pareto is not None:
        return _pareto(spec.pareto.alpha, spec.pareto.min.scaleb(scale, EXACT))
    if spec.exponential is not None:
        return _exponential(spec.exponential.scaleb(scale, EXACT))
    return None


@lru_cache(64)  # entries with the same distribution often have other bounds
def _lognormal(sigma: Decimal, median: Decimal) -> Table:
    return Table(lambda low, high: CONTEXT.exp(CONTEXT.multiply(sigma, standard_normal(low, high))), median)


@lru_cache(64)
def _pareto(alpha: Decimal, least: Decimal) -> Table:
    # the mean beyond a quantile x is alpha / (alpha - 1) * x: with this end it is the middle of the last interval
    end = CONTEXT.divide(CONTEXT.add(alpha, Decimal(1)), CONTEXT.subtract(alpha, Decimal(1))) if alpha > 1 else None
    return Table(lambda _, high: CONTEXT.exp(CONTEXT.divide(standard_exponential(high), alpha)), least, end)


@lru_cache(64)
def _exponential(mean: Decimal) -> Table:
    return Table(lambda _, high: standard_exponential(high), mean)


def _composed(spec: AmountSpec, scale: int) -> _Part:
    """Return a distribution that has no table, without rounding and bounds."""
    if spec.const is not None:
        return _constant(minor_units(spec.const, scale))
    if spec.uniform is not None:
        return _uniform(*spec.uniform, scale)
    if spec.mix is not None:
        return _one_of([weight for weight, _ in spec.mix], [_part(part, scale) for _, part in spec.mix])
    if spec.choose is not None:
        parts = [_constant(minor_units(Decimal(text), scale)) for text in spec.choose]
        return _one_of(list(spec.choose.values()), parts)
    assert spec.bands is not None, "the model has exactly one distribution"
    bands = [_uniform(low, high, scale) for _, low, high in spec.bands]
    return _one_of([weight for weight, _, _ in spec.bands], bands)


def _constant(amount: int) -> _Part:
    return _Part(lambda _: amount, amount, amount)


def _uniform(lowest: Decimal, highest: Decimal, scale: int) -> _Part:
    low, high = minor_units(lowest, scale), minor_units(highest, scale)
    size = high - low + 1
    count = max(32, size.bit_length() + 2 * SPARE_BITS)
    return _Part(lambda bits: low + ((bits(count) * size) >> count), low, high)


def _one_of(weights: Sequence[int], parts: Sequence[_Part]) -> _Part:
    reached, count = cumulative(weights)
    draws = [part.draw for part in parts]
    possible = [part for part, weight in zip(parts, weights, strict=True) if weight]

    def one_of_two(bits: Bits) -> int:
        return first(bits) if bits(count) < bound else second(bits)

    def one_of_many(bits: Bits) -> int:
        return draws[bisect_right(reached, bits(count))](bits)

    first, second, bound = draws[0], draws[-1], reached[0]
    return _Part(
        one_of_two if len(parts) == 2 else one_of_many,
        min(part.lowest for part in possible),
        max(part.highest for part in possible),
    )


def _rounded(part: _Part, spec: AmountSpec, scale: int, least: int, most: int | None) -> _Part:
    """Return the distribution with a share of the amounts rounded to a multiple, never to zero, and then bounded."""
    multiples = [minor_units(Decimal(text), scale) for text in spec.round]
    shares = list(spec.round.values())
    reached, count = cumulative([*shares, max(WHOLE - sum(shares), 0)])
    highest = part.highest + max(multiples) if most is None else most
    below, draw = reached[-2], part.draw

    def drawn(bits: Bits) -> int:
        amount, chosen = draw(bits), bits(count)
        if chosen < below and (multiple := multiples[bisect_right(reached, chosen)]):
            amount = ((amount + (multiple >> 1)) // multiple or 1) * multiple
        return least if amount < least else amount if amount < highest else highest

    return _Part(drawn, least, highest)


def _bounded(part: _Part, least: int, most: int | None) -> _Part:
    """Return the distribution within bounds; the same one where it is already."""
    highest = part.highest if most is None else most
    if part.lowest >= least and part.highest <= highest:
        return part
    draw = part.draw

    def drawn(bits: Bits) -> int:
        amount = draw(bits)
        return least if amount < least else amount if amount < highest else highest

    return _Part(drawn, least, highest)
