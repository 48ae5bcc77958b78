"""Access tokens by client credentials, renewed before they expire and after a 401 (midaz-behaviour: access-tokens)."""

import asyncio
from dataclasses import replace

import orjson

from midaz_seed.clock import Clock
from midaz_seed.errors import UnauthorizedError
from midaz_seed.reporting.logs import redact
from midaz_seed.transport.base import Request, Response, Transport, TransportError

TOKEN_PATH = "/v1/login/oauth/access_token"  # noqa: S105 - a path, not a secret
RENEW_EARLY_S = 30.0
"""Time before its expiry at which a token is renewed; half its lifetime if that is shorter."""


class ClientCredentials:
    """The current access token, requested from the auth service with client id and secret."""

    def __init__(self, transport: Transport, clock: Clock, *, client_id: str, client_secret: str) -> None:
        """Store the credentials. `transport` connects to the auth service; the caller closes it."""
        self._transport = transport
        self._clock = clock
        self._body = orjson.dumps(
            {"grantType": "client_credentials", "clientId": client_id, "clientSecret": client_secret}
        )
        self._token = ""
        self._renew_at_s = 0.0
        self._lock = asyncio.Lock()

    async def token(self) -> str:
        """Return a valid token. Raises UnauthorizedError."""
        if self._clock.monotonic() < self._renew_at_s:
            return self._token
        return await self.renewed(self._token)

    async def renewed(self, rejected: str) -> str:
        """Return a new token instead of the rejected one; concurrent calls renew once. Raises UnauthorizedError."""
        async with self._lock:
            if self._token == rejected or self._clock.monotonic() >= self._renew_at_s:
                await self._renew()
            return self._token

    async def _renew(self) -> None:
        hint = "check target.authUrl, target.clientId and the client secret, then run the same command again"
        try:
            answer = await self._transport.send(Request("POST", TOKEN_PATH, self._body))
        except TransportError as error:
            raise UnauthorizedError(f"the auth service does not answer: {error}", hint=hint) from error
        try:
            parsed = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            parsed = None
        token = parsed.get("accessToken") if isinstance(parsed, dict) else None
        if answer.status >= 300 or not isinstance(token, str) or not token:
            excerpt = redact(answer.body[:200].decode("utf-8", "replace"))
            raise UnauthorizedError(f"the auth service returned no token: {answer.status} {excerpt}", hint=hint)
        lifetime = parsed.get("expiresIn")
        lifetime_s = float(lifetime) if isinstance(lifetime, int | float) and lifetime > 0 else 300.0
        self._token = token
        self._renew_at_s = self._clock.monotonic() + max(lifetime_s - RENEW_EARLY_S, lifetime_s / 2)


class AuthorizedTransport:
    """A transport that adds the current token to each request; after a 401 it renews the token and retries once.

    The retry is safe for every request, because a server that rejects the token has not processed the rest.
    """

    def __init__(self, transport: Transport, credentials: ClientCredentials) -> None:
        self._transport = transport
        self._credentials = credentials

    async def send(self, request: Request) -> Response:
        """See `Transport.send`. Raises UnauthorizedError when there is no token."""
        token = await self._credentials.token()
        answer = await self._transport.send(_with(request, token))
        if answer.status == 401:
            answer = await self._transport.send(_with(request, await self._credentials.renewed(token)))
        return answer

    async def aclose(self) -> None:
        """See `Transport.aclose`."""
        await self._transport.aclose()


def _with(request: Request, token: str) -> Request:
    return replace(request, headers={**(request.headers or {}), "Authorization": f"Bearer {token}"})
