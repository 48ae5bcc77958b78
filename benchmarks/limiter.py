"""Accuracy of the rate limit: requests let through in each second, against the rate asked for."""

import asyncio
import time
from itertools import pairwise

from midaz_seed.resilience.rate_limiter import RateLimiter

SECONDS = 4
WORKERS = 16


async def measure(rate: int) -> list[int]:
    """Tokens taken in each second."""
    limiter, taken, marks = RateLimiter(rate), 0, [0]
    start_s = time.perf_counter()

    async def worker() -> None:
        nonlocal taken
        while time.perf_counter() - start_s < SECONDS:
            await limiter.next_slot()
            taken += 1

    async def clock() -> None:
        for second in range(1, SECONDS + 1):
            await asyncio.sleep(start_s + second - time.perf_counter())
            marks.append(taken)

    await asyncio.gather(clock(), *[worker() for _ in range(WORKERS)])
    return [after - before for before, after in pairwise(marks)]


def main() -> None:
    import uvloop

    print(f"{'asked/s':>8}  off in second" + "".join(f"{second:>10}" for second in range(1, SECONDS + 1)))
    for rate in (500, 1_000, 5_000, 20_000):
        seconds = uvloop.run(measure(rate))
        print(f"{rate:8,}               " + "".join(f"{100 * (count - rate) / rate:9.2f}%" for count in seconds))


if __name__ == "__main__":
    main()
