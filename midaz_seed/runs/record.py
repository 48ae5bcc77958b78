"""What `run.json` holds: the run, how far it came, and the settings that it was planned with."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import FiniteFloat

from midaz_seed.clock import Clock
from midaz_seed.errors import RunError
from midaz_seed.plan.plan import FORMAT, Plan
from midaz_seed.scenarios.model import DEFAULT_SCENARIO, Scenario, canonical_text
from midaz_seed.settings.model import Settings
from midaz_seed.settings.schema import SETTINGS, as_stored

BATCH_SIZE = "generation.batches.transactionsPerBatch"
DATA_SETTINGS = ("seed", BATCH_SIZE)
"""The settings outside the sections `volume` and `data` that change the data, beside the scenario."""


class RunStatus(StrEnum):
    """How far a run came."""

    RUNNING = "running"
    """A process works on it."""
    CUT_OFF = "cut off"
    """Its process was killed, or the machine went down."""
    UNFINISHED = "unfinished"
    """Its last session stopped early or had failures."""
    FINISHED = "finished"
    REMOVED = "removed"
    """Its data was removed from the server by a teardown."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What `run.json` holds: the run, and how far it came."""

    run_id: str
    plan_digest: str
    """SHA-256 of the plan, hex."""
    version: str
    """The version of midaz-seed that planned the run."""
    target: str
    """The target's address, without credentials."""
    status: RunStatus
    created_at: str
    """When the run began: ISO 8601, UTC."""
    updated_at: str
    """When the record was last written: ISO 8601, UTC."""
    planned: int
    """Requests that create something."""
    done: int = 0
    """Of `planned`, those that are journalled as made."""
    rejected: int = 0
    """Of `planned`, those that the server rejected."""
    sessions: int = 0
    """Processes that have worked on the run, one after the other; the shards of one session are not counted."""
    exit_code: int | None = None
    """Of the last session that ended."""
    verdict: str = ""
    """Of the last session that ended."""
    elapsed_s: FiniteFloat = 0.0
    """Duration of all sessions that ended."""
    movements: int = 0
    """Movements that the server accepted in the sessions that ended."""
    movements_per_s: FiniteFloat = 0.0
    """Movements per second in the last session that made any."""
    verified: bool | None = None
    """Whether the last session that ended found everything as planned; None when it compared nothing."""
    differences: int = 0
    """Differences from the plan that the last session that ended found."""
    settings: dict[str, Any] = field(default_factory=dict)
    """The effective settings by their dotted paths, without secrets."""
    plan_format: int = 1
    """The format of its plan; records of the first format do not have it."""

    @property
    def slice(self) -> str:
        """The slice, such as `2/8`; "" for a whole run."""
        return str(self.settings.get("generation.limits.slice") or "")

    @property
    def scenario(self) -> str:
        """The name of the scenario that it was planned with; records of earlier versions do not have it."""
        return _scenario_name(str(self.settings.get("scenario", "")))


def new_record(settings: Settings, plan: Plan, *, target: str, clock: Clock) -> RunRecord:
    """Return the record of a run that starts now."""
    now = timestamp(clock)
    return RunRecord(
        plan.run_id,
        plan.digest,
        _version(),
        target,
        RunStatus.RUNNING,
        now,
        now,
        sum(plan.counts_of(settings.generation.limits.shard).values()),
        settings=stored_settings(settings),
        plan_format=FORMAT,
    )


def stored_settings(settings: Settings) -> dict[str, Any]:
    """Return the effective settings by dotted path, without secrets and without those that are not set."""
    plain = {path: as_stored(setting.value_of(settings)) for path, setting in SETTINGS.items() if not setting.is_secret}
    unused = settings.unused_counts
    return {
        path: value
        for path, value in plain.items()
        if value not in (None, []) and "://***@" not in str(value) and path not in unused
    }


def differences(stored: Mapping[str, Any], settings: Settings) -> list[str]:
    """Return the settings that produce other data than the stored ones: "volume.accountsPerLedger 100 -> 200"."""
    now = stored_settings(settings)
    paths = [path for path in SETTINGS if path in DATA_SETTINGS or path.startswith(("volume.", "data."))]
    changed = _scenario_difference(str(stored.get("scenario", "")), settings.scenario)
    return changed + [
        f"{path} {stored.get(path, 'not set')} -> {now.get(path, 'not set')}"
        for path in paths
        if stored.get(path) != now.get(path)
    ]


def _scenario_name(stored: str) -> str:
    found = re.match(r'\{"scenario":"([a-z0-9-]+)"', stored)
    return found[1] if found else DEFAULT_SCENARIO


def _scenario_difference(stored: str, now: Scenario) -> list[str]:
    if stored == canonical_text(now):
        return []
    name = _scenario_name(stored)
    if name != now.scenario:
        return [f"scenario {name} -> {now.scenario}"]
    return [f"the scenario {name} has changed"] if stored else []


def check_same_plan(record: RunRecord, settings: Settings, plan: Plan, where: Path) -> None:
    """Raise RunError, with the differences, when a run was started with another plan."""
    digest = plan.digest
    if record.plan_format != FORMAT:
        raise RunError(
            f"run {record.run_id} was begun by midaz-seed {record.version} with plan format {record.plan_format}; this "
            f"version plans in format {FORMAT}, and the same settings give other data",
            where=str(where),
            hint="finish it with the version that began it, or remove its data with `midaz-seed teardown` and start a "
            "new run",
        )
    if (record.plan_digest, record.run_id) == (digest, plan.run_id):
        return
    if record.run_id != plan.run_id:
        raise RunError(
            f"this is the directory of run {record.run_id}, not of {plan.run_id}",
            where=str(where),
            hint="leave out --run-id to resume the run, or leave out the run to start another one",
        )
    changed = differences(record.settings, settings)
    what = "; ".join(changed) or f"it was planned by midaz-seed {record.version}, this is {_version()}"
    raise RunError(
        f"run {record.run_id} was started with another plan ({record.plan_digest[:12]}, now {digest[:12]}): {what}",
        where=str(where),
        hint="use the same settings, or start a new run with another --run-id",
    )


def timestamp(clock: Clock) -> str:
    """Return the current time as `run.json` has it: RFC 3339, in seconds."""
    return datetime.fromtimestamp(clock.time(), UTC).isoformat(timespec="seconds")


def _version() -> str:
    return version("midaz-seed")
