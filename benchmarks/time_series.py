"""Cost of the time series of a run: CPU of the client, and size of an hour in report.json.

    .venv/bin/python -m benchmarks.time_series [--preset medium] [--rounds 3]

Goals: at most 1 % of the CPU of a run, and at most 2 MB for a busy hour. The CPU is measured twice: that of taking the
windows alone, which is exact, and that of whole runs with and without them in turn, which shows that nothing else grew.
"""

import argparse
import math
import random
import resource
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import orjson

from midaz_seed import runner
from midaz_seed.engine.context import RunContext
from midaz_seed.engine.control.time_series import _Sampler as Sampler
from midaz_seed.engine.control.time_series import record_time_series
from midaz_seed.event_loop import run_in_loop
from midaz_seed.model.histogram import coarse_bucket
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.time_series import PhaseWindow, TimeSeries, Window, as_report
from midaz_seed.sandbox.launch import sandbox_process
from midaz_seed.settings.model import Settings

CPU_PERCENT_MAX = 1.0
BYTES_MAX = 2_000_000
SECONDS = 3600


@dataclass
class Windows:
    """CPU of taking windows."""

    count: int = 0
    cpu_s: float = 0.0


@contextmanager
def measured() -> Iterator[Windows]:
    """Measure each window that runs in this block take."""
    found, record = Windows(), Sampler.record

    def measure(sampler: Sampler) -> None:
        before_s = time.thread_time()
        record(sampler)
        found.cpu_s += time.thread_time() - before_s
        found.count += 1

    Sampler.record = measure  # type: ignore[method-assign]
    try:
        yield found
    finally:
        Sampler.record = record  # type: ignore[method-assign]


@contextmanager
def not_recorded() -> Iterator[Windows]:
    """Record no series of runs in this block."""

    async def record_nothing(_: RunContext) -> None:
        return

    runner.record_time_series = record_nothing
    try:
        yield Windows()
    finally:
        runner.record_time_series = record_time_series


async def run(preset: str) -> tuple[float, float]:
    """(CPU seconds of the client, seconds) of one run."""
    async with sandbox_process() as (url, _):
        settings = Settings.model_validate(
            {"preset": preset, "target": {"baseUrl": url}, "journal": {"enabled": False}}
        )
        before = resource.getrusage(resource.RUSAGE_SELF)
        report = await runner.seed_async(settings)
        after = resource.getrusage(resource.RUSAGE_SELF)
    if report.exit_code:
        sys.exit(f"the run was not verified: {report.verdict}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, report.elapsed_s


async def compare(preset: str, rounds: int) -> float:
    """Print the CPU of runs with and without their series; return that of the windows, in percent of the run's."""
    await run("small")  # what a process does once
    found: dict[bool, list[float]] = {False: [], True: []}
    shares, costs_ms = [], []
    for number in range(rounds):
        for records in (False, True) if number % 2 else (True, False):
            with measured() if records else not_recorded() as windows:
                cpu_s, elapsed_s = await run(preset)
            found[records].append(cpu_s)
            if records:
                shares.append(100 * windows.cpu_s / cpu_s)
                costs_ms.append(1000 * windows.cpu_s / windows.count)
                print(f"{preset}: {windows.count} windows in {elapsed_s:.1f} s, {cpu_s:.2f} s CPU")
    without, with_them = (statistics.median(found[records]) for records in (False, True))
    print(f"CPU of a run: {without:.2f} s without the series, {with_them:.2f} s with it ({with_them / without:.3f})")
    print(f"CPU of a window: {statistics.median(costs_ms):.2f} ms")
    return statistics.median(shares)


def hour(phases: list[Phase], answers_per_s: int, spread: float) -> TimeSeries:
    """Return the series of an hour in which these phases are busy at once, with log-normal latencies."""
    chance, series = random.Random(1), TimeSeries()
    for second in range(SECONDS):
        window = Window(in_flight=chance.randint(60, 64), cpu_s=0.9 + chance.random() / 10)
        for phase in phases:
            counts = PhaseWindow(answers_per_s, answers_per_s, answers_per_s, 8)
            for _ in range(answers_per_s):
                bucket = coarse_bucket(int(chance.lognormvariate(math.log(16_000), spread)))
                counts.latency[bucket] = counts.latency.get(bucket, 0) + 1
            window.phases[phase] = counts
        series.add(window, second)
    return series


def measure_sizes() -> int:
    """Print the size of some hours in report.json; return the largest, in bytes."""
    largest = 0
    for phases, answers_per_s, spread in (
        ([Phase.TRANSFERS], 1000, 0.5),
        ([Phase.TRANSFERS], 3000, 1.0),
        ([Phase.DEPOSITS, Phase.TRANSFERS, Phase.VERIFY], 1000, 0.8),
    ):
        report = as_report(hour(phases, answers_per_s, spread))
        size = len(orjson.dumps(report))
        print(
            f"an hour with {len(phases)} busy phases, {answers_per_s:,} answers/s each: {report.windows:,} windows of "
            f"{report.interval_s:g} s, {size / 1e6:.2f} MB"
        )
        largest = max(largest, size)
    return largest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="medium")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    percent = run_in_loop(partial(compare, given.preset, given.rounds))
    size = measure_sizes()
    print(f"CPU of the windows: {percent:.2f} % of the run's (goal: at most {CPU_PERCENT_MAX:g} %)")
    print(f"largest hour: {size / 1e6:.2f} MB (goal: at most {BYTES_MAX / 1e6:g} MB)")
    if percent > CPU_PERCENT_MAX or size > BYTES_MAX:
        sys.exit("a goal is missed")


if __name__ == "__main__":
    main()
