"""The plans of the trials, as flags of `midaz-seed run`."""

from pathlib import Path

BATCHED = ["--transactions-per-batch", "10"]
SHARDED = ["--shards", "2"]
WITHOUT_METADATA = ["--metadata", "none"]
TINY = ["--preset", "small", "--accounts", "24", "--transactions", "12"]
HISTORY = ["--scenario", str(Path(__file__).with_name("history.yaml"))]
"""A history of which every session that is done has compared each day."""
SEVERAL_SOURCES = ["--preset", "small", "--accounts", "150", "--transactions", "5", "--transactions-per-batch", "20"]
"""Batches of up to five source accounts."""
_SMALL = ["--preset", "small", "--transactions", "10"]
_MANY_LEDGERS = ["--preset", "medium", "--accounts", "40", *BATCHED]


def few_accounts(accounts: int, transactions: int) -> list[str]:
    """One ledger with one asset and few accounts: many subsets of its unresolved transactions explain a balance."""
    counts = {"organizations": 1, "ledgers": 1, "assets": 1, "portfolios": 0, "segments": 0}
    volume = {**counts, "accounts": accounts, "transactions": transactions}
    return [part for name, count in volume.items() for part in (f"--{name}", str(count))]


_FEW_ACCOUNTS = [few_accounts(2, 700), few_accounts(3, 450), few_accounts(4, 350), few_accounts(2, 300)]
_COMMON = [
    *(_SMALL, _MANY_LEDGERS),
    *([*_SMALL, *SHARDED], [*_MANY_LEDGERS, *SHARDED, "--concurrency", "auto"]),
    SEVERAL_SOURCES,
]


def common_plan(number: int) -> list[str]:
    """A plain, batched or sharded plan; they repeat."""
    return _COMMON[number % len(_COMMON)]


def few_accounts_plan(number: int) -> list[str]:
    """A plan with few accounts; the four repeat."""
    return _FEW_ACCOUNTS[number % len(_FEW_ACCOUNTS)]
