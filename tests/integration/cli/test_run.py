"""The command line as a user meets it: results on stdout, everything else on stderr, the right exit code, never a
traceback."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.cli import run_cli
from tools.chaos.processes import CLEAN_ENVIRONMENT


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, where the streams are real ones."""
    result = subprocess.run(
        [sys.executable, "-m", "midaz_seed", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=CLEAN_ENVIRONMENT,
    )
    assert "Traceback" not in result.stderr
    return result


class _Impostor(BaseHTTPRequestHandler):
    """A server that is not a Midaz; what it says is chosen by the port's test."""

    status, kind, text = 200, "text/html", "<html><title>Log in</title></html>"

    def do_GET(self) -> None:
        body = self.text.encode()
        self.send_response(self.status)
        self.send_header("Content-Type", self.kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def impostor(request: pytest.FixtureRequest) -> Iterator[str]:
    handler = type("Handler", (_Impostor,), request.param)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_run_on_the_sandbox_prints_the_report_and_ends_with_0(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    result = process("run", "--preset", "tiny", "--target", "sandbox", "--report", str(report))
    assert result.returncode == 0, result.stderr
    assert "every balance" in result.stdout
    written = json.loads(report.read_text())
    assert written["schema_version"] == 1
    assert written["exit_code"] == 0
    assert written["proof"]["ok"] is True


def test_json_prints_one_document_and_nothing_else_on_stdout() -> None:
    result = run_cli("run", "--preset", "tiny", "--target", "sandbox", "--json")
    assert json.loads(result.stdout)["movements"] == 24


def test_a_target_that_is_not_loopback_is_refused_with_the_flag_that_allows_it() -> None:
    result = run_cli("run", "--base-url", "http://midaz.example.com:3002")
    assert result.returncode == 2
    assert "--allow-host midaz.example.com" in result.stderr


def test_an_unknown_preset_is_refused_with_the_nearest_one() -> None:
    result = run_cli("run", "--preset", "smal", "--target", "sandbox")
    assert result.returncode == 2
    assert "small" in result.stderr


@pytest.mark.parametrize("count", ["-1", "x"])
def test_a_count_that_is_none_is_refused(count: str) -> None:
    result = run_cli("run", "--target", "sandbox", "--accounts", count)
    assert result.returncode == 2
    assert "accounts" in result.stderr


def test_one_account_per_asset_is_refused_because_no_other_could_receive() -> None:
    result = run_cli("run", "--preset", "tiny", "--accounts", "2", "--target", "sandbox")
    assert result.returncode == 2
    assert "hint" in result.stderr


def test_more_assets_than_templates_are_refused_by_name() -> None:
    result = run_cli("run", "--preset", "tiny", "--assets", "9", "--accounts", "18", "--target", "sandbox")
    assert result.returncode == 2
    assert "MILES" in result.stderr


def test_an_unreachable_server_ends_with_3_and_the_way_on() -> None:
    result = run_cli("run", "--preset", "tiny", "--base-url", "http://127.0.0.1:9")
    assert result.returncode == 3
    assert "hint" in result.stderr


@pytest.mark.parametrize("impostor", [{}], indirect=True)
def test_a_server_that_answers_html_is_called_no_midaz(impostor: str) -> None:
    result = run_cli("run", "--preset", "tiny", "--base-url", impostor)
    assert result.returncode == 3
    assert "Midaz" in result.stderr


@pytest.mark.parametrize("impostor", [{"kind": "application/json", "text": '{"version":"v2.2.2"}'}], indirect=True)
def test_a_version_2_server_is_refused_with_a_sentence(impostor: str) -> None:
    result = run_cli("run", "--preset", "tiny", "--base-url", impostor)
    assert result.returncode == 3
    assert "v2.2.2" in result.stderr


@pytest.mark.parametrize("impostor", [{"status": 401, "text": "Missing Token"}], indirect=True)
def test_a_wrong_token_ends_with_3_and_is_not_printed(impostor: str) -> None:
    result = run_cli("run", "--preset", "tiny", "--base-url", impostor, "--auth-token", "s3cr3t-token", "--debug")
    assert result.returncode == 3
    assert "credentials" in result.stderr
    assert "s3cr3t-token" not in result.stderr + result.stdout


def test_a_report_in_a_folder_that_is_not_there_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    result = run_cli("run", "--preset", "tiny", "--target", "sandbox", "--report", str(tmp_path / "no" / "report.json"))
    assert result.returncode == 2
    assert "report" in result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_for_the_report_is_said_and_the_report_is_still_on_stdout() -> None:
    """P3: the exit code is not 2, which would mean that nothing was sent."""
    result = run_cli("run", "--preset", "tiny", "--target", "sandbox", "--report", "/dev/full")
    assert result.returncode == 1
    assert "The result was not written: /dev/full: the report cannot be written: No space left" in result.stderr
    assert "every balance is the planned one" in result.stdout


def test_ctrl_c_while_money_moves_ends_with_130_and_the_way_on() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "midaz_seed", "run", "--preset", "small", "--target", "sandbox", "--rate", "200"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=CLEAN_ENVIRONMENT,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "accounts" in line or "deposits" in line:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.strip().splitlines()[-1]
    assert "interrupted" in (out + err).lower()


def test_the_old_generators_flags_are_understood(tmp_path: Path) -> None:
    result = run_cli("config", "show", "--json", "-v", "medium", "-s", "9", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "medium" in result.stdout
