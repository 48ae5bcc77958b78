"""`midaz-seed report`, and `--html`: the page is where it was asked for, however the command ends."""

import json
import shlex
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

from tests.support.cli import run_cli
from tools.chaos.processes import COMMAND, UNMEASURED_ENVIRONMENT


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run in it, its report and its page."""
    folder = tmp_path_factory.mktemp("finished")
    result = run_cli(
        *("run", "--preset", "tiny", "--seed", "7", "--accounts", "7", "--target", "sandbox"),
        *("--sandbox-data", "data.sqlite", "--report", "r.json", "--html", "r.html", "--quiet"),
        cwd=folder,
    )
    assert result.returncode == 0, result.stderr
    return folder


def test_the_page_of_a_run_is_written_beside_its_report_and_links_to_its_files(finished: Path) -> None:
    (run,) = (finished / "runs").iterdir()
    result = run_cli("report", json.loads((run / "report.json").read_bytes())["run_id"], cwd=finished)
    assert (result.returncode, result.stdout) == (0, f"runs/{run.name}/report.html\n"), result.stderr
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "Verified" in page
    assert '<a href="manifest.json">' in page
    assert run_cli("report", run.name, "--output", "-", cwd=finished).stdout.startswith("<!DOCTYPE html>")


def test_the_report_of_a_session_before_a_killed_one_says_so(finished: Path, tmp_path: Path) -> None:
    (run,) = (finished / "runs").iterdir()
    shutil.copytree(run, tmp_path / "runs" / run.name)
    record = tmp_path / "runs" / run.name / "run.json"
    record.write_text(json.dumps({**json.loads(record.read_bytes()), "status": "running"}))
    result = run_cli("report", run.name, cwd=tmp_path)
    assert result.returncode == 0
    assert "was killed: this is the report before it" in result.stderr


def test_documents_are_utf8_where_the_terminal_is_not(finished: Path, tmp_path: Path) -> None:
    """Latin-1 bytes in a page that says it is UTF-8, and in JSON, could not be read."""
    (run,) = (finished / "runs").iterdir()
    shutil.copytree(run, tmp_path / "runs" / run.name)
    for name in ("run.json", "report.json"):
        document = json.loads((run / name).read_bytes())
        (tmp_path / "runs" / run.name / name).write_text(json.dumps({**document, "verdict": "Secundário"}))
    for arguments in (("report", run.name, "--output", "-"), ("runs", "--json")):
        command, environment = [*COMMAND, *arguments], {**UNMEASURED_ENVIRONMENT, "PYTHONIOENCODING": "latin-1"}
        found = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
        assert "Secundário" in found.stdout.decode("utf-8")


def test_the_page_of_a_file_is_beside_it_and_is_that_of_html(finished: Path) -> None:
    result = run_cli("report", "r.json", "--output", "other.html", cwd=finished)
    assert (result.returncode, result.stdout) == (0, "other.html\n"), result.stderr
    assert (finished / "other.html").read_text() == (finished / "r.html").read_text()
    assert "manifest.json</a>" not in (finished / "other.html").read_text()
    opened = run_cli("report", "r.json", "--open", cwd=finished, environment={"BROWSER": "true %s"})
    assert (opened.returncode, opened.stdout) == (0, "r.html\n"), opened.stderr


def test_the_settings_of_the_page_find_the_same_data_as_planned(finished: Path) -> None:
    page = (finished / "r.html").read_text(encoding="utf-8")
    command = shlex.split(unescape(page.split('<pre id="command">')[1].split("</pre>")[0]))
    assert command[:2] == ["midaz-seed", "run"]
    result = run_cli("verify", *command[2:], "--json", "--quiet", cwd=finished)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["plan_digest"] in page


def test_a_command_that_fails_leaves_a_page_that_says_so_and_never_an_older_one(tmp_path: Path) -> None:
    page = tmp_path / "r.html"
    for arguments, text in (
        (["--target", "http://127.0.0.1:9"], "no connection to 127.0.0.1:9"),
        (["--nonsense"], "unknown option --nonsense"),
        (["--set", "breaker.openS=x"], "breaker.openS"),
    ):
        page.write_text("the page of an earlier run")
        result = run_cli("run", *arguments, "--html", str(page), "--report", str(tmp_path / "r.json"), cwd=tmp_path)
        assert result.returncode in (2, 3)
        assert text in unescape(page.read_text(encoding="utf-8"))
    made = run_cli("report", "r.json", "--output", "-", cwd=tmp_path)
    assert (made.returncode, "breaker.openS" in made.stdout) == (0, True)


def test_a_page_that_cannot_be_written_is_a_usage_error_before_the_run(tmp_path: Path) -> None:
    result = run_cli("run", "--target", "sandbox", "--html", "absent/r.html", cwd=tmp_path)
    assert result.returncode == 2
    assert "the HTML report cannot be written" in result.stderr
    assert "--json" not in result.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent"], "unknown run absent"),
        (["absent.json"], "no such file"),
        (["notes.json"], "not a report of midaz-seed"),
        (["notes.json", "--output", "-", "--open"], "--open needs a file"),
    ],
)
def test_what_has_no_page_is_a_usage_error_with_its_place(tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "notes.json").write_text('{"notes": []}')
    result = run_cli("report", *arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr
    assert "hint:" in result.stderr
