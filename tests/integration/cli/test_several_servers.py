"""One folder, several servers: each has a run of its own, and every command picks the right one."""

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from midaz_seed.runs.identity import directory_name, server_key
from tests.support.cli import CliResult, run_cli
from tests.support.kills import run_until_killed
from tests.support.sandbox import blocking_sandbox_process
from tests.support.settings import settings_for

pytestmark = pytest.mark.slow

PLAN = ("--preset", "tiny")
SHORT_PAUSES = {"MIDAZ_SEED_SETTLEMENT__INITIAL_DELAY_S": "0.01", "MIDAZ_SEED_SETTLEMENT__MAX_DELAY_S": "0.05"}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """A v3.8, a v3.3 and a v4."""
    with ExitStack() as stack:
        start = (["--dialect", "v3.8"], ["--dialect", "v3.3", "--one-port"], ["--dialect", "v4"])
        yield [stack.enter_context(blocking_sandbox_process(*each)) for each in start]


def call(cwd: Path, *arguments: str, code: int = 0) -> CliResult:
    done = run_cli(*arguments, cwd=cwd, environment=SHORT_PAUSES)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def listed(cwd: Path) -> list[dict[str, Any]]:
    runs = json.loads(call(cwd, "runs", "list", "--json").stdout)["runs"]
    assert isinstance(runs, list)
    return runs


def cut_off(url: str, run_id: str, runs: Path) -> None:
    """Leave a run that was killed after its third request."""
    asyncio.run(run_until_killed(settings_for(url, runs=runs, runId=run_id), 3, reaches=True))


def contents(folder: Path) -> dict[Path, tuple[bytes, int]]:
    """The bytes of every file below a folder but the locks, and when they were written."""
    files = (file for file in folder.rglob("*") if file.is_file() and file.name != "lock")
    return {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in files}


def test_one_preset_against_three_servers_gives_three_runs(servers: list[str], tmp_path: Path) -> None:
    """6: each is found again by its target, and by its name where the run id is ambiguous."""
    for url in servers:
        call(tmp_path, "run", *PLAN, "-u", url, "-q")
    runs = listed(tmp_path)
    assert [run["target"] for run in runs] == servers
    assert len({run["run_id"] for run in runs}) == 1
    assert {run["status"] for run in runs} == {"finished"}

    for url in servers:
        again = json.loads(call(tmp_path, "run", *PLAN, "-u", url, "-q", "--json").stdout)
        assert sum(phase["created"] for phase in again["phases"]) == 0
    assert len(listed(tmp_path)) == 3

    run_id, names = str(runs[0]["run_id"]), [str(run["name"]) for run in runs]
    for arguments in (("runs", "show"), ("verify", "-q"), ("run", "--resume"), ("retry",), ("teardown", "--dry-run")):
        refused = call(tmp_path, *arguments, run_id, code=2)
        assert f"3 runs have the id {run_id}" in refused.stderr
        assert all(f"{name}  finished  {url}" in refused.stderr for name, url in zip(names, servers, strict=True))
    for name, url in zip(names, servers, strict=True):
        assert name in call(tmp_path, "runs", "list").stdout
        assert url in call(tmp_path, "runs", "show", name).stdout
        assert f"target {url}" in call(tmp_path, "verify", name, "-q").stdout
        assert "is finished: nothing was sent" in call(tmp_path, "run", "--resume", name).stdout
        assert "no rejected items" in call(tmp_path, "retry", name).stdout

    call(tmp_path, "teardown", names[1], "--yes")
    assert {run["name"]: run["status"] for run in listed(tmp_path)} == {
        names[0]: "finished",
        names[1]: "removed",
        names[2]: "finished",
    }
    call(tmp_path, "teardown", *PLAN, "-u", servers[2], "--yes")
    call(tmp_path, "verify", *PLAN, "-u", servers[0], "-q")
    call(tmp_path, "runs", "delete", names[2], "--yes")
    call(tmp_path, "runs", "delete", names[1], "--yes")
    assert [run["name"] for run in listed(tmp_path)] == [run_id]
    assert call(tmp_path, "runs", "show", run_id).stdout.startswith(f"run {run_id}")
    call(tmp_path, "teardown", run_id, "--yes")


def test_a_refused_run_changes_nothing_on_disk(servers: list[str], tmp_path: Path) -> None:
    """6: another plan under the same id, another server by name, a server that is away."""
    cut_off(servers[0], "mine", tmp_path / "runs")
    before = contents(tmp_path)
    assert listed(tmp_path)[0]["status"] == "cut off"
    call(tmp_path, "run", *PLAN, "-u", servers[0], "-q", "--run-id", "mine", "--seed", "9", code=2)
    call(tmp_path, "run", "--resume", "mine", "-u", "http://127.0.0.1:9", "-q", "--attempts", "1", code=3)
    call(tmp_path, "run", "--resume", "mine", "--preset", "small", code=2)
    call(tmp_path, "run", "--resume", "mine", "--run-id", "other", code=2)
    call(tmp_path, "run", "--resume", "mine", "--config", "other.yaml", code=2)
    call(tmp_path, "run", "--resume", "mine", "--no-journal", code=2)
    assert contents(tmp_path) == before
    call(tmp_path, "run", "--resume", "mine", "-q")
    before = contents(tmp_path)
    call(tmp_path, "run", *PLAN, "-u", "http://127.0.0.1:9", "-q", "--run-id", "mine", "--attempts", "1", code=3)
    assert contents(tmp_path) == before
    assert [run["name"] for run in listed(tmp_path)] == ["mine"]
    call(tmp_path, "teardown", "mine", "--yes")


def test_a_directory_of_an_earlier_version_is_found(servers: list[str], tmp_path: Path) -> None:
    """6: it has the run id alone as its name, and its record has the target."""
    call(tmp_path, "run", *PLAN, "-u", servers[0], "-q", "--run-id", "old")
    (directory,) = (tmp_path / "runs").iterdir()
    directory.rename(tmp_path / "runs" / "old")
    call(tmp_path, "run", *PLAN, "-u", servers[0], "-q", "--run-id", "old")
    assert [run["directory"] for run in listed(tmp_path)] == ["runs/old"]
    assert "is finished" in call(tmp_path, "run", "--resume", "old").stdout

    call(tmp_path, "run", *PLAN, "-u", servers[1], "-q", "--run-id", "old")
    refused = call(tmp_path, "runs", "show", "old", code=2)
    assert f"runs/old  finished  {servers[0]}" in refused.stderr
    assert servers[0] in call(tmp_path, "runs", "show", "runs/old").stdout
    call(tmp_path, "teardown", "runs/old", "--yes")
    call(tmp_path, "teardown", *PLAN, "--run-id", "old", "-u", servers[1], "--yes")
    assert {run["status"] for run in listed(tmp_path)} == {"removed"}


def test_localhost_is_the_same_server_and_the_same_run(servers: list[str], tmp_path: Path) -> None:
    """6: two names of one server."""
    call(tmp_path, "run", *PLAN, "-u", servers[0], "-q", "--run-id", "names")
    call(tmp_path, "run", *PLAN, "-u", servers[0].replace("127.0.0.1", "LOCALHOST") + "/", "-q", "--run-id", "names")
    assert len(listed(tmp_path)) == 1
    call(tmp_path, "teardown", "names", "--yes")


def test_a_run_is_resumed_under_another_name_of_its_server(servers: list[str], tmp_path: Path) -> None:
    """6: by naming it; the journal shows that the server is the same."""
    port = servers[0].rpartition(":")[2]
    cut_off(servers[0], "moved", tmp_path / "runs")
    call(tmp_path, "run", "--resume", "moved", "-u", f"http://127.1:{port}", "--allow-host", "127.1", "-q")
    (run,) = listed(tmp_path)
    assert (run["status"], run["target"]) == ("finished", f"http://127.1:{port}")
    call(tmp_path, "teardown", "moved", "--yes", "--allow-host", "127.1")


def test_each_data_file_of_the_sandbox_has_a_run_of_its_own(tmp_path: Path) -> None:
    """6: the sandbox has another port each time, so its data file is what makes it the same."""
    for name in ("a.sqlite", "b.sqlite", "a.sqlite"):
        call(tmp_path, "run", *PLAN, "--target", "sandbox", "--sandbox-data", name, "-q")
    assert sorted(Path(run["directory"]).name.partition("_")[2] for run in listed(tmp_path)) == [
        "sandbox_a.sqlite",
        "sandbox_b.sqlite",
    ]


def test_the_runs_elsewhere_are_named_with_their_folder(servers: list[str], tmp_path: Path) -> None:
    """6 P13: the command that is named as the next step works as it is printed."""
    cut_off(servers[0], "there", tmp_path / "my runs")
    shown = call(tmp_path, "runs", "show", "there", "--runs-dir", "my runs").stdout
    assert "midaz-seed run --resume there --runs-dir 'my runs'" in shown
    call(tmp_path, "run", "--resume", "there", "--runs-dir", "my runs", "-q")
    call(tmp_path, "teardown", os.path.join("my runs", os.listdir(tmp_path / "my runs")[0]), "--yes")


def test_teardown_names_the_run_that_has_another_batch_size(servers: list[str], tmp_path: Path) -> None:
    """6: the run id of an automatic batch size does not follow from the same settings without it."""
    plan = (*PLAN, "--seed", "77", "--transactions", "2", "-u", servers[0])
    call(tmp_path, "run", *plan, "-q", "--transactions-per-batch", "auto")
    run_id = str(listed(tmp_path)[0]["run_id"])
    for cwd in (tmp_path, tmp_path / "runs"):  # with and without the run's directory
        refused = call(cwd, "teardown", *plan, "--yes", code=2)
        assert f"run {run_id}" in refused.stderr
        assert f"--run-id {run_id}" in refused.stderr
    done = call(tmp_path, "teardown", *plan, "--yes", "--run-id", run_id)
    assert "removed" in done.stdout
    assert listed(tmp_path)[0]["status"] == "removed"
    gone = call(tmp_path, "teardown", *plan, "--yes")
    assert "absent" in gone.stdout


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://localhost:3002", "http://127.0.0.1:3002", True),
        ("http://LocalHost:3002", "https://localhost:3002/", True),
        ("https://midaz.example.com", "https://midaz.example.com.:443", True),
        ("http://127.0.0.1:3002", "http://127.0.0.1:3003", False),
        ("http://127.0.0.1:3002", "http://127.0.0.2:3002", False),
        ("http://127.0.0.1:3002", "http://[::1]:3002", False),
        ("https://gateway.example.com/a", "https://gateway.example.com/b", False),
    ],
)
def test_two_names_of_a_server_are_the_same_or_not(one: str, other: str, same: bool) -> None:
    """6: by host, port and path."""
    assert (server_key(one) == server_key(other)) is same


@pytest.mark.parametrize("target", ["http://[::1]:3002", "https://x.example.com/a/../b c", "http://" + "h" * 300])
def test_the_name_of_a_directory_is_readable_and_safe(target: str) -> None:
    """6: no slash, colon or blank, and not too long."""
    name = directory_name("s0123456789", server_key(target))
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789._-")
    assert len(name) < 100
