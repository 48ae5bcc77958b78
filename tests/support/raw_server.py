"""A server that writes exactly what each test wants, and both transports to connect to it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from midaz_seed.transport.aiohttp_transport import AiohttpTransport
from midaz_seed.transport.base import Request, Response, Transport
from midaz_seed.transport.httptools_transport import HttptoolsTransport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
WRONG = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"
CERTIFICATES = Path(__file__).parents[1] / "data/tls"


def server_tls(certificate: str) -> ssl.SSLContext:
    """The TLS context of a server with one of the certificates of the tests."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATES / certificate, CERTIFICATES / "server.key")
    return context


@dataclass(frozen=True)
class Make:
    """A transport to a server that speaks TLS or does not."""

    kind: type[HttptoolsTransport | AiohttpTransport]
    tls: bool = False

    def __call__(
        self,
        url: str,
        transaction_url: str = "",
        *,
        headers: Mapping[str, str] = MappingProxyType({"Authorization": "Bearer t"}),
        request_timeout_s: float = 0.5,
        addresses: Mapping[tuple[str, int], tuple[str, ...]] | None = None,
        ca: str = "ca.pem",
    ) -> Transport:
        return self.kind(
            url,
            transaction_url or url,
            headers=headers,
            request_timeout_s=request_timeout_s,
            connect_timeout_s=5,
            tls=ssl.create_default_context(cafile=CERTIFICATES / ca if ca else None) if self.tls else None,
            addresses=addresses,
        )

    @property
    def server_tls(self) -> ssl.SSLContext | None:
        if not self.tls:
            return None
        return server_tls("server.pem")


WIRES = [Make(HttptoolsTransport), Make(HttptoolsTransport, tls=True)]
SESSIONS = [Make(AiohttpTransport), Make(AiohttpTransport, tls=True)]


def name_of(make: Make) -> str:
    return ("wire" if make.kind is HttptoolsTransport else "session") + ("-tls" if make.tls else "")


Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Answers the n-th request with the n-th script; a script writes what it likes to the connection."""

    def __init__(self, *scripts: Script | bytes) -> None:
        self.scripts = list(scripts)
        self.requests: list[bytes] = []
        self.connections = 0
        self.url = ""
        self.ended = asyncio.Event()
        """A connection has ended."""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (
                        int(line.split(b":")[1])
                        for line in head.split(b"\r\n")
                        if line.lower().startswith(b"content-length")
                    ),
                    0,
                )
                self.requests.append(head + await reader.readexactly(length))
                script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
                if isinstance(script, bytes):
                    writer.write(script)
                    await writer.drain()
                else:
                    await script(writer)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()
            self.ended.set()

    @asynccontextmanager
    async def running(self, tls: ssl.SSLContext | None = None) -> AsyncIterator["Server"]:
        server = await asyncio.start_server(self.handle, "127.0.0.1", 0, ssl=tls)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            await asyncio.sleep(0.01)


@asynccontextmanager
async def talking(make: Make, *scripts: Script | bytes, **options: Any) -> AsyncIterator[tuple[Transport, Server]]:
    async with Server(*scripts).running(make.server_tls) as server:
        transport = make(server.url, **options)
        try:
            yield transport, server
        finally:
            await transport.aclose()


async def get(transport: Transport) -> Response:
    return await transport.send(Request("GET", "/x?a=%2B"))
