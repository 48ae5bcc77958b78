"""The worked example of docs/scenarios.md, Python generators: installed as a package would, it makes the movements."""

import json
import re
from pathlib import Path

import pytest

from midaz_seed.plan.flows.generated import load_generator
from midaz_seed.plan.items import Phase
from midaz_seed.plan.plan import build_plan
from midaz_seed.scenarios.generators import installed_generators
from midaz_seed.scenarios.loader import load_scenario
from midaz_seed.settings.model import Settings

PAGE = (Path(__file__).parents[3] / "docs/scenarios.md").read_text(encoding="utf-8")


def _block(language: str, holds: str) -> str:
    (block,) = [text for text in re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL) if holds in text]
    return str(block)


def test_the_example_of_the_page_makes_the_movements_of_its_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "crowd-1.dist-info"
    info.mkdir()
    (tmp_path / "crowd.py").write_text(_block("python", "def crowdfunding"), encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: crowd\nVersion: 1\n", encoding="utf-8")
    (name,) = re.findall(r"^(crowdfunding = .*)$", _block("toml", "entry-points").replace('"', ""), flags=re.MULTILINE)
    (info / "entry_points.txt").write_text(f"[midaz_seed.generators]\n{name}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    for cached in (installed_generators, load_generator):
        cached.cache_clear()
    file = tmp_path / "crowd.yaml"
    head = "scenario: crowd\nabout: An example.\nextends: builtin:bank-base\nvolume: {customers: 30}\n"
    file.write_text(head + _block("text", "generator: crowdfunding"), encoding="utf-8")

    (ledger,) = build_plan(Settings(scenario=load_scenario(str(file)))).ledgers

    made = [item for item in ledger.transactions(Phase.TRANSFERS) if ".vaquinha." in item.key]
    assert {item.endpoint for item in made} == {"json", "outflow"}
    assert all(json.loads(item.body)["description"] == "Vaquinha" for item in made)
    assert len({item.movements[0].destination for item in made if item.endpoint == "json"}) == 1
    for cached in (installed_generators, load_generator):
        cached.cache_clear()
