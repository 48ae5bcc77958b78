"""The process of one shard: read a task from stdin, seed the shard's ledgers, and write the result to a file.

`engine.shards.coordinator` starts it; it is not meant to be started by hand.
"""

import os
import pickle
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import BinaryIO

from midaz_seed.clock import SystemClock
from midaz_seed.engine.admission import StoppedError
from midaz_seed.engine.client_load import measure_client_load, process_cpu_s, watch_client_load
from midaz_seed.engine.context import RunContext
from midaz_seed.engine.control.time_series import record_time_series
from midaz_seed.engine.control.watchers import LOAD_WATCHERS
from midaz_seed.engine.orchestrator import seed_shard
from midaz_seed.engine.shards.messages import (
    EVENTS,
    LedgerOutcome,
    NewProgress,
    ShardResult,
    ShardTask,
    framed,
    read_message,
)
from midaz_seed.errors import SeedError
from midaz_seed.event_loop import run_in_loop
from midaz_seed.files import write_atomically
from midaz_seed.plan.plan import Plan
from midaz_seed.process import open_standard_descriptors
from midaz_seed.reporting.events import Event
from midaz_seed.resilience.divided_load import LimitOrders
from midaz_seed.runs.journal import Journal
from midaz_seed.runs.session import Session
from midaz_seed.stopping import Stopping
from midaz_seed.task_groups import background_tasks
from midaz_seed.wiring import open_run

REPORT_EVERY_S = 0.5
OVERRUN_S, CUT_OFF_AFTER_S = 0.5, 0.3
"""Less than those of the process which owns the run, so that it can still merge the result."""


async def carry_out(task: ShardTask, progress_pipe: BinaryIO, orders: LimitOrders) -> ShardResult:
    """Seed a shard of a plan's ledgers.

    Args:
        task: the plan, the shard, and where its files are.
        progress_pipe: receives the progress every `REPORT_EVERY_S`.
        orders: of the concurrency search over all shards.

    Raises:
        SeedError: as `midaz_seed.runner.seed_async`.
    """
    clock = SystemClock()
    plan: Plan = pickle.loads(task.plan.read_bytes())  # noqa: S301 - from the process that owns the run
    journal = Journal(clock, task.journal, plan.digest, session=task.session, others=task.journals)
    session = Session(clock, journal, rejects=task.rejects, number=task.session)
    events: list[Event] = []
    limits = task.settings.generation.limits
    duration_s = max(task.ends_at_epoch_s - clock.time(), 0.001) if limits.duration_s else 0.0
    stopping = Stopping(
        clock, grace_s=limits.grace_s, duration_s=duration_s, overrun_s=OVERRUN_S, cut_off_after_s=CUT_OFF_AFTER_S
    )
    async with (
        stopping.watching("nothing was sent", signals=True),
        open_run(
            task.settings,
            plan,
            task.target,
            emit=lambda event: events.append(event) if isinstance(event, EVENTS) else None,
            session=session,
            shard=task.shard,
            ends_at_s=stopping.ends_at_s,
            run_started_at_s=task.run_started_at_s,
            overrides={LimitOrders: orders},
        ) as context,
    ):
        started_cpu_s = process_cpu_s()
        for organization, (server_id, created_by_this_run) in zip(
            context.state.organizations, task.organizations, strict=True
        ):
            organization.id, organization.created_by_this_run = server_id, created_by_this_run
        async with background_tasks() as tasks:
            tasks.start_soon(watch_client_load, context)
            tasks.start_soon(record_time_series, context)
            for watcher in LOAD_WATCHERS:
                tasks.start_soon(watcher, context)
            tasks.start_soon(_report_progress, context, progress_pipe, events)
            with stopping.steering(context), suppress(StoppedError):
                await seed_shard(context)
        context.close_journal()
        return _result_of(context, process_cpu_s() - started_cpu_s, events)


def _result_of(context: RunContext, cpu_s: float, events: Sequence[Event]) -> ShardResult:
    """Return what the shard found.

    Args:
        cpu_s: CPU time that it used, in seconds.
        events: those that were not reported yet.
    """
    results, breaker = context.results, context.sender.breaker
    results.processes.append(measure_client_load(context, elapsed_s=context.elapsed_s, cpu_s=cpu_s))
    throttle = context.sender.throttle
    results.rate_rejected, results.rate_found_per_s = throttle.rejected, throttle.found_per_s
    return ShardResult(
        results=results,
        meter=context.meter,
        tracker=context.tracker,
        ledgers=tuple(
            LedgerOutcome(ledger.index, ledger.status, ledger.reason, ledger.id, ledger.flows)
            for ledger in context.state.ledgers
        ),
        schedule=context.schedule,
        epoch_s=context.clock.time() - context.clock.monotonic(),
        breaker_opened=breaker.opened_count,
        breaker_open_s=breaker.open_total_s,
        time_is_up=context.pool.admission.time_is_up,
        out_of_time=context.findings.out_of_time,
        series=context.timeline.own,
        events=tuple(events),
    )


async def _report_progress(context: RunContext, stream: BinaryIO, events: list[Event]) -> None:
    new = NewProgress(context, events)
    while True:
        await context.clock.sleep(REPORT_EVERY_S)
        _write(stream, new.take())


def _write(stream: BinaryIO, message: object) -> None:
    stream.write(framed(message))
    stream.flush()


def _receive_orders(stream: BinaryIO, orders: LimitOrders) -> None:
    """Give orders to the shard, and end this process when the pipe closes: the process that owns the run has ended, so
    nothing more may be sent.
    """
    while (order := read_message(stream)) is not None:
        orders.give(order)
    os._exit(1)


def main() -> None:
    """Carry out the task on stdin."""
    open_standard_descriptors()
    received, progress_pipe = sys.stdin.buffer, sys.stdout.buffer
    task: ShardTask | None = read_message(received)
    if task is None:  # the process that owns the run has ended
        return
    orders = LimitOrders(lambda window: _write(progress_pipe, window))
    threading.Thread(target=_receive_orders, args=(received, orders), daemon=True).start()
    result: ShardResult | SeedError
    try:
        result = run_in_loop(lambda: carry_out(task, progress_pipe, orders))
    except SeedError as error:
        result = error
    write_atomically(task.result, pickle.dumps(result), durable=False)
    os._exit(0)  # the thread above would block a normal exit


if __name__ == "__main__":
    main()
