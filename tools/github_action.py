"""Execute the shell steps of action.yml as GitHub does, for tests and for `make dist-try`."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
EXPRESSION = re.compile(r"\$\{\{ ([\w.]+) \}\}")


def run_action(folder: Path, inputs: Mapping[str, str], *, skip: str = "") -> dict[str, str]:
    """Execute the shell steps, except the one of the name `skip`.

    Args:
        folder: an empty directory for the files of the runner.
        inputs: values of inputs; the others have their defaults.
        skip: name of a step.

    Returns:
        The outputs of the action, and `summary`: the summary of the job.

    Raises:
        RuntimeError: a step failed; with its output.
    """
    given = {name: str(each["default"]) for name, each in ACTION["inputs"].items()} | dict(inputs)
    values = {f"inputs.{name}": value for name, value in given.items()} | {"github.action_path": str(ROOT)}
    files = {name: folder / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.touch()
    runner = {"RUNNER_TEMP": str(folder), **{name: str(file) for name, file in files.items()}}
    for step in ACTION["runs"]["steps"]:
        if "run" not in step or step["name"] == skip:
            continue
        path = os.pathsep.join([*files["GITHUB_PATH"].read_text(encoding="utf-8").split(), os.environ["PATH"]])
        expressions = {name: EXPRESSION.sub(lambda found: values[found[1]], text) for name, text in step["env"].items()}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(
            command,
            env={**os.environ, **runner, **expressions, "PATH": path},
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{step['name']}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        for line in files["GITHUB_OUTPUT"].read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            values[f"steps.{step.get('id', '')}.outputs.{name}"] = value
    outputs = {name: EXPRESSION.sub(lambda found: values[found[1]], each["value"])
               for name, each in ACTION["outputs"].items()}  # fmt: skip
    return outputs | {"summary": files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")}
