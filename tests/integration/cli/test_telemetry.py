"""`--events` and `--metrics` as a user meets them."""

import json
import re
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.support.cli import run_cli
from tools.chaos.processes import COMMAND, UNMEASURED_ENVIRONMENT

RUN = ("run", "--preset", "tiny", "--target", "sandbox")
UNREACHABLE = ("run", "--preset", "tiny", "--base-url", "http://127.0.0.1:9")


def test_events_on_stdout_leave_the_report_on_stderr_and_metrics_are_served_meanwhile(tmp_path: Path) -> None:
    command = [*COMMAND, *RUN, "--events", "-", "--metrics", "127.0.0.1:0", "--quiet", "--report", "report.json"]
    environment = UNMEASURED_ENVIRONMENT | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        found = re.fullmatch(r"metrics: (http://127\.0\.0\.1:\d+/metrics)\n", process.stderr.readline())
        assert found is not None
        lines = []
        for text in process.stdout:
            lines.append(json.loads(text))
            if lines[-1]["event"] == "run_started":
                with urllib.request.urlopen(found[1], timeout=10) as answer:
                    assert b'midaz_seed_plan_items{phase="transfers"} 18.0' in answer.read()
        err = process.stderr.read()
    assert process.returncode == 0, err
    assert (lines[0]["event"], lines[0]["schema_version"], lines[0]["command"]) == ("header", 1, "run")
    assert (lines[-1]["event"], lines[-1]["exit_code"]) == ("run_finished", 0)
    assert "every balance is the planned one" in lines[-1]["verdict"]
    assert "transfers" in err
    assert err.count("Done: every balance is the planned one.") == 1
    assert err.count("OpenTelemetry: ") == 1, "an unreachable collector is one sentence"
    assert "OpenTelemetry: " in json.loads((tmp_path / "report.json").read_text())["next_step"]
    assert "Traceback" not in err


def test_a_reader_that_goes_away_changes_neither_result_nor_exit_code() -> None:
    command = [*COMMAND, *UNREACHABLE, "--events", "-", "--quiet"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=UNMEASURED_ENVIRONMENT
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
    assert process.returncode == 3, err
    assert "no connection to 127.0.0.1:9" in err
    assert re.search(r"WARNING: \d of \d lines of events were lost \(stdout: its reader has gone\)\.", err), err


def test_a_run_that_cannot_begin_leaves_its_error_as_the_last_line(tmp_path: Path) -> None:
    result = run_cli(*UNREACHABLE, "--events", "events.ndjson", cwd=tmp_path)
    assert result.returncode == 3
    lines = [json.loads(line) for line in (tmp_path / "events.ndjson").read_text().splitlines()]
    assert lines[0]["event"] == "header"
    last = lines[-1]
    assert (last["event"], last["exit_code"]) == ("run_finished", 3)
    assert "no connection to 127.0.0.1:9" in last["verdict"]
    assert last["next_step"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--events", "-", "--json"), "both on stdout"),
        (("--events", "/dev/stdout", "--report", "-"), "both on stdout"),
        (("--events", "x.json", "--report", "./x.json"), "--events and --report have the same file"),
        (("--events", "missing/x.json"), "the events cannot be written: No such file or directory"),
        (("--metrics", "nonsense"), "the host of --metrics cannot be resolved: nonsense"),
        (("--metrics", "127.0.0.1:99999"), "--metrics must be HOST:PORT"),
        (("--metrics", "192.0.2.1:9464"), "cannot listen on 192.0.2.1:9464"),
    ],
)
def test_what_is_not_possible_is_refused_before_anything_is_sent(
    arguments: tuple[str, ...], named: str, tmp_path: Path
) -> None:
    result = run_cli(*UNREACHABLE, *arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert named in result.stderr
    assert "hint: " in result.stderr


def test_a_port_in_use_is_refused_before_anything_is_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run_cli(*UNREACHABLE, "--metrics", str(taken.getsockname()[1]))
    assert result.returncode == 2
    assert "Address already in use" in result.stderr


def test_metrics_without_their_extra_name_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    result = run_cli(*UNREACHABLE, "--metrics", "0")
    assert result.returncode == 2
    assert "pip install 'midaz-seed[metrics]'" in result.stderr
