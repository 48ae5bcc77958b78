"""`midaz-seed runs`: the history of a directory, with verdict, rate and duration, in the width of the terminal."""

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from midaz_seed.cli.run_history import history_lines, verdict_of
from midaz_seed.runs.directory import RunDirectory
from midaz_seed.runs.record import RunRecord, RunStatus
from tests.support.cli import run_cli
from tests.support.terminal import terminal

FINISHED = RunRecord(
    run_id="s0123456789",
    plan_digest="0" * 64,
    version="0.1.0",
    target="http://127.0.0.1:3002",
    status=RunStatus.FINISHED,
    created_at="2026-11-27T03:40:00+00:00",
    updated_at="2026-11-27T03:41:05+00:00",
    planned=8_410,
    done=8_410,
    sessions=2,
    exit_code=0,
    verdict="Done: every balance is the planned one.",
    elapsed_s=65.4,
    movements=8_000,
    movements_per_s=412.3,
    verified=True,
)
UNFINISHED = replace(FINISHED, status=RunStatus.UNFINISHED, done=4_400, exit_code=1, verified=None)


@pytest.mark.parametrize(
    ("record", "verdict"),
    [
        (FINISHED, "verified"),
        (replace(FINISHED, verified=None), "finished"),
        (replace(FINISHED, status=RunStatus.REMOVED), "removed"),
        (replace(FINISHED, status=RunStatus.RUNNING, done=841), "running, 10 %"),
        (replace(FINISHED, status=RunStatus.CUT_OFF, done=841), "cut off, 10 %"),
        (replace(FINISHED, status=RunStatus.UNFINISHED, exit_code=1, verified=False, differences=3), "3 differences"),
        (replace(FINISHED, status=RunStatus.UNFINISHED, exit_code=7), "verified, exit code 7"),
        (UNFINISHED, "not finished, 52 %"),
        (replace(UNFINISHED, exit_code=130), "interrupted, 52 %"),
        (replace(UNFINISHED, exit_code=4), "not settled"),
        (replace(UNFINISHED, rejected=1_200), "1,200 rejected"),
    ],
)
def test_the_verdict_of_a_run_is_a_few_words(record: RunRecord, verdict: str) -> None:
    assert verdict_of(record) == verdict


@pytest.mark.parametrize("width", [20, 60, 80, 120, 400])
def test_the_table_has_the_columns_that_fit_and_never_cuts_a_name(width: int) -> None:
    name = "s0123456789_127.0.0.1_3002"
    lines = history_lines([(name, FINISHED), ("mine", UNFINISHED)], width)
    header, first, second = (line.split("  ") for line in lines)
    assert header[0] == "run"
    assert first[0] == name
    assert second[0] == "mine"
    assert width == 20 or max(map(len, lines)) <= width
    assert ("movements/s" in lines[0]) is (width >= 60)
    assert ("last updated" in lines[0]) is (width >= 120)
    assert ("target" in lines[0]) is (width >= 120)
    if width == 80:
        usual = history_lines([("s0123456789", FINISHED), ("mine", UNFINISHED)], width)
        assert usual == [
            "run          verdict             movements/s  duration  last updated",
            "s0123456789  verified                    412      1:05  2026-11-27 03:41",
            "mine         not finished, 52 %          412      1:05  2026-11-27 03:41",
        ]
        at_work = history_lines([("mine", replace(UNFINISHED, status=RunStatus.RUNNING))], width)
        assert at_work[1] == "mine  running, 52 %                         2026-11-27 03:41"


def test_a_history_lists_runs_of_earlier_versions_and_fits_its_terminal(tmp_path: Path) -> None:
    """An old record lacks duration, rate and verification."""
    root = tmp_path / "runs"
    old = {name: value for name, value in asdict(FINISHED).items() if name in _OLD}
    for number, (name, record) in enumerate([("old", old), ("new", asdict(replace(FINISHED, run_id="new")))]):
        (root / name).mkdir(parents=True)
        (root / name / "run.json").write_text(json.dumps(record | {"run_id": name}))
        os.utime(root / name / "run.json", ns=(number, number + 1))
    assert RunDirectory(root / "old").read_record().elapsed_s == 0
    rows = run_cli("runs", cwd=tmp_path).stdout.splitlines()
    assert rows == run_cli("runs", "list", cwd=tmp_path).stdout.splitlines()
    assert rows[1].split()[:3] == ["old", "finished", "classic"]
    assert rows[2].split()[:5] == ["new", "verified", "412", "1:05", "8,000"]
    listed = json.loads(run_cli("runs", "--json", cwd=tmp_path).stdout)["runs"]
    assert [(run["name"], run["verified"], run["movements"]) for run in listed] == [
        ("old", None, 0),
        ("new", True, 8000),
    ]
    with terminal("runs", columns=60, cwd=tmp_path) as shown:
        assert shown.end() == 0
    assert shown.screen.rows[0].split() == ["run", "verdict", "movements/s", "duration", "last", "updated"]


def test_damaged_runs_hide_no_others(tmp_path: Path) -> None:
    """A pipe made the list wait for ever, and one damaged record ended it with an error."""
    for name in ("good", "cut", "piped"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    (tmp_path / "runs" / "good" / "run.json").write_text(json.dumps(asdict(replace(FINISHED, run_id="good"))))
    (tmp_path / "runs" / "cut" / "run.json").write_text('{"run_id": "c')
    os.mkfifo(tmp_path / "runs" / "piped" / "run.json")
    shown = run_cli("runs", cwd=tmp_path)
    assert (shown.returncode, len(shown.stdout.splitlines())) == (0, 2)
    assert shown.stderr == "WARNING: runs/cut/run.json: this is not a run record of midaz-seed\n"
    listed = json.loads(run_cli("runs", "--json", cwd=tmp_path).stdout)["runs"]
    assert sorted((run["name"], run["status"]) for run in listed) == [("cut", "damaged"), ("good", "finished")]


_OLD = {
    *("run_id", "plan_digest", "version", "target", "status", "created_at", "updated_at", "planned", "done"),
    *("rejected", "sessions", "exit_code", "verdict", "settings", "plan_format"),
}
