"""The throttle: find the request rate that a rate-limited server accepts, and keep to it.

A 429, and a 503 of a gateway that lets other requests pass, says that there were too many requests and not that this
one is wrong. So it is no attempt: the client slows down (multiplicative decrease, at most once a window), sends the
request again, and recovers slowly. Without such an answer the throttle is inactive and costs nothing.
"""

import math
from collections.abc import Callable

from midaz_seed.clock import Clock

WINDOW_S, WINDOW_S_MAX = 0.5, 2.0
"""Time between two decisions; the longer one while there are few answers."""
ANSWERS_MIN = 10
KEPT = 0.9
"""Share of the accepted rate that is kept after a window with rejections."""
WITHOUT_ANY = 0.5
"""Factor for the rate after a window in which everything was rejected."""
FIRST_GAIN, GAIN_MAX = 0.02, 0.25
"""Increase after the first window without a rejection; it doubles with each further one, up to the maximum."""
FEW = 0.3
"""Share of rejections in a window up to which the accepted requests say nothing about the limit: there may have been
few to send."""
RATE_MIN_PER_S = 1.0
CATCH_UP_SLOTS = 2
"""Slots that a late timer may make up for."""
INACTIVE_AFTER_S = 60.0
"""Time without a rejection after which the throttle is inactive again."""
REPORTED_CHANGE = 1.5
"""Factor by which the rate changes before it is reported again."""
_SMOOTHING = 0.3


class Throttle:
    """Limits the request rate while the server rejects requests because of their number.

    Attributes:
        active: whether requests must wait for a slot.
        found_per_s: the rate that the server was found to accept, smoothed; 0 when it never rejected any.
        rejected: answers that rejected a request because of the rate.
    """

    def __init__(self, clock: Clock, on_change: Callable[[float], None] | None = None) -> None:
        """Create an inactive throttle; `on_change` is called with each considerably different rate (per second)."""
        self._clock = clock
        self._on_change = on_change
        self.active = False
        self.found_per_s = 0.0
        self.rejected = 0
        self._rate_per_s = math.inf
        self._window_s = 0.0
        self._accepted_in_window = 0
        self._rejected_in_window = 0
        self._clean_windows = 0
        self._next_slot_s = 0.0
        self._last_rejected_s = -math.inf
        self._only_rejected_since_s: dict[bool, float] = {}
        """By kind of request, whether it is a read: the first rejection since one was accepted."""
        self._reported_per_s = 0.0

    @property
    def rate_per_s(self) -> float:
        """Return the present limit; infinity when there is none."""
        return self._rate_per_s if self.active else math.inf

    def rejected_for_s(self, now_s: float, *, is_read: bool) -> float:
        """Return for how long the server has rejected every request of a kind, in seconds."""
        return now_s - self._only_rejected_since_s.get(is_read, now_s)

    def accept(self, now_s: float, *, is_read: bool) -> None:
        """Record an answer that is no rejection. Needed only while the throttle is active."""
        self._only_rejected_since_s.pop(is_read, None)
        self._accepted_in_window += 1
        self._decide(now_s)

    def reject(self, now_s: float, *, is_read: bool) -> None:
        """Record an answer that rejects a request because of the rate."""
        self.rejected += 1
        self._last_rejected_s = now_s
        self._only_rejected_since_s.setdefault(is_read, now_s)
        if not self.active:
            self.active = True
            self._rate_per_s = math.inf
            self._next_slot_s = now_s
            self._begin_window(now_s)
        self._rejected_in_window += 1
        self._decide(now_s)

    async def next_slot(self) -> None:
        """Wait until one request may be sent."""
        now_s = self._clock.monotonic()
        interval_s = 1 / self._rate_per_s
        slot_s = max(self._next_slot_s, now_s - CATCH_UP_SLOTS * interval_s)
        self._next_slot_s = slot_s + interval_s
        if slot_s > now_s:
            await self._clock.sleep(slot_s - now_s)

    def _begin_window(self, now_s: float) -> None:
        self._window_s = now_s
        self._accepted_in_window = self._rejected_in_window = 0

    def _decide(self, now_s: float) -> None:
        """At the end of a window, set the rate of the next one."""
        span_s = now_s - self._window_s
        answers = self._accepted_in_window + self._rejected_in_window
        if span_s < WINDOW_S or (answers < ANSWERS_MIN and span_s < WINDOW_S_MAX):
            return
        if self._rejected_in_window:
            self._slow_down(self._accepted_in_window / span_s)
        elif now_s - self._last_rejected_s >= INACTIVE_AFTER_S:
            self.active = False
        elif math.isfinite(self._rate_per_s):
            self._rate_per_s *= 1 + min(FIRST_GAIN * 2**self._clean_windows, GAIN_MAX)
            self._clean_windows += 1
        self._begin_window(now_s)

    def _slow_down(self, accepted_per_s: float) -> None:
        self._clean_windows = 0
        few = self._rejected_in_window <= FEW * (self._accepted_in_window + self._rejected_in_window)
        if few and math.isfinite(self._rate_per_s):
            rate_per_s = KEPT * self._rate_per_s
        elif accepted_per_s:
            rate_per_s = KEPT * min(accepted_per_s, self._rate_per_s)
        else:
            rate_per_s = WITHOUT_ANY * self._rate_per_s if math.isfinite(self._rate_per_s) else RATE_MIN_PER_S
        if accepted_per_s > rate_per_s / 2:
            old = self.found_per_s or accepted_per_s
            self.found_per_s = old + _SMOOTHING * (accepted_per_s - old)
        self._rate_per_s = max(rate_per_s, RATE_MIN_PER_S)
        ratio = self._rate_per_s / self._reported_per_s if self._reported_per_s else math.inf
        if self._on_change is not None and not 1 / REPORTED_CHANGE < ratio < REPORTED_CHANGE:
            self._reported_per_s = self._rate_per_s
            self._on_change(self._rate_per_s)
