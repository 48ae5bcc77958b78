"""The steady window: money moving at full load, without the warm-up before it and the tail after it."""

from dataclasses import dataclass, field

from midaz_seed.model.histogram import Histogram


@dataclass(slots=True)
class Counted:
    """What money had moved at a moment (seconds since the run began)."""

    at_s: float = 0.0
    transactions: int = 0
    movements: int = 0
    latency: list[Histogram] = field(default_factory=list)


@dataclass(slots=True)
class SteadyWindow:
    """From one moment to another, both of full load."""

    since: Counted
    until: Counted

    @property
    def span_s(self) -> float:
        return self.until.at_s - self.since.at_s

    @property
    def transactions(self) -> int:
        return self.until.transactions - self.since.transactions

    @property
    def movements(self) -> int:
        return self.until.movements - self.since.movements

    def latency(self) -> Histogram:
        """Of what was answered within the window."""
        whole = Histogram()
        for until, since in zip(self.until.latency, self.since.latency, strict=True):
            whole.merge(until.since(since))
        return whole
