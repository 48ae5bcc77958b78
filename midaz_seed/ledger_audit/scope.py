"""What an audit covers and how, and what its parts share."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import anyio

from midaz_seed.clock import Clock
from midaz_seed.ledger_audit.findings import Findings
from midaz_seed.ledger_audit.progress import LedgerProgress
from midaz_seed.midaz.api import MidazApi
from midaz_seed.midaz.routes import Place
from midaz_seed.midaz.server_traits import Server
from midaz_seed.settings.model import Settlement
from midaz_seed.task_groups import background_tasks

T = TypeVar("T")

FIRST_DAY = "1970-01-01"
"""Start of the dates of a list: without dates, a list shows the last months (midaz-behaviour: list-date-window)."""
RATE_PER_S = 50.0
CONCURRENCY = 4
PENDING_HOURS = 24.0
"""Defaults: an audit must not be felt by those who use the server."""


@dataclass(frozen=True, slots=True)
class AuditScope:
    """What to audit, and how fast.

    Attributes:
        organization_id: only the ledgers of this organization; "" for all.
        ledger_id: only this ledger; "" for all.
        transactions: whether to read the transactions; without them only balances and counts are checked.
        pending_hours: how long a transaction may be pending, in hours.
        rate_per_s: maximum requests per second; 0: no limit.
        concurrency: maximum requests in flight, and ledgers that are read at the same time.
    """

    organization_id: str = ""
    ledger_id: str = ""
    transactions: bool = True
    pending_hours: float = PENDING_HOURS
    rate_per_s: float = RATE_PER_S
    concurrency: int = CONCURRENCY


@dataclass(frozen=True, slots=True)
class LedgerContext:
    """What the parts of the audit of one ledger share."""

    place: Place
    api: MidazApi
    clock: Clock
    server: Server
    scope: AuditScope
    waits: Settlement
    progress: LedgerProgress
    """What is kept when the audit is interrupted: what the transactions showed."""
    findings: Findings
    """What the rest shows, which an interrupted audit reads again."""
    save: Callable[[], None]
    """Writes the progress of the whole audit, if it is time."""
    figures: dict[str, int] = field(default_factory=dict)
    """As in the progress."""
    assets: dict[str, str] = field(default_factory=dict)
    """As in the progress."""

    @property
    def versions(self) -> bool:
        """Whether each change of a balance has an operation, so that versions are compared."""
        return self.server.holds_touch_destinations is False

    def rounds(self) -> "Rounds":
        """Return the rounds of reads of one thing."""
        return Rounds(self.clock, self.waits)


class Rounds:
    """Paces repeated reads: what differs may only lag (midaz-behaviour: asynchronous-mode, replica-lag).

    Attributes:
        stands_still: the last two reads returned the same.
    """

    def __init__(self, clock: Clock, waits: Settlement) -> None:
        self._clock = clock
        self._pause_s, self._pause_s_max = waits.initial_delay_s, waits.max_delay_s
        self._until_s = clock.monotonic() + waits.deadline_s
        self._slept_s = 0.0
        self._seen: object = None
        self.stands_still = False

    async def again(self, seen: object) -> bool:
        """Wait, and return True; return False when another read would not help.

        That is when what was seen did not change over the longest pause, or after the deadline.

        Args:
            seen: what the last read showed.
        """
        self.stands_still = bool(self._slept_s) and seen == self._seen
        now_s = self._clock.monotonic()
        if (self.stands_still and self._slept_s >= self._pause_s_max) or now_s >= self._until_s:
            return False
        self._seen, self._slept_s = seen, self._pause_s
        self._pause_s = min(4 * self._pause_s, self._pause_s_max)
        await self._clock.sleep(self._slept_s)
        return True


def all_dates(clock: Clock) -> dict[str, str]:
    """Return the query of a list that shows everything, whatever its date: plain dates, which v3.3 understands too."""
    return {"start_date": FIRST_DAY, "end_date": f"{_end(clock):%Y-%m-%d}"}


def all_times(clock: Clock) -> tuple[str, str]:
    """Return start and end of a count of all transactions, as RFC 3339 (midaz-behaviour: transaction-counts)."""
    return f"{FIRST_DAY}T00:00:00Z", f"{_end(clock):%Y-%m-%dT%H:%M:%SZ}"


def _end(clock: Clock) -> datetime:
    return datetime.fromtimestamp(clock.time(), UTC) + timedelta(days=2)


async def for_each(items: Iterable[T], work: Callable[[T], Awaitable[None]], *, at_once: int) -> None:
    """Work on some items at a time. The first failure ends the others at once and is raised as it is."""
    queue, failures, over = iter(items), list[Exception](), anyio.Event()
    working = at_once

    async def worker() -> None:
        nonlocal working
        try:
            for item in queue:
                await work(item)
        except Exception as error:  # noqa: BLE001 - raised below, outside of the task group that would wrap it
            failures.append(error)
        working -= 1
        if failures or not working:
            over.set()

    async with background_tasks() as tasks:
        for _ in range(at_once):
            tasks.start_soon(worker)
        await over.wait()
    if failures:
        raise failures[0]
