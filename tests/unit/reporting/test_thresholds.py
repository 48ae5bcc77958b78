"""Thresholds over a report: values, states, the exit code, and what the text says."""

import dataclasses
import json
from typing import Any

import pytest

from midaz_seed.errors import ExitCode, OutputError
from midaz_seed.model.histogram import Histogram
from midaz_seed.model.thresholds import GROUPS, Threshold, measures_of, parse_threshold
from midaz_seed.reporting.merging import merge_reports
from midaz_seed.reporting.report import Report, not_written, read_report
from midaz_seed.reporting.report_figures import (
    Latency,
    LatencyHistogram,
    OpenLoopReport,
    SettlementReport,
    SteadyReport,
    ThroughputReport,
)
from midaz_seed.reporting.report_findings import ThresholdState
from midaz_seed.reporting.text_report import render_text
from midaz_seed.reporting.thresholds import apply_thresholds, value_text
from tests.support.small_report import phase, report

NO_SETTLEMENT = SettlementReport(0, 0.0, 0.0, 0)
LATENCY = Latency(1.0, 2.0, 3.0, 4.0, 5.0)


def histogram(phase_name: str, *values_us: int) -> LatencyHistogram:
    found = Histogram()
    for value in values_us:
        found.record(value)
    return LatencyHistogram(phase_name, found.total_us, found.max_us, found.sparse_counts())


def run(**changes: Any) -> Report:
    """A run with a value for every measure."""
    money = [ThroughputReport(name, 9, 9, 9, 1.0, 1.5, 8.0, 9.0, 6.0, 0.5, ()) for name in ("deposits", "transfers")]
    phases = ("accounts", "deposits", "settlement", "transfers", "verify")
    return report(
        phases=(
            phase("accounts"),
            phase("deposits"),
            phase("transfers", 7600, failed=76, retries=4),
            phase("verify", 0),
        ),
        throughput=tuple(money),
        steady=SteadyReport(0.0, 0.0, 2.0, 10, 20, 5.0, 10.0, LATENCY),
        open_loop=OpenLoopReport(100.0, 10, 9, 8, 1, LATENCY),
        latency_histograms=tuple(histogram(name, 1_000, 250_000) for name in phases),
        **changes,
    )


def judged(expression: str, on: Report) -> Any:
    return apply_thresholds(on, [parse_threshold(expression)]).thresholds[0]


@pytest.mark.parametrize("group", ["", "transfers", "steady", "open_loop"])
def test_every_measure_has_a_value_in_a_run_that_has_everything(group: str) -> None:
    for name in measures_of(group):
        found = judged(f"{group}.{name} > 1" if group else f"{name} > 1", run())
        assert found.value is not None, name
        assert found.state in (ThresholdState.PASSED, ThresholdState.FAILED)


def test_every_measure_of_every_group_can_be_evaluated_on_any_report() -> None:
    every = [
        Threshold(f"{group}.{name}", group, measure, ">", 1.0)
        for group in ("", *GROUPS)
        for name, measure in measures_of(group).items()
    ]
    for each in (
        run(),
        report(),
        report(phases=(), settlement=SettlementReport(0, 0, 0, 0), transactions=0, movements=0),
    ):
        found = apply_thresholds(each, every)
        assert len(found.thresholds) == len(every)
        assert read_report(found.as_json().encode()).thresholds == found.thresholds


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("latency_ms_p99 > 200", 250.0),
        ("transfers.latency_ms_p50 > 200", 1.0),
        ("latency_ms_mean > 200", 125.5),
        ("transfers.error_percent >= 1", 1.0),
        ("retries > 3", 4),
        ("settlement_s > 1", 0.5),
        ("deposits.movements_per_s < 400", 9.0),
        ("drain_s > 1", 0.5),
        ("steady.latency_ms_p999 > 1", 4.0),
        ("open_loop.dropped > 0", 1),
    ],
)
def test_values_are_those_of_the_report(expression: str, value: float) -> None:
    found = judged(expression, run())
    assert found.value == pytest.approx(value)
    assert found.expression == expression


def test_a_failed_threshold_changes_only_a_run_that_is_fine_and_the_verdict_says_both() -> None:
    thresholds = [parse_threshold("latency_ms_p99 > 200"), parse_threshold("elapsed_s > 30s")]
    found = apply_thresholds(run(), thresholds, next_step="Measure again.")
    assert found.exit_code == ExitCode.THRESHOLD
    outcome = "latency_ms_p99 is 250 ms (fails if > 200)"
    assert found.verdict == f"Done: every balance is the planned one. But 1 of 2 thresholds failed: {outcome}."
    assert found.next_step == "Measure again."
    assert [each["state"] for each in json.loads(found.as_json())["thresholds"]] == ["failed", "passed"]
    text = render_text(found)
    assert f"thresholds: 1 of 2 passed\n  failed: {outcome}\n  passed: elapsed_s is" in text
    broken = apply_thresholds(run(exit_code=ExitCode.DIFFERENCES, verdict="2 differences."), thresholds)
    assert (broken.exit_code, broken.verdict) == (ExitCode.DIFFERENCES, "2 differences.")
    assert broken.thresholds == found.thresholds
    unwritten = not_written(found, OutputError("no space"))
    assert unwritten.exit_code == ExitCode.DIFFERENCES


def test_a_measure_without_value_fails_unless_the_plan_has_nothing_to_measure() -> None:
    nothing_sent = report(
        phases=(phase("transfers", created=0, existing=400, requests=0),), settlement=SettlementReport(0, 0, 0, 0)
    )
    for expression in ("latency_ms_p99 > 200", "transfers.latency_ms_p99 > 200", "steady.movements_per_s < 1"):
        found = judged(expression, nothing_sent)
        assert (found.state, found.value, found.reason) == (ThresholdState.FAILED, None, "nothing was measured")
    for expression, reason in (
        ("settlement_s > 1", "the plan has no deposits"),
        ("follow_ups.failed > 0", "the plan has no follow ups"),
        ("open_loop.dropped > 0", "the run did not use the open model"),
    ):
        found = judged(expression, nothing_sent)
        assert (found.state, found.reason) == (ThresholdState.NOT_APPLICABLE, reason)
    verified = apply_thresholds(report(phases=(phase("verify", 0),)), [parse_threshold("movements_per_s < 400")])
    assert (verified.exit_code, verified.thresholds[0].state) == (ExitCode.DONE, ThresholdState.NOT_APPLICABLE)
    text = render_text(verified, 120)
    assert "not applicable: movements_per_s: a verification creates nothing (fails if < 400)" in text


@pytest.mark.parametrize(
    ("expression", "of_each", "of_both"),
    [
        ("movements > 10000", ExitCode.DONE, ExitCode.THRESHOLD),
        ("movements < 10000", ExitCode.THRESHOLD, ExitCode.DONE),
    ],
)
def test_thresholds_of_merged_slices_are_evaluated_with_the_figures_of_all(
    expression: str, of_each: ExitCode, of_both: ExitCode
) -> None:
    each = apply_thresholds(run(), [parse_threshold(expression)], next_step="Measure again.")
    assert each.exit_code == of_each
    both = merge_reports([each, each])
    assert (both.exit_code, both.thresholds[0].value) == (of_both, 16_000)
    assert both.verdict.startswith("Done: every balance is the planned one.")
    assert ("threshold" in both.verdict) is (of_both == ExitCode.THRESHOLD)


@pytest.mark.parametrize(
    ("value", "limit", "text"),
    [
        (250.0, 200, "250 ms"),
        (200.004, 200, "200.004 ms"),
        (0.99, 1, "0.99 ms"),
        (1234.5678, 200, "1,235 ms"),
        (3.14159, 200, "3.14 ms"),
    ],
)
def test_a_value_is_short_and_never_rounded_to_its_limit(value: float, limit: float, text: str) -> None:
    found = judged("elapsed_s > 1", run())
    assert value_text(dataclasses.replace(found, value=value, limit=limit, unit="ms")) == text
