"""Fill a Midaz ledger with realistic data, and verify that every balance is the planned one.

The names below are the library; docs/api.md describes them. Each is imported when it is first used, so that importing
the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from midaz_seed.auditing import audit, audit_async
    from midaz_seed.bench.benchmark import BenchOptions, BenchStep, benchmark, benchmark_async
    from midaz_seed.bench.report import BenchReport
    from midaz_seed.engine.teardown import Removal
    from midaz_seed.errors import (
        BreakerOpenError,
        ConfigurationError,
        ExitCode,
        JournalError,
        NotMidazError,
        OutputError,
        PlanError,
        RequestFailedError,
        ResultNotWrittenError,
        RunError,
        SeedError,
        SettlementError,
        ShardError,
        SignalledError,
        TargetError,
        TargetNotAllowedError,
        UnauthorizedError,
        UnreachableError,
        UnsupportedPlatformError,
        UsageError,
    )
    from midaz_seed.ledger_audit.auditor import AuditStep
    from midaz_seed.ledger_audit.report import AuditReport
    from midaz_seed.plan.plan import Plan, build_plan
    from midaz_seed.plan.summary import PlanSummary, summarize_plan
    from midaz_seed.probe.diagnosis import Diagnosis
    from midaz_seed.reporting.report import Report
    from midaz_seed.runner import (
        examine,
        examine_async,
        seed,
        seed_async,
        teardown,
        teardown_async,
        verify,
        verify_async,
    )
    from midaz_seed.runs.directory import RunDirectory, find_run, list_runs
    from midaz_seed.runs.record import RunRecord
    from midaz_seed.settings.model import Settings

_HOMES = {
    "midaz_seed.auditing": (
        "audit",
        "audit_async",
    ),
    "midaz_seed.bench.benchmark": (
        "BenchOptions",
        "BenchStep",
        "benchmark",
        "benchmark_async",
    ),
    "midaz_seed.bench.report": ("BenchReport",),
    "midaz_seed.engine.teardown": ("Removal",),
    "midaz_seed.errors": (
        "BreakerOpenError",
        "ConfigurationError",
        "ExitCode",
        "JournalError",
        "NotMidazError",
        "OutputError",
        "PlanError",
        "RequestFailedError",
        "ResultNotWrittenError",
        "RunError",
        "SeedError",
        "SettlementError",
        "ShardError",
        "SignalledError",
        "TargetError",
        "TargetNotAllowedError",
        "UnauthorizedError",
        "UnreachableError",
        "UnsupportedPlatformError",
        "UsageError",
    ),
    "midaz_seed.ledger_audit.auditor": ("AuditStep",),
    "midaz_seed.ledger_audit.report": ("AuditReport",),
    "midaz_seed.plan.plan": (
        "Plan",
        "build_plan",
    ),
    "midaz_seed.plan.summary": (
        "PlanSummary",
        "summarize_plan",
    ),
    "midaz_seed.probe.diagnosis": ("Diagnosis",),
    "midaz_seed.reporting.report": ("Report",),
    "midaz_seed.runner": (
        "examine",
        "examine_async",
        "seed",
        "seed_async",
        "teardown",
        "teardown_async",
        "verify",
        "verify_async",
    ),
    "midaz_seed.runs.directory": (
        "RunDirectory",
        "find_run",
        "list_runs",
    ),
    "midaz_seed.runs.record": ("RunRecord",),
    "midaz_seed.settings.model": ("Settings",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AuditReport",
    "AuditStep",
    "BenchOptions",
    "BenchReport",
    "BenchStep",
    "BreakerOpenError",
    "ConfigurationError",
    "Diagnosis",
    "ExitCode",
    "JournalError",
    "NotMidazError",
    "OutputError",
    "Plan",
    "PlanError",
    "PlanSummary",
    "Removal",
    "Report",
    "RequestFailedError",
    "ResultNotWrittenError",
    "RunDirectory",
    "RunError",
    "RunRecord",
    "SeedError",
    "Settings",
    "SettlementError",
    "ShardError",
    "SignalledError",
    "TargetError",
    "TargetNotAllowedError",
    "UnauthorizedError",
    "UnreachableError",
    "UnsupportedPlatformError",
    "UsageError",
    "audit",
    "audit_async",
    "benchmark",
    "benchmark_async",
    "build_plan",
    "examine",
    "examine_async",
    "find_run",
    "list_runs",
    "seed",
    "seed_async",
    "summarize_plan",
    "teardown",
    "teardown_async",
    "verify",
    "verify_async",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from midaz_seed.process import check_platform

    check_platform()
    return getattr(import_module(_HOME_OF[name]), name)
