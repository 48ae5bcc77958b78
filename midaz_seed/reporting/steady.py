"""The steady state: the part of a run at full load, without the warm-up before it and the tail after it."""

from dataclasses import dataclass, field

from midaz_seed.model.histogram import Histogram


@dataclass(slots=True)
class Counted:
    """Counts at one time (seconds since the start of the run)."""

    at_s: float = 0.0
    transactions: int = 0
    movements: int = 0
    latency: list[Histogram] = field(default_factory=list)


@dataclass(slots=True)
class SteadyWindow:
    """The counts at the start and at the end of the steady state."""

    since: Counted
    until: Counted

    @property
    def span_s(self) -> float:
        """Length in seconds."""
        return self.until.at_s - self.since.at_s

    @property
    def transactions(self) -> int:
        """Transactions accepted within it."""
        return self.until.transactions - self.since.transactions

    @property
    def movements(self) -> int:
        """Movements accepted within it."""
        return self.until.movements - self.since.movements

    def latency(self) -> Histogram:
        """Return the latencies of the answers within it."""
        whole = Histogram()
        for until, since in zip(self.until.latency, self.since.latency, strict=True):
            whole.merge(until.since(since))
        return whole
