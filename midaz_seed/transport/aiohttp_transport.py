"""The transport over `aiohttp.ClientSession`: a full HTTP client, with proxies; slower than the httptools transport."""

import ssl
from collections.abc import Mapping

import aiohttp
from yarl import URL

from midaz_seed.transport.base import (
    AnswerTimeoutError,
    ConnectError,
    LostConnectionError,
    Request,
    Response,
    Service,
)

KEEP_ALIVE_S = 30.0
"""Idle time after which a connection is closed."""


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
        """
        self._bases = {
            Service.ONBOARDING: onboarding_url.rstrip("/"),
            Service.TRANSACTION: transaction_url.rstrip("/"),
        }
        self._proxy = proxy
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S, ssl=tls or True),
            headers={"Content-Type": "application/json", "User-Agent": "midaz-seed", **headers},
            timeout=aiohttp.ClientTimeout(total=request_timeout_s, sock_connect=connect_timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept-Encoding",),
            auto_decompress=False,
        )

    async def send(self, request: Request) -> Response:
        """See `Transport.send`."""
        url = URL(self._bases[request.service] + request.path, encoded=True)
        try:
            async with self._session.request(
                request.method,
                url,
                data=request.body,
                headers=request.headers,
                allow_redirects=False,
                proxy=self._proxy,
            ) as answer:
                return Response(answer.status, answer.headers, await answer.read())
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError) as error:
            raise ConnectError(_reason(error)) from error
        except TimeoutError as error:
            raise AnswerTimeoutError("no complete answer in time") from error
        except (aiohttp.ClientError, ConnectionError, ssl.SSLError) as error:
            raise LostConnectionError(_reason(error)) from error

    async def aclose(self) -> None:
        """See `Transport.aclose`."""
        await self._session.close()


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
