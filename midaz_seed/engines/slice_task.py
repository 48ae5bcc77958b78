"""A slice that travels: what a process on another machine needs to carry it out, and what it sends back.

It holds no plan, no secret and no path of this machine. The plan is rebuilt from the settings and its digest compared;
secrets come from the environment of the process that carries it out, or from the files that its settings name.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

from midaz_seed.engine.context import RunContext
from midaz_seed.errors import SeedError
from midaz_seed.plan.plan import Plan, build_plan
from midaz_seed.runner import seed
from midaz_seed.runs.record import stored_settings
from midaz_seed.settings.loader import load_settings
from midaz_seed.settings.model import Settings
from midaz_seed.settings.sources import RawValue

WATCH_EVERY_S = 0.5
_LOCAL = ("report", "manifest", "journal.directory", "journal.enabled", "generation.limits.slice")
"""Settings that belong to the machine that the run was started on, or to another slice."""

Progress = Mapping[str, float]
"""Counts of a slice: done, planned, movements, requests, failed, in_flight."""


@dataclass(frozen=True, slots=True)
class SliceTask:
    """What a process needs to carry out a slice."""

    settings: Mapping[str, Any]
    """The effective settings by dotted path, without secrets."""
    digest: str
    """Of the plan."""
    version: str
    """The version of midaz-seed that made the task."""
    has_token: bool
    """Whether the target needs credentials."""
    slice: str = "1/1"
    runs_dir: str = ""
    """Directory of the runs on every worker; "" when there is none: then a lost slice is found on the server."""

    def of(self, number: int, slices: int) -> "SliceTask":
        """Return the task of one slice, by its number from 1."""
        return replace(self, slice=f"{number}/{slices}")


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a worker can carry out slices of a task."""

    version: str
    digest: str
    problem: str = ""
    """Why it cannot, as a clause."""
    has_runs_dir: bool = False
    """Whether it has the directory of the runs."""


def slice_task(settings: Settings, plan: Plan, *, runs_dir: str) -> SliceTask:
    """Return the task of which `of` gives the slices."""
    return SliceTask(
        {path: value for path, value in stored_settings(settings).items() if path not in _LOCAL},
        plan.digest,
        version("midaz-seed"),
        _has_token(settings),
        runs_dir=runs_dir,
    )


def prepare(task: SliceTask) -> Readiness:
    """Build the plan in this process, and return whether it can carry out slices of the task."""
    own = version("midaz-seed")
    if own != task.version:
        return Readiness(own, "", f"has midaz-seed {own}, and this is {task.version}")
    try:
        settings = _settings(task)
        digest = _plan(task, settings).digest
    except SeedError as error:
        return Readiness(own, "", str(error))
    if digest != task.digest:
        return Readiness(own, digest, f"plans other data (digest {digest[:12]}, and this is {task.digest[:12]})")
    if task.has_token and not _has_token(settings):
        return Readiness(own, digest, "has no token: set MIDAZ_SEED_TARGET__AUTH_TOKEN in its environment")
    return Readiness(own, digest, has_runs_dir=bool(task.runs_dir) and os.access(task.runs_dir, os.W_OK))


def carry_out(task: SliceTask, *, is_stopped: Callable[[], bool], report_progress: Callable[[Progress], None]) -> bytes:
    """Carry out a slice in this process.

    Args:
        task: the slice.
        is_stopped: asked twice a second; once it is True, requests in flight finish and the slice ends.
        report_progress: called twice a second with the counts so far.

    Returns:
        The report as JSON.

    Raises:
        SeedError: as `midaz_seed.seed`.
    """
    settings = _settings(task)
    plan = _plan(task, settings)

    async def watch(context: RunContext) -> None:
        while True:
            await context.clock.sleep(WATCH_EVERY_S)
            meter = context.meter
            report_progress(
                {
                    "done": meter.finished,
                    "planned": meter.planned,
                    "movements": sum(phase.movements for phase in meter.phases.values()),
                    "requests": meter.requests,
                    "failed": meter.failed,
                    "in_flight": meter.in_flight,
                }
            )
            if is_stopped():
                context.stop("the run was stopped")
                return

    return seed(settings, watch=watch, overrides={Plan: plan}).as_json().encode()


def _settings(task: SliceTask) -> Settings:
    """Return the settings of a slice, with the secrets of this process.

    Raises:
        ConfigurationError: a setting of the environment is wrong.
    """
    own = {"generation.limits.slice": task.slice, "journal.enabled": bool(task.runs_dir)}
    if task.runs_dir:
        own["journal.directory"] = task.runs_dir
    given = [RawValue(path, value, "the run", typed=True) for path, value in {**task.settings, **own}.items()]
    names = [name for name in os.environ if name.startswith("MIDAZ_SEED_TARGET__")]
    return load_settings(environ={name: os.environ[name] for name in names}, stored=given).settings


def _has_token(settings: Settings) -> bool:
    target = settings.target
    return bool(target.auth_token or target.auth_token_file or target.client_secret)


_PLANS: dict[str, Plan] = {}
"""The last plan of this process, which may carry out several slices of it."""


def _plan(task: SliceTask, settings: Settings) -> Plan:
    plan = _PLANS.get(task.digest)
    if plan is None:
        plan = build_plan(settings)
        _PLANS.clear()
        _PLANS[plan.digest] = plan
    return plan
