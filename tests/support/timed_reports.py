"""Reports of runs that did not happen, with a time series and latencies of their transfers."""

import random
from collections.abc import Sequence
from typing import Any

from midaz_seed.model.histogram import Histogram, coarse_bucket
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.report_figures import LatencyHistogram, ThroughputReport
from midaz_seed.reporting.time_series import PhaseSeries, TimeSeriesReport
from tests.support.small_report import phase, report


def counts(seconds: int, per_s: float, *, noise: float = 0.03, seed: int = 1) -> list[int]:
    """Return the transfers of each second of a run."""
    draw = random.Random(seed)
    return [round(per_s * max(draw.gauss(1, noise), 0)) for _ in range(seconds)]


def timed_report(per_second: Sequence[int], *, latency_us: int = 10_000, seed: int = 1, **changes: Any) -> Report:
    """Return the report of a run with these transfers in each second, whose latencies are around `latency_us`."""
    draw, whole, rows = random.Random(seed), Histogram(), []
    for count in per_second:
        buckets: dict[int, int] = {}
        for _ in range(count):
            latency = round(latency_us * draw.lognormvariate(0, 0.4))
            whole.record(latency)
            bucket = coarse_bucket(latency)
            buckets[bucket] = buckets.get(bucket, 0) + 1
        rows.append(tuple(each for bucket in sorted(buckets) for each in (bucket, buckets[bucket])))
    made, seconds = sum(per_second), len(per_second)
    transfers = PhaseSeries(
        phase="transfers",
        first=0,
        created=tuple(per_second),
        movements=tuple(per_second),
        requests=tuple(per_second),
        ledgers=(1,) * seconds,
        latency=tuple(rows),
    )
    own: dict[str, Any] = {
        "phases": (phase("transfers", made),),
        "movements": made,
        "movements_per_s": made / seconds,
        "throughput": (
            ThroughputReport(
                "transfers", made, made, made, seconds, seconds, made / seconds, made / seconds, 1.0, 0.1, ()
            ),
        ),
        "time_series": TimeSeriesReport(
            windows=seconds,
            phases=(transfers,),
            in_flight=(8,) * seconds,
            breaker_open_s=(0.0,) * seconds,
            cpu_s=(0.3,) * seconds,
        ),
        "latency_histograms": (LatencyHistogram("transfers", whole.total_us, whole.max_us, whole.sparse_counts()),),
        "plan_done_percent": 100.0,
    }
    return report(**{**own, **changes})
