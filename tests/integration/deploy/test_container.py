"""The Containerfile and its locked dependencies, without building it: `make container-try` does that."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.chaos.processes import sandbox_process

ROOT = Path(__file__).parents[3]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
STEPS = [
    step
    for step in re.sub(r"\\\n\s*", "", (ROOT / "Containerfile").read_text(encoding="utf-8")).splitlines()
    if step and not step.startswith("#")
]
FINAL = STEPS[max(number for number, step in enumerate(STEPS) if step.startswith("FROM ")) :]


def last(instruction: str) -> str:
    """Return what the last stage has for an instruction."""
    return next(step.removeprefix(f"{instruction} ") for step in reversed(FINAL) if step.startswith(f"{instruction} "))


def locked(name: str) -> dict[str, str]:
    """Return package -> version of a file with locked dependencies, each of which has hashes."""
    entries = re.split(r"\n(?! )", (ROOT / "deploy/container" / name).read_text(encoding="utf-8").strip())
    assert all("--hash=sha256:" in entry for entry in entries)
    return dict(entry.split(" ")[0].split("==") for entry in entries)


@pytest.mark.parametrize(
    ("name", "required"),
    [
        ("requirements.txt", PROJECT["project"]["dependencies"]),
        ("build-requirements.txt", PROJECT["build-system"]["requires"]),
    ],
)
def test_the_locked_dependencies_are_those_of_the_package(name: str, required: list[str]) -> None:
    versions = locked(name)
    for requirement in map(Requirement, required):
        version = versions.get(canonicalize_name(requirement.name), "")
        assert version, f"{requirement.name} is not in {name}: make lock"
        assert requirement.specifier.contains(version), f"{requirement} is {version} in {name}: make lock"


def test_the_image_has_what_its_users_need() -> None:
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', last("LABEL")))
    assert labels["version"] == PROJECT["project"]["version"]
    assert labels["description"].startswith("Fill a Midaz ledger")
    assert (labels["title"], labels["licenses"]) == (PROJECT["project"]["name"], PROJECT["project"]["license"])
    assert (last("STOPSIGNAL"), last("USER"), last("VOLUME")) == ("SIGTERM", "65532:65532", "/runs")
    assert json.loads(last("ENTRYPOINT")) == ["midaz-seed"]
    installs = [step for step in STEPS if "pip install" in step]
    assert all("--require-hashes" in step or "--no-index" in step for step in installs)


def test_the_build_copies_only_files_that_exist_and_are_not_ignored() -> None:
    kept = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sources = [part for step in STEPS if re.match(r"COPY (?!--from)", step) for part in step.split()[1:-1]]
    for source in sources:
        assert (ROOT / source).exists()
        assert f"!{source}" in kept or f"!{Path(source).parent}" in kept


@pytest.mark.slow
async def test_the_health_check_is_that_of_the_sandbox_and_of_nothing_else() -> None:
    command = json.loads(last("HEALTHCHECK").partition("CMD ")[2])

    def check(port: str, process: int | str) -> int:
        code = command[2].replace("3002", port).replace("/proc/1/", f"/proc/{process}/")
        return subprocess.run([sys.executable, *command[1:2], code], capture_output=True, timeout=60).returncode

    async with sandbox_process() as (url, process):
        port = url.rpartition(":")[2]
        assert check(port, process.pid) == 0
        assert check("9", process.pid) != 0  # nothing listens there
    assert check("9", "self") == 0


def test_compose_builds_this_image_and_waits_for_its_sandbox() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert {each["build"]["dockerfile"] for each in services.values()} == {"Containerfile"}
    assert all(each["read_only"] and "/tmp" in each["tmpfs"] for each in services.values())
    assert services["run"]["depends_on"]["sandbox"]["condition"] == "service_healthy"
