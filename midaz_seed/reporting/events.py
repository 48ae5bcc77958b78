"""What happens in a run, as typed events. Pure data: whoever shows or stores them decides how."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from midaz_seed.model.outcomes import ErrorClass
from midaz_seed.plan.items import Phase


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The plan is made and the target has answered."""

    run_id: str
    plan_digest: str
    target: str
    """The target's address, without credentials."""
    server_version: str
    ledgers: int
    planned: dict[Phase, int]
    """Items per phase."""


@dataclass(frozen=True, slots=True)
class BatchSizeMeasured:
    """With `transactionsPerBatch: auto`, before the run: what the server did with packs of one size."""

    size: int
    """Movements in a transaction."""
    movements_per_s: float
    latency_ms_p99: float


@dataclass(frozen=True, slots=True)
class BatchSizeChosen:
    """With `transactionsPerBatch: auto`, before the run: how many movements share a transaction in it."""

    size: int
    reason: str
    elapsed_s: float
    """What finding it out took."""


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """What pack sizes were measured in could not be removed."""

    paths: tuple[str, ...]
    """Of the server's objects, each with the answer to its removal."""


@dataclass(frozen=True, slots=True)
class PhaseStarted:
    """A phase began; `ledger` is the ledger's key, or "" for the phases that come before any ledger."""

    phase: Phase
    ledger: str
    items: int


@dataclass(frozen=True, slots=True)
class PhaseFinished:
    """A phase ended, whatever its outcome."""

    phase: Phase
    ledger: str
    created: int
    existing: int
    failed: int
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class LedgerFailed:
    """A ledger cannot go on; the others do."""

    ledger: str
    name: str
    phase: Phase
    reason: str


@dataclass(frozen=True, slots=True)
class BreakerChanged:
    """The circuit breaker changed its state: `closed`, `open` or `half-open`."""

    state: str


@dataclass(frozen=True, slots=True)
class ConcurrencyChanged:
    """With `maxConcurrency: auto`: another number of requests in flight was found better. What is only tried out is
    not told."""

    at_s: float
    """Since the run (or its shard) began."""
    in_flight: int
    reason: str


@dataclass(frozen=True, slots=True)
class ErrorSeen:
    """The first failure of its kind (class, phase, server code); later ones are only counted."""

    error: ErrorClass
    phase: Phase
    key: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Settled:
    """All deposits of a ledger are visible in the balances that the server reports."""

    ledger: str
    waited_s: float
    looks: int
    """How often the balances were read."""


@dataclass(frozen=True, slots=True)
class Draining:
    """A stop was asked for: nothing new is sent, what is in flight ends."""

    reason: str


@dataclass(frozen=True, slots=True)
class TimeUp:
    """The run's time is over, but for what settling and proving take: nothing new is begun."""

    at_s: float
    """Since the run began."""


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run is over and the report is made."""

    exit_code: int
    elapsed_s: float


Event: TypeAlias = (
    BatchSizeMeasured
    | BatchSizeChosen
    | LeftBehind
    | RunStarted
    | PhaseStarted
    | PhaseFinished
    | LedgerFailed
    | BreakerChanged
    | ConcurrencyChanged
    | ErrorSeen
    | Settled
    | Draining
    | TimeUp
    | RunFinished
)
"""Any of the above."""
Emit: TypeAlias = Callable[[Event], None]
"""Called with each event of a run."""
