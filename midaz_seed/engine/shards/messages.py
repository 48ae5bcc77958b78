"""What the process that owns a run and its shards say to each other. Everything here is pickled."""

import struct
from dataclasses import dataclass
from pathlib import Path

from midaz_seed.engine.context import RunResults
from midaz_seed.engine.requests.error_tracker import ErrorTracker
from midaz_seed.engine.state_tree import LedgerShard, LedgerStatus
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.meter import LedgerProgress, Meter, PhaseMeter
from midaz_seed.reporting.settled_throughput import SettlementTimeline
from midaz_seed.resilience.arrival_schedule import ScheduleStats
from midaz_seed.settings.model import Settings
from midaz_seed.settings.target import ResolvedTarget

LENGTH = struct.Struct("<Q")
"""Precedes each message in a pipe: the number of bytes that follow."""


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


@dataclass(frozen=True, slots=True)
class LedgerOutcome:
    """What became of one ledger."""

    index: int
    """In the plan's order."""
    status: LedgerStatus
    reason: str
    id: str
    """The server's id; "" when there is none."""
    flows: dict[Phase, SettlementTimeline]


@dataclass(frozen=True, slots=True)
class ShardResult:
    """What a shard found: everything that the report is made of."""

    results: RunResults
    meter: Meter
    tracker: ErrorTracker
    ledgers: tuple[LedgerOutcome, ...]
    schedule: ScheduleStats | None
    epoch_s: float
    """The time (epoch) at which the shard's monotonic clock stood at 0."""
    breaker_opened: int
    breaker_open_s: float
    time_is_up: bool


@dataclass(frozen=True, slots=True)
class ShardProgress:
    """How far a shard is: counters without latencies."""

    phases: dict[Phase, dict[str, int | float]]
    ledgers: dict[str, LedgerProgress]
    in_flight: int


COUNTERS = tuple(name for name in PhaseMeter.__slots__ if name not in ("latency", "planned", "since_s", "busy_s"))


def progress_of(meter: Meter) -> ShardProgress:
    """What a shard reports twice a second."""
    phases = {phase: {name: getattr(counters, name) for name in COUNTERS} for phase, counters in meter.phases.items()}
    return ShardProgress(phases, meter.ledgers, meter.in_flight)
