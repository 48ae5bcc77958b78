"""The transport over `aiohttp.ClientSession`: a full HTTP client, with proxies; slower than the httptools transport."""

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.http_exceptions import BadHttpMessage, ContentLengthError, TransferEncodingError
from yarl import URL

from midaz_seed.transport.base import (
    BODY_BYTES_MAX,
    HEAD_BYTES_MAX,
    OWN_AFTER_LOSS,
    AnswerTimeoutError,
    ConnectError,
    Request,
    Response,
    ReusedConnectionClosedError,
    Service,
    TransportError,
    needs_own_connection,
)
from midaz_seed.transport.connecting import (
    NEXT_ADDRESS_AFTER_S,
    Addresses,
    accepts_connections,
    accepts_tls,
    connect_error,
    connect_timeout,
    invalid_name,
)
from midaz_seed.transport.headers import fixed_headers
from midaz_seed.transport.unreadable import (
    NoAnswerError,
    NotHttpError,
    body_too_large,
    closed,
    head_too_large,
    https_expected,
    not_http,
    too_many_headers,
    wrong_protocol,
)

KEEP_ALIVE_S = 30.0
"""Idle time after which a connection is closed."""


@dataclass(slots=True)
class _Use:
    """How one request uses its connection."""

    is_reused: bool = False
    """The connection has carried an answer before."""


class _Resolver(AbstractResolver):
    """The system's resolver, except for the addresses that are given."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._system = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found: list[ResolveResult] = []
        for name in self._addresses.get((host, port), (host,)):
            try:
                answers = await self._system.resolve(name, port, family)
            except UnicodeError as error:  # such as a label of more than 63 characters
                raise invalid_name() from error
            found += [{**each, "hostname": host} for each in answers]
        return found

    async def close(self) -> None:
        await self._system.close()


class AiohttpTransport:
    """Keep-alive connections to one or two base URLs, with a timeout for every attempt."""

    def __init__(
        self,
        onboarding_url: str,
        transaction_url: str,
        *,
        headers: Mapping[str, str],
        request_timeout_s: float,
        connect_timeout_s: float,
        tls: ssl.SSLContext | None = None,
        proxy: str | None = None,
        addresses: Addresses | None = None,
    ) -> None:
        """Create the transport.

        Args:
            onboarding_url: base URL of the onboarding service.
            transaction_url: base URL of the transaction service; may be the same.
            headers: headers to send with every request.
            request_timeout_s: timeout of an attempt, connection included.
            connect_timeout_s: timeout for opening a connection.
            tls: replaces the system's settings for https.
            proxy: URL of an HTTP proxy.
            addresses: IP addresses to use instead of those of the resolver.
        """
        self._bases = {
            Service.ONBOARDING: onboarding_url.rstrip("/"),
            Service.TRANSACTION: transaction_url.rstrip("/"),
        }
        self._proxy = proxy
        self._addresses = addresses or {}
        self._connect_timeout_s = connect_timeout_s
        self._request_timeout_s = request_timeout_s
        self._has_answered = False
        self._tried_tls = False
        self._own_connections = 0
        """How many requests that cannot be sent again still get a connection of their own."""
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_reuseconn.append(_note_reuse)

        def session(**keeping: Any) -> aiohttp.ClientSession:
            return aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0,
                    ssl=tls or True,
                    resolver=_Resolver(self._addresses),
                    happy_eyeballs_delay=NEXT_ADDRESS_AFTER_S,
                    **keeping,
                ),
                headers=fixed_headers({}, headers),
                timeout=aiohttp.ClientTimeout(total=request_timeout_s, sock_connect=connect_timeout_s),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("Accept-Encoding",),
                auto_decompress=False,
                trace_configs=[tracing],
                max_line_size=HEAD_BYTES_MAX,
                max_field_size=HEAD_BYTES_MAX,
            )

        self._session = session(keepalive_timeout=KEEP_ALIVE_S)
        self._without_reuse = session(force_close=True)

    async def send(self, request: Request) -> Response:
        """See `Transport.send`."""
        url = URL(self._bases[request.service] + request.path, encoded=True)
        use, session = _Use(), self._session
        if self._own_connections and needs_own_connection(request):
            self._own_connections -= 1
            session = self._without_reuse
        try:
            async with session.request(
                request.method,
                url,
                data=request.body,
                headers=request.headers,
                allow_redirects=False,
                proxy=self._proxy,
                trace_request_ctx=use,
            ) as answer:
                if answer.status < 200:
                    raise wrong_protocol(answer.status)
                response = Response(answer.status, answer.headers, await _read(answer))
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError) as error:
            raise await self._not_connected(error, url) from error
        except TimeoutError as error:
            raise AnswerTimeoutError(f"no complete answer in {self._request_timeout_s:g} s") from error
        except (aiohttp.ClientError, ConnectionError, ssl.SSLError) as error:
            lost = _lost(error, use)
            if isinstance(lost, ReusedConnectionClosedError):
                self._own_connections = OWN_AFTER_LOSS
            if isinstance(lost, NoAnswerError | NotHttpError) and await self._expects_tls(url):
                raise https_expected() from error
            raise lost from error
        self._has_answered = True
        return response

    async def aclose(self) -> None:
        """See `Transport.aclose`."""
        await self._session.close()
        await self._without_reuse.close()

    async def _not_connected(self, error: aiohttp.ClientError, url: URL) -> TransportError:
        """Return the error to raise when there is no connection to the server or the proxy."""
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return connect_error(cast("ssl.SSLError", error.certificate_error), error.host, error.port or 0)
        if isinstance(error, aiohttp.ClientConnectorError):
            return connect_error(error.os_error, error.host, error.port or 0)
        if isinstance(error, aiohttp.ClientHttpProxyError):
            hint = "check target.proxy; its user and password are given as http://USER:PASSWORD@HOST:PORT"
            return ConnectError(f"the proxy refuses the connection: {error.status} {error.message}", hint=hint)
        via = URL(self._proxy) if self._proxy else url
        host, port = via.host or "", via.port or 0
        handshake = via.scheme == "https" and await accepts_connections(host, port, self._addresses)
        return connect_timeout(host, port, self._connect_timeout_s, handshake=handshake)

    async def _expects_tls(self, url: URL) -> bool:
        """Return whether a server that has never answered plain HTTP uses TLS."""
        if self._has_answered or self._tried_tls or self._proxy or url.scheme == "https":
            return False
        self._tried_tls = True  # once: it can last a second
        return await accepts_tls(url.host or "", url.port or 80, self._addresses)


async def _note_reuse(session: aiohttp.ClientSession, context: SimpleNamespace, _: object) -> None:
    context.trace_request_ctx.is_reused = True


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """Read the body. Raises UnreadableAnswerError when it is too large."""
    blocks = []
    size = answer.content_length or 0
    if size <= BODY_BYTES_MAX:
        size = 0
        while block := await answer.content.readany():
            size += len(block)
            if size > BODY_BYTES_MAX:
                break
            blocks.append(block)
        else:
            return b"".join(blocks)
    answer.close()
    raise body_too_large()


def _lost(error: Exception, use: _Use) -> TransportError:
    """Return the error to raise when a connection ended, or what was received cannot be parsed."""
    if isinstance(error, aiohttp.ClientResponseError):
        return _invalid(error.message)
    payload = isinstance(error, aiohttp.ClientPayloadError)
    if payload and isinstance(error.__cause__, BadHttpMessage) and not isinstance(error.__cause__, _CUT_OFF):
        return _invalid(error.__cause__.message)
    started = isinstance(error, aiohttp.ServerDisconnectedError) and not isinstance(error.message, str)
    if use.is_reused and not (payload or started):
        return ReusedConnectionClosedError("the server closed the idle connection")
    reason = error if isinstance(error, OSError) else None
    return closed(reason, received=payload or started)


_CUT_OFF = (ContentLengthError, TransferEncodingError)
"""What aiohttp raises when a connection ends inside a body."""


def _invalid(message: str) -> TransportError:
    """Return the error for bytes that aiohttp's parser refuses; its messages hold the bytes after the first line."""
    if message.startswith("Got more than"):
        return head_too_large()
    if message.startswith("Too many headers"):
        return too_many_headers()
    if message.startswith("Bad status line"):
        return NotHttpError("not a Midaz: the answer is not HTTP")
    return not_http(b"", message.strip().partition("\n")[0].rstrip(":"))
