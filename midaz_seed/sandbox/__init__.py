"""The embedded Midaz: a double-entry ledger over real sockets that answers as a Midaz v3.3, v3.8 or v4.

    async with running(SandboxConfig()) as server:
        ...  # server.url

    with running_in_thread(SandboxConfig()) as server:  # for programs without asyncio
        ...

Other programs import from here alone. The names are imported when they are used, so that a run against another server
does not pay for the sandbox.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from midaz_seed.sandbox.faults.plan import FaultPlan
    from midaz_seed.sandbox.server import (
        DIALECTS,
        RecordQueue,
        Recovery,
        SandboxConfig,
        SandboxServer,
        Stages,
        running,
        running_in_thread,
    )

__all__ = [
    "DIALECTS",
    "FaultPlan",
    "RecordQueue",
    "Recovery",
    "SandboxConfig",
    "SandboxServer",
    "Stages",
    "running",
    "running_in_thread",
]


def __getattr__(name: str) -> Any:
    if name == "FaultPlan":
        from midaz_seed.sandbox.faults.plan import FaultPlan

        return FaultPlan
    if name in __all__:
        from midaz_seed.sandbox import server

        return getattr(server, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
