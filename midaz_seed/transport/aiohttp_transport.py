"""The transport over `aiohttp.ClientSession`: a full HTTP client, with proxies; slower than the httptools transport."""

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import cast

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from midaz_seed.transport.base import (
    BODY_BYTES_MAX,
    HEAD_BYTES_MAX,
    AnswerTimeoutError,
    ConnectError,
    Request,
    Response,
    ReusedConnectionClosedError,
    Service,
    TransportError,
)
from midaz_seed.transport.connecting import (
    NEXT_ADDRESS_AFTER_S,
    Addresses,
    accepts_tls,
    connect_error,
    connect_timeout,
)
from midaz_seed.transport.headers import fixed_headers
from midaz_seed.transport.unreadable import NoAnswerError, body_too_large, closed, https_expected, not_http

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
            found += [{**each, "hostname": host} for each in await self._system.resolve(name, port, family)]
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
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_reuseconn.append(_note_reuse)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                keepalive_timeout=KEEP_ALIVE_S,
                ssl=tls or True,
                resolver=_Resolver(self._addresses),
                happy_eyeballs_delay=NEXT_ADDRESS_AFTER_S,
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

    async def send(self, request: Request) -> Response:
        """See `Transport.send`."""
        url = URL(self._bases[request.service] + request.path, encoded=True)
        use = _Use()
        try:
            async with self._session.request(
                request.method,
                url,
                data=request.body,
                headers=request.headers,
                allow_redirects=False,
                proxy=self._proxy,
                trace_request_ctx=use,
            ) as answer:
                response = Response(answer.status, answer.headers, await _read(answer))
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError) as error:
            raise self._not_connected(error, url) from error
        except TimeoutError as error:
            raise AnswerTimeoutError(f"no complete answer in {self._request_timeout_s:g} s") from error
        except (aiohttp.ClientError, ConnectionError, ssl.SSLError) as error:
            lost = _lost(error, use)
            if isinstance(lost, NoAnswerError) and await self._expects_tls(url):
                raise https_expected() from error
            raise lost from error
        self._has_answered = True
        return response

    async def aclose(self) -> None:
        """See `Transport.aclose`."""
        await self._session.close()

    def _not_connected(self, error: aiohttp.ClientError, url: URL) -> TransportError:
        """Return the error to raise when there is no connection to the server or the proxy."""
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return connect_error(cast("ssl.SSLError", error.certificate_error), error.host, error.port or 0)
        if isinstance(error, aiohttp.ClientConnectorError):
            return connect_error(error.os_error, error.host, error.port or 0)
        if isinstance(error, aiohttp.ClientHttpProxyError):
            hint = "check target.proxy; its user and password are given as http://USER:PASSWORD@HOST:PORT"
            return ConnectError(f"the proxy refuses the connection: {error.status} {error.message}", hint=hint)
        via = URL(self._proxy) if self._proxy else url
        return connect_timeout(via.host or "", via.port or 0, self._connect_timeout_s)

    async def _expects_tls(self, url: URL) -> bool:
        """Return whether a server that has never answered plain HTTP uses TLS."""
        if self._has_answered or self._proxy or url.scheme == "https":
            return False
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
        return not_http(b"", error.message)
    started = isinstance(error, aiohttp.ServerDisconnectedError) and error.message not in (None, "Server disconnected")
    begun = started or isinstance(error, aiohttp.ClientPayloadError)
    if use.is_reused and not begun:
        return ReusedConnectionClosedError("the server closed the idle connection")
    return closed(None if isinstance(error, aiohttp.ServerDisconnectedError) else error, received=begun)
