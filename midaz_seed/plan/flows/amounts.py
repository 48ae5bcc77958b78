"""Amounts of the movements of an entry, with what an amount refers to resolved: other entries, and incomes. Pure."""

from collections.abc import Callable
from decimal import Decimal

from midaz_seed.plan.drawing.amounts import compile_amount, minor_units
from midaz_seed.plan.drawing.bits import Bits
from midaz_seed.plan.population import Population
from midaz_seed.scenarios.model import AmountSpec, Fee, Scenario

Draw = Callable[[Bits, int | None], int]
"""(bits, account whose customer's income counts) -> minor units, at least 1."""
PPM, PPM_DECIMALS = 1_000_000, 6


def amounts(scenario: Scenario, spec: AmountSpec, population: Population, asset: int) -> Draw:
    """Return the function that draws the amounts of an entry in one asset."""
    scale = population.shape.assets[asset].scale
    if spec.like is not None:
        other = scenario.mix[spec.like].amount or scenario.assets[population.shape.assets[asset].code].amount
        assert other is not None, "checked when the scenario was read"
        draw, times = amounts(scenario, other, population, asset), _millionths(spec.times)
        return draw if times == PPM else lambda bits, account: max(1, draw(bits, account) * times // PPM)
    if spec.of is not None:
        times, incomes, customer_of = _millionths(spec.times), population.income, population.customer
        difference = scale - population.shape.assets[0].scale
        factor, divisor = 10 ** max(difference, 0), PPM * 10 ** max(-difference, 0)
        return lambda _, account: max(1, incomes[customer_of[account or 0]] * times * factor // divisor)
    plain = compile_amount(spec, scale)
    return lambda bits, _: plain(bits)


def _millionths(times: Decimal | None) -> int:
    return PPM if times is None else minor_units(times, PPM_DECIMALS)


def fees(fee: Fee, scale: int) -> Callable[[int], int]:
    """Return the function that computes the fee for an amount in minor units: rounded half up, less than the amount."""
    fixed = minor_units(fee.fixed, scale) if fee.fixed is not None else 0
    millionths = int(fee.percent * PPM / 100) if fee.percent is not None else 0
    least = minor_units(fee.min, scale) if fee.min is not None else 0

    def compute(amount: int) -> int:
        computed = (amount * millionths * 2 + PPM) // (2 * PPM) if millionths else fixed
        return min(max(computed, least), amount - 1)

    return compute
