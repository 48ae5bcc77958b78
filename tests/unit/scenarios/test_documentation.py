"""The examples of docs/scenarios.md load as they stand there."""

import re
from pathlib import Path

import jsonschema
import pytest

from midaz_seed.scenarios.document import Reader
from midaz_seed.scenarios.loader import builtin_names, load_scenario, scenario_source
from midaz_seed.scenarios.model import Part, Scenario
from midaz_seed.scenarios.render import json_schema
from midaz_seed.scenarios.shape import fields
from tests.support.scenarios import write_scenario

PAGE = Path(__file__).parents[3] / "docs" / "scenarios.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
COMPLETE = EXAMPLES[0]
SCHEMA = jsonschema.Draft202012Validator(json_schema())


def _file(example: str, folder: Path) -> Path:
    """Write an example as a file: those without a name of their own change the first one."""
    write_scenario(folder, COMPLETE, "corner-shop.yaml")
    start = "" if example.startswith("scenario:") else "scenario: example\nextends: corner-shop.yaml\n"
    return write_scenario(folder, start + example)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.split("\n")[0])
def test_an_example_of_the_documentation_loads(example: str, tmp_path: Path) -> None:
    load_scenario(str(_file(example, tmp_path)))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.split("\n")[0])
def test_the_published_schema_accepts_the_examples(example: str, tmp_path: Path) -> None:
    SCHEMA.validate(_plain(_file(example, tmp_path).read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", builtin_names())
def test_the_published_schema_accepts_the_built_in_scenarios(name: str) -> None:
    SCHEMA.validate(_plain(scenario_source(name).text))


@pytest.mark.parametrize(
    "change",
    [
        "nonsense: 1",
        "mix: {x: {wieght: 1}}",
        "mix: {Bad: {weight: 1}}",
        "assets: {BRL: {amount: {constant: 5}}}",
        "volume: {customers: 0}",
        "accounts: {kinds: {person: {share: 101}}}",
    ],
)
def test_the_published_schema_refuses_what_does_not_load(change: str) -> None:
    assert not SCHEMA.is_valid(_plain(f"scenario: x\nextends: builtin:classic\n{change}\n"))


def test_the_published_schema_needs_the_main_parts_of_a_file_that_extends_nothing() -> None:
    assert SCHEMA.is_valid({"scenario": "x", "extends": "builtin:classic"})
    assert not SCHEMA.is_valid({"scenario": "x"})


def test_every_section_of_a_file_has_an_example() -> None:
    shown = {name for text in EXAMPLES for name in re.findall(r"^(\w+):", text, flags=re.MULTILINE)}
    undocumented = {"needs", "language", "assumptions", "portfolios", "segments"}
    assert set(fields(Scenario)) - undocumented <= shown


def _plain(text: str) -> object:
    root = Reader("example").read(text)
    assert root is not None
    return _lists(root.plain())


def _lists(value: object) -> object:
    if isinstance(value, dict):
        return {name: _lists(inner) for name, inner in value.items()}
    return [_lists(inner) for inner in value] if isinstance(value, tuple) else value


def test_every_part_has_a_description() -> None:
    for part in Part.__subclasses__():
        assert part.__doc__, part
