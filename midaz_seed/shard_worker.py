"""One shard of a run as a process: it reads its order from stdin, fills its slice of the ledgers, and leaves its result
in a file. Nobody calls this by hand; `engine.shards.coordinator` starts it.
"""

import os
import pickle
import sys
import threading
from typing import BinaryIO

from midaz_seed.clock import SystemClock
from midaz_seed.engine.client_load import measure_client_load, process_cpu_s, watch_client_load
from midaz_seed.engine.context import RunContext
from midaz_seed.engine.control.watchers import LOAD_WATCHERS
from midaz_seed.engine.orchestrator import seed_shard, watch_signals
from midaz_seed.engine.shards.messages import LENGTH, LedgerOutcome, ShardResult, ShardTask, progress_of
from midaz_seed.engine.task_groups import background_tasks
from midaz_seed.errors import JournalError, SeedError
from midaz_seed.event_loop import run_in_loop
from midaz_seed.plan.plan import Plan
from midaz_seed.runs.journal import Journal
from midaz_seed.runs.session import Session
from midaz_seed.wiring import open_run

REPORT_EVERY_S = 0.5


async def carry_out(task: ShardTask, progress_pipe: BinaryIO | None = None) -> ShardResult:
    """Seed a shard of a plan's ledgers; `progress_pipe` receives its progress.

    Raises as `midaz_seed.runner.seed_async`.
    """
    clock = SystemClock()
    plan: Plan = pickle.loads(task.plan.read_bytes())  # noqa: S301 - from the process that owns the run
    journal = Journal(clock, task.journal, plan.digest, session=task.session, others=task.journals)
    session = Session(clock, journal, rejects=task.rejects, number=task.session)
    async with open_run(
        task.settings, plan, task.target, emit=lambda event: None, session=session, shard=task.shard
    ) as context:
        started_cpu_s = process_cpu_s()
        for organization, (server_id, created_by_this_run) in zip(
            context.state.organizations, task.organizations, strict=True
        ):
            organization.id, organization.created_by_this_run = server_id, created_by_this_run
        async with background_tasks() as beside:
            beside.start_soon(watch_signals, context)
            beside.start_soon(watch_client_load, context)
            for watcher in LOAD_WATCHERS:
                beside.start_soon(watcher, context)
            if progress_pipe is not None:
                beside.start_soon(_report_progress, context, progress_pipe)
            await seed_shard(context)
        try:
            journal.close(clean=not context.pool.admission.is_cancelled)
        except JournalError as error:
            context.results.errors.append(error)
        cpu_s = process_cpu_s() - started_cpu_s
        results, breaker = context.results, context.sender.breaker
        results.processes.append(measure_client_load(context, elapsed_s=context.elapsed_s, cpu_s=cpu_s))
        results.in_flight_limit = context.pool.limit
        return ShardResult(
            results=results,
            meter=context.meter,
            tracker=context.tracker,
            ledgers=tuple(
                LedgerOutcome(ledger.index, ledger.status, ledger.reason, ledger.id, ledger.flows)
                for ledger in context.state.ledgers
            ),
            schedule=context.schedule,
            epoch_s=clock.time() - clock.monotonic(),
            breaker_opened=breaker.opened_count,
            breaker_open_s=breaker.open_total_s,
            time_is_up=context.pool.admission.time_is_up,
        )


async def _report_progress(context: RunContext, stream: BinaryIO) -> None:
    while True:
        await context.clock.sleep(REPORT_EVERY_S)
        data = pickle.dumps(progress_of(context.meter))
        stream.write(LENGTH.pack(len(data)) + data)
        stream.flush()


def _end_with_the_owner(stream: BinaryIO) -> None:
    """The pipe ends when the process that owns the run does, however it ends: nobody may then go on sending."""
    stream.read(1)
    os._exit(1)


def main() -> None:
    """Carry out the order on stdin."""
    shard_tasks, results = sys.stdin.buffer, sys.stdout.buffer
    (size,) = LENGTH.unpack(shard_tasks.read(LENGTH.size))
    task: ShardTask = pickle.loads(shard_tasks.read(size))  # noqa: S301 - from the process that owns the run
    threading.Thread(target=_end_with_the_owner, args=(shard_tasks,), daemon=True).start()
    result: ShardResult | SeedError
    try:
        result = run_in_loop(lambda: carry_out(task, results))
    except SeedError as error:
        result = error
    written = task.result.with_suffix(".part")
    written.write_bytes(pickle.dumps(result))
    written.rename(task.result)
    os._exit(0)  # the thread above would hold up an orderly end


if __name__ == "__main__":
    main()
