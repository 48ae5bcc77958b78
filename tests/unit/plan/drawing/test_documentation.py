"""docs/distributions.md: its figures are those of the code, and its examples are valid."""

import re
from pathlib import Path
from random import Random

import pytest
import yaml

from midaz_seed.plan.drawing.amounts import compile_amount
from midaz_seed.scenarios.model import AmountSpec, Choice, When

PAGE = (Path(__file__).parents[4] / "docs" / "distributions.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(\{.*\})` \|(.*)\|$", PAGE, flags=re.MULTILINE)
AMOUNTS = [(example, figures) for example, figures in ROWS if figures.count("|") == 5]
OTHERS = [example for example, figures in ROWS if figures.count("|") == 0]
DRAWS = 50_000


def figures_of(example: str) -> list[str]:
    """Return p1, p10, p50, p90, p99 and the mean of an example, with two decimals."""
    draw, bits = compile_amount(AmountSpec.model_validate(yaml.safe_load(example)), 2), Random(1).getrandbits
    amounts = sorted(draw(bits) for _ in range(DRAWS))
    found = [amounts[DRAWS * percent // 100] for percent in (1, 10, 50, 90, 99)]
    found.append((2 * sum(amounts) + DRAWS) // (2 * DRAWS))
    return [f"{minor // 100:,}.{minor % 100:02}" for minor in found]


@pytest.mark.parametrize(("example", "figures"), AMOUNTS)
def test_the_figures_of_a_distribution_are_those_of_its_draws(example, figures):
    assert [figure.strip() for figure in figures.split("|")] == figures_of(example)


def test_every_distribution_has_an_example():
    shown = {name for example, _ in AMOUNTS for name in yaml.safe_load(example)}
    assert set(AmountSpec.model_fields) - {"of", "like", "times"} == shown


@pytest.mark.parametrize("example", OTHERS)
def test_the_examples_of_choices_and_days_are_valid(example):
    values = yaml.safe_load(example)
    (Choice if set(values) <= set(Choice.model_fields) else When).model_validate(values)


def test_every_choice_and_every_rule_has_an_example():
    shown = {name for example in OTHERS for name in yaml.safe_load(example)}
    assert (set(Choice.model_fields) | set(When.model_fields)) - {"at"} == shown
