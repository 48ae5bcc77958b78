"""The map of the code is short, and names only what exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "midaz_seed"
PAGE = ROOT / "docs" / "architecture.md"
PAGES = [PAGE, ROOT / "docs" / "design.md"]
LINES_MAX = 175
LINE_LENGTH_MAX = 120

PATH = re.compile(r"`([a-z_/0-9.-]+\.(?:py|md)|[a-z_]+(?:/[a-z_]+)*/)`")
ROW = re.compile(r"^\| `([a-z_/]+)/` \|", re.M)


def _exists(name: str, neighbours: set[Path]) -> bool:
    """Whether a path exists: below the package, in the repository, or (a bare file name) beside one on its line."""
    places = [PACKAGE, ROOT, *(neighbours if "/" not in name else ())]
    return any((place / name).exists() for place in places)


def _missing(page: Path) -> list[str]:
    missing = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        names = PATH.findall(line)
        paths = [PACKAGE / name for name in names]
        neighbours = {path if name.endswith("/") else path.parent for name, path in zip(names, paths, strict=True)}
        missing += [f"{page.name}:{number}: {name}" for name in names if not _exists(name, neighbours)]
    return missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_and_package_that_a_page_names_exists(page: Path) -> None:
    assert len(PATH.findall(page.read_text(encoding="utf-8"))) > 20
    assert _missing(page) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_package_has_a_row() -> None:
    packages = {path.parent.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("__init__.py")} - {"."}
    assert sorted(ROW.findall(PAGE.read_text(encoding="utf-8"))) == sorted(packages)


def test_the_page_fits_on_two_screens() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= LINES_MAX
    assert [line for line in lines if len(line) > LINE_LENGTH_MAX] == []
