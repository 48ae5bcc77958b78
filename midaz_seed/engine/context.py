"""What every part of a run shares: what is to be done, the parts that do it, and what has been found so far."""

from dataclasses import dataclass, field
from signal import Signals

from midaz_seed.clock import Clock
from midaz_seed.engine.requests.error_tracker import ErrorTracker
from midaz_seed.engine.requests.sender import Sender
from midaz_seed.engine.state_tree import LedgerState, StateTree
from midaz_seed.engine.worker_pool import WorkerPool
from midaz_seed.errors import SeedError
from midaz_seed.midaz.api import MidazApi
from midaz_seed.midaz.server_traits import Server
from midaz_seed.model.histogram import Histogram
from midaz_seed.plan.batch_size import BatchSizeChoice
from midaz_seed.plan.items import Phase
from midaz_seed.plan.plan import Plan
from midaz_seed.reporting.events import ConcurrencyChanged, Draining, Emit, Settled, TimeUp
from midaz_seed.reporting.meter import Meter, PhaseRecorder
from midaz_seed.reporting.report import Difference, LedgerVerification, ProcessReport
from midaz_seed.reporting.steady import SteadyWindow
from midaz_seed.resilience.arrival_schedule import ScheduleStats
from midaz_seed.runs.directory import RunDirectory
from midaz_seed.runs.journal import Journal
from midaz_seed.runs.rejects import Rejects
from midaz_seed.settings.model import Settings
from midaz_seed.settings.target import ResolvedTarget


@dataclass(slots=True)
class RunResults:
    """What one process of a run has found out. It can be pickled; `merge` adds what another process found."""

    settled: list[Settled] = field(default_factory=list)
    """How each settlement went."""
    verifications: list[LedgerVerification] = field(default_factory=list)
    absent: list[Difference] = field(default_factory=list)
    """Organizations and ledgers that are absent, or there more than once."""
    errors: list[SeedError] = field(default_factory=list)
    """What ended a ledger, or the run."""
    concurrency: list[ConcurrencyChanged] = field(default_factory=list)
    """What automatic concurrency decided, of each process in its order."""
    steady: list[SteadyWindow] = field(default_factory=list)
    """Where the load was steady, one window for each process."""
    processes: list[ProcessReport] = field(default_factory=list)
    """CPU, memory and event-loop lag of the other processes."""
    in_flight_limit: int = 0
    """Requests in flight that the other processes allowed at the end, together."""
    stop_reason: str = ""
    """The stop rule that ended the run, as a sentence."""
    crash_seen: str = ""
    """What showed that the server was killed or lost its connections during the run, as a sentence; "" when nothing
    did. Records of what it did may then appear up to an hour later."""

    def merge(self, other: "RunResults") -> None:
        """Add what another process of the same run found."""
        self.settled += other.settled
        self.verifications += other.verifications
        self.absent += other.absent
        self.errors += other.errors
        self.concurrency += other.concurrency
        self.steady += other.steady
        self.processes += other.processes
        self.in_flight_limit += other.in_flight_limit
        self.stop_reason = self.stop_reason or other.stop_reason
        self.crash_seen = self.crash_seen or other.crash_seen


@dataclass(slots=True)
class Findings:
    """What this process alone learns while it runs."""

    server: Server | None = None
    """The server's version and what it can do, once it has answered."""
    signal: Signals | None = None
    """The signal that asked for the end."""
    loop_lag: Histogram = field(default_factory=Histogram)
    """How late the event loop was, in microseconds, at moments spread evenly over the run."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """One run in one process. Its fields are set once; what changes is in the parts themselves and in `results`."""

    # what is to be done
    settings: Settings
    plan: Plan
    target: ResolvedTarget
    batch_size: BatchSizeChoice | None
    """How the number of movements in a transaction was chosen, where it was measured."""
    session: int
    """Which session of the run this is, from 1."""
    may_restart: bool
    """The run was finished before: when the server has nothing of it any more, it starts from the beginning."""
    started_s: float
    """When the run began (monotonic)."""

    # the parts that do it
    clock: Clock
    emit: Emit
    sender: Sender
    pool: WorkerPool
    journal: Journal
    rejects: Rejects
    directory: RunDirectory | None

    # what has been found so far
    state: StateTree
    meter: Meter
    tracker: ErrorTracker
    schedule: ScheduleStats | None
    """How the schedule of an open model was kept, in all processes of the run."""
    results: RunResults = field(default_factory=RunResults)
    findings: Findings = field(default_factory=Findings)

    @property
    def server(self) -> Server | None:
        """The server's version and what it can do, once it has answered."""
        return self.findings.server

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run began."""
        return self.clock.monotonic() - self.started_s

    @property
    def spent_s(self) -> float:
        """Seconds of the run's time: since it began, and what measuring batch sizes took before that."""
        return self.elapsed_s + (self.batch_size.elapsed_s if self.batch_size else 0.0)

    def api(self, phase: Phase) -> MidazApi:
        """The server's reads, counted in a phase."""
        return MidazApi(self.sender.read, phase)

    def recorder(self, ledger: LedgerState, phase: Phase) -> PhaseRecorder:
        """What counts the outcomes of a phase of a ledger."""
        return self.meter.recorder(phase, ledger.plan.key, ledger.plan.counts.get(phase, 1))

    def close(self) -> None:
        """Start no new items, because time is up. Settlement, in-doubt resolution and verification still run."""
        if self.pool.admission.close():
            self.emit(TimeUp(self.elapsed_s))

    def stop(self, reason: str) -> None:
        """Start nothing more; what is in flight is finished. The reason is a clause, such as "SIGINT: ..."."""
        if self.pool.admission.drain(reason):
            self.emit(Draining(reason))

    def stop_by_rule(self, reason: str) -> None:
        """Stop, and report the stop rule as the cause."""
        self.results.stop_reason = self.results.stop_reason or reason
        self.stop(reason)
