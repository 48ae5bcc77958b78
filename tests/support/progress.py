"""Simulated runs for progress displays."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import anyio.lowlevel

from midaz_seed.model.outcomes import Outcome
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.meter import LedgerProgress, Meter
from midaz_seed.reporting.progress import OrganizationShown


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


def advance(meter: Meter, items: int, outcome: Outcome = Outcome.CREATED) -> None:
    """Finish items, with two requests each."""
    meter.recorder(Phase.ACCOUNTS, "", 0).count(outcome, items)
    meter.phases[Phase.ACCOUNTS].requests += 2 * items


def move(meter: Meter, movements: int, latency_us: int) -> None:
    """Finish transfers of a movement each, with the same latency."""
    recorder = meter.recorder(Phase.TRANSFERS, "o1.l1", 1_000_000)
    for _ in range(movements):
        recorder.count_created(1)
        meter.phases[Phase.TRANSFERS].latency.record(latency_us)
    meter.phases[Phase.TRANSFERS].requests += movements


async def let_others_run() -> None:
    """Let every task run until it waits."""
    for _ in range(20):
        await anyio.lowlevel.checkpoint()
