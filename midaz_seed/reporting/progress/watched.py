"""What a progress display reads of a run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from midaz_seed.reporting.meter import LedgerProgress, Meter
from midaz_seed.reporting.time_series import Timeline


class LedgerShown(Protocol):
    """One ledger, as it is now."""

    @property
    def key(self) -> str:
        """Its key in the plan, such as `o1.l2`."""
        ...

    @property
    def name(self) -> str:
        """Its name on the server."""
        ...

    @property
    def status(self) -> str:
        """One of `waiting`, `running`, `done`, `partial`, `failed` and `stopped`."""
        ...

    @property
    def reason(self) -> str:
        """Why it failed, else ""."""
        ...

    @property
    def progress(self) -> LedgerProgress | None:
        """Its latest phase; None before the first."""
        ...


@dataclass(frozen=True, slots=True)
class OrganizationShown:
    """One organization and its ledgers."""

    key: str
    name: str
    ledgers: Sequence[LedgerShown]


def _no_ledgers() -> tuple[int, int]:
    return 0, 0


def _no_limit() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Watched:
    """What a display reads of a run. The functions are called for each display."""

    meter: Meter
    timeline: Timeline = field(default_factory=Timeline)
    organizations: Sequence[OrganizationShown] = ()
    verified: Callable[[], tuple[int, int]] = field(default=_no_ledgers)
    """Returns how many ledgers are verified, and how many there are; shown where nothing is to be created."""
    limit: Callable[[], int | None] = field(default=_no_limit)
    """Returns the maximum in flight at this time, where it changes during a run; otherwise None."""
