"""Answers as bytes: a server that sends any bytes, valid answers in every framing, and a strict reference parser."""

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

from hypothesis import strategies as st

Segments = tuple[bytes, ...]
"""What the server sends to one request, each at a time of its own."""


TLS_HANDSHAKE = b"\x16"


class ByteServer:
    """Answers the n-th request, over all connections, with the n-th stream, and then does what `ends` says."""

    def __init__(self, streams: Sequence[Segments], ends: Sequence[str]) -> None:
        """Store the streams, and for each "close", "reset" or "stay". A further request is not answered."""
        self._streams = list(streams)
        self._ends = list(ends)
        self._tasks: set[asyncio.Task[None]] = set()
        self.answered = 0

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._handle, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError, OSError):
                await self._answer(reader, writer)
        finally:
            with suppress(OSError):
                writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            if await reader.readexactly(1) == TLS_HANDSHAKE:
                return  # a client that got no answer tries whether TLS is expected
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
            if self.answered == len(self._streams):
                return
            segments, end = self._streams[self.answered], self._ends[self.answered]
            self.answered += 1
            for segment in segments:
                writer.write(segment)
                await writer.drain()
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            if end == "reset":
                writer.transport.abort()
            if end != "stay":
                return


@dataclass(frozen=True)
class Sent:
    """A valid answer: what a client must find in `data`."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    data: bytes
    keeps_open: bool
    """Its end does not depend on the end of the connection."""


INTERIM = st.sampled_from([b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n"])
REASONS = st.sampled_from(["OK", "", "Not Found", "a reason with spaces"])
VALUES = st.sampled_from(["1", "true", "a b", "x" * 300, "é", "", '"q"', "a, b"])
NAMES = st.sampled_from(["X-One", "X-Idempotency-Replayed", "Retry-After", "x-total-count", "Set-Cookie", "Server"])


@st.composite
def valid_answers(draw: st.DrawFn, bodies: st.SearchStrategy[bytes], status: st.SearchStrategy[int]) -> Sent:
    """Draw a valid final answer, in every framing, with interim answers before it."""
    code, body = draw(status), draw(bodies)
    headers = dict(draw(st.lists(st.tuples(NAMES, VALUES), max_size=3, unique_by=lambda pair: pair[0])))
    framing = draw(st.sampled_from(["length", "length", "chunked", "close"]))
    if code in (204, 304):
        body, framing = b"", "none"
    interim = b"".join(
        draw(
            st.lists(
                st.sampled_from([b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n"]),
                max_size=2,
            )
        )
    )
    lines = [f"HTTP/1.1 {code} {draw(REASONS)}", *(f"{name}: {value}" for name, value in headers.items())]
    closes = draw(st.integers(0, 4)) == 4
    lines += ["Connection: close"] if closes else []
    payload = body
    if framing == "length":
        lines.append(f"{draw(st.sampled_from(['Content-Length', 'content-length']))}: {len(body)}")
    elif framing == "chunked":
        lines.append("Transfer-Encoding: chunked")
        payload = _chunks(draw, body)
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return Sent(code, tuple(headers.items()), body, interim + head + payload, framing != "close" and not closes)


def _chunks(draw: st.DrawFn, body: bytes) -> bytes:
    size = draw(st.sampled_from([1, 7, 64, 10_000])) if body else 1
    if len(body) // size > 100:
        size = 64
    extension = draw(st.sampled_from([b"", b";a=b", b';a="b c"']))
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    text = b"".join(b"%x%s\r\n%s\r\n" % (len(part), extension, part) for part in parts)
    return text + b"0\r\n" + draw(st.sampled_from([b"", b"X-Trailer: 1\r\n"])) + b"\r\n"


def split(data: bytes, places: Sequence[int]) -> Segments:
    """Split bytes into segments."""
    offsets = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return tuple(data[start:end] for start, end in pairwise(offsets))


INCOMPLETE = "incomplete"
MALFORMED = "malformed"
_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) ([\t\x20-\x7e\x80-\xff]*)\r\n")
_VALUE = rb"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?"
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(" + _VALUE + rb")[ \t]*\r\n")
_EXTENSION = rb'(?:;[A-Za-z]+(?:=(?:[A-Za-z0-9]+|"[\x20\x21\x23-\x5b\x5d-\x7e]*"))?)*'
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})" + _EXTENSION + rb"\r\n")


def reference(data: bytes) -> tuple[int, bytes, int] | str:
    """Read the final answer at the start of bytes after which the connection ends, as strictly as RFC 9112 allows.

    Returns:
        Status, body, and where it ends; INCOMPLETE when the bytes are the start of a valid answer; MALFORMED when
        anything is unusual.
    """
    at = 0
    while True:
        head = _head(data, at)
        if isinstance(head, str):
            return head
        status, fields, at = head
        if status >= 200:
            break
        if status == 101:
            return MALFORMED
    lengths = [value for name, value in fields if name == b"content-length"]
    codings = [value for name, value in fields if name == b"transfer-encoding"]
    if any(name in (b"upgrade", b"content-encoding") for name, _ in fields):
        return MALFORMED
    if any(name == b"connection" and value != b"close" for name, value in fields):
        return MALFORMED
    if status in (204, 304):
        return (status, b"", at) if not lengths and not codings and at == len(data) else MALFORMED
    if codings:
        return _chunked(data, at, status) if codings == [b"chunked"] and not lengths else MALFORMED
    if not lengths:
        return status, data[at:], len(data)
    if len(lengths) > 1 or not re.fullmatch(rb"[0-9]{1,15}", lengths[0]):
        return MALFORMED
    length = int(lengths[0])
    return (status, data[at : at + length], at + length) if at + length <= len(data) else INCOMPLETE


def _head(data: bytes, at: int) -> tuple[int, list[tuple[bytes, bytes]], int] | str:
    line = _STATUS_LINE.match(data, at)
    if line is None:
        return (
            INCOMPLETE
            if b"\r\n" not in data[at:] and b"HTTP/1.1 200 OK\r\n".startswith(data[at : at + 9])
            else MALFORMED
        )
    fields, at = [], line.end()
    while not data.startswith(b"\r\n", at):
        field = _FIELD.match(data, at)
        if field is None:
            return INCOMPLETE if b"\n" not in data[at:] and re.fullmatch(rb"[\x20-\x7e]*\r?", data[at:]) else MALFORMED
        fields.append((field[1].lower(), field[2] or b""))
        at = field.end()
    return int(line[1]), fields, at + 2


def _chunked(data: bytes, at: int, status: int) -> tuple[int, bytes, int] | str:
    body = b""
    while True:
        line = _CHUNK.match(data, at)
        if line is None:
            return INCOMPLETE if re.fullmatch(rb"[0-9A-Fa-f]{0,8}\r?", data[at:]) else MALFORMED
        size, at = int(line[1], 16), line.end()
        if size == 0:
            break
        if at + size + 2 > len(data):
            return INCOMPLETE
        if data[at + size : at + size + 2] != b"\r\n":
            return MALFORMED
        body += data[at : at + size]
        at += size + 2
    while not data.startswith(b"\r\n", at):
        field = _FIELD.match(data, at)
        if field is None:
            return INCOMPLETE if re.fullmatch(rb"[\x20-\x7e]*\r?", data[at:]) else MALFORMED
        at = field.end()
    return status, body, at + 2
