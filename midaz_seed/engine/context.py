"""What every part of a run shares."""

from dataclasses import dataclass, field
from signal import Signals

from midaz_seed.clock import Clock
from midaz_seed.engine.requests.error_tracker import ErrorTracker
from midaz_seed.engine.requests.sender import Sender
from midaz_seed.engine.state_tree import StateTree
from midaz_seed.engine.worker_pool import WorkerPool
from midaz_seed.errors import SeedError
from midaz_seed.midaz.api import MidazApi
from midaz_seed.midaz.server_traits import Server
from midaz_seed.model.histogram import Histogram
from midaz_seed.plan.batch_size import BatchSizeChoice
from midaz_seed.plan.items import Phase
from midaz_seed.plan.plan import Plan
from midaz_seed.reporting.events import ConcurrencyChanged, Draining, Emit, Settled, TimeUp
from midaz_seed.reporting.meter import Meter
from midaz_seed.reporting.report import Difference, LedgerVerification, ProcessReport
from midaz_seed.reporting.steady import SteadyWindow
from midaz_seed.resilience.arrival_schedule import ScheduleStats
from midaz_seed.runs.directory import RunDirectory
from midaz_seed.runs.journal import Journal
from midaz_seed.runs.rejects import Rejects
from midaz_seed.settings.model import Settings
from midaz_seed.settings.target import ResolvedTarget


@dataclass(slots=True)
class RunContext:
    """One run: what is planned, the parts that carry it out, and what has been found so far."""

    settings: Settings
    plan: Plan
    target: ResolvedTarget
    state: StateTree
    sender: Sender
    pool: WorkerPool
    meter: Meter
    tracker: ErrorTracker
    clock: Clock
    emit: Emit
    journal: Journal
    rejects: Rejects
    slots: ScheduleStats | None
    """What becomes of the schedule of an open loop, in all processes of the run."""
    started_s: float
    """When the run began (monotonic)."""
    batch_size: BatchSizeChoice | None = None
    """How many movements share a transaction, where that was found out before the run."""
    directory: RunDirectory | None = None
    """Where the run is written down."""
    session: int = 1
    """Which session of the run this is, from 1."""
    shards: list[ProcessReport] = field(default_factory=list)
    """What the other processes of the run took."""
    loop_lag: Histogram = field(default_factory=Histogram)
    """How late the event loop was, in microseconds, at moments spread evenly over the run."""
    stop_reason: str = ""
    """The stop rule that ended the run, as a sentence."""
    may_restart: bool = False
    """The run was finished before: when the server has nothing of it any more, it begins anew."""
    server: Server | None = None
    """What answers at the target, once it has answered."""
    concurrency: list[ConcurrencyChanged] = field(default_factory=list)
    """What automatic concurrency decided, of all processes of the run, each in its order."""
    crash_seen: str = ""
    """What showed that the server was killed or lost its connections while the run went on, as a sentence: then records
    of what it did may appear up to an hour later. "" when nothing did."""
    held: int = 0
    """Requests in flight that automatic concurrency held at the end, of the run's other processes together."""
    steady: list[SteadyWindow] = field(default_factory=list)
    """Where the load was steady, of each process of the run."""
    settled: list[Settled] = field(default_factory=list)
    proofs: list[LedgerVerification] = field(default_factory=list)
    absent: list[Difference] = field(default_factory=list)
    """Organizations and ledgers that a proof without a run did not find."""
    errors: list[SeedError] = field(default_factory=list)
    """What ended a ledger, or the run."""
    unknown: int = 0
    """Movements of which it stays unknown whether they were made, in all processes of the run."""
    signal: Signals | None = None
    """The signal that asked for the end."""

    @property
    def elapsed_s(self) -> float:
        """Since the run began."""
        return self.clock.monotonic() - self.started_s

    @property
    def spent_s(self) -> float:
        """Of the run's time: since it began, and what measuring pack sizes took before it."""
        return self.elapsed_s + (self.batch_size.elapsed_s if self.batch_size else 0.0)

    def api(self, phase: Phase) -> MidazApi:
        """The server's reads, counted in a phase."""
        return MidazApi(self.sender.read, phase)

    def close(self) -> None:
        """Admit nothing new, because time is up; what was admitted is settled and proved."""
        if not self.pool.closed and not self.pool.stopping:
            self.emit(TimeUp(self.elapsed_s))
        self.pool.close()

    def stop(self, reason: str) -> None:
        """Send nothing new."""
        if not self.pool.stopping:
            self.emit(Draining(reason))
        self.pool.stop()
