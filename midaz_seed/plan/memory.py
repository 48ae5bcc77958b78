"""An estimate of the memory that a run of a plan needs."""

from midaz_seed.settings.model import Settings

MEMORY_MAX = 2_000_000_000
"""Bytes that a run of a plan may need: about five million accounts, or a hundred million movements."""
ORGANIZATION_BYTES, LEDGER_BYTES, ENTITY_BYTES, ACCOUNT_BYTES, MOVEMENT_BYTES = 2_000, 3_500, 150, 450, 16
"""Estimates of what a run keeps of an item, rounded up. The plan itself needs 200 bytes of an account and none of a
movement; ids, balances and the journal's state come on top."""


def customers_of(settings: Settings) -> int:
    """Return the customers of a ledger; of `classic`, where each has one account, its accounts."""
    scenario, volume = settings.scenario, settings.volume
    if scenario.volume.from_settings:
        return volume.accounts_per_ledger
    return volume.customers or scenario.volume.customers or 0


def accounts_of(settings: Settings) -> int:
    """Return the accounts of a ledger, an upper bound where chance decides who owns an account."""
    scenario, volume = settings.scenario, settings.volume
    if scenario.volume.from_settings:
        return volume.accounts_per_ledger
    return customers_of(settings) * max(len(kind.owns) for kind in scenario.accounts.kinds.values())


def movements_of(settings: Settings) -> int:
    """Return the movements of a ledger that are made by chance, or in rounds."""
    scenario, volume = settings.scenario, settings.volume
    if scenario.volume.from_settings:
        return volume.accounts_per_ledger * volume.transactions_per_account
    if volume.movements is not None:
        return volume.movements
    if scenario.volume.per_customer_per_day is None:
        return scenario.volume.movements or 0
    days = scenario.time.history if scenario.time else 1
    return int(scenario.volume.per_customer_per_day * customers_of(settings) * days)


def memory_of(settings: Settings) -> int:
    """Return the bytes that a run of a plan needs for what it keeps of each item, an estimate."""
    volume = settings.volume
    ledgers = volume.organizations * volume.ledgers_per_organization
    entities = volume.assets_per_ledger + volume.portfolios_per_ledger + volume.segments_per_ledger
    if not settings.scenario.volume.from_settings:
        entities = len(settings.scenario.assets) + customers_of(settings)
    of_one_ledger = LEDGER_BYTES + ENTITY_BYTES * entities
    of_one_ledger += accounts_of(settings) * ACCOUNT_BYTES + movements_of(settings) * MOVEMENT_BYTES
    return ORGANIZATION_BYTES * volume.organizations + ledgers * of_one_ledger
