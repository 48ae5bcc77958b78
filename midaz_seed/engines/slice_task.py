"""A slice that travels: what a process on another machine needs to carry it out, and what it sends back.

It holds no plan, no secret and no path of this machine. The plan is rebuilt from the settings and its digest compared;
secrets come from the environment of the process that carries it out, or from the files that its settings name.
"""

import json
import os
import pickle
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.shards.coordinator import shard_grace_s
from midaz_seed.engine.shards.messages import EVENTS, NewProgress, ShardProgress
from midaz_seed.errors import SeedError, ShardError, SignalledError
from midaz_seed.plan.plan import Plan, build_plan
from midaz_seed.reporting.events import Event, RunStarted
from midaz_seed.resilience.divided_load import LimitOrders, OrderedWindow
from midaz_seed.runner import seed
from midaz_seed.runs.directory import LOCK
from midaz_seed.runs.record import stored_settings
from midaz_seed.settings.loader import load_settings
from midaz_seed.settings.model import Settings
from midaz_seed.settings.schema import SETTINGS, as_stored
from midaz_seed.settings.sources import RawValue

REPORT_EVERY_S = 0.5
STOP_WITHIN_S = 1.0
"""Time that a stop needs to reach every slice, which its grace time is shorter by."""
LEFT_S_MIN = 0.001
"""Time limit of a slice whose time is over; 0 would be none."""
_LOCAL = (
    "report",
    "manifest",
    "journal.directory",
    "journal.enabled",
    "generation.limits.slice",
    "generation.limits.shards",
)
"""Settings that belong to the machine that the run was started on, or that divide the run."""
_FILES = (
    "target.authTokenFile",
    "target.clientSecretFile",
    "target.caFile",
    "target.clientCertificate",
    "target.clientKey",
)
"""Settings whose files can be elsewhere on another machine, so that its environment may name them."""


@dataclass(frozen=True, slots=True)
class SliceTask:
    """What a process needs to carry out a slice."""

    settings: Mapping[str, Any]
    """The effective settings by dotted path, without secrets."""
    digest: str
    """Of the plan."""
    version: str
    """The version of midaz-seed that made the task."""
    secrets: tuple[str, ...]
    """Paths of the settings that are missing in `settings`, because they hold a secret."""
    slice: str = "1/1"
    runs_dir: str = ""
    """Directory of the runs on every worker; "" when there is none: then a lost slice is found on the server."""
    run_name: str = ""
    """Name of the run's own directory in `runs_dir`: a worker that has it shares the directory of the runs."""
    ends_at_s: float = 0.0
    """End of the time limit of the whole run (epoch), also for a slice that is started again; 0: there is none."""
    on_this_machine: bool = False
    """The processes were started for this run, with its secrets in their environment and the same files."""

    def of(self, number: int, slices: int) -> "SliceTask":
        """Return the task of one slice, by its number from 1."""
        return replace(self, slice=f"{number}/{slices}")


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a worker can carry out slices of a task."""

    problem: str = ""
    """Why it cannot, as a clause."""
    shares_runs: bool = False
    """Whether it shares the directory of the runs with the process that started the run."""
    time_s: float = 0.0
    """Its clock (epoch)."""


@dataclass(frozen=True, slots=True)
class SliceProgress:
    """What a slice has done since it last reported."""

    slice: str
    attempt: str
    """Names the process that carries it out: another one has taken over when it changes."""
    progress: ShardProgress
    started: tuple[RunStarted, ...] = ()
    """Once, when the slice has reached the server."""


@dataclass(frozen=True, slots=True)
class SliceWindow:
    """The window that a slice was ordered to measure, for the concurrency search over all slices."""

    slice: str
    attempt: str
    """As that of `SliceProgress`."""
    found: OrderedWindow


def slice_task(
    settings: Settings, plan: Plan, *, runs_dir: str = "", run_name: str = "", ends_at_s: float = 0.0
) -> SliceTask:
    """Return the task of which `of` gives the slices.

    Args:
        settings: of the run.
        plan: follows from the settings.
        runs_dir: directory of the runs, if the slices keep journals.
        run_name: name of the run's own directory in it.
        ends_at_s: end of the time limit (epoch); 0: there is none.
    """
    limits = settings.generation.limits
    grace_s = shard_grace_s(max(limits.grace_s - STOP_WITHIN_S, limits.grace_s / 2))
    own = {"generation.limits.graceS": grace_s, "errorBudgetPercent": 100.0}  # the budget is that of the whole run
    stored = {path: value for path, value in stored_settings(settings).items() if path not in _LOCAL}
    return SliceTask(
        {**stored, **own},
        plan.digest,
        version("midaz-seed"),
        tuple(secrets_of(settings)),
        runs_dir=runs_dir,
        run_name=run_name,
        ends_at_s=ends_at_s,
    )


def secrets_of(settings: Settings) -> dict[str, str]:
    """Return the secrets of settings: path -> value, as a variable of the environment has it."""
    found = {}
    for path, setting in SETTINGS.items():
        value = setting.value_of(settings)
        if value and (setting.is_secret or "://***@" in str(as_stored(value))):
            found[path] = _as_variable(value)
    return found


def prepare(task: SliceTask) -> Readiness:
    """Build the plan in this process, and return whether it can carry out slices of the task."""
    own = version("midaz-seed")
    if own != task.version:
        return Readiness(f"has midaz-seed {own}, and this is {task.version}")
    try:
        settings = _settings(task)
        digest = _plan(task, settings).digest
    except SeedError as error:
        return Readiness(f"cannot use the settings: {error}")
    if digest != task.digest:
        return Readiness(f"plans other data (digest {digest[:12]}, and this is {task.digest[:12]})")
    missing = [path for path in task.secrets if not SETTINGS[path].value_of(settings)]
    if missing:
        variables = " and ".join(SETTINGS[path].variable for path in missing)
        return Readiness(f"has no {' and no '.join(missing)}: set {variables} in its environment")
    lock = Path(task.runs_dir, task.run_name, LOCK)
    shares_runs = bool(task.runs_dir) and os.access(task.runs_dir, os.W_OK) and lock.exists()
    return Readiness(shares_runs=shares_runs, time_s=time.time())


def carry_out(
    task: SliceTask,
    *,
    is_stopped: Callable[[], bool],
    report_progress: Callable[[bytes], None],
    receive_orders: Callable[[Callable[[bytes], None]], object] | None = None,
) -> bytes | SeedError:
    """Carry out a slice in this process.

    Args:
        task: the slice.
        is_stopped: asked twice a second; once it is True, requests in flight finish and the slice ends.
        report_progress: called twice a second with a pickled `SliceProgress`, and with each `SliceWindow`. It must not
            wait.
        receive_orders: called once, with what takes each pickled mapping of slices to their `LimitOrder`, in any
            thread. None: there are none, so that `-c auto` is searched in this slice alone.

    Returns:
        The report as JSON, or the error that left none.
    """
    problem = prepare(task).problem
    if problem:
        return SeedError(f"slice {task.slice} was given to a worker that {problem}")
    if task.ends_at_s and time.time() >= task.ends_at_s:
        return ShardError(f"slice {task.slice} did not begin before the time limit was over", hint="raise --duration")
    settings, events = _settings(task), list[Event]()
    attempt = f"{os.getpid()}-{time.time_ns()}"

    def emit(event: Event) -> None:
        if isinstance(event, (*EVENTS, RunStarted)):
            events.append(event)

    async def watch(context: RunContext) -> None:
        new = NewProgress(context, events)

        def report() -> None:
            started = tuple(event for event in events if isinstance(event, RunStarted))
            events[:] = [event for event in events if not isinstance(event, RunStarted)]
            report_progress(pickle.dumps(SliceProgress(task.slice, attempt, new.take(), started)))

        try:
            while True:
                await context.clock.sleep(REPORT_EVERY_S)
                report()
                if is_stopped():
                    context.stop("the run was stopped")
        finally:
            report()

    if is_stopped():
        return SeedError(f"slice {task.slice} was stopped before it began")
    overrides: dict[type, Any] = {Plan: _plan(task, settings)}
    if receive_orders is not None:
        orders = LimitOrders(lambda found: report_progress(pickle.dumps(SliceWindow(task.slice, attempt, found))))
        receive_orders(lambda data: orders.give(pickle.loads(data)[task.slice]))  # noqa: S301 - from our own process
        overrides[LimitOrders] = orders
    try:
        report = seed(settings, emit=emit, watch=watch, overrides=overrides)
    except SignalledError as error:  # it cannot be pickled
        return SeedError(str(error))
    except SeedError as error:
        return error
    return report.as_json().encode()


def _settings(task: SliceTask) -> Settings:
    """Return the settings of a slice, with the secrets of this process.

    Raises:
        ConfigurationError: a setting of the environment is wrong.
    """
    own: dict[str, Any] = {"generation.limits.slice": task.slice, "journal.enabled": bool(task.runs_dir)}
    if task.runs_dir:
        own["journal.directory"] = task.runs_dir
    if task.ends_at_s:
        own["generation.limits.durationS"] = max(task.ends_at_s - time.time(), LEFT_S_MIN)
    given = [RawValue(path, value, "the run", typed=True) for path, value in {**task.settings, **own}.items()]
    # nothing else of its environment: all slices must have one target, and the data of one plan
    paths = task.secrets if task.on_this_machine else (*task.secrets, *_FILES)
    names = [SETTINGS[path].variable for path in paths]
    return load_settings(
        environ={name: os.environ[name] for name in names if name in os.environ}, stored=given
    ).settings


def _as_variable(value: Any) -> str:
    if isinstance(value, tuple):
        return json.dumps([_as_variable(each) for each in value])
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


_PLANS: dict[str, Plan] = {}
"""The last plan of this process, which may carry out several slices of it."""


def _plan(task: SliceTask, settings: Settings) -> Plan:
    plan = _PLANS.get(task.digest)
    if plan is None:
        plan = build_plan(settings)
        _PLANS.clear()
        _PLANS[plan.digest] = plan
    return plan
