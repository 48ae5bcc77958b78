"""A run that is divided among processes which know nothing of one another: everything once, and one report."""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from midaz_seed.clock import SystemClock
from midaz_seed.engine.context import RunContext
from midaz_seed.errors import RunError, UsageError
from midaz_seed.plan.items import Phase
from midaz_seed.plan.plan import Plan, build_plan
from midaz_seed.reporting.merging import merge_reports
from midaz_seed.reporting.report import Report, read_report
from midaz_seed.runner import seed_async, verify_async
from midaz_seed.runs.directory import REPORT, list_runs
from midaz_seed.runs.slices import find_slices, merge_slices
from midaz_seed.sandbox import SandboxServer
from midaz_seed.settings.model import Settings
from midaz_seed.transport.base import Request, Response, Transport
from tests.support.cli import run_cli
from tests.support.junit import read_junit
from tests.support.sandbox import read_balances, sandbox
from tests.support.settings import settings_for
from tests.support.transports import MiddlewareTransport, Send, http_transport

pytestmark = pytest.mark.slow

VOLUME = {"accountsPerLedger": 8, "transactionsPerAccount": 6, "ledgersPerOrganization": 3, "organizations": 2}


async def _slice(url: str, runs: Path, number: int, of: int, **limits: Any) -> Report:
    limits = {"slice": f"{number}/{of}", "maxConcurrency": 16, **limits}
    return await seed_async(settings_for(url, volume=VOLUME, runs=runs, limits=limits))


async def _audit(url: str, volume: Mapping[str, int]) -> None:
    """Assert that every planned transaction exists once, and nothing else."""
    whole = await verify_async(settings_for(url, volume=volume, verification={"everyTransaction": True}))
    assert whole.exit_code == 0, whole.verdict


def _counts(report: Report) -> Mapping[str, tuple[int, int]]:
    return {phase.name: (phase.planned, phase.created) for phase in report.phases if phase.planned}


async def test_slices_at_the_same_time_one_of_them_twice_make_everything_once(tmp_path: Path) -> None:
    async with sandbox() as server:
        alone = await seed_async(settings_for(server.url, volume=VOLUME))
        planned = await read_balances(server.url)
    async with sandbox() as server:
        runs = tmp_path / "runs"
        parts = [_slice(server.url, runs, number, 4) for number in (1, 2, 3, 4)]
        reports = await asyncio.gather(*parts, _slice(server.url, tmp_path / "other", 3, 4))
        assert [report.exit_code for report in reports] == [0] * 5, [report.verdict for report in reports]
        assert await read_balances(server.url) == planned
        await _audit(server.url, VOLUME)
    organizations = sum(_counts(report)["organizations"][1] for report in reports)
    assert organizations == VOLUME["organizations"]

    merged, directory = merge_slices(find_slices(runs, alone.run_id), SystemClock())
    made = {name: planned for name, (planned, _) in _counts(merged).items()}
    assert made == {name: planned for name, (planned, _) in _counts(alone).items()}
    assert merged.movements + reports[4].movements == alone.movements
    assert (merged.exit_code, merged.plan_done_percent, merged.proof is not None and merged.proof.ok) == (0, 100, True)
    assert merged.proof is not None
    assert alone.proof is not None
    assert merged.proof.balances_checked == alone.proof.balances_checked
    assert [ledger.key for ledger in merged.ledgers] == [ledger.key for ledger in alone.ledgers]
    answers = sum(sum(each.counts[1::2]) for report in reports[:4] for each in report.latency_histograms)
    assert sum(sum(each.counts[1::2]) for each in merged.latency_histograms) == answers
    assert sum(sum(phase.created) for phase in merged.time_series.phases) == sum(
        phase.created for report in reports[:4] for phase in report.phases
    )
    assert read_report((directory / REPORT).read_bytes()) == merged
    record = directory.read_record()
    assert (record.movements, record.movements_per_s) == (merged.movements, merged.movements_per_s)
    assert record.verified

    flags = ("--junit", "j.xml", "--html", "page.html", "--report", "-")
    printed = run_cli("runs", "merge", alone.run_id, "--runs-dir", str(runs), *flags, cwd=tmp_path)
    assert printed.returncode == 0, printed.stderr
    assert read_report(printed.stdout.encode()).movements == merged.movements
    assert read_junit((tmp_path / "j.xml").read_text(encoding="utf-8"))["run"] == {alone.run_id: "passed"}
    assert "<title>Verified: run" in (tmp_path / "page.html").read_text(encoding="utf-8")
    files = {each.name for each in directory.path.iterdir()}
    assert {"report.json", "report.html", "junit.xml", "metrics.prom"} <= files


ONE_LEDGER = {"accountsPerLedger": 8, "transactionsPerAccount": 12}
SLOW = {"rules": [{"on": "transactions", "methods": ["POST"], "latency": {"ms": 60}}]}
"""Transfers take several times as long as the sessions below wait for anything."""


async def _in_the_middle(context: RunContext) -> None:
    """Return when a session has made some transfers, and not all."""
    transfers = context.meter.phases[Phase.TRANSFERS]
    while transfers.created < 5:
        await asyncio.sleep(0.01)


def _of_one_ledger(url: str, runs: Path) -> Settings:
    wait = {"deadlineS": 1, "initialDelayS": 0.01, "maxDelayS": 0.1}
    limits = {"slice": "1/1", "maxConcurrency": 2}
    return settings_for(url, volume=ONE_LEDGER, runs=runs, limits=limits, settlement=wait)


async def _move_other_money(server: SandboxServer) -> None:
    """Pay one unit into an account, as another client."""
    (ledger,) = build_plan(_of_one_ledger(server.url, Path("runs"))).ledgers
    (place,) = server.state.ledger_states
    code = ledger.asset_of(1).code
    leg = {"accountAlias": ledger.alias(1), "amount": {"asset": code, "value": "1"}}
    body = {"send": {"asset": code, "value": "1", "distribute": {"to": [leg]}}}
    wire = http_transport(server.url)
    path = f"/v1/organizations/{place[0]}/ledgers/{place[1]}/transactions/inflow"
    assert (await wire.send(Request("POST", path, orjson.dumps(body)))).status == 201
    await wire.aclose()


@pytest.mark.parametrize(
    ("starts", "other"),
    [("first", "finishes"), ("first", "is stopped"), ("first", "is not alone"), ("late", "finishes")],
)
async def test_a_session_waits_for_another_one_of_its_slice_and_accepts_no_other_money(
    tmp_path: Path, starts: str, other: str
) -> None:
    """It is overtaken between its deposits and the settlement (`first`), or starts while the other one moves money."""
    at_barrier, overtaken = asyncio.Event(), asyncio.Event()

    async def hold(request: Request, forward: Send) -> Response:
        if request.method == "GET" and request.path.split("?")[0].endswith("/balances"):
            at_barrier.set()
            await overtaken.wait()
        return await forward()

    async def overtake(context: RunContext) -> None:
        await _in_the_middle(context)
        if other == "is not alone":
            await _move_other_money(server)
        overtaken.set()
        if other == "is stopped":
            await asyncio.sleep(0.3)
            context.stop("the test stops it")

    async with sandbox(SLOW) as server:
        transport = MiddlewareTransport(http_transport(server.url), hold)
        own = seed_async(_of_one_ledger(server.url, tmp_path / "own"), overrides={Transport: transport})

        async def run_other() -> Report:
            if starts == "first":
                await at_barrier.wait()
            return await seed_async(_of_one_ledger(server.url, tmp_path / "other"), watch=overtake)

        async def run_own() -> Report:
            if starts == "late":
                await overtaken.wait()
            return await own

        report, others = await asyncio.gather(run_own(), run_other())
        await transport.aclose()
        if other == "is not alone":
            assert report.exit_code == 1
            assert "Nothing more of the plan has appeared for 1 s" in report.ledgers[0].reason
            assert _counts(report)["transfers"][1] == 0
            return
        assert report.exit_code == 0, report.verdict
        assert (others.exit_code == 0) is (other == "finishes"), others.verdict
        transfers = next(phase for phase in report.phases if phase.name == Phase.TRANSFERS)
        assert transfers.existing >= 5, "what the other one made"
        assert transfers.created > 0 or other == "finishes"
        await _audit(server.url, ONE_LEDGER)


async def test_a_slice_can_be_resumed_and_the_whole_run_finds_what_slices_made(tmp_path: Path) -> None:
    async with sandbox() as server:
        first = await _slice(server.url, tmp_path, 1, 2)
        assert first.exit_code == 0, first.verdict
        with pytest.raises(RunError, match=r"1 of 2 slices of run .* are missing: 2/2"):
            find_slices(tmp_path, first.run_id)
        again = await _slice(server.url, tmp_path, 1, 2)
        assert sum(phase.created for phase in again.phases) == 0
        whole = await seed_async(settings_for(server.url, volume=VOLUME, runs=tmp_path))
        assert (whole.exit_code, whole.plan_done_percent) == (0, 100), whole.verdict
        assert whole.movements == first.movements, "the other half of the ledgers"
        assert len(list_runs(tmp_path)) == 2


async def test_slices_that_do_not_belong_together_are_not_merged(tmp_path: Path) -> None:
    async with sandbox() as server:
        first = await _slice(server.url, tmp_path, 1, 2)
        await _slice(server.url, tmp_path, 2, 3)
        with pytest.raises(RunError, match="divided in several ways: into 2 and 3 slices"):
            find_slices(tmp_path, first.run_id)
    with pytest.raises(RunError, match="unknown run nothing"):
        find_slices(tmp_path, "nothing")


async def test_more_slices_than_ledgers_leave_the_last_ones_nothing_to_do() -> None:
    async with sandbox() as server:
        settings = settings_for(server.url, limits={"slice": "64/64"}, volume=VOLUME)
        report = await seed_async(settings)
        assert (report.exit_code, report.movements, len(report.ledgers)) == (0, 0, 0), report.verdict


async def test_sixty_four_slices_of_one_connection_each_make_everything_once() -> None:
    slow = {"rules": [{"on": "transactions", "methods": ["POST"], "latency": {"ms": 20}}]}
    volume = {**VOLUME, "organizations": 8, "ledgersPerOrganization": 8, "accountsPerLedger": 4}
    async with sandbox(slow) as server:
        limits = {"maxConcurrency": 64}
        parts = [
            settings_for(server.url, volume=volume, limits={**limits, "slice": f"{number}/64"})
            for number in range(1, 65)
        ]
        plan = {Plan: build_plan(parts[0])}  # to build it 64 times takes longer than the rest
        merged = merge_reports(await asyncio.gather(*(seed_async(part, overrides=plan) for part in parts)))
        whole = await verify_async(settings_for(server.url, volume=volume, verification={"everyTransaction": True}))
    assert (merged.exit_code, merged.plan_done_percent, len(merged.ledgers)) == (0, 100, 64), merged.verdict
    assert merged.concurrency.in_flight == 64
    assert (_counts(merged)["organizations"], merged.movements) == ((8, 8), 64 * 4 * 6)
    assert whole.exit_code == 0, whole.verdict


async def test_an_automatic_concurrency_divides_the_highest_number_among_the_slices() -> None:
    async with sandbox() as server:
        settings = settings_for(server.url, limits={"slice": "1/256", "maxConcurrency": "auto"}, volume=VOLUME)
        report = await seed_async(settings)
    assert (report.exit_code, report.movements) == (0, 8 * 6), report.verdict
    assert 1 <= report.concurrency.in_flight <= 2
    assert max(change.in_flight for change in report.concurrency.changes) <= 2


async def test_what_cannot_be_divided_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(UsageError, match="this sandbox ends with the command"):
        await seed_async(settings_for("sandbox", limits={"slice": "1/2"}))
    async with sandbox() as server:
        settings = settings_for(server.url, limits={"slice": "1/2"}, batches={"transactionsPerBatch": "auto"})
        with pytest.raises(UsageError, match="each slice would measure another batch size"):
            await seed_async(settings)


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["--slice", "3/2"], {}, "must be i/n, such as 2/8"),
        (["--slice", "0/2"], {}, "must be i/n, such as 2/8"),
        ([], {"JOB_SLICES": "4"}, "JOB_COMPLETION_INDEX is not set"),
        ([], {"JOB_SLICES": "4", "JOB_COMPLETION_INDEX": "x"}, "must be a whole number from 0"),
        ([], {"JOB_SLICES": "4", "JOB_COMPLETION_INDEX": "4"}, "not '5/4'"),
    ],
)
def test_a_slice_that_does_not_exist_is_a_usage_error(
    arguments: list[str], environment: dict[str, str], message: str
) -> None:
    result = run_cli("run", "-u", "http://127.0.0.1:9", *arguments, environment=environment)
    assert result.returncode == 2
    assert message in result.stderr


def test_a_pod_of_an_indexed_job_takes_the_slice_of_its_index() -> None:
    job = {"JOB_SLICES": "4", "JOB_COMPLETION_INDEX": "0"}
    assert re.search(r"limits.slice +1/4 +environment JOB_SLICES", run_cli("config", "show", environment=job).stdout)
    named = {**job, "MIDAZ_SEED_GENERATION__LIMITS__SLICE": "3/3"}
    assert re.search(r"limits.slice +3/3 ", run_cli("config", "show", environment=named).stdout)
