"""Simulated runs for progress displays."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import anyio.lowlevel

from midaz_seed.model.histogram import coarse_bucket
from midaz_seed.model.outcomes import ErrorClass, Outcome
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.meter import LedgerProgress, Meter
from midaz_seed.reporting.progress import OrganizationShown, Watched
from midaz_seed.reporting.time_series import PhaseWindow, Timeline, Window


class TerminalStream(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass
class FakeLedger:
    """A ledger in a state."""

    key: str
    status: str = "running"
    name: str = "Principal"
    reason: str = ""
    progress: LedgerProgress | None = None


def organization(number: int, statuses: Sequence[str], name: str = "Banco Aurora S.A.") -> OrganizationShown:
    """Return an organization with a ledger of each status; those that are running are in half of their transfers."""
    ledgers = [FakeLedger(f"o{number}.l{index}", status) for index, status in enumerate(statuses, 1)]
    for ledger in ledgers:
        if ledger.status == "running":
            ledger.progress = LedgerProgress(Phase.TRANSFERS, 1000, created=500, active=True)
        ledger.reason = "its deposits are not visible" if ledger.status == "failed" else ""
    return OrganizationShown(f"o{number}", name, ledgers)


class FakeRun:
    """The counters of a run, and its time series."""

    def __init__(self, planned: int = 1000, phase: Phase = Phase.TRANSFERS) -> None:
        self.meter = Meter({phase: planned})
        self.timeline = Timeline()
        self.phase = phase

    def watched(self, organizations: Sequence[OrganizationShown] = ()) -> Watched:
        """Return what a display reads of it."""
        return Watched(self.meter, self.timeline, organizations)

    def advance(self, items: int, outcome: Outcome = Outcome.CREATED) -> None:
        """Finish items."""
        self.meter.recorder(self.phase, "", 0).count(outcome, items)

    def record(self, requests: int = 0, movements: int = 0, latency_us: int = 0, **errors: int) -> None:
        """Record the window that ends now: requests, of which each moved something, all with the same latency."""
        latency = {coarse_bucket(latency_us): requests or movements} if latency_us else {}
        window = Window({self.phase: PhaseWindow(movements, movements, requests or movements, 1, latency)})
        window.errors = {ErrorClass(error): count for error, count in errors.items()}
        self.timeline.own.add(window, len(self.timeline.own.windows))


async def let_others_run() -> None:
    """Let every task run until it waits."""
    for _ in range(20):
        await anyio.lowlevel.checkpoint()
