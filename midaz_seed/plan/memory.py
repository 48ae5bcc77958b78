"""An estimate of the memory that a run of a plan needs."""

from midaz_seed.settings.model import Volume

MEMORY_MAX = 2_000_000_000
"""Bytes that a run of a plan may need: about five million accounts, or a hundred million movements."""
ORGANIZATION_BYTES, LEDGER_BYTES, ENTITY_BYTES, ACCOUNT_BYTES, MOVEMENT_BYTES = 2_000, 3_500, 150, 400, 16
"""Estimates of what a run keeps of an item, rounded up. The plan itself needs 150 bytes of an account and none of a
movement; ids, balances and the journal's state come on top."""


def memory_of(volume: Volume) -> int:
    """Return the bytes that a run of a plan needs for what it keeps of each item, an estimate."""
    ledgers = volume.organizations * volume.ledgers_per_organization
    entities = volume.assets_per_ledger + volume.portfolios_per_ledger + volume.segments_per_ledger
    of_one_ledger = LEDGER_BYTES + ENTITY_BYTES * entities
    of_one_ledger += volume.accounts_per_ledger * (ACCOUNT_BYTES + MOVEMENT_BYTES * volume.transactions_per_account)
    return ORGANIZATION_BYTES * volume.organizations + ledgers * of_one_ledger
