"""Quantile tables against closed forms. The means are integrals of the tables, not of samples."""

from bisect import bisect_right
from decimal import Decimal, getcontext, localcontext
from fractions import Fraction
from itertools import chain, pairwise, repeat
from math import exp, sqrt
from random import Random
from statistics import NormalDist

import pytest

from midaz_seed.plan.drawing.amounts import compile_amount, table_of
from midaz_seed.plan.drawing.quantiles import CONTEXT, Table, standard_normal
from midaz_seed.scenarios.model import AmountSpec

# Wichura (1988), the example of the article: P = 0.25, 0.001 and 1e-20
PUBLISHED = {"0.25": "-0.6744897501960817", "0.001": "-3.090232306167814", "1E-20": "-9.262340089798408"}
SCALES = (0, 2, 8, 18)


def table(scale: int = 2, **distribution: object) -> Table:
    found = table_of(AmountSpec.model_validate(distribution), scale)
    assert found is not None
    return found


def lognormal(sigma: str, median: str = "48", scale: int = 2) -> Table:
    return table(scale, lognormal={"median": median, "sigma": sigma})


def below(knots: list[tuple[Fraction, int]], amount: int) -> Fraction:
    """Return the probability of less than an amount, by the interpolated quantiles."""
    at = bisect_right(knots, amount, key=lambda knot: knot[1])
    if not 0 < at < len(knots):
        return Fraction(at > 0)
    (p, low), (q, high) = knots[at - 1 : at + 1]
    return p + (q - p) * Fraction(amount - low, high - low)


@pytest.mark.parametrize("probability", PUBLISHED)
def test_the_normal_quantile_is_the_published_one(probability):
    found = standard_normal(Decimal(probability), CONTEXT.subtract(Decimal(1), Decimal(probability)))
    assert abs(found / Decimal(PUBLISHED[probability]) - 1) < Decimal("2e-16")


def test_the_normal_quantile_is_that_of_the_standard_library_at_every_thousandth():
    for thousandth in range(1, 1000):
        p = Decimal(thousandth) / 1000
        assert abs(float(standard_normal(p, 1 - p)) - NormalDist().inv_cdf(thousandth / 1000)) < 2e-15


def test_the_normal_quantile_is_antisymmetric():
    for unit in range(1, 512):
        p = Decimal(unit) / 1024
        assert standard_normal(p, 1 - p) == standard_normal(1 - p, p).copy_negate()


@pytest.mark.parametrize("sigma", ["0.1", "0.67", "0.82", "1", "1.4", "1.6", "1.8"])
def test_the_mean_of_a_lognormal_table_is_within_one_percent(sigma):
    assert float(lognormal(sigma).mean()) == pytest.approx(4800 * exp(float(sigma) ** 2 / 2), rel=0.01)


@pytest.mark.parametrize("alpha", ["1.1", "1.16", "1.5", "2", "3", "5"])
def test_the_mean_of_a_pareto_table_is_within_one_percent(alpha):
    found = table(pareto={"min": "20", "alpha": alpha}).mean()
    assert float(found) == pytest.approx(2000 * float(alpha) / (float(alpha) - 1), rel=0.01)


def test_the_mean_of_an_exponential_table_is_within_one_percent():
    assert float(table(exponential="50").mean()) == pytest.approx(5000, rel=0.01)


def test_the_variance_of_a_lognormal_table_has_its_tail():
    knots = lognormal("0.82").knots()
    square = sum(float(q - p) * (low * low + low * high + high * high) / 3 for (p, low), (q, high) in pairwise(knots))
    mean = 4800 * exp(0.82**2 / 2)
    assert sqrt(square - mean**2) == pytest.approx(mean * sqrt(exp(0.82**2) - 1), rel=0.02)


def test_the_mixture_of_payments_between_people_fits_the_central_bank():
    """Median 50, mean 257 and 93.1 % below 200 (BCB, December 2022); the closed form gives 49.8, 254 and 92.9 %."""
    parts = [(Fraction(965, 1000), lognormal("0.82")), (Fraction(35, 1000), lognormal("1.6", "1500"))]
    share = {
        amount: sum(weight * below(part.knots(), amount) for weight, part in parts) for amount in (4970, 4990, 20000)
    }
    assert share[4970] < Fraction(1, 2) < share[4990]
    assert float(sum(weight * part.mean() for weight, part in parts)) == pytest.approx(25_400, rel=0.005)
    assert float(share[20_000]) == pytest.approx(0.929, abs=0.0005)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("sigma", ["0.3", "1.8"])
def test_a_table_ascends(sigma, scale):
    values = lognormal(sigma, scale=scale).values
    assert all(low <= high for low, high in pairwise(values))


def test_draws_follow_the_table():
    """A chi-squared test with a fixed seed: 20 classes with the same probability, 99.9 % quantile 43.8."""
    found, bits, count = lognormal("1.6", "1500"), Random(5).getrandbits, 10_000
    draw, knots = found.drawer(0, 10**30), found.knots()
    classes = [0] * 20
    for _ in range(count):
        classes[min(int(below(knots, draw(bits)) * 20), 19)] += 1
    assert sum((each - count / 20) ** 2 / (count / 20) for each in classes) < 43.8


def test_no_draw_is_beyond_the_ends_and_each_end_can_be_drawn():
    found = lognormal("1.8")
    draw = found.drawer(0, 10**30)
    assert draw(lambda _: 0) == found.lowest
    # all bits set: the last of the 1,024 intervals; then none: its outermost part
    drawn = chain([(1 << 64) - 1], repeat(0))
    assert draw(lambda count: next(drawn) & ((1 << count) - 1)) == found.highest
    bits = Random(1).getrandbits
    assert all(found.lowest <= draw(bits) <= found.highest for _ in range(2000))


def test_every_minor_unit_of_a_large_scale_can_be_last():
    """With 18 decimals the width of an interval has more bits than one word of random bits."""
    draw, bits = lognormal("0.82", scale=18).drawer(0, 10**30), Random(1).getrandbits
    last = {draw(bits) % 100 for _ in range(3000)}
    assert len(last) == 100


def test_the_decimal_context_of_the_caller_changes_nothing():
    usual = lognormal("1.234").values
    with localcontext() as context:
        context.prec = 3
        context.rounding = "ROUND_UP"
        coarse = lognormal("1.234").values
        bits = Random(3).getrandbits
        spec = AmountSpec.model_validate({"mix": [["1", {"pareto": {"min": "1.5", "alpha": "2.7"}}], ["2", "3.25"]]})
        drawn = [compile_amount(spec, 7)(bits) for _ in range(20)]
    assert getcontext().prec != 3
    assert coarse == usual
    bits = Random(3).getrandbits
    again = AmountSpec.model_validate({"mix": [["2", {"pareto": {"min": "1.5", "alpha": "2.7"}}], ["4", "3.25"]]})
    assert [compile_amount(again, 7)(bits) for _ in range(20)] == drawn


def test_the_tables_are_the_same_on_every_platform():
    """Values that must never change: they are in plans that were made before."""
    found = lognormal("0.82")
    assert (found.lowest, found.values[127], found.values[638], found.highest) == FROZEN


FROZEN = (42, 379, 4800, 549_262)
