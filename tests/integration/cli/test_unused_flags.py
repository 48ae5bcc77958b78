"""A flag that would change nothing is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import run_cli
from tests.support.sandbox import blocking_sandbox_process

URL = ("-u", "http://127.0.0.1:9")
NAMING = [("run", "--resume"), ("retry",), ("verify",), ("teardown", "--dry-run")]
"""The commands that take the name of a run."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the run `mine`, whose server is there."""
    found = tmp_path_factory.mktemp("mine")
    (found / "midaz-seed.yaml").write_text("journal: {directory: runs}\n")
    with blocking_sandbox_process() as url:
        assert run_cli("run", "--preset", "tiny", "-u", url, "-q", "--run-id", "mine", cwd=found).returncode == 0
        yield found


@pytest.mark.parametrize("command", ["run", "verify", "teardown", "doctor", "audit"])
@pytest.mark.parametrize("flag", [("--dialect", "v4"), ("--sandbox-data", "x"), ("--set", "sandbox.faults=x")])
def test_a_flag_for_the_sandbox_is_refused_with_a_url(command: str, flag: tuple[str, str], tmp_path: Path) -> None:
    """P7: in every command that has a target."""
    done = run_cli(command, *URL, *flag, *(("--dry-run",) if command == "teardown" else ()), cwd=tmp_path)
    assert done.returncode == 2
    assert "is for the sandbox that --target sandbox starts; the target is http://127.0.0.1:9" in done.stderr
    assert flag[0] in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("verify", *URL, "--shards", "2"), "--shards has no effect on `midaz-seed verify`"),
        (("verify", *URL, "--duration", "9s"), "--duration has no effect"),
        (("verify", *URL, "--no-journal"), "--journal has no effect"),
        (("teardown", *URL, "--dry-run", "-c", "3"), "--concurrency has no effect"),
        (("teardown", *URL, "--dry-run", "--every-transaction"), "--every-transaction has no effect"),
        (("plan", "--set", "breaker.openS=3"), "--set breaker.openS has no effect on `midaz-seed plan`"),
        (("plan", "--show", "o1", "--rate", "5"), "--rate has no effect on --show"),
        (("run", "--target", "sandbox", "--ca-file", "x"), "--ca-file has no effect: the sandbox has no TLS"),
        (("run", "--target", "sandbox", "--insecure"), "--insecure has no effect: the sandbox has no TLS"),
        (
            ("run", "--target", "sandbox", "--runs-dir", "x"),
            "--runs-dir has no effect: this sandbox ends",
        ),
        (("doctor", "http://127.0.0.1:9", "-u", "http://127.0.0.1:8"), "was already given another value"),
        (("sandbox", "--one-port"), "--one-port has no effect without --dialect v3.3"),
        (("sandbox", "--transaction-port", "5"), "--transaction-port has no effect without --dialect v3.3"),
        (("sandbox", "--async-per-s", "5"), "--async-per-s has no effect without --async"),
        (("sandbox", "--async-delay-ms", "5"), "--async-delay-ms has no effect without --async"),
        (("sandbox", "--answer-first"), "--answer-first has no effect without --data"),
        (("sandbox", "--recovery-age-s", "5"), "--recovery-age-s has no effect without --crash-like-midaz or --data"),
    ],
)
def test_a_flag_without_effect_is_refused(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    """P7: other commands, and flags that need another one."""
    done = run_cli(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "hint:" in done.stderr


def test_a_file_may_hold_settings_of_other_commands(tmp_path: Path) -> None:
    """P7: only flags are refused."""
    (tmp_path / "midaz-seed.yaml").write_text("sandbox: {dialect: v4}\ngeneration: {limits: {shards: 2}}\n")
    environment = {"MIDAZ_SEED_TARGET__BASE_URL": "http://127.0.0.1:9"}
    assert run_cli("verify", "--attempts", "1", cwd=tmp_path, environment=environment).returncode == 3
    assert run_cli("plan", "--preset", "tiny", cwd=tmp_path, environment=environment).returncode == 0


@pytest.mark.parametrize("flag", [("--run-id", "x"), ("--preset", "small"), ("--config", "x"), ("--no-journal",)])
@pytest.mark.parametrize("command", NAMING)
def test_a_named_run_keeps_its_own_settings(command: tuple[str, ...], flag: tuple[str, ...], folder: Path) -> None:
    """P7: a flag that names another run, or that its stored settings replace."""
    done = run_cli(*command, "mine", *flag, cwd=folder)
    assert done.returncode == 2
    assert flag[0].replace("--no-", "--") in done.stderr


@pytest.mark.parametrize("command", NAMING)
def test_flags_that_repeat_the_settings_of_a_named_run_are_accepted(command: tuple[str, ...], folder: Path) -> None:
    """P7"""
    same = run_cli(*command, "mine", "--run-id", "mine", "--preset", "tiny", cwd=folder)
    assert same.returncode == 0, same.stderr
