"""A whole run against the sandbox over real sockets: what is created, what is proved, what the report says."""

from collections import Counter

import pytest

from midaz_seed.plan.items import Phase
from midaz_seed.plan.plan import build_plan
from midaz_seed.reporting.report import Report
from midaz_seed.runner import seed_async, verify_async
from tests.support.sandbox import read_balances, sandbox
from tests.support.settings import settings_for


def _phases(report: Report) -> dict[str, tuple[int, int, int]]:
    return {phase.name: (phase.created, phase.existing, phase.failed) for phase in report.phases}


async def test_a_run_creates_what_the_plan_has_and_proves_it() -> None:
    async with sandbox() as server:
        settings = settings_for(server.url)
        plan = build_plan(settings)
        report = await seed_async(settings)
    assert report.exit_code == 0, report.verdict
    phases = _phases(report)
    for phase, count in plan.counts.items():
        assert phases.get(phase.value, (0, 0, 0)) == (count, 0, 0)
    assert report.proof is not None
    assert report.proof.ok
    assert report.proof.balances_checked == 6 + 2
    assert report.proof.transactions_read == 10
    assert report.plan_digest == plan.digest
    assert report.movements == 24
    assert not report.errors


async def test_every_ledger_has_its_assets_and_every_ledger_with_assets_its_accounts() -> None:
    async with sandbox() as server:
        report = await seed_async(
            settings_for(server.url, "small", volume={"accountsPerLedger": 9, "transactionsPerAccount": 2})
        )
        found = await read_balances(server.url)
    assert report.exit_code == 0
    assert len(found) == 4
    for accounts in found.values():
        kinds = Counter(alias.startswith("@external/") for alias in accounts)
        assert kinds == {True: 3, False: 9}


async def test_the_balances_on_the_server_are_the_planned_ones_to_the_last_minor_unit() -> None:
    async with sandbox() as server:
        settings = settings_for(server.url, volume={"assetsPerLedger": 5, "accountsPerLedger": 20})
        await seed_async(settings)
        found = await read_balances(server.url)
    plan = build_plan(settings)
    (ledger,) = plan.ledgers
    (accounts,) = found.values()
    expected = {row.alias: row.available for row in ledger.expected_balances()}
    assert {alias: value for alias, value in accounts.items() if not alias.startswith("@external/")} == {
        alias: format(available.normalize(), "f")
        for alias, available in expected.items()
        if not alias.startswith("@external/")
    }


async def test_running_again_finds_everything_and_moves_no_money() -> None:
    async with sandbox() as server:
        settings = settings_for(server.url)
        await seed_async(settings)
        before = await read_balances(server.url)
        again = await seed_async(settings)
        assert await read_balances(server.url) == before
    assert again.exit_code == 0
    assert again.proof is not None
    assert again.proof.ok
    created = {name: counts[0] for name, counts in _phases(again).items() if name not in {"settlement", "verify"}}
    assert set(created.values()) == {0}
    assert _phases(again)["transfers"] == (0, 18, 0)


async def test_another_run_id_fills_organizations_of_its_own() -> None:
    async with sandbox() as server:
        await seed_async(settings_for(server.url, runId="one"))
        report = await seed_async(settings_for(server.url, runId="two"))
        found = await read_balances(server.url)
    assert _phases(report)["accounts"] == (6, 0, 0)
    assert len(await _values(found)) == 16 or len(found) == 1


async def _values(found: dict[str, dict[str, str]]) -> list[str]:
    return [value for accounts in found.values() for value in accounts.values()]


async def test_verify_alone_proves_what_a_run_left() -> None:
    async with sandbox() as server:
        settings = settings_for(server.url)
        await seed_async(settings)
        report = await verify_async(settings)
    assert report.exit_code == 0
    assert report.proof is not None
    assert report.proof.ok


async def test_verify_of_an_empty_server_says_what_is_absent() -> None:
    async with sandbox() as server:
        report = await verify_async(settings_for(server.url))
    assert report.exit_code == 1
    assert report.proof is not None
    assert [difference.what for difference in report.proof.differences] == ["organization"]


@pytest.mark.parametrize("pack", [3, 10])
async def test_runs_with_and_without_batches_end_in_identical_balances(pack: int) -> None:
    ends = []
    for size in (1, pack):
        async with sandbox() as server:
            settings = settings_for(
                server.url,
                volume={"accountsPerLedger": 11, "transactionsPerAccount": 9},
                batches={"transactionsPerBatch": size},
            )
            report = await seed_async(settings)
            assert report.exit_code == 0, report.verdict
            ends.append((report.movements, await read_balances(server.url)))
            if size > 1:
                assert report.transactions < report.movements
    assert ends[0] == ends[1]


async def test_account_types_are_registered_when_asked_for() -> None:
    async with sandbox() as server:
        report = await seed_async(settings_for(server.url, volume={"accountTypesPerLedger": 3}))
    assert report.exit_code == 0
    assert _phases(report)["account_types"] == (3, 0, 0)


async def test_without_transactions_only_the_entities_are_created_and_verified() -> None:
    async with sandbox() as server:
        report = await seed_async(settings_for(server.url, volume={"transactionsPerAccount": 0}))
    assert report.exit_code == 0
    assert report.movements == 0


async def test_deposits_only_end_with_every_deposit_in_place() -> None:
    async with sandbox() as server:
        report = await seed_async(settings_for(server.url, volume={"transactionsPerAccount": 1}))
    assert report.exit_code == 0
    assert report.movements == 6


async def test_phase_counts_are_in_the_order_of_the_run() -> None:
    async with sandbox() as server:
        report = await seed_async(settings_for(server.url))
    names = [phase.name for phase in report.phases]
    assert names == [phase.value for phase in Phase if phase.value in names]
