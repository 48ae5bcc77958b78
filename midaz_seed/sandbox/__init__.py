"""The embedded Midaz: a double-entry ledger over real sockets that answers as a Midaz v3.8 does.

async with running(SandboxConfig()) as server:
    ...  # server.url
"""

from midaz_seed.sandbox.faults import FaultPlan
from midaz_seed.sandbox.server import SandboxConfig, SandboxServer, running

__all__ = ["FaultPlan", "SandboxConfig", "SandboxServer", "running"]
