"""The JUnit document of a benchmark agrees with its exit code, whatever became of each case."""

import dataclasses

from hypothesis import given, settings
from hypothesis import strategies as st

from midaz_seed.bench.junit import render_bench_junit
from midaz_seed.bench.report import BenchVariant, SkippedCase
from midaz_seed.bench.text import render_markdown
from tests.support.junit import read_junit
from tests.support.small_bench import RUN, bench


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
    run = dataclasses.replace(RUN, variant="c=8", proved=False, exit_code=130, verdict="Interrupted by SIGINT.")
    variants = (BenchVariant("c=8", {}),)
    stopped = bench(exit_code=130, verdict="Stopped.", variants=variants, runs=(run,), results=())
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
