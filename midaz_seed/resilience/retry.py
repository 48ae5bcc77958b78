"""How long to wait before the next attempt. The generators and the jitter are `backoff`'s; the loop is ours, because
that package's
decorators are tied to an asyncio interface that newer versions of Python remove."""

import math
import random
from datetime import UTC
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Literal

import backoff


class RetryPolicy:
    """Attempts, the first included, and the pauses between them."""

    def __init__(
        self,
        attempts_max: int,
        growth: Literal["exponential", "linear"],
        initial_ms: float,
        max_ms: float,
        *,
        jitter: bool,
    ) -> None:
        """The n-th pause is `initial_ms` times 2**(n-1) or times n, at most `max_ms`; with jitter, a random part of
        that."""
        self.attempts_max = attempts_max
        self._growth = growth
        self._initial_s = initial_ms / 1000
        self._max_s = max_ms / 1000
        self._jitter = jitter

    def delay_s(
        self, attempt: int, retry_after_s: float | None, rng: random.Random, *, retry_after_max_s: float
    ) -> float:
        """Seconds to wait after the given failed attempt (1 is the first). What the server asks for wins, up to a
        limit."""
        if retry_after_s is not None:
            return min(max(retry_after_s, 0.0), retry_after_max_s)
        length_s = self._length_s(attempt)
        return rng.uniform(0.0, length_s) if self._jitter else length_s

    def _length_s(self, attempt: int) -> float:
        if self._growth == "linear":
            return min(self._initial_s * attempt, self._max_s)
        waits = backoff.expo(base=2, factor=self._initial_s, max_value=self._max_s)
        next(waits)  # the generator wants to be primed
        return float(next(islice(waits, min(attempt, 60) - 1, None)))


def parse_retry_after(header: str | None, now_epoch_s: float) -> float | None:
    """Seconds that a `Retry-After` header asks for, in either of its forms (RFC 9110, 10.2.3); None when it says
    nothing that makes sense."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        return _seconds_until(header, now_epoch_s)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _seconds_until(date: str, now_epoch_s: float) -> float | None:
    """Seconds until an HTTP date, 0 when it has passed; None for what is no date."""
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):  # a day of twenty digits overflows
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(moment.timestamp() - now_epoch_s, 0.0)
