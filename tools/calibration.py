"""Measure how often `midaz-seed compare` shows a difference that is none, and how often it finds one that is.

    make calibrate                                     # both tables, written into docs/compare.md
    .venv/bin/python -m tools.calibration --seconds 0  # print the table of the simulated runs alone
    .venv/bin/python -m tools.calibration --comparisons 40 --seconds 60  # shorter

The simulated runs follow from the seed: without a change of the method their table stays the same.

Simulated runs: throughput per second as a quiet, a wandering and a stalling server gives it. Two runs with the same
mean are compared, and two of which the second is 10 % slower. For the alternative, a block bootstrap (Politis and
Romano 1992, with the block length of Politis and White 2004), only the false alarms are counted.

Real runs: five sandboxes alike and one that needs 11 % longer for a request are filled at the same time, so that the
other work on the machine is the same for all. The runs are cut into pieces of 10 and of 30 s, and pieces of the same
time are compared: those of the five with one another, and with those of the slower one.
"""

import argparse
import asyncio
import json
import math
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from pathlib import Path
from statistics import fmean

from midaz_seed.model.histogram import Histogram, coarse_bucket_max_us
from midaz_seed.reporting.comparison.comparing import Row, compare_reports
from midaz_seed.reporting.comparison.statistics import Figure, compare_figures
from midaz_seed.reporting.report import Report, read_report
from midaz_seed.reporting.report_figures import LatencyHistogram
from midaz_seed.reporting.time_series import TimeSeries, as_report, from_report
from tools.chaos.processes import command_process, sandbox_process
from tools.generated import filled

DOCUMENT = Path(__file__).parents[1] / "docs/compare.md"
SLOWER = 0.9
ALARMS_MAX, FOUND_MIN = 5.0, 90.0
"""Goals in percent."""
GOALS = (f"false alarms (goal: at most {ALARMS_MAX:g} %)", f"10 % slower found (goal: {FOUND_MIN:g} %)")
LENGTHS_S = (10, 30, 60, 120, 300)
BOOTSTRAP_LENGTHS_S = (10, 30, 60)
RESAMPLES = 200
PIECES_S = (10, 30)
PHASE = "transfers"
SERVICE_MS = 50
ALIKE = 5
PLAN = (
    *("--preset", "small", "--organizations", "1", "--ledgers", "1", "--assets", "1"),
    *("--accounts", "100", "--transactions", "1500"),
)

Series = list[float]
Noise = Callable[[random.Random, int], Series]
"""Returns the logarithm of the relative throughput in each second."""


def white(share: float) -> Noise:
    """Independent seconds, with this standard deviation."""
    return lambda draw, count: [draw.gauss(0, share) for _ in range(count)]


def wandering(share: float, memory: float, fast_share: float = 0.0) -> Noise:
    """A server whose speed in a second depends on that of the second before, with fast noise beside it."""

    def series(draw: random.Random, count: int) -> Series:
        level, found = draw.gauss(0, 1), []
        for _ in range(count):
            found.append(share * level + draw.gauss(0, fast_share))
            level = memory * level + math.sqrt(1 - memory * memory) * draw.gauss(0, 1)
        return found

    return series


def walking(share: float, every_s: float) -> Noise:
    """Three walks between bounds, each four times as fast and half as far as the one before, as the sandbox wanders."""

    def walk(draw: random.Random, bound: float, steps: int) -> Series:
        levels = [draw.uniform(-bound, bound)]
        while len(levels) < steps:
            moved = levels[-1] + draw.uniform(-bound, bound)
            levels.append(2 * bound - moved if moved > bound else -2 * bound - moved if moved < -bound else moved)
        return levels

    def series(draw: random.Random, count: int) -> Series:
        per_s = 16 / every_s
        steps = math.ceil(count * per_s) + 1
        bound = math.log1p(share)
        walks = [walk(draw, bound / 2**octave, steps) for octave in range(3)]
        speeds = [
            math.exp(sum(walks[octave][index // 4 ** (2 - octave)] for octave in range(3))) for index in range(steps)
        ]
        return [math.log(fmean(speeds[int(second * per_s) : int((second + 1) * per_s) + 1])) for second in range(count)]

    return series


def stalling(share: float, every_s: float, lost: float) -> Noise:
    """Independent seconds, of which one in `every_s` loses up to this share of its throughput."""

    def series(draw: random.Random, count: int) -> Series:
        stalls = [draw.random() < 1 / every_s for _ in range(count)]
        return [draw.gauss(0, share) + (math.log1p(-lost * draw.random()) if stall else 0.0) for stall in stalls]

    return series


NOISES: dict[str, Noise] = {
    "quiet: 3 % from second to second": white(0.03),
    "6 % from second to second": white(0.06),
    "wanders by 5 %, memory 2 s": wandering(0.05, 0.6),
    "wanders by 5 %, memory 3 s, 3 % beside it": wandering(0.05, 0.7, 0.03),
    "wanders by 6 %, memory 10 s, 4 % beside it": wandering(0.06, 0.9, 0.04),
    "walks by 10 % every 2 s": walking(0.10, 2.0),
    "walks by 30 % every 6 s": walking(0.30, 6.0),
    "stalls: one second in 10 loses up to 80 %": stalling(0.03, 10.0, 0.8),
}
REQUIRED = ("quiet: 3 % from second to second",)
"""The noises at which both goals must be reached at every length; the table shows what length the others need."""


@dataclass(frozen=True, slots=True)
class Result:
    """How often a difference was shown, in percent of the comparisons."""

    server: str
    length_s: int
    alarms: float
    found: float
    bootstrap_alarms: float | None
    comparisons: int


def simulated(comparisons: int, seed: int) -> Iterator[Result]:
    """Compare simulated runs of each noise and length."""
    for (name, noise), length_s in product(NOISES.items(), LENGTHS_S):
        draw = random.Random(f"{seed}:{name}:{length_s}")
        pairs = [(_run(noise, draw, length_s), _run(noise, draw, length_s)) for _ in range(comparisons)]
        alarms = sum(_is_shown(a, b) for a, b in pairs)
        found = sum(_is_shown(a, [SLOWER * each for each in b]) for a, b in pairs)
        bootstrap = None
        if length_s in BOOTSTRAP_LENGTHS_S:
            bootstrap = 100 * sum(_bootstrap_shows(a, b, draw) for a, b in pairs) / comparisons
        yield Result(name, length_s, 100 * alarms / comparisons, 100 * found / comparisons, bootstrap, comparisons)


def _run(noise: Noise, draw: random.Random, length_s: int) -> Series:
    return [1000 * math.exp(each) for each in noise(draw, length_s)]


def _is_shown(a: Series, b: Series) -> bool:
    figures = [Figure(mean := fmean(each), tuple(value / mean - 1 for value in each)) for each in (a, b)]
    change = compare_figures(figures[:1], figures[1:])
    return change is not None and change.is_shown


def _bootstrap_shows(a: Series, b: Series, draw: random.Random) -> bool:
    """Return whether the 95 % percentile interval of a circular block bootstrap excludes that nothing changed."""
    length = max(_block_length(a), _block_length(b))
    ratios = sorted(_resampled(b, length, draw) / _resampled(a, length, draw) for _ in range(RESAMPLES))
    outside = round(0.025 * RESAMPLES)
    return not ratios[outside - 1] <= 1 <= ratios[-outside]


def _resampled(series: Series, length: int, draw: random.Random) -> float:
    wrapped, total, missing = series + series, 0.0, len(series)
    while missing:
        start, taken = draw.randrange(len(series)), min(length, missing)
        total, missing = total + sum(wrapped[start : start + taken]), missing - taken
    return total


def _block_length(series: Series) -> int:
    """Return the block length by Politis and White (Econometric Reviews 23, 2004), at most a third of the series."""
    count, mean = len(series), fmean(series)
    centred = [each - mean for each in series]
    lags = min(count - 1, math.isqrt(count) + 5)
    covariance = [sum(map(float.__mul__, centred, centred[lag:])) / count for lag in range(lags + 1)]
    limit = 2 * math.sqrt(math.log10(count) / count) * covariance[0]
    small = [abs(each) < limit for each in covariance]
    last = next((lag for lag in range(lags - 4) if all(small[lag + 1 : lag + 6])), lags)
    reach = min(2 * max(last, 1), lags)
    weights = [min(1.0, 2 * (1 - lag / reach)) for lag in range(reach + 1)]
    slope = 2 * sum(weights[lag] * lag * covariance[lag] for lag in range(1, reach + 1))
    level = covariance[0] + 2 * sum(weights[lag] * covariance[lag] for lag in range(1, reach + 1))
    if not level:
        return 1
    return int(max(1, min(round((1.5 * slope * slope / level**2) ** (1 / 3) * count ** (1 / 3)), count // 3)))


async def real(seconds: int, kept: Path | None) -> list[Report]:
    """Fill sandboxes at the same time; return the reports, that of the slower one last."""
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name) / str(number) for number in range(ALIKE + 1)]
        for folder in folders:
            folder.mkdir()
        services_ms = [SERVICE_MS] * ALIKE + [SERVICE_MS / SLOWER]
        filling = (_fill(*each, seconds) for each in zip(folders, services_ms, strict=True))
        found = await asyncio.gather(*filling)
    for number, data in enumerate(found):
        if kept is not None:
            (kept / f"{number}.json").write_bytes(data)
    return [read_report(data) for data in found]


async def _fill(folder: Path, service_ms: float, seconds: int) -> bytes:
    capacity = {"at_once": 4, "ms": service_ms, "spread_ms": service_ms / 2}
    rule = {"name": "capacity", "on": "transactions", "methods": ["POST"], "capacity": capacity}
    (folder / "faults.yaml").write_text(json.dumps({"rules": [rule]}))
    async with sandbox_process("--faults", str(folder / "faults.yaml")) as (url, _):
        arguments = ("run", *PLAN, "-u", url, "-c", "8", "--duration", f"{seconds}s", "--json", "--quiet")
        async with command_process(*arguments, cwd=folder) as process:
            printed, errors = await process.communicate()
            if process.returncode:
                sys.exit(f"the run ended with exit code {process.returncode}\n{errors.decode()}")
            return printed


def pieces(report: Report, length_s: int) -> list[Report]:
    """Cut the transfers of a run into reports of their own, of `length_s` complete windows and two partial ones."""
    series = from_report(report.time_series)
    inside = next(each for each in report.time_series.phases if each.phase == PHASE)
    first, last = inside.first + 1, inside.first + len(inside.movements) - 1
    size = length_s + 2
    return [
        _piece(report, TimeSeries(series.interval_s, series.windows[start : start + size]))
        for start in range(first, last - size + 1, size)
    ]


def _piece(report: Report, series: TimeSeries) -> Report:
    columns = as_report(series)
    own = next(each for each in columns.phases if each.phase == PHASE)
    latencies = Histogram()
    for window in own.latency:
        for bucket, count in zip(window[::2], window[1::2], strict=True):
            for _ in range(count):
                latencies.record(coarse_bucket_max_us(bucket))
    seconds = len(series.windows) * series.interval_s
    throughput = next(each for each in report.throughput if each.phase == PHASE)
    phase = next(each for each in report.phases if each.name == PHASE)
    return replace(
        report,
        time_series=columns,
        throughput=(replace(throughput, movements_accepted_per_s=sum(own.movements) / seconds),),
        phases=(replace(phase, created=sum(own.created), requests=sum(own.requests)),),
        latency_histograms=(LatencyHistogram(PHASE, latencies.total_us, latencies.max_us, latencies.sparse_counts()),),
        steady=None,
        errors=(),
    )


@dataclass(frozen=True, slots=True)
class RealResult:
    """How often a difference was shown between pieces of real runs, in percent of the comparisons."""

    length_s: int
    comparisons: int
    alarms: float
    any_alarms: float
    """Any figure of the report, not only that of the verdict."""
    found: float
    slower: float
    """Throughput of the slower server relative to the others."""


def cut_up(reports: Sequence[Report]) -> Iterator[RealResult]:
    """Compare pieces of real runs."""
    *speeds, slow = (
        each.movements_accepted_per_s for report in reports for each in report.throughput if each.phase == PHASE
    )
    for length_s in PIECES_S:
        *alike, slower = (pieces(report, length_s) for report in reports)
        same = [pair for first, second in combinations(alike, 2) for pair in zip(first, second, strict=False)]
        other = [pair for each in alike for pair in zip(each, slower, strict=False)]
        rows = [_central(compare_reports([first], [second])) for first, second in same]
        alarms = sum(each[0].is_shown for each in rows)
        anywhere = sum(any(row.is_shown for row in each) for each in rows)
        found = sum(_central(compare_reports([first], [second]))[0].tone == "worse" for first, second in other)
        count = len(same)
        shares = (100 * alarms / count, 100 * anywhere / count, 100 * found / len(other))
        yield RealResult(length_s, count, *shares, slow / fmean(speeds))


def _central(rows: Sequence[Row]) -> Sequence[Row]:
    assert rows[0].path == f"{PHASE}.movements_per_s"
    return rows


def simulated_table(results: Sequence[Result]) -> str:
    """Return the results of simulated runs as Markdown, with the goals."""
    head = ("server", "length", "comparisons", *GOALS, "block bootstrap: false alarms")
    return table(
        head,
        [
            (
                each.server,
                f"{each.length_s} s",
                f"{each.comparisons:,}",
                _alarms(each.alarms),
                f"{each.found:.0f} %",
                "" if each.bootstrap_alarms is None else f"{each.bootstrap_alarms:.1f} %",
            )
            for each in results
        ],
    )


def real_table(results: Sequence[RealResult]) -> str:
    """Return the results of real runs as Markdown, with the goals."""
    head = ("pieces", "length", "comparisons", *GOALS, "any figure: false alarms", "the slower one had")
    return table(
        head,
        [
            (
                "of real runs",
                f"{each.length_s} s",
                f"{each.comparisons:,}",
                _alarms(each.alarms),
                f"{each.found:.0f} %",
                f"{each.any_alarms:.1f} %",
                f"{each.slower:.2f}x",
            )
            for each in results
        ],
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose columns but the first hold numbers."""
    lines = [f"| {' | '.join(line)} |" for line in (head, *rows)]
    return "\n".join([lines[0], f"|---|{'---:|' * (len(head) - 1)}", *lines[1:]])


def _alarms(percent: float) -> str:
    return f"{percent:.1f} %" if percent <= ALARMS_MAX else f"**{percent:.1f} %**"


def main() -> None:
    """Run the calibration; exit with 1 if a goal is missed where it is required."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comparisons", type=int, default=400, help="of each server and length (default: 400)")
    parser.add_argument("--seconds", type=int, default=265, help="length of the real runs; 0: none (default: 265)")
    parser.add_argument("--keep", type=Path, help="directory for the reports of the real runs")
    parser.add_argument("--reports", type=Path, help="cut the reports of this directory (--keep) instead of new ones")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help=f"write the tables into {DOCUMENT.name}")
    arguments = parser.parse_args()
    results = list(simulated(arguments.comparisons, arguments.seed))
    tables = {"simulated": simulated_table(results)}
    print(tables["simulated"], flush=True)
    if arguments.reports or arguments.seconds:
        reports = (
            [read_report(file.read_bytes()) for file in sorted(arguments.reports.glob("*.json"))]
            if arguments.reports
            else asyncio.run(real(arguments.seconds, arguments.keep))
        )
        tables["real"] = real_table(list(cut_up(reports)))
        print(f"\n{tables['real']}")
    if arguments.write:
        DOCUMENT.write_text(filled(DOCUMENT.read_text(encoding="utf-8"), tables), encoding="utf-8")
    missed = [each for each in results if each.server in REQUIRED and not _is_good(each)]
    sys.exit(1 if missed else 0)


def _is_good(result: Result) -> bool:
    return result.alarms <= ALARMS_MAX and result.found >= FOUND_MIN


if __name__ == "__main__":
    main()
