"""The effect of a change on one figure, with its confidence interval. Pure and deterministic.

The interface for whatever compares measurements: `compare_figures(a, b)` takes one `Figure` for each run of a side and
returns an `Effect`.

- One run on each side: the noise is that of the windows of the runs, which are not independent. A series with the
  autocorrelation r of neighbouring windows is worth n (1 - r) / (1 + r) independent ones (Bayley and Hammersley 1946),
  and Student's t is used with that number (Zwiers and von Storch, Journal of Climate 8, 1995). In short series r is
  estimated too low: the bias is removed (Marriott and Pope, Biometrika 41, 1954). The windows are also joined to longer
  ones, and the widest interval counts, because r between neighbours does not show slow changes below fast noise.
- Several runs on a side: the unit is the run (Welch's t on the logarithms of the figures), which also covers what
  differs from run to run. The windows are not used.

docs/compare.md has what that means for users, with the calibration; the ADR on comparisons what else was tried.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, inf, log, sqrt
from statistics import fmean, variance

from midaz_seed.reporting.comparison.student import two_sided_p, two_sided_quantile

LEVEL = 0.95
"""Confidence level of the intervals."""
WINDOWS_MIN = 8
"""Fewest windows of a run from which its noise is estimated."""
_SCALES = (1, 2, 4, 8, 16)
"""Numbers of windows that are joined to one."""
_JOINED_MIN = 10
"""Fewest joined windows of a run."""
_CAUTION, _SHORT_CAUTION = 0.5, 5.0
"""Standard errors that are added to the autocorrelation, because it is an estimate; the second divided by the number of
windows, because short series show least of it. Chosen by `make calibrate`."""
_AUTOCORRELATION_MAX = 0.95
_LEFT_MIN = 0.25
"""Smallest share of the windows by which squares are divided; without it an interval could become arbitrarily wide."""
_FREEDOM_MIN = 2.0
"""Fewest degrees of freedom of windows; below, an interval says nothing any more."""
_POWER = 0.9
"""Share of the cases in which the detectable difference is found."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of one run.

    Attributes:
        value: the figure.
        noise: for each window, in order, by which share of the value the figure would differ if all windows were like
            this one: 0.1 is 10 % more. For differences the unit is that of the value. Empty when it is not known.
    """

    value: float
    noise: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Effect:
    """The change of a figure from A to B.

    Attributes:
        change: B / A, or B - A where `is_ratio` is false.
        low: lower end of the confidence interval.
        high: upper end of it.
        p_value: probability of a change at least as large when there is none.
        detectable: the smallest decrease that is found in 90 % of the cases, as the change would be given (0.93, -0.4).
        is_ratio: whether changes are ratios.
        unit: `windows` or `runs`: what the interval is computed from.
        count: their smaller number on a side, after joining.
    """

    change: float
    low: float
    high: float
    p_value: float
    detectable: float
    is_ratio: bool
    unit: str
    count: int

    @property
    def neutral(self) -> float:
        """The value of `change` that means no change."""
        return 1.0 if self.is_ratio else 0.0

    @property
    def is_shown(self) -> bool:
        """Whether the confidence interval excludes that nothing changed."""
        return not self.low <= self.neutral <= self.high


@dataclass(frozen=True, slots=True)
class _Spread:
    """Standard error of the change, on the scale where it is added, with its degrees of freedom."""

    error: float
    freedom: float
    count: int

    @property
    def margin(self) -> float:
        """Half the width of the confidence interval."""
        return self.error * two_sided_quantile(LEVEL, self.freedom) if self.error else 0.0


def compare_figures(
    a: Sequence[Figure], b: Sequence[Figure], *, is_ratio: bool = True, paired: bool = False
) -> Effect | None:
    """Return the effect of a change on a figure.

    Args:
        a: the figure in each run before the change.
        b: the same after it.
        is_ratio: compare ratios; false: differences, for figures that can be 0, such as shares of errors.
        paired: the n-th run of both sides belong together, as the rounds of an interleaved benchmark.

    Returns:
        None when no confidence can be computed: too few windows of a single run, no run, or a ratio of 0.

    Raises:
        ValueError: `paired`, and the numbers of runs differ.
    """
    if not a or not b or (is_ratio and any(figure.value <= 0 for figure in (*a, *b))):
        return None
    before, after = ([log(each.value) if is_ratio else each.value for each in side] for side in (a, b))
    if paired and len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} runs are not pairs")
    if len(a) == len(b) == 1:
        spread, unit = _of_windows(a[0].noise, b[0].noise), "windows"
    else:
        spread, unit = _of_pairs(before, after) if paired else _of_runs(before, after), "runs"
    return None if spread is None else _effect(fmean(after) - fmean(before), spread, is_ratio=is_ratio, unit=unit)


def _effect(change: float, spread: _Spread, *, is_ratio: bool, unit: str) -> Effect:
    margin = spread.margin
    if spread.error:
        p_value = two_sided_p(change / spread.error, spread.freedom)
        detectable = margin + spread.error * two_sided_quantile(2 * _POWER - 1, spread.freedom)
    else:
        p_value, detectable = float(not change), 0.0
    low, middle, high, least = (
        (_exp(each) if is_ratio else each) for each in (change - margin, change, change + margin, -detectable)
    )
    return Effect(middle, low, high, p_value, least, is_ratio, unit, spread.count)


def _exp(value: float) -> float:
    return exp(value) if value < 700 else inf


def _of_runs(a: Sequence[float], b: Sequence[float]) -> _Spread:
    """Return the spread of the difference of two means: Welch's t, or one run against several."""
    if min(len(a), len(b)) == 1:  # the single run is expected to vary as the others do
        several = max(a, b, key=len)
        return _Spread(sqrt(variance(several) * (1 + 1 / len(several))), len(several) - 1, 1)
    shares = [(variance(side) / len(side), len(side) - 1) for side in (a, b)]
    total = sum(share for share, _ in shares)
    if not total:
        return _Spread(0.0, len(a) + len(b) - 2, min(len(a), len(b)))
    freedom = total**2 / sum(share**2 / freedom for share, freedom in shares)
    return _Spread(sqrt(total), freedom, min(len(a), len(b)))


def _of_pairs(a: Sequence[float], b: Sequence[float]) -> _Spread:
    differences = [after - before for before, after in zip(a, b, strict=True)]
    return _Spread(sqrt(variance(differences) / len(differences)), len(differences) - 1, len(differences))


def _of_windows(a: Sequence[float], b: Sequence[float]) -> _Spread | None:
    """Return the largest spread of the difference of two means, over the numbers of windows that are joined."""
    least = min(len(a), len(b))
    scales = [scale for scale in _SCALES if least >= (WINDOWS_MIN if scale == 1 else _JOINED_MIN * scale)]
    found = [_of_series(_joined(a, scale), _joined(b, scale)) for scale in scales]
    return max(found, key=lambda spread: spread.margin, default=None)


def _joined(series: Sequence[float], scale: int) -> list[float]:
    return [fmean(series[first : first + scale]) for first in range(0, len(series) - scale + 1, scale)]


def _of_series(a: Sequence[float], b: Sequence[float]) -> _Spread:
    """Return the spread of the difference of the means of two series with autocorrelation, which is taken as equal."""
    total = len(a) + len(b)
    centred = [[each - fmean(side) for each in side] for side in (a, b)]
    squares = sum(each * each for side in centred for each in side)
    count = min(len(a), len(b))
    if squares < 1e-24:
        return _Spread(0.0, total - 2, count)
    products = sum(first * second for side in centred for first, second in pairwise(side))
    per_side = total / 2
    r = (per_side * products / squares + 1) / (per_side - 3)
    r = min(max(r, 0.0), _AUTOCORRELATION_MAX)
    caution = _CAUTION + _SHORT_CAUTION / per_side
    r = min(r + caution * sqrt((1 - r * r) / total), _AUTOCORRELATION_MAX)
    windows_each = (1 + r) / (1 - r)  # that are worth one independent window
    spread = squares / max(total - 2 * windows_each, total * _LEFT_MIN)
    error = sqrt(spread * windows_each * (1 / len(a) + 1 / len(b)))
    return _Spread(error, max(total / windows_each - 2, _FREEDOM_MIN), count)
