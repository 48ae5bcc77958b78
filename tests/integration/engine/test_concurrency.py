"""`maxConcurrency: auto` in whole runs: against servers that can do only so much at a time."""

from typing import Any

import pytest

from midaz_seed.reporting.events import ConcurrencyChanged, Event
from midaz_seed.reporting.text_report import render_text
from midaz_seed.runner import seed_async
from tests.support.sandbox import read_balances, sandbox
from tests.support.settings import settings_for

pytestmark = pytest.mark.slow

VOLUME = {"organizations": 1, "ledgersPerOrganization": 2, "accountsPerLedger": 100, "transactionsPerAccount": 20}


def _capacity(**effect: Any) -> dict[str, Any]:
    return {"rules": [{"on": "transactions", "methods": ["POST"], "capacity": effect}]}


def _auto(url: str, accounts: int = 30, **limits: Any) -> Any:
    volume = {**VOLUME, "accountsPerLedger": accounts}
    return settings_for(url, volume=volume, limits={"maxConcurrency": "auto", **limits})


async def test_more_are_in_flight_where_the_server_has_room_and_every_balance_is_the_one_of_a_fixed_number() -> None:
    events: list[Event] = []
    async with sandbox(_capacity(at_once=64, ms=5)) as server:
        report = await seed_async(_auto(server.url, VOLUME["accountsPerLedger"]), emit=events.append)
        found = await read_balances(server.url)
    async with sandbox() as server:
        await seed_async(settings_for(server.url, volume=VOLUME))
        assert found == await read_balances(server.url)
    assert report.exit_code == 0, report.verdict
    assert report.concurrency.auto
    changes = report.concurrency.changes
    assert changes[0].in_flight == 4
    assert max(change.in_flight for change in changes) >= 8
    told = [(event.at_s, event.in_flight) for event in events if isinstance(event, ConcurrencyChanged)]
    assert told == [(change.at_s, change.in_flight) for change in changes]
    assert "concurrency: auto, " in render_text(report)


async def test_a_server_that_refuses_what_is_too_much_gets_less_and_loses_nothing() -> None:
    async with sandbox(_capacity(at_once=2, ms=1, waiting_max=1)) as server:
        report = await seed_async(_auto(server.url))
        refused = server.faults.injected["capacity"]
    assert report.exit_code == 0, report.verdict
    assert report.failed_items_total == 0
    assert report.proof is not None
    assert report.proof.ok
    assert refused > 0
    assert report.concurrency.in_flight < 16


@pytest.mark.parametrize("shards", [1, 2])
async def test_a_fixed_number_is_never_exceeded(shards: int) -> None:
    limits = {"maxConcurrency": 6, "shards": shards}
    async with sandbox() as server:
        report = await seed_async(settings_for(server.url, generation={"limits": limits}))
        seen = server.app.statistics.in_flight_max
    assert report.exit_code == 0, report.verdict
    assert report.concurrency.in_flight == 6
    assert not report.concurrency.auto
    assert report.concurrency.changes == ()
    assert seen <= 6


async def test_one_search_decides_for_all_shards() -> None:
    events: list[Event] = []
    async with sandbox(_capacity(at_once=64, ms=20)) as server:
        report = await seed_async(_auto(server.url, VOLUME["accountsPerLedger"], shards=2), emit=events.append)
        seen = server.app.statistics.in_flight_max
    assert report.exit_code == 0, report.verdict
    changes = report.concurrency.changes
    assert [change.at_s for change in changes].count(0.0) == 1
    found = [change.in_flight for change in changes]
    assert (found[0], report.concurrency.changes_total) == (4, len(found))
    assert 8 <= max(found) <= seen <= 2 * max(found), "the shards have the number together, and twice that in a trial"
    assert [event for event in events if isinstance(event, ConcurrencyChanged)] == list(changes)
