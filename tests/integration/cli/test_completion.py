"""Completion as bash, zsh and fish do it when Tab is pressed, and the scripts that set it up."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pexpect
import pyte
import pytest

from midaz_seed.cli import COMPLETION_VARIABLE, cli
from midaz_seed.cli.option_kinds import SettingOption
from midaz_seed.settings.schema import SETTINGS
from tests.support.cli import run_cli
from tools.chaos.processes import COMMAND, UNMEASURED_ENVIRONMENT

SHELLS = {
    "bash": ["--norc", "--noprofile", "-i"],
    "zsh": ["-f", "-i"],
    "fish": ["--no-config", "-i"],
}
SET_UP = {
    "bash": 'PS1="ready> "; eval "$(midaz-seed completion bash)"',
    "zsh": 'PS1="ready> "; autoload -U compinit; compinit -D -u; eval "$(midaz-seed completion zsh)"',
    "fish": "function fish_prompt; echo -n 'ready> '; end; midaz-seed completion fish | source",
}
RECORDS = {
    "mine_127.0.0.1_3002": '{"status": "cut off", "rejected": 2, "target": "http://127.0.0.1:3002"}',
    "zebra_127.0.0.1_3002": '{"status": "finished", "target": "http://127.0.0.1:3002"}',
    "zebra_127.0.0.1_3003": '{"status": "removed", "target": "http://127.0.0.1:3003"}',
    "broken_127.0.0.1_3003": "[1",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the command, runs, and a scenario file."""
    found = tmp_path_factory.mktemp("completion")
    program = found / "bin" / "midaz-seed"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {COMMAND[0]} -m midaz_seed "$@"\n')
    program.chmod(0o755)
    for number, (name, record) in enumerate(RECORDS.items()):
        (found / "runs" / name).mkdir(parents=True)
        file = found / "runs" / name / "run.json"
        file.write_text(record)
        os.utime(file, (number, number))
    (found / "zoo.yaml").touch()
    return found


class Shell:
    """An interactive shell on a pseudo-terminal."""

    def __init__(self, name: str, folder: Path) -> None:
        paths = f"{folder / 'bin'}:{os.environ['PATH']}"
        dropped = ("HISTFILE", "COLUMNS", "LINES")
        environment = {key: value for key, value in UNMEASURED_ENVIRONMENT.items() if key not in dropped}
        environment |= {"PATH": paths, "TERM": "xterm", "HOME": str(folder), "PYTHONPATH": os.getcwd()}
        self._screen = pyte.Screen(100, 30)
        self._stream = pyte.ByteStream(self._screen)
        self._child = pexpect.spawn(
            shutil.which(name) or name, SHELLS[name], cwd=folder, env=environment, dimensions=(30, 100)
        )
        self._child.delaybeforesend = None
        self._child.sendline(SET_UP[name])
        self.wait_until(lambda text: text.splitlines()[-1] == "ready>")

    def wait_until(self, condition: Callable[[str], bool]) -> str:
        """Read until the text of the screen fulfils a condition; return it."""
        ends_s = time.monotonic() + 60
        while not condition(text := self._text()):
            assert time.monotonic() < ends_s, text
            try:
                self._stream.feed(self._child.read_nonblocking(4096, 0.2))
            except pexpect.TIMEOUT:
                continue
        return text

    def _text(self) -> str:
        return "\n".join(row.rstrip() for row in self._screen.display if row.strip()) or " "

    def complete(self, typed: str, *shown: str) -> str:
        """Type the beginning of a command line and press Tab until all of these are shown; clear the line again."""
        self._child.send(f"{typed}\t")
        text = self.wait_until(lambda text: typed.rsplit(maxsplit=1)[-1] in text)
        if not all(each in text for each in shown):
            text = self.wait_until(lambda text: all(each in text for each in shown) or self._press_tab())
        self._child.send("\x15")  # kill the line
        self._child.send("clear\r")
        self.wait_until(lambda text: text.splitlines() == ["ready>"])
        return text

    def _press_tab(self) -> bool:
        """Press Tab again: bash lists what is possible at the second time."""
        time.sleep(0.5)
        self._child.send("\t")
        return False

    def close(self) -> None:
        """End the shell."""
        self._child.close(force=True)


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, folder: Path) -> Iterator[Shell]:
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed: its completion is not tried")
    found = Shell(request.param, folder)
    yield found
    found.close()


def test_a_shell_completes_commands_flags_values_scenarios_and_runs(shell: Shell) -> None:
    """In the real shell, at the press of Tab."""
    shell.complete("midaz-seed tear", "midaz-seed teardown")
    shell.complete("midaz-seed run --preset med", "--preset medium")
    shell.complete("midaz-seed run --scenario zo", "--scenario zoo.yaml")
    shell.complete("midaz-seed runs show z", "0.0.1_3002", "0.0.1_3003")


def complete(line: str, folder: Path, *, environ: dict[str, str] | None = None) -> list[str]:
    """What bash is offered for the last word of a line."""
    asked = {COMPLETION_VARIABLE: "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    done = run_cli(cwd=folder, environment=asked | (environ or {}))
    assert done.returncode == 0
    return [text.partition(",")[2] for text in done.stdout.splitlines() if text]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("midaz-seed run --resume ", ["mine"]),
        ("midaz-seed retry ", ["mine"]),
        ("midaz-seed report m", ["mine"]),
        ("midaz-seed verify ", ["zebra_127.0.0.1_3002", "mine"]),
        ("midaz-seed teardown z", ["zebra_127.0.0.1_3002"]),
        ("midaz-seed runs delete ", ["zebra_127.0.0.1_3003", "zebra_127.0.0.1_3002", "mine"]),
        ("midaz-seed runs show --runs-dir nowhere ", []),
        ("midaz-seed run --runs-dir nowhere --resume ", []),
        ("midaz-seed completion ", ["bash", "zsh", "fish"]),
        ("midaz-seed help runs ", ["delete", "list", "show"]),
        ("midaz-seed run --target s", ["sandbox"]),
    ],
)
def test_runs_are_offered_where_they_can_be_used(line: str, expected: list[str], folder: Path) -> None:
    found = complete(line, folder)
    assert [name for name in found if name in expected] == expected
    assert len(found) == len(expected) or line.startswith("midaz-seed help"), found


def test_runs_of_the_environments_directory_are_offered(folder: Path) -> None:
    variable = {"MIDAZ_SEED_JOURNAL__DIRECTORY": str(folder / "runs")}
    assert complete("midaz-seed runs show m", folder / "bin", environ=variable) == ["mine"]


def test_a_flag_offers_the_choices_of_its_setting() -> None:
    """They are there twice, because the settings take too long to import."""
    with click.Context(cli) as ctx:
        commands = [cli.get_command(ctx, name) for name in cli.list_commands(ctx)]
    options = [each for command in commands if command for each in command.params if isinstance(each, SettingOption)]
    assert options
    for option in options:
        if not option.is_flag:
            assert option.choices == SETTINGS[option.path].choices, option.spelling


@pytest.mark.parametrize("line", ["midaz-seed run --preset ", "midaz-seed verify ", "midaz-seed run --scenario "])
def test_a_completion_imports_nothing_that_takes_long(line: str, folder: Path) -> None:
    environ = {
        **UNMEASURED_ENVIRONMENT,
        COMPLETION_VARIABLE: "bash_complete",
        "COMP_WORDS": line,
        "PYTHONPATH": os.getcwd(),
    }
    environ["COMP_CWORD"] = str(len(line.split(" ")) - 1)
    command = [COMMAND[0], "-X", "importtime", *COMMAND[1:]]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder, env=environ)
    imported = {row.rpartition("|")[2].strip().partition(".")[0] for row in done.stderr.splitlines()}
    assert "click" in imported
    assert not imported & {"pydantic", "anyio", "asyncio", "yaml", "rich", "aiohttp", "structlog", "orjson"}


def test_help_is_a_command_too_and_knows_commands_in_commands() -> None:
    assert run_cli("help").stdout == run_cli("--help").stdout
    assert run_cli("help", "run").stdout == run_cli("run", "--help").stdout
    assert run_cli("help", "runs", "show").stdout == run_cli("runs", "show", "--help").stdout
    unknown = run_cli("help", "rn")
    assert (unknown.returncode, unknown.stderr.splitlines()[1]) == (2, "  hint: did you mean midaz-seed run?")
    assert run_cli("help", "run", "fast").stderr.startswith("error: midaz-seed run has no commands")


def test_a_shell_that_is_not_named_or_not_known_is_an_error_with_the_names() -> None:
    for arguments in ((), ("tcsh",)):
        done = run_cli("completion", *arguments)
        assert done.returncode == 2
        assert "bash" in done.stderr
        assert "\\t" not in done.stderr
