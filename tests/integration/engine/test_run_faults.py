"""Runs under faults: every balance ends as planned, and the counts are those of what happened."""

import pytest

from midaz_seed.runner import seed_async
from tests.support.sandbox import Balances, read_balances, sandbox, undisturbed_balances
from tests.support.settings import settings_for

VOLUME = {"accountsPerLedger": 12, "transactionsPerAccount": 8}
MANY_FAULTS = {
    "rules": [
        {"rate": 0.05, "status": {"code": 500}},
        {"rate": 0.03, "reset": {"when": "before"}},
        {"rate": 0.03, "reset": {"when": "after"}},
        {"rate": 0.02, "truncate": {}},
        {"rate": 0.02, "status": {"code": 503, "when": "after"}},
        {"rate": 0.02, "status": {"code": 429, "retry_after_s": 0}},
    ]
}


@pytest.fixture(scope="module")
def undisturbed() -> Balances:
    """The balances of a run without faults."""
    return undisturbed_balances(volume=VOLUME)


@pytest.mark.parametrize("concurrency", [1, 16, 128])
@pytest.mark.parametrize("faults", [None, MANY_FAULTS], ids=["no faults", "many faults"])
async def test_the_same_seed_ends_in_the_same_balances_at_any_concurrency(
    concurrency: int, faults: dict[str, object] | None, undisturbed: Balances
) -> None:
    async with sandbox(faults) as server:
        settings = settings_for(server.url, volume=VOLUME, limits={"maxConcurrency": concurrency})
        report = await seed_async(settings)
        assert report.exit_code == 0, report.verdict
        assert report.proof is not None
        assert report.proof.ok
        if faults:
            assert sum(server.faults.injected.values()) > 10
        assert await read_balances(server.url) == undisturbed


async def test_foreign_answers_are_recognised_counted_and_sent_again() -> None:
    faults = {"rules": [{"on": "transactions", "rate": 0.05, "foreign_replay": {}}]}
    async with sandbox(faults) as server:
        report = await seed_async(
            settings_for(server.url, volume={"accountsPerLedger": 20, "transactionsPerAccount": 20})
        )
        injected = server.faults.injected["foreign_replay"]
    assert injected > 5
    assert report.exit_code == 0, report.verdict
    assert sum(phase.foreign_replays for phase in report.phases) == injected
    assert {error.error for error in report.errors} == {"foreign_replay"}
    assert sum(error.count for error in report.errors) == injected
