"""docs/plan.md maps every row of the improvement plan to code and to a test; both must exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|\n ").split("|")]
    for line in (ROOT / "docs/plan.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| \d\.\d ", line)
]
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))
}
PLAN = {"1.1", "1.2", "2.1", "2.2", "2.3", "3.1", "3.2", "3.3", "4.1", "4.2", "4.3", "5.1", "5.2"}


def test_every_row_of_the_plan_is_there() -> None:
    assert {row[0] for row in ROWS} == PLAN


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]} {row[1][:40]}" for row in ROWS])
def test_every_row_names_code_and_a_test_that_exist(row: list[str]) -> None:
    _, _, code, test = row
    for file in re.findall(r"`([^`]+)`", code):
        assert (ROOT / file).is_file(), f"{file} does not exist"
    for name in re.findall(r"`([^`]+)`", test):
        assert name in TESTS, f"there is no test {name}"
