"""A run whose slices a cluster of Dask carries out: everything once, whatever ends early, and refusals by name."""

import asyncio
import json
import logging
import os
import resource
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from signal import Signals
from typing import Any

import dask
import distributed
import orjson
import pytest
from distributed.security import Security

from midaz_seed.engine.context import RunContext
from midaz_seed.engines.dask_cluster import DaskCluster
from midaz_seed.engines.dask_engine import seed_on_dask_async
from midaz_seed.engines.slice_task import slice_task
from midaz_seed.errors import RunError, SeedError, ShardError, UnreachableError, UsageError
from midaz_seed.plan.items import Phase
from midaz_seed.plan.plan import build_plan
from midaz_seed.reporting.events import ConcurrencyChanged, Event, PhaseFinished, RunFinished, RunStarted
from midaz_seed.reporting.report import Report, read_report
from midaz_seed.runner import seed_async, verify_async
from midaz_seed.runs.directory import MANIFEST, REPORT, RunStatus, find_run, list_runs
from midaz_seed.sandbox import SandboxServer
from midaz_seed.settings.model import Settings
from midaz_seed.transport.base import Request, Response, Transport
from tests.support.cli import run_cli
from tests.support.sandbox import read_balances, sandbox
from tests.support.settings import settings_for
from tests.support.transports import MiddlewareTransport, Send, http_transport

TLS = Path(__file__).parents[1] / "data" / "tls"
VOLUME = {"accountsPerLedger": 8, "transactionsPerAccount": 12, "ledgersPerOrganization": 2, "organizations": 2}
MOVEMENTS = 4 * 8 * 12
FROM_TRANSFERS_ON = tuple(Phase)[tuple(Phase).index(Phase.TRANSFERS) :]
pytestmark = pytest.mark.timeout(600)
"""Processes that are started again take a minute where other programs use the machine."""
SLOW = {"rules": [{"on": "transactions", "methods": ["POST"], "latency": {"ms": 60}}]}
"""Some seconds for each slice, so that it can be ended in the middle."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Run a scheduler and three workers, which are processes."""
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1 hour"}),  # or it closes one that is starting
        distributed.LocalCluster(
            n_workers=3,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            memory_limit=0,
            silence_logs=logging.CRITICAL,
        ) as found,
    ):
        yield found


def _settings(url: str, runs: Path | None, **sections: Any) -> Settings:
    limits = {"shards": 2, "maxConcurrency": 8, "graceS": 20}
    return settings_for(url, runs=runs, limits=limits, **{"volume": VOLUME, **sections})


async def _audit(url: str, volume: Mapping[str, int] = VOLUME) -> None:
    """Assert that every planned transaction exists once, and nothing else."""
    whole = await verify_async(_settings(url, None, volume=volume, verification={"everyTransaction": True}))
    assert whole.exit_code == 0, whole.verdict


def _kill_a_busy_worker(address: str) -> None:
    """End a worker that carries out a slice, as the system does when memory is short."""
    with distributed.Client(address, set_as_default=False) as client:
        busy = next(worker for worker, tasks in client.processing().items() if tasks)
        (pid,) = client.run(os.getpid, workers=[busy]).values()
    os.kill(pid, signal.SIGKILL)


async def _in_the_middle(context: RunContext) -> None:
    """Return when both slices move money: one may begin later, where its worker has just started."""
    slices = [context.plan.ledgers[first::2] for first in (0, 1)]
    while not all(any(_moves_money(context, ledger.key) for ledger in ledgers) for ledgers in slices):
        await asyncio.sleep(0.05)


def _moves_money(context: RunContext, ledger: str) -> bool:
    progress = context.meter.ledgers.get(ledger)
    if progress is None or progress.phase not in FROM_TRANSFERS_ON:
        return False
    return progress.phase is not Phase.TRANSFERS or progress.created >= 5


async def test_slices_on_a_cluster_make_everything_once_and_are_one_run(cluster: Any, tmp_path: Path) -> None:
    async with sandbox() as server:
        alone = await seed_async(settings_for(server.url, volume=VOLUME))
        planned = await read_balances(server.url)
    events: list[Event] = []
    contexts = []

    async def watch(context: RunContext) -> None:
        contexts.append(context)

    async with sandbox() as server:
        settings = _settings(server.url, tmp_path, manifest=str(tmp_path / "accounts.json"))
        report = await seed_on_dask_async(
            settings, scheduler=cluster.scheduler_address, emit=events.append, watch=watch
        )
        assert (report.exit_code, report.plan_done_percent) == (0, 100), report.verdict
        assert await read_balances(server.url) == planned
        await _audit(server.url)
    plan = build_plan(settings)  # the report is that of a run in one process
    assert {phase.name: phase.created for phase in report.phases if phase.planned} == dict(plan.counts)
    assert {phase.name: phase.planned for phase in report.phases} == {each.name: each.planned for each in alone.phases}
    assert (report.organizations, len(report.ledgers)) == (2, 4)
    assert report.settings["generation"]["limits"]["shards"] == 2  # type: ignore[index, call-overload]
    assert report.engine is not None
    assert (report.engine.slices, report.engine.workers, report.engine.lost) == (2, 3, 0)
    assert report.engine.shares_journals
    # what follows the run has seen all of it
    assert [event.ledgers for event in events if isinstance(event, RunStarted)] == [4]
    assert sum(isinstance(event, PhaseFinished) and event.phase is Phase.VERIFY for event in events) == 4
    assert isinstance(events[-1], RunFinished)
    assert (contexts[0].meter.finished, contexts[0].meter.planned) == (plan.posts, plan.posts)
    # and its directory is that of a run, beside those of the slices
    whole = next(run for run in list_runs(tmp_path) if not run.read_record().slice)
    assert (whole.read_record().status, whole.read_record().done) == (RunStatus.FINISHED, plan.posts)
    assert read_report((whole / REPORT).read_bytes()) == report
    manifest = json.loads((tmp_path / "accounts.json").read_bytes())
    assert json.loads((whole / MANIFEST).read_bytes()) == manifest
    accounts = manifest["accounts"]
    assert (len(accounts), len({each["id"] for each in accounts} - {""})) == (32, 32)
    assert [run.read_record().slice for run in list_runs(tmp_path) if run.path != whole.path] in (
        ["1/2", "2/2"],
        ["2/2", "1/2"],
    )


async def test_one_search_decides_how_many_requests_all_slices_have_in_flight(cluster: Any, tmp_path: Path) -> None:
    events: list[Event] = []
    async with sandbox(SLOW) as server:
        limits = {"shards": 2, "maxConcurrency": "auto"}
        volume = {**VOLUME, "transactionsPerAccount": 40}
        settings = _settings(server.url, tmp_path, generation={"limits": limits}, volume=volume)
        report = await seed_on_dask_async(settings, scheduler=cluster.scheduler_address, emit=events.append)
        seen = server.app.statistics.in_flight_max
    assert report.exit_code == 0, report.verdict
    found = [change.in_flight for change in report.concurrency.changes]
    assert found == [event.in_flight for event in events if isinstance(event, ConcurrencyChanged)]
    assert found[0] == 4
    assert 8 <= max(found) <= seen <= 2 * max(found), "the slices have the number together, and twice that in a trial"
    assert all(0 <= change.at_s <= report.elapsed_s for change in report.concurrency.changes)
    slices = [read_report((run / REPORT).read_bytes()) for run in list_runs(tmp_path) if run.read_record().slice]
    own = [[change.in_flight for change in each.concurrency.changes] for each in slices]
    assert own == [[2], [2]], "a slice searches nothing"


async def test_a_worker_that_is_killed_loses_and_doubles_nothing(cluster: Any, tmp_path: Path) -> None:
    address = cluster.scheduler_address

    async def kill(context: RunContext) -> None:
        await _in_the_middle(context)
        await asyncio.to_thread(_kill_a_busy_worker, address)

    async with sandbox(SLOW) as server:
        settings = _settings(server.url, tmp_path)
        # one that may not be started again: the other slice's work is kept
        cluster.scheduler.allowed_failures = 0
        lost = await seed_on_dask_async(settings, scheduler=address, watch=kill)
        cluster.scheduler.allowed_failures = 3
        assert lost.exit_code == 1
        assert "1 slice of 2 ended without a result" in lost.verdict
        assert "Run the same command again" in lost.next_step
        assert 0 < lost.plan_done_percent < 100
        assert lost.engine is not None
        assert lost.engine.lost == 1
        assert find_run(tmp_path, "").read_record().status is not RunStatus.FINISHED
        # the same command continues, though a worker is killed again
        again = await seed_on_dask_async(settings, scheduler=address, watch=kill)
        assert (again.exit_code, again.plan_done_percent) == (0, 100), again.verdict
        assert again.engine is not None
        assert again.engine.restarts == 1
        await _audit(server.url)


@pytest.mark.parametrize("number", [Signals.SIGINT, Signals.SIGTERM])
async def test_a_signal_ends_all_slices_and_the_same_command_continues(
    cluster: Any, tmp_path: Path, number: Signals
) -> None:
    async def interrupt(context: RunContext) -> None:
        await _in_the_middle(context)
        os.kill(os.getpid(), number)

    async with sandbox(SLOW) as server:
        run = partial(seed_on_dask_async, _settings(server.url, tmp_path), scheduler=cluster.scheduler_address)
        stopped = await run(watch=interrupt, handle_signals=True)
        assert stopped.exit_code == 128 + number, stopped.verdict
        assert stopped.verdict == f"Interrupted by {number.name}; what was in flight was finished."
        assert 0 < stopped.plan_done_percent < 100
        finished = await run()
        assert (finished.exit_code, finished.plan_done_percent) == (0, 100), finished.verdict
        assert finished.movements < MOVEMENTS
        await _audit(server.url)


async def test_limits_and_error_budget_are_those_of_the_whole_run(cluster: Any, tmp_path: Path) -> None:
    limits = {"shards": 4, "maxConcurrency": 3, "requestsPerSecond": 300, "durationS": 3600}
    async with sandbox() as server:
        settings = _settings(server.url, tmp_path, generation={"limits": limits})
        report = await seed_on_dask_async(settings, scheduler=cluster.scheduler_address)
    assert report.exit_code == 0, report.verdict
    assert report.engine is not None
    assert (report.engine.slices, report.concurrency.in_flight) == (3, 3)  # each slice has at least one in flight
    slices = [read_report((run / REPORT).read_bytes()) for run in list_runs(tmp_path) if run.read_record().slice]
    budgets = [each.error_budget_percent for each in slices]
    assert (report.error_budget_percent, budgets) == (1, [100] * 3), "it is evaluated with the items of all slices"
    own: list[Any] = [each.settings["generation"]["limits"] for each in slices]  # type: ignore[index, call-overload]
    assert sum(each["requestsPerSecond"] for each in own) == 300
    assert all(0 < each["durationS"] < 3600 for each in own)


def _occupy(until: str) -> None:
    """Occupy a worker until a file exists, as a task of another user does."""
    while not Path(until).exists():
        time.sleep(0.05)


async def test_slices_for_which_no_worker_was_free_are_given_up_after_the_time_limit(
    cluster: Any, tmp_path: Path
) -> None:
    address, released = cluster.scheduler_address, tmp_path / "released"

    def occupy_all() -> distributed.Client:
        client = distributed.Client(address, set_as_default=False)
        for worker in client.scheduler_info(n_workers=-1)["workers"]:
            distributed.fire_and_forget(client.submit(_occupy, str(released), workers=[worker], pure=False))
        while not all(client.processing().values()):
            time.sleep(0.05)
        return client

    async with sandbox() as server:
        client = await asyncio.to_thread(occupy_all)
        limited = _settings(server.url, tmp_path / "runs", generation={"limits": {"durationS": 0.5}})
        try:
            with pytest.raises(
                ShardError, match="had not ended when the time limit was over, and was given up"
            ) as late:
                await seed_on_dask_async(limited, scheduler=address)
        finally:
            released.touch()
            await asyncio.to_thread(client.close)
        assert "run the same command again" in late.value.hint
        assert await read_balances(server.url) == {}


async def _forbid_sending(url: str, ledger: str) -> None:
    """Forbid an account of a ledger to send, as an operator of the server may; one that was used may for an hour."""
    wire, balances = http_transport(url), f"{ledger}/balances"
    rows = orjson.loads((await wire.send(Request("GET", f"{balances}?limit=100"))).body)["items"]
    own = next(row for row in rows if not row["alias"].startswith("@external") and row["available"] == "0")
    answer = await wire.send(Request("PATCH", f"{balances}/{own['id']}", b'{"allowSending":false}'))
    assert answer.status == 200, answer.body
    await wire.aclose()


async def test_the_error_budget_is_compared_with_the_failures_of_all_slices(cluster: Any, tmp_path: Path) -> None:
    """All failures are in one slice: a budget between its share and that of the whole run is not exceeded."""

    contexts: list[RunContext] = []
    paths: list[str] = []

    async def watch(context: RunContext) -> None:
        contexts.append(context)

    async def stop_at_the_first_deposit(request: Request, forward: Send) -> Response:
        if request.method == "POST" and "/transactions/" in request.path:
            paths.append(request.path)
            contexts[0].stop("an operator comes first")
        return await forward()

    async with sandbox() as server:
        unverified = {"verification": {"enabled": False}}  # it would find differences
        transport = MiddlewareTransport(http_transport(server.url), stop_at_the_first_deposit)
        first = settings_for(server.url, volume=VOLUME, **unverified)
        await seed_async(first, watch=watch, overrides={Transport: transport})
        await transport.aclose()
        await _forbid_sending(server.url, paths[0].partition("/transactions/")[0])
        settings = partial(_settings, server.url, tmp_path, **unverified)
        run = partial(seed_on_dask_async, scheduler=cluster.scheduler_address)
        beyond = await run(settings(errorBudgetPercent=0))
        failed = beyond.error_rate_percent
        assert beyond.exit_code == 1
        assert beyond.verdict == f"{failed:.2f} % of the items failed, the budget is 0 %."
        slices = [read_report((run / REPORT).read_bytes()) for run in list_runs(tmp_path) if run.read_record().slice]
        assert beyond.failed_items_total == sum(each.failed_items_total for each in slices) > 0
        most = max(each.error_rate_percent for each in slices)
        assert most > 1.5 * failed
        within = await run(settings(errorBudgetPercent=(failed + most) / 2))
        assert (within.exit_code, within.failed_items_total) == (0, beyond.failed_items_total), within.verdict


async def test_a_stop_rule_ends_each_slice_by_itself_and_the_report_names_it(cluster: Any, tmp_path: Path) -> None:
    failing = {"on": "transactions", "methods": ["POST"], "rate": 0.8, "status": {"code": 500}}
    rules = [failing, *SLOW["rules"]]
    async with sandbox({"rules": rules}) as server:
        settings = _settings(
            server.url,
            tmp_path,
            volume={**VOLUME, "transactionsPerAccount": 60},
            breaker={"failures": 1000},
            stop={"errorRatePercent": 50, "windowS": 6},  # a rule needs 100 attempts in its window
        )
        stopped = await seed_on_dask_async(settings, scheduler=cluster.scheduler_address)
    assert stopped.exit_code == 1
    assert stopped.verdict.startswith("2 of 2 slices ended with an error: Stopped by a rule: "), stopped.verdict
    assert "stop.errorRatePercent is 50" in stopped.verdict
    assert 0 < stopped.plan_done_percent < 100
    slices = [read_report((run / REPORT).read_bytes()) for run in list_runs(tmp_path) if run.read_record().slice]
    assert ["Stopped by a rule" in each.verdict for each in slices] == [True] * 2, [each.verdict for each in slices]


def _limit_files(limit: int) -> None:
    """Make the volume of this process seem full when a file has so many bytes; a process ignores SIGXFSZ in Python."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit if limit >= 0 else most, most))


async def test_a_full_volume_on_workers_ends_their_slices_with_a_message_and_loses_nothing(
    cluster: Any, tmp_path: Path
) -> None:
    address = cluster.scheduler_address

    async def limit(bytes_max: int) -> None:
        def on_all_but_one() -> None:
            with distributed.Client(address, set_as_default=False) as client:
                workers = sorted(client.scheduler_info(n_workers=-1)["workers"])
                client.run(_limit_files, bytes_max, workers=workers[1:])  # of which at least one gets a slice

        await asyncio.to_thread(on_all_but_one)

    async with sandbox() as server:
        volume = {**VOLUME, "transactionsPerAccount": 150}
        run = partial(seed_on_dask_async, _settings(server.url, tmp_path, volume=volume))
        await limit(9000)  # the record fits, which holds the settings; a journal does not
        try:
            full = await run(scheduler=address)
        finally:
            await limit(-1)
        assert full.exit_code == 1, full.verdict
        assert "the journal cannot be written" in full.verdict
        assert "Traceback" not in full.verdict
        assert 0 < full.plan_done_percent < 100
        finished = await run(scheduler=address)
        assert (finished.exit_code, finished.plan_done_percent) == (0, 100), finished.verdict
        await _audit(server.url, volume)


async def test_tls_is_that_of_dask_and_a_scheduler_with_it_accepts_no_other(tmp_path: Path) -> None:
    tls = "distributed.comm.tls"
    files = {f"{tls}.ca-file": str(TLS / "ca.pem")}
    for part in ("scheduler", "worker", "client"):
        files |= {f"{tls}.{part}.cert": str(TLS / "server.pem"), f"{tls}.{part}.key": str(TLS / "server.key")}
    with (
        dask.config.set(files),
        distributed.LocalCluster(
            n_workers=2, processes=False, protocol="tls://", security=Security(), dashboard_address="127.0.0.1:0"
        ) as secure,
    ):
        address = secure.scheduler_address
        assert address.startswith("tls://")
        async with sandbox() as server:
            report = await seed_on_dask_async(_settings(server.url, tmp_path), scheduler=address)
            assert (report.exit_code, report.plan_done_percent) == (0, 100), report.verdict
            await _audit(server.url)
            with dask.config.set(dict.fromkeys(files)):
                with pytest.raises(UnreachableError, match="no Dask scheduler answers at tls:") as without:
                    await seed_on_dask_async(_settings(server.url, tmp_path), scheduler=address)
                assert "Dask's own settings for TLS" in without.value.hint


def _shift_clock(by_s: float) -> None:
    """Let the clock of this process be wrong; 0: let it be right again."""
    right = getattr(time.time, "right", time.time)

    def shifted() -> float:
        return float(right()) + by_s

    shifted.right = right  # type: ignore[attr-defined]
    time.time = shifted if by_s else right


async def _refused(server: SandboxServer, error: SeedError, runs: Path) -> str:
    """Assert that nothing was begun, and return the message."""
    assert await read_balances(server.url) == {}
    assert list_runs(runs) == []
    return f"{error} {error.hint}"


async def test_a_cluster_that_cannot_carry_out_the_run_is_refused_and_nothing_is_sent(
    cluster: Any, tmp_path: Path
) -> None:
    async with sandbox() as server:
        settings = _settings(server.url, tmp_path)
        address = cluster.scheduler_address
        for wrong in ("tcp://127.0.0.1:9", "127.0.0.1", "http://127.0.0.1:80", "tcp://127.0.0.1:99999"):
            with pytest.raises(UnreachableError, match="no Dask scheduler answers at") as unreachable:
                await seed_on_dask_async(settings, scheduler=wrong)
            assert "such as tcp://" in await _refused(server, unreachable.value, tmp_path)

        with distributed.LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as empty:
            with pytest.raises(UnreachableError, match="the Dask scheduler has no workers") as no_workers:
                await seed_on_dask_async(settings, scheduler=empty.scheduler_address)
            assert "dask worker" in await _refused(server, no_workers.value, tmp_path)

        secret = _settings(server.url, tmp_path, target={"authToken": "a-secret-token"})
        with pytest.raises(RunError, match=r"worker \d \(tcp.* has no target.authToken: set MIDAZ_SEED_") as token:
            await seed_on_dask_async(secret, scheduler=address)
        assert "a-secret-token" not in await _refused(server, token.value, tmp_path)

        def on_one_worker(by_s: float) -> None:
            with distributed.Client(address, set_as_default=False) as client:
                client.run(_shift_clock, by_s, workers=[min(client.scheduler_info(n_workers=-1)["workers"])])

        limited = _settings(server.url, tmp_path, generation={"limits": {"durationS": 60}})
        for by_s, wrong in ((30.0, "30 s ahead"), (-30.0, "30 s behind")):
            await asyncio.to_thread(on_one_worker, by_s)
            try:
                with pytest.raises(
                    RunError, match=rf": worker \d \(tcp[^;]* has a clock that is {wrong}: with"
                ) as clock:
                    await seed_on_dask_async(limited, scheduler=address)
            finally:
                await asyncio.to_thread(on_one_worker, 0.0)
            assert "all clocks have to agree" in await _refused(server, clock.value, tmp_path)

        connected = await asyncio.to_thread(DaskCluster.connect, address)
        task = slice_task(settings, build_plan(settings))
        for changed, message in (
            (replace(task, version="0.0.9"), r"worker \d \(.* has midaz-seed .*, and this is 0.0.9"),
            (replace(task, digest="0" * 64), r"plans other data \(digest .*, and this is 000000000000\)"),
        ):
            with pytest.raises(RunError, match=message):
                await asyncio.to_thread(connected.checked, changed)
        await asyncio.to_thread(connected.close, at_once=False)


async def test_two_engines_at_once_are_one_run(cluster: Any, tmp_path: Path) -> None:
    async with sandbox() as server:
        run = partial(seed_on_dask_async, _settings(server.url, tmp_path), scheduler=cluster.scheduler_address)
        results = await asyncio.gather(run(), run(), return_exceptions=True)
        reports = [result for result in results if isinstance(result, Report)]
        refusals = [result for result in results if isinstance(result, RunError)]
        assert ([report.exit_code for report in reports], len(refusals)) == ([0], 1), results
        assert "is in use by process" in str(refusals[0])
        await _audit(server.url)


async def test_what_cannot_be_divided_is_a_usage_error_before_anything_starts(tmp_path: Path) -> None:
    for changes, message in (
        ({"generation": {"limits": {"slice": "1/2"}}}, "--slice and --engine both divide the run"),
        ({"generation": {"batches": {"transactionsPerBatch": "auto"}}}, "each slice would measure another batch size"),
        ({"target": {"baseUrl": "sandbox"}}, "this sandbox ends with the command"),
    ):
        with pytest.raises(UsageError, match=message):
            await seed_on_dask_async(_settings("http://127.0.0.1:9", tmp_path, **changes))


def test_the_command_leaves_its_document_when_no_scheduler_answers(tmp_path: Path) -> None:
    command = ("run", "-v", "tiny", "-u", "http://127.0.0.1:9")
    file = tmp_path / "report.json"
    result = run_cli(*command, "--engine", "dask", "--scheduler", "tcp://127.0.0.1:9", "--report", str(file))
    assert result.returncode == 3
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in result.stderr
    assert '"kind": "UnreachableError"' in file.read_text(encoding="utf-8")
    alone = run_cli(*command, "--scheduler", "tcp://127.0.0.1:9")
    assert (alone.returncode, "--scheduler has no effect without --engine dask" in alone.stderr) == (2, True)
