"""Gateways, held requests, kills with few accounts, older journals: every movement once, audited by its mark."""

import shutil
from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest

from midaz_seed.plan.plan import build_plan
from midaz_seed.runner import seed_async
from midaz_seed.sandbox import SandboxServer
from midaz_seed.settings.model import Settings
from midaz_seed.transport.base import Request
from tests.support.combinations import combinations
from tests.support.kills import run_until_killed
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for
from tests.support.transports import http_transport
from tools.chaos.audit import audit, planned_by

TINY = {mode: planned_by(("--preset", "tiny", "--metadata", mode)) for mode in ("full", "none")}
METADATA = pytest.mark.parametrize("metadata", ["full", "none"])
FEW = {"organizations": 1, "ledgersPerOrganization": 1, "assetsPerLedger": 1, "portfoliosPerLedger": 0}
FEW |= {"segmentsPerLedger": 0, "transactionsPerAccount": 40}
POSTED: dict[str, Any] = {"on": "transactions", "methods": ["POST"]}


def _few(url: str, accounts: int, **changes: Any) -> Settings:
    return settings_for(url, volume={**FEW, "accountsPerLedger": accounts}, **changes)


def _planned(accounts: int, metadata: str = "full") -> Any:
    flags = ("--organizations", "1", "--ledgers", "1", "--assets", "1", "--portfolios", "0", "--segments", "0")
    counts = ("--accounts", str(accounts), "--transactions", "40")
    return planned_by(("--preset", "tiny", *flags, *counts, "--metadata", metadata))


@pytest.mark.parametrize(
    ("how", "every", "transport", "metadata"),
    combinations(
        ["emptied", "stripped", "reformatted", "shortened"], [1, 2, 7], ["wire", "session"], ["full", "none"], step=4
    ),
)
async def test_a_gateway_that_alters_answers_doubles_and_loses_nothing(
    how: str, every: int, transport: str, metadata: str
) -> None:
    async with sandbox({"rules": [{**POSTED, "every": every, "altered": {"how": how}}]}) as server:
        report = await seed_async(
            settings_for(server.url, target={"transport": transport}, data={"metadata": metadata})
        )
        assert report.exit_code == 0, report.verdict
        assert str(audit(server.state, TINY[metadata])) == "as planned"
        # without metadata there is nothing to strip
        assert server.faults.injected["altered"] > 0 or (how, metadata) == ("stripped", "none")


@METADATA
async def test_answers_that_change_places_between_connections_double_and_lose_nothing(metadata: str) -> None:
    async with sandbox({"rules": [{**POSTED, "rate": 0.3, "swapped": {"within_ms": 50}}]}) as server:
        report = await seed_async(_few(server.url, 6, data={"metadata": metadata}))
        assert report.exit_code == 0, report.verdict
        assert str(audit(server.state, _planned(6, metadata))) == "as planned"
        assert server.faults.injected["swapped"] > 0


@METADATA
async def test_another_items_answer_is_recognised_by_its_mark_and_the_movement_is_made(metadata: str) -> None:
    async with sandbox({"rules": [{**POSTED, "rate": 0.2, "foreign_replay": {"owner_loses": True}}]}) as server:
        quick = {"ttlS": 10, "marginS": 9}
        report = await seed_async(_few(server.url, 6, data={"metadata": metadata}, idempotency=quick))
        assert report.exit_code == 0, report.verdict
        assert sum(phase.foreign_replays for phase in report.phases) > 0
        assert str(audit(server.state, _planned(6, metadata))) == "as planned"


@pytest.mark.parametrize("answer", ["cut", "gateway"])
async def test_requests_that_a_network_holds_and_delivers_within_the_keys_life_are_made_once(answer: str) -> None:
    """All three attempts of one movement are held, and arrive after the run has made it in another way."""
    held = {**POSTED, "from_request": 30, "to_request": 32, "held": {"for_s": 2, "answer": answer}}
    async with sandbox({"rules": [held]}) as server:
        one_by_one = {"limits": {"maxConcurrency": 1}, "retries": {"max": 3, "initialDelay": 1, "maxDelay": 2}}
        report = await seed_async(_few(server.url, 4, generation=one_by_one))
        assert report.exit_code == 0, report.verdict
        assert str(audit(server.state, _planned(4))) == "as planned"
        sent = sum(phase.requests for phase in report.phases if phase.name in ("deposits", "transfers"))
        with anyio.fail_after(20):
            while server.app.statistics.requests["POST", "transactions"] < sent:
                await anyio.sleep(0.05)
        assert str(audit(server.state, _planned(4))) == "as planned"


@pytest.mark.parametrize(
    ("accounts", "posts", "metadata"),
    [(2, 30, "full"), (2, 60, "none"), (3, 30, "none"), (3, 60, "full"), (4, 30, "full"), (4, 60, "none")],
)
async def test_a_run_killed_with_few_accounts_makes_every_movement_once(
    accounts: int, posts: int, metadata: str, tmp_path: Path
) -> None:
    """Many sets of movements between two accounts explain the same balances."""
    async with sandbox() as server:
        settings = _few(server.url, accounts, runs=tmp_path, data={"metadata": metadata})
        await run_until_killed(settings, posts, reaches=True)
        report = await seed_async(settings)
        assert report.exit_code == 0, report.verdict
        assert str(audit(server.state, _planned(accounts, metadata))) == "as planned"


@METADATA
async def test_a_killed_run_is_finished_without_its_journal_by_the_marks_in_the_list(
    metadata: str, tmp_path: Path
) -> None:
    async with sandbox() as server:
        settings = _few(server.url, 4, runs=tmp_path, data={"metadata": metadata})
        await run_until_killed(settings, 60, reaches=True)
        shutil.rmtree(tmp_path)
        report = await seed_async(settings)
        assert report.exit_code == 0, report.verdict
        assert sum(phase.existing for phase in report.phases if phase.name == "transfers") > 20
        assert str(audit(server.state, _planned(4, metadata))) == "as planned"


@pytest.mark.parametrize(("expired", "metadata"), [(False, "none"), (True, "full")], ids=["keys live", "keys are old"])
async def test_an_older_copy_of_the_journal_doubles_nothing(expired: bool, metadata: str, tmp_path: Path) -> None:
    ages = {"ttlS": 10, "marginS": 9} if expired else {}
    async with sandbox() as server:
        settings = _few(server.url, 6, runs=tmp_path / "runs", idempotency=ages, data={"metadata": metadata})
        await run_until_killed(settings, 40, reaches=True)
        shutil.copytree(tmp_path / "runs", tmp_path / "older")
        elsewhere = settings.model_copy(
            update={"journal": settings.journal.model_copy(update={"directory": tmp_path / "elsewhere"})}
        )
        report = await seed_async(elsewhere)
        assert report.exit_code == 0, report.verdict
        posts = server.app.statistics.requests["POST", "transactions"]
        shutil.rmtree(tmp_path / "runs")
        shutil.copytree(tmp_path / "older", tmp_path / "runs")
        report = await seed_async(settings)
        assert report.exit_code == 0, report.verdict
        assert str(audit(server.state, _planned(6, metadata))) == "as planned"
        assert server.app.statistics.requests["POST", "transactions"] == posts


async def test_what_was_acknowledged_and_a_lagging_server_does_not_show_is_late_and_not_lost(tmp_path: Path) -> None:
    """Balances and lists come from one replica that is behind: they agree with each other on an older state."""
    lag = [
        {"on": "balances", "stale_balances": {"ms": 1500}},
        {"on": "transactions", "methods": ["GET"], "stale_lists": {"ms": 1500}},
    ]
    async with sandbox({"rules": lag}) as server:
        settings = _few(server.url, 6, runs=tmp_path)
        await run_until_killed(settings, 120, reaches=True)
        await seed_async(settings)  # its proof may end before the replica has come so far
        found = audit(server.state, _planned(6))
        assert not found.doubled
        assert not found.missing


async def test_a_cent_that_another_client_moved_is_named_and_does_not_stand_in_for_a_movement(tmp_path: Path) -> None:
    async with sandbox() as server:
        settings = _few(server.url, 4, runs=tmp_path, settlement={"deadlineS": 0.5})
        await run_until_killed(settings, 60, reaches=False)
        await _give(server, settings, account=1, value="0.01")
        report = await seed_async(settings)
        assert report.exit_code == 1
        assert "alone or with others" in report.verdict
        assert f"{build_plan(settings).ledgers[0].alias(1)} holds 0.01 more" in report.verdict
        assert not audit(server.state, _planned(4)).doubled


async def _give(server: SandboxServer, settings: Settings, account: int, value: str) -> None:
    (place,) = server.state.ledger_states
    ledger = build_plan(settings).ledgers[0]
    asset = ledger.asset_of(account).code
    leg = {"accountAlias": ledger.alias(account), "amount": {"asset": asset, "value": value}}
    body = orjson.dumps({"send": {"asset": asset, "value": value, "distribute": {"to": [leg]}}})
    path = f"/v1/organizations/{place[0]}/ledgers/{place[1]}/transactions/inflow"
    wire = http_transport(server.url)
    answer = await wire.send(Request("POST", path, body))
    await wire.aclose()
    assert answer.status == 201
