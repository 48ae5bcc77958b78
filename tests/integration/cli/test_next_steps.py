"""The commands that a message names do what it says, in the situation it is said in."""

import asyncio
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import CliResult, run_cli
from tests.support.kills import run_until_killed
from tests.support.sandbox import blocking_sandbox_process
from tests.support.settings import settings_for

AWAY = ("-u", "http://127.0.0.1:9", "--attempts", "1")
TINY = ("--preset", "tiny")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with blocking_sandbox_process() as url:
        yield url


def commands_in(done: CliResult) -> list[list[str]]:
    """The command lines that the end of a result names, without the program."""
    text = " ".join((done.stdout.rpartition("\n\n")[2] + " " + done.stderr).split())
    quoted = re.findall(r"`midaz-seed ([^`]+)`", text) + re.findall(r"midaz-seed (run --resume [^`;]+?)(?: \(|$)", text)
    return [shlex.split(line) for line in dict.fromkeys(quoted)]


def test_after_a_server_that_is_away_the_same_command_is_right_and_resume_says_why_it_is_not(tmp_path: Path) -> None:
    """P12: a run begins when it has reached its server."""
    assert run_cli("run", *TINY, *AWAY, "-q", cwd=tmp_path).returncode == 3
    done = run_cli("run", "--resume", cwd=tmp_path)
    assert done.returncode == 2
    assert "a run begins when it has reached its server" in done.stderr
    assert "start it with `midaz-seed run` and its settings" in done.stderr
    page = (Path(__file__).parents[3] / "docs" / "exit-codes.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith("| 3 |"))
    assert "the same command again" in row
    assert "--resume" not in row


def test_after_a_verification_nothing_is_said_to_continue(server: str, tmp_path: Path) -> None:
    """P13: it creates nothing; `run` does, and it is named."""
    plan = (*TINY, "--seed", "11")
    done = run_cli("verify", *plan, "-u", server, "-q", cwd=tmp_path)
    assert done.returncode == 1
    assert "Nothing was changed." in done.stderr
    assert "creates what is missing" in done.stderr
    assert "Continue with" not in done.stderr
    assert ["run"] in commands_in(done)
    assert run_cli("run", *plan, "-u", server, "-q", cwd=tmp_path).returncode == 0
    assert run_cli("verify", *plan, "-u", server, "-q", cwd=tmp_path).returncode == 0


def test_a_verification_of_a_new_sandbox_says_that_it_was_empty(tmp_path: Path) -> None:
    """P13: it cannot hold anything."""
    done = run_cli("verify", *TINY, "--target", "sandbox", "-q", cwd=tmp_path)
    assert done.returncode == 1
    assert "organization" in done.stdout
    assert "The sandbox was new and empty, and has ended" in done.stderr
    assert "--sandbox-data" in done.stderr


def test_after_a_sandbox_that_has_ended_the_same_command_starts_over(tmp_path: Path) -> None:
    """P13: its data is gone."""
    plan = tmp_path / "faults.yaml"
    plan.write_text("rules: [{on: accounts, methods: [POST], status: {code: 400}}]\n")
    done = run_cli("run", *TINY, "--target", "sandbox", "--sandbox-faults", str(plan), "-q", cwd=tmp_path)
    assert done.returncode == 1
    assert "The sandbox has ended, and its data with it: the same command starts over" in done.stderr
    assert "finds what exists" not in done.stderr + done.stdout


def test_the_command_that_resumes_a_run_works_as_it_is_printed(server: str, tmp_path: Path) -> None:
    """P13: with the folder of the runs, from the same directory."""
    runs = tmp_path / "my runs"
    asyncio.run(run_until_killed(settings_for(server, runs=runs, runId="mine"), 3, reaches=True))
    shown = run_cli("runs", "show", "mine", "--runs-dir", "my runs", cwd=tmp_path)
    (command,) = commands_in(CliResult(0, "\n\n", shown.stdout))
    done = run_cli(*command, "-q", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_without_a_journal_the_same_command_continues(server: str, tmp_path: Path) -> None:
    """P13: and it does."""
    plan = (*TINY, "--seed", "12", "-u", server, "-q")
    arguments = ("run", *plan, "--no-journal")
    done = run_cli(*arguments, "--set", "verification.enabled=false", cwd=tmp_path)
    assert done.returncode == 0
    assert "Verify it with `midaz-seed verify` and the same settings" in " ".join(done.stdout.split())
    assert run_cli("verify", *plan, cwd=tmp_path).returncode == 0
    assert run_cli(*arguments, cwd=tmp_path).returncode == 0


def test_an_unknown_run_is_answered_with_the_list_of_the_same_folder(server: str, tmp_path: Path) -> None:
    """P13: the hint names the folder."""
    arguments = ("-u", server, "-q", "--run-id", "known", "--runs-dir", "kept")
    assert run_cli("run", *TINY, *arguments, cwd=tmp_path).returncode == 0
    done = run_cli("run", "--resume", "nowhere", "--runs-dir", "kept", cwd=tmp_path)
    assert done.returncode == 2
    (command,) = commands_in(done)
    assert command == ["runs", "list", "--runs-dir", "kept"]
    assert "known" in run_cli(*command, cwd=tmp_path).stdout


def test_a_secret_that_is_not_stored_is_asked_for_by_name(tmp_path: Path) -> None:
    """P13: a run that needs a token is not resumed without one."""
    with blocking_sandbox_process("--auth-token", "s3cr3t", "--faults", str(_refusing(tmp_path))) as url:
        arguments = (*TINY, "-u", url, "--auth-token", "s3cr3t", "--header", "X-Tenant: a", "-q")
        done = run_cli("run", *arguments, cwd=tmp_path)
        assert done.returncode == 1
        assert "(give the token and the headers again, unless the environment has it)" in done.stderr
        assert run_cli("run", "--resume", "-q", cwd=tmp_path).returncode == 3
        assert run_cli("run", "--resume", "-q", "--auth-token", "s3cr3t", cwd=tmp_path).returncode == 1


def _refusing(folder: Path) -> Path:
    plan = folder / "refusing.yaml"
    plan.write_text("rules: [{on: accounts, methods: [POST], status: {code: 400}}]\n")
    return plan
