"""Batches of several source accounts: made once, proved on every version, and refused as a whole."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from midaz_seed.plan.items import TransactionItem
from midaz_seed.plan.plan import build_plan
from midaz_seed.runner import seed_async
from midaz_seed.settings.model import Settings
from midaz_seed.transport.base import Request, Response, Transport
from tests.support.kills import run_until_killed
from tests.support.sandbox import read_balances, sandbox
from tests.support.settings import settings_for
from tests.support.transports import InterceptingTransport, http_transport

VOLUME = {"accountsPerLedger": 100, "assetsPerLedger": 2, "transactionsPerAccount": 5}
SIZE = 20
Balances = dict[str, dict[str, str]]


def _settings(url: str, **changes: Any) -> Settings:
    batches = {"transactionsPerBatch": SIZE}
    return settings_for(url, volume=VOLUME, batches=batches, verification={"everyTransaction": True}, **changes)


def _batches(settings: Settings) -> list[TransactionItem]:
    (ledger,) = build_plan(settings).ledgers
    return [item for item in ledger.transfers() if len(item.accounts[0]) > 1]


def _of_customers(found: Balances) -> Balances:
    return {name: {a: held for a, held in rows.items() if a[0] != "@"} for name, rows in found.items()}


@pytest.fixture(scope="module")
def single() -> Balances:
    """The balances when each movement is a transaction of its own."""

    async def fill() -> Balances:
        async with sandbox() as server:
            await seed_async(settings_for(server.url, volume=VOLUME))
            return _of_customers(await read_balances(server.url))

    return asyncio.run(fill())


@pytest.mark.parametrize(("dialect", "metadata"), [("v3.3", "full"), ("v3.8", "none"), ("v4", "none")])
async def test_a_killed_run_in_batches_of_several_sources_ends_in_the_balances_of_single_movements(
    dialect: str, metadata: str, tmp_path: Path, single: Balances
) -> None:
    lost = {"on": "transactions", "methods": ["POST"], "rate": 0.1, "reset": {"when": "after"}}
    async with sandbox({"rules": [lost]}, dialect=dialect, one_port=True) as server:
        settings = _settings(server.url, runs=tmp_path, data={"metadata": metadata})
        assert len(_batches(settings)) > 10
        await run_until_killed(settings, build_plan(settings).posts - 8, reaches=True)
        report = await seed_async(settings)
        assert (report.exit_code, report.proof and report.proof.differences) == (0, ()), report.verdict
        assert _of_customers(await read_balances(server.url)) == single


async def test_a_source_without_enough_money_refuses_its_whole_batch_and_the_next_session_makes_it(
    tmp_path: Path, single: Balances
) -> None:
    async with sandbox() as server:
        settings = _settings(server.url, runs=tmp_path)
        poor = _batches(settings)[1]
        alias = poor.accounts[0][1].encode()

        def refuse(request: Request) -> Response | None:
            source = (request.body or b"").partition(b'"distribute"')[0]
            refused = request.path.endswith("/transactions/json") and b'"accountAlias":"' + alias + b'"' in source
            body = orjson.dumps({"code": "0018", "title": "Insufficient Funds", "message": "not enough"})
            return Response(422, {}, body) if refused else None

        transport = InterceptingTransport(http_transport(server.url), refuse)
        first = await seed_async(settings, overrides={Transport: transport})
        await transport.aclose()
        assert (first.exit_code, first.failed_items_total) == (1, 1)
        assert first.proof is not None
        changed = {row.alias for row in first.proof.differences if row.what == "available"}
        assert changed == {*poor.accounts[0], *poor.accounts[1]}
        second = await seed_async(settings)
        assert (second.exit_code, second.proof and second.proof.differences) == (0, ()), second.verdict
        assert _of_customers(await read_balances(server.url)) == single


async def test_an_automatic_batch_size_can_go_beyond_the_transfers_of_one_account() -> None:
    same_for_each = {"on": "transactions", "methods": ["POST"], "capacity": {"at_once": 16, "ms": 8}}
    volume = {"accountsPerLedger": 6, "assetsPerLedger": 1, "transactionsPerAccount": 3}
    async with sandbox({"rules": [same_for_each]}) as server:
        report = await seed_async(settings_for(server.url, volume=volume, batches={"transactionsPerBatch": "auto"}))
        assert report.exit_code == 0, report.verdict
        assert report.packing is not None
        assert [trial.size for trial in report.packing.trials] == [1, 2, 4, 6]
        assert report.packing.size > 2
