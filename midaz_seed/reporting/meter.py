"""Counters of a run: the engine increments them, progress and report read them."""

from dataclasses import dataclass, field

from midaz_seed.model.histogram import Histogram
from midaz_seed.model.outcomes import Outcome
from midaz_seed.plan.items import MONEY, Phase


@dataclass(slots=True)
class PhaseMeter:
    """One phase over all ledgers. `requests` counts attempts sent; the other counts are items."""

    planned: int = 0
    created: int = 0
    existing: int = 0
    failed: int = 0
    skipped: int = 0
    recovered: int = 0
    """Created items whose answer was lost, and that were found on the server or shown by the balances."""
    movements: int = 0
    """Movements in the created transactions."""
    requests: int = 0
    retries: int = 0
    replayed: int = 0
    foreign_replays: int = 0
    doubts_applied: int = 0
    """Transactions in doubt that had been made, according to the balances."""
    doubts_not_applied: int = 0
    """Transactions in doubt that had not been made, according to the balances."""
    active: int = 0
    """Ledgers in this phase now."""
    busy_s: float = 0.0
    """Seconds in which at least one ledger was in this phase."""
    since_s: float = 0.0
    latency: Histogram = field(default_factory=Histogram)

    @property
    def finished(self) -> int:
        """Items with a final outcome."""
        return self.created + self.existing + self.failed + self.skipped

    def doubted(self, *, applied: bool) -> None:
        """Count a transaction in doubt that the balances decided."""
        if applied:
            self.doubts_applied += 1
        else:
            self.doubts_not_applied += 1

    def start(self, now_s: float) -> None:
        """Record that a ledger enters the phase."""
        if self.active == 0:
            self.since_s = now_s
        self.active += 1

    def finish(self, now_s: float) -> None:
        """Record that a ledger leaves the phase."""
        self.active -= 1
        if self.active == 0:
            self.busy_s += now_s - self.since_s


@dataclass(slots=True)
class LedgerProgress:
    """The progress of one ledger: its phase, and the outcomes of the phase's items in this ledger."""

    phase: Phase
    planned: int
    created: int = 0
    existing: int = 0
    failed: int = 0
    skipped: int = 0
    active: bool = True

    @property
    def done(self) -> int:
        """Items with a final outcome."""
        return self.created + self.existing + self.failed + self.skipped

    def add(self, outcome: Outcome) -> None:
        """Count the outcome of an item."""
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
        self.succeeded = 0
        """Successful answers."""
        self.overloaded = 0
        """Overload signals: answers 429 and 5xx, and timeouts."""
        self.money = PhaseMeter()
        """Deposits and transfers together, for the time in which transactions were sent."""

    def add(self, phase: Phase, outcome: Outcome, count: int = 1) -> None:
        """Count the outcome of `count` items."""
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
        """Record that a ledger enters a phase; returns its new progress."""
        self.phases[phase].start(now_s)
        if phase in MONEY:
            self.money.start(now_s)
        progress = self.ledgers[ledger] = LedgerProgress(phase, planned)
        return progress

    def end(self, phase: Phase, ledger: str, now_s: float) -> None:
        """Record that a ledger leaves a phase."""
        self.phases[phase].finish(now_s)
        if phase in MONEY:
            self.money.finish(now_s)
        self.ledgers[ledger].active = False

    @property
    def latency_us(self) -> int:
        """Sum of all latencies, in microseconds."""
        return sum(meter.latency.total_us for meter in self.phases.values())

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
