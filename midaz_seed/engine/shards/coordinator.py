"""A run in several processes: each fills its shard of the ledgers, this one creates the organizations and the report.

A shard is a plain function of its task (settings, plan, shard, journal) to its result, so it could also run on another
machine. The process is `midaz_seed.shard_worker`. It gets its task through a pipe, because the task may hold a token,
and after that the orders of the concurrency search, which is one over all shards; plan and result, which are large, are
files in a temporary folder; progress and measured windows come back through a pipe. It holds the run's lock while it
lives, and ends when the process that owns the run ends.
"""

import contextlib
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

import anyio
import anyio.to_thread

from midaz_seed.engine.admission import ENDING_S
from midaz_seed.engine.context import RunContext
from midaz_seed.engine.control.concurrency import search_over
from midaz_seed.engine.shards.messages import ShardProgress, ShardResult, ShardTask, framed, progress_of, read_message
from midaz_seed.engine.state_tree import LedgerStatus
from midaz_seed.errors import SeedError, ShardError
from midaz_seed.model.ledger_shard import LedgerShard
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.time_series import TimeSeries
from midaz_seed.resilience.divided_load import DividedLoad, LimitOrder, OrderedWindow
from midaz_seed.settings.model import Limits, Settings
from midaz_seed.task_groups import background_tasks

STARTS_MAX = 4
"""How often a shard is started before its ledgers fail: the system may kill it to free memory."""


def shard_grace_s(grace_s: float) -> float:
    """Return the grace time of a shard, which leaves time to merge its result within that of the run."""
    return max(grace_s - 2 * ENDING_S, grace_s / 2)


def shard_tasks(context: RunContext, shards: int, folder: Path) -> list[ShardTask]:
    """Return one task for each shard, with its part of the limits.

    Args:
        shards: number of shards.
        folder: where plan and results are stored.
    """
    limits = context.settings.generation.limits
    own = limits.share(shards).model_copy(update={"shards": 1, "grace_s": shard_grace_s(limits.grace_s)})
    parts = [limits.shard.part(number, shards) for number in range(shards)]
    directory = context.directory
    plan = folder / "plan"
    plan.write_bytes(pickle.dumps(context.plan))
    return [
        ShardTask(
            _with_limits(context.settings, own.model_copy(update={"slice": str(part)})),
            plan,
            folder / f"result-{number}",
            part,
            context.target,
            tuple((organization.id, organization.created_by_this_run) for organization in context.state.organizations),
            directory.journal(number) if directory else None,
            tuple(directory.journals()) if directory else (),
            context.rejects.path,
            context.session,
            context.clock.time() + context.left_s,
            context.clock.time() - context.run_elapsed_s,
        )
        for number, part in enumerate(parts)
    ]


def _with_limits(settings: Settings, limits: Limits) -> Settings:
    generation = settings.generation.model_copy(update={"limits": limits})
    return settings.model_copy(update={"generation": generation})


async def seed_in_shards(context: RunContext, shards: int) -> None:
    """Fill the ledgers in several processes and merge their results. Errors are in the context."""
    context.journal.flush()
    merging, pipes = Merging(context), dict[LedgerShard, int]()
    load = DividedLoad(context.clock, context.pool, lambda orders: _send_orders(orders, pipes))
    context.findings.lost_shards = shards
    with tempfile.TemporaryDirectory(prefix="midaz-seed-") as folder:
        async with background_tasks() as beside, anyio.create_task_group() as group:
            beside.start_soon(search_over, context, load)
            for task in shard_tasks(context, shards, Path(folder)):
                group.start_soon(_run_shard, context, task, _Links(merging, load, pipes))
    context.timeline.end_shards()


@dataclass(frozen=True, slots=True)
class _Links:
    """Where the messages of the shards go, and those to them come from."""

    merging: "Merging"
    load: DividedLoad
    pipes: dict[LedgerShard, int]
    """Shard -> descriptor of the pipe to its process, which does not block."""


async def _send_orders(orders: Mapping[LedgerShard, LimitOrder], pipes: Mapping[LedgerShard, int]) -> None:
    """Write orders into the pipes of shards."""
    for shard, order in orders.items():
        # a full pipe is that of a stopped process, a broken one that of an ended one: neither gets the order
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(pipes[shard], framed(order))  # whole or not at all, because it is below PIPE_BUF


async def _run_shard(context: RunContext, task: ShardTask, links: _Links) -> None:
    """Run one shard, and start it again when it is killed: it resumes from its journal or from the server."""
    merging = links.merging
    for _ in range(STARTS_MAX):
        merging.begin(task.shard)
        result = await _run_process(context, task, links)
        if isinstance(result, ShardResult):
            context.findings.lost_shards -= 1
            merging.finish(task.shard, result)
            return
        if isinstance(result, SeedError):  # nothing was sent
            context.findings.lost_shards -= 1
            context.results.errors.append(result)
            context.stop(str(result))
            break
        if context.pool.admission.is_draining:
            break
    merging.mark_lost(task.shard)
    if not context.pool.admission.is_draining:
        context.results.errors.append(
            ShardError(
                f"process {task.shard.index + 1} of {task.shard.of} ended {STARTS_MAX} times without a result",
                hint="is there enough memory? run the same command again, with fewer --shards",
            )
        )


async def _run_process(context: RunContext, task: ShardTask, links: _Links) -> ShardResult | SeedError | None:
    """Start a shard and wait.

    Returns:
        Its result, or the error that kept it from starting; None when it ended without either.
    """
    directory = context.directory
    process = subprocess.Popen(  # noqa: ASYNC220 - starting does not block; a thread waits for it
        [sys.executable, "-m", "midaz_seed.shard_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C reaches this process alone, which terminates the shards
        pass_fds=[directory.lock_fd] if directory else [],
    )
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_stop_with_run, context, process)
            result = await _exchange(process, task, links)
            group.cancel_scope.cancel()
        return result
    finally:
        links.load.end(task.shard)
        process.kill()
        with anyio.CancelScope(shield=True), process:
            await anyio.to_thread.run_sync(process.wait)


async def _exchange(
    process: "subprocess.Popen[bytes]", task: ShardTask, links: _Links
) -> ShardResult | SeedError | None:
    """Send the task, and merge the progress until the shard ends; return its result."""
    await anyio.to_thread.run_sync(_write_message, process, framed(task), abandon_on_cancel=True)
    assert process.stdin is not None
    assert process.stdout is not None
    links.pipes[task.shard] = process.stdin.fileno()
    pipe = cast("BinaryIO", process.stdout)
    while (message := await anyio.to_thread.run_sync(read_message, pipe, abandon_on_cancel=True)) is not None:
        if isinstance(message, OrderedWindow):
            links.load.receive(task.shard, message)
        else:
            links.load.begin(task.shard)  # with its first progress: it has started, and reads orders
            links.merging.progress(task.shard, message)
    if not task.result.exists():
        return None
    result: ShardResult | SeedError = pickle.loads(task.result.read_bytes())  # noqa: S301 - from our own process
    return result


def _write_message(process: "subprocess.Popen[bytes]", data: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # it was killed: the next read shows it
        process.stdin.write(data)
        process.stdin.flush()
        os.set_blocking(process.stdin.fileno(), False)  # orders follow, which nothing waits for


async def _stop_with_run(context: RunContext, process: "subprocess.Popen[bytes]") -> None:
    """Terminate the shard when the run drains."""
    await context.pool.admission.draining.wait()
    process.terminate()


@dataclass(slots=True)
class Merging:
    """Adds the progress and the results of the shards to the counters of the run."""

    context: RunContext
    latest_progress: dict[LedgerShard, ShardProgress] = field(default_factory=dict)
    series: dict[LedgerShard, TimeSeries] = field(default_factory=dict)
    """The time series of each shard's present process."""
    own: dict[Phase, dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.own = progress_of(self.context.meter).phases

    def begin(self, shard: LedgerShard) -> None:
        """Expect the progress of another process of a shard."""
        self.series[shard] = self.context.timeline.add_shard()

    def progress(self, shard: LedgerShard, progress: ShardProgress) -> None:
        """Add the progress of a shard, in place of its last one."""
        self.latest_progress[shard] = progress
        new = progress.windows
        if new.windows:
            self.series[shard].replace_from(new.first, new.windows, new.interval_s)
        self._count()
        for event in progress.events:
            self.context.emit(event)

    def finish(self, shard: LedgerShard, result: ShardResult) -> None:
        """Add the result of a shard."""
        context, meter = self.context, self.context.meter
        self.progress(shard, progress_of(result.meter, events=result.events))
        self.series[shard].replace_from(0, result.series.windows, result.series.interval_s)
        for phase, counters in result.meter.phases.items():
            meter.phases[phase].latency.merge(counters.latency)
            meter.phases[phase].busy_s = max(meter.phases[phase].busy_s, counters.busy_s)
        meter.money.busy_s = max(meter.money.busy_s, result.meter.money.busy_s)
        context.tracker.merge(result.tracker)
        self._merge_ledgers(result)
        meter.succeeded += result.meter.succeeded
        meter.overloaded += result.meter.overloaded
        if context.schedule is not None and result.schedule is not None:
            context.schedule.add(result.schedule)
        context.sender.breaker.add(opened_count=result.breaker_opened, open_s=result.breaker_open_s)
        context.results.merge(result.results)
        if result.time_is_up:
            context.close()
        context.findings.out_of_time = context.findings.out_of_time or result.out_of_time
        if result.results.stop_reason:
            context.stop(result.results.stop_reason)

    def _merge_ledgers(self, result: ShardResult) -> None:
        context = self.context
        by_index = {ledger.index: ledger for ledger in context.state.ledgers}
        clock_offset_s = result.epoch_s - (context.clock.time() - context.clock.monotonic())
        for outcome in result.ledgers:
            ledger = by_index[outcome.index]
            ledger.status, ledger.reason, ledger.id = outcome.status, outcome.reason, outcome.id
            ledger.flows = outcome.flows
            for flow in outcome.flows.values():
                flow.shift(clock_offset_s)
        for organization in context.state.organizations:
            for ledger in organization.ledgers:
                ledger.organization_id = organization.id

    def mark_lost(self, shard: LedgerShard) -> None:
        """Mark the shard's ledgers as not done."""
        for ledger in self.context.state.ledgers:
            if shard.has(ledger.index):
                stopped = self.context.pool.admission.is_draining
                ledger.status = LedgerStatus.STOPPED if stopped else LedgerStatus.FAILED
                ledger.reason = "" if stopped else "the process that filled it was killed"

    def _count(self) -> None:
        meter = self.context.meter
        for phase, own in self.own.items():
            for name, count in own.items():
                total = count + sum(progress.phases[phase][name] for progress in self.latest_progress.values())
                setattr(meter.phases[phase], name, total)
        meter.in_flight = sum(progress.in_flight for progress in self.latest_progress.values())
        for progress in self.latest_progress.values():
            meter.ledgers.update(progress.ledgers)
