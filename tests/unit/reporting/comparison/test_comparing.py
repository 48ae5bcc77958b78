"""The comparison of reports: rows, what is refused, the verdict, thresholds, texts."""

import json
from dataclasses import replace
from typing import Any

import pytest

from midaz_seed.errors import ExitCode, NotComparableError
from midaz_seed.model.thresholds import parse_threshold
from midaz_seed.reporting.comparison.cases import compare_cases
from midaz_seed.reporting.comparison.comparing import Row, compare_reports
from midaz_seed.reporting.comparison.comparison import Comparison, NamedReport, compare
from midaz_seed.reporting.comparison.gates import GateState
from midaz_seed.reporting.comparison.text import render_comparison, render_markdown_comparison
from midaz_seed.reporting.comparison.windows import RunWindows
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.report_figures import Latency, OpenLoopReport, SettlementReport
from tests.support.timed_reports import counts, timed_report

BEFORE = timed_report(counts(20, 500, seed=1), seed=1)
SAME = timed_report(counts(20, 500, seed=2), seed=2)
SLOWER = timed_report(counts(20, 440, seed=3), latency_us=11_400, seed=3)


def compared(a: Report, b: Report, *expressions: str, **options: Any) -> Comparison:
    thresholds = [parse_threshold(text, compares=True) for text in expressions]
    return compare([NamedReport("a.json", a)], [NamedReport("b.json", b)], thresholds=thresholds, **options)


def row(comparison: Comparison, path: str) -> Row:
    return next(each for each in comparison.rows if each.path == path)


def test_the_same_report_twice_shows_no_difference_anywhere() -> None:
    comparison = compared(BEFORE, BEFORE, "transfers.movements_per_s < 1x", "transfers.latency_ms_p99 > 1x")
    assert not any(each.is_shown for each in comparison.rows)
    assert all(each.change.change == each.change.neutral for each in comparison.rows if each.change)
    assert comparison.verdict.startswith("No difference can be shown: transfers.movements_per_s is 1.000x")
    assert comparison.exit_code == ExitCode.DONE


def test_two_runs_alike_show_no_difference_and_say_which_one_would_have_been_found() -> None:
    comparison = compared(BEFORE, SAME)
    assert not any(each.is_shown for each in comparison.rows)
    assert "would be found nine times out of ten" in comparison.verdict


def test_a_slower_run_shows_lower_throughput_and_higher_latency() -> None:
    comparison = compared(BEFORE, SLOWER)
    speed, median = row(comparison, "transfers.movements_per_s"), row(comparison, "transfers.latency_ms_p50")
    assert speed.is_primary
    assert (speed.tone, median.tone) == ("worse", "worse")
    assert speed.change is not None
    assert speed.change.low < 440 / 500 < speed.change.high
    assert median.change is not None
    assert median.change.low < 1.14 < median.change.high
    assert comparison.verdict.startswith("B is worse: transfers.movements_per_s is 0.8")
    assert row(compared(SLOWER, BEFORE), "transfers.movements_per_s").tone == "better"


def test_percentiles_of_the_table_are_those_of_the_reports() -> None:
    comparison = compared(BEFORE, SLOWER)
    p99 = row(comparison, "transfers.latency_ms_p99")
    assert (p99.a, p99.b) == (pytest.approx(25.3, rel=0.1), pytest.approx(28.9, rel=0.1))


def test_a_percentile_with_few_answers_above_it_has_no_interval() -> None:
    comparison = compared(BEFORE, SAME)
    p999 = row(comparison, "transfers.latency_ms_p999")
    assert p999.change is None
    assert "too few answers" in p999.reason


def test_the_partial_windows_at_both_ends_do_not_count_as_noise_and_a_stall_does() -> None:
    per_second = counts(20, 500, seed=1)
    ends = timed_report([3, *per_second, 7])
    assert max(map(abs, RunWindows(ends).noise("transfers", "movements_per_s"))) < 0.2
    assert len(RunWindows(ends).noise("transfers", "movements_per_s")) == 20
    stalled = timed_report([*per_second[:10], 0, *per_second[10:]])
    assert min(RunWindows(stalled).noise("transfers", "movements_per_s")) == -1


def test_short_runs_have_no_interval_and_the_verdict_says_what_to_do() -> None:
    comparison = compared(timed_report(counts(8, 500)), timed_report(counts(8, 400)))
    assert comparison.rows[0].change is None
    assert "fewer than 8 complete windows" in comparison.verdict
    assert comparison.next_step == "Compare longer runs (--duration), or several on each side."


def test_noisy_runs_name_the_length_that_would_be_enough() -> None:
    noisy = [timed_report(counts(20, 500, noise=0.25, seed=seed), seed=seed) for seed in (1, 2)]
    comparison = compared(*noisy)
    assert comparison.next_step.startswith("To find a slow-down of 10 %, compare runs of about ")


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("plan", {"plan_digest": "cd" * 32}),
        ("version", {"version": "0.2.0"}),
        ("server-version", {"server_version": "v4.0.0"}),
        ("batch-size", {"settings": {"generation": {"batches": {"transactionsPerBatch": 19}}}}),
        ("model", {"open_loop": OpenLoopReport(100.0, 10, 9, 8, 1, Latency(1, 2, 3, 4, 5))}),
        ("incomplete", {"exit_code": ExitCode.DIFFERENCES}),
    ],
)
def test_runs_that_differ_in_what_they_did_are_refused_until_it_is_allowed(name: str, changes: dict[str, Any]) -> None:
    other = replace(SAME, **changes)
    with pytest.raises(NotComparableError) as refused:
        compared(BEFORE, other)
    assert f"{name}: A has " in refused.value.message
    assert refused.value.hint.endswith(f"--allow {name}")
    assert refused.value.exit_code == ExitCode.USAGE
    assert [each.name for each in compared(BEFORE, other, allowed=[name]).allowed] == [name]


def test_every_difference_is_named_at_once_and_the_hint_allows_all() -> None:
    with pytest.raises(NotComparableError) as refused:
        compared(BEFORE, replace(SAME, plan_digest="cd" * 32, version="0.2.0"))
    assert refused.value.hint.endswith("--allow plan,version")


def test_a_setting_that_differs_is_a_variant_and_is_listed() -> None:
    a, b = (
        replace(each, settings={"runId": each.run_id, "generation": {"limits": {"maxConcurrency": size}}})
        for each, size in ((BEFORE, 8), (SAME, 16))
    )
    (setting,) = compared(a, b).settings
    assert (setting.name, setting.a, setting.b) == ("generation.limits.maxConcurrency", "8", "16")


@pytest.mark.parametrize(
    ("b", "expression", "state"),
    [
        (SLOWER, "transfers.movements_per_s < 0.95x", GateState.FAILED),
        (SLOWER, "transfers.movements_per_s < 0.8x", GateState.PASSED),
        (SAME, "transfers.movements_per_s < 0.95x", GateState.PASSED),
        (SAME, "transfers.movements_per_s < 1.1x", GateState.FAILED),  # an improvement is demanded
        (SLOWER, "transfers.latency_ms_p50 > 1.05x", GateState.FAILED),
        (SLOWER, "transfers.latency_ms_p50 > 10ms", GateState.FAILED),
        (SLOWER, "transfers.latency_ms_p50 > 1s", GateState.PASSED),
        (SAME, "deposits.movements_per_s < 0.5x", GateState.FAILED),  # not measured
        (SAME, "error_percent > 1x", GateState.PASSED),
    ],
)
def test_thresholds_fail_when_they_are_exceeded_and_not_by_chance(b: Report, expression: str, state: GateState) -> None:
    comparison = compared(BEFORE, b, expression)
    assert comparison.thresholds[0].state is state
    assert comparison.exit_code == (ExitCode.THRESHOLD if state is GateState.FAILED else ExitCode.DONE)


def test_what_the_noise_explains_is_undecided_and_fails_only_when_strict() -> None:
    noisy = timed_report(counts(20, 500, noise=0.4, seed=1)), timed_report(counts(20, 430, noise=0.4, seed=5))
    expression = "transfers.movements_per_s < 0.95x"
    relaxed, strict = compared(*noisy, expression), compared(*noisy, expression, strict=True)
    assert relaxed.thresholds[0].state is strict.thresholds[0].state is GateState.UNDECIDED
    assert (relaxed.exit_code, strict.exit_code) == (ExitCode.DONE, ExitCode.THRESHOLD)


def test_a_measure_with_one_value_for_each_run_is_judged_without_confidence_and_says_so() -> None:
    slow = replace(SAME, settlement=SettlementReport(4, 2.5, 4.0, 9))
    comparison = compared(BEFORE, slow, "settlement_s > 2x")
    assert comparison.thresholds[0].state is GateState.FAILED
    assert comparison.thresholds[0].reason == "judged without confidence: one value for each run"


def test_several_runs_give_an_interval_to_what_has_one_value_for_each() -> None:
    a, b = (
        [replace(each, settlement=SettlementReport(4, base + step / 50, 4.0, 9)) for step, each in enumerate(sides)]
        for base, sides in ((0.5, (BEFORE, SAME, BEFORE)), (1.0, (SLOWER, SLOWER, SLOWER)))
    )
    found = next(each for each in compare_reports(a, b) if each.path == "settlement_s")
    assert found.change is not None
    assert found.change.unit == "runs"
    assert found.tone == "worse"


def test_in_the_open_model_the_verdict_is_about_latency() -> None:
    slots = OpenLoopReport(500.0, 10, 9, 8, 1, Latency(1, 2, 3, 4, 5))
    rows = compare_reports([replace(BEFORE, open_loop=slots)], [replace(SAME, open_loop=slots)])
    assert rows[0].path == "transfers.latency_ms_p99"


def test_text_markdown_and_json_have_figures_interval_verdict_and_threshold() -> None:
    comparison = compared(BEFORE, SLOWER, "transfers.movements_per_s < 0.95x")
    text, markdown = render_comparison(comparison, 100), render_markdown_comparison(comparison)
    document = json.loads(comparison.as_json())
    assert max(map(len, text.splitlines())) <= 100
    assert "threshold failed: transfers.movements_per_s is 0.8" in text
    assert "One run on each side" in text
    assert markdown.startswith("### midaz-seed compare: threshold failed\n")
    assert "| figure | A | B | B / A | 95 % interval | difference |" in markdown
    assert document["rows"][0]["change"]["low"] == comparison.rows[0].change.low  # type: ignore[union-attr]
    assert document["thresholds"][0]["state"] == "failed"
    assert document["exit_code"] == 5


def test_a_table_that_is_too_wide_for_the_terminal_has_the_ratios_alone() -> None:
    comparison = compared(BEFORE, SLOWER)
    wide, narrow = (render_comparison(comparison, width).splitlines() for width in (110, 80))
    head = next(line for line in wide if line.startswith("figure "))
    assert head.split() == ["figure", "A", "B", "B", "/", "A", "95", "%", "interval", "difference"]
    assert next(line for line in narrow if line.startswith("figure ")).split() == [*head.split()[:1], *head.split()[3:]]
    assert max(map(len, narrow)) <= 80


def test_benchmarks_are_compared_case_by_case_and_a_case_of_one_alone_is_named() -> None:
    a, b = (
        {case: [NamedReport(f"{case}.json", report)] for case, report in each.items()}
        for each in ({"even": BEFORE, "hot": BEFORE, "old": BEFORE}, {"even": SAME, "hot": SLOWER, "new": SAME})
    )
    comparison = compare_cases(a, b, thresholds=[parse_threshold("movements_per_s < 0.95x", compares=True)])
    assert [(row.case, row.tone) for row in comparison.rows if row.is_primary] == [("even", ""), ("hot", "worse")]
    assert comparison.verdict.startswith("B is worse in 1 of 2 cases (hot 0.8")
    assert comparison.verdict.endswith("1 of 2 thresholds failed: hot: movements_per_s < 0.95x.")
    assert comparison.exit_code == ExitCode.THRESHOLD
    assert "Only in A, so not compared: old." in comparison.notes
    text, markdown = render_comparison(comparison, 100), render_markdown_comparison(comparison)
    assert "\nhot   transfers.movements_per_s" in text
    assert "| case | figure | A | B | B / A | 95 % interval | difference |" in markdown
    assert "| hot&#58; movements&#95;per&#95;s &#60; 0.95x | failed |" in markdown
    with pytest.raises(NotComparableError, match="no case is in both benchmarks: A has even, and B has new"):
        compare_cases({"even": a["even"]}, {"new": b["new"]})


def test_names_of_files_are_no_markup() -> None:
    comparison = compare([NamedReport("<b>@all\x1b[2J", BEFORE)], [NamedReport("b.json", SAME)])
    markdown, text = render_markdown_comparison(comparison), render_comparison(comparison)
    assert "<b>" not in markdown
    assert "@all" not in markdown
    assert "\x1b" not in text + markdown
