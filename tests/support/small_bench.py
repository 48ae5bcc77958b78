"""Reports of benchmarks that did not happen."""

import dataclasses
from typing import Any

from midaz_seed.bench.report import SCHEMA_VERSION, BenchReport, BenchResult, BenchRun

RUN = BenchRun("a", "", 1, 1, "b1-1", "d", "runs/b1-1.json", "", 2.0, 0, "Done.", True, 9, 0.0, 5.0, ())


def bench(**changes: Any) -> BenchReport:
    """A benchmark of the cases a, b and c, of which only a was measured, with changes."""
    found = BenchReport(
        schema_version=SCHEMA_VERSION,
        version="0.1.0",
        command="bench",
        exit_code=0,
        verdict="Done.",
        next_step="",
        error=None,
        bench_id="b1",
        scenario="contention",
        target="http://127.0.0.1:3002",
        server_version="3.8.0",
        started_at="2026-05-04T10:00:00+00:00",
        elapsed_s=9.0,
        repetitions=1,
        warm_up_s=0.0,
        duration_s=0.0,
        cases=("a", "b", "c"),
        variants=(),
        results=(BenchResult("a", "", 1, (), ()),),
        runs=(RUN,),
    )
    return dataclasses.replace(found, **changes)
