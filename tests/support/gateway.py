"""A gateway in front of a server, for tests: it passes everything on, and alters, replaces, holds or drops what a
function says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from inspect import isawaitable
from urllib.parse import urlsplit

Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Altered:
    """What the client gets instead. `Content-Length` is made to fit, unless the body is `cut`."""

    status: int
    headers: Headers
    body: bytes
    cut: bool = False
    """The headers go out as they are, and the connection ends after the body."""


DROP = Altered(0, [], b"")
"""The connection is closed without an answer."""

Alter = Callable[[bytes, bytes, int, Headers, bytes], Altered | None | Awaitable[Altered | None]]
"""(head of the request, its body, status, headers, body of the answer) -> what the client gets; None: the answer as it
is. A coroutine may wait before it decides."""
Before = Callable[[bytes, bytes], Altered | None | Awaitable[Altered | None]]
"""(head of the request, its body) -> the gateway's own answer; None: the request goes on to the server. A coroutine may
hold the request."""
Forward = Callable[[], Awaitable[Altered]]


def only(condition: bytes, alter: Alter, every: int = 1) -> Alter:
    """Alter each `every`th answer to requests whose first line holds `condition`, such as `/transactions/`."""
    count = 0

    def chosen(
        head: bytes, sent: bytes, status: int, headers: Headers, body: bytes
    ) -> Altered | None | Awaitable[Altered | None]:
        nonlocal count
        if condition not in head.split(b"\r\n")[0]:
            return None
        count += 1
        return alter(head, sent, status, headers, body) if count % every == 0 else None

    return chosen


@dataclass(slots=True)
class Gateway:
    """Every connection of a client has one to the server. `seen` are the first lines of all requests."""

    upstream: str
    alter: Alter
    before: Before = lambda head, body: None
    seen: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        try:
            while True:
                head, body = await _message(reader)
                self.seen.append(head.split(b"\r\n")[0])

                async def forward(head: bytes = head, body: bytes = body) -> Altered:
                    nonlocal server
                    if server is None:
                        server = await self._connect()
                    return await _carried_out(head, body, *server)

                answer = await self.exchange(head, body, forward)
                if answer is DROP:
                    return
                writer.write(_written(answer, to_head=head.startswith(b"HEAD ")))
                await writer.drain()
                if answer.cut:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            for each in (writer, server[1]) if server else (writer,):
                each.close()

    async def exchange(self, head: bytes, body: bytes, forward: Forward) -> Altered:
        """What a request gets; `forward` passes it on to the server and gives the server's answer."""
        answer = await _settled(self.before(head, body))
        if answer is not None:
            return answer
        answer = await forward()
        altered = await _settled(self.alter(head, body, answer.status, answer.headers, answer.body))
        return answer if altered is None else altered

    async def deliver(self, head: bytes, body: bytes) -> Altered:
        """Pass a request on that no client waits for any more, on a connection of its own."""
        reader, writer = await self._connect()
        try:
            return await _carried_out(head, body, reader, writer)
        finally:
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self.upstream)
        return await asyncio.open_connection(parts.hostname, parts.port or 80)


async def _carried_out(head: bytes, body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Altered:
    writer.write(head + body)
    await writer.drain()
    answer_head, answer_body = await _message(reader, answers_head=head.startswith(b"HEAD "))
    first, *lines = answer_head.decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return Altered(int(first.split(" ")[1]), headers, answer_body)


@asynccontextmanager
async def gateway(upstream_url: str, alter: Alter, before: Before = lambda head, body: None) -> AsyncIterator[str]:
    """A gateway on a free port in front of `upstream_url`; its URL."""
    async with opened(Gateway(upstream_url, alter, before)) as url:
        yield url


@asynccontextmanager
async def opened(gate: Gateway) -> AsyncIterator[str]:
    """The same for a gateway that the test looks at afterwards."""
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


async def _settled(decision: Altered | None | Awaitable[Altered | None]) -> Altered | None:
    return await decision if isawaitable(decision) else decision


async def _message(reader: asyncio.StreamReader, *, answers_head: bool = False) -> tuple[bytes, bytes]:
    """Head and whole body of one message; a chunked body comes joined."""
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


def _written(answer: Altered, *, to_head: bool) -> bytes:
    """An answer's bytes; that to a HEAD, which has no body, keeps the length that it names."""
    headers = list(answer.headers)
    if not answer.cut and not to_head:
        framing = ("content-length", "transfer-encoding")
        headers = [(name, value) for name, value in headers if name.lower() not in framing]
        headers.append(("Content-Length", str(len(answer.body))))
    lines = [f"HTTP/1.1 {answer.status} Altered" if answer.status != 200 else "HTTP/1.1 200 OK"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + answer.body
