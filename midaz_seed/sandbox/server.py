"""The sandbox on a socket: inside another program (`running`), or as a process of its own (the command)."""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import uvicorn
from uvicorn.server import ServerState

from midaz_seed.clock import Clock, ShiftedClock, SystemClock
from midaz_seed.errors import TargetNotAllowedError, UsageError
from midaz_seed.sandbox.core.dialect import DIALECTS, Service
from midaz_seed.sandbox.faults.app import FaultyApp
from midaz_seed.sandbox.faults.crash_recovery import Recovery
from midaz_seed.sandbox.faults.crash_stages import StagedExecution, Stages
from midaz_seed.sandbox.faults.decisions import Faults
from midaz_seed.sandbox.faults.plan import FaultPlan
from midaz_seed.sandbox.http.app import ROUTER, App
from midaz_seed.sandbox.http.router import Router
from midaz_seed.sandbox.http.uvicorn_protocol import Protocol
from midaz_seed.sandbox.loading import load
from midaz_seed.sandbox.storage.read_lag import Lag, RecordQueue
from midaz_seed.sandbox.storage.state import SandboxState
from midaz_seed.sandbox.storage.store import Store

__all__ = [
    "FaultPlan",
    "RecordQueue",
    "Recovery",
    "SandboxConfig",
    "SandboxServer",
    "Stages",
    "check_host",
    "running",
]

_BACKLOG = 2048
_FINISH_WITHIN_S = 0.1
"""Carrying a request out takes one turn of the loop: what is not done by then waits for a client or for an injected
latency."""


@dataclass(frozen=True)
class SandboxConfig:
    """How a sandbox runs."""

    host: str = "127.0.0.1"
    port: int = 0
    """0: any free port."""
    data: Path | None = None
    """The file that keeps everything; None: memory, gone at the end."""
    seed: int = 0
    """Of the random parts of ids and of the faults."""
    faults: FaultPlan | None = None
    auth_token: str | None = None
    """When set, requests without this bearer token get 401."""
    clock: Clock = field(default_factory=SystemClock)
    control: bool = False
    """Serve /sandbox/clock, which moves the clock on."""
    queue: RecordQueue | None = None
    """Asynchronous mode: records of transactions appear behind their answers. None: at once."""
    stages: Stages | None = None
    """Take that long over a new transaction, each stage durable: a killed process leaves behind what a real server
    leaves. None: a transaction is made in one piece."""
    recovery: Recovery = field(default_factory=Recovery)
    """When what a killed process left behind can be seen."""
    dialect: Literal["v3.3", "v3.8", "v4"] = "v3.8"
    """The Midaz version that it answers as."""
    transaction_port: int = 0
    """Of the transaction service, where the version has one; 0: any free port."""
    answer_first: bool = False
    """Let answers go before what they acknowledge is committed: a killed process loses the last moments."""
    one_port: bool = False
    """Serve everything on one port although the version has two services."""
    allow_any_host: bool = False
    """Listen beyond this machine. There is no protection but the token."""


class SandboxServer:
    """A sandbox that listens. Made by `running`."""

    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        if config.answer_first and config.stages is not None:
            raise UsageError(
                "answers cannot leave before the commit when each stage is to be durable",
                hint="leave out one of --answer-first and --crash-like-midaz",
            )
        dialect = DIALECTS[config.dialect]
        self.clock: Clock = ShiftedClock(config.clock) if config.control else config.clock
        self._store = Store(config.data, dialect.version)
        self.state = SandboxState(dialect, self.clock, self._store, config.seed)
        self.state.answer_first = config.answer_first
        try:
            load(self.state, config.recovery)
        except BaseException:
            self._store.close()
            raise
        plan = config.faults or FaultPlan()
        self.faults = Faults(plan, config.seed, self.clock)
        self.app = App(self.state, config.auth_token, self.faults.report)
        if config.queue is not None or plan.stale_s_max:
            waits = config.queue is not None and dialect.queued_balances_wait
            self.state.lag = Lag(self.clock, config.queue, keep_s=plan.stale_s_max, balances_wait=waits)
        self._killed = False
        self.crashed = asyncio.Event()
        """Set when a fault has ended it."""
        self._refusing: asyncio.Task[None] | None = None
        self._uvicorn = uvicorn.Config(
            self._entry(),
            http=Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
        )
        self._uvicorn.load()
        self._connections = ServerState()
        self._listening: list[asyncio.Server] = []
        services: tuple[Service | None, ...] = (None,)
        self._ports = [config.port]
        if dialect.separate_services and not config.one_port:
            services = ("onboarding", "transaction")
            self._ports.append(config.transaction_port)
        elif config.transaction_port:
            raise UsageError(
                f"a Midaz {dialect.name} has one port here", hint="leave the port of the transaction service out"
            )
        self._routers = [Router(dialect, service) for service in services]

    def _entry(self) -> App | FaultyApp:
        """The application that is served: with faults and stages where the configuration has some."""
        config = self.config
        if config.faults is None and config.stages is None:
            return self.app
        staged = None if config.stages is None else StagedExecution(self.app, config.stages, config.seed)
        return FaultyApp(self.app, self.faults, self.refuse_for, self.crash, staged)

    @property
    def url(self) -> str:
        """Where it listens; where there are two services, the onboarding service."""
        return self._url(self._ports[0])

    @property
    def transaction_url(self) -> str:
        """Where the transaction service listens: the same address where one service serves everything."""
        return self._url(self._ports[-1])

    @property
    def port(self) -> int:
        return self._ports[0]

    def _url(self, port: int) -> str:
        host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
        return f"http://{host}:{port}"

    async def listen(self) -> None:
        """Open the sockets. Raises UsageError when a port is taken."""
        for index, router in enumerate(self._routers):
            self._ports[index] = await self._listen_on(self._ports[index], router)

    async def _listen_on(self, port: int, router: Router) -> int:
        family = socket.AF_INET6 if ":" in self.config.host else socket.AF_INET
        try:
            listening = await asyncio.get_running_loop().create_server(
                partial(self._protocol, router),
                self.config.host,
                port,
                family=family,
                backlog=_BACKLOG,
                reuse_address=True,
            )
        except OSError as error:
            raise UsageError(
                f"cannot listen on {self.config.host}:{port}: {error.strerror or error}",
                hint="another program uses the port: choose another with --port, or 0 for any free one",
            ) from error
        self._listening.append(listening)
        taken: int = listening.sockets[0].getsockname()[1]
        return taken

    def _protocol(self, router: Router) -> asyncio.Protocol:
        return Protocol(config=self._uvicorn, server_state=self._connections, app_state={ROUTER: router})

    def stop_listening(self, *, abort: bool) -> None:
        """Close the listening sockets; `abort` also cuts the open connections."""
        for listening in self._listening:
            listening.close()
        self._listening.clear()
        if abort:
            for connection in list(self._connections.connections):
                transport: Any = getattr(connection, "transport", None)
                if transport is not None:
                    transport.abort()

    def refuse_for(self, refuse_s: float) -> None:
        """Stop listening and cut every connection, and listen again on the same port after some seconds."""
        self.stop_listening(abort=True)
        if self._refusing is None or self._refusing.done():
            self._refusing = asyncio.get_running_loop().create_task(self._listen_after(refuse_s))

    def crash(self) -> None:
        """Cut every connection and listen no more, as a server does whose process ended."""
        self.stop_listening(abort=True)
        for task in self.app.later:
            task.cancel()
        self.crashed.set()

    async def _listen_after(self, delay_s: float) -> None:
        await self.clock.sleep(delay_s)
        await self.listen()

    async def kill(self) -> None:
        """End as a process that gets SIGKILL: every connection is cut, nothing is finished, only what was durable
        stays. Another sandbox may then use the port and the file."""
        self._killed = True
        if self._refusing is not None:
            self._refusing.cancel()
            await asyncio.wait([self._refusing])
        await self._cut_all()
        self._store.abandon()

    async def close(self) -> None:
        """Finish what is in flight, close every connection and commit. Idle connections end at once. After `kill`
        there is nothing left to do."""
        if self._killed:
            return
        if self._refusing is not None:
            self._refusing.cancel()
            await asyncio.wait([self._refusing])
        self.stop_listening(abort=False)
        self.app.commit()
        for connection in list(self._connections.connections):
            connection.shutdown()
        tasks = set(self._connections.tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=_FINISH_WITHIN_S)
        await self._cut_all()
        self._store.close()

    async def _cut_all(self) -> None:
        self.app.closing = True
        self.stop_listening(abort=True)
        for task in self._connections.tasks | self.app.later:
            task.cancel()
        while self._connections.connections or self._connections.tasks or self.app.later:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0)


def check_host(host: str) -> None:
    """Raises TargetNotAllowedError unless the host is this machine only."""
    if host == "localhost":
        return
    try:
        if ipaddress.ip_address(host).is_loopback:
            return
    except ValueError:
        pass
    raise TargetNotAllowedError(
        f"the sandbox would listen on {host}, which other machines can reach",
        hint="use 127.0.0.1, or allow it explicitly",
    )


@asynccontextmanager
async def running(config: SandboxConfig | None = None) -> AsyncIterator[SandboxServer]:
    """A sandbox that listens for the duration of the block.

    Raises TargetNotAllowedError for a host that is not this machine, UsageError for a taken port, ConfigurationError
    or OutputError for a data file that cannot be used.
    """
    config = config or SandboxConfig()
    if not config.allow_any_host:
        check_host(config.host)
    server = SandboxServer(config)
    try:
        await server.listen()
        yield server
    finally:
        await server.close()
