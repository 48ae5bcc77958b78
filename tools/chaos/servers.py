"""The servers of a trial: a sandbox in this process, whose records can be audited at any time, or in its own."""

import asyncio
import json
from typing import Any, Protocol

from midaz_seed.sandbox import FaultPlan, SandboxServer
from midaz_seed.transport.base import Request
from tools.chaos.audit import Audit, Planned, audit
from tools.chaos.processes import posts_seen, query_sandbox


class Server(Protocol):
    """Where a trial's sessions send their requests, and what the trial sees of it besides its API."""

    url: str

    async def posts(self) -> int:
        """Count the POST requests that it has seen."""
        ...

    async def audit(self, planned: Planned) -> Audit | None:
        """Compare its records with the plan; None where that is possible only at the end."""
        ...

    async def advance_clock(self, delta_s: float) -> None:
        """Move its clock forward."""
        ...

    async def drain(self) -> None:
        """Wait for the requests that it holds."""
        ...

    def stop_faults(self) -> None:
        """Inject no fault from now on."""
        ...


class InProcessServer:
    """A sandbox in this process."""

    def __init__(self, sandbox: SandboxServer) -> None:
        self._sandbox = sandbox
        self.url = sandbox.url

    async def posts(self) -> int:
        requests = self._sandbox.app.statistics.requests
        return sum(count for (method, _), count in requests.items() if method == "POST")

    async def audit(self, planned: Planned) -> Audit | None:
        return audit(self._sandbox.state, planned)

    async def advance_clock(self, delta_s: float) -> None:
        await self.drain()
        clock: Any = self._sandbox.clock
        clock.advance(delta_s)

    async def drain(self) -> None:
        for _ in range(600):
            if not self._sandbox.app.delayed:
                return
            await asyncio.sleep(0.1)
        raise AssertionError("requests are held for longer than a minute")

    def stop_faults(self) -> None:
        self._sandbox.faults.plan = FaultPlan()


class ProcessServer:
    """A sandbox in a process of its own, whose only fault is that it is killed."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def posts(self) -> int:
        return await posts_seen(self.url)

    async def audit(self, planned: Planned) -> Audit | None:
        return None

    async def advance_clock(self, delta_s: float) -> None:
        await query_sandbox(self.url, Request("POST", "/sandbox/clock", json.dumps({"advanceS": delta_s}).encode()))

    async def drain(self) -> None:
        return None

    def stop_faults(self) -> None:
        return None
