"""The context of a run: its frozen inputs, its services, and the results so far."""

from collections.abc import Callable
from dataclasses import dataclass, field
from signal import Signals

from midaz_seed.clock import Clock
from midaz_seed.engine.requests.error_tracker import ErrorTracker
from midaz_seed.engine.requests.sender import Sender
from midaz_seed.engine.state_tree import LedgerState, StateTree
from midaz_seed.engine.worker_pool import WorkerPool
from midaz_seed.errors import JournalError, OutputError, SeedError
from midaz_seed.midaz.api import MidazApi
from midaz_seed.midaz.server_traits import Server
from midaz_seed.model.histogram import Histogram
from midaz_seed.model.read_mix import ReadStats
from midaz_seed.plan.batch_size import BatchSizeChoice
from midaz_seed.plan.items import Phase
from midaz_seed.plan.plan import Plan
from midaz_seed.process import usable_cores
from midaz_seed.reporting.events import ConcurrencyChanged, Draining, Emit, Settled, TimeUp
from midaz_seed.reporting.meter import Meter, PhaseRecorder
from midaz_seed.reporting.report_figures import ProcessReport
from midaz_seed.reporting.report_findings import Difference, LedgerVerification
from midaz_seed.reporting.steady import SteadyWindow
from midaz_seed.reporting.time_series import Timeline
from midaz_seed.resilience.arrival_schedule import ScheduleStats
from midaz_seed.resilience.divided_load import LimitOrders
from midaz_seed.runs.directory import RunDirectory
from midaz_seed.runs.journal import Journal
from midaz_seed.runs.rejects import Rejects
from midaz_seed.settings.model import Settings
from midaz_seed.settings.target import ResolvedTarget


@dataclass(slots=True)
class RunResults:
    """What one process of a run has found. Picklable; `merge` adds the results of another process."""

    settled: list[Settled] = field(default_factory=list)
    """One entry for each settlement."""
    verifications: list[LedgerVerification] = field(default_factory=list)
    absent: list[Difference] = field(default_factory=list)
    """Organizations and ledgers that are absent, or exist more than once."""
    not_refused: list[Difference] = field(default_factory=list)
    """Transactions that the server had to refuse and accepted, or refused with another code."""
    misread: list[Difference] = field(default_factory=list)
    """Answers to reads beside the writes that contradict the plan."""
    reads: ReadStats = field(default_factory=ReadStats)
    """What reads beside the writes measured."""
    errors: list[SeedError] = field(default_factory=list)
    """Errors that ended a ledger or the run."""
    concurrency: list[ConcurrencyChanged] = field(default_factory=list)
    """Decisions of automatic concurrency in order of time. Not merged: one search decides for all processes."""
    steady: list[SteadyWindow] = field(default_factory=list)
    """The steady-state window of each process."""
    processes: list[ProcessReport] = field(default_factory=list)
    """CPU, memory and event-loop lag of the other processes."""
    rate_rejected: int = 0
    """Requests of the other processes that a rate limit rejected."""
    rate_found_per_s: float = 0.0
    """Sum of the rates that the other processes found to be accepted."""
    stop_reason: str = ""
    """The stop rule that ended the run, as a clause; "" when none did."""
    crash_seen: str = ""
    """What showed that the server was killed or lost its connections during the run, as a clause; "" when nothing did.
    Records of what it applied may then appear up to an hour later.
    """

    def merge(self, other: "RunResults") -> None:
        """Add what another process of the same run found."""
        self.settled += other.settled
        self.verifications += other.verifications
        self.absent += other.absent
        self.not_refused += other.not_refused
        self.misread += other.misread
        self.reads.add(other.reads)
        self.errors += other.errors
        self.steady += other.steady
        self.processes += other.processes
        self.rate_rejected += other.rate_rejected
        self.rate_found_per_s += other.rate_found_per_s
        self.stop_reason = self.stop_reason or other.stop_reason
        self.crash_seen = self.crash_seen or other.crash_seen


@dataclass(slots=True)
class Findings:
    """What this process learns while it runs, and does not pass on."""

    server: Server | None = None
    """The server's version and traits; None before its first answer."""
    signal: Signals | None = None
    """The signal that requested the end."""
    stop_requested_by: str = ""
    """What sent that signal, where it is a part of this process, such as the live page; else ""."""
    out_of_time: bool = False
    """The time limit passed before everything was settled and verified."""
    was_urged: bool = False
    """A second signal ended the run at once."""
    manifest_error: OutputError | None = None
    """Why the manifest was not written; None when it was."""
    lost_shards: int = 0
    """Shards that ended without a result, so that it is unknown what they had in flight."""
    loop_lag: Histogram = field(default_factory=Histogram)
    """Event-loop lag in microseconds, sampled at a fixed interval."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """One run in one process. The fields are set once; what changes is inside the services and in `results`."""

    # inputs
    settings: Settings
    plan: Plan
    target: ResolvedTarget
    batch_size: BatchSizeChoice | None
    """How the batch size was chosen; None where it was not measured."""
    session: int
    """Number of this session of the run, from 1."""
    may_restart: bool
    """The run was finished before: when its data is no longer on the server, it starts over."""
    started_s: float
    """Start of this process's part of the run (monotonic)."""
    run_started_s: float
    """Start of the run (monotonic): of the process that owns it, which starts before its shards."""
    ends_at_s: float
    """End of the time limit (monotonic); infinity without one."""

    # services
    clock: Clock
    emit: Emit
    sender: Sender
    pool: WorkerPool
    journal: Journal
    rejects: Rejects
    directory: RunDirectory | None
    begin_session: Callable[[], None]
    """Begins the session on disk, once the target is known to be the run's. Raises OutputError, JournalError."""
    limit_orders: LimitOrders | None
    """Orders of the concurrency search over all slices of the run, of which this is one; None: there is none."""

    # results so far
    state: StateTree
    meter: Meter
    tracker: ErrorTracker
    schedule: ScheduleStats | None
    """Statistics of the open-model schedule, over all processes; None in the closed model."""
    timeline: Timeline = field(default_factory=Timeline)
    results: RunResults = field(default_factory=RunResults)
    findings: Findings = field(default_factory=Findings)

    @property
    def server(self) -> Server | None:
        """The server's version and traits; None before its first answer."""
        return self.findings.server

    @property
    def shards(self) -> int:
        """Number of processes that this one divides the ledgers among, at most one per ledger; 1: it fills them."""
        wanted = self.settings.generation.limits.shards
        return min(usable_cores() if wanted == "auto" else wanted, len(self.state.ledgers))

    @property
    def directory_arguments(self) -> str:
        """The arguments with which a command finds this run's directory."""
        return self.directory.arguments if self.directory is not None else self.plan.run_id

    @property
    def elapsed_s(self) -> float:
        """Return the seconds since the run began."""
        return self.clock.monotonic() - self.started_s

    @property
    def run_elapsed_s(self) -> float:
        """Return the seconds since the run began, also in a shard."""
        return self.clock.monotonic() - self.run_started_s

    @property
    def left_s(self) -> float:
        """Return the seconds until the end of the time limit; infinity without one."""
        return self.ends_at_s - self.clock.monotonic()

    async def sleep(self, delay_s: float) -> None:
        """Wait. Raises StoppedError when the run drains."""
        with self.pool.admission.interruptible():
            await self.clock.sleep(delay_s)

    def api(self, phase: Phase) -> MidazApi:
        """Return the server's reads, counted in a phase."""
        return MidazApi(self.sender.read, phase, marks_in_metadata=self.plan.metadata != "none")

    def recorder(self, ledger: LedgerState, phase: Phase) -> PhaseRecorder:
        """Return the recorder that counts the outcomes of a phase of a ledger."""
        return self.meter.recorder(phase, ledger.plan.key, ledger.plan.counts.get(phase, 1))

    def close(self) -> None:
        """Start no new items, because time is up. Settlement, in-doubt resolution and verification still run."""
        if self.pool.admission.close():
            self.emit(TimeUp(self.elapsed_s))

    def stop(self, reason: str) -> None:
        """Start nothing more; requests in flight finish.

        Args:
            reason: a clause, such as "SIGINT: ...".
        """
        if self.pool.admission.drain():
            self.emit(Draining(reason))

    def stop_by_rule(self, reason: str) -> None:
        """Stop, and report the stop rule as the cause."""
        self.results.stop_reason = self.results.stop_reason or reason
        self.stop(reason)

    def close_journal(self) -> None:
        """Close the journal. An error is added to the results, so that the report names it."""
        try:
            self.journal.close(clean=not (self.pool.admission.is_cancelled or self.meter.abandoned))
        except JournalError as error:
            self.results.errors.append(error)
