"""What a person sees: in a terminal of any width, without colours, and when a server attacks the terminal."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.cli import run_cli
from tests.support.hostile_server import HOSTILE, hostile_server
from tests.support.terminal import terminal
from tools.chaos.processes import COMMAND, UNMEASURED_ENVIRONMENT

pytestmark = pytest.mark.slow

TINY = ("--preset", "tiny", "--target", "sandbox", "--no-journal")


def test_a_resize_leaves_no_pieces_of_old_bars_and_without_colours_the_view_stays_live(tmp_path: Path) -> None:
    """Row 7: NO_COLOR took the live view away, a resize left pieces of it, and the verdict appeared twice."""
    arguments = ("run", "--preset", "small", "--target", "sandbox", "--no-journal", "--rate", "2500")
    with terminal(*arguments, columns=110, cwd=tmp_path, environ={"NO_COLOR": "1"}) as shown:
        shown.wait_until(lambda screen: "transfers" in screen.text and "in flight" in screen.text)
        assert sum({"━", "─"} & set(row[:1]) != set() for row in shown.screen.rows) == 1
        shown.resize(50)
        shown.wait_until(lambda screen: [len(row) for row in screen.rows if {"━", "─"} & set(row[:1])] == [49])
        assert shown.end() == 0
    assert not {"━", "─"} & set(shown.screen.text), "the view is erased at the end"
    assert "ledger  phase" not in shown.screen.text
    assert shown.screen.rows[0].startswith("Seeding the embedded server")
    assert sum(row.startswith("run s") for row in shown.screen.rows) == 1
    assert shown.screen.text.count("Done: every balance is the planned one.") == 1
    assert shown.screen.colours == 0


@pytest.mark.parametrize("columns", [40, pytest.param(60, marks=pytest.mark.thorough)])
def test_nothing_of_a_short_run_is_wider_than_the_terminal(columns: int, tmp_path: Path) -> None:
    """Row 7: the status line wrapped at 80 and 60 columns, the table below 80."""
    with terminal("run", *TINY, columns=columns, cwd=tmp_path) as shown:
        assert shown.end() == 0
    rows = shown.screen.rows
    header = next(row for row in rows if row.startswith("phase"))
    table = rows[rows.index(header) + 1 :][:8]
    assert {"planned", "created"} <= set(header.split())
    assert [len(row.split()) for row in table] == [len(header.replace(" ms", "").replace("per s", "rate").split())] * 8


def test_a_dumb_terminal_gets_lines(tmp_path: Path) -> None:
    """Row 7: TERM=dumb."""
    with terminal("run", *TINY, columns=70, cwd=tmp_path, environ={"TERM": "dumb"}) as shown:
        assert shown.end() == 0
    assert any(row.startswith("100.0 %  36/36 items") for row in shown.screen.rows)
    assert "accounts: 6 created" in shown.screen.text
    assert "━" not in shown.screen.text


def test_verdict_and_next_step_appear_once_in_a_terminal_and_last_on_stderr(tmp_path: Path) -> None:
    """Row 7: both appeared twice."""
    with hostile_server() as url:
        arguments = ("run", "--preset", "tiny", "-u", url, "--no-journal")
        with terminal(*arguments, cwd=tmp_path) as shown:
            assert shown.end() == 1
        assert shown.screen.text.count("1 ledger failed.") == 1
        command = [*COMMAND, *arguments, "-q"]
        separate = subprocess.run(command, capture_output=True, text=True, env=UNMEASURED_ENVIRONMENT, check=False)
    assert "1 ledger failed." in separate.stdout
    assert separate.stderr.splitlines()[-1].startswith("1 ledger failed. Fix the causes")


@pytest.mark.parametrize("command", ["teardown", "runs"])
def test_an_answer_of_no_removes_nothing_and_is_no_interruption(command: str, tmp_path: Path) -> None:
    """Row 7: answering n to teardown was "error: interrupted"."""
    arguments = ["teardown", "--preset", "tiny", "-u", "http://127.0.0.1:9"]
    if command == "runs":
        directory = ("--runs-dir", str(tmp_path))
        with hostile_server() as url:
            run_cli("run", "--preset", "tiny", "-u", url, "--run-id", "mine", "-q", *directory)
        arguments = ["runs", "delete", "mine", *directory]
    with terminal(*arguments, cwd=tmp_path) as shown:
        shown.wait_until(lambda screen: "[y/N]" in screen.text)
        shown.type("n\n")
        assert shown.end() == 1
    assert shown.screen.rows[-1].endswith("Nothing was removed." if command == "teardown" else "Nothing was deleted.")
    assert "interrupted" not in shown.screen.text


# ------------------------------------------------------------------------------------------------ foreign text


def assert_harmless(text: str) -> None:
    """Check that nothing of a hostile text acts, that it fakes no line, and that it is cut."""
    assert {sign for sign in text if not sign.isprintable()} <= {"\n"}
    assert not any(line.startswith("error: \\x00") for line in text.splitlines())
    assert "long" * 1_000 not in text


def test_a_servers_control_characters_are_escaped_wherever_people_read_them(tmp_path: Path) -> None:
    """H9: escape sequences in a server's message reached the terminal in the report and in `runs show`."""
    with hostile_server() as url:
        run = run_cli("run", "--preset", "tiny", "-u", url, "--run-id", "mine", cwd=tmp_path)
        logs = run_cli("run", "--preset", "tiny", "-u", url, "--no-journal", "--debug", cwd=tmp_path)
        doctor = run_cli("doctor", "--write", url, cwd=tmp_path)
    shown = run_cli("runs", "show", "mine", cwd=tmp_path)
    assert r"\x1b]0;pwned\x07 \x1b[2J\x9b31m \u202egpj" in " ".join(run.stdout.split())
    assert r"0053 \x1b]0;pwned\x07" in shown.stdout
    for text in (run.stdout, run.stderr, shown.stdout, run_cli("runs", "list", cwd=tmp_path).stdout):
        assert_harmless(text)
    for text in (logs.stdout, logs.stderr, doctor.stdout, doctor.stderr):
        assert_harmless(text)


def test_a_hostile_version_and_hostile_errors_are_escaped_too(tmp_path: Path) -> None:
    """H9: a case that is not in the list: the server's version in the progress, and the message of an error."""
    with hostile_server(version=f"v3.8.0{HOSTILE}", reads_fail=True) as url:
        for arguments in (("run", "--preset", "tiny", "--no-journal"), ("verify", "--preset", "tiny"), ("doctor",)):
            result = run_cli(*arguments, "-u", url, cwd=tmp_path)
            assert result.returncode == 3
            assert "pwned" in result.stdout + result.stderr
            assert_harmless(result.stdout)
            assert_harmless(result.stderr)


def test_json_has_json_escapes_for_what_does_not_print(tmp_path: Path) -> None:
    """H9: JSON outputs hold the text as it is, in escapes that change no terminal."""
    with hostile_server() as url:
        run = run_cli("run", "--preset", "tiny", "-u", url, "--run-id", "mine", "--json", "-q", cwd=tmp_path)
    shown = run_cli("runs", "show", "mine", "--json", cwd=tmp_path)
    for text in (run.stdout, shown.stdout):
        assert {sign for sign in text if not sign.isprintable()} <= {"\n"}
    message = json.loads(run.stdout)["errors"][0]["example"]["message"]
    assert message.startswith(" ".join(HOSTILE.split())[:30])
    assert json.loads(shown.stdout)["rejects"][0]["message"] == message


# ------------------------------------------------------------------------------------------------ sentences


def test_a_report_to_standard_output_is_the_document_and_no_file(tmp_path: Path) -> None:
    """Row 7: `--report -` made a file named `-`."""
    result = run_cli("run", *TINY, "-q", "--report", "-", cwd=tmp_path)
    assert json.loads(result.stdout)["exit_code"] == 0
    assert list(tmp_path.iterdir()) == []
    both = run_cli("run", *TINY, "-q", "--report", "-", "--json", cwd=tmp_path)
    assert (both.returncode, json.loads(both.stdout)["exit_code"]) == (2, 2)
    assert "--report - and --json both print the report on stdout" in both.stderr


def test_a_verification_alone_counts_ledgers_and_has_no_empty_table(tmp_path: Path) -> None:
    """Row 7: `verify` showed "100.0 % 0/0 items" and an empty table."""
    data = str(tmp_path / "ledger.sqlite")
    arguments = ("--preset", "tiny", "--target", "sandbox", "--sandbox-data", data)
    assert run_cli("run", *arguments, "-q", cwd=tmp_path).returncode == 0
    result = run_cli("verify", *arguments, cwd=tmp_path)
    assert result.returncode == 0
    assert "items" not in result.stderr
    assert result.stderr.splitlines()[-1].startswith("100.0 %  1/1 ledger  ")
    assert "phase" not in result.stdout
    assert "movements" not in result.stdout
    assert "8 balances of 1 ledger, 5 counts" in result.stdout


def test_no_flag_in_a_help_is_broken_at_a_hyphen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 7: a case that is not in the list: "or --auth-" at the end of a line."""
    monkeypatch.setenv("COLUMNS", "80")
    for command in ("run", "runs", "doctor", "sandbox"):
        lines = run_cli(command, "--help").stdout.splitlines()
        assert not [line for line in lines if line.endswith("-")]
        assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("breaker=1", "breaker is a section: set its settings one by one, such as breaker.failures"),
        (
            "limits=1",
            "unknown setting limits; generation.limits is a section: set its settings one by one, such as "
            "generation.limits.maxConcurrency",
        ),
        ("breaker.failure=1", "unknown setting breaker.failure; did you mean breaker.failures?"),
    ],
)
def test_a_section_where_a_setting_is_wanted_is_said_to_be_one(assignment: str, message: str) -> None:
    """Row 7: "no setting breaker; did you mean breaker?"."""
    result = run_cli("config", "show", "--set", assignment)
    assert result.returncode == 2
    assert result.stderr.splitlines()[0] == f"error: {message}"


def test_a_secret_that_is_not_there_is_not_shown_as_one() -> None:
    """Row 7: `config show` showed `headers ***` where there were none."""
    assert "***" not in run_cli("config", "show").stdout
    assert "target.headers" in (shown := run_cli("config", "show", "--header", "X-Tenant: a").stdout)
    assert shown.count("***") == 1


def test_make_demo_says_what_it_does_and_how_to_call_the_command() -> None:
    """Row 7: it was silent while it installed, and the command was nowhere to be found afterwards."""
    root = Path(__file__).parents[3]
    install, _, rest = (root / "Makefile").read_text(encoding="utf-8").partition("uv pip install")
    assert "Installing midaz-seed into $(VENV)" in install
    demo = rest.partition("\ndemo:")[2].partition("\n\n")[0]
    assert "The command is $(BIN)/midaz-seed" in demo
    assert ".venv/bin/midaz-seed" in (root / "README.md").read_text(encoding="utf-8").partition("## Usage")[0]
