"""Student's t distribution, for degrees of freedom that need not be whole numbers."""

from math import exp, lgamma, log, log1p, pi

_TINY = 1e-300
_TERMS_MAX = 500
_STEPS_MAX = 100
_PRECISION = 1e-12


def two_sided_p(t: float, freedom: float) -> float:
    """Return the probability of a value at least as far from 0 as `t`."""
    return _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))


def two_sided_quantile(level: float, freedom: float) -> float:
    """Return the value that a share `level` of the values is nearer to 0 than: 2.23 for 0.95 and 10 degrees."""
    low, high = 0.0, 1.0
    while two_sided_p(high, freedom) > 1 - level:
        low, high = high, 2 * high
    found = high
    for _ in range(_STEPS_MAX):  # Newton's method, within bounds
        missing = two_sided_p(found, freedom) - (1 - level)
        low, high = (found, high) if missing > 0 else (low, found)
        step = missing / (2 * _density(found, freedom))
        if abs(step) < _PRECISION * found:
            break
        found = found + step if low < found + step < high else (low + high) / 2
    return found


def _density(t: float, freedom: float) -> float:
    log_scale = lgamma((freedom + 1) / 2) - lgamma(freedom / 2) - log(freedom * pi) / 2
    return exp(log_scale - (freedom + 1) / 2 * log1p(t * t / freedom))


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
