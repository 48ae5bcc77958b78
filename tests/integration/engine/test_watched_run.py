"""What a display reads of a run: the status of each ledger, the day of the history, the figures of shards."""

from pathlib import Path

import pytest

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.watched_run import watched_run
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.progress import Watched
from midaz_seed.runner import seed_async, verify_async
from tests.support.history import history_settings
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for


def statuses(watched: Watched) -> list[str]:
    """The status of each ledger, in the order of the plan."""
    return [ledger.status for organization in watched.organizations for ledger in organization.ledgers]


class Follower:
    """Follows a run, and keeps what it has shown."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.days: list[int] = []
        self.watched: Watched | None = None

    async def watch(self, context: RunContext) -> None:
        self.watched = watched_run(context)
        while True:
            self.seen |= set(statuses(self.watched))
            days = [ledger.day for ledger in context.meter.ledgers.values() if ledger.phase is Phase.TRANSFERS]
            self.days += [day for day in days if day and day not in self.days]
            await context.clock.sleep(0.002)


@pytest.mark.parametrize("shards", [1, 2])
async def test_ledgers_are_waiting_then_running_then_done_also_those_of_shards(shards: int) -> None:
    follower = Follower()
    volume = {"organizations": 2, "ledgersPerOrganization": 2, "accountsPerLedger": 6, "transactionsPerAccount": 20}
    limits = {"shards": shards, "ledgersInParallel": 2, "requestsPerSecond": 0 if shards == 1 else 250}
    async with sandbox() as server:  # shards report twice a second, so they need seconds to be seen at work
        settings = settings_for(server.url, volume=volume, limits=limits)
        report = await seed_async(settings, watch=follower.watch)
        assert report.exit_code == 0
        again = Follower()
        if shards == 1:
            assert (await verify_async(settings, watch=again.watch)).exit_code == 0
            assert "running" in again.seen, "of a verification too"
    assert follower.watched is not None
    assert statuses(follower.watched) == ["done"] * 4
    assert {"waiting", "running"} <= follower.seen <= {"waiting", "running", "done"}
    assert [organization.key for organization in follower.watched.organizations] == ["o1", "o2"]
    windows = follower.watched.timeline.whole().windows
    assert sum(phase.movements for window in windows for phase in window.phases.values()) == report.movements


async def test_a_failed_ledger_has_its_reason() -> None:
    follower = Follower()
    refused = {"rules": [{"on": "assets", "methods": ["POST"], "status": {"code": 422}}]}
    async with sandbox(refused) as server:
        report = await seed_async(settings_for(server.url), watch=follower.watch)
    assert report.exit_code == 1
    assert follower.watched is not None
    [[ledger]] = [organization.ledgers for organization in follower.watched.organizations]
    assert (ledger.status, ledger.reason) == ("failed", report.ledgers[0].reason)


async def test_the_day_of_a_history_follows_its_order(tmp_path: Path) -> None:
    follower = Follower()
    async with sandbox() as server:
        settings = history_settings(server.url, tmp_path)
        assert (await seed_async(settings, watch=follower.watch)).exit_code == 0
    assert len(follower.days) > 3
    assert follower.days == sorted(follower.days)
