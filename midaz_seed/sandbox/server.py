"""A sandbox that listens on a socket, inside another program: `running`, `running_in_thread`."""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import uvicorn
from anyio.from_thread import start_blocking_portal
from uvicorn.server import ServerState

from midaz_seed.clock import Clock, ShiftedClock, SystemClock
from midaz_seed.errors import TargetNotAllowedError, UsageError
from midaz_seed.sandbox.core.dialect import DIALECTS, Service
from midaz_seed.sandbox.faults.crash_recovery import Recovery
from midaz_seed.sandbox.faults.crash_stages import StagedExecution, Stages
from midaz_seed.sandbox.faults.decisions import Faults
from midaz_seed.sandbox.http.app import ROUTER, App
from midaz_seed.sandbox.http.router import Router
from midaz_seed.sandbox.http.uvicorn_protocol import Protocol
from midaz_seed.sandbox.loading import load
from midaz_seed.sandbox.storage.read_lag import Lag, RecordQueue
from midaz_seed.sandbox.storage.state import SandboxState
from midaz_seed.sandbox.storage.store import Store

if TYPE_CHECKING:
    from midaz_seed.sandbox.faults.app import FaultyApp
    from midaz_seed.sandbox.faults.plan import FaultPlan

__all__ = [
    "DIALECTS",
    "RecordQueue",
    "Recovery",
    "SandboxConfig",
    "SandboxServer",
    "Stages",
    "check_host",
    "running",
    "running_in_thread",
]

_BACKLOG = 2048
_FINISH_WITHIN_S = 0.1
"""A request is carried out in one turn of the event loop: one that takes longer waits for a client or an injected
latency."""


@dataclass(frozen=True)
class SandboxConfig:
    """The configuration of a sandbox."""

    host: str = "127.0.0.1"
    port: int = 0
    """0: any free port."""
    data: Path | None = None
    """The file that keeps everything; None: in memory, lost at the end."""
    seed: int = 0
    """For the random parts of ids, and for the faults."""
    faults: "FaultPlan | None" = None
    auth_token: str | None = None
    """Requests without this bearer token get 401; None: no token is needed."""
    clock: Clock = field(default_factory=SystemClock)
    control: bool = False
    """Serve /sandbox/clock, which advances the clock."""
    queue: RecordQueue | None = None
    """Asynchronous mode: transactions are listed later than they are answered. None: at once."""
    stages: Stages | None = None
    """Carry out new transactions in stages, each durable, so that a killed process leaves the same state as a killed
    Midaz. None: in one piece."""
    recovery: Recovery = field(default_factory=Recovery)
    """When reads show the transactions that a killed process left."""
    dialect: Literal["v3.3", "v3.8", "v4"] = "v3.8"
    """The Midaz version that it imitates."""
    transaction_port: int = 0
    """Of the transaction service, in versions with two services; 0: any free port."""
    answer_first: bool = False
    """Send answers before what they acknowledge is committed: a killed process loses the latest 20 ms."""
    one_port: bool = False
    """Serve both services of a version on one port."""
    allow_any_host: bool = False
    """Allow a host that other machines can reach. The token is the only protection."""


class SandboxServer:
    """A sandbox that listens; `running` and `running_in_thread` start one.

    `url` is its address, `state` its ledgers and balances, `faults.injected` counts the faults that happened.
    """

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
        plan = config.faults
        self.faults = Faults(plan, config.seed, self.clock)
        self.app = App(self.state, config.auth_token, self.faults.report)
        stale_s_max = plan.stale_s_max if plan is not None else 0.0
        if config.queue is not None or stale_s_max:
            waits = config.queue is not None and dialect.queued_balances_wait
            self.state.lag = Lag(self.clock, config.queue, keep_s=stale_s_max, balances_wait=waits)
        self._killed = False
        self.crashed = asyncio.Event()
        """Set when a fault has ended the server."""
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

    def _entry(self) -> "App | FaultyApp":
        """Return the application to serve: with faults and stages when the configuration has any."""
        config = self.config
        if config.faults is None and config.stages is None:
            return self.app
        from midaz_seed.sandbox.faults.app import FaultyApp  # with pydantic, which the sandbox does not need otherwise

        staged = None if config.stages is None else StagedExecution(self.app, config.stages, config.seed)
        return FaultyApp(self.app, self.faults, self.refuse_for, self.crash, staged)

    @property
    def url(self) -> str:
        """The URL of the sandbox; with two services, of the onboarding service."""
        return self._url(self._ports[0])

    @property
    def transaction_url(self) -> str:
        """The URL of the transaction service; the same as `url` with one service."""
        return self._url(self._ports[-1])

    @property
    def port(self) -> int:
        """The port of `url`."""
        return self._ports[0]

    def _url(self, port: int) -> str:
        host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
        return f"http://{host}:{port}"

    async def listen(self) -> None:
        """Open the sockets.

        Raises:
            UsageError: a port is in use.
        """
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
        """Stop listening, cut every connection, and listen again on the same port after `refuse_s`."""
        self.stop_listening(abort=True)
        if self._refusing is None or self._refusing.done():
            self._refusing = asyncio.get_running_loop().create_task(self._listen_after(refuse_s))

    def crash(self) -> None:
        """Stop listening and cut every connection and never listen again, as when the server's process ends."""
        self.stop_listening(abort=True)
        for task in self.app.delayed:
            task.cancel()
        self.crashed.set()

    async def _listen_after(self, delay_s: float) -> None:
        await self.clock.sleep(delay_s)
        await self.listen()

    async def kill(self) -> None:
        """End as by SIGKILL: cut every connection, finish nothing, keep only what is durable.

        Another sandbox may use the port and the file afterwards.
        """
        self._killed = True
        if self._refusing is not None:
            self._refusing.cancel()
            await asyncio.wait([self._refusing])
        await self._cut_all()
        self._store.abandon()

    async def close(self) -> None:
        """Finish the requests in flight, close every connection and commit; idle connections end at once.

        After `kill` it has no effect.
        """
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
        for task in self._connections.tasks | self.app.delayed:
            task.cancel()
        while self._connections.connections or self._connections.tasks or self.app.delayed:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0)


def check_host(host: str) -> None:
    """Check a host.

    Raises:
        TargetNotAllowedError: other machines can reach it.
    """
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
    """Run a sandbox in this event loop for the duration of the block.

    Raises:
        TargetNotAllowedError: other machines can reach the host.
        UsageError: a port is in use.
        ConfigurationError, OutputError: the data file cannot be used.
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


@contextmanager
def running_in_thread(config: SandboxConfig | None = None) -> Iterator[SandboxServer]:
    """Run a sandbox in its own thread and event loop for the duration of the block, for programs without asyncio.

    Use the server's `url`, `transaction_url` and `faults.injected`; everything else belongs to the sandbox's thread.

    Raises:
        SeedError: as `running`.
    """
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(running(config)) as server:
        yield server
