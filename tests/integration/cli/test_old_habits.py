"""The command lines of the earlier demo data generator, as docs/coming-from-the-old-generator.md lists them."""

import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.cli import run_cli
from tests.support.sandbox import blocking_sandbox_process
from tools.chaos.processes import COMMAND, UNMEASURED_ENVIRONMENT

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "coming-from-the-old-generator.md"
SMALLER = (
    "--organizations",
    "1",
    "--ledgers",
    "1",
    "--assets",
    "1",
    "--accounts",
    "2",
    "--transactions",
    "2",
    "--no-journal",
    "-q",
)
"""What makes the data of a command small."""


def rows() -> list[str]:
    """The present command lines of the first table."""
    table = PAGE.read_text(encoding="utf-8").partition("|---|---|\n")[2].partition("\n\n")[0]
    return [line.split("|")[2].strip().strip("`") for line in table.splitlines()]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with blocking_sandbox_process() as url:
        yield url


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a command that prints how it was called; it works only when asked to, because that takes long."""
    found = tmp_path_factory.mktemp("old")
    program = found / "midaz-seed"
    program.write_text(
        '#!/bin/sh\necho "called: $*, token ${MIDAZ_SEED_TARGET__AUTH_TOKEN:-none}" >&2\n'
        f'[ -z "$WORKS" ] || exec {COMMAND[0]} -m midaz_seed "$@"\n'
    )
    program.chmod(0o755)
    return found


def wrapper(
    *arguments: str, folder: Path, environ: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Call a copy of the wrapper, beside which nothing is installed."""
    script = folder / "run-generator.sh"
    script.write_bytes((ROOT / "run-generator.sh").read_bytes())
    script.chmod(0o755)
    paths = {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    environment = {**UNMEASURED_ENVIRONMENT, **paths, **(environ or {})}
    return subprocess.run(
        [script, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("line", "called"),
    [
        ("./run-generator.sh", "run --volume small, token none"),
        ("./run-generator.sh medium", "run --volume medium, token none"),
        ("./run-generator.sh small TOKEN", "run --volume small, token TOKEN"),
        ("./run-generator.sh small none", "run --volume small, token none"),
        ("./run-generator.sh small none --test-mode", "plan --volume small, token none"),
    ],
)
def test_each_command_line_of_the_wrapper_calls_the_command(line: str, called: str, folder: Path) -> None:
    """The token is not among the arguments, which other users can see."""
    assert line in rows()
    assert wrapper(*shlex.split(line)[1:], folder=folder).stderr == f"called: {called}\n"


def test_no_command_line_of_the_wrapper_is_left_out() -> None:
    assert sum(line.startswith("./") for line in rows()) == 5


@pytest.mark.parametrize("line", [line for line in rows() if line.startswith("midaz-seed ")])
def test_each_command_line_of_the_generator_is_understood(line: str) -> None:
    arguments = shlex.split(line)[2:]
    shown = run_cli("config", "show", *arguments)
    assert shown.returncode == 0, shown.stderr
    rows = {row.split()[0]: row.split()[1] for row in shown.stdout.splitlines() if len(row.split()) > 1}
    assert rows["preset"] == "small"
    for flags, setting, value in (
        (("-o", "--onboarding-port"), "target.onboardingPort", "3000"),
        (("-t", "--transaction-port"), "target.transactionPort", "3001"),
        (("-u", "--base-url"), "target.baseUrl", "http://localhost"),
        (("-c", "--concurrency"), "generation.limits.maxConcurrency", "10"),
        (("-s", "--seed"), "seed", "42"),
        (("-a", "--auth-token"), "target.authToken", "***"),
        (("-d", "--debug"), "log.level", "debug"),
    ):
        assert not set(flags) & set(arguments) or rows[setting] == value, setting


def test_the_wrapper_reads_both_urls_and_passes_flags_on(server: str, folder: Path) -> None:
    urls = {"ONBOARDING_API_URL": server, "TRANSACTION_API_URL": server, "WORKS": "yes"}
    done = wrapper("small", "TOKEN", *SMALLER, folder=folder, environ=urls)
    assert done.returncode == 0, done.stderr
    assert f"--onboarding-url {server} --transaction-url {server} --organizations 1" in done.stderr
    assert "Done: every balance is the planned one." in done.stdout
    base = wrapper("--debug", folder=folder, environ={"API_BASE_URL": "http://localhost:3000"})
    assert base.stderr == "called: run --volume small --base-url http://localhost:3000 --debug, token none\n"


def test_the_wrapper_refuses_an_unknown_size_and_says_how_to_install_the_command(tmp_path: Path, folder: Path) -> None:
    unknown = wrapper("lage", folder=folder)
    assert (unknown.returncode, unknown.stderr) == (
        2,
        "error: unknown size lage\n  hint: use small, medium or large\n",
    )
    missing = wrapper(folder=tmp_path, environ={"PATH": "/usr/bin:/bin"})
    assert missing.returncode == 2
    assert "midaz-seed is not installed" in missing.stderr
    assert "uv tool install" in missing.stderr


def test_a_command_without_a_target_has_this_machine_as_its_default() -> None:
    shown = run_cli("config", "show")
    [row] = [row.split() for row in shown.stdout.splitlines() if row.startswith("target.baseUrl")]
    assert row == ["target.baseUrl", "http://127.0.0.1", "default"]
    other = run_cli("config", "show", "--transaction-url", "http://127.0.0.1:9")
    [row] = [row.split() for row in other.stdout.splitlines() if row.startswith("target.baseUrl")]
    assert row[1] != "http://127.0.0.1"
