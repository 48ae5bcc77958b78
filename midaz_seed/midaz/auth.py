"""Access tokens that change during a run (midaz-behaviour: access-tokens): by client credentials, renewed before they
expire and after a 401; or from a file, which is read again after a 401.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

import orjson

from midaz_seed.clock import Clock
from midaz_seed.errors import UnauthorizedError
from midaz_seed.reporting.redaction import redacted_start, remember
from midaz_seed.transport.base import Request, Response, Transport, TransportError

TOKEN_PATH = "/v1/login/oauth/access_token"  # noqa: S105 - a path, not a secret
RENEW_EARLY_S = 30.0
"""Time before its expiry at which a token is renewed; half its lifetime if that is shorter."""


class Tokens(Protocol):
    """Where the current token comes from."""

    async def token(self) -> str:
        """Return the current token. Raises UnauthorizedError."""
        ...

    async def renewed(self, rejected: str) -> str:
        """Return the token to use instead of the rejected one; the same when there is no other."""
        ...


class TokenFile:
    """The token in a file, which another program may replace during a run."""

    def __init__(self, read: Callable[[], str], token: str) -> None:
        """Start with a token.

        Args:
            read: reads the file and returns its token; "" when there is no valid one.
            token: the token that the file held at the start.
        """
        self._read = read
        self._token = token

    async def token(self) -> str:
        """See `Tokens.token`."""
        return self._token

    async def renewed(self, rejected: str) -> str:
        """See `Tokens.renewed`. Of several requests with the same rejected token, the first reads the file."""
        if self._token == rejected:
            self._token = self._read() or rejected
            remember([self._token])
        return self._token


class ClientCredentials:
    """The current access token, requested from the auth service with client id and secret."""

    def __init__(
        self,
        transport: Transport,
        clock: Clock,
        *,
        client_id: str,
        client_secret: str,
        read_secret_again: Callable[[], str] = lambda: "",
    ) -> None:
        """Store the credentials.

        Args:
            transport: connects to the auth service; the caller closes it.
            clock: the clock for the expiry of tokens.
            client_id: the client id.
            client_secret: the secret at the start.
            read_secret_again: called before each renewal, because the secret's file may have changed; "" for the
                secret that was used last.
        """
        self._transport = transport
        self._clock = clock
        self._client_id = client_id
        self._secret = client_secret
        self._read_secret_again = read_secret_again
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
        self._secret = self._read_secret_again() or self._secret
        credentials = {"clientId": self._client_id, "clientSecret": self._secret}
        body = orjson.dumps({"grantType": "client_credentials", **credentials})
        try:
            answer = await self._transport.send(Request("POST", TOKEN_PATH, body))
        except TransportError as error:
            raise UnauthorizedError(f"the auth service does not answer: {error}", hint=error.hint or hint) from error
        found = answer.json_object() or {}
        token = found.get("accessToken")
        if answer.status >= 300 or not isinstance(token, str) or not token:
            excerpt = redacted_start(answer.body, 200)
            raise UnauthorizedError(f"the auth service answered {answer.status} without a token: {excerpt}", hint=hint)
        if not token.isascii() or not token.isprintable() or " " in token:  # a line break would start another header
            raise UnauthorizedError("the auth service returned a token that cannot stand in a header", hint=hint)
        lifetime = found.get("expiresIn")
        lifetime_s = float(lifetime) if isinstance(lifetime, int | float) and lifetime > 0 else 300.0
        remember([token, self._secret])
        self._token = token
        self._renew_at_s = self._clock.monotonic() + max(lifetime_s - RENEW_EARLY_S, lifetime_s / 2)


class AuthorizedTransport:
    """A transport that adds the current token to each request; after a 401 it renews the token and retries once.

    The retry is safe for every request, because a server that rejects the token has not processed the rest.
    """

    def __init__(self, transport: Transport, tokens: Tokens) -> None:
        self._transport = transport
        self._tokens = tokens

    async def send(self, request: Request) -> Response:
        """See `Transport.send`. Raises UnauthorizedError when there is no token."""
        token = await self._tokens.token()
        answer = await self._transport.send(_with(request, token))
        if answer.status == 401:
            renewed = await self._tokens.renewed(token)
            if renewed != token:
                answer = await self._transport.send(_with(request, renewed))
        return answer

    async def aclose(self) -> None:
        """See `Transport.aclose`."""
        await self._transport.aclose()


def credentials_refused(answer: str) -> UnauthorizedError:
    """Return the error to raise about a 401 or 403; `answer` is its status and text, without secrets."""
    return UnauthorizedError(
        f"the server refuses the credentials: {answer}",
        hint="give a valid token with MIDAZ_SEED_TARGET__AUTH_TOKEN or --auth-token-file, then run the same "
        "command again",
    )


def _with(request: Request, token: str) -> Request:
    headers = {**(request.headers or {}), "Authorization": f"Bearer {token}"}
    return Request(request.method, request.path, request.body, headers, request.service)
