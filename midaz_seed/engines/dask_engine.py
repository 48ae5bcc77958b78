"""Carry out a run on Dask: each slice is a task of a cluster, which runs it again where its worker was lost.

Without the address of a scheduler a cluster of processes on this machine is started.
"""

import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib import import_module
from signal import Signals
from types import FrameType
from typing import Any

from midaz_seed.engines.slice_task import Progress, Readiness, SliceTask, carry_out, prepare
from midaz_seed.errors import (
    ExitCode,
    RunError,
    SeedError,
    ShardError,
    SignalledError,
    UnreachableError,
    UsageError,
    exit_code_of,
)
from midaz_seed.reporting.merging import merge_reports
from midaz_seed.reporting.report import Report, read_report
from midaz_seed.stopping import stop_signals
from midaz_seed.wording import counted

CONNECT_S = 10.0
POLL_EVERY_S = 0.5
RETRIES = 3
"""How often a slice is started again whose worker was lost."""


def load_dask() -> Any:
    """Import Dask, which is an extra.

    Raises:
        UsageError: it is not installed.
    """
    try:
        return import_module("distributed")
    except ImportError as error:
        raise UsageError(
            "--engine dask needs Dask, which is not installed", hint="pip install 'midaz-seed[dask]', on every worker"
        ) from error


def run_on_dask(
    task: SliceTask,
    *,
    scheduler: str,
    slices: int,
    grace_s: float,
    on_progress: Callable[[Mapping[str, Progress]], None],
) -> Report:
    """Carry out all slices of a run on a cluster, and merge their reports.

    Args:
        task: the run.
        scheduler: address of a scheduler, such as `tcp://127.0.0.1:8786`; "": start a cluster on this machine.
        slices: number of slices.
        grace_s: time in which the slices end after a signal.
        on_progress: called twice a second with the progress of each slice, by its name.

    Returns:
        The merged report. Slices that were lost for good are missing in it, and its exit code says so.

    Raises:
        UnreachableError: no scheduler answers there, or it has no workers.
        RunError: a worker cannot carry out the run; nothing was sent.
        SignalledError: a signal came before any slice had ended.
        SeedError: what every slice raised.
    """
    distributed = load_dask()
    with _signals() as received, _cluster(scheduler, slices) as client:
        task = _checked(client, task)
        stop = distributed.Event(f"midaz-seed-stop-{task.digest[:12]}-{time.time_ns()}", client=client)
        stop.clear()
        topic = f"midaz-seed-{stop.name}"
        seen: dict[str, Progress] = {}
        client.subscribe_topic(topic, lambda event: seen.update([event[1]]))
        futures = {
            str(number): client.submit(
                _carry_out, task.of(number, slices), stop.name, topic, retries=RETRIES, pure=False
            )
            for number in range(1, slices + 1)
        }
        _wait(list(futures.values()), stop, received, grace_s, lambda: on_progress(dict(seen)))
        return _result(futures, received)


def _carry_out(task: SliceTask, stop_name: str, topic: str) -> bytes:
    """Carry out a slice on a worker."""
    distributed = load_dask()
    worker = distributed.get_worker()
    with distributed.worker_client(separate_thread=False) as client:
        stop = distributed.Event(stop_name, client=client)

        def report_progress(progress: Progress) -> None:
            worker.log_event(topic, (task.slice, dict(progress)))

        def is_stopped() -> bool:
            return bool(stop.is_set())

        return carry_out(task, is_stopped=is_stopped, report_progress=report_progress)


@contextmanager
def _signals() -> Iterator[list[Signals]]:
    """Collect the signals that stop a run, instead of ending this process."""
    received: list[Signals] = []

    def receive(number: int, _: FrameType | None) -> None:
        received.append(Signals(number))

    before = {number: signal.signal(number, receive) for number in stop_signals()}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _cluster(scheduler: str, slices: int) -> Iterator[Any]:
    """Connect to a cluster, or start one with a process for each slice."""
    distributed = load_dask()
    if not scheduler:
        with (
            distributed.LocalCluster(
                n_workers=slices, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = distributed.Client(scheduler, timeout=CONNECT_S)
    except (OSError, TimeoutError, ValueError) as error:
        raise UnreachableError(
            f"no Dask scheduler answers at {scheduler}",
            where=scheduler,
            hint="check the address, such as tcp://127.0.0.1:8786, and the settings of Dask for TLS",
        ) from error
    with client:
        yield client


def _checked(client: Any, task: SliceTask) -> SliceTask:
    """Check that every worker can carry out the run: the same version, the same plan, credentials.

    Returns:
        The task, without the directory of the runs when a worker does not have it.
    """
    names = {address: str(worker["name"]) for address, worker in client.scheduler_info(n_workers=-1)["workers"].items()}
    if not names:
        raise UnreachableError(
            "the Dask scheduler has no workers", where=client.scheduler.address, hint="start some with `dask worker`"
        )
    problems = []
    found: Mapping[str, Readiness | BaseException] = client.run(prepare, task, on_error="return")
    for address, readiness in found.items():
        problem = readiness.problem if isinstance(readiness, Readiness) else f"cannot run midaz-seed: {readiness}"
        if problem:
            problems.append(f"worker {names.get(address, '?')} ({address}) {problem}")
    if problems:
        raise RunError(
            "; ".join(problems[:5]) + (f"; and {len(problems) - 5} more" if len(problems) > 5 else ""),
            where=client.scheduler.address,
            hint="install the same version of midaz-seed on every worker, with the same settings in its environment",
        )
    shared = all(isinstance(readiness, Readiness) and readiness.has_runs_dir for readiness in found.values())
    return task if shared else replace(task, runs_dir="")


def _wait(
    futures: Sequence[Any], stop: Any, received: Sequence[Signals], grace_s: float, show: Callable[[], None]
) -> None:
    """Wait until all slices have ended, or until the grace time after a signal is over."""
    ends_at_s = float("inf")
    while not all(future.done() for future in futures):
        if received and ends_at_s == float("inf"):
            ends_at_s = time.monotonic() + grace_s
            stop.set()
        if len(received) > 1 or time.monotonic() >= ends_at_s:
            break
        with suppress(TimeoutError):
            load_dask().wait(futures, timeout=POLL_EVERY_S)
        show()


def _result(futures: Mapping[str, Any], received: Sequence[Signals]) -> Report:
    """Merge what the slices found. One that was lost makes the run unfinished, and keeps the others' work."""
    reports, lost, errors = [], [], []
    for number, future in futures.items():
        if future.status == "finished":
            reports.append(read_report(future.result()))
        elif isinstance(error := future.exception() if future.status == "error" else None, SeedError):
            errors.append(error)
        else:
            lost.append(number)
    if not reports:
        if errors:
            raise errors[0]
        if received:
            raise SignalledError(
                f"{received[0].name}: no slice has ended in time; the next run continues",
                exit_code=exit_code_of(received[0]),
            )
        raise ShardError("the workers of every slice were lost", hint="run the same command again: it continues")
    report = merge_reports(reports)
    return _unfinished(report, lost, errors, received, len(futures)) if lost or errors or received else report


def _unfinished(
    report: Report, lost: Sequence[str], errors: Sequence[SeedError], received: Sequence[Signals], slices: int
) -> Report:
    """Return the merged report of a run of which some slices are missing, or which a signal ended."""
    missing = len(lost) + len(errors)
    what = f"{counted(missing, 'slice')} of {slices} ended without a result" if missing else "its slices were stopped"
    again = "Run the same command again: it continues, and finds on the server what no journal has."
    if received:
        code, verdict = exit_code_of(received[0]), f"Interrupted by {received[0].name}: {what}."
    elif errors:
        code, verdict = errors[0].exit_code, f"{what[0].upper()}{what[1:]}: {errors[0]}."
    else:
        code, verdict = ExitCode.DIFFERENCES, f"{what[0].upper()}{what[1:]}: their workers were lost."
    done = report.plan_done_percent * (slices - missing) / slices
    return replace(report, exit_code=code, verdict=verdict, next_step=again, plan_done_percent=done)
