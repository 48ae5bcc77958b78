"""`midaz-seed compare`: two real runs of the sandbox, and everything that it refuses."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.support.cli import CliResult, run_cli

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with reports of three runs: two of the same plan, one of another."""
    folder = tmp_path_factory.mktemp("compared")
    (folder / "before").mkdir()
    for name, arguments in (
        ("before/1.json", ("--seed", "7", "-c", "4")),
        ("after.json", ("--seed", "7", "-c", "8")),
        ("other.json", ("--seed", "8", "-c", "4")),
    ):
        result = run_cli("run", "-v", "tiny", "--target", "sandbox", *arguments, "--report", name, "-q", cwd=folder)
        assert result.returncode == 0, result.stderr
    return folder


def compare(folder: Path, *arguments: str) -> CliResult:
    return run_cli("compare", *arguments, cwd=folder)


def test_two_runs_are_compared_as_text_json_and_markdown_with_the_setting_that_differs(folder: Path) -> None:
    text = compare(folder, "before/1.json", "after.json")
    assert (text.returncode, text.stderr) == (0, "")
    assert "setting generation.limits.maxConcurrency: 4 -> 8" in text.stdout
    assert "has no confidence interval" in text.stdout, "runs of a second have no interval"
    document = json.loads(compare(folder, "before", "after.json", "--json").stdout)
    assert document["a"][0]["source"] == "before/1.json"
    assert document["rows"][0]["measure"] == "movements_per_s"
    assert compare(folder, "before/1.json", "after.json", "--markdown").stdout.startswith("### midaz-seed compare: ")
    assert compare(folder, "before/1.json", "after.json").stdout == text.stdout, "the same files give the same text"


def test_several_runs_on_a_side_are_the_unit_and_pairs_need_as_many_on_both(folder: Path) -> None:
    both = "before/1.json,after.json"
    document = json.loads(
        compare(folder, both, both, "--json", "--fail-if", "transfers.movements_per_s < 0.99x").stdout
    )
    assert document["rows"][0]["change"]["unit"] == "runs"
    assert (document["rows"][0]["change"]["change"], document["exit_code"]) == (1, 0)
    refused = compare(folder, both, "after.json", "--paired")
    assert refused.returncode == 2
    assert "--paired needs as many runs of A as of B, and there are 2 and 1" in refused.stderr


def test_another_plan_is_refused_until_it_is_allowed(folder: Path) -> None:
    refused = compare(folder, "before/1.json", "other.json")
    assert refused.returncode == 2
    assert "the runs are not comparable: plan: A has " in refused.stderr
    assert "--allow plan" in refused.stderr
    allowed = compare(folder, "before/1.json", "other.json", "--allow", "plan,version")
    assert allowed.returncode == 0, allowed.stderr
    assert "differs, as --allow permits: plan: " in allowed.stdout


def test_a_threshold_that_fails_gives_exit_code_5(folder: Path) -> None:
    arguments = ("--fail-if", "transfers.latency_ms_max < 1000x", "--fail-if", "transfers.latency_ms_max > 1000x")
    failed = compare(folder, "before/1.json", "after.json", *arguments)
    assert failed.returncode == 5
    assert re.search(r"^threshold failed: transfers.latency_ms_max is \S+x \(fails if < 1000x", failed.stdout, re.M)
    assert re.search(r"^threshold passed: transfers.latency_ms_max is \S+x \(fails if > 1000x", failed.stdout, re.M)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("before/1.json", "none.json"), "no such file"),
        (("before/1.json", "none"), "shows all runs; a report that --report wrote is named by its file"),
        (("before/1.json", "after.json", "--allow", "plans"), "'plans' is none of plan, version"),
        (("before/1.json", "after.json", "--fail-if", "transfers.movement_per_s < 0.9x"), "did you mean"),
        (("before/1.json", "after.json", "--fail-if", "movements_per_s == 1x"), "must use <, <=, > or >="),
        (("before/1.json", "after.json", "--json", "--markdown"), "both print on stdout"),
        (("before/1.json", "bad.json"), "not a report of midaz-seed"),
        (
            ("before/1.json", "damaged.json"),
            "not a report of midaz-seed: time_series has the unknown phase 'elsewhere'",
        ),
        (("before/1.json", ","), "no report is named"),
        (("before/1.json", "empty"), "no report in this directory"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_what_to_do(
    folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    (folder / "bad.json").write_text('{"schema_version": 1}')
    (folder / "empty").mkdir(exist_ok=True)
    whole = (folder / "after.json").read_text()
    (folder / "damaged.json").write_text(whole.replace('"phase":"transfers","first"', '"phase":"elsewhere","first"'))
    refused = compare(folder, *arguments)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert "figure" not in refused.stdout


def test_the_commands_of_the_documentation_work(folder: Path) -> None:
    reports = [folder / "before" / "1.json", folder / "after.json"]
    here = folder / "documented"
    for side, file in (("before", reports[0]), ("after", reports[1])):
        (here / side).mkdir(parents=True)
        for copy in (f"{side}/1.json", f"{side}.json", *(f"{side[0]}{number}.json" for number in (1, 2, 3))):
            shutil.copy(file, here / copy)
    for number in (1, 2, 3):
        shutil.copy(reports[1], here / f"b{number}.json")
        shutil.copy(reports[0], here / f"a{number}.json")
    text = (ROOT / "docs" / "compare.md").read_text(encoding="utf-8") + (
        compare_help := run_cli("compare", "-h").stdout
    )
    assert "midaz-seed compare before.json after.json" in compare_help
    commands = set(re.findall(r"^ *(midaz-seed compare .*\.json\b.*|midaz-seed compare before/.*)$", text, re.M))
    assert len(commands) > 4
    for command in commands - {line for line in commands if line.endswith("\\")}:
        result = compare(here, *shlex.split(command)[2:])
        assert result.returncode in (0, 5), command + result.stderr


def test_a_run_refuses_thresholds_that_need_another_run(tmp_path: Path) -> None:
    arguments = ("run", "-v", "tiny", "--target", "sandbox", "--fail-if", "transfers.movements_per_s < 0.95x")
    refused = run_cli(*arguments, cwd=tmp_path)
    assert refused.returncode == 2
    assert "compares two runs: use it with midaz-seed compare" in refused.stderr
