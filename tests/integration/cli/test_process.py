"""The command as a process: closed descriptors, full disks, documents of failures, completion."""

import contextlib
import io
import itertools
import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from midaz_seed.cli import COMPLETION_VARIABLE
from midaz_seed.errors import ExitCode
from midaz_seed.reporting.report_file import is_replaceable
from tests.support.cli import run_cli
from tests.support.sandbox import blocking_sandbox_process
from tools.chaos.processes import COMMAND, UNMEASURED_ENVIRONMENT

pytestmark = pytest.mark.slow

TINY = ("--preset", "tiny")
CLOSED = [
    pytest.param(subset, marks=[pytest.mark.thorough] if len(subset) == 2 else [])
    for size in (1, 2, 3)
    for subset in itertools.combinations((0, 1, 2), size)
]
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with blocking_sandbox_process() as url:
        yield url


def call(*arguments: str, shell: str = "", cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Run the command in a process; `shell`: redirections, such as `<&-`."""
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {shell}', "sh", *COMMAND, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=cwd,
        env=UNMEASURED_ENVIRONMENT,
    )
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    return done


def document(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    assert found["schema_version"] == 1
    return found


# ------------------------------------------------------------------------------------------------ closed descriptors


@pytest.mark.parametrize("closed", CLOSED, ids=str)
def test_closed_descriptors_change_nothing_but_what_is_shown(
    closed: tuple[int, ...], server: str, tmp_path: Path
) -> None:
    """P1 P2: every subset of stdin, stdout and stderr."""
    report = tmp_path / "report.json"
    shell = " ".join(f"{descriptor}{'<' if descriptor == 0 else '>'}&-" for descriptor in closed)
    done = call("run", *TINY, "-u", server, "--report", str(report), shell=shell, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert document(report.read_text())["proof"]["ok"]
    assert ("every balance" in done.stdout) is (1 not in closed)


def test_a_sandbox_and_shards_are_started_with_all_descriptors_closed(tmp_path: Path) -> None:
    """P1 P2: the processes that a run starts, too."""
    report = tmp_path / "report.json"
    arguments = ("--ledgers", "2", "--shards", "2", "--target", "sandbox", "--report", str(report))
    done = call("run", *TINY, *arguments, shell="<&- >&- 2>&-", cwd=tmp_path)
    assert done.returncode == 0
    assert len(document(report.read_text())["processes"]) == 3


# ------------------------------------------------------------------------------------------------ full disks


@needs_full
def test_a_full_disk_for_the_result_is_said_with_the_result_of_the_run(server: str, tmp_path: Path) -> None:
    """P3: the work is done, so the exit code is not 2, and the file has the whole report."""
    report = tmp_path / "report.json"
    done = call("run", *TINY, "-u", server, "-q", "--report", str(report), shell=f">{FULL}", cwd=tmp_path)
    assert done.returncode == 1
    assert "the result cannot be written to standard output: No space left on device" in done.stderr
    assert "Done: every balance is the planned one" in done.stderr
    written = document(report.read_text())
    assert (written["exit_code"], written["proof"]["ok"]) == (1, True)
    assert "No space left on device" in written["verdict"]


@needs_full
def test_a_full_disk_for_the_messages_ends_nothing(server: str, tmp_path: Path) -> None:
    """P3: what is lost is the progress."""
    done = call("run", *TINY, "-u", server, "--debug", shell=f"2>{FULL}", cwd=tmp_path)
    assert done.returncode == 0
    assert "every balance is the planned one" in done.stdout


@needs_full
@pytest.mark.parametrize("arguments", [("plan", *TINY), ("config", "schema"), ("--help",), ("sandbox", "--port", "0")])
def test_other_commands_say_it_too(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """P3: none ends with an internal error, or with 0."""
    done = call(*arguments, shell=f">{FULL}", cwd=tmp_path)
    assert done.returncode == 1
    assert "the result cannot be written to standard output" in done.stderr


# ------------------------------------------------------------------------------------------------ readers that stop


def _fill(descriptor: int) -> None:
    """Write until a pipe takes nothing more."""
    os.set_blocking(descriptor, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(descriptor, b"x" * 4096)
    os.set_blocking(descriptor, True)


@pytest.fixture(params=["full pipe", "stopped terminal"])
def stuck(request: pytest.FixtureRequest) -> Iterator[int]:
    """A descriptor that takes nothing: a pipe that is not read, or a terminal after Ctrl-S."""
    reader, writer = os.pipe() if request.param == "full pipe" else pty.openpty()
    if request.param == "full pipe":
        _fill(writer)
    else:
        os.write(reader, b"\x13")
    yield writer
    os.close(writer)
    os.close(reader)


def test_messages_that_are_not_read_do_not_hold_a_run_up(server: str, stuck: int, tmp_path: Path) -> None:
    """T1: a write to standard error that blocks would block signals and time limits with it."""
    environment = {**UNMEASURED_ENVIRONMENT, "TERM": "xterm"}
    arguments = [*COMMAND, "run", *TINY, "-u", server, "--debug", "--seed", str(stuck + 40)]
    done = subprocess.run(
        arguments, stdout=subprocess.PIPE, stderr=stuck, check=False, timeout=60, cwd=tmp_path, env=environment
    )
    assert done.returncode == 0
    assert b"every balance is the planned one" in done.stdout


def test_a_signal_ends_a_run_whose_messages_are_not_read(stuck: int, tmp_path: Path) -> None:
    """T1: within the grace time."""
    faults = tmp_path / "faults.yaml"
    faults.write_text("rules: [{on: transactions, methods: [POST], latency: {ms: 60000}}]\n")
    with blocking_sandbox_process("--faults", str(faults)) as url:
        report = tmp_path / "report.json"
        arguments = [*COMMAND, "run", *TINY, "-u", url, "--grace", "2s", "--report", str(report)]
        with subprocess.Popen(
            arguments, stdout=subprocess.DEVNULL, stderr=stuck, cwd=tmp_path, env=UNMEASURED_ENVIRONMENT
        ) as process:
            while not any(path.stat().st_size for path in tmp_path.glob("runs/*/*journal*")):
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == ExitCode.TERMINATED
    assert document(report.read_text())["exit_code"] == ExitCode.TERMINATED


# ------------------------------------------------------------------------------------------------ documents


def failing(report: Path, *arguments: str, cwd: Path) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """The exit code of a failing command, and the documents that it printed and wrote over that of an earlier one."""
    report.write_text('{"exit_code": 0, "verdict": "of another run"}')
    done = run_cli(*arguments, "--json", "--report", str(report), cwd=cwd)
    return done.returncode, document(done.stdout), document(report.read_text())


@pytest.mark.parametrize(
    ("arguments", "code", "kind", "message"),
    [
        (("run", *TINY, "-u", "http://127.0.0.1:9"), 3, "UnreachableError", "127.0.0.1:9"),
        (("verify", *TINY, "-u", "http://127.0.0.1:9"), 3, "UnreachableError", "127.0.0.1:9"),
        (("run", *TINY, "-u", "http://example.com"), 2, "TargetNotAllowedError", "example.com"),
        (("run", "--preset", "tin", "--target", "sandbox"), 2, "ConfigurationError", "preset must be one of"),
        (("run", *TINY, "--set", "seed"), 2, "BadParameter", "KEY=VALUE"),
        (("run", *TINY, "--accounts", "2", "--target", "sandbox"), 2, "PlanError", "has no destination"),
        (("run", "--resume", "nowhere"), 2, "RunError", "unknown run nowhere"),
        (("retry", "nowhere"), 2, "RunError", "unknown run nowhere"),
        (("run", "--nonsense"), 2, "NoSuchOption", "unknown option --nonsense"),
        (("verify", *TINY, "one", "two"), 2, "UsageError", "unexpected extra argument"),
        (("run", "--grace", "x", *TINY), 2, "ConfigurationError", "grace"),
    ],
)
def test_a_command_that_fails_early_leaves_a_document(
    arguments: tuple[str, ...], code: int, kind: str, message: str, tmp_path: Path
) -> None:
    """P4: with exit code, verdict, error and hint, on stdout and in the file, over that of an earlier run."""
    returned, printed, written = failing(tmp_path / "report.json", *arguments, cwd=tmp_path)
    assert printed == written
    assert returned == printed["exit_code"] == code
    assert printed["command"] == arguments[0]
    assert printed["error"]["kind"] == kind
    assert message in printed["verdict"]
    assert printed["error"]["hint"] == printed["next_step"]
    assert printed["next_step"]


def test_the_document_of_an_earlier_run_does_not_survive_a_flag_without_its_value(tmp_path: Path) -> None:
    """P4: a command line that cannot be parsed, with the file in the other spelling."""
    report = tmp_path / "report.json"
    report.write_text('{"exit_code": 0}')
    assert run_cli("run", f"--report={report}", "--accounts", "many", cwd=tmp_path).returncode == 2
    assert document(report.read_text())["exit_code"] == 2
    assert run_cli("run", "--report", cwd=tmp_path).returncode == 2


def test_a_report_named_in_the_configuration_gets_the_document_too(tmp_path: Path) -> None:
    """P4: the file need not be named by the flag."""
    (tmp_path / "midaz-seed.yaml").write_text(f"report: {tmp_path / 'report.json'}\n")
    assert run_cli("run", *TINY, "-u", "http://127.0.0.1:9", cwd=tmp_path).returncode == 3
    assert document((tmp_path / "report.json").read_text())["error"]["kind"] == "UnreachableError"


@pytest.mark.parametrize("arguments", [("plan", "--preset", "x"), ("runs", "show", "x"), ("doctor", "http://")])
def test_other_commands_print_a_document_of_their_failure(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """P4: --json is one document, whatever happens."""
    done = run_cli(*arguments, "--json", cwd=tmp_path)
    assert document(done.stdout)["exit_code"] == done.returncode != 0


def test_a_report_through_a_symbolic_link_replaces_what_the_link_leads_to(server: str, tmp_path: Path) -> None:
    """P4: not the link."""
    target, link = tmp_path / "kept/report.json", tmp_path / "report.json"
    target.parent.mkdir()
    link.symlink_to(target)
    assert run_cli("run", *TINY, "-u", server, "-q", "--report", str(link), cwd=tmp_path).returncode == 0
    assert link.is_symlink()
    assert document(target.read_text())["exit_code"] == 0


@pytest.mark.parametrize("name", ["/dev/fd/1", pytest.param("/proc/self/fd/1", marks=pytest.mark.thorough)])
def test_a_report_to_the_device_of_standard_output_is_printed_instead_of_the_text(
    name: str, server: str, tmp_path: Path
) -> None:
    """P3: where stdout is a file, the device must not be replaced by one."""
    if not Path(name).exists():
        pytest.skip("needs this name")
    done = call("run", *TINY, "-u", server, "-q", "--report", name, shell="> out.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert document((tmp_path / "out.json").read_text())["exit_code"] == 0
    assert not is_replaceable(Path("/dev/stdout"))


def test_a_killed_run_leaves_no_document_of_an_earlier_one(server: str, tmp_path: Path) -> None:
    """P4: the document says that the command has not ended."""
    report = tmp_path / "report.json"
    report.write_text('{"exit_code": 0}')
    arguments = ["run", "--preset", "small", "-u", server, "--rate", "50", "--report", str(report)]
    with subprocess.Popen(
        [*COMMAND, *arguments], cwd=tmp_path, env=UNMEASURED_ENVIRONMENT, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        process.stderr.readline()
        process.kill()
    written = document(report.read_text())
    assert (written["exit_code"], written["error"]) == (None, None)
    assert "killed" in written["verdict"]


def test_a_run_with_nothing_to_send_leaves_a_document(server: str, tmp_path: Path) -> None:
    """P4: also a finished run that is resumed, and one without rejected items that is retried."""
    assert run_cli("run", *TINY, "-u", server, "-q", "--run-id", "done", cwd=tmp_path).returncode == 0
    for arguments in (("run", "--resume", "done"), ("retry", "done")):
        returned, printed, written = failing(tmp_path / "report.json", *arguments, cwd=tmp_path)
        assert printed == written
        assert (returned, printed["exit_code"], printed["error"]) == (0, 0, None)
        assert "nothing was sent" in printed["verdict"]


# ------------------------------------------------------------------------------------------------ the sandbox's files


@pytest.mark.parametrize(
    ("flag", "name", "content", "message"),
    [
        ("--sandbox-faults", "plan.yaml", "rules: [{xx: 1}]", "rules[0].xx"),
        ("--sandbox-faults", "plan.yaml", "rules: [", "is not valid YAML"),
        ("--sandbox-faults", "absent.yaml", None, "cannot be read: No such file or directory"),
        ("--sandbox-data", "x.sqlite", "x" * 4096, "is not a data file of this sandbox"),
        ("--sandbox-data", "absent/x.sqlite", None, "cannot be opened"),
        ("--sandbox-data", ".", None, "this is a folder"),
    ],
)
def test_a_wrong_file_for_the_sandbox_is_refused_by_its_flag(
    flag: str, name: str, content: str | None, message: str, tmp_path: Path
) -> None:
    """P8: exit 2, one error, and the flag of this command."""
    file = tmp_path / name
    if content is not None:
        file.write_text(content)
    done = run_cli("run", *TINY, "--target", "sandbox", flag, str(file), cwd=tmp_path)
    assert done.returncode == 2
    assert f"error: {flag}: " in done.stderr
    assert message in done.stderr
    assert done.stderr.count("error:") == 1


# ------------------------------------------------------------------------------------------------ the terminal


def test_a_token_cannot_be_asked_for_without_a_terminal(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """P9: exit 2, and the ways to give one."""
    monkeypatch.setattr("sys.stdin", io.StringIO("s3cr3t\n"))
    done = run_cli("run", *TINY, "-u", server, "--ask-token")
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr
    assert "--auth-token-file" in done.stderr


def test_a_token_is_asked_for_on_a_terminal() -> None:
    """P9: and it is not shown."""
    controller, terminal = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "config", "show", "--ask-token"],
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=terminal,
        start_new_session=True,
        env=UNMEASURED_ENVIRONMENT,
    ) as process:
        shown = b""
        while b"token" not in shown:
            shown += os.read(controller, 100)
        os.write(controller, b"s3cr3t\n")
        out, _ = process.communicate(timeout=60)
    os.close(terminal)
    os.close(controller)
    assert process.returncode == 0
    assert b"flag --ask-token" in out
    assert b"s3cr3t" not in out


# ------------------------------------------------------------------------------------------------ completion


def complete(line: str) -> list[str]:
    """What bash is offered for the last word of a line."""
    words = line.split(" ")
    asked = {COMPLETION_VARIABLE: "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = run_cli(environment=asked)
    assert done.returncode == 0
    return [text.partition(",")[2] for text in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("midaz-seed ru", ["run", "runs"]),
        ("midaz-seed config ", ["init", "schema", "show"]),
        ("midaz-seed run --sand", ["--sandbox-data", "--sandbox-faults"]),
        ("midaz-seed run --preset ", ["tiny", "small", "medium", "large"]),
        ("midaz-seed run --dialect v3", ["v3.3", "v3.8"]),
        ("midaz-seed sandbox --dialect v4", ["v4"]),
        ("midaz-seed run --concurrency ", ["auto"]),
        ("midaz-seed run --config my", ["my"]),
        ("midaz-seed xyzzy ", None),
    ],
)
def test_a_shell_completes_commands_flags_and_values(line: str, expected: list[str] | None) -> None:
    """P10: by click's variable, in the format of bash."""
    found = complete(line)
    assert found == expected or (expected is None and "run" in found)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_of_each_shell_is_printed(shell: str) -> None:
    """P10: and it names this command."""
    done = run_cli(environment={COMPLETION_VARIABLE: f"{shell}_source"})
    assert done.returncode == 0
    assert f"{COMPLETION_VARIABLE}={shell}_complete" in done.stdout


def test_the_completion_of_another_shell_is_refused() -> None:
    """P10: with the names of those that work."""
    done = run_cli("run", environment={COMPLETION_VARIABLE: "tcsh_source"})
    assert done.returncode == 2
    assert "zsh_source" in done.stderr


def test_bash_completes_the_command(tmp_path: Path) -> None:
    """P10: the script as bash reads it."""
    program = tmp_path / "midaz-seed"
    program.write_text(f'#!/bin/sh\nexec {COMMAND[0]} -m midaz_seed "$@"\n')
    program.chmod(0o755)
    script = f"""
    export PATH={tmp_path}:$PATH
    source <({COMPLETION_VARIABLE}=bash_source midaz-seed)
    COMP_WORDS=(midaz-seed ru); COMP_CWORD=1; _midaz_seed_completion midaz-seed; echo "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False, env=UNMEASURED_ENVIRONMENT, timeout=60
    )
    assert done.stdout == "run runs\n", done.stderr


def test_a_signal_while_a_plan_is_made_ends_the_process_with_its_exit_code(tmp_path: Path) -> None:
    """T3: the thread that makes the plan still computes then, and must not abort the process (134)."""
    command = [*COMMAND, "run", "-v", "large", "-u", "http://127.0.0.1:9", "-q", "--debug"]
    for delay_s in (1.0, 2.0):
        with subprocess.Popen(command, cwd=tmp_path, env=UNMEASURED_ENVIRONMENT, stderr=subprocess.DEVNULL) as process:
            time.sleep(delay_s)  # any moment is right
            process.send_signal(signal.SIGTERM)
        # before it handles signals, it ends by the signal; when it had asked the server already, it has failed
        assert process.returncode in (143, -signal.SIGTERM, 3)
