"""The presets are the old generator's numbers, however settings are made."""

from typing import get_args

import pytest

from midaz_seed.settings.model import Settings, Volume
from midaz_seed.settings.presets import PRESETS

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
