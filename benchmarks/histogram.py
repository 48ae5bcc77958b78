"""Cost of recording a latency: our histogram and, when it is installed, the package hdrhistogram."""

import importlib
import random
import time
from collections.abc import Callable

from midaz_seed.model.histogram import Histogram

VALUES = 200_000


def measure(name: str, record: Callable[[int], object], percentile: Callable[[float], int], values: list[int]) -> None:
    """Print the cost of a value, and percentiles to see that the work was done."""
    start_s = time.perf_counter()
    for value in values:
        record(value)
    cost_us = (time.perf_counter() - start_s) / len(values) * 1e6
    print(f"{name:14}{cost_us:6.2f} us/value", [percentile(percent) for percent in (50, 95, 99, 99.9)])


def main() -> None:
    rng = random.Random(1)
    values = [int(rng.lognormvariate(8.5, 0.6)) for _ in range(VALUES)]
    ours = Histogram()
    measure("ours", ours.record, ours.percentile, values)
    try:
        package = importlib.import_module("hdrh.histogram")
    except ImportError:
        print("hdrhistogram is not installed: pip install hdrhistogram")
        return
    theirs = package.HdrHistogram(1, 3600 * 10**6, 3)
    measure("hdrhistogram", theirs.record_value, theirs.get_value_at_percentile, values)


if __name__ == "__main__":
    main()
