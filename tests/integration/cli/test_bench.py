"""`midaz-seed bench`: every case of `contention` is proved, variants are interleaved, thresholds judge the medians."""

import io
import json
import os
from collections.abc import Mapping
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any
from unittest import mock

import jsonschema
import pytest

from midaz_seed.bench.report import json_schema, read_bench
from midaz_seed.cli.status_line import StatusLine
from midaz_seed.reporting.report import read_report
from midaz_seed.scenarios.loader import load_scenario
from tests.support.cli import CliResult, run_cli
from tests.support.junit import read_junit

CASES = list(load_scenario("contention").cases)
LARGEST = "legs-500"
SMALL = ("bench", "--scenario", "contention", "--target", "sandbox", "-n", "1", "--warm-up", "0", "--movements", "9")


def _bench(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> tuple[CliResult, dict[str, Any]]:
    result = run_cli("bench", *arguments, "--output", str(folder / "out"), cwd=folder, environment=environment)
    return result, json.loads((folder / "out/bench.json").read_text())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[CliResult, dict[str, Any], Path]:
    """Every case but the largest once, each with few accounts."""
    folder = tmp_path_factory.mktemp("bench")
    cases = [part for case in CASES if case != LARGEST for part in ("--case", case)]
    return (*_bench(folder, *SMALL[1:], "--customers", "101", *cases), folder)


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[CliResult, dict[str, Any], Path]:
    """Two variants of one case, twice each, with a warm-up that sets the size."""
    folder = tmp_path_factory.mktemp("compared")
    arguments = ("--scenario", "contention", "--case", "uniform", "--customers", "20", "--warm-up", "0.1s", "-n", "2")
    variants = ("--variant", "c=2", "--variant", "c=4 transport=session", "--duration", "0.1s")
    thresholds = ("--fail-if", "transfers.movements_per_s < 1000000", "--fail-if", "failed > 0")
    junit, summary = ("--junit", str(folder / "junit.xml")), {"GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
    return (
        *_bench(folder, *arguments, *variants, *thresholds, "--target", "sandbox", *junit, environment=summary),
        folder,
    )


def test_every_case_is_run_by_itself_and_proved(whole: tuple[CliResult, dict[str, Any], Path]) -> None:
    result, document, folder = whole
    assert result.returncode == 0, result.stderr
    runs = document["runs"]
    assert [run["case"] for run in runs] == [case for case in CASES if case != LARGEST]
    assert all(run["proved"] and run["balances_checked"] >= 102 for run in runs)
    assert len({run["run_id"] for run in runs}) == len({run["plan_digest"] for run in runs}) == len(CASES) - 1
    for run in runs:
        report = read_report((folder / "out" / run["report"]).read_bytes())
        assert (report.run_id, report.scenario) == (run["run_id"], f"contention-{run['case']}")
    phases = {run["case"]: {phase["name"]: phase["transactions"] for phase in run["phases"]} for run in runs}
    assert phases["hold-commit"] == {"deposits": 101, "transfers": 9, "follow_ups": 9}
    assert phases["refused-10"] == {"deposits": 101, "transfers": 9, "refusals": 1}
    rates = {result["case"]: {each["name"]: each for each in result["phases"]} for result in document["results"]}
    legs = rates["legs-100"]["transfers"]
    assert legs["movements_per_s"]["median"] == pytest.approx(100 * legs["transactions_per_s"]["median"])
    assert rates["refused-10"]["refusals"]["transactions_per_s"]["median"] > 0


def test_the_largest_case_is_proved(tmp_path: Path) -> None:
    result, document = _bench(tmp_path, *SMALL[1:], "--customers", "501", "--case", LARGEST, "--movements", "2")
    assert result.returncode == 0, result.stderr
    assert document["runs"][0]["proved"]


def test_text_markdown_and_json_have_a_row_for_each_case(whole: tuple[CliResult, dict[str, Any], Path]) -> None:
    result, document, folder = whole
    markdown = (folder / "out/bench.md").read_text()
    for case in document["cases"]:
        assert f"\n{case} " in result.stdout
        assert f"| {case} |" in markdown
    assert "every balance is the planned one after each" in result.stdout
    jsonschema.Draft202012Validator(json_schema()).validate(document)
    assert read_bench((folder / "out/bench.json").read_bytes()).verdict == document["verdict"]


def test_variants_are_interleaved_on_the_same_plan(compared: tuple[CliResult, dict[str, Any], Path]) -> None:
    _, document, folder = compared
    counted = [run for run in document["runs"] if run["repetition"]]
    a, b = "c=2", "c=4 transport=session"
    assert [run["variant"] for run in counted] == [a, b, b, a]
    assert len({run["plan_digest"] for run in counted}) == 1
    assert [run["position"] for run in counted] == [1, 2] * 2
    assert document["runs"][0]["repetition"] == 0, "a warm-up comes first"
    settings = read_report((folder / "out" / counted[1]["report"]).read_bytes()).settings
    limits: Any = settings["generation"]
    assert limits["limits"]["maxConcurrency"] == 4
    assert document["variants"][1]["settings"] == {
        "generation.limits.maxConcurrency": "4",
        "target.transport": "session",
    }
    for each in document["results"]:
        rates = [
            phase["transactions_per_s"]
            for run in counted
            if run["variant"] == each["variant"]
            for phase in run["phases"]
            if phase["name"] == "transfers"
        ]
        shown = next(phase for phase in each["phases"] if phase["name"] == "transfers")["transactions_per_s"]
        middle = pytest.approx(sum(rates) / 2)
        assert (shown["min"], shown["median"], shown["max"]) == (min(rates), middle, max(rates))


def test_each_variant_is_compared_with_the_first_one(compared: tuple[CliResult, dict[str, Any], Path]) -> None:
    result, document, _ = compared
    [found] = document["comparisons"]
    assert (found["case"], found["variant"], found["base"]) == ("uniform", "c=4 transport=session", "c=2")
    assert found["repetitions"] == 2
    [primary] = [row for row in found["rows"] if row["is_primary"]]
    assert (primary["group"], primary["measure"]) == ("transfers", "movements_per_s")
    change = primary["change"]
    assert change["low"] <= change["change"] <= change["high"]
    assert "against c=2, 2 repetitions:\n  transfers.movements_per_s: " in result.stdout


def test_thresholds_judge_the_median_and_end_with_5(compared: tuple[CliResult, dict[str, Any], Path]) -> None:
    result, document, _ = compared
    assert result.returncode == document["exit_code"] == 5
    for each in document["results"]:
        failed, passed = each["thresholds"]
        rates = next(phase for phase in each["phases"] if phase["name"] == "transfers")["movements_per_s"]
        assert (failed["state"], passed["state"]) == ("failed", "passed")
        assert failed["value"] == pytest.approx(rates["median"])
    assert "2 thresholds failed" in document["verdict"]


def test_junit_has_each_case_with_each_variant_and_each_threshold(
    compared: tuple[CliResult, dict[str, Any], Path],
) -> None:
    _, document, folder = compared
    found = read_junit((folder / "junit.xml").read_text())
    names = ["uniform, c=2", "uniform, c=4 transport=session"]
    assert found["bench"] == {document["bench_id"]: "passed"}, "thresholds have test cases of their own"
    assert found["cases"] == dict.fromkeys(names, "passed")
    expressions = ["transfers.movements_per_s < 1000000", "failed > 0"]
    assert list(found["thresholds"]) == [f"{name}: {expression}" for name in names for expression in expressions]
    for name in names:
        failed = found["thresholds"][f"{name}: transfers.movements_per_s < 1000000"]
        assert failed.startswith("failure: transfers.movements_per_s is ")
        assert found["thresholds"][f"{name}: failed > 0"] == "passed"


def test_the_summary_of_a_job_is_the_markdown_of_the_benchmark(
    compared: tuple[CliResult, dict[str, Any], Path],
) -> None:
    _, _, folder = compared
    summary = (folder / "summary.md").read_text()
    assert summary == (folder / "out/bench.md").read_text()
    assert summary.startswith("### midaz-seed bench contention: threshold failed (exit code 5)\n")
    assert "| uniform | c=2 | fail if failed &#62; 0 | 0 | passed |" in summary
    assert "\n#### uniform, c=4 transport=session against c=2, 2 repetitions\n" in summary


def test_two_benchmarks_are_compared_case_by_case(compared: tuple[CliResult, dict[str, Any], Path]) -> None:
    _, document, folder = compared
    thresholds = ("--fail-if", "transfers.movements_per_s < 0.95x")
    same = run_cli("compare", "out", "out/bench.json", *thresholds, cwd=folder)
    assert same.returncode == 0, same.stderr
    assert "\nuniform, c=4 transport=session  transfers.movements_per_s  " in same.stdout
    assert "threshold passed: uniform, c=2: transfers.movements_per_s is 1.000x" in same.stdout
    assert "No difference can be shown in 2 cases." in same.stdout
    rows = json.loads(run_cli("compare", "out", "out", "--json", cwd=folder).stdout)["rows"]
    assert [row["case"] for row in rows if row["is_primary"]] == ["uniform, c=2", "uniform, c=4 transport=session"]
    mixed = run_cli("compare", f"out/{document['runs'][1]['report']}", "out", cwd=folder)
    assert mixed.returncode == 2
    assert "out is a benchmark, and out/runs/" in mixed.stderr
    (folder / "damaged").mkdir()
    (folder / "damaged/bench.json").write_text(json.dumps({**document, "runs": 5}))
    damaged = run_cli("compare", "damaged", "out", cwd=folder)
    assert "not the report of a benchmark: runs: Input should be a valid array\n" in damaged.stderr
    (folder / "damaged/bench.json").write_text(json.dumps(document))
    incomplete = run_cli("compare", "damaged", "out", cwd=folder)
    assert "a run of the benchmark has no report there" in incomplete.stderr
    assert damaged.returncode == incomplete.returncode == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--case", "zip"), "the scenario contention has no case 'zip'; did you mean zipf?"),
        (("--variant", "c"), "must be one or more KEY=VALUE"),
        (("--variant", "concurency=8"), "unknown key 'concurency'; did you mean concurrency?"),
        (("--variant", "c=many"), "generation.limits.maxConcurrency must be a whole number from 1 to 4,096, or auto"),
        (("--variant", "breaker.openX=1"), "breaker.openX"),
        (("--variant", "scenario=demo"), "cannot set scenario: the variants of a benchmark have the same cases"),
        (("--duration", "long"), "'long' is not a time"),
        (("--variant", "c=8", "--variant", "c=8"), "--variant 'c=8' is given twice"),
        (("--run-id", "mine"), "--run-id has no effect on `midaz-seed bench`"),
        (("--set", "verification.enabled=false"), "only runs that are verified count in a benchmark"),
        (("--customers", "90", "--case", "legs-100"), "transactions with 100 legs, and there are 90 customers"),
        (("--output", "/dev/null/x"), "the directory of the benchmark cannot be written"),
    ],
)
def test_what_is_wrong_with_a_benchmark_is_reported_before_anything_is_sent(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    result = run_cli(*SMALL, "--junit", str(tmp_path / "junit.xml"), *arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr
    assert list(read_junit((tmp_path / "junit.xml").read_text())) == ["run"]
    assert [file.name for file in tmp_path.iterdir()] == ["junit.xml"], "no empty directory is left"


def test_a_scenario_without_cases_is_measured_as_it_is(tmp_path: Path) -> None:
    result, document = _bench(
        tmp_path, "-v", "tiny", "-n", "1", "--teardown", "--target", "sandbox", "--json", "--quiet"
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == document
    assert [(run["case"], run["variant"], run["repetition"]) for run in document["runs"]] == [
        ("", "", 0),
        ("", "", 1),
    ]


def test_a_status_line_is_replaced_cut_to_the_terminal_and_removed() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    with mock.patch.dict(os.environ, {"TERM": "xterm", "COLUMNS": "6"}), redirect_stderr(stream):
        line = StatusLine()
        for text in ("zipf: 10 %", "x"):
            line.draw(text)
        line.clear()
        line.clear()
    assert stream.getvalue() == "\rzipf:\rx    \r \r"
