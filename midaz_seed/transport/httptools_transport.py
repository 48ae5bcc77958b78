"""The fast transport: HTTP/1.1 on asyncio protocols, parsed by httptools.

It only supports keep-alive requests with a known body, for little CPU time (ADR 3). Use the aiohttp transport for
proxies.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Iterator, Mapping
from functools import lru_cache
from typing import cast
from urllib.parse import urlsplit

import httptools

from midaz_seed.transport.base import (
    BODY_BYTES_MAX,
    HEAD_BYTES_MAX,
    HEADERS_MAX,
    OWN_AFTER_LOSS,
    AnswerTimeoutError,
    ConnectError,
    LostConnectionError,
    Request,
    Response,
    ReusedConnectionClosedError,
    Service,
    TransportError,
    needs_own_connection,
)
from midaz_seed.transport.connecting import Addresses, accepts_tls, connect_error, connect_timeout, open_socket
from midaz_seed.transport.headers import fixed_headers
from midaz_seed.transport.unreadable import (
    NoAnswerError,
    body_too_large,
    closed,
    head_too_large,
    https_expected,
    not_http,
    too_many_headers,
    wrong_protocol,
)

SWEEPS_PER_TIMEOUT = 20
"""Checks of all deadlines per timeout. One timer for all connections is cheaper than one per request."""


@lru_cache(maxsize=100)
def _lowered(name: str) -> bytes:
    return name.lower().encode()


class RawHeaders(Mapping[str, str]):
    """Headers as received. Names are compared case-insensitively, and only on access."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: list[tuple[bytes, bytes]]) -> None:
        self._pairs = pairs

    def __getitem__(self, name: str) -> str:
        wanted = _lowered(name)
        length = len(wanted)
        for key, value in self._pairs:
            if len(key) == length and key.lower() == wanted:
                return value.decode("latin-1")
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (key.decode("latin-1").lower() for key, _ in self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)


class _Wire(asyncio.Protocol):
    """One connection, with at most one request at a time. It is in `idle` while a request can be sent, and in `wires`
    while it is open."""

    def __init__(self, loop: asyncio.AbstractEventLoop, origin: "_Origin", wires: set["_Wire"]) -> None:
        self._loop = loop
        self._origin = origin
        self._idle = origin.idle
        self._wires = wires
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport
        self._answer: asyncio.Future[Response] | None = None
        """Set while a request is in flight."""
        self._pairs: list[tuple[bytes, bytes]] = []
        self._trailers = 0
        """Number of the trailers of the current answer; they are counted and left out."""
        self._body: list[bytes] = []
        self._bodyless = False
        self._status = 0
        """Status of the current answer; 0 before its headers are complete."""
        self._received = 0
        """Bytes of the current answer, without those that complete it: that is cheaper, and enough for a limit."""
        self._answered = False
        """Whether it has carried a complete answer."""
        self._deadline_s = 0.0

    def exchange(self, data: bytes, *, bodyless: bool, timeout_s: float) -> asyncio.Future[Response]:
        """Send a request.

        Args:
            data: the bytes of the request.
            bodyless: the answer has no body (HEAD).
            timeout_s: time until the answer must be complete.

        Returns:
            A future with the answer, or a TransportError. When it is cancelled, the connection still waits for the
            answer, because otherwise it would be taken for that of the next request.
        """
        self._answer = answer = self._loop.create_future()
        self._bodyless = bodyless
        self._status = 0
        self._received = 0
        self._deadline_s = self._loop.time() + timeout_s
        self._transport.write(data)
        return answer

    @property
    def is_open(self) -> bool:
        """Return whether the connection has not ended."""
        return self in self._wires

    def overdue(self, now_s: float) -> bool:
        """Return whether a request is in flight and its deadline has passed; `now_s` is the event loop's time."""
        return self._answer is not None and self._deadline_s <= now_s

    def give_up(self, error: TransportError) -> None:
        """Fail the request in flight, if there is one, and close the connection."""
        answer, self._answer = self._answer, None
        if answer is None:
            self._retire()
        elif not answer.done():
            answer.set_exception(error)
        self._transport.abort()

    def _retire(self) -> None:
        """Stop using the connection for new requests."""
        if self in self._idle:
            self._idle.remove(self)

    # -- callbacks of asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's does not inherit from it
        self._wires.add(self)

    def data_received(self, data: bytes) -> None:
        if len(data) > HEAD_BYTES_MAX:  # in pieces, so that the limit for the headers is noticed inside of it
            for at in range(0, len(data), HEAD_BYTES_MAX):
                self.data_received(data[at : at + HEAD_BYTES_MAX])
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.give_up(wrong_protocol(self._status))
        except httptools.HttpParserError as error:
            self.give_up(not_http(data, str(error)))
        if self._answer is not None:
            self._check_limits(len(data))

    def _check_limits(self, received: int) -> None:
        """Count what was received of an incomplete answer, and refuse it when it is too large."""
        self._received += received
        if self._status < 200 and self._received > HEAD_BYTES_MAX:
            self.give_up(head_too_large())
        elif max(self._received, self._announced()) > BODY_BYTES_MAX:
            self.give_up(body_too_large())
        elif len(self._pairs) + self._trailers > HEADERS_MAX:
            self.give_up(too_many_headers())

    def _announced(self) -> int:
        """Return the length of the body that the headers announce; 0 without one."""
        return int(RawHeaders(self._pairs).get("Content-Length", "0").strip() or 0) if self._status >= 200 else 0

    def eof_received(self) -> None:
        self._retire()  # connection_lost is called one iteration of the loop later

    def connection_lost(self, exc: Exception | None) -> None:
        self._wires.discard(self)
        if exc is None and self._ends_with_connection():
            self._complete(keep=False)
        elif self._answered and not self._received:
            if self._answer is not None:
                self._origin.own_connections = OWN_AFTER_LOSS
            self.give_up(ReusedConnectionClosedError("the server closed the idle connection"))
        else:
            self.give_up(closed(exc, received=bool(self._received)))

    # -- callbacks of the parser

    def on_message_begin(self) -> None:
        if self._answer is None:
            self.give_up(LostConnectionError("the server sent an answer without a request"))
        self._pairs = []
        self._trailers = 0
        self._body = []

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._status < 200:
            self._pairs.append((name, value))
        else:
            self._trailers += 1  # not a header: it was not there when the answer began

    def on_headers_complete(self) -> None:
        self._status = status = self._parser.get_status_code()
        if len(self._pairs) > HEADERS_MAX:
            self.give_up(too_many_headers())
        elif self._bodyless and status >= 200:
            # ignore the announced length, and do not reuse the connection, so that no body can be taken for an answer
            self._complete(keep=False)

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._status >= 200:
            self._complete(keep=self._parser.should_keep_alive())

    def _ends_with_connection(self) -> bool:
        """Return whether the end of the connection ends the answer: it has a body without a length."""
        framed = any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self._pairs)
        return not framed and self._status >= 200 and self._status not in (204, 304)

    def _complete(self, *, keep: bool) -> None:
        """Deliver the answer if one is expected; `keep`: the connection can be used again."""
        answer, self._answer = self._answer, None
        if answer is None:
            return
        if keep:
            self._answered = True
            self._idle.append(self)
        else:
            self._transport.abort()
        if not answer.done():
            body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
            answer.set_result(Response(self._status, RawHeaders(self._pairs), body))


class _Origin:
    """One base URL: its address, the fixed part of its request heads, and its idle connections."""

    def __init__(self, url: str, headers: Mapping[str, str], tls: ssl.SSLContext | None) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        self.tls = (tls or ssl.create_default_context()) if parts.scheme == "https" else None
        self.port = parts.port or (443 if self.tls else 80)
        self.prefix = parts.path.rstrip("/")
        fixed = fixed_headers({"Host": parts.netloc}, headers)
        self.head = " HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fixed.items())
        self.idle: list[_Wire] = []
        self.has_answered = False
        self.tried_tls = False
        self.own_connections = 0
        """How many requests that cannot be sent again still get a connection of their own."""

    def has_idle_for(self, request: Request) -> bool:
        """Return whether to send a request on an idle connection; otherwise a new one takes its place."""
        if not self.idle:
            return False
        if not self.own_connections or not needs_own_connection(request):
            return True
        self.own_connections -= 1
        self.idle.pop().give_up(LostConnectionError("a new connection takes its place"))
        return False

    def render(self, request: Request) -> bytes:
        """Encode a request."""
        more, body = "", request.body
        if request.headers:
            for name, value in request.headers.items():
                more = f"{more}{name}: {value}\r\n"
        if body is None:
            return f"{request.method} {self.prefix}{request.path}{self.head}{more}\r\n".encode("latin-1")
        head = f"{request.method} {self.prefix}{request.path}{self.head}{more}Content-Length: {len(body)}\r\n\r\n"
        return head.encode("latin-1") + body


class HttptoolsTransport:
    """Keep-alive connections to one or two base URLs, one for each request in flight."""

    def __init__(
        self,
        onboarding_url: str,
        transaction_url: str,
        *,
        headers: Mapping[str, str],
        request_timeout_s: float,
        connect_timeout_s: float,
        tls: ssl.SSLContext | None = None,
        addresses: Addresses | None = None,
    ) -> None:
        """Create the transport.

        Args:
            onboarding_url: base URL of the onboarding service.
            transaction_url: base URL of the transaction service; may be the same.
            headers: headers to send with every request.
            request_timeout_s: timeout of an attempt, without the connection.
            connect_timeout_s: timeout for opening a connection.
            tls: replaces the system's settings for https.
            addresses: IP addresses to use instead of those of the resolver.
        """
        onboarding = _Origin(onboarding_url, headers, tls)
        same = onboarding_url == transaction_url
        self._origins = {
            Service.ONBOARDING: onboarding,
            Service.TRANSACTION: onboarding if same else _Origin(transaction_url, headers, tls),
        }
        self._request_timeout_s = request_timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._addresses = addresses or {}
        self._wires: set[_Wire] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    def send(self, request: Request) -> Awaitable[Response]:
        """See `Transport.send`."""
        origin = self._origins[request.service]
        data, bodyless = origin.render(request), request.method == "HEAD"
        if origin.has_idle_for(request):
            return origin.idle.pop().exchange(data, bodyless=bodyless, timeout_s=self._request_timeout_s)
        return self._dial_and_send(origin, data, bodyless=bodyless)

    async def aclose(self) -> None:
        """See `Transport.aclose`."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for wire in tuple(self._wires):
            wire.give_up(LostConnectionError("the transport is closed"))
        await asyncio.sleep(0)

    async def _dial_and_send(self, origin: _Origin, data: bytes, *, bodyless: bool) -> Response:
        wire = await self._dial(origin)
        try:
            response = await wire.exchange(data, bodyless=bodyless, timeout_s=self._request_timeout_s)
        except NoAnswerError as error:
            if not (origin.has_answered or origin.tls or origin.tried_tls):
                origin.tried_tls = True  # once: it can last a second
                if await accepts_tls(origin.host, origin.port, self._addresses):
                    raise https_expected() from error
            raise
        origin.has_answered = True
        return response

    async def _dial(self, origin: _Origin) -> _Wire:
        loop = asyncio.get_running_loop()
        opened: socket.socket | None = None
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                opened = await open_socket(origin.host, origin.port, self._addresses)
                try:
                    _, wire = await loop.create_connection(
                        lambda: _Wire(loop, origin, self._wires),
                        sock=opened,
                        ssl=origin.tls,
                        server_hostname=origin.host if origin.tls else None,
                    )
                except BaseException:
                    opened.close()
                    raise
        except TimeoutError as error:
            raise connect_timeout(
                origin.host, origin.port, self._connect_timeout_s, handshake=opened is not None
            ) from error
        except OSError as error:
            raise connect_error(error, origin.host, origin.port) from error
        if not wire.is_open:  # it ended while it was set up, and nothing would notice that later
            raise ConnectError(f"the server closed the connection at once ({origin.host}:{origin.port})")
        if self._sweeper is None:
            self._sweep(loop)
        return wire

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s = loop.time()
        for wire in tuple(self._wires):
            if wire.overdue(now_s):
                wire.give_up(AnswerTimeoutError(f"no complete answer in {self._request_timeout_s:g} s"))
        self._sweeper = loop.call_later(self._request_timeout_s / SWEEPS_PER_TIMEOUT, self._sweep, loop)
