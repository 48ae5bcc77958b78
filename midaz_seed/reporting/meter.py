"""Plain counters: the engine's hot path adds to them, progress and report read them."""

from dataclasses import dataclass, field

from midaz_seed.model.outcomes import Outcome
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.histogram import Histogram


@dataclass(slots=True)
class PhaseMeter:
    """One phase over all ledgers. `requests` are attempts that were sent; the other counts are items."""

    planned: int = 0
    created: int = 0
    existing: int = 0
    failed: int = 0
    skipped: int = 0
    recovered: int = 0
    """Of the created: those whose answer was lost, and that were found on the server or proved by the balances."""
    movements: int = 0
    """Movements of money in the created transactions."""
    requests: int = 0
    retries: int = 0
    replayed: int = 0
    foreign_replays: int = 0
    started_s: float | None = None
    finished_s: float | None = None
    latency: Histogram = field(default_factory=Histogram)

    @property
    def finished(self) -> int:
        """Items that need nothing more."""
        return self.created + self.existing + self.failed + self.skipped

    @property
    def elapsed_s(self) -> float:
        """From the first ledger's beginning of this phase to the last one's end."""
        if self.started_s is None or self.finished_s is None:
            return 0.0
        return max(self.finished_s - self.started_s, 0.0)


@dataclass(slots=True)
class LedgerProgress:
    """Where one ledger stands: the phase that it is in, and what became of that phase's items in this ledger."""

    phase: Phase
    planned: int
    created: int = 0
    existing: int = 0
    failed: int = 0
    skipped: int = 0
    active: bool = True

    @property
    def done(self) -> int:
        """Items that need nothing more."""
        return self.created + self.existing + self.failed + self.skipped

    def add(self, outcome: Outcome) -> None:
        """Count what became of an item."""
        if outcome is Outcome.CREATED:
            self.created += 1
        elif outcome is Outcome.EXISTING:
            self.existing += 1
        elif outcome is Outcome.FAILED:
            self.failed += 1
        else:
            self.skipped += 1


class Meter:
    """All counters of a run."""

    def __init__(self, planned: dict[Phase, int]) -> None:
        self.phases = {phase: PhaseMeter(planned.get(phase, 0)) for phase in Phase}
        self.ledgers: dict[str, LedgerProgress] = {}
        self.in_flight = 0

    def add(self, phase: Phase, outcome: Outcome, count: int = 1) -> None:
        """Count what became of `count` items."""
        meter = self.phases[phase]
        if outcome is Outcome.CREATED:
            meter.created += count
        elif outcome is Outcome.EXISTING:
            meter.existing += count
        elif outcome is Outcome.FAILED:
            meter.failed += count
        else:
            meter.skipped += count

    def begin(self, phase: Phase, ledger: str, planned: int, now_s: float) -> LedgerProgress:
        """A ledger enters a phase."""
        self.start(phase, now_s)
        progress = self.ledgers[ledger] = LedgerProgress(phase, planned)
        return progress

    def start(self, phase: Phase, now_s: float) -> None:
        """The phase begins, unless it has begun already."""
        if self.phases[phase].started_s is None:
            self.phases[phase].started_s = now_s

    def end(self, phase: Phase, ledger: str, now_s: float) -> None:
        """A ledger leaves a phase."""
        self.finish(phase, now_s)
        self.ledgers[ledger].active = False

    def finish(self, phase: Phase, now_s: float) -> None:
        """The phase has ended so far."""
        self.phases[phase].finished_s = now_s

    @property
    def requests(self) -> int:
        """Attempts sent, over all phases."""
        return sum(meter.requests for meter in self.phases.values())

    @property
    def planned(self) -> int:
        """Items that are planned to be created."""
        return sum(meter.planned for meter in self.phases.values())

    @property
    def finished(self) -> int:
        """Items that need nothing more, of the planned ones."""
        return sum(meter.finished for meter in self.phases.values() if meter.planned)

    @property
    def failed(self) -> int:
        """Items that failed."""
        return sum(meter.failed for meter in self.phases.values())
