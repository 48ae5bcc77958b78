"""Search for the saturation point: the smallest number of requests in flight with maximum throughput.

A hill climb in controlled trials, as in PCC (Dong et al., "Re-architecting congestion control for consistent high
performance", NSDI 2015). A trial compares the current number in flight with a higher or lower one, in pairs of
neighbouring windows, so that both see the server at the same speed. The logarithms of the ratios of throughput add up
until they show a difference; what a server does on its own, wandering or stalling, meets both sides of a trial alike.
The evidence for a lower number has to be stronger than that for a higher one: too few in flight cost throughput, too
many only latency. So that noise does not raise the number without end, there is a limit on latency: without strong
evidence it is at most twice the highest number that was shown to be better than a smaller one (in the closed model
twice the number at the same throughput is twice the latency, by Little's law).

Pure: it receives windows and returns the number in flight.
"""

import math
from dataclasses import dataclass
from statistics import median

PRICE = 0.05
"""Minimum share of additional requests that must become throughput: twice as many in flight must give 3.5 % more."""
FACTORS = (math.sqrt(2), 2.0)
"""Ratios between the two numbers of a trial. The wide one is tried first, because it needs fewer pairs."""
NOISE, NOISE_MIN = 0.07, 0.02
"""Standard deviation of the gain of one pair: assumed before anything was measured, and the least that is assumed."""
PRIOR_PAIRS = 3
"""Weight of the noise of earlier trials in the noise of the present one, in pairs."""
LEARNED_PAIRS = 10
"""Pairs after which the noise of a trial counts half for the following trials."""
OUTLIER = 3.0
"""Standard deviations from the median at which the gain of a pair is cut: a stall must not decide a trial."""
PAIRS_FEW = 3
"""With fewer pairs a median does not resist one stall: only strong evidence counts, and none for a lower number."""
PAIRS_MAX_UP, PAIRS_MAX_DOWN = 12, 40
"""Maximum pairs of a trial of a higher and of a lower number."""
UP, DOWN, AGAINST, STRONG = 1.0, 1.5, 1.0, 3.0
"""Evidence, in standard errors of the mean gain: for a higher number, for a lower one, against either, and strong."""
LUCK = 3.0
"""How far the gain of a lower number counts, in tolerated losses: fewer in flight do not make a server faster, so more
than this is noise, and a lower number needs pairs enough to exclude the loss and not luck."""
QUEUE = 2.0
"""How far, as a factor, weak evidence may raise the number above the highest one that was shown to be better."""
BACK_OFF = 0.7
"""Factor for the number in flight when the server is overloaded."""
OVERLOADED_SHARE = 0.02
"""Share of overload signals above which the server counts as overloaded."""
COOL_DOWN_WINDOWS = 4
"""Windows without a trial after an overload."""
REST_WINDOWS = (4, 32)
"""Windows between trials at the saturation point: at first, and at most."""
START = 4
"""Requests in flight before anything was measured."""
BUSY_SHARE = 0.8
"""A window with less than this share of the allowed requests in flight is ignored: there was too little to send."""


@dataclass(frozen=True, slots=True)
class Window:
    """Measurements of a short time in which the allowed number of requests was in flight."""

    span_s: float
    successes: int
    """Successful answers."""
    overloaded: int
    """Overload signals: answers 429 and 5xx, and timeouts."""
    in_flight: float
    """Mean number of requests in flight."""
    processes: int = 1
    """Processes that the figures are the sum of. Each has at least one request in flight."""
    group: int = 0
    """Which processes these are: the throughput of one group is not compared with that of another."""


@dataclass(frozen=True, slots=True)
class Change:
    """A new number of requests in flight."""

    in_flight: int
    reason: str


class ConcurrencySearch:
    """The state of the search.

    Attributes:
        limit: maximum requests in flight for the next window.
        current: the best number so far; differs from `limit` in every second window of a trial.
    """

    def __init__(self, *, highest: int, lowest: int = 1, start: int = START) -> None:
        """Start the search with `start` requests in flight, within `lowest` and `highest`."""
        self.current = min(max(start, lowest), highest)
        self.limit = self.current
        self._lowest, self._highest = lowest, highest
        self._upward = True
        self._width = len(FACTORS) - 1
        self._trial = self.current
        """The number that is compared with the current one."""
        self._gains: list[float] = []
        """Of each pair of the trial: the logarithm of the ratio of throughput, `_trial` to `current`."""
        self._log_rate: float | None = None
        """Logarithm of the throughput in the first window of the present pair; None: it has to be measured."""
        self._pairs = 0
        self._variance = NOISE**2
        self._shown = self.current / QUEUE
        """The highest number that was shown to be better than a smaller one."""
        self._rejected_directions = 0
        """Number of directions in which the present width is known not to be better."""
        self._rest = 0
        self._rest_next = REST_WINDOWS[0]
        self._group = 0
        self._begin_trial(None)

    def observe(self, window: Window) -> Change | None:
        """Evaluate a window that had `limit` in flight.

        Returns:
            The change of `current`; None when it stays.
        """
        if window.group != self._group:
            self._group = window.group
            self._log_rate = None  # the first window of the present pair was that of other processes
            self._lowest = window.processes
            if min(self.current, self._trial) < self._lowest:
                return self._rise_to_lowest()
        if window.overloaded > 1 and window.overloaded > OVERLOADED_SHARE * (window.successes + window.overloaded):
            return self._back_off(window)
        if window.in_flight < BUSY_SHARE * self.limit or not window.successes:
            return None
        log_rate = math.log(window.successes / window.span_s)
        if self._rest:
            self._rest -= 1
            if not self._rest:
                self._width = len(FACTORS) - 1
                self._begin_trial(log_rate)
        elif self._log_rate is None:
            self._log_rate = log_rate
            self.limit = self._trial if self.limit == self.current else self.current
        else:
            return self._finish_pair(log_rate)
        return None

    def _rise_to_lowest(self) -> Change | None:
        """Begin again at the lowest number that is possible now, or at the present one where that is higher."""
        has_risen = self.current < self._lowest
        self.current = max(self.current, self._lowest)
        self._shown = max(self._shown, self._lowest / QUEUE)
        self._rest = self._rejected_directions = 0
        self._upward = True
        self._begin_trial(None)
        return Change(self.current, f"{self._lowest} processes with at least one in flight each") if has_risen else None

    def _back_off(self, window: Window) -> Change | None:
        """Decrease the number in flight and pause the search; keep the number when only the trial was too high."""
        tried_more = self.limit > self.current
        self._width = 0
        self._rest = COOL_DOWN_WINDOWS
        self._rejected_directions = 0
        if not tried_more:
            self.current = max(int(self.current * BACK_OFF), self._lowest)
        self.limit = self.current
        reason = f"{window.overloaded} of {window.successes + window.overloaded} answers were overload signals"
        return None if tried_more else Change(self.current, reason)

    def _begin_trial(self, log_rate: float | None) -> None:
        """Begin a trial of a higher or lower number; at a bound, reverse the direction.

        Args:
            log_rate: of the window that just ended, if it had `current` in flight: the first of the trial.
        """
        factor = FACTORS[self._width]
        if self._upward:
            self._trial = min(max(round(self.current * factor), self.current + 1), self._highest)
        else:
            self._trial = max(min(round(self.current / factor), self.current - 1), self._lowest)
        self._gains.clear()
        if self._trial == self.current:
            self._reject(log_rate)
            return
        self._log_rate = log_rate
        self.limit = self.current if log_rate is None else self._trial

    def _finish_pair(self, log_rate: float) -> Change | None:
        """Evaluate a complete pair: accept the trial, reject it, or request another pair."""
        assert self._log_rate is not None
        on_trial = self.limit == self._trial
        self._gains.append(log_rate - self._log_rate if on_trial else self._log_rate - log_rate)
        self._pairs += 1
        mean, error = self._estimate()
        least = PRICE * math.log(self._trial / self.current)
        over = mean - least
        if not self._upward:
            over = min(over, -LUCK * least)
        verdict = self._verdict(over / error)
        if verdict is None:
            # the order of the pairs is the Thue-Morse sequence (AB BA BA AB ...), in which trends cancel out
            self._log_rate = None
            self.limit = self._trial if self._pairs.bit_count() % 2 else self.current
            return None
        self._learn_noise()
        if verdict:
            return self._move(log_rate if on_trial else None, mean)
        self._reject(None if on_trial else log_rate)
        return None

    def _verdict(self, evidence: float) -> bool | None:
        """Return whether the trial is accepted, and None while that is open; note what was shown."""
        count, few = len(self._gains), len(self._gains) < PAIRS_FEW
        if not self._upward:
            if evidence > DOWN and not few:
                self._shown = min(self._shown, self._trial)
                return True
            if evidence < -STRONG:
                self._shown = max(self._shown, self.current)
            return False if evidence < -AGAINST or count >= PAIRS_MAX_DOWN else None
        if evidence > STRONG:
            self._shown = self._trial
            return True
        weak_is_enough = not few and self._trial <= QUEUE * self._shown
        if weak_is_enough and (evidence > UP or (count >= PAIRS_MAX_UP and evidence > 0)):
            return True
        against = STRONG if few else AGAINST
        return False if evidence < -against or count >= PAIRS_MAX_UP else None

    def _estimate(self) -> tuple[float, float]:
        """Return the mean gain of the trial and its standard error."""
        gains, count = self._gains_without_outliers(), len(self._gains)
        mean = sum(gains) / count
        squares = PRIOR_PAIRS * self._variance + sum((gain - mean) ** 2 for gain in gains)
        return mean, math.sqrt(squares / (PRIOR_PAIRS + count - 1) / count)

    def _learn_noise(self) -> None:
        """Adapt the noise that the next trial assumes to that of this one."""
        gains, count = self._gains_without_outliers(), len(self._gains)
        if count > 1:
            mean = sum(gains) / count
            variance = sum((gain - mean) ** 2 for gain in gains) / (count - 1)
            weight = (count - 1) / (count - 1 + LEARNED_PAIRS)
            self._variance += weight * (max(variance, NOISE_MIN**2) - self._variance)

    def _gains_without_outliers(self) -> list[float]:
        middle = median(self._gains)
        most = OUTLIER * math.sqrt(self._variance)
        return [min(max(gain, middle - most), middle + most) for gain in self._gains]

    def _move(self, log_rate: float | None, gain: float) -> Change:
        """Accept the trial. Next: further in this direction; that the way back is worse is known."""
        reason = f"{self.current} -> {self._trial} in flight: {100 * (math.exp(gain) - 1):+.0f} % throughput"
        self.current = self._trial
        self._rejected_directions = 1
        self._width = min(self._width + 1, len(FACTORS) - 1)
        self._rest_next = REST_WINDOWS[0]
        self._begin_trial(log_rate)
        return Change(self.current, reason)

    def _reject(self, log_rate: float | None) -> None:
        """Reject the trial. Next: the other direction; after both, a narrower one; after the narrowest, a rest."""
        self._upward = not self._upward
        self._rejected_directions += 1
        if self._rejected_directions == 2:
            self._rejected_directions = 0
            self._upward = True
            if not self._width:
                self.limit = self.current
                self._rest = self._rest_next
                self._rest_next = min(2 * self._rest_next, REST_WINDOWS[1])
                return
            self._width -= 1
        self._begin_trial(log_rate)
