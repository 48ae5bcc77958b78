"""The GitHub action, whose shell steps are executed here, and the workflows."""

import json
import os
import re
import signal
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.chaos.processes import UNMEASURED_ENVIRONMENT
from tools.github_action import ACTION, ROOT, run_action

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


@pytest.mark.slow
def test_the_action_starts_a_sandbox_and_fills_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step that installs the package is tried by `make dist-try`."""
    command = tmp_path / "bin/midaz-seed"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m midaz_seed "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    for name in {*os.environ} - {*UNMEASURED_ENVIRONMENT}:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    folder = tmp_path / "runner"
    folder.mkdir()
    outputs = run_action(folder, {"port": "0", "arguments": "--seed 7 --accounts 4"}, skip="Install midaz-seed")
    try:
        with urllib.request.urlopen(f"{outputs['url']}/v1/organizations") as answer:
            assert len(json.load(answer)["items"]) == 1
        report = json.loads((Path(outputs["directory"]) / "report.json").read_text(encoding="utf-8"))
        assert (report["exit_code"], report["seed"], report["movements"]) == (0, 7, 16)
        assert "every balance is the planned one" in outputs["summary"]
        uploaded = ACTION["runs"]["steps"][-1]["with"]["path"]
        for name in ("report.json", "report.html", "junit.xml", "manifest.json", "sandbox.log"):
            assert (Path(outputs["directory"]) / name).stat().st_size
            assert name.replace("report.json", "report.*").replace("report.html", "report.*") in uploaded
        again = tmp_path / "again"
        again.mkdir()
        with pytest.raises(RuntimeError, match=r"Start the sandbox: exit code 1\nerror: .*in use"):
            run_action(again, {"port": outputs["url"].rpartition(":")[2]}, skip="Install midaz-seed")
    finally:
        os.kill(int(outputs["pid"]), signal.SIGTERM)


def test_every_input_of_the_action_is_used_and_described() -> None:
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"inputs\.(\w+)", text)) == set(ACTION["inputs"])
    assert all(each["description"] and "default" in each for each in ACTION["inputs"].values())
    # an expression in a script would execute what the input has
    assert not any("${{" in step.get("run", "") for step in ACTION["runs"]["steps"])


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_is_whole(file: Path) -> None:
    """`make check` calls actionlint too, where it is installed."""
    workflow: dict[Any, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert {"name", True, "permissions", "jobs"} == set(workflow)  # YAML 1.1 reads `on` as true
    assert workflow["permissions"] == {"contents": "read"}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for job in workflow["jobs"].values():
        needs = job.get("needs", [])
        assert set([needs] if isinstance(needs, str) else needs) <= set(workflow["jobs"])
        assert {"runs-on", "timeout-minutes", "steps"} <= set(job)
        for step in job["steps"]:
            assert ("run" in step) is not ("uses" in step)
            assert "@" in step.get("uses", "@") or step["uses"] == "./"
            assert "${{" not in step.get("run", "")
            for target in re.findall(r"^make ([\w-]+)$", step.get("run", ""), flags=re.MULTILINE):
                assert f"\n{target}:" in makefile
            if step.get("uses") == "./":
                assert set(step["with"]) <= set(ACTION["inputs"])


def test_only_the_job_that_publishes_may_and_no_token_is_stored() -> None:
    release = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8"))
    publishing = [name for name, job in release["jobs"].items() if "pypi-publish" in str(job["steps"])]
    assert publishing == ["publish"]
    assert release["jobs"]["publish"]["permissions"]["id-token"] == "write"
    assert "secrets.PYPI" not in str(release)
    assert {"try", "container"} == set(release["jobs"]["publish"]["needs"])
