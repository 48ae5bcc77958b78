"""`midaz-seed plan --profile` and `--export` as a user meets them."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import run_cli
from tools.chaos.processes import CLEAN_ENVIRONMENT


def test_the_profile_is_text_for_people_and_one_document_for_programs(tmp_path: Path) -> None:
    text = run_cli("plan", "--scenario", "demo", "--profile", cwd=tmp_path)
    assert (text.returncode, text.stderr) == (0, "")
    for part in (
        "scenario demo",
        "90 days, 2026-08-28 to 2026-11-25",
        "mix.pix-p2p",
        "3 pay days",
        "padaria-demo",
        "█",
    ):
        assert part in text.stdout
    document = json.loads(run_cli("plan", "--scenario", "demo", "--profile", "--json", cwd=tmp_path).stdout)
    assert document["scenario"] == "demo"
    assert document["history"]["days"][0]["date"] == "2026-08-28"


def test_a_terminal_without_block_characters_gets_ascii() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "midaz_seed", "plan", "-v", "tiny", "--profile"],
        capture_output=True,
        timeout=60,
        check=True,
        env=CLEAN_ENVIRONMENT | {"PYTHONIOENCODING": "ascii"},
    )
    assert result.stdout.isascii()
    assert b"####" in result.stdout


def test_every_transaction_is_exported_as_a_row(tmp_path: Path) -> None:
    result = run_cli("plan", "-v", "tiny", "--export", "moves.csv", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    with (tmp_path / "moves.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == json.loads(result.stdout)["transactions"] == 24
    assert [path.name for path in tmp_path.iterdir()] == ["moves.csv"]


def test_the_plan_names_days_and_raised_openings(tmp_path: Path) -> None:
    result = run_cli("plan", "--scenario", "demo", cwd=tmp_path)
    assert "90 days, 2026-08-28 to 2026-11-25" in result.stdout
    assert "opening balances raised for" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--export", "moves.xlsx"), "must end in .csv or .parquet"),
        (("--export", "gone/moves.csv"), "the export cannot be written: No such file or directory"),
        (("--show", "o1", "--profile"), "--profile has no effect on --show"),
        (("--show", "o1", "--export", "moves.csv"), "--export has no effect on --show"),
        (("--profile", "--rate", "7"), "--rate has no effect on --profile"),
    ],
)
def test_what_cannot_be_done_is_refused(tmp_path: Path, arguments: tuple[str, ...], reason: str) -> None:
    result = run_cli("plan", "-v", "tiny", *arguments, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert reason in result.stderr
    assert "hint:" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_parquet_without_its_library_names_the_extra(tmp_path: Path) -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        result = run_cli("plan", "-v", "tiny", "--export", "moves.parquet", cwd=tmp_path)
        assert result.returncode == 2
        assert "pip install 'midaz-seed[parquet]'" in result.stderr
    else:
        result = run_cli("plan", "-v", "tiny", "--export", "moves.parquet", cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert (tmp_path / "moves.parquet").read_bytes()[:4] == b"PAR1"
