"""The rate limit: a token bucket (aiolimiter) whose tokens are taken in leases."""

import asyncio

from aiolimiter import AsyncLimiter

LEASE_S = 0.02
"""A lease has the tokens of this time. Single tokens would need a bucket of one second, which lets twice the rate
through in the first second, and its waker would run in a busy loop."""


class RateLimiter:
    """Limits requests to `rate_per_s` per second, evenly spread."""

    def __init__(self, rate_per_s: float) -> None:
        self.lease = max(int(rate_per_s * LEASE_S), 1)
        # room for two leases, so that a timer that fires a millisecond late does not reduce the rate
        self._bucket = AsyncLimiter(2 * self.lease, 2 * self.lease / rate_per_s)
        self._lock = asyncio.Lock()
        self._left = 0

    async def next_slot(self) -> None:
        """Wait until one request may be sent."""
        while self._left == 0:
            async with self._lock:
                if self._left == 0:
                    await self._bucket.acquire(self.lease)
                    self._left = self.lease
        self._left -= 1
