"""Same seed, same balances, whatever way the plan is carried out: read from the server, account by account."""

import asyncio
from typing import Any

import pytest

from midaz_seed.runner import seed_async
from tests.support.sandbox import read_balances, sandbox
from tests.support.settings import settings_for

VOLUME = {"organizations": 2, "ledgersPerOrganization": 2, "accountsPerLedger": 6, "transactionsPerAccount": 61}
MOVEMENTS = 4 * 6 * 61


async def _filled(generation: dict[str, Any]) -> dict[str, dict[str, str]]:
    async with sandbox() as server:
        report = await seed_async(settings_for(server.url, volume=VOLUME, generation=generation))
        assert report.exit_code == 0, report.verdict
        assert report.proof is not None
        assert report.proof.ok
        assert report.movements == MOVEMENTS
        return await read_balances(server.url)


@pytest.fixture(scope="module")
def single() -> dict[str, dict[str, str]]:
    """One request for each movement, one process."""
    return asyncio.run(_filled({}))


WAYS: dict[str, dict[str, Any]] = {
    "packed 10": {"batches": {"transactionsPerBatch": 10}},
    "packed 50": {"batches": {"transactionsPerBatch": 50}},
    "packed auto": {"batches": {"transactionsPerBatch": "auto"}},
    "2 shards": {"limits": {"shards": 2}},
    "4 shards, packed 10": {"limits": {"shards": 4}, "batches": {"transactionsPerBatch": 10}},
    "one at a time": {"limits": {"maxConcurrency": 1}},
    "64 in flight": {"limits": {"maxConcurrency": 64}},
    "auto": {"limits": {"maxConcurrency": "auto"}},
    "auto, 2 shards": {"limits": {"maxConcurrency": "auto", "shards": 2}},
    "open loop": {"limits": {"openLoop": True, "requestsPerSecond": 20_000}},
}


@pytest.mark.parametrize("way", WAYS)
async def test_every_way_ends_in_the_same_balance_of_every_account(way: str, single: dict[str, dict[str, str]]) -> None:
    assert await _filled(WAYS[way]) == single
