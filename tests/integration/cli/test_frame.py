"""The frame of the command line: help at once, suggestions, failures as messages, and never a bare traceback."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

import midaz_seed.cli
from midaz_seed.errors import BreakerOpenError, SettlementError
from tests.support.cli import run_cli
from tools.chaos.processes import CLEAN_ENVIRONMENT

ROOT = Path(__file__).parents[3]
HEAVY = {
    "aiohttp",
    "anyio",
    "asyncio",
    "distributed",
    "faker",
    "httptools",
    "jinja2",
    "opentelemetry",
    "orjson",
    "prometheus_client",
    "pyarrow",
    "pydantic",
    "pydantic_settings",
    "rich",
    "uvicorn",
    "yaml",
}
"""Each takes from 20 ms to half a second of CPU time to import."""
NEEDED = {
    "config show": {"pydantic", "yaml"},
    "scenario show demo": set(),
    "plan -v tiny --json": {"orjson"},
    "run -v tiny --target sandbox --quiet --report report.json": {"anyio", "asyncio", "httptools"},
    "report report.json --output page.html": {"jinja2"},
    "compare report.json report.json": set(),
    "run -v tiny --target sandbox --quiet --transport session": {"aiohttp"},
}
"""What a command and those before it need of these, in one process; `run` without a terminal, a page and telemetry."""


def process(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=cwd,
        env={**CLEAN_ENVIRONMENT, "PYTHONPATH": str(ROOT)},
    )


def loaded_by(commands: list[list[str]], folder: Path = ROOT) -> dict[str, set[str]]:
    """The heavy packages that each command line imports, with those of the ones before it."""
    code = (
        "import sys, json\n"
        "from midaz_seed.cli import main\n"
        "for arguments in json.loads(sys.argv[1]):\n"
        "    try:\n        main(arguments)\n"
        "    except SystemExit as ended:\n        assert not ended.code, arguments\n"
        "    names = sorted({name.split('.')[0] for name in sys.modules})\n"
        "    print(json.dumps([' '.join(arguments), names]), file=sys.stderr)\n"
    )
    result = process("-c", code, json.dumps(commands), cwd=folder)
    assert result.returncode == 0, result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("[")]
    return {command: set(names) & HEAVY for command, names in map(json.loads, lines)}


@pytest.mark.parametrize("command", [["runs", "show"], ["runs", "delete"], ["scenario", "show"], ["scenario", "check"]])
def test_a_command_without_its_argument_names_the_argument_and_its_help(command: list[str]) -> None:
    result = run_cli(*command)
    assert result.returncode == 2
    assert "missing" in result.stderr.lower()
    assert f"see midaz-seed {' '.join(command)} --help" in result.stderr
    assert "internal error" not in result.stderr


def test_help_imports_nothing_heavy() -> None:
    commands = [["--help"], [], ["--version"], *([verb, "--help"] for verb in midaz_seed.cli.COMMANDS)]
    loaded = loaded_by(commands)
    assert len(loaded) == len(commands)
    assert {command: found for command, found in loaded.items() if found} == {}


def test_a_command_imports_only_the_heavy_packages_that_it_needs(tmp_path: Path) -> None:
    needed, so_far = {}, set[str]()
    for command, more in NEEDED.items():
        needed[command] = so_far = so_far | more
    assert loaded_by([command.split() for command in NEEDED], tmp_path) == needed


def test_a_sandbox_imports_what_serves_requests_and_nothing_that_reads_settings() -> None:
    loaded = loaded_by([["sandbox", "--port", "0", "--until-eof"]])
    assert list(loaded.values()) == [{"anyio", "asyncio", "httptools", "orjson", "uvicorn"}]


def test_the_help_lists_every_verb() -> None:
    result = run_cli("--help")
    assert result.returncode == 0
    for verb, about in midaz_seed.cli.COMMANDS.items():
        assert f"  {verb} " in result.stdout
        assert about in result.stdout


def test_without_a_command_the_help_is_shown() -> None:
    assert run_cli().stdout == run_cli("--help").stdout
    assert run_cli("config").stdout == run_cli("config", "-h").stdout


@pytest.mark.parametrize("verb", midaz_seed.cli.COMMANDS)
def test_every_verb_is_there_and_explains_itself(verb: str) -> None:
    command = midaz_seed.cli.cli.get_command(click.Context(midaz_seed.cli.cli), verb)
    assert command is not None
    assert command.help


@pytest.mark.parametrize("verb", ["run", "verify", "plan"])
def test_options_and_nothing_else_stand_under_headings(verb: str) -> None:
    text = run_cli(verb, "--help").stdout
    assert "Plan:" in text
    assert "Configuration:" in text
    assert "\nOptions:" not in text
    assert "\n  RUN" not in text
    assert "\n  [RUN]" not in text


def test_the_version_is_printed() -> None:
    assert process("-m", "midaz_seed", "--version").stdout.startswith("midaz-seed ")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["rnu"], ["error: unknown command 'rnu'", "  hint: did you mean midaz-seed run?"]),
        (["xyzzy"], ["error: unknown command 'xyzzy'", "  hint: see midaz-seed --help"]),
        (["config", "shwo"], ["error: unknown command 'shwo'", "  hint: did you mean midaz-seed config show?"]),
        (
            ["run", "--concurency", "3"],
            ["error: unknown option --concurency", "  hint: did you mean --concurrency?"],
        ),
        (["run", "--xyzzy"], ["error: unknown option --xyzzy", "  hint: see midaz-seed run --help"]),
        (["--verson"], ["error: unknown option --verson", "  hint: did you mean --version?"]),
        (["run", "--seed"], ["error: Option '--seed' requires an argument.", "  hint: see midaz-seed run --help"]),
        (
            ["run", "demo"],
            [
                "error: Got unexpected extra argument (demo)",
                "  hint: name a scenario with --scenario, and a run with --resume; see midaz-seed run --help",
            ],
        ),
        (
            ["config", "init", "extra"],
            ["error: Got unexpected extra argument (extra)", "  hint: see midaz-seed config init --help"],
        ),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_the_nearest_right_one(arguments: list[str], expected: list[str]) -> None:
    result = run_cli(*arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == expected


def test_a_reader_that_goes_away_is_no_error() -> None:
    reader = subprocess.Popen(
        [sys.executable, "-m", "midaz_seed", "config", "schema"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=CLEAN_ENVIRONMENT,
    )
    assert reader.stdout is not None
    assert reader.stderr is not None
    reader.stdout.close()
    assert reader.stderr.read() == b""
    assert reader.wait(timeout=30) == midaz_seed.cli.BROKEN_PIPE
    reader.stderr.close()


# ------------------------------------------------------------------------------------------------ failures of commands


def leave_with(failure: BaseException, *arguments: str) -> int:
    """The exit code of a command that fails like this."""

    @click.group()
    def commands() -> None: ...

    @commands.command()
    @click.option("--debug", "-d", is_flag=True)
    def fail(debug: bool) -> None:
        raise failure

    with pytest.raises(SystemExit) as left:
        midaz_seed.cli.main(["fail", *arguments], commands)
    return int(left.value.code or 0)


def test_a_seed_error_is_reported_with_place_and_hint_and_has_its_exit_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = SettlementError("the deposits are not visible", where="ledger Main", hint="run it again")
    assert leave_with(error) == 4
    assert (
        capsys.readouterr().err == "error: the deposits are not visible\n  where: ledger Main\n  hint: run it again\n"
    )


def test_an_error_without_place_and_hint_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert leave_with(BreakerOpenError("it stayed open")) == 3
    assert capsys.readouterr().err == "error: it stayed open\n"


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), click.Abort()])
def test_ctrl_c_ends_with_130(interruption: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave_with(interruption) == 130
    assert "interrupted" in capsys.readouterr().err


def test_an_unexpected_failure_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIDAZ_SEED_DEBUG", raising=False)
    assert leave_with(ZeroDivisionError("by\nzero")) == 1
    assert capsys.readouterr().err == (
        "internal error: ZeroDivisionError: by zero; run again with --debug (or MIDAZ_SEED_DEBUG=1) for the traceback\n"
    )


@pytest.mark.parametrize("error", [MemoryError(), ExceptionGroup("in a task", [ExceptionGroup("", [MemoryError()])])])
def test_a_lack_of_memory_is_said_in_words(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    """P5: it is the limit of this process, and no internal error."""
    assert leave_with(error) == 1
    assert capsys.readouterr().err.startswith("error: the memory that this process may use is not enough\n")


@pytest.mark.parametrize("asked", ["--debug", "-d", "environment"])
def test_the_traceback_of_an_unexpected_failure_is_there_for_the_asking(
    asked: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if asked == "environment":
        monkeypatch.setenv("MIDAZ_SEED_DEBUG", "1")
    assert leave_with(ZeroDivisionError("by zero"), *(() if asked == "environment" else (asked,))) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Traceback")
    assert lines[-1].startswith("internal error: ZeroDivisionError: by zero;")
