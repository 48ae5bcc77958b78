"""The pauses between attempts.

The generators come from the package `backoff`; its decorators are not used, because they depend on an asyncio interface
that newer versions of Python remove.
"""

import math
import random
from datetime import UTC
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Literal

import backoff


class RetryPolicy:
    """The maximum number of attempts, and the pauses between them."""

    def __init__(
        self,
        attempts_max: int,
        growth: Literal["exponential", "linear"],
        initial_ms: float,
        max_ms: float,
        *,
        jitter: bool,
    ) -> None:
        """Create a policy.

        Args:
            attempts_max: maximum attempts, including the first.
            growth: the n-th pause is `initial_ms` times 2**(n-1) (exponential) or times n (linear).
            initial_ms: the first pause, in milliseconds.
            max_ms: the maximum pause, in milliseconds.
            jitter: draw each pause uniformly between zero and its full length.
        """
        self.attempts_max = attempts_max
        self._growth = growth
        self._initial_s = initial_ms / 1000
        self._max_s = max_ms / 1000
        self._jitter = jitter

    def delay_s(
        self, attempt: int, retry_after_s: float | None, rng: random.Random, *, retry_after_max_s: float
    ) -> float:
        """Return the pause after a failed attempt, in seconds.

        Args:
            attempt: number of the failed attempt, from 1.
            retry_after_s: the pause that the server requests; it has precedence.
            rng: source of the jitter.
            retry_after_max_s: maximum for `retry_after_s`.
        """
        if retry_after_s is not None:
            return min(max(retry_after_s, 0.0), retry_after_max_s)
        length_s = self._length_s(attempt)
        return rng.uniform(0.0, length_s) if self._jitter else length_s

    def _length_s(self, attempt: int) -> float:
        if self._growth == "linear":
            return min(self._initial_s * attempt, self._max_s)
        waits = backoff.expo(base=2, factor=self._initial_s, max_value=self._max_s)
        next(waits)  # the first value of the generator is None
        return float(next(islice(waits, min(attempt, 60) - 1, None)))


def parse_retry_after(header: str | None, now_epoch_s: float) -> float | None:
    """Return the seconds in a `Retry-After` header, in either of its forms (RFC 9110, 10.2.3); None if invalid."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        return _seconds_until(header, now_epoch_s)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _seconds_until(date: str, now_epoch_s: float) -> float | None:
    """Return the seconds until an HTTP date, 0 when it has passed; None if invalid."""
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):  # a day with twenty digits overflows
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(moment.timestamp() - now_epoch_s, 0.0)
