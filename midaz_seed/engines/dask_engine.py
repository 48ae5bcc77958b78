"""Carry out a run on Dask: each slice is a task of a cluster, which starts it again where its worker was lost.

Without the address of a scheduler a cluster of processes on this machine is started.
"""

import asyncio
import pickle
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from midaz_seed.clock import Clock, SystemClock
from midaz_seed.engine.context import RunContext
from midaz_seed.engine.control.concurrency import HIGHEST, search_over
from midaz_seed.engine.manifest import write_manifest
from midaz_seed.engine.shards.coordinator import Merging
from midaz_seed.engines.dask_cluster import DaskCluster, given_up, load_dask, result_of
from midaz_seed.engines.merged_report import merged_report
from midaz_seed.engines.slice_task import SliceProgress, SliceTask, SliceWindow, secrets_of, slice_task
from midaz_seed.errors import OutputError, SeedError, ShardError, UnreachableError, UsageError
from midaz_seed.event_loop import in_thread, synchronous
from midaz_seed.midaz.server_traits import server_of
from midaz_seed.model.ledger_shard import LedgerShard, read_slice
from midaz_seed.outputs import write_outputs
from midaz_seed.plan.items import Phase
from midaz_seed.plan.last_day import is_open
from midaz_seed.plan.plan import build_plan
from midaz_seed.probe.last_day import resolve_last_day
from midaz_seed.process import usable_cores
from midaz_seed.reporting.events import Emit, RunFinished
from midaz_seed.reporting.report import Report, not_written, read_report
from midaz_seed.reporting.report_figures import EngineReport
from midaz_seed.reporting.report_file import check_writable, write_json
from midaz_seed.resilience.divided_load import DividedLoad, LimitOrder
from midaz_seed.runner import Watch, check_can_be_divided, ignore_event
from midaz_seed.runs.directory import RunDirectory, last_day_on_record
from midaz_seed.runs.slices import DividedRun, open_divided_run
from midaz_seed.settings.model import Settings
from midaz_seed.settings.schema import SETTINGS
from midaz_seed.settings.target import ResolvedTarget, resolve_target
from midaz_seed.stopping import Stopping
from midaz_seed.task_groups import background_tasks, finished_within
from midaz_seed.wiring import open_run, open_transport

POLL_EVERY_S = 0.1
LOOK_EVERY_S = 5.0
WORKERLESS_S = 60.0
"""Time without any worker after which the slices that have not ended are lost."""
LATE_S = 5.0
"""Time after the time limit in which a slice may still end, and its result arrive."""
CLOSE_S = 8.0
"""Time to close a cluster after a cancellation."""


async def seed_on_dask_async(
    settings: Settings,
    *,
    scheduler: str = "",
    emit: Emit = ignore_event,
    watch: Watch | None = None,
    handle_signals: bool = False,
) -> Report:
    """Seed the target as `midaz_seed.seed_async` does, with the slices of the run on a cluster of Dask.

    Args:
        settings: what to create, where, and how; `limits.shards` is the number of slices.
        scheduler: address of a scheduler, such as `tcp://127.0.0.1:8786`; "": start a cluster on this machine.
        emit: as in `seed_async`.
        watch: as in `seed_async`; the context has the merged progress of the slices.
        handle_signals: as in `seed_async`.

    Returns:
        The merged report. Slices without a result are missing in it, and its exit code says so.

    Raises:
        UsageError: the run cannot be divided, or Dask is not installed.
        UnreachableError: no scheduler answers there, or it has no workers.
        RunError: a worker cannot carry out the run, or another process owns it; nothing was sent.
        ShardError: the workers of all slices were lost.
        SignalledError: with `handle_signals`, a signal came before any slice had a result.
        SeedError: what every slice raised.
    """
    _check(settings)
    clock, target = SystemClock(), resolve_target(settings.target)
    duration_s = settings.generation.limits.duration_s
    ends_at_s = clock.time() + duration_s if duration_s else 0.0
    stopping = Stopping(clock, grace_s=settings.generation.limits.grace_s, emit=emit)
    async with stopping.watching("nothing of the plan was sent", signals=handle_signals), AsyncExitStack() as stack:
        settings = await _with_last_day(settings, target, clock)
        plan = await in_thread(partial(build_plan, settings))
        run = stack.enter_context(open_divided_run(settings, plan, target, clock))
        context = await stack.enter_async_context(open_run(settings, plan, target, emit=emit))
        engine = await stack.enter_async_context(_open_engine(context, scheduler, run, ends_at_s))
        if run is not None:
            run.begin()
        with stopping.steering(context):
            await engine.carry_out(watch)
        report = _end(engine, run)
        if (manifest_error := context.findings.manifest_error) is not None:
            report = not_written(report, manifest_error)
    if settings.report is not None:
        try:
            write_json(report, settings.report)
        except OutputError as error:
            report = not_written(report, error)
    emit(RunFinished(report.exit_code, report.elapsed_s, report.verdict, report.next_step))
    return report


seed_on_dask = synchronous(seed_on_dask_async)


def on_all_workers(settings: Settings) -> Settings:
    """Return the settings with as many slices as the workers have threads."""
    limits = settings.generation.limits.model_copy(update={"shards": "auto"})
    return settings.model_copy(update={"generation": settings.generation.model_copy(update={"limits": limits})})


def _check(settings: Settings) -> None:
    """Check what can be checked before anything is started.

    Raises:
        UsageError: Dask is missing, or the run cannot be carried out on it.
        OutputError: the report cannot be written.
    """
    load_dask()
    if settings.generation.limits.slice:
        raise UsageError("--slice and --engine both divide the run", hint="give one of them")
    check_can_be_divided(settings)
    for file, what in ((settings.report, "report"), (settings.manifest, "manifest")):
        if file is not None:
            check_writable(file, what)


async def _with_last_day(settings: Settings, target: ResolvedTarget, clock: Clock) -> Settings:
    """Return the settings with the last day of the history, which all slices must have in common."""
    if not is_open(settings):
        return settings
    async with open_transport(settings.target, target, clock) as transport:
        return await resolve_last_day(settings, transport, clock, recorded=last_day_on_record(settings, target))


@asynccontextmanager
async def _open_engine(
    context: RunContext, scheduler: str, run: DividedRun | None, ends_at_s: float
) -> AsyncIterator["_Engine"]:
    """Connect to a cluster, or start one, and check its workers."""
    settings, plan = context.settings, context.plan
    root = run.directory.path.parent.resolve() if run is not None else ""
    name = run.directory.path.name if run is not None else ""
    task = slice_task(settings, plan, runs_dir=str(root), run_name=name, ends_at_s=ends_at_s)
    limits, cluster = settings.generation.limits, None
    wanted = limits.shards
    # a slice has at least one ledger, and one request in flight
    most = min(len(plan.ledgers), HIGHEST if limits.max_concurrency == "auto" else limits.max_concurrency)
    try:
        if scheduler:
            cluster = await in_thread(partial(DaskCluster.connect, scheduler))
        else:
            task = replace(task, on_this_machine=True)
            processes = max(min(usable_cores() if wanted == "auto" else wanted, most), 1)
            variables = {SETTINGS[path].variable: value for path, value in secrets_of(settings).items()}
            cluster = await in_thread(partial(DaskCluster.start, processes, variables))
        task = await in_thread(partial(cluster.checked, task))
        workers = await in_thread(cluster.workers)
        threads = sum(threads for _, threads in workers.values())
        slices = max(min(threads if wanted == "auto" else wanted, most), 1)
        directory = run.directory if run is not None else None
        engine = _Engine(context, cluster, task, slices, len(workers), scheduler, directory)
        yield engine
    finally:
        if cluster is not None:
            at_once = context.pool.admission.is_cancelled
            async with finished_within(CLOSE_S):
                await in_thread(partial(cluster.close, at_once=at_once))


@dataclass(slots=True)
class _Engine:
    """A run whose slices a cluster carries out."""

    context: RunContext
    cluster: DaskCluster
    task: SliceTask
    slices: int
    workers: int
    scheduler: str
    directory: RunDirectory | None
    futures: dict[str, Any] = field(default_factory=dict)
    """Slice -> what will have its result."""
    results: dict[str, bytes | SeedError] = field(default_factory=dict)
    """Slice -> its report as JSON, or the error that left none. Each is fetched at once: what was not is lost with its
    worker or the scheduler, and Dask would carry out the slice again."""
    given_up: dict[str, ShardError] = field(default_factory=dict)
    """Slice -> why it has no result."""
    attempts: dict[str, list[str]] = field(default_factory=dict)
    """Slice -> the processes that have carried it out, one after the other."""
    load: DividedLoad = field(init=False)

    def __post_init__(self) -> None:
        self.load = DividedLoad(self.context.clock, self.context.pool, self._send_orders)

    async def carry_out(self, watch: Watch | None) -> None:
        """Hand out the slices and wait until all have ended, or until the grace time after a signal is over."""
        context = self.context
        merging, loop = Merging(context), asyncio.get_running_loop()
        tasks = [self.task.of(number, self.slices) for number in range(1, self.slices + 1)]

        def receive(data: bytes) -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._receive, merging, data)

        async with context.pool.running(), background_tasks() as beside:
            if watch is not None:
                beside.start_soon(watch, context)
            futures = await in_thread(partial(self.cluster.submit, tasks, receive))
            self.futures = {task.slice: future for task, future in zip(tasks, futures, strict=True)}
            beside.start_soon(search_over, context, self.load)
            beside.start_soon(self._stop_slices)
            beside.start_soon(self._look_for_workers)
            beside.start_soon(self._end_in_time)
            while self._left and not self.cluster.is_lost:
                await context.clock.sleep(POLL_EVERY_S)
                await self._fetch_results()
            await self._write_manifest()

    @property
    def _left(self) -> list[str]:
        """The slices that have not ended."""
        return [name for name in self.futures if name not in self.results and name not in self.given_up]

    async def _fetch_results(self) -> None:
        """Fetch the results that are there."""
        for name in self._left:
            if self.futures[name].done():
                found = await in_thread(partial(result_of, name, self.futures[name]))
                self.load.end(read_slice(name))
                if isinstance(found, ShardError):
                    self.given_up.setdefault(name, found)
                elif found is not None:
                    self.results[name] = found

    async def _write_manifest(self) -> None:
        """Write the manifest with the ids that the slices report. Errors are in the findings."""
        reports = [read_report(found) for found in self.results.values() if isinstance(found, bytes)]
        made = {ledger.key: ledger for report in reports for ledger in report.ledgers}
        for organization in self.context.state.organizations:
            for ledger in organization.ledgers:
                if ledger.plan.key in made:
                    ledger.id = made[ledger.plan.key].id
                    ledger.organization_id = made[ledger.plan.key].organization_id
                    organization.id = organization.id or ledger.organization_id
        await write_manifest(replace(self.context, directory=self.directory))

    def _receive(self, merging: Merging, data: bytes) -> None:
        """Merge the progress of a slice, or take the window that it has measured."""
        context, found = self.context, pickle.loads(data)  # noqa: S301 - from our own workers
        assert isinstance(found, SliceProgress | SliceWindow)
        shard, attempts = read_slice(found.slice), self.attempts.setdefault(found.slice, [])
        if isinstance(found, SliceWindow):
            if attempts and attempts[-1] == found.attempt:
                self.load.receive(shard, found.found)
            return
        if found.attempt not in attempts:
            attempts.append(found.attempt)
            merging.begin(shard)
            self.load.end(shard)
            if found.slice in self._left:  # a slice may end before its progress arrives
                self.load.begin(shard)
        if attempts[-1] == found.attempt:  # a worker that was given up may still report
            self._merge(merging, shard, found)
        organizations = context.meter.phases[Phase.ORGANIZATIONS]  # several slices have ledgers of the same one
        left = organizations.planned - organizations.created - organizations.failed
        organizations.existing = min(organizations.existing, max(left, 0))

    def _merge(self, merging: Merging, shard: LedgerShard, found: SliceProgress) -> None:
        context = self.context
        for started in found.started:
            if context.findings.server is None:
                context.findings.server = server_of(started.server_version)
                planned = dict(context.plan.counts)
                context.emit(replace(started, ledgers=len(context.plan.ledgers), planned=planned))
        merging.progress(shard, found.progress)

    async def _send_orders(self, orders: Mapping[LedgerShard, LimitOrder]) -> None:
        by_name = {str(shard): order for shard, order in orders.items()}
        with suppress(Exception):  # without a scheduler the slices end by themselves
            await in_thread(partial(self.cluster.order, by_name))

    async def _stop_slices(self) -> None:
        await self.context.pool.admission.draining.wait()
        with suppress(Exception):  # without a scheduler the slices end by themselves
            await in_thread(self.cluster.stop)

    async def _look_for_workers(self) -> None:
        """Give up the slices that have not ended when no worker is left, or comes."""
        clock, seen_s = self.context.clock, self.context.clock.monotonic()
        while True:
            await clock.sleep(LOOK_EVERY_S)
            try:
                await in_thread(self.cluster.replace_workers)
                await in_thread(self.cluster.workers)
                seen_s = clock.monotonic()
            except UnreachableError:
                if clock.monotonic() - seen_s >= WORKERLESS_S:
                    self._give_up("lost its workers, and none came")
                    return
            except Exception:  # noqa: BLE001 - the scheduler is busy, or gone, which `is_lost` says
                seen_s = clock.monotonic()

    async def _end_in_time(self) -> None:
        """Give up the slices that have not ended when the time limit is over. Each ends by itself at the limit, unless
        no worker was free for it."""
        if self.task.ends_at_s:
            clock = self.context.clock
            await clock.sleep(max(self.task.ends_at_s + LATE_S - clock.time(), 0.0))
            self._give_up("had not ended when the time limit was over")

    def _give_up(self, reason: str) -> None:
        for name in self._left:
            self.given_up[name] = given_up(name, reason)
            self.load.end(read_slice(name))
            self.futures[name].cancel()

    def outcomes(self) -> list[bytes | SeedError]:
        """Return the report of each slice as JSON, or the error that left none."""
        lost = [
            self.given_up.get(name) or given_up(name, "was left without the scheduler")
            for name in self.futures
            if name not in self.results
        ]
        return [*self.results.values(), *lost]

    def report(self) -> EngineReport:
        """Return what carried out the run."""
        restarts = sum(len(attempts) - 1 for attempts in self.attempts.values())
        return EngineReport(
            "dask",
            self.scheduler,
            self.workers,
            self.slices,
            lost=self.slices - len(self.results),
            restarts=restarts,
            shares_journals=bool(self.task.runs_dir),
        )


def _end(engine: _Engine, run: DividedRun | None) -> Report:
    """Merge what the slices found, and write it into the directory of the run."""
    report = merged_report(engine.context, engine.outcomes(), engine.report())
    if run is not None:
        try:
            run.end(report)
            write_outputs(report, run.directory.path)
        except OutputError as error:
            step = f"{report.next_step} {error}: its directory is out of date.".strip()
            return replace(report, next_step=step)
    return report
