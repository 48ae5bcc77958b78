"""Search for the saturation point: the smallest number of requests in flight with maximum throughput.

A hill climb on the throughput (as in Hellerstein, Morrison and Eilebrecht, "Applying control theory in the real world",
2009, for thread pools), with the multiplicative decrease of AIMD when the server is overloaded. Windows come in pairs:
one with the current number in flight, one with more or fewer. The gradient is the share of the additional requests that
became additional throughput. In the closed model it is equivalent to the gradient of the latency (Little's law), but
does not need the latency of an idle server, which differs between kinds of requests.

Pure: it receives windows and returns the number in flight.
"""

import math
from dataclasses import dataclass

WORTH = 0.12
"""Minimum share of additional requests that must become throughput: twice as many in flight must give 9 % more."""
FACTORS = (1.25, 1.5, 2.0)
"""Ratios between the numbers in flight of probe and current: wide while searching, narrow near the optimum."""
NOISE = 0.05
"""Prior for the standard deviation of the difference of two windows' log throughput."""
PAIRS_MAX = 6
"""Maximum pairs of windows for one probe."""
BACK_OFF = 0.7
"""Factor for the number in flight when the server is overloaded."""
OVERLOADED_SHARE = 0.02
"""Share of overload signals above which the server counts as overloaded."""
COOL_DOWN_WINDOWS = 4
"""Windows without a probe after an overload."""
REST_WINDOWS = (2, 16)
"""Windows between two probes at the saturation point: at first, and at most."""
CHANGED = 0.15
"""Change of the throughput, in two successive windows, that restarts the search."""
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


@dataclass(frozen=True, slots=True)
class Change:
    """A new number of requests in flight."""

    in_flight: int
    reason: str


class ConcurrencySearch:
    """The state of the search.

    Attributes:
        limit: maximum requests in flight for the next window.
        current: the best number so far; differs from `limit` in every second window of a probe.
    """

    def __init__(self, *, highest: int, lowest: int = 1, start: int = 4) -> None:
        """Start the search with `start` requests in flight, within `lowest` and `highest`."""
        self.current = min(max(start, lowest), highest)
        self.limit = self.current
        self._lowest, self._highest = lowest, highest
        self._upward = True
        self._width = len(FACTORS) - 1
        self._gains: list[float] = []
        self._log_rate: float | None = None
        """Logarithm of the throughput of the last window with `current` in flight; None: it has to be measured."""
        self._rejected_directions = 0
        """Number of directions whose last probe was not worth it."""
        self._rest = 0
        self._rest_next = REST_WINDOWS[0]
        self._deviations = 0

    def observe(self, window: Window) -> Change | None:
        """Evaluate a window that had `limit` in flight.

        Returns:
            The change of `current`; None when it stays.
        """
        if window.overloaded > 1 and window.overloaded > OVERLOADED_SHARE * (window.successes + window.overloaded):
            return self._overloaded(window)
        if window.in_flight < BUSY_SHARE * self.limit or not window.successes:
            return None
        rate = math.log(window.successes / window.span_s)
        if self._rest:
            self._watch(rate)
        elif self._log_rate is None:
            self._log_rate = rate
            self._probe()
        else:
            return self._compare(rate)
        return None

    def _overloaded(self, window: Window) -> Change | None:
        """Decrease the number in flight and pause the search; keep the number when only the probe was too high."""
        probed_up = self.limit > self.current
        self._forget()
        self._width = 0
        self._rest = COOL_DOWN_WINDOWS
        if not probed_up:
            self.current = max(int(self.current * BACK_OFF), self._lowest)
        self.limit = self.current
        reason = f"{window.overloaded} of {window.successes + window.overloaded} answers were overload signals"
        return None if probed_up else Change(self.current, reason)

    def _watch(self, rate: float) -> None:
        """Compare a window at rest with the measured throughput; end the rest when it has changed."""
        if self._log_rate is None:
            self._log_rate = rate
        deviates = abs(rate - self._log_rate) > CHANGED
        self._deviations = self._deviations + 1 if deviates else 0
        self._rest -= 1
        if self._deviations == 2:
            self._rest = 0
            self._width = len(FACTORS) - 1
            self._rest_next = REST_WINDOWS[0]
        if not self._rest:
            self._forget()

    def _forget(self) -> None:
        self._gains.clear()
        self._log_rate = None
        self._rejected_directions = 0
        self._deviations = 0

    def _probe(self) -> None:
        """Set the limit of the next window higher or lower; at a bound, reverse the direction."""
        factor = FACTORS[self._width]
        if self._upward:
            self.limit = min(max(round(self.current * factor), self.current + 1), self._highest)
        else:
            self.limit = max(min(math.floor(self.current / factor), self.current - 1), self._lowest)
        if self.limit == self.current:
            self._not_worth_it()

    def _compare(self, rate: float) -> Change | None:
        """Evaluate a complete pair: accept the probe, reject it, or request another pair."""
        assert self._log_rate is not None
        gains = self._gains
        gains.append(rate - self._log_rate)
        count = len(gains)
        mean = sum(gains) / count
        spread = math.sqrt((NOISE**2 + sum((gain - mean) ** 2 for gain in gains)) / count)
        over = mean - WORTH * math.log(self.limit / self.current)
        if over > spread / math.sqrt(count) or (count == PAIRS_MAX and over > 0):
            return self._move(rate, mean)
        if over < -spread / math.sqrt(count) or count == PAIRS_MAX:
            self._not_worth_it()
        else:
            self._log_rate = None
            self.limit = self.current
        return None

    def _move(self, rate: float, gain: float) -> Change:
        reason = f"{self.current} -> {self.limit} in flight: {100 * (math.exp(gain) - 1):+.0f} % throughput"
        self.current = self.limit
        self._gains.clear()
        self._rejected_directions = 0
        self._width = min(self._width + 1, len(FACTORS) - 1)
        self._rest_next = REST_WINDOWS[0]
        self._log_rate = rate
        self._probe()
        return Change(self.current, reason)

    def _not_worth_it(self) -> None:
        """Reject the probe. Next: the other direction; after both, a narrower probe; after the narrowest, a rest."""
        self._gains.clear()
        self._log_rate = None
        self.limit = self.current
        self._upward = not self._upward
        self._rejected_directions += 1
        if self._rejected_directions < 2:
            return
        self._rejected_directions = 0
        if self._width:
            self._width -= 1
        else:
            self._rest = self._rest_next
            self._rest_next = min(2 * self._rest_next, REST_WINDOWS[1])
