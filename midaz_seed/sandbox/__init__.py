"""The embedded Midaz: a double-entry ledger over real sockets that answers as a Midaz v3.3, v3.8 or v4
does.

    async with running(SandboxConfig()) as server:
        ...  # server.url

The names are imported when they are used: a run against another server does not pay for this one.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from midaz_seed.sandbox.faults.plan import FaultPlan
    from midaz_seed.sandbox.server import RecordQueue, Recovery, SandboxConfig, SandboxServer, Stages, running

__all__ = ["FaultPlan", "RecordQueue", "Recovery", "SandboxConfig", "SandboxServer", "Stages", "running"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from midaz_seed.sandbox import server

        return getattr(server, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
