"""Quantile tables: a distribution as whole numbers at fixed probabilities, with interpolation between them. Pure.

The tables are made with `decimal`, whose arithmetic, `ln` and `exp` are correctly rounded, so they are the same
everywhere. Both tails are subdivided twice: a large part of the mean of a long-tailed distribution is in the last
thousandth.
"""

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import cache

from midaz_seed.plan.drawing.bits import Bits

CONTEXT = Context(prec=24, rounding=ROUND_HALF_EVEN, Emin=-9999, Emax=9999, traps=[])
INTERVALS_BITS, TAIL_BITS = 10, 6
"""The probabilities are divided into 1,024 intervals, the outermost one of each side twice into 64."""
INTERVALS, TAIL = 1 << INTERVALS_BITS, 1 << TAIL_BITS
Quantile = Callable[[Decimal, Decimal], Decimal]
"""(p, 1 - p), both exact -> the quantile."""


def probabilities() -> list[list[Decimal]]:
    """Return the probabilities of the lower half of the tables, finest level last: each level divides the first
    interval of the level before it.
    """
    unit = Decimal(1) / INTERVALS
    levels = [[unit * k for k in range(1, INTERVALS)]]
    for _ in range(2):
        unit /= TAIL
        levels.append([unit * k for k in range(1, TAIL)])
    levels.append([unit / TAIL])
    return levels


def table(quantile: Quantile, scale: Decimal) -> Callable[[Bits], int]:
    """Return the function that draws from a distribution.

    Args:
        quantile: its quantile function.
        scale: factor from its unit to the whole numbers to draw.
    """

    def value(low: Decimal, high: Decimal) -> int:
        return int(CONTEXT.multiply(quantile(low, high), scale).to_integral_value(ROUND_HALF_EVEN))

    middle, first, second, end = probabilities()
    body = [value(p, 1 - p) for p in middle]
    low_end, high_end = value(end[0], 1 - end[0]), value(1 - end[0], end[0])
    low_2 = [low_end, *(value(p, 1 - p) for p in second)]
    low_1 = [*(value(p, 1 - p) for p in first), body[0]]
    low_2.append(low_1[0])
    high_2 = [high_end, *(value(1 - p, p) for p in second)]
    high_1 = [*(value(1 - p, p) for p in first), body[-1]]
    high_2.append(high_1[0])
    knots = [low_end, *body, high_end]
    last = INTERVALS - 1

    def draw(bits: Bits) -> int:
        drawn = bits(64)
        interval = drawn >> 54
        if 0 < interval < last:
            low = knots[interval]
            return low + ((knots[interval + 1] - low) * ((drawn >> 22) & 0xFFFFFFFF) >> 32)
        rest = drawn & ((1 << 54) - 1)
        if interval:
            return _tail(high_1, high_2, (1 << 54) - 1 - rest)
        return _tail(low_1, low_2, rest)

    return draw


def _tail(coarse: list[int], fine: list[int], rest: int) -> int:
    """Return a value of the outermost interval; `rest` has 54 bits and counts from the end."""
    interval = rest >> 48
    rest &= (1 << 48) - 1
    if interval:
        low = coarse[interval - 1]
        return low + ((coarse[interval] - low) * (rest >> 16) >> 32)
    interval = rest >> 42
    low = fine[interval]
    return low + ((fine[interval + 1] - low) * ((rest >> 10) & 0xFFFFFFFF) >> 32)


@cache
def standard_normal(low: Decimal, high: Decimal) -> Decimal:
    """Return the quantile of the standard normal distribution, by Wichura's algorithm AS 241 (PPND16, 1988), which has
    a relative error of 1e-16.
    """
    q = low - Decimal("0.5")
    if abs(q) <= Decimal("0.425"):
        r = Decimal("0.180625") - CONTEXT.multiply(q, q)
        return CONTEXT.multiply(q, _ratio(r, _A, _B))
    r = CONTEXT.sqrt(-CONTEXT.ln(min(low, high)))
    value = _ratio(r - Decimal("1.6"), _C, _D) if r <= 5 else _ratio(r - 5, _E, _F)
    return -value if q < 0 else value


def _ratio(r: Decimal, above: tuple[Decimal, ...], below: tuple[Decimal, ...]) -> Decimal:
    return CONTEXT.divide(_polynomial(r, above), _polynomial(r, below))


def _polynomial(r: Decimal, coefficients: tuple[Decimal, ...]) -> Decimal:
    value = Decimal(0)
    for coefficient in coefficients:
        value = CONTEXT.add(CONTEXT.multiply(value, r), coefficient)
    return value


def _decimals(*texts: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, texts))


_A = _decimals(
    "2509.0809287301226727", "33430.575583588128105", "67265.770927008700853", "45921.953931549871457",
    "13731.693765509461125", "1971.5909503065514427", "133.14166789178437745", "3.387132872796366608",
)  # fmt: skip
_B = _decimals(
    "5226.495278852545925", "28729.085735721942674", "39307.89580009271061", "21213.794301586595867",
    "5394.1960214247511077", "687.1870074920579083", "42.313330701600911252", "1",
)  # fmt: skip
_C = _decimals(
    "0.00077454501427834140764", "0.0227238449892691845833", "0.24178072517745061177", "1.27045825245236838258",
    "3.64784832476320460504", "5.7694972214606914055", "4.6303378461565452959", "1.42343711074968357734",
)  # fmt: skip
_D = _decimals(
    "0.00000000105075007164441684324", "0.0005475938084995344946", "0.0151986665636164571966",
    "0.14810397642748007459", "0.68976733498510000455", "1.6763848301838038494", "2.05319162663775882187", "1",
)  # fmt: skip
_E = _decimals(
    "0.000000201033439929228813265", "0.0000271155556874348757815", "0.0012426609473880784386",
    "0.026532189526576123093", "0.29656057182850489123", "1.7848265399172913358", "5.4637849111641143699",
    "6.6579046435011037772",
)  # fmt: skip
_F = _decimals(
    "0.00000000000000204426310338993978564", "0.00000014215117583164458887", "0.000018463183175100546818",
    "0.0007868691311456132591", "0.0148753612908506148525", "0.13692988092273580531", "0.59983220655588793769", "1",
)  # fmt: skip
