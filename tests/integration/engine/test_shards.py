"""A run in several processes creates what one process creates, also when one of them is killed."""

import asyncio
import json
import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from midaz_seed.engine.context import RunContext
from midaz_seed.model.histogram import Histogram
from midaz_seed.plan.items import Phase
from midaz_seed.plan.plan import build_plan
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.report_figures import latency
from midaz_seed.reporting.time_series import as_report, from_report
from midaz_seed.runner import seed_async
from midaz_seed.runs.directory import list_runs
from tests.support.sandbox import Balances, read_balances, sandbox, undisturbed_balances
from tests.support.settings import settings_for
from tools.chaos.audit import planned_by
from tools.chaos.plan_flags import TINY
from tools.chaos.processes import command_process, posts_seen, sandbox_process

VOLUME = {"accountsPerLedger": 12, "transactionsPerAccount": 6, "ledgersPerOrganization": 2, "organizations": 2}


_settings = partial(settings_for, volume=VOLUME)


async def _run(shards: int, **changes: Any) -> tuple[Report, Balances]:
    async with sandbox() as running:
        report = await seed_async(_settings(running.url, limits={"shards": shards}, **changes))
        return report, await read_balances(running.url)


@pytest.fixture(scope="module")
def single() -> tuple[Report, Balances]:
    """What one process makes."""
    return asyncio.run(_run(1))


HELD_BYTES = 400_000_000
"""Memory of the process that owns the run."""


@pytest.fixture(scope="module")
def divided() -> Report:
    """The report of two processes, on a server that asks for a token and fails now and then."""
    faults = {"rules": [{"on": "transactions", "methods": ["POST"], "rate": 0.1, "status": {"code": 503}}]}

    async def run() -> Report:
        async with sandbox(faults, auth_token="s3cr3t") as running:
            return await seed_async(_settings(running.url, limits={"shards": 2}, target={"authToken": "s3cr3t"}))

    held = b"x" * HELD_BYTES
    report = asyncio.run(run())
    assert report.exit_code == 0, report.verdict
    assert len(held) == HELD_BYTES
    return report


SESSION_FLAGS = [
    *("--attempts", "20", "--set", "breaker.openS=0.2", "--set", "settlement.maxDelayS=0.3"),
    *("--set", "idempotency.ttlS=10", "--set", "idempotency.marginS=3"),
]
END_WITHIN_S = 60
linux = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes as Linux lists them")


@pytest.mark.parametrize("shards", [3, pytest.param(5, marks=pytest.mark.thorough)])
async def test_any_number_of_processes_makes_the_same_balances_and_counts(
    shards: int, single: tuple[Report, Balances]
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


def _histogram(report: Report, phase: str) -> Histogram:
    return next(
        Histogram.from_sparse_counts(found.counts, total_us=found.total_us, max_us=found.max_us)
        for found in report.latency_histograms
        if found.phase == phase
    )


def test_series_and_histograms_of_shards_and_of_two_reports_add_up_exactly(
    single: tuple[Report, Balances], divided: Report
) -> None:
    alone, report = single[0], divided
    for each in (alone, report):
        windows = {series.phase: series for series in each.time_series.phases}
        for phase in each.phases:
            series, measured = windows[phase.name], _histogram(each, phase.name)
            assert (sum(series.created), sum(series.requests)) == (phase.created, phase.requests)
            assert sum(sum(row[1::2]) for row in series.latency) == measured.count
            assert latency(measured) == phase.latency_ms
        assert sum(sum(series.movements) for series in windows.values()) == each.movements
    both = from_report(alone.time_series)
    both.merge(from_report(report.time_series))
    for series in as_report(both).phases:
        found = [phase for each in (alone, report) for phase in each.phases if phase.name == series.phase]
        assert sum(series.created) == sum(phase.created for phase in found)
        assert sum(series.requests) == sum(phase.requests for phase in found)
        merged = _histogram(alone, series.phase)
        merged.merge(_histogram(report, series.phase))
        assert merged.count == sum(sum(row[1::2]) for row in series.latency)
        assert merged.max_us / 1000 == max(phase.latency_ms.max for phase in found)


@linux
def test_the_memory_of_a_process_is_its_own_and_not_that_of_the_one_that_started_it(divided: Report) -> None:
    assert divided.processes[1].rss_mb_max < HELD_BYTES / 1e6


async def test_each_process_writes_a_journal_and_any_number_can_resume_from_them(tmp_path: Path) -> None:
    async with sandbox() as running:
        await seed_async(_settings(running.url, limits={"shards": 2}, runs=tmp_path))
        (run,) = list_runs(tmp_path)
        assert [file.name for file in run.journals()] == ["journal", "journal-1", "journal-2"]
        for shards in (3, 1):
            report = await seed_async(_settings(running.url, limits={"shards": shards}, runs=tmp_path))
            assert report.exit_code == 0
            assert sum(phase.created for phase in report.phases) == 0
            assert (
                sum(phase.existing for phase in report.phases)
                == build_plan(_settings(running.url, limits={"shards": 1})).posts
            )


def test_what_a_process_finds_wrong_is_in_the_report(divided: Report) -> None:
    assert sum(error.count for error in divided.errors) == sum(phase.retries for phase in divided.phases) > 0


@pytest.fixture(scope="module")
def undisturbed() -> tuple[Balances, int]:
    """The balances of an undisturbed run of TINY, and the number of POST requests that it takes."""
    volume = {"accountsPerLedger": 24, "transactionsPerAccount": 12}
    return undisturbed_balances(preset="small", volume=volume), planned_by(tuple(TINY)).plan.posts


async def _wait_until_seen(url: str, posts: int, run: asyncio.subprocess.Process) -> None:
    """Wait until the server has seen `posts` POST requests."""
    while await posts_seen(url) < posts:
        assert run.returncode is None
        await anyio.sleep(0.05)


def _children(parent: int) -> list[int]:
    """The processes that a process has started (Linux)."""
    return [int(word) for word in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


@linux
async def test_a_process_that_is_killed_is_started_again_and_nothing_is_lost_or_doubled(
    tmp_path: Path, undisturbed: tuple[Balances, int]
) -> None:
    planned, posts = undisturbed
    async with sandbox_process(cwd=tmp_path) as (url, _):
        arguments = ["run", *TINY, "-u", url, "--json", "-q", *SESSION_FLAGS, "--shards", "2", "--rate", "1500"]
        async with command_process(*arguments, cwd=tmp_path) as run:
            await _wait_until_seen(url, posts // 2, run)
            os.kill(_children(run.pid)[0], signal.SIGKILL)
            out, err = await asyncio.wait_for(run.communicate(), END_WITHIN_S)
        assert run.returncode == 0, err.decode()
        assert json.loads(out)["proof"]["ok"]
        assert await read_balances(url) == planned


@linux
async def test_processes_that_something_else_ends_in_order_are_no_success(tmp_path: Path) -> None:
    """T1: SIGTERM reaches the processes of the shards and not the one that owns the run."""
    volume = {"organizations": 1, "ledgersPerOrganization": 2, "accountsPerLedger": 6, "transactionsPerAccount": 20}
    journal = {"directory": str(tmp_path)}

    async def end_shards(context: RunContext) -> None:
        while context.meter.phases[Phase.DEPOSITS].requests == 0:
            await anyio.sleep(0.01)
        for child in _children(os.getpid()):
            os.kill(child, signal.SIGTERM)

    faults = {"rules": [{"on": "transactions", "methods": ["POST"], "latency": {"ms": 100}}]}
    async with sandbox(faults) as server:
        limits = {"shards": 2, "maxConcurrency": 4}
        settings = settings_for(server.url, volume=volume, limits=limits, journal=journal)
        stopped = await seed_async(settings, watch=end_shards)
        assert (stopped.exit_code, stopped.verdict) == (1, "Stopped before everything was done.")
        again = await seed_async(settings)
        assert again.exit_code == 0, again.verdict


@linux
async def test_when_the_owner_is_killed_its_processes_end_and_another_session_resumes(
    tmp_path: Path, undisturbed: tuple[Balances, int]
) -> None:
    planned, posts = undisturbed
    async with sandbox_process(cwd=tmp_path) as (url, _):
        flags = ("run", *TINY, "-u", url, "--json", "-q", *SESSION_FLAGS)
        async with command_process(*flags, "--shards", "2", "--rate", "1500", cwd=tmp_path) as run:
            await _wait_until_seen(url, posts // 2, run)
        for _ in range(100):  # until the last of them has given the run back
            await anyio.sleep(0.5)
            async with command_process(*flags, cwd=tmp_path) as run:
                out, err = await asyncio.wait_for(run.communicate(), END_WITHIN_S)
            if b"is in use by" not in err:
                break
        assert run.returncode == 0, err.decode()
        assert json.loads(out)["proof"]["ok"]
        assert await read_balances(url) == planned


async def test_ctrl_c_drains_every_process_and_the_report_is_complete(
    tmp_path: Path, undisturbed: tuple[Balances, int]
) -> None:
    _, posts = undisturbed
    async with sandbox_process(cwd=tmp_path) as (url, _):
        arguments = ["run", *TINY, "-u", url, "--json", "-q", *SESSION_FLAGS, "--shards", "2", "--rate", "1000"]
        async with command_process(*arguments, cwd=tmp_path) as run:
            await _wait_until_seen(url, posts // 2, run)
            run.send_signal(signal.SIGINT)
            out, err = await asyncio.wait_for(run.communicate(), END_WITHIN_S)
        assert run.returncode == 130, err.decode()
        report = json.loads(out)
        made = sum(phase["created"] for phase in report["phases"])
        assert made == await posts_seen(url)
        assert {ledger["state"] for ledger in report["ledgers"]} <= {"stopped", "done"}
        assert b"run --resume" in err
