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
    refused: int = 0
    """Refused with the planned code, as they had to be."""
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
    abandoned: int = 0
    """Writes that were cut off or given up with an unknown outcome, because the run was stopped."""
    active: int = 0
    """Ledgers in this phase now."""
    busy_s: float = 0.0
    """Seconds in which at least one ledger was in this phase."""
    since_s: float = 0.0
    latency: Histogram = field(default_factory=Histogram)

    @property
    def finished(self) -> int:
        """Items with a final outcome."""
        return self.created + self.existing + self.refused + self.failed + self.skipped

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
    refused: int = 0
    failed: int = 0
    skipped: int = 0
    active: bool = False
    """Whether the ledger is in this phase now."""
    day: int = 0
    """Proleptic ordinal of the day of the history that is being sent; 0 without dates."""

    @property
    def done(self) -> int:
        """Items with a final outcome."""
        return self.created + self.existing + self.refused + self.failed + self.skipped


def _add(counts: PhaseMeter | LedgerProgress, outcome: Outcome, number: int) -> None:
    if outcome is Outcome.CREATED:
        counts.created += number
    elif outcome is Outcome.EXISTING:
        counts.existing += number
    elif outcome is Outcome.REFUSED:
        counts.refused += number
    elif outcome is Outcome.FAILED:
        counts.failed += number
    else:
        counts.skipped += number


class PhaseRecorder:
    """Counts the outcomes of one phase of one ledger, both in the run's counters and in the ledger's progress, so that
    report, progress display and events cannot disagree."""

    __slots__ = ("_meter", "ledger", "phase", "progress")

    def __init__(self, phase: Phase, ledger: str, meter: PhaseMeter, progress: LedgerProgress) -> None:
        self.phase = phase
        self.ledger = ledger
        self.progress = progress
        self._meter = meter

    def count(self, outcome: Outcome, number: int = 1) -> None:
        """Count the outcome of `number` items."""
        _add(self._meter, outcome, number)
        _add(self.progress, outcome, number)

    def count_created(self, movements: int) -> None:
        """Count a created transaction with its movements. Runs once per transaction, so it calls nothing."""
        meter = self._meter
        meter.created += 1
        meter.movements += movements
        self.progress.created += 1

    def count_recovered(self, movements: int = 0) -> None:
        """Count as created an item whose answer was lost, but that is known to exist."""
        self._meter.recovered += 1
        self._meter.movements += movements
        self.count(Outcome.CREATED)

    def count_replay(self, *, foreign: bool = False) -> None:
        """Count a success marked as the replay of an earlier answer; `foreign`: the answer to another item."""
        if foreign:
            self._meter.foreign_replays += 1
        else:
            self._meter.replayed += 1

    def count_doubt(self, *, applied: bool) -> None:
        """Count a transaction in doubt whose outcome was decided; the item itself is counted separately."""
        if applied:
            self._meter.doubts_applied += 1
        else:
            self._meter.doubts_not_applied += 1

    def count_step(self) -> None:
        """Count a settlement or a verification of the ledger, which is progress but not an item."""
        self.progress.created += 1


class Meter:
    """All counters of a run."""

    def __init__(self, planned: dict[Phase, int]) -> None:
        self.phases = {phase: PhaseMeter(planned.get(phase, 0)) for phase in Phase}
        self.ledgers: dict[str, LedgerProgress] = {}
        """Ledger key -> progress of its current phase."""
        self._recorders: dict[tuple[Phase, str], PhaseRecorder] = {}
        self.in_flight = 0
        self.succeeded = 0
        """Successful answers."""
        self.overloaded = 0
        """Overload signals: answers 429 and 5xx, and timeouts."""
        self.money = PhaseMeter()
        """Deposits and transfers together, for the time in which transactions were sent."""

    def recorder(self, phase: Phase, ledger: str, planned: int) -> PhaseRecorder:
        """Return the recorder of a phase of a ledger ("" for none), the same one in every call."""
        recorder = self._recorders.get((phase, ledger))
        if recorder is None:
            progress = LedgerProgress(phase, planned)
            recorder = self._recorders[phase, ledger] = PhaseRecorder(phase, ledger, self.phases[phase], progress)
        return recorder

    def begin(self, recorder: PhaseRecorder, now_s: float, *, beside: bool = False) -> None:
        """Record that a ledger enters a phase; `beside`: that its items are sent in the phase in which it is."""
        self.phases[recorder.phase].start(now_s)
        if recorder.phase in MONEY:
            self.money.start(now_s)
        recorder.progress.active = True
        if not beside:
            self.ledgers[recorder.ledger] = recorder.progress

    def end(self, recorder: PhaseRecorder, now_s: float) -> None:
        """Record that a ledger leaves a phase."""
        self.phases[recorder.phase].finish(now_s)
        if recorder.phase in MONEY:
            self.money.finish(now_s)
        recorder.progress.active = False

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
    def abandoned(self) -> int:
        """Writes whose outcome is left to the next session, because the run was stopped."""
        return sum(meter.abandoned for meter in self.phases.values())

    @property
    def failed(self) -> int:
        """Items that failed."""
        return sum(meter.failed for meter in self.phases.values())
