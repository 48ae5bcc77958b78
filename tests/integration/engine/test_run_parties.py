"""Runs that create holders and instruments, which only v4 has."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from midaz_seed.errors import UnsupportedScenarioError
from midaz_seed.reporting.report import Report
from midaz_seed.runner import seed_async
from midaz_seed.sandbox import SandboxServer
from midaz_seed.settings.model import Settings
from tests.support.sandbox import sandbox
from tests.support.scenarios import SHOP, write_scenario
from tests.support.settings import SHORT_PAUSES, merge

PARTIES = SHOP.replace("movements: 100}", "movements: 20, ledgers: 2}") + "parties: true\n"
CUSTOMERS = 40


def settings_of(folder: Path, server: SandboxServer) -> Settings:
    scenario = {"scenario": str(write_scenario(folder, PARTIES))}
    return Settings.model_validate(
        merge(SHORT_PAUSES, scenario, {"target": {"baseUrl": server.url}, "journal": {"enabled": False}})
    )


async def listed(server: SandboxServer, path: str) -> list[dict[str, Any]]:
    (organization_id, _), *_ = server.state.ledger_states
    url = f"{server.url}/v1/organizations/{organization_id}/{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 200
        return list((await answer.json())["items"])


def outcomes(report: Report, phase: str) -> tuple[int, int, int]:
    return next((one.created, one.existing, one.failed) for one in report.phases if one.name == phase)


async def test_each_customer_has_a_holder_and_its_first_account_an_instrument(tmp_path: Path) -> None:
    async with sandbox(dialect="v4") as server:
        report = await seed_async(settings_of(tmp_path, server))
        assert report.exit_code == 0, report.verdict
        holders = {row["id"]: row for row in await listed(server, "holders?limit=100") if row.get("metadata")}
        instruments = await listed(server, "instruments?limit=100")
        assert len(holders) == len(instruments) == CUSTOMERS
        for ledger_id in {row["ledgerId"] for row in instruments}:
            accounts = await listed(server, f"ledgers/{ledger_id}/accounts?limit=100")
            of_account = {row["id"]: row for row in accounts}
            owned = [row for row in accounts if row["holderId"] in holders]
            assert all(row["entityId"] == holders[row["holderId"]]["document"] for row in owned)
            for row in instruments:
                if row["ledgerId"] == ledger_id:
                    assert of_account[row["accountId"]]["holderId"] == row["holderId"]


@pytest.mark.parametrize("remembered", [True, False], ids=["by a replay", "by their document and their mark"])
async def test_running_again_finds_holders_and_instruments(tmp_path: Path, remembered: bool) -> None:
    async with sandbox(dialect="v4") as server:
        settings = settings_of(tmp_path, server)
        assert (await seed_async(settings)).exit_code == 0
        if not remembered:
            server.state.holder_keys.clear()  # as after the 300 s for which a server keeps the answers
        again = await seed_async(settings)
        assert again.exit_code == 0, again.verdict
        assert outcomes(again, "holders") == outcomes(again, "instruments") == (0, CUSTOMERS, 0)
        assert len(await listed(server, "instruments?limit=100")) == CUSTOMERS


async def test_an_instrument_that_was_removed_is_made_again(tmp_path: Path) -> None:
    async with sandbox(dialect="v4") as server:
        settings = settings_of(tmp_path, server)
        assert (await seed_async(settings)).exit_code == 0
        removed, *_ = await listed(server, "instruments?limit=1")
        (organization_id, _), *_ = server.state.ledger_states
        url = f"{server.url}/v1/organizations/{organization_id}/holders/{removed['holderId']}/instruments"
        async with aiohttp.ClientSession() as session:
            await session.delete(f"{url}/{removed['id']}")
        again = await seed_async(settings)
        assert again.exit_code == 0, again.verdict
        assert outcomes(again, "instruments") == (1, CUSTOMERS - 1, 0)


async def test_a_server_without_holders_is_refused_before_the_first_write(tmp_path: Path) -> None:
    async with sandbox(dialect="v3.8") as server:
        with pytest.raises(UnsupportedScenarioError, match="parties"):
            await seed_async(settings_of(tmp_path, server))
        assert not server.state.ledger_states
