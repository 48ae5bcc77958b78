"""Ledgers with every kind of transaction, and ledgers that change or lag while they are read, have no finding."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from midaz_seed.auditing import audit_async
from midaz_seed.ledger_audit.findings import FindingKind
from midaz_seed.runner import seed_async
from midaz_seed.sandbox import RecordQueue
from midaz_seed.settings.loader import load_settings
from midaz_seed.settings.sources import Flag
from tests.support.audits import audit_settings, audited
from tests.support.ledger_client import LedgerClient, ledger_client
from tests.support.lifecycle import VOLUME, hand_made, seed_plan
from tests.support.sandbox import sandbox
from tests.support.scenarios import write_scenario
from tests.support.settings import settings_for

DIALECTS = ("v3.3", "v3.8", "v4")
CHECKED_ROUTES = """\
scenario: audited
about: Holds on a server that checks routes.
volume: {customers: 10, movements: 60}
assets: {BRL: {opening: "500.00", amount: "2.00"}}
accounts: {kinds: {person: {share: 100 %, owns: {main: {type: checking}}}}}
mix:
  sale: {weight: 3, from: person.main, to: person.main}
  out: {weight: 1, from: person.main, to: external}
routes: {validate: true}
lifecycle:
  pending: [{of: sale, count: 20, then: {commit: 50 %, cancel: 30 %}}]
  revert: [{of: sale, count: 5}]
  block: [{of: sale, count: 3}]
"""


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_every_kind_of_transaction_passes_and_what_stays_pending_is_found_later(dialect: str) -> None:
    async with sandbox(dialect=dialect, one_port=True) as server:
        settings = settings_for(server.url, volume=VOLUME)
        run = await seed_plan(settings, hand_made(settings, with_blocks=dialect != "v3.3"))
        assert run.exit_code == 0, run.verdict
        report = await audited(server)
        later = await audited(server, later_h=25)
        patient = await audited(server, later_h=25, pending_hours=26)
        pending = {
            str(each["id"])
            for each in await _listed(server.url, server.state.ledger_states)
            if each["status"]["code"] == "PENDING"
        }
    assert (report.exit_code, report.findings, report.notes) == (0, (), ())
    assert report.ledgers[0].transactions > 30
    assert later.finding_totals == {"pending_too_long": len(pending)}
    assert {finding.transaction_id for finding in later.findings} == pending
    assert {finding.expected for finding in later.findings} == {"at most 24 h"}
    assert later.findings[0].actual.startswith("25.")
    assert patient.exit_code == 0


async def _listed(url: str, ledgers: Any) -> list[dict[str, Any]]:
    ((organization_id, ledger_id),) = ledgers
    async with ledger_client(url) as client:
        client.ledger = f"/v1/organizations/{organization_id}/ledgers/{ledger_id}"
        _, _, found = await client.call("GET", "/transactions?limit=100")
        assert not found.get("next_cursor")
        return list(found["items"])


@pytest.mark.parametrize("dialect", DIALECTS[1:])
async def test_holds_of_a_server_that_checks_routes_pass(dialect: str, tmp_path: Path) -> None:
    async with sandbox(dialect=dialect) as server:
        flags = [
            Flag("--base-url", "target.baseUrl", server.url),
            Flag("--scenario", "scenario", str(write_scenario(tmp_path, CHECKED_ROUTES))),
            Flag("--no-journal", "journal.enabled", False),
        ]
        run = await seed_async(load_settings(environ={}, flags=flags).settings)
        assert run.exit_code == 0, run.verdict
        report = await audited(server)
    assert (report.findings, report.notes, report.exit_code) == ((), (), 0)


@pytest.mark.parametrize("dialect", DIALECTS[1:])
async def test_an_overdraft_that_the_ledger_allows_passes(dialect: str) -> None:
    async with sandbox(dialect=dialect) as server, ledger_client(server.url) as client:
        await client.deposit("first", "10")
        _, _, found = await client.call("GET", "/accounts/alias/a/balances")
        settings = {"allowOverdraft": True, "overdraftLimitEnabled": True, "overdraftLimit": "50"}
        await client.call("PATCH", f"/balances/{found['items'][0]['id']}", {"settings": settings})
        assert (await _transfer(client, "a", "b", "30"))[0] == 201
        assert (await _transfer(client, "b", "a", "5"))[0] == 201
        assert (await _transfer(client, "a", "b", "7", pending=True))[0] == 201
        report = await audited(server)
    assert (report.findings, report.notes, report.exit_code) == ((), (), 0)
    assert report.ledgers[0].balances == 4


async def _transfer(
    client: LedgerClient, source: str, destination: str, value: str, *, pending: bool = False
) -> tuple[int, Any]:
    leg = {"amount": {"asset": "BRL", "value": value}}
    send = {
        "asset": "BRL",
        "value": value,
        "source": {"from": [{"accountAlias": source, **leg}]},
        "distribute": {"to": [{"accountAlias": destination, **leg}]},
    }
    body = {"send": send, "pending": pending, "metadata": {"k": str(random.random())}}
    status, _, found = await client.call("POST", "/transactions/json", body)
    return status, found


@asynccontextmanager
async def _busy(url: str, *, writers: int) -> AsyncIterator[LedgerClient]:
    """A ledger into which several writers move money, hold, commit, cancel and revert during the block."""
    async with ledger_client(url) as client:
        for number in range(60):
            await client.deposit(f"d{number}", "100", "ab"[number % 2])

        async def write(rng: random.Random) -> None:
            pending: list[str] = []
            while True:
                pair = rng.sample("ab", 2)
                status, found = await _transfer(client, *pair, str(rng.randint(1, 9)), pending=rng.random() < 0.4)
                if status == 201 and found["status"]["code"] == "PENDING":
                    pending.append(found["id"])
                if len(pending) > 5:
                    end = rng.choice(["commit", "cancel"])
                    await client.call("POST", f"/transactions/{pending.pop(rng.randrange(5))}/{end}")

        tasks = [asyncio.create_task(write(random.Random(seed))) for seed in range(writers)]
        try:
            yield client
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_ledger_that_is_written_while_it_is_read_has_no_finding(dialect: str) -> None:
    async with sandbox(dialect=dialect, one_port=True) as server:
        async with _busy(server.url, writers=3) as client:
            settings = audit_settings(
                server.url, settlement={"deadlineS": 0.5, "initialDelayS": 0.01, "maxDelayS": 0.1}
            )
            report = await audit_async(settings, rate_per_s=0)
            assert client.ledger
        assert (report.findings, report.exit_code) == ((), 0)
        assert report.ledgers[0].transactions > 60
        assert {"changed while it was read" in note.text for note in report.notes} == {True}
        assert "changed while they were read" in report.verdict
        report = await audited(server)
        assert (report.findings, report.notes, report.exit_code) == ((), (), 0)


async def test_a_balance_at_rest_that_is_wrong_is_found_while_others_change() -> None:
    async with sandbox() as server, _busy(server.url, writers=2) as client:
        await client.call("POST", "/accounts", {"assetCode": "BRL", "type": "deposit", "alias": "c"})
        await client.deposit("c", "5", "c")
        balance = next(each for each in server.state.balance_by_number.values() if each.alias == "c")
        balance.available, balance.state = Decimal(7), ("7", *balance.state[1:])
        waits = {"deadlineS": 0.5, "initialDelayS": 0.01, "maxDelayS": 0.1}
        report = await audit_async(audit_settings(server.url, settlement=waits), rate_per_s=0)
    assert report.finding_totals == {"last_operation": 1}
    assert (report.findings[0].account, report.findings[0].expected, report.findings[0].actual) == ("c", "5", "7")


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_records_that_leave_a_queue_later_are_no_finding(dialect: str) -> None:
    queue = RecordQueue(delay_ms=300, per_s=400)
    async with sandbox(dialect=dialect, one_port=True, queue=queue) as server, ledger_client(server.url) as client:
        for number in range(40):
            await client.deposit(f"d{number}", "3", "ab"[number % 2])
        settings = audit_settings(server.url, settlement={"deadlineS": 5, "initialDelayS": 0.05, "maxDelayS": 0.4})
        report = await audit_async(settings, rate_per_s=0)
    assert (report.findings, report.notes, report.exit_code) == ((), (), 0)
    # v3.3 shows balances from where the queue writes them: what it shows is older and fits
    assert report.ledgers[0].transactions == 40 or dialect == "v3.3"


@pytest.mark.parametrize("share", [1.0, 0.5])
async def test_balances_of_a_replica_that_lags_are_no_finding(share: float) -> None:
    rule = {"on": "balances", "methods": ["GET"], "rate": share, "stale_balances": {"ms": 300}}
    async with sandbox({"seed": 3, "rules": [rule]}) as server, ledger_client(server.url) as client:
        for number in range(40):
            await client.deposit(f"d{number}", "3", "ab"[number % 2])
        settings = audit_settings(server.url, settlement={"deadlineS": 5, "initialDelayS": 0.05, "maxDelayS": 0.4})
        report = await audit_async(settings, rate_per_s=0)
        assert server.faults.injected["stale_balances"] > 0
    assert (report.findings, report.notes, report.exit_code) == ((), (), 0)


async def test_operations_on_a_balance_that_is_gone_are_found_only_if_they_left_money() -> None:
    async with sandbox() as server, ledger_client(server.url) as client:
        await client.deposit("first", "10")
        assert (await _transfer(client, "a", "b", "10"))[0] == 201
        balances = {each.alias: each for each in server.state.balance_by_number.values()}
        assert (await client.call("DELETE", f"/balances/{balances['a'].id}"))[0] == 204
        sound = await audited(server)
        assert (sound.findings, sound.ledgers[0].balances) == ((), 2)
        balances["b"].available = Decimal(0)  # a real server deletes one that has just got money
        assert (await client.call("DELETE", f"/balances/{balances['b'].id}"))[0] == 204
        report = await audited(server)
    (missing,) = [each for each in report.findings if each.kind == FindingKind.MISSING_BALANCE]
    assert (missing.account, missing.expected, missing.actual) == ("b", "10", "absent")
    assert report.finding_totals == {"missing_balance": 1, "asset_sum": 1}
