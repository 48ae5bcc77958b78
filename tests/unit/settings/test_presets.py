"""The presets are the old generator's numbers, however settings are made."""

from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from midaz_seed.settings.model import Settings, Volume
from midaz_seed.settings.presets import PRESETS
from tests.support.scenarios import SHOP, other_scenario, write_scenario

# organizations, ledgers, assets, portfolios, segments, accounts, transactions;
# ledgers, accounts and transactions in all
NUMBERS = {
    "tiny": ((1, 1, 2, 1, 1, 6, 4), (1, 6, 24)),
    "small": ((2, 2, 3, 2, 2, 100, 20), (4, 400, 8_000)),
    "medium": ((5, 3, 5, 3, 4, 50, 20), (15, 750, 15_000)),
    "large": ((10, 5, 8, 5, 6, 1000, 20), (50, 50_000, 1_000_000)),
}


@pytest.mark.parametrize("preset", NUMBERS)
def test_a_preset_has_the_old_generators_numbers(preset: str) -> None:
    volume = Settings.model_validate({"preset": preset}).volume
    columns, (ledgers, accounts, transactions) = NUMBERS[preset]
    assert columns == (
        volume.organizations,
        volume.ledgers_per_organization,
        volume.assets_per_ledger,
        volume.portfolios_per_ledger,
        volume.segments_per_ledger,
        volume.accounts_per_ledger,
        volume.transactions_per_account,
    )
    assert volume.account_types_per_ledger == 0
    assert volume.organizations * volume.ledgers_per_organization == ledgers
    assert ledgers * volume.accounts_per_ledger == accounts
    assert accounts * volume.transactions_per_account == transactions


def test_the_presets_and_the_names_that_the_setting_takes_are_the_same() -> None:
    assert tuple(PRESETS) == get_args(Settings.model_fields["preset"].annotation)


def test_a_preset_has_a_number_for_every_count() -> None:
    for counts in PRESETS.values():
        assert list(counts) == [name for name, info in Volume.model_fields.items() if info.default is not None]


def test_without_a_preset_the_counts_are_those_of_small() -> None:
    assert Settings().volume == Volume() == Settings(preset="small").volume


@pytest.mark.parametrize("name", ["accountsPerLedger", "accounts_per_ledger"])
def test_a_count_that_is_given_beats_the_preset_and_leaves_the_others(name: str) -> None:
    volume = Settings.model_validate({"preset": "medium", "volume": {name: 7}}).volume
    assert (volume.accounts_per_ledger, volume.organizations) == (7, 5)


def test_a_scenario_sets_the_numbers_of_ledgers_instead_of_the_preset(tmp_path: Path) -> None:
    file = write_scenario(tmp_path, SHOP.replace("{customers: 20", "{organizations: 3, ledgers: 4, customers: 20"))
    volume = Settings.model_validate({"scenario": str(file), "preset": "large"}).volume
    assert (volume.organizations, volume.ledgers_per_organization) == (3, 4)
    given = Settings.model_validate({"scenario": str(file), "volume": {"ledgersPerOrganization": 1, "customers": 2}})
    assert (given.volume.organizations, given.volume.ledgers_per_organization, given.volume.customers) == (3, 1, 2)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"volume": {"customers": 5}}, "customers and movements have no effect"),
        ({"volume": {"movements": 0}}, "customers and movements have no effect"),
        ({"scenario": "other.yaml", "volume": {"accounts_per_ledger": 5}}, "volume.accountsPerLedger has no effect"),
    ],
)
def test_counts_that_the_scenario_does_not_use_are_refused(
    settings: dict[str, object], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    other_scenario(tmp_path)
    with pytest.raises(ValidationError, match=name):
        Settings.model_validate(settings)
