"""A run in several processes makes what one process makes, whoever of them is killed."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import anyio
import pytest

from midaz_seed.plan.plan import build_plan
from midaz_seed.reporting.report import Report
from midaz_seed.runner import seed_async
from midaz_seed.runs.directory import list_runs
from midaz_seed.settings.model import Settings
from tests.support import balances, sandbox, world
from tools.chaos.__main__ import PATIENT, TINY, killed, posts_seen, process, server, undisturbed

VOLUME = {"accountsPerLedger": 12, "transactionsPerAccount": 6, "ledgersPerOrganization": 2, "organizations": 2}


def _world(url: str, shards: int, **changes: Any) -> Settings:
    return world(url, volume=VOLUME, generation={"limits": {"shards": shards}}, **changes)


async def _run(shards: int, **changes: Any) -> tuple[Report, dict[str, dict[str, str]]]:
    async with sandbox() as running:
        report = await seed_async(_world(running.url, shards, **changes))
        return report, await balances(running.url)


@pytest.fixture(scope="module")
def single() -> tuple[Report, dict[str, dict[str, str]]]:
    """What one process makes."""
    return asyncio.run(_run(1))


linux = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes as Linux lists them")


@pytest.mark.parametrize("shards", [3, 5])
async def test_any_number_of_processes_makes_the_same_balances_and_counts(
    shards: int, single: tuple[Report, dict[str, dict[str, str]]]
) -> None:
    (alone, planned), (report, found) = single, await _run(shards)
    assert report.exit_code == 0, report.verdict
    assert found == planned
    assert report.plan_digest == alone.plan_digest
    counted = [(phase.name, phase.planned, phase.created) for phase in report.phases if phase.planned]
    assert counted == [(phase.name, phase.planned, phase.created) for phase in alone.phases if phase.planned]
    assert report.movements == alone.movements
    assert report.proof is not None
    assert report.proof.ledgers == 4
    assert {ledger.state for ledger in report.ledgers} == {"done"}
    assert all(ledger.id for ledger in report.ledgers)
    transfers = next(phase for phase in report.phases if phase.name == "transfers")
    assert transfers.latency_ms.max > 0
    assert len(report.processes) == 1 + min(shards, 4)  # not more than there are ledgers
    assert all(process.cpu_percent > 0 for process in report.processes)
    assert report.client_cpu_percent == max(process.cpu_percent for process in report.processes)
    assert report.rss_mb_max == sum(process.rss_mb_max for process in report.processes)


@linux
async def test_the_memory_of_a_process_is_its_own_and_not_that_of_the_one_that_started_it() -> None:
    held = b"x" * 400_000_000
    report, _ = await _run(2)
    assert len(held) / 1e6 > report.processes[1].rss_mb_max


async def test_each_process_writes_a_journal_and_any_number_can_go_on_from_them(tmp_path: Path) -> None:
    async with sandbox() as running:
        await seed_async(_world(running.url, 2, journal={"directory": str(tmp_path)}))
        (run,) = list_runs(tmp_path)
        assert [file.name for file in run.journals()] == ["journal", "journal-1", "journal-2"]
        for shards in (3, 1):
            report = await seed_async(_world(running.url, shards, journal={"directory": str(tmp_path)}))
            assert report.exit_code == 0
            assert sum(phase.created for phase in report.phases) == 0
            assert sum(phase.existing for phase in report.phases) == build_plan(_world(running.url, 1)).posts


async def test_what_a_process_finds_wrong_is_in_the_report() -> None:
    faults = {"rules": [{"on": "transactions", "methods": ["POST"], "rate": 0.1, "status": {"code": 503}}]}
    async with sandbox(faults) as running:
        report = await seed_async(_world(running.url, 2))
        assert report.exit_code == 0
        assert sum(error.count for error in report.errors) == sum(phase.retries for phase in report.phases) > 0


async def test_a_token_reaches_the_processes_and_no_list_of_processes() -> None:
    async with sandbox(auth_token="s3cr3t") as running:
        report = await seed_async(_world(running.url, 2, target={"authToken": "s3cr3t"}))
        assert report.exit_code == 0


def _children(parent: int) -> list[int]:
    """The processes that a process has started (Linux)."""
    return [int(word) for word in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


@linux
async def test_a_process_that_is_killed_is_started_again_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    planned, posts = await undisturbed(TINY, tmp_path)
    async with server(cwd=tmp_path) as (url, _):
        arguments = ["run", *TINY, "-u", url, "--json", "-q", *PATIENT, "--shards", "2", "--rate", "1500"]
        async with process(*arguments, cwd=tmp_path) as run:
            while await posts_seen(url) < posts // 2:
                await anyio.sleep(0.01)
            os.kill(_children(run.pid)[0], signal.SIGKILL)
            out, err = await asyncio.wait_for(run.communicate(), 60)
        assert run.returncode == 0, err.decode()
        assert json.loads(out)["proof"]["ok"]
        assert await balances(url) == planned


@linux
async def test_when_the_owner_is_killed_its_processes_end_and_another_session_goes_on(tmp_path: Path) -> None:
    planned, posts = await undisturbed(TINY, tmp_path)
    async with server(cwd=tmp_path) as (url, _):
        world_of_shards = [*TINY, "--shards", "2", "--rate", "1500"]
        assert await killed(url, world_of_shards, tmp_path, posts // 2)
        for _ in range(100):  # until the last of them has given the run back
            async with process("run", *TINY, "-u", url, "--json", "-q", *PATIENT, cwd=tmp_path) as run:
                out, err = await asyncio.wait_for(run.communicate(), 60)
            if b"is in use by" not in err:
                break
        assert run.returncode == 0, err.decode()
        assert json.loads(out)["proof"]["ok"]
        assert await balances(url) == planned


async def test_ctrl_c_drains_every_process_and_the_report_is_complete(tmp_path: Path) -> None:
    _, posts = await undisturbed(TINY, tmp_path)
    async with server(cwd=tmp_path) as (url, _):
        arguments = ["run", *TINY, "-u", url, "--json", "-q", *PATIENT, "--shards", "2", "--rate", "1000"]
        async with process(*arguments, cwd=tmp_path) as run:
            while await posts_seen(url) < posts // 2:
                await anyio.sleep(0.01)
            run.send_signal(signal.SIGINT)
            out, err = await asyncio.wait_for(run.communicate(), 60)
        assert run.returncode == 130, err.decode()
        report = json.loads(out)
        made = sum(phase["created"] for phase in report["phases"])
        assert made == await posts_seen(url)
        assert {ledger["state"] for ledger in report["ledgers"]} <= {"stopped", "done"}
        assert b"run --resume" in err
