"""What a run keeps of its settings, and how it names the differences of others."""

from pathlib import Path

import pytest

from midaz_seed.runs.record import differences, stored_settings
from midaz_seed.scenarios.model import canonical_text
from midaz_seed.settings.loader import load_settings
from midaz_seed.settings.model import Settings
from midaz_seed.settings.sources import RawValue
from tests.support.scenarios import SHOP, other_scenario, write_scenario


def settings_of(file: Path, **more: object) -> Settings:
    return Settings.model_validate({"scenario": str(file), **more})


@pytest.mark.parametrize("volume", [{}, {"customers": 7, "movements": 0}])
def test_stored_settings_read_back_without_the_file_of_the_scenario(tmp_path: Path, volume: dict[str, int]) -> None:
    settings = settings_of(other_scenario(tmp_path), volume=volume, seed=9)
    stored = [RawValue(path, value, "run.json", typed=True) for path, value in stored_settings(settings).items()]
    (tmp_path / "other.yaml").unlink()
    assert load_settings(environ={}, stored=stored).settings == settings


def test_the_counts_that_a_scenario_does_not_use_are_not_stored(tmp_path: Path) -> None:
    stored = stored_settings(settings_of(other_scenario(tmp_path)))
    assert "preset" not in stored
    assert "volume.accountsPerLedger" not in stored
    assert stored["volume.organizations"] == 1
    assert "volume.accountsPerLedger" in stored_settings(Settings())


def test_the_differences_name_the_scenario_and_never_print_it(tmp_path: Path) -> None:
    before = settings_of(other_scenario(tmp_path))
    stored = stored_settings(before)
    assert differences(stored, before) == []
    changed = settings_of(write_scenario(tmp_path, SHOP.replace("5.00", "6.00")))
    assert differences(stored, changed) == ["the scenario shop has changed"]
    renamed = settings_of(write_scenario(tmp_path, SHOP.replace("scenario: shop", "scenario: stall")))
    assert differences(stored, renamed) == ["scenario shop -> stall"]
    assert "scenario shop -> classic" in differences(stored, Settings())
    assert not any(canonical_text(before.scenario) in each for each in differences(stored, Settings()))


def test_a_run_of_a_version_without_scenarios_is_one_of_the_default_scenario(tmp_path: Path) -> None:
    stored = {path: value for path, value in stored_settings(Settings()).items() if path != "scenario"}
    assert differences(stored, Settings()) == []
    assert "scenario classic -> shop" in differences(stored, settings_of(other_scenario(tmp_path)))
