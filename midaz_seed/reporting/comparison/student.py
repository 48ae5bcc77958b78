"""Student's t distribution, for degrees of freedom that need not be whole numbers."""

from math import exp, inf, lgamma, log, log1p

_TINY = 1e-300
_TERMS_MAX = 500
_QUANTILE_STEPS = 60


def two_sided_p(t: float, freedom: float) -> float:
    """Return the probability of a value at least as far from 0 as `t`."""
    return _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))


def two_sided_quantile(level: float, freedom: float) -> float:
    """Return the value that a share `level` of the values is nearer to 0 than: 2.23 for 0.95 and 10 degrees."""
    low, high = 0.0, 1.0
    while 1 - two_sided_p(high, freedom) < level:
        if high > 1e12:
            return inf
        low, high = high, 2 * high
    for _ in range(_QUANTILE_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if 1 - two_sided_p(middle, freedom) < level else (low, middle)
    return high


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """Return the regularized incomplete beta function (Abramowitz and Stegun, 26.5.8 and 26.5.2)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, 1 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction of the incomplete beta function, by the method of Lentz."""
    c, d = 1.0, 1 / _not_zero(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, _TERMS_MAX):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _not_zero(1 + numerator * d)
            c = _not_zero(1 + numerator / c)
            found *= c * d
        if abs(c * d - 1) < 1e-12:
            break
    return found


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
