"""Texts from Faker, for users who ask for them: the same for one seed, refused by name without such a method."""

from pathlib import Path

import pytest

from midaz_seed.errors import ConfigurationError
from midaz_seed.plan.plan import build_plan
from midaz_seed.scenarios.loader import load_scenario
from midaz_seed.settings.model import Settings

FILE = """\
scenario: jobs
about: Texts from Faker.
extends: builtin:bank-base
time: {{history: 8 days}}
volume: {{customers: 20}}
schedules:
  salario: {{remove: true}}
  aluguel: {{remove: true}}
mix:
  pix-p2p: {{says: "Pix, {{faker:{method}}}"}}
"""


def written(folder: Path, method: str) -> str:
    file = folder / "jobs.yaml"
    file.write_text(FILE.format(method=method))
    return str(file)


def test_a_text_from_faker_is_the_same_in_every_plan_of_a_seed(tmp_path: Path) -> None:
    chosen = Settings(scenario=load_scenario(written(tmp_path, "job")))
    one, other = ([item.body for item in build_plan(chosen).ledgers[0].transfers()] for _ in range(2))
    assert one == other
    texts = {body.partition(b'"metadata"')[0] for body in one if b"Pix, " in body}
    assert len(texts) > 5


def test_a_method_that_faker_does_not_have_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"\{faker:job\}"):
        load_scenario(written(tmp_path, "jobb"))
