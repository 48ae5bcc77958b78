"""The JUnit document of a benchmark agrees with its exit code, whatever became of each case."""

import dataclasses
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from midaz_seed.bench.junit import render_bench_junit
from midaz_seed.bench.report import SCHEMA_VERSION, BenchReport, BenchResult, BenchRun, BenchVariant, SkippedCase
from midaz_seed.bench.text import render_markdown
from midaz_seed.errors import ExitCode
from tests.support.junit import read_junit

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


def test_a_case_is_passed_failed_skipped_or_not_measured() -> None:
    wrong = dataclasses.replace(RUN, case="b", run_id="b1-2", proved=False, exit_code=1, verdict="3 differences.")
    skipped = (SkippedCase("c", "", "the server lacks it"),)
    found = read_junit(
        render_bench_junit(bench(exit_code=1, verdict="1 of 2 runs did not end.", runs=(RUN, wrong), skipped=skipped))
    )
    assert found["bench"] == {"b1": "failure: 1 of 2 runs did not end."}
    assert found["cases"] == {
        "a": "passed",
        "b": "failure: 1 of 1 run did not end as planned",
        "c": "skipped: the server lacks it",
    }


def test_a_benchmark_that_was_stopped_is_an_error_and_what_it_did_not_reach_is_skipped() -> None:
    stopped = bench(exit_code=ExitCode.INTERRUPTED, verdict="Stopped.", variants=(BenchVariant("c=8", {}),), results=())
    found = read_junit(render_bench_junit(stopped))
    assert found["bench"] == {"b1": "error: Stopped."}
    assert set(found["cases"]) == {"a, c=8", "b, c=8", "c, c=8"}
    assert set(found["cases"].values()) == {"skipped: not measured: the benchmark ended before"}
    assert "failed (exit code 130)" in render_markdown(stopped)


@settings(deadline=None, max_examples=20)
@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_of_a_server_gives_a_valid_document(name: str, verdict: str) -> None:
    run = dataclasses.replace(RUN, case=name, proved=False, verdict=verdict)
    hostile = bench(cases=(name,), runs=(run,), server_version=name, verdict=verdict, next_step=name, results=())
    read_junit(render_bench_junit(hostile))
