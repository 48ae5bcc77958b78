"""The rate limit: a token bucket (aiolimiter), drawn in leases."""

import asyncio

from aiolimiter import AsyncLimiter

LEASE_S = 0.02
"""A lease is what the rate allows in this time. Drawn one by one, the bucket's full second of tokens would let twice
the rate through
at first, and its waker would spin."""


class RateLimiter:
    """At most `rate_per_s` tokens a second, evenly."""

    def __init__(self, rate_per_s: float) -> None:
        self.lease = max(int(rate_per_s * LEASE_S), 1)
        # room for two leases, so that a timer that wakes a millisecond late takes nothing away from the rate
        self._bucket = AsyncLimiter(2 * self.lease, 2 * self.lease / rate_per_s)
        self._lock = asyncio.Lock()
        self._left = 0

    async def next_slot(self) -> None:
        """Wait for the right to send one request."""
        while self._left == 0:
            async with self._lock:
                if self._left == 0:
                    await self._bucket.acquire(self.lease)
                    self._left = self.lease
        self._left -= 1
