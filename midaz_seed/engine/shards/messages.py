"""The messages between the process that owns a run and its shards. All are pickled."""

import pickle
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from midaz_seed.engine.context import RunContext, RunResults
from midaz_seed.engine.requests.error_tracker import ErrorTracker
from midaz_seed.engine.state_tree import LedgerStatus
from midaz_seed.model.ledger_shard import LedgerShard
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import ErrorSeen, Event, LedgerFailed, PhaseFinished, PhaseStarted, Settled
from midaz_seed.reporting.meter import LedgerProgress, Meter, PhaseMeter
from midaz_seed.reporting.settled_throughput import SettlementTimeline
from midaz_seed.reporting.time_series import INTERVAL_S, TimeSeries, Window
from midaz_seed.resilience.arrival_schedule import ScheduleStats
from midaz_seed.settings.model import Settings
from midaz_seed.settings.target import ResolvedTarget

LENGTH = struct.Struct("<Q")
"""Precedes each message in a pipe: its number of bytes."""
MESSAGE_BYTES_MAX = 16_777_216
"""Largest message that is read: the progress of a million ledgers. More is something else that was written to the pipe.
"""


@dataclass(frozen=True, slots=True)
class ShardTask:
    """What a shard has to do."""

    settings: Settings
    plan: Path
    """File with the pickled plan, the same for all shards."""
    result: Path
    """Path for the pickled result."""
    shard: LedgerShard
    target: ResolvedTarget
    organizations: tuple[tuple[str, bool], ...]
    """For each organization of the plan: its server id, "" when it could not be created, and whether this run created
    it.
    """
    journal: Path | None
    """The shard's journal; None: it writes none."""
    journals: tuple[Path, ...]
    """The journals of all sessions and shards of the run."""
    rejects: Path | None
    session: int
    ends_at_epoch_s: float
    """End of the time limit; infinity without one."""
    run_started_at_s: float
    """Start of the run (epoch)."""


@dataclass(frozen=True, slots=True)
class LedgerOutcome:
    """The outcome of one ledger."""

    index: int
    """Index in the plan."""
    status: LedgerStatus
    reason: str
    id: str
    """The server's id; "" when there is none."""
    flows: dict[Phase, SettlementTimeline]


@dataclass(frozen=True, slots=True)
class ShardResult:
    """What a shard found: its part of the report."""

    results: RunResults
    meter: Meter
    tracker: ErrorTracker
    ledgers: tuple[LedgerOutcome, ...]
    schedule: ScheduleStats | None
    epoch_s: float
    """Epoch time at which the shard's monotonic clock was 0."""
    breaker_opened: int
    breaker_open_s: float
    time_is_up: bool
    out_of_time: bool
    series: TimeSeries
    events: tuple[Event, ...]
    """Those since its last progress."""


@dataclass(frozen=True, slots=True)
class NewWindows:
    """Windows of a shard's time series that the owner does not have yet."""

    first: int = 0
    """Index of the first one; those that the owner has from there on are replaced."""
    interval_s: float = INTERVAL_S
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class ShardProgress:
    """The progress of a shard: counters, and what its time series has more than at the last time."""

    phases: dict[Phase, dict[str, int | float]]
    ledgers: dict[str, LedgerProgress]
    in_flight: int
    windows: NewWindows
    events: tuple[Event, ...] = ()
    """Those since the last progress, of `EVENTS`."""


EVENTS = (PhaseStarted, PhaseFinished, LedgerFailed, Settled, ErrorSeen)
"""Events of a shard that are also events of the run. The others concern the process: its breaker, its concurrency."""
COUNTERS = tuple(name for name in PhaseMeter.__slots__ if name not in ("latency", "planned", "since_s", "busy_s"))


def progress_of(meter: Meter, windows: NewWindows | None = None, events: Sequence[Event] = ()) -> ShardProgress:
    """Return what a shard reports twice a second."""
    phases = {phase: {name: getattr(counters, name) for name in COUNTERS} for phase, counters in meter.phases.items()}
    return ShardProgress(phases, meter.ledgers, meter.in_flight, windows or NewWindows(), tuple(events))


@dataclass(slots=True)
class NewProgress:
    """Returns what a shard has done since the last time."""

    context: RunContext
    events: list[Event]
    """Those that were not returned yet; `take` removes them."""
    _sent: int = 0
    _interval_s: float = INTERVAL_S

    def take(self) -> ShardProgress:
        """Return the counters, and the windows and events that are new."""
        series = self.context.timeline.own
        if series.interval_s != self._interval_s:  # the windows were joined in pairs: all of them are new
            self._sent, self._interval_s = 0, series.interval_s
        new = NewWindows(self._sent, series.interval_s, tuple(series.windows[self._sent :]))
        self._sent = len(series.windows)
        progress = progress_of(self.context.meter, new, self.events)
        self.events.clear()
        return progress


def framed(message: object) -> bytes:
    """Return a message as it is written to a pipe."""
    data = pickle.dumps(message)
    return LENGTH.pack(len(data)) + data


def read_message(stream: BinaryIO) -> Any:
    """Read the next message of a pipe; None at the end, and where it is not whole.

    A shard sends each `ShardProgress`, and the `OrderedWindow` that it was ordered to measure; it receives each
    `LimitOrder`.
    """
    head = stream.read(LENGTH.size)
    size = LENGTH.unpack(head)[0] if len(head) == LENGTH.size else 0
    if not 0 < size <= MESSAGE_BYTES_MAX:
        return None
    data = stream.read(size)
    if len(data) < size:
        return None
    return pickle.loads(data)  # noqa: S301 - from our own process
