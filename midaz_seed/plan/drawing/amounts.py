"""Amounts of money from random bits, by the distributions of a scenario: whole numbers of minor units. Pure."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from itertools import accumulate

from midaz_seed.plan.drawing.bits import Bits
from midaz_seed.plan.drawing.quantiles import CONTEXT, standard_normal, table
from midaz_seed.scenarios.model import AmountSpec
from midaz_seed.scenarios.values import WHOLE

AMOUNT_MAX = 10**30
"""Largest amount in minor units."""
Draw = Callable[[Bits], int]


def compile_amount(spec: AmountSpec, scale: int) -> Draw:
    """Return the function that draws amounts in minor units, each at least 1.

    Args:
        spec: the distribution, in the unit of the asset. `of` and `like` must have been resolved.
        scale: number of decimals of the asset.

    Raises:
        ValueError: the distribution refers to something else, or has amounts above `AMOUNT_MAX`.
    """
    return _compiled(spec.model_dump_json(exclude_defaults=True), scale)


@lru_cache(256)
def _compiled(text: str, scale: int) -> Draw:
    spec = AmountSpec.model_validate_json(text)
    if spec.of is not None or spec.like is not None:
        raise ValueError("amounts that refer to an income or to another entry are resolved before")
    unit = 10**scale
    draw = _unlimited(spec, scale)
    least = max(int(spec.min * unit), 1) if spec.min is not None else 1
    most = int(spec.max * unit) if spec.max is not None else AMOUNT_MAX
    if least > AMOUNT_MAX or most > AMOUNT_MAX:
        raise ValueError(f"amounts are limited to {AMOUNT_MAX:.0e} minor units")

    def limited(bits: Bits) -> int:
        amount = draw(bits)
        return least if amount < least else most if amount > most else amount

    return limited


def _unlimited(spec: AmountSpec, scale: int) -> Draw:
    return _rounded(_distribution(spec, scale), spec.round, 10**scale)


def _part(spec: AmountSpec, scale: int) -> Draw:
    """Return the function for a part of a mix, whose whole has limits."""
    limited = spec.min is not None or spec.max is not None or spec.of is not None or spec.like is not None
    return compile_amount(spec, scale) if limited else _unlimited(spec, scale)


def _distribution(spec: AmountSpec, scale: int) -> Draw:
    unit, scaled = 10**scale, Decimal(10) ** scale
    if spec.const is not None:
        return _constant(int(spec.const * unit))
    if spec.uniform is not None:
        low, high = spec.uniform
        return _uniform(int(low * unit), int(high * unit))
    if spec.lognormal is not None:
        median, sigma = spec.lognormal.median, spec.lognormal.sigma
        return table(lambda low, high: CONTEXT.exp(sigma * standard_normal(low, high)), median * scaled)
    if spec.pareto is not None:
        alpha = spec.pareto.alpha
        return table(lambda _, high: CONTEXT.exp(CONTEXT.divide(-CONTEXT.ln(high), alpha)), spec.pareto.min * scaled)
    if spec.exponential is not None:
        return table(lambda _, high: -CONTEXT.ln(high), spec.exponential * scaled)
    return _composed(spec, scale)


def _composed(spec: AmountSpec, scale: int) -> Draw:
    """Return the function for a distribution that is one of several."""
    unit = 10**scale
    if spec.mix is not None:
        return _one_of([weight for weight, _ in spec.mix], [_part(part, scale) for _, part in spec.mix])
    if spec.choose is not None:
        return _one_of(list(spec.choose.values()), [_constant(int(Decimal(text) * unit)) for text in spec.choose])
    assert spec.bands is not None, "the model has exactly one distribution"
    bands = [_uniform(int(low * unit), int(high * unit)) for _, low, high in spec.bands]
    return _one_of([weight for weight, _, _ in spec.bands], bands)


def _constant(amount: int) -> Draw:
    return lambda _: amount


def _uniform(low: int, high: int) -> Draw:
    span = high - low + 1
    count = span.bit_length() + 64
    return lambda bits: low + ((bits(count) * span) >> count)


def _one_of(weights: list[int], parts: list[Draw]) -> Draw:
    reached = list(accumulate(weights))
    total = reached[-1]
    return lambda bits: parts[bisect_right(reached, (bits(64) * total) >> 64)](bits)


def _rounded(draw: Draw, shares: Mapping[str, int], unit: int) -> Draw:
    """Return the function that rounds a share of the amounts to a multiple; never to zero."""
    if not shares:
        return draw
    multiples = [int(Decimal(text) * unit) for text in shares]
    reached = list(accumulate([*shares.values(), max(WHOLE - sum(shares.values()), 0)]))
    total = reached[-1]

    def drawn(bits: Bits) -> int:
        amount, chosen = draw(bits), bisect_right(reached, (bits(64) * total) >> 64)
        if chosen == len(multiples):
            return amount
        multiple = multiples[chosen]
        return max((amount + multiple // 2) // multiple, 1) * multiple

    return drawn
