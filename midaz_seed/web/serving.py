"""Serve an aiohttp application on a socket, in this thread or in one of its own, and stop within bounds."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from signal import Signals
from typing import Any

import anyio
from aiohttp import web

from midaz_seed.listening import Listening

CONNECTIONS_MAX = 512
"""More are closed at once, so that a page cannot use up the file descriptors of its run."""
CLOSE_S = 0.3
"""Time for each of the two steps in which aiohttp closes connections: waiting for a handler, and cancelling it."""
JOIN_S = 2.0
"""Time for a thread to end. It is a daemon, so that one that does not end cannot keep the process alive."""
_logger = logging.getLogger("midaz_seed.web")
_logger.addHandler(logging.NullHandler())
_logger.propagate = False
"""aiohttp logs requests that are no HTTP as exceptions, which are of no interest to the user of a page."""


class _Refused(asyncio.Protocol):
    """A connection over the limit."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n")
        transport.write(b"Connection: close\r\n\r\n")
        transport.close()


@asynccontextmanager
async def serving(
    app: web.Application, listening: Listening, *, connections_max: int = CONNECTIONS_MAX
) -> AsyncIterator[None]:
    """Serve an application for the duration of the block, then close its connections and the socket."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=CLOSE_S, logger=_logger)
    await runner.setup()
    protocol = runner.server
    assert protocol is not None

    def connect() -> asyncio.BaseProtocol:
        return protocol() if len(protocol.connections) < connections_max else _Refused()

    server = await asyncio.get_running_loop().create_server(connect, sock=listening.socket)
    try:
        yield
    finally:
        server.close()
        await runner.cleanup()


async def serve_until_signal(app: web.Application, listening: Listening, ready: Callable[[], object]) -> None:
    """Serve an application until SIGINT or SIGTERM; `ready` is called when it accepts connections."""
    with anyio.open_signal_receiver(Signals.SIGINT, Signals.SIGTERM) as received:
        async with serving(app, listening):
            ready()
            async for _ in received:
                return


class ServerThread:
    """An application in a thread with an event loop of its own, so that watchers use none of the run's loop."""

    def __init__(self, app: web.Application, listening: Listening) -> None:
        self._app = app
        self._listening = listening
        self._thread = threading.Thread(target=self._run, name="midaz-seed web", daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self._started = threading.Event()

    def start(self) -> None:
        """Start to serve."""
        self._thread.start()
        self._started.wait()

    def call(self, function: Callable[..., object], *arguments: Any) -> None:
        """Call a function in the thread, soon, and do not wait for it. After the end, do nothing."""
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:  # its loop is closed
            return

    def stop(self) -> None:
        """Stop serving, and wait until the connections are closed, for at most JOIN_S."""
        self.call(self._stop.set)
        self._thread.join(JOIN_S)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with serving(self._app, self._listening):
            self._started.set()
            await self._stop.wait()
