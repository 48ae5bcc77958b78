"""Taking a run away: all of it, only it, as often as one likes."""

import json

import orjson

from midaz_seed.engine.teardown import Fate
from midaz_seed.runner import seed_async, teardown_async, verify_async
from midaz_seed.transport.base import Request
from midaz_seed.transport.wire import WireTransport
from tests.support import balances, cli, sandbox, world

SMALL = {"volume": {"accountsPerLedger": 6, "transactionsPerAccount": 2}}


async def test_everything_of_the_run_goes_and_a_second_time_there_is_nothing_left() -> None:
    async with sandbox() as server:
        settings = world(server.url, "small", **SMALL)
        await seed_async(settings)
        removed = await teardown_async(settings, dry_run=False)
        assert {removal.fate for removal in removed} == {Fate.REMOVED}
        assert [removal.kind for removal in removed] == ["ledger", "ledger", "organization"] * 2
        assert await balances(server.url) == {}
        again = await teardown_async(settings, dry_run=False)
        assert {removal.fate for removal in again} == {Fate.ABSENT}
        assert (await seed_async(settings)).exit_code == 0


async def test_a_dry_run_tells_and_removes_nothing() -> None:
    async with sandbox() as server:
        settings = world(server.url, "small", **SMALL)
        await seed_async(settings)
        told = await teardown_async(settings, dry_run=True)
        assert {removal.fate for removal in told} == {Fate.WOULD_BE}
        assert (await verify_async(settings)).exit_code == 0


async def test_another_runs_data_is_left_alone() -> None:
    async with sandbox() as server:
        mine, other = world(server.url, runId="mine"), world(server.url, runId="other")
        await seed_async(mine)
        await seed_async(other)
        await teardown_async(mine, dry_run=False)
        assert (await verify_async(other)).exit_code == 0
        assert (await verify_async(mine)).exit_code == 1


async def test_a_ledger_that_somebody_added_is_kept_with_its_organization() -> None:
    async with sandbox() as server:
        settings = world(server.url)
        report = await seed_async(settings)
        transport = WireTransport(server.url, server.url, headers={}, request_timeout_s=5, connect_timeout_s=5)
        path = f"/v1/organizations/{report.ledgers[0].organization_id}/ledgers"
        await transport.send(Request("POST", path, orjson.dumps({"name": "Somebody's"})))
        await transport.aclose()
        removed = await teardown_async(settings, dry_run=False)
    fates = {removal.name: removal.fate for removal in removed}
    assert fates["Main"] is Fate.REMOVED
    assert fates["Somebody's"] is Fate.KEPT
    assert removed[-1].fate is Fate.KEPT
    assert "1 ledgers" in removed[-1].reason


async def test_lost_answers_to_deletes_do_not_matter() -> None:
    faults = {"rules": [{"methods": ["DELETE"], "every": 2, "reset": {"when": "after"}}]}
    async with sandbox(faults) as server:
        settings = world(server.url, "small", **SMALL)
        await seed_async(settings)
        removed = await teardown_async(settings, dry_run=False)
    assert {removal.fate for removal in removed} == {Fate.REMOVED}


def test_nobody_to_ask_means_no() -> None:
    result = cli("teardown", "--preset", "tiny", "--target", "sandbox")
    assert result.returncode == 2
    assert "--yes" in result.stderr


def test_the_command_prints_what_it_did() -> None:
    result = cli("teardown", "--preset", "tiny", "--target", "sandbox", "--yes", "--json")
    assert result.returncode == 0, result.stderr
    assert [removal["fate"] for removal in json.loads(result.stdout)["removals"]] == ["absent"]
