"""What a command leaves for a pipeline: thresholds and their exit code, JUnit, metrics, page, summary, documents."""

import html
import json
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from prometheus_client.parser import text_string_to_metric_families

from midaz_seed.errors import ExitCode
from tests.support.cli import CliResult, run_cli
from tests.support.junit import read_junit
from tests.support.sandbox import blocking_sandbox_process
from tools.chaos.processes import COMMAND, UNMEASURED_ENVIRONMENT

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/report.schema.json").read_text())
NOWHERE = ("-u", "http://127.0.0.1:9")
TINY = ("--preset", "tiny", "-q")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with blocking_sandbox_process() as url:
        yield url


@dataclass(frozen=True)
class Left:
    """What a command left in a directory."""

    result: CliResult
    report: dict[str, Any]
    junit: dict[str, dict[str, str]]
    summary: str
    directory: Path


def call(directory: Path, *arguments: str, **environment: str) -> Left:
    """Run a command with every output. Its report is valid, and all outputs agree with its exit code."""
    for name in ("report.json", "junit.xml", "page.html"):
        (directory / name).write_text("of an earlier run")
    summary = directory / "summary.md"
    summary.write_text("")
    outputs = (("--report", "report.json"), ("--junit", "junit.xml"), ("--html", "page.html"))
    files = (*(str(part) for flag, name in outputs for part in (flag, directory / name)), "--json")
    environment = {"GITHUB_STEP_SUMMARY": str(summary), **environment}
    result = run_cli(*arguments, *files, cwd=directory, environment=environment)
    report = json.loads((directory / "report.json").read_text())
    assert json.loads(result.stdout) == report
    jsonschema.validate(report, SCHEMA)
    assert report["exit_code"] == result.returncode
    assert report["verdict"][:30] in html.unescape((directory / "page.html").read_text())
    junit = read_junit((directory / "junit.xml").read_text())
    endings = [ending for suite in junit.values() for ending in suite.values()]
    assert any(ending.startswith(("failure", "error")) for ending in endings) is (result.returncode != 0)
    assert f"(exit code {result.returncode})" in summary.read_text()
    return Left(result, report, junit, summary.read_text(), directory)


@pytest.fixture(scope="module")
def failed_threshold(server: str, tmp_path_factory: pytest.TempPathFactory) -> Left:
    """A run in which one of its thresholds failed."""
    directory = tmp_path_factory.mktemp("thresholds")
    expressions = ("--fail-if", "latency_ms_p99 > 0.001ms", "--fail-if", "transfers.failed>0", "--thresholds", "plan")
    return call(directory, "run", *TINY, "-u", server, "--run-id", "slow", *expressions)


def test_a_failed_threshold_ends_a_verified_run_with_5_and_every_output_says_both(failed_threshold: Left) -> None:
    left = failed_threshold
    assert left.result.returncode == ExitCode.THRESHOLD
    assert left.report["proof"]["ok"]
    states = {each["expression"]: each["state"] for each in left.report["thresholds"]}
    assert states == {
        "error_percent >= 1": "passed",
        "plan_done_percent < 99": "passed",
        "elapsed_s >= 30s": "passed",
        "latency_ms_p99 > 0.001ms": "failed",
        "transfers.failed > 0": "passed",
    }
    verdict = "Done: every balance is the planned one. But 1 of 5 thresholds failed: latency_ms_p99 is "
    assert left.report["verdict"].startswith(verdict)
    assert verdict in left.result.stderr
    assert "use another --run-id" in left.report["next_step"]
    assert left.junit["run"] == {"slow": "passed"}
    assert left.junit["thresholds"]["latency_ms_p99 > 0.001ms"].endswith("(fails if > 0.001ms)")
    assert left.junit["thresholds"]["elapsed_s >= 30s"] == "passed"
    assert left.junit["ledgers"] == {"o1.l1 Principal": "passed"}
    assert left.summary.startswith("### midaz-seed slow: threshold failed (exit code 5)")
    assert "fail if transfers.failed &#62; 0 | 0 | passed" in left.summary


def test_an_unknown_measure_names_the_nearest_and_where_the_others_are(tmp_path: Path) -> None:
    result = run_cli("run", "--target", "sandbox", "--fail-if", "latncy_ms_p99 > 1", cwd=tmp_path)
    assert result.returncode == ExitCode.USAGE
    assert "unknown measure latncy_ms_p99; did you mean latency_ms_p99?" in result.stderr
    assert "hint: docs/thresholds.md has every measure with its unit" in result.stderr


def test_a_run_with_a_failed_threshold_is_finished_and_its_directory_has_every_output(failed_threshold: Left) -> None:
    (run,) = (failed_threshold.directory / "runs").iterdir()
    record = json.loads((run / "run.json").read_text())
    assert (record["status"], record["exit_code"]) == ("finished", ExitCode.THRESHOLD)
    assert record["verdict"] == failed_threshold.report["verdict"]
    stored = json.loads((run / "report.json").read_text())
    assert stored == failed_threshold.report
    assert read_junit((run / "junit.xml").read_text()) == failed_threshold.junit
    metrics = list(text_string_to_metric_families((run / "metrics.prom").read_text()))
    codes = [sample.value for family in metrics for sample in family.samples if "exit_code" in sample.name]
    assert codes == [ExitCode.THRESHOLD]
    page = (run / "report.html").read_text()
    assert "latency_ms_p99" in page
    assert 'href="junit.xml"' in page
    assert {path.stat().st_mode & 0o077 for path in run.iterdir()} == {0}
    resumed = run_cli("run", "--resume", "slow", cwd=failed_threshold.directory)
    assert resumed.returncode == 0
    assert "is finished: nothing was sent" in resumed.stdout


def test_the_settings_of_thresholds_have_layers_and_a_verification_leaves_out_what_it_cannot_measure(
    server: str, tmp_path: Path
) -> None:
    assert run_cli("run", *TINY, "-u", server, cwd=tmp_path).returncode == 0
    (tmp_path / "midaz-seed.yaml").write_text(
        "thresholds:\n  failIf:\n    - movements_per_s < 400\n    - elapsed_s > 0s\n"
    )
    by_file = call(tmp_path, "verify", *TINY, "-u", server)
    states = [each["state"] for each in by_file.report["thresholds"]]
    assert (by_file.result.returncode, states) == (ExitCode.THRESHOLD, ["not applicable", "failed"])
    assert by_file.junit["thresholds"]["movements_per_s < 400"] == "skipped: a verification creates nothing"
    variable = {"MIDAZ_SEED_THRESHOLDS__FAIL_IF": "elapsed_s > 10m, verify.latency_ms_p99 > 1m"}
    by_variable = call(tmp_path, "verify", *TINY, "-u", server, **variable)
    assert [each["state"] for each in by_variable.report["thresholds"]] == ["passed", "passed"]
    refused = call(tmp_path, "verify", *TINY, "-u", server, "--fail-if", "movements_per_s < 400")
    assert refused.report["error"]["message"].startswith("--fail-if 'movements_per_s < 400' has no effect")


def test_differences_are_in_every_output(server: str, tmp_path: Path) -> None:
    left = call(tmp_path, "verify", *TINY, "-u", server, "--run-id", "another", "--fail-if", "elapsed_s > 0")
    assert left.result.returncode == ExitCode.DIFFERENCES
    assert left.report["thresholds"][0]["state"] == "failed"
    assert "threshold" not in left.report["verdict"]
    assert "#### 1 difference from the plan" in left.summary
    assert left.junit["ledgers"]["o1"] == "failure: 1 difference from the plan"


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (("run", *TINY, *NOWHERE), "UnreachableError", "127.0.0.1:9"),
        (("verify", *TINY, *NOWHERE), "UnreachableError", "127.0.0.1:9"),
        (("run", *TINY, *NOWHERE, "--fail-if", "latency > 3"), "ConfigurationError", "did you mean latency_ms_"),
        (("run", *TINY, *NOWHERE, "--thresholds", "plam"), "ConfigurationError", "did you mean plan?"),
        (("retry", "nowhere"), "RunError", "unknown run nowhere"),
        (("run", "--nonsense"), "NoSuchOption", "unknown option --nonsense"),
    ],
)
def test_a_command_without_a_report_leaves_every_output(
    arguments: tuple[str, ...], kind: str, message: str, tmp_path: Path
) -> None:
    left = call(tmp_path, *arguments)
    assert left.report["error"]["kind"] == kind
    assert message in left.report["verdict"]
    assert left.report["error"]["hint"]
    assert left.junit == {"run": {arguments[0]: f"error: {left.report['verdict']}"}}


def test_a_threshold_in_a_file_is_refused_with_its_line_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "midaz-seed.yaml").write_text("thresholds:\n  failIf:\n    - elapsed_s > 3\n    - elapsd_s > 3\n")
    left = call(tmp_path, "run", *TINY, *NOWHERE)
    assert left.result.returncode == ExitCode.USAGE
    assert left.report["error"]["where"] == "midaz-seed.yaml:4"
    assert "did you mean elapsed_s?" in left.report["verdict"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", *TINY[:2], "--seed", "x"),
        ("doctor", "http://127.0.0.1:9", "--fail-if", "elapsed_s > 3"),
        ("teardown", *TINY[:2], *NOWHERE, "--yes"),
        ("teardown", *TINY[:2], *NOWHERE),
    ],
)
def test_other_commands_print_the_document_of_their_error(arguments: tuple[str, ...], tmp_path: Path) -> None:
    result = run_cli(*arguments, "--json", cwd=tmp_path)
    jsonschema.validate(json.loads(result.stdout), SCHEMA)
    assert json.loads(result.stdout)["exit_code"] == result.returncode != 0


def test_a_signal_leaves_a_report_and_junit_that_say_so(server: str, tmp_path: Path) -> None:
    arguments = ("run", "--preset", "small", "-u", server, "--rate", "200", "--run-id", "cut", "--fail-if", "failed>9")
    files = ("--report", str(tmp_path / "report.json"), "--junit", str(tmp_path / "junit.xml"))
    with subprocess.Popen(
        [*COMMAND, *arguments, *files], cwd=tmp_path, env=UNMEASURED_ENVIRONMENT, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        process.stderr.readline()
        working = read_junit((tmp_path / "junit.xml").read_text())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert working == {"run": {"run": "error: The command has not ended: it is working, or it was killed."}}
    report = json.loads((tmp_path / "report.json").read_text())
    jsonschema.validate(report, SCHEMA)
    assert process.returncode == report["exit_code"] == ExitCode.INTERRUPTED
    junit = read_junit((tmp_path / "junit.xml").read_text())
    assert list(junit["run"].values()) == [f"error: {report['verdict']}"]


def test_a_file_that_cannot_be_written_does_not_take_away_the_others(server: str, tmp_path: Path) -> None:
    assert run_cli("run", *TINY, "-u", server, "--run-id", "full", cwd=tmp_path).returncode == 0
    (run,) = (tmp_path / "runs").iterdir()
    for name in ("report.json", "junit.xml", "metrics.prom"):
        (run / name).unlink()
    (run / "junit.xml").mkdir()  # where a file cannot be written
    done = run_cli("run", *TINY, "-u", server, "--run-id", "full", "--junit", "/dev/full", cwd=tmp_path)
    assert done.returncode == ExitCode.DIFFERENCES
    assert "The result was not written: /dev/full: the JUnit file cannot be written: No space left" in done.stderr
    assert "junit.xml: the junit.xml cannot be written: Is a directory: its directory is out of date." in done.stderr
    assert "every balance is the planned one" in done.stdout
    assert (run / "report.json").exists()
    assert (run / "metrics.prom").exists()
    refused = run_cli("run", *TINY, "-u", server, "--junit", str(tmp_path / "no/junit.xml"), cwd=tmp_path)
    assert refused.returncode == ExitCode.USAGE
    lost = run_cli("verify", *TINY, "-u", server, cwd=tmp_path, environment={"GITHUB_STEP_SUMMARY": str(tmp_path)})
    assert lost.returncode == 0
    assert "WARNING: the summary of the job cannot be written" in lost.stderr
