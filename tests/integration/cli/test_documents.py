"""What the documents show is what happens: their Python runs, their commands exist, their session is a real one."""

import asyncio
import inspect
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import midaz_seed
from tests.support.cli import run_cli
from tools.chaos.processes import UNMEASURED_ENVIRONMENT

ROOT = Path(__file__).parents[3]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def _blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


# the tutorial's needs the steps before it: tests/integration/documentation executes them in order
PYTHON = [path for path in DOCUMENTS if _blocks(path, "python") and path.name != "tutorial.md"]
COMMANDS = [
    re.split(r"(?:^|\s)#", line)[0].strip()
    for path in DOCUMENTS
    for block in _blocks(path, "sh")
    for line in block.splitlines()
    if line.startswith("midaz-seed ")
]


@pytest.mark.parametrize("path", PYTHON, ids=[path.name for path in PYTHON])
def test_examples_in_the_documents_run(path: Path) -> None:
    names: dict[str, object] = {"__name__": "example"}
    for block in _blocks(path, "python"):
        code = compile(block, path.name, "exec", flags=__import__("ast").PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(code, names)  # a block with `await` gives a coroutine
        if inspect.iscoroutine(result):
            asyncio.run(result)


@pytest.mark.parametrize("command", sorted(set(COMMANDS)))
def test_every_command_in_the_documents_has_flags_that_exist(command: str) -> None:
    words = shlex.split(command)[1:]
    words = words[: next((index for index, word in enumerate(words) if word in (">", "|", "||")), len(words))]
    flags = [word for word in words if word.startswith("-")]
    verbs = (
        [word for word in words[:2] if not word.startswith("-")]
        if words[0] in ("config", "scenario", "runs")
        else [word for word in words[:1] if not word.startswith("-")]
    )
    shown = run_cli(*verbs, "--help").stdout
    for flag in flags:
        assert re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", shown), f"{command}: {flag} is not in --help"


def _shape(text: str) -> list[str]:
    """The text without what differs from run to run: numbers of speed, time and memory."""
    lines = [re.sub(r"\s+", " ", re.sub(r"[\d,.]+", "#", line)).strip() for line in text.strip().splitlines()]
    return [
        re.sub(r"(# ?)+$", "#", re.sub(r"run s[\w#]+", "run id", re.sub(r"plan [0-9a-f#]+", "plan id", line)))
        for line in lines
    ]


@pytest.mark.thorough  # 8,000 movements, as `make demo` has them
def test_the_session_in_the_readme_is_what_the_command_prints() -> None:
    (block,) = _blocks(ROOT / "README.md", "console")
    first, _, shown = block.partition("\n")
    assert first == "$ midaz-seed run --preset small --target sandbox"
    real = subprocess.run(
        [sys.executable, "-m", "midaz_seed", *shlex.split(first)[2:], "-q"],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
        env=UNMEASURED_ENVIRONMENT,
    ).stdout
    # on a busy machine the report has more to say
    for more in (
        r"^  the client (waited|limited).*\n(    .*\n)*",
        r"^steady state.*\n(  .*\n)*",
        r"^\w+: .* drained in .*\n",
    ):
        real = re.sub(more, "", real, flags=re.MULTILINE)
    assert _shape(shown) == _shape(real)


def test_the_public_names_are_the_exported_ones() -> None:
    assert midaz_seed.__all__ == sorted(midaz_seed.__all__)
    for name in midaz_seed.__all__:
        assert getattr(midaz_seed, name) is not None
    with pytest.raises(AttributeError):
        midaz_seed.no_such_name  # noqa: B018 - reading it is the test


def test_every_link_between_the_documents_leads_somewhere() -> None:
    for path in DOCUMENTS:
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"
