"""How many requests in flight are enough: the fewest that give the most answers a second.

A hill climb on the throughput itself (as Hellerstein, Morrison and Eilebrecht, "Applying control theory in the real
world", 2009, do it for thread pools), with the multiplicative decrease of AIMD when the server refuses. Two windows
make a pair: one with what is held, one with more or fewer in flight. The share of the additional requests that became
additional throughput is the gradient; in a closed loop it says the same as the gradient of the latency (Little's law),
but needs no idea of the latency of an idle server, which changes from one kind of request to the next.

Pure: windows go in, the number in flight comes out.
"""

import math
from dataclasses import dataclass

WORTH = 0.12
"""More in flight is worth it when at least this share of it becomes throughput: twice as many have to give 9 % more."""
FACTORS = (1.25, 1.5, 2.0)
"""How far a probe is from what is held: wide while it moves, narrow when it has arrived."""
NOISE = 0.05
"""Standard deviation of the difference of two windows' throughput, as a share, before it is known better."""
PAIRS_MAX = 6
"""Pairs of windows after which a probe is decided, clear or not."""
BACK_OFF = 0.7
OVERLOADED_SHARE = 0.02
"""Share of answers that say "too much" above which the server is believed."""
COOL_DOWN_WINDOWS = 4
REST_WINDOWS = (2, 16)
"""Windows between two probes, at first and at most, when the knee is found."""
CHANGED = 0.15
"""A throughput that is off by more than this share, twice in a row, ends the rest: the server has changed."""
BUSY_SHARE = 0.8
"""Below this share of the requests that may be in flight there was too little to do, and the window says nothing."""


@dataclass(frozen=True, slots=True)
class Window:
    """What was seen in a short time in which as many requests as possible were in flight."""

    span_s: float
    successes: int
    """Answers that did what was asked."""
    overloaded: int
    """Answers that said "too much": 429, 5xx, or none in time."""
    in_flight: float
    """Requests in flight, in the mean."""


@dataclass(frozen=True, slots=True)
class Change:
    """From now on so many are held."""

    in_flight: int
    reason: str


class ConcurrencySearch:
    """Takes one window after the other. `limit` is what may be in flight in the next one, `current` what it has settled
    on: the two differ in every second window of a probe."""

    def __init__(self, *, highest: int, lowest: int = 1, start: int = 4) -> None:
        self.current = min(max(start, lowest), highest)
        self.limit = self.current
        self._lowest, self._highest = lowest, highest
        self._upward = True
        self._width = len(FACTORS) - 1
        self._gains: list[float] = []
        self._held_rate: float | None = None
        """Logarithm of the throughput with `current` in flight, of the window before; None: it has to be measured."""
        self._refused = 0
        """Directions in which the last probes were not worth it."""
        self._rest = 0
        self._rest_next = REST_WINDOWS[0]
        self._strange = 0

    def observe(self, window: Window) -> Change | None:
        """Learn from a window that had `limit` in flight; a change of what is held, if it led to one."""
        if window.overloaded > 1 and window.overloaded > OVERLOADED_SHARE * (window.successes + window.overloaded):
            return self._overloaded(window)
        if window.in_flight < BUSY_SHARE * self.limit or not window.successes:
            return None
        rate = math.log(window.successes / window.span_s)
        if self._rest:
            self._watch(rate)
        elif self._held_rate is None:
            self._held_rate = rate
            self._probe()
        else:
            return self._compare(rate)
        return None

    def _overloaded(self, window: Window) -> Change | None:
        """The server refuses: fewer at once, and none more for a while. A probe that was too much changes nothing."""
        probed_up = self.limit > self.current
        self._forget()
        self._width = 0
        self._rest = COOL_DOWN_WINDOWS
        if not probed_up:
            self.current = max(int(self.current * BACK_OFF), self._lowest)
        self.limit = self.current
        refused = f"{window.overloaded} of {window.successes + window.overloaded} answers said that it was too much"
        return None if probed_up else Change(self.current, refused)

    def _watch(self, rate: float) -> None:
        """At rest: is the server still the one that was measured?"""
        if self._held_rate is None:
            self._held_rate = rate
        strange = abs(rate - self._held_rate) > CHANGED
        self._strange = self._strange + 1 if strange else 0
        self._rest -= 1
        if self._strange == 2:
            self._rest = 0
            self._width = len(FACTORS) - 1
            self._rest_next = REST_WINDOWS[0]
        if not self._rest:
            self._forget()

    def _forget(self) -> None:
        self._gains.clear()
        self._held_rate = None
        self._refused = 0
        self._strange = 0

    def _probe(self) -> None:
        """Let the next window have more, or fewer, in flight; where there is no room, the other way."""
        factor = FACTORS[self._width]
        if self._upward:
            self.limit = min(max(round(self.current * factor), self.current + 1), self._highest)
        else:
            self.limit = max(min(math.floor(self.current / factor), self.current - 1), self._lowest)
        if self.limit == self.current:
            self._not_worth_it()

    def _compare(self, rate: float) -> Change | None:
        """A pair is complete: is the probe clearly better, clearly not, or is another pair needed?"""
        assert self._held_rate is not None
        gains = self._gains
        gains.append(rate - self._held_rate)
        count = len(gains)
        mean = sum(gains) / count
        spread = math.sqrt((NOISE**2 + sum((gain - mean) ** 2 for gain in gains)) / count)
        over = mean - WORTH * math.log(self.limit / self.current)
        if over > spread / math.sqrt(count) or (count == PAIRS_MAX and over > 0):
            return self._move(rate, mean)
        if over < -spread / math.sqrt(count) or count == PAIRS_MAX:
            self._not_worth_it()
        else:
            self._held_rate = None
            self.limit = self.current
        return None

    def _move(self, rate: float, gain: float) -> Change:
        reason = f"{self.current} -> {self.limit} in flight: {100 * (math.exp(gain) - 1):+.0f} % throughput"
        self.current = self.limit
        self._gains.clear()
        self._refused = 0
        self._width = min(self._width + 1, len(FACTORS) - 1)
        self._rest_next = REST_WINDOWS[0]
        self._held_rate = rate
        self._probe()
        return Change(self.current, reason)

    def _not_worth_it(self) -> None:
        """Try the other direction next; after both, look closer; after both with the narrowest probe, rest."""
        self._gains.clear()
        self._held_rate = None
        self.limit = self.current
        self._upward = not self._upward
        self._refused += 1
        if self._refused < 2:
            return
        self._refused = 0
        if self._width:
            self._width -= 1
        else:
            self._rest = self._rest_next
            self._rest_next = min(2 * self._rest_next, REST_WINDOWS[1])
