"""`run --resume`, `retry` and `runs` as a user meets them."""

import json
import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import run_cli
from tests.support.sandbox import blocking_sandbox_process
from tools.chaos.processes import COMMAND, UNMEASURED_ENVIRONMENT

PRESET_ARGS = ["--preset", "small", "--accounts", "30", "--transactions", "6"]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A sandbox for all tests; each has a seed or a run id of its own."""
    with blocking_sandbox_process() as url:
        yield url


def _killed(server: str, tmp_path: Path) -> str:
    """Kill a run in the middle; return its id."""
    command = [*COMMAND, "run", *PRESET_ARGS, "-u", server, "-q", "--rate", "200"]
    with subprocess.Popen(command, cwd=tmp_path, env=UNMEASURED_ENVIRONMENT) as process:
        _wait_until_done(tmp_path, 100, process)
        process.kill()
    return str(_listed(tmp_path)[0]["run_id"])


def _listed(cwd: Path) -> list[dict[str, Any]]:
    """The runs, with what a running one has written down so far."""
    runs = json.loads(run_cli("runs", "list", "--json", cwd=cwd).stdout)["runs"]
    assert isinstance(runs, list)
    return runs


def _wait_until_done(cwd: Path, items: int, process: "subprocess.Popen[Any]") -> None:
    """Until so many items of a run are written down as done."""
    while sum(run["done"] for run in _listed(cwd)) < items:
        assert process.poll() is None
        time.sleep(0.1)


def test_a_killed_run_is_listed_shown_and_resumed_by_one_flag(server: str, tmp_path: Path) -> None:
    killed = _killed(server, tmp_path)
    (run,) = _listed(tmp_path)
    assert run["status"] == "cut off"
    assert killed in run_cli("runs", "list", cwd=tmp_path).stdout
    shown = run_cli("runs", "show", killed, cwd=tmp_path).stdout
    assert f"midaz-seed run --resume {killed}" in shown
    assert (run["scenario"], "classic" in shown) == ("classic", True)

    other = run_cli("run", "--resume", killed, "--accounts", "31", cwd=tmp_path)
    assert other.returncode == 2, "other data is refused, with the difference"
    assert "volume.accountsPerLedger 30 -> 31" in other.stderr

    result = run_cli("run", "--resume", "-q", "--concurrency", "4", "--rate", "0", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert f"run {killed}" in result.stdout
    assert "every balance is the planned one" in result.stdout

    again = run_cli("run", "--resume", killed, cwd=tmp_path)
    assert again.returncode == 0
    assert "is finished: nothing was sent" in again.stdout
    assert _listed(tmp_path)[0]["status"] == "finished"
    nothing = run_cli("run", "--resume", cwd=tmp_path)
    assert nothing.returncode == 2
    assert "no unfinished run to resume" in nothing.stderr


def test_an_interrupted_run_ends_with_the_command_that_resumes_it(server: str, tmp_path: Path) -> None:
    command = [*COMMAND, "run", *PRESET_ARGS, "-u", server, "-q", "--rate", "100", "--seed", "2"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=UNMEASURED_ENVIRONMENT, stderr=subprocess.PIPE, text=True
    ) as process:
        _wait_until_done(tmp_path, 1, process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    run_id = _listed(tmp_path)[0]["run_id"]
    assert err.splitlines()[-1].endswith(f"Continue with: midaz-seed run --resume {run_id}")
    assert _listed(tmp_path)[0]["status"] == "unfinished"


def test_a_run_can_be_verified_and_torn_down_by_its_name(server: str, tmp_path: Path) -> None:
    assert run_cli("run", "--preset", "tiny", "-u", server, "-q", "--run-id", "removed", cwd=tmp_path).returncode == 0
    assert run_cli("verify", "removed", "-q", cwd=tmp_path).returncode == 0
    assert run_cli("teardown", "removed", "--yes", cwd=tmp_path).returncode == 0
    assert _listed(tmp_path)[0]["status"] == "removed"
    assert "every balance is the planned one" not in run_cli("runs", "show", "removed", cwd=tmp_path).stdout
    assert run_cli("verify", "removed", "-q", cwd=tmp_path).returncode == 1


def test_a_run_that_had_nothing_refused_has_nothing_to_retry(server: str, tmp_path: Path) -> None:
    assert run_cli("run", "--preset", "tiny", "-u", server, "-q", "--run-id", "whole", cwd=tmp_path).returncode == 0
    result = run_cli("retry", "whole", cwd=tmp_path)
    assert result.returncode == 0
    assert "has no rejected items" in result.stdout


def test_a_run_is_deleted_only_when_asked_for_and_its_data_stays(server: str, tmp_path: Path) -> None:
    assert run_cli("run", "--preset", "tiny", "-u", server, "-q", "--run-id", "deleted", cwd=tmp_path).returncode == 0
    refused = run_cli("runs", "delete", "deleted", cwd=tmp_path)
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert run_cli("runs", "delete", "deleted", "--yes", cwd=tmp_path).returncode == 0
    assert _listed(tmp_path) == []
    assert (
        run_cli("verify", "--preset", "tiny", "-u", server, "--run-id", "deleted", "-q", cwd=tmp_path).returncode == 0
    )


def test_a_run_that_is_not_there_is_named_with_where_to_look(tmp_path: Path) -> None:
    result = run_cli("run", "--resume", "nowhere", cwd=tmp_path)
    assert result.returncode == 2
    assert "unknown run nowhere" in result.stderr
    assert "runs list" in result.stderr


def test_a_sandbox_that_ends_with_the_run_leaves_no_run_behind(tmp_path: Path) -> None:
    assert run_cli("run", "--preset", "tiny", "--target", "sandbox", "-q", cwd=tmp_path).returncode == 0
    assert not (tmp_path / "runs").exists()


def test_the_runs_directory_can_be_named(server: str, tmp_path: Path) -> None:
    kept = tmp_path / "elsewhere"
    assert (
        run_cli(
            "run", "--preset", "tiny", "-u", server, "-q", "--seed", "4", "--runs-dir", str(kept), cwd=tmp_path
        ).returncode
        == 0
    )
    (run,) = json.loads(run_cli("runs", "list", "--runs-dir", str(kept), "--json").stdout)["runs"]
    assert Path(run["directory"]).parent.samefile(kept)


def test_a_full_disk_in_the_middle_of_a_run_stops_it_with_a_message_and_loses_nothing(
    server: str, tmp_path: Path
) -> None:
    def small_disk() -> None:  # run.json, which holds the scenario, fits; the journal does not
        resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))

    command = [*COMMAND, "run", *PRESET_ARGS, "-u", server, "-q", "--seed", "3"]
    run = subprocess.run(
        command,
        cwd=tmp_path,
        env=UNMEASURED_ENVIRONMENT,
        preexec_fn=small_disk,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 1, run.stderr
    assert "Traceback" not in run.stderr
    assert "the journal cannot be written" in " ".join(run.stdout.split())
    assert "free disk space" in run.stderr.lower()
    result = run_cli("run", "--resume", "-q", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "every balance is the planned one" in result.stdout
