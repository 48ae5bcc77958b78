"""Quantile tables: a distribution as whole numbers at fixed probabilities, with interpolation between them. Pure.

The tables are made with `decimal` in a context of their own, whose arithmetic, `ln` and `exp` are correctly rounded, so
they are the same everywhere. Both tails are subdivided twice: a large part of the mean of a long-tailed distribution is
in the last thousandth.
"""

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from functools import cache
from itertools import pairwise

from midaz_seed.plan.drawing.bits import Bits

CONTEXT = Context(prec=32, rounding=ROUND_HALF_EVEN, Emin=-99999, Emax=99999, traps=[])
"""All arithmetic of the tables. The context of the caller's thread, which may be another one, is never used."""
INTERVALS_BITS, TAIL_BITS = 10, 6
"""The probabilities are divided into 1,024 intervals, the outermost one of each side twice into 64."""
INTERVALS, TAIL = 1 << INTERVALS_BITS, 1 << TAIL_BITS
UNIT_BITS = INTERVALS_BITS + 3 * TAIL_BITS
"""Probabilities are whole numbers of 2**-28. The outermost knots are one unit from 0 and from 1, and stand for both."""
SPARE_BITS = 8
"""Bits by which the random fraction of an interval is longer than its width: every whole number in it can be drawn."""
FRACTION_BITS = 22
"""Least bits of that fraction: together with the interval it is one word of 32 bits, the fastest draw."""
Quantile = Callable[[Decimal, Decimal], Decimal]
"""(p, 1 - p), both exact -> the quantile."""


def _units() -> tuple[int, ...]:
    """Return the probabilities of the knots, ascending, in units of 2**-28."""
    lower = [1]
    for level in range(1, 3):
        lower += [k << (level * TAIL_BITS) for k in range(1, TAIL)]
    body = [k << (3 * TAIL_BITS) for k in range(1, INTERVALS)]
    whole = 1 << UNIT_BITS
    return (*lower, *body, *(whole - unit for unit in reversed(lower)))


UNITS = _units()
_PROBABILITIES = [
    (CONTEXT.divide(Decimal(unit), Decimal(1 << UNIT_BITS)), CONTEXT.divide(Decimal(whole), Decimal(1 << UNIT_BITS)))
    for unit, whole in zip(UNITS, reversed(UNITS), strict=True)
]
_LOWER = 2 * TAIL - 1
"""Index of the first knot of the body; the lower tail is before it."""
_UPPER = _LOWER + INTERVALS - 2
"""Index of the last knot of the body."""


class Table:
    """A distribution by its quantiles.

    Attributes:
        values: the quantile at each of `UNITS`, ascending.
    """

    def __init__(self, quantile: Quantile, scale: Decimal, end: Decimal | None = None) -> None:
        """Compute the table.

        Args:
            quantile: the quantile function. It uses `CONTEXT` for its arithmetic.
            scale: factor from its unit to the whole numbers to draw.
            end: largest ratio of the last quantile to the one before it.

        Raises:
            ValueError: a quantile is too large for `CONTEXT`.
        """
        found = [CONTEXT.multiply(quantile(low, high), scale) for low, high in _PROBABILITIES]
        if not all(value.is_finite() for value in found):
            raise ValueError("the distribution has no largest amount")
        if end is not None:
            found[-1] = min(found[-1], CONTEXT.multiply(found[-2], end))
        self.values = tuple(int(value.to_integral_value(ROUND_HALF_EVEN, CONTEXT)) for value in found)

    @property
    def lowest(self) -> int:
        """The smallest number that can be drawn."""
        return self.values[0]

    @property
    def highest(self) -> int:
        """The largest number that can be drawn."""
        return self.values[-1]

    def knots(self) -> list[tuple[Fraction, int]]:
        """Return (probability, quantile), ascending from 0 to 1. Between them the quantile is linear."""
        whole = 1 << UNIT_BITS
        inner = [(Fraction(unit, whole), value) for unit, value in zip(UNITS, self.values, strict=True)][1:-1]
        return [(Fraction(0), self.lowest), *inner, (Fraction(1), self.highest)]

    def mean(self) -> Fraction:
        """Return the exact mean of the interpolated quantiles. Draws are rounded down: up to 1 less."""
        return sum(((q - p) * Fraction(low + high, 2) for (p, low), (q, high) in pairwise(self.knots())), Fraction(0))

    def drawer(self, least: int, most: int) -> Callable[[Bits], int]:
        """Return the function that draws; what is outside `least` and `most` becomes one of them."""
        body = self.values[_LOWER : _UPPER + 1]
        lows, spans = [0], [-1]
        for low, high in pairwise(body):
            if high <= least or low >= most:
                lows.append(least if high <= least else most)
                spans.append(0)
            else:
                lows.append(low)
                # a negative width marks what needs more than an interpolation: a bound inside, or a tail
                spans.append(high - low if low >= least and high <= most else -1)
        lows.append(0)
        spans.append(-1)
        fraction = max(FRACTION_BITS, max(high - low for low, high in pairwise(body)).bit_length() + SPARE_BITS)
        count, mask = INTERVALS_BITS + fraction, (1 << fraction) - 1
        lower, upper = _Tail(self.values[: _LOWER + 1]), _Tail(self.values[: _UPPER - 1 : -1])

        def draw(bits: Bits) -> int:
            drawn = bits(count)
            interval = drawn >> fraction
            span = spans[interval]
            if span >= 0:
                return lows[interval] + (span * (drawn & mask) >> fraction)
            if 0 < interval < INTERVALS - 1:
                low = lows[interval]
                value = low + ((body[interval] - low) * (drawn & mask) >> fraction)
            else:
                value = (upper if interval else lower).draw(bits)
            return least if value < least else value if value < most else most

        return draw


class _Tail:
    """One of the outermost intervals."""

    def __init__(self, values: tuple[int, ...]) -> None:
        """Prepare it; `values` are its knots from the end of the distribution inwards."""
        self._fine, self._coarse = values[: TAIL + 1], values[TAIL:]
        largest = max(abs(after - before) for before, after in pairwise(values))
        self._fraction = max(FRACTION_BITS, largest.bit_length() + SPARE_BITS)

    def draw(self, bits: Bits) -> int:
        """Draw a number."""
        interval = bits(TAIL_BITS)
        if interval:
            before, after = self._coarse[interval - 1], self._coarse[interval]
        else:
            interval = bits(TAIL_BITS)
            before, after = self._fine[interval], self._fine[interval + 1]
        return before + ((after - before) * bits(self._fraction) >> self._fraction)


@cache
def standard_exponential(high: Decimal) -> Decimal:
    """Return the quantile of the exponential distribution with the mean 1, at the probability 1 - `high`."""
    return CONTEXT.minus(CONTEXT.ln(high))


@cache
def standard_normal(low: Decimal, high: Decimal) -> Decimal:
    """Return the quantile of the standard normal distribution at a probability, given as (p, 1 - p).

    By algorithm AS 241 (PPND16) with a relative error of about 1e-16: Wichura, The percentage points of the normal
    distribution, Applied Statistics 37 (1988), 477-484.
    """
    q = CONTEXT.subtract(low, Decimal("0.5"))
    if q.copy_abs() <= Decimal("0.425"):
        r = CONTEXT.subtract(Decimal("0.180625"), CONTEXT.multiply(q, q))
        return CONTEXT.multiply(q, _ratio(r, _A, _B))
    r = CONTEXT.sqrt(CONTEXT.minus(CONTEXT.ln(min(low, high))))
    if r <= 5:
        value = _ratio(CONTEXT.subtract(r, Decimal("1.6")), _C, _D)
    else:
        value = _ratio(CONTEXT.subtract(r, Decimal(5)), _E, _F)
    return value.copy_negate() if q < 0 else value


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
    "5226.495278852854561", "28729.085735721942674", "39307.89580009271061", "21213.794301586595867",
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
