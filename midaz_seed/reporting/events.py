"""Typed events of a run. Pure data: progress and logs decide how to show them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from midaz_seed.model.outcomes import ErrorClass
from midaz_seed.plan.items import Phase


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The plan is built and the target has answered."""

    run_id: str
    plan_digest: str
    target: str
    """URL of the target, without credentials."""
    server_version: str
    ledgers: int
    planned: dict[Phase, int]
    """Items per phase."""


@dataclass(frozen=True, slots=True)
class BatchSizeMeasured:
    """With `transactionsPerBatch: auto`, before the run: the measurement of one batch size."""

    size: int
    """Movements in one transaction."""
    movements_per_s: float
    latency_ms_p99: float


@dataclass(frozen=True, slots=True)
class BatchSizeChosen:
    """With `transactionsPerBatch: auto`, before the run: the chosen batch size."""

    size: int
    reason: str
    elapsed_s: float
    """Duration of all measurements."""


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """The temporary organization of the batch-size measurement could not be removed."""

    paths: tuple[str, ...]
    """Paths of the objects that remain, each with the answer to its removal."""


@dataclass(frozen=True, slots=True)
class PhaseStarted:
    """A phase started; `ledger` is the ledger's key, or "" for the phases before the ledgers' own."""

    phase: Phase
    ledger: str
    items: int


@dataclass(frozen=True, slots=True)
class PhaseFinished:
    """A phase ended, with any outcome. `created` is 1 for a verification that was not stopped."""

    phase: Phase
    ledger: str
    created: int
    existing: int
    failed: int
    elapsed_s: float
    refused: int = 0
    """Refused with the planned code, as they had to be."""


@dataclass(frozen=True, slots=True)
class LedgerFailed:
    """A ledger failed; the others continue."""

    ledger: str
    name: str
    phase: Phase
    reason: str


@dataclass(frozen=True, slots=True)
class BreakerChanged:
    """The circuit breaker changed its state: `closed`, `open` or `half-open`."""

    state: str


@dataclass(frozen=True, slots=True)
class RateLimited:
    """The server rejects requests because of their number, so the client has slowed down."""

    rate_per_s: float
    """Requests per second from now on."""


@dataclass(frozen=True, slots=True)
class ConcurrencyChanged:
    """With `maxConcurrency: auto`: the search settled on another number of requests in flight. Probes emit no event."""

    at_s: float
    """Seconds since the start of the run."""
    in_flight: int
    reason: str


@dataclass(frozen=True, slots=True)
class ErrorSeen:
    """The first failure with this class, phase and server code; later ones are only counted."""

    error: ErrorClass
    phase: Phase
    key: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Settled:
    """The server's balances show all deposits of a ledger."""

    ledger: str
    waited_s: float
    looks: int
    """Number of times that the balances were read."""


@dataclass(frozen=True, slots=True)
class StopRequested:
    """A signal was received for the first time."""

    signal: str
    """Its name."""
    within_s: float
    """The grace time: seconds until the process has ended."""


@dataclass(frozen=True, slots=True)
class Draining:
    """A stop was requested: no new items are started, and writes in flight get the time to finish."""

    reason: str


@dataclass(frozen=True, slots=True)
class TimeUp:
    """The time limit is reached, except for the time of settlement and verification: no new items are started."""

    at_s: float
    """Seconds since the start of the run."""


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run has ended and the report is complete."""

    exit_code: int
    elapsed_s: float
    verdict: str = ""
    """The result in a sentence."""
    next_step: str = ""
    """What to do next; "" when there is nothing to do."""


Event: TypeAlias = (
    BatchSizeMeasured
    | BatchSizeChosen
    | LeftBehind
    | RunStarted
    | PhaseStarted
    | PhaseFinished
    | LedgerFailed
    | BreakerChanged
    | RateLimited
    | ConcurrencyChanged
    | ErrorSeen
    | Settled
    | StopRequested
    | Draining
    | TimeUp
    | RunFinished
)
"""Any of the above."""
Emit: TypeAlias = Callable[[Event], None]
"""Called with each event of a run."""
