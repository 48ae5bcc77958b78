"""The cluster of Dask that carries slices: connecting, checking the workers, handing out the slices.

Everything here blocks, so that it is called in a thread beside the event loop of the run.
"""

import logging
import os
import pickle
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from importlib import import_module
from typing import Any

from midaz_seed.engines.slice_task import Readiness, SliceTask, carry_out, prepare
from midaz_seed.errors import RunError, SeedError, ShardError, UnreachableError, UsageError
from midaz_seed.resilience.divided_load import LimitOrder

CONNECT_S = 10.0
WATCH_EVERY_S = 0.5
FETCH_WITHIN_S = 5.0
CLOSE_S = 3.0
"""Time in which the processes of a local cluster may end by themselves."""
_LOCAL_SETTINGS = {"distributed.deploy.lost-worker-timeout": 60.0}
"""Settings of a cluster on this machine, in seconds. Dask closes the nanny of a worker that is away at this time after
it was lost, and starts no other. Its own 15 s are over on a busy machine before a process has started. They are counted
from each loss, so that a worker which is lost repeatedly is closed while it starts again; see `replace_workers`."""
CLOCK_ERROR_S = 2.0
"""Difference between the clocks of a worker and of this machine that a time limit admits."""
PROBLEMS_MAX = 5
_LOGGERS = ("distributed", "distributed.client", "distributed.gc", "tornado", "tornado.application")
_ENDING = ("closing", "closed", "failed")
"""States of a worker that will not report a result any more."""


def load_dask() -> Any:
    """Import Dask, which is an extra, and silence its logs: what they report is in our messages.

    Raises:
        UsageError: it is not installed.
    """
    try:
        distributed = import_module("distributed")
    except ImportError as error:
        raise UsageError(
            "--engine dask needs Dask, which is not installed", hint="pip install 'midaz-seed[dask]', on every worker"
        ) from error
    return distributed


class DaskCluster:
    """A connection to the scheduler of a cluster."""

    def __init__(self, client: Any, local: Any = None, config: ExitStack | None = None) -> None:
        """Use a client, and the local cluster that was started for it, if any, with what restores Dask's settings."""
        self._client = client
        self._local = local
        self._local_size = len(local.workers) if local is not None else 0
        self._config = config or ExitStack()
        self._stop: Any = None
        self.address: str = client.scheduler.address

    @classmethod
    def connect(cls, scheduler: str) -> "DaskCluster":
        """Connect to the scheduler at an address, such as `tcp://127.0.0.1:8786`.

        Raises:
            UnreachableError: none answers there.
        """
        distributed = load_dask()
        _silence()
        client = distributed.Client.__new__(distributed.Client)  # one that failed would print a traceback when it goes
        try:
            with socket.create_connection(_host_and_port(scheduler), timeout=CONNECT_S):
                pass  # Dask would try an address that refuses connections again and again
            client.__init__(scheduler, timeout=CONNECT_S, set_as_default=False)
        except (OSError, OverflowError, TypeError, ValueError) as error:
            client.status = "closed"
            raise UnreachableError(
                f"no Dask scheduler answers at {scheduler}: {error}",
                where=scheduler,
                hint="check the address, such as tcp://127.0.0.1:8786, and Dask's own settings for TLS",
            ) from error
        return cls(client)

    @classmethod
    def start(cls, workers: int, variables: Mapping[str, str]) -> "DaskCluster":
        """Start a cluster of processes on this machine, which end with this process.

        Args:
            workers: number of processes.
            variables: the environment that they get besides that of this process.

        Raises:
            UnreachableError: the processes did not start.
        """
        distributed = load_dask()
        _silence()
        config = ExitStack()
        config.enter_context(import_module("dask").config.set(_LOCAL_SETTINGS))
        try:
            local = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                memory_limit=0,  # slices hold no data of Dask, and a paused worker would only delay them
                silence_logs=logging.CRITICAL,
                env=dict(variables),
            )
            client = distributed.Client(local, set_as_default=False)
        except (OSError, TimeoutError, RuntimeError) as error:
            config.close()
            raise UnreachableError(
                f"the processes of a Dask cluster on this machine did not start: {error}",
                hint="is there enough memory? use fewer --shards",
            ) from error
        client.register_plugin(_own_process_group())
        return cls(client, local, config)

    @property
    def is_lost(self) -> bool:
        """Whether the scheduler does not answer any more."""
        return self._client.status not in ("running", "connecting", "newly-created")

    def replace_workers(self) -> None:
        """Start the processes of a local cluster that Dask has given up."""
        if self._local is not None:
            self._local.sync(self._forget_ended_nannies)
            self._local.scale(self._local_size)

    async def _forget_ended_nannies(self) -> None:
        for name, nanny in list(self._local.workers.items()):
            if nanny.status.name in _ENDING:  # it failed to start a process, and would keep its place
                del self._local.workers[name]

    def workers(self) -> dict[str, tuple[str, int]]:
        """Return the workers: address -> (name, threads).

        Raises:
            UnreachableError: there are none.
        """
        found = self._client.scheduler_info(n_workers=-1)["workers"]
        if not found:
            raise UnreachableError(
                "the Dask scheduler has no workers", where=self.address, hint="start some with `dask worker`"
            )
        return {address: (str(worker["name"]), int(worker["nthreads"])) for address, worker in found.items()}

    def checked(self, task: SliceTask) -> SliceTask:
        """Check that every worker can carry out the run: the same version, the same plan, its secrets.

        Returns:
            The task, without the directory of the runs when a worker does not share it.

        Raises:
            UnreachableError: there are no workers.
            RunError: a worker cannot carry out the run.
        """
        names, asked_at_s = self.workers(), time.time()
        found: Mapping[str, Readiness | BaseException] = self._client.run(prepare, task, on_error="return")
        problems, shared = [], True
        for address, readiness in found.items():
            if not isinstance(readiness, Readiness):
                problems.append(f"{_named(names, address)} cannot run midaz-seed: {readiness}")
            elif problem := readiness.problem or _clock_problem(task, readiness, asked_at_s):
                problems.append(f"{_named(names, address)} {problem}")
            else:
                shared = shared and readiness.shares_runs
        if problems:
            more = f"; and {len(problems) - PROBLEMS_MAX} more" if len(problems) > PROBLEMS_MAX else ""
            raise RunError(
                "; ".join(problems[:PROBLEMS_MAX]) + more,
                where=self.address,
                hint="every worker needs the same version of midaz-seed and the same secrets; nothing was sent",
            )
        return task if shared else replace(task, runs_dir="", run_name="")

    def submit(self, tasks: Sequence[SliceTask], receive: Callable[[bytes], None]) -> list[Any]:
        """Hand out slices.

        Args:
            tasks: one for each slice.
            receive: called in another thread with each pickled `SliceProgress`.

        Returns:
            A future for each, whose result is a report as JSON or a SeedError.
        """
        distributed = load_dask()
        self._stop = distributed.Event(client=self._client)
        self._stop.clear()
        topic = f"midaz-seed-{self._stop.name}"
        self._client.subscribe_topic(topic, lambda event: receive(event[1]))
        return [
            self._client.submit(
                _carry_out, task, self._stop.name, topic, pure=False, retries=0, key=self._key(task.slice)
            )
            for task in tasks
        ]

    def _key(self, name: str) -> str:
        return f"midaz-seed-slice-{name.replace('/', '-of-')}-{self._stop.name}"

    def order(self, orders: Mapping[str, LimitOrder]) -> None:
        """Send slices their orders, in one message to the scheduler, which passes it on to each of them.

        Args:
            orders: by name of the slice.
        """
        self._client.log_event([self._key(name) for name in orders], pickle.dumps(orders))

    def stop(self) -> None:
        """Let the slices finish what is in flight, and end."""
        self._stop.set()

    def close(self, *, at_once: bool) -> None:
        """Disconnect, and end the processes of a local cluster; `at_once` does not wait for what they work on."""
        with suppress(Exception):  # the run is over: what cannot be closed ends with this process
            if self._local is not None and at_once:
                self._local.shutdown_on_close = False  # otherwise Dask would wait for it when this process exits
                self._kill_workers()
            self._client.close(timeout=CLOSE_S)
            if self._local is not None:
                self._local.close(timeout=CLOSE_S)
        self._client.status = "closed"  # one that could not be closed would print a traceback when it goes
        self._config.close()

    def _kill_workers(self) -> None:
        async def kill() -> None:
            for nanny in list(self._local.workers.values()):
                nanny.auto_restart = False
                nanny.process.process.kill()

        self._local.sync(kill)


def result_of(name: str, future: Any) -> bytes | SeedError | None:
    """Fetch the result of a slice whose future is done.

    Args:
        name: of the slice.
        future: from `DaskCluster.submit`.

    Returns:
        The report as JSON, or the error that left none; a ShardError when Dask has given up the slice; None when the
        result was lost with its worker meanwhile, so that the slice is carried out again.
    """
    try:
        found: bytes | SeedError = future.result(timeout=FETCH_WITHIN_S)
    except TimeoutError:
        return None
    except Exception as error:  # noqa: BLE001 - it is that of the slice, or one of Dask's
        if type(error).__name__ in ("KilledWorker", "FutureCancelledError", "CancelledError"):
            return given_up(name, "lost its workers or the scheduler")
        return given_up(name, f"ended with an internal error: {error!r}")
    return found


def given_up(name: str, reason: str) -> ShardError:
    """Return the error of a slice without a result.

    Args:
        name: of the slice.
        reason: a clause.
    """
    return ShardError(
        f"slice {name} {reason}, and was given up",
        hint="run the same command again: it continues, and finds what was made",
    )


def _host_and_port(address: str) -> tuple[str, int]:
    """Return what to connect to. Raises ValueError."""
    host, port = import_module("distributed.comm").get_address_host_port(address)
    return str(host), int(port)


def _silence() -> None:
    """Silence the logs of Dask: what they report is in our messages."""
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _named(names: Mapping[str, tuple[str, int]], address: str) -> str:
    name = names[address][0] if address in names else address
    return f"worker {name}" if name == address else f"worker {name} ({address})"


def _clock_problem(task: SliceTask, readiness: Readiness, asked_at_s: float) -> str:
    """Return, as a clause, why a worker does not know when the time limit ends; "" when it does."""
    ahead_s = max(readiness.time_s - time.time(), 0.0) or min(readiness.time_s - asked_at_s, 0.0)
    if not task.ends_at_s or abs(ahead_s) <= CLOCK_ERROR_S:
        return ""
    state = "ahead" if ahead_s > 0 else "behind"
    return f"has a clock that is {abs(ahead_s):.0f} s {state}: with --duration all clocks have to agree"


def _own_process_group() -> Any:
    """Return a plugin that takes workers out of the process group of the terminal: Ctrl-C reaches this process alone,
    which stops them."""
    plugin = load_dask().WorkerPlugin

    class OwnProcessGroup(plugin):  # type: ignore[misc, valid-type]
        def setup(self, worker: Any) -> None:
            del worker
            os.setpgid(0, 0)

    return OwnProcessGroup()


def _carry_out(task: SliceTask, stop_name: str, topic: str) -> bytes | SeedError:
    """Carry out a slice on a worker."""
    distributed = load_dask()
    worker, client = distributed.get_worker(), distributed.get_client()
    watch = _StopWatch(worker, distributed.Event(stop_name, client=client))
    threading.Thread(target=watch.run, daemon=True).start()
    orders = worker.get_current_task()  # a topic for each slice, because a process may carry out several
    try:
        return carry_out(
            task,
            is_stopped=watch.is_stopped,
            report_progress=lambda progress: worker.log_event(topic, progress),
            receive_orders=lambda receive: client.subscribe_topic(orders, lambda event: receive(event[1])),
        )
    finally:
        watch.ended.set()
        with suppress(Exception):  # without a scheduler there is no subscription
            client.unsubscribe_topic(orders)


class _StopWatch:
    """Finds out on a worker that its slice has to stop. A thread asks the scheduler, because its answer may be late."""

    def __init__(self, worker: Any, event: Any) -> None:
        self._worker = worker
        self._key = worker.get_current_task()
        self._event = event
        self._is_set = False
        self.ended = threading.Event()

    def run(self) -> None:
        """Ask until the slice has ended."""
        while not self.ended.wait(WATCH_EVERY_S):
            try:
                self._is_set = bool(self._event.is_set())
            except Exception:  # noqa: BLE001 - of any kind: without a scheduler the result would reach no process
                self._is_set = True
            if self._is_set:
                return

    def is_stopped(self) -> bool:
        """Return whether the run was stopped, or its client or the scheduler is gone."""
        state = self._worker.state.tasks.get(self._key)
        was_released = state is None or state.state == "cancelled"
        return self._is_set or was_released or self._worker.status.name in _ENDING
