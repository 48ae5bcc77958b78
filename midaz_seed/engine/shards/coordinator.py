"""A run in several processes: each fills its slice of the ledgers, this one makes the organizations and the report.

A shard is a plain function of its order (settings, plan, slice, where its journal is) to its result, so that something
else than a process of this machine could carry it out. `midaz_seed.shard_worker` is that process. Its order comes
through a pipe, for it may hold a token; the plan and the result, which are large, are files in a temporary folder; how
far it is comes through a pipe. It holds the run's lock as long as it lives, and it ends when the process that owns the
run ends.
"""

import contextlib
import pickle
import struct
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.requests.error_tracker import ErrorTracker
from midaz_seed.engine.state_tree import LedgerShard, LedgerStatus
from midaz_seed.errors import SeedError, ShardError
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import ConcurrencyChanged, Settled
from midaz_seed.reporting.meter import LedgerProgress, Meter, PhaseMeter
from midaz_seed.reporting.report import LedgerVerification, ProcessReport
from midaz_seed.reporting.settled_throughput import SettlementTimeline
from midaz_seed.reporting.steady import SteadyWindow
from midaz_seed.resilience.arrival_schedule import ScheduleStats
from midaz_seed.settings.model import Settings
from midaz_seed.settings.target import ResolvedTarget

LENGTH = struct.Struct("<Q")
STARTS_MAX = 4
"""How often a shard is started before its ledgers are given up: it may be killed by somebody who frees memory."""


@dataclass(frozen=True, slots=True)
class ShardTask:
    """What a shard is to do."""

    settings: Settings
    plan: Path
    """A file with the pickled plan, the same for all."""
    result: Path
    """Where the pickled result goes."""
    shard: LedgerShard
    target: ResolvedTarget
    organizations: tuple[tuple[str, bool], ...]
    """Of every organization of the plan: its server id, "" when it could not be made, and whether this run made it."""
    journal: Path | None
    """Where the shard writes what it sends; None: nowhere."""
    journals: tuple[Path, ...]
    """The journals of all sessions and shards of the run."""
    rejects: Path | None
    session: int


@dataclass(slots=True)
class ShardResult:
    """What became of a slice: everything that the report is made of."""

    meter: Meter
    tracker: ErrorTracker
    ledgers: list[tuple[int, LedgerStatus, str, str]]
    """Place in the plan, status, reason, server id."""
    concurrency: list[ConcurrencyChanged]
    in_flight_limit: int
    """At the end."""
    steady: list[SteadyWindow]
    slots: ScheduleStats | None
    settled: list[Settled]
    flows: dict[int, dict[Phase, SettlementTimeline]]
    """By a ledger's place in the plan."""
    epoch_s: float
    """The time (epoch) at which the shard's monotonic clock stood at 0."""
    proofs: list[LedgerVerification]
    errors: list[SeedError]
    breaker_opened: int
    breaker_open_s: float
    load: ProcessReport
    stop_reason: str
    time_is_up: bool


@dataclass(slots=True)
class Progress:
    """How far a shard is: counters without latencies."""

    phases: dict[Phase, dict[str, int | float]]
    ledgers: dict[str, LedgerProgress]
    in_flight: int


COUNTERS = tuple(name for name in PhaseMeter.__slots__ if name not in ("latency", "planned", "since_s", "busy_s"))


def progress_of(meter: Meter) -> Progress:
    """What a shard tells twice a second."""
    phases = {phase: {name: getattr(counters, name) for name in COUNTERS} for phase, counters in meter.phases.items()}
    return Progress(phases, meter.ledgers, meter.in_flight)


def shard_tasks(context: RunContext, shards: int, folder: Path) -> list[ShardTask]:
    """One order for each shard; they share the limits. Plan and results are in a folder."""
    limits = context.settings.generation.limits
    concurrency = limits.max_concurrency
    own = limits.model_copy(
        update={
            "max_concurrency": concurrency if concurrency == "auto" else max(concurrency // shards, 1),
            "requests_per_second": limits.requests_per_second / shards,
            "ledgers_in_parallel": max(limits.ledgers_in_parallel // shards, 1),
            "shards": 1,
            "duration_s": limits.duration_s and max(limits.duration_s - context.spent_s, 0.001),
        }
    )
    generation = context.settings.generation.model_copy(update={"limits": own})
    settings = context.settings.model_copy(update={"generation": generation})
    directory = context.directory
    plan = folder / "plan"
    plan.write_bytes(pickle.dumps(context.plan))
    return [
        ShardTask(
            settings,
            plan,
            folder / f"result-{number}",
            LedgerShard(number, shards),
            context.target,
            tuple((organization.id, organization.created_by_this_run) for organization in context.state.organizations),
            directory.journal(number) if directory else None,
            tuple(directory.journals()) if directory else (),
            context.rejects.path,
            context.session,
        )
        for number in range(shards)
    ]


async def seed_in_shards(context: RunContext, shards: int) -> None:
    """Have the ledgers filled by so many processes, and take in what they found. What went wrong is in the context."""
    context.journal.flush()
    merging = _Merging(context)
    with tempfile.TemporaryDirectory(prefix="midaz-seed-") as folder:
        async with anyio.create_task_group() as group:
            for task in shard_tasks(context, shards, Path(folder)):
                group.start_soon(_carry_out, context, task, merging)


async def _carry_out(context: RunContext, task: ShardTask, merging: "_Merging") -> None:
    """One shard, started again when it is killed: its journal, or the server, tells where it was."""
    for _ in range(STARTS_MAX):
        result = await _one_process(context, task, merging)
        if isinstance(result, ShardResult):
            merging.finish(task.shard, result)
            return
        if isinstance(result, SeedError):
            context.errors.append(result)
            context.stop(str(result))
            break
        if context.pool.stopping:
            break
    merging.mark_lost(task.shard)
    if not context.pool.stopping:
        context.errors.append(
            ShardError(
                f"process {task.shard.index + 1} of {task.shard.of} ended {STARTS_MAX} times without a result",
                hint="is there enough memory? run the same command again, with fewer --shards",
            )
        )


async def _one_process(context: RunContext, task: ShardTask, merging: "_Merging") -> ShardResult | SeedError | None:
    """Start a shard and wait for its result, or what kept it from beginning; None when it ended without a word."""
    directory = context.directory
    process = subprocess.Popen(  # noqa: ASYNC220 - started at once; a thread waits for it
        [sys.executable, "-m", "midaz_seed.shard_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C comes to this process, which tells the shards
        pass_fds=[directory.lock_fd] if directory else [],
    )
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_end_with, context, process)
            latest_progress = await _talk(process, task, merging)
            group.cancel_scope.cancel()
        return latest_progress
    finally:
        process.kill()
        with anyio.CancelScope(shield=True), process:
            await anyio.to_thread.run_sync(process.wait)


async def _talk(
    process: "subprocess.Popen[bytes]", task: ShardTask, merging: "_Merging"
) -> ShardResult | SeedError | None:
    """Give the order, and take what the shard tells until its result."""
    data = pickle.dumps(task)
    await anyio.to_thread.run_sync(_give, process, LENGTH.pack(len(data)) + data, abandon_on_cancel=True)
    while (progress := await anyio.to_thread.run_sync(_take, process, abandon_on_cancel=True)) is not None:
        merging.progress(task.shard, progress)
    if not task.result.exists():
        return None
    result: ShardResult | SeedError = pickle.loads(task.result.read_bytes())  # noqa: S301 - from our own process
    return result


def _give(process: "subprocess.Popen[bytes]", data: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # it was killed: reading tells
        process.stdin.write(data)
        process.stdin.flush()


def _take(process: "subprocess.Popen[bytes]") -> Progress | None:
    """How far a shard is; None when it has ended."""
    assert process.stdout is not None
    head = process.stdout.read(LENGTH.size)
    size = LENGTH.unpack(head)[0] if len(head) == LENGTH.size else 0
    data = process.stdout.read(size)
    progress: Progress | None = None
    if size and len(data) == size:
        progress = pickle.loads(data)  # noqa: S301 - from our own process
    return progress


async def _end_with(context: RunContext, process: "subprocess.Popen[bytes]") -> None:
    """When the run is to be stopped, so is the shard."""
    await context.pool.stopped.wait()
    process.terminate()


@dataclass(slots=True)
class _Merging:
    """Adds up what the shards tell in the counters of the run."""

    context: RunContext
    latest_progress: dict[LedgerShard, Progress] = field(default_factory=dict)
    own: dict[Phase, dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.own = progress_of(self.context.meter).phases

    def progress(self, shard: LedgerShard, progress: Progress) -> None:
        self.latest_progress[shard] = progress
        self._count()

    def finish(self, shard: LedgerShard, result: ShardResult) -> None:
        context, meter = self.context, self.context.meter
        self.progress(shard, progress_of(result.meter))
        for phase, counters in result.meter.phases.items():
            meter.phases[phase].latency.merge(counters.latency)
            meter.phases[phase].busy_s = max(meter.phases[phase].busy_s, counters.busy_s)
        meter.money.busy_s = max(meter.money.busy_s, result.meter.money.busy_s)
        context.tracker.merge(result.tracker)
        by_place = {ledger.index: ledger for ledger in context.state.ledgers}
        for place, status, reason, server_id in result.ledgers:
            ledger = by_place[place]
            ledger.status, ledger.reason, ledger.id = status, reason, server_id
        ahead_s = result.epoch_s - (context.clock.time() - context.clock.monotonic())
        for place, flows in result.flows.items():
            by_place[place].flows = flows
            for flow in flows.values():
                flow.shift(ahead_s)
        for organization in context.state.organizations:
            for ledger in organization.ledgers:
                ledger.organization_id = organization.id
        context.concurrency += result.concurrency
        context.held += result.in_flight_limit
        context.steady += result.steady
        if context.slots is not None and result.slots is not None:
            context.slots.add(result.slots)
        meter.succeeded += result.meter.succeeded
        meter.overloaded += result.meter.overloaded
        context.settled += result.settled
        context.proofs += result.proofs
        context.errors += result.errors
        breaker = context.sender.breaker
        breaker.add(opened_count=result.breaker_opened, open_s=result.breaker_open_s)
        context.shards.append(result.load)
        if result.time_is_up:
            context.close()
        if result.stop_reason and not context.stop_reason:
            context.stop_reason = result.stop_reason
            context.stop(result.stop_reason)

    def mark_lost(self, shard: LedgerShard) -> None:
        """The shard's ledgers are not done."""
        for ledger in self.context.state.ledgers:
            if shard.has(ledger.index):
                stopped = self.context.pool.stopping
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
