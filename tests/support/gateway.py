"""A gateway in front of a server: it forwards requests, and alters, replaces, holds or drops what functions select."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from inspect import isawaitable
from urllib.parse import urlsplit

Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class GatewayAnswer:
    """An answer as the client gets it. `Content-Length` is set to the body's length, unless the body is `cut`."""

    status: int
    headers: Headers
    body: bytes
    cut: bool = False
    """Send the headers unchanged, and close the connection after the body."""


DROP = GatewayAnswer(0, [], b"")
"""Close the connection without an answer."""

Alter = Callable[[bytes, bytes, int, Headers, bytes], GatewayAnswer | None | Awaitable[GatewayAnswer | None]]
"""(head of the request, its body, status, headers, body of the answer) -> what the client gets; None: the server's
answer. A coroutine may wait before it decides."""
Before = Callable[[bytes, bytes], GatewayAnswer | None | Awaitable[GatewayAnswer | None]]
"""(head of the request, its body) -> the gateway's own answer; None: forward the request. A coroutine may hold the
request."""
Forward = Callable[[], Awaitable[GatewayAnswer]]


def alter_matching(condition: bytes, alter: Alter, every: int = 1) -> Alter:
    """Alter every n-th answer to requests whose first line contains `condition`, such as `/transactions/`."""
    count = 0

    def chosen(
        head: bytes, sent: bytes, status: int, headers: Headers, body: bytes
    ) -> GatewayAnswer | None | Awaitable[GatewayAnswer | None]:
        nonlocal count
        if condition not in head.split(b"\r\n")[0]:
            return None
        count += 1
        return alter(head, sent, status, headers, body) if count % every == 0 else None

    return chosen


@dataclass(slots=True)
class Gateway:
    """Each connection of a client has its own to the server. `seen` holds the first lines of all requests."""

    upstream: str
    alter: Alter
    before: Before = lambda head, body: None
    seen: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side closes it."""
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        try:
            while True:
                head, body = await _read_message(reader)
                self.seen.append(head.split(b"\r\n")[0])

                async def forward(head: bytes = head, body: bytes = body) -> GatewayAnswer:
                    nonlocal server
                    if server is None:
                        server = await self._connect()
                    return await _forward(head, body, *server)

                answer = await self.exchange(head, body, forward)
                if answer is DROP:
                    return
                writer.write(_render(answer, to_head=head.startswith(b"HEAD ")))
                await writer.drain()
                if answer.cut:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            for each in (writer, server[1]) if server else (writer,):
                each.close()

    async def exchange(self, head: bytes, body: bytes, forward: Forward) -> GatewayAnswer:
        """Answer a request; `forward` sends it to the server and returns the server's answer."""
        answer = await _resolve(self.before(head, body))
        if answer is not None:
            return answer
        answer = await forward()
        altered = await _resolve(self.alter(head, body, answer.status, answer.headers, answer.body))
        return answer if altered is None else altered

    async def deliver(self, head: bytes, body: bytes) -> GatewayAnswer:
        """Forward a request that no client waits for any more, on a connection of its own."""
        reader, writer = await self._connect()
        try:
            return await _forward(head, body, reader, writer)
        finally:
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self.upstream)
        return await asyncio.open_connection(parts.hostname, parts.port or 80)


async def _forward(
    head: bytes, body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> GatewayAnswer:
    writer.write(head + body)
    await writer.drain()
    answer_head, answer_body = await _read_message(reader, answers_head=head.startswith(b"HEAD "))
    first, *lines = answer_head.decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return GatewayAnswer(int(first.split(" ")[1]), headers, answer_body)


@asynccontextmanager
async def gateway(upstream_url: str, alter: Alter, before: Before = lambda head, body: None) -> AsyncIterator[str]:
    """Run a gateway on a free port in front of `upstream_url`; yield its URL."""
    async with running_gateway(Gateway(upstream_url, alter, before)) as url:
        yield url


@asynccontextmanager
async def running_gateway(gate: Gateway) -> AsyncIterator[str]:
    """Run a gateway that the test inspects later; yield its URL."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(asyncio.CancelledError):  # at the end of the block; asyncio would print it
            await gate.serve(reader, writer)
        tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tuple(tasks), return_exceptions=True)


async def _resolve(decision: GatewayAnswer | None | Awaitable[GatewayAnswer | None]) -> GatewayAnswer | None:
    return await decision if isawaitable(decision) else decision


async def _read_message(reader: asyncio.StreamReader, *, answers_head: bool = False) -> tuple[bytes, bytes]:
    """Read the head and the whole body of one message; the chunks of a body are joined."""
    head = await reader.readuntil(b"\r\n\r\n")
    fields = head.lower()
    if answers_head:
        return head, b""
    if b"\r\ntransfer-encoding: chunked" in fields:
        body = b""
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readuntil(b"\r\n")
        return head, body
    _, found, rest = fields.partition(b"\r\ncontent-length:")
    return head, await reader.readexactly(int(rest.split(b"\r\n")[0])) if found else b""


def _render(answer: GatewayAnswer, *, to_head: bool) -> bytes:
    """Return an answer's bytes; an answer to HEAD, which has no body, keeps its `Content-Length`."""
    headers = list(answer.headers)
    if not answer.cut and not to_head:
        framing = ("content-length", "transfer-encoding")
        headers = [(name, value) for name, value in headers if name.lower() not in framing]
        headers.append(("Content-Length", str(len(answer.body))))
    lines = [f"HTTP/1.1 {answer.status} GatewayAnswer" if answer.status != 200 else "HTTP/1.1 200 OK"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + answer.body
