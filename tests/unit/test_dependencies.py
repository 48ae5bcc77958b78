"""What the tests, tools and benchmarks import has to be declared, or a fresh machine lacks it."""

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OWN = {"midaz_seed", "tests", "tools", "benchmarks"}
CARRIED = {"annotated_types", "markupsafe", "pydantic_core", "yarl"}
"""Parts of pydantic's, Jinja2's and aiohttp's public interfaces, which they bring along."""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


distributions_of_packages = cache(packages_distributions)
"""Package -> the distributions that have it; it reads the lists of files of all of them."""


def _names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9._-]", each, maxsplit=1)[0].lower().replace("_", "-") for each in requirements}


def _imported_at_once(path: Path) -> set[str]:
    """Return the packages that a module needs; what a `try` or a function imports may be absent."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    found = {alias.name.partition(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return found | {node.module.partition(".")[0] for node in nodes if isinstance(node, ast.ImportFrom) and node.module}


@pytest.mark.parametrize("folder", ["midaz_seed", "tests", "tools"])
def test_every_imported_package_is_declared(folder: str) -> None:
    declared = _names(PROJECT["project"]["dependencies"])
    if folder != "midaz_seed":
        declared |= _names(PROJECT["dependency-groups"]["dev"])
    declared.add("pytest")  # which alone imports `midaz_seed.pytest_plugin`
    distributions = distributions_of_packages()
    undeclared = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / folder).rglob("*.py")
        for name in _imported_at_once(path)
        - OWN
        - CARRIED
        - sys.stdlib_module_names
        - {each.stem for each in path.parent.glob("*.py")}
        if not declared & {each.lower().replace("_", "-") for each in distributions.get(name, [name])}
    }
    assert undeclared == set()
