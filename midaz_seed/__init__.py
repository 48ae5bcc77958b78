"""Fill a Midaz ledger with realistic data, and prove that every balance is the planned one.

The names below are the library; each is imported when it is first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from midaz_seed.errors import (
        BreakerOpenError,
        ConfigurationError,
        ExitCode,
        JournalError,
        NotMidazError,
        OutputError,
        PlanError,
        RequestFailedError,
        RunError,
        SeedError,
        SettlementError,
        ShardError,
        SignalledError,
        TargetError,
        TargetNotAllowedError,
        UnauthorizedError,
        UnreachableError,
        UsageError,
    )
    from midaz_seed.plan.plan import Plan, build_plan
    from midaz_seed.reporting.report import Report
    from midaz_seed.runner import seed, seed_async, verify, verify_async
    from midaz_seed.settings.model import Settings

_HOMES = {
    "midaz_seed.errors": (
        "BreakerOpenError",
        "ConfigurationError",
        "ExitCode",
        "JournalError",
        "NotMidazError",
        "OutputError",
        "PlanError",
        "RequestFailedError",
        "RunError",
        "SeedError",
        "SettlementError",
        "ShardError",
        "SignalledError",
        "TargetError",
        "TargetNotAllowedError",
        "UnauthorizedError",
        "UnreachableError",
        "UsageError",
    ),
    "midaz_seed.plan.plan": ("Plan", "build_plan"),
    "midaz_seed.reporting.report": ("Report",),
    "midaz_seed.runner": ("seed", "seed_async", "verify", "verify_async"),
    "midaz_seed.settings.model": ("Settings",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "BreakerOpenError",
    "ConfigurationError",
    "ExitCode",
    "JournalError",
    "NotMidazError",
    "OutputError",
    "Plan",
    "PlanError",
    "Report",
    "RequestFailedError",
    "RunError",
    "SeedError",
    "Settings",
    "SettlementError",
    "ShardError",
    "SignalledError",
    "TargetError",
    "TargetNotAllowedError",
    "UnauthorizedError",
    "UnreachableError",
    "UsageError",
    "build_plan",
    "seed",
    "seed_async",
    "verify",
    "verify_async",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)
