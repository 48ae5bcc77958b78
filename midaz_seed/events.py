"""The events of a run, for other programs. This package's own code imports them from where they are defined."""

from midaz_seed.model.outcomes import ErrorClass
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import (
    BatchSizeChosen,
    BatchSizeMeasured,
    BreakerChanged,
    ConcurrencyChanged,
    Draining,
    Emit,
    ErrorSeen,
    Event,
    LedgerFailed,
    LeftBehind,
    PhaseFinished,
    PhaseStarted,
    RateLimited,
    RunFinished,
    RunStarted,
    Settled,
    StopRequested,
    TimeUp,
)

__all__ = [
    "BatchSizeChosen",
    "BatchSizeMeasured",
    "BreakerChanged",
    "ConcurrencyChanged",
    "Draining",
    "Emit",
    "ErrorClass",
    "ErrorSeen",
    "Event",
    "LedgerFailed",
    "LeftBehind",
    "Phase",
    "PhaseFinished",
    "PhaseStarted",
    "RateLimited",
    "RunFinished",
    "RunStarted",
    "Settled",
    "StopRequested",
    "TimeUp",
]
