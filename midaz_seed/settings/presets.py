"""The presets: counts by the fields of `Volume`.

small, medium and large have the numbers of the older demo generator.
"""

from collections.abc import Mapping
from types import MappingProxyType


def _counts(
    organizations: int, ledgers: int, assets: int, portfolios: int, segments: int, accounts: int, transactions: int
) -> Mapping[str, int]:
    return MappingProxyType(
        {
            "organizations": organizations,
            "ledgers_per_organization": ledgers,
            "assets_per_ledger": assets,
            "portfolios_per_ledger": portfolios,
            "segments_per_ledger": segments,
            "account_types_per_ledger": 0,
            "accounts_per_ledger": accounts,
            "transactions_per_account": transactions,
        }
    )


PRESETS: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "tiny": _counts(1, 1, 2, 1, 1, 6, 4),
        "small": _counts(2, 2, 3, 2, 2, 100, 20),
        "medium": _counts(5, 3, 5, 3, 4, 50, 20),
        "large": _counts(10, 5, 8, 5, 6, 1000, 20),
    }
)
