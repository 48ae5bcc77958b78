"""Movements that a Python generator makes: what it may yield, and what is refused before anything is sent."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from midaz_seed.errors import PlanError
from midaz_seed.plan.flows.generated import load_generator
from midaz_seed.plan.plan import build_plan
from midaz_seed.scenarios.generators import installed_generators
from midaz_seed.settings.model import Settings
from tests.support.scenarios import SHOP, write_scenario

CODE = """\
import random

def good(day):
    accounts = day.accounts("person.checking")
    for number in range(day.count):
        yield ((accounts[number % 5], accounts[5 + number % 5], 100 + day.bits(5)),), 0

def other_chance(day):
    accounts = day.accounts("person.checking")
    for number in range(day.count):
        yield ((accounts[0], accounts[1], random.randint(1, 10**12)),), 0

def text_second(day):
    yield ((0, 1, 100),), "12:00"

def part_of_a_second(day):
    yield ((0, 1, 100),), 0.5

def pair(day):
    yield ((0, 1),), 0

def number(day):
    yield 5, 0

def alias(day):
    yield (("fees", "ana", 100),), 0

def part_of_an_account(day):
    yield ((1.0, 2, 100),), 0

def closed(day):
    population = day.population
    inactive = next(account for account, status in enumerate(population.status) if status)
    yield ((inactive, 0, 100),), 0
"""
NAMES = [line.removeprefix("def ").split("(")[0] for line in CODE.splitlines() if line.startswith("def ")]


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the generators as a package would."""
    info = tmp_path / "made-1.dist-info"
    info.mkdir()
    (tmp_path / "made_movements.py").write_text(CODE, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: made\nVersion: 1\n", encoding="utf-8")
    points = "".join(f"{name.replace('_', '-')} = made_movements:{name}\n" for name in NAMES)
    (info / "entry_points.txt").write_text(f"[midaz_seed.generators]\n{points}", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    for cache in (installed_generators, load_generator):
        cache.cache_clear()
    yield
    for cache in (installed_generators, load_generator):
        cache.cache_clear()


def _settings(folder: Path, name: str) -> Settings:
    text = SHOP.replace("person: {share", "person: {status: {closed: 10 %}, share")
    return Settings.model_validate(
        {"scenario": str(write_scenario(folder, f"{text}  made: {{weight: 5, generator: {name}}}\n"))}
    )


def test_a_generator_makes_the_movements_of_its_entry(tmp_path: Path) -> None:
    settings = _settings(tmp_path, "good")
    assert build_plan(settings).digest == build_plan(settings).digest


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("other-chance", "makes other movements when it is called again"),
        ("text-second", "its second '12:00' is not from 0"),
        ("part-of-a-second", "its second 0.5 is not from 0"),
        ("pair", "the generator pair failed: TypeError"),
        ("number", "the generator number failed: TypeError"),
        ("alias", "there is no account 'ana'"),
        ("part-of-an-account", "there is no account 1.0"),
        ("closed", "is not active"),
    ],
)
def test_a_generator_whose_movements_cannot_be_sent_is_refused(name: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(PlanError) as caught:
        build_plan(_settings(tmp_path, name))
    assert problem in caught.value.message
    assert caught.value.hint
