"""Transports for tests: a real one with common settings, and wrappers and stand-ins for it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import orjson

from midaz_seed.clock import Clock
from midaz_seed.transport.base import Request, Response, Transport
from midaz_seed.transport.httptools_transport import HttptoolsTransport

Answer = Callable[[Request], Response | Exception | None]
Send = Callable[[], Awaitable[Response]]


def http_transport(
    url: str,
    transaction_url: str = "",
    *,
    token: str = "",
    request_timeout_s: float = 10,
    connect_timeout_s: float = 5,
) -> HttptoolsTransport:
    """Return the default transport for a server; the transaction service has the same URL unless it is given."""
    headers: Mapping[str, str] = {"Authorization": f"Bearer {token}"} if token else {}
    return HttptoolsTransport(
        url,
        transaction_url or url,
        headers=headers,
        request_timeout_s=request_timeout_s,
        connect_timeout_s=connect_timeout_s,
    )


class WrappedTransport:
    """A transport that passes everything on to another one; the base of those that do not."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send(self, request: Request) -> Response:
        return await self._transport.send(request)

    async def aclose(self) -> None:
        await self._transport.aclose()


class InterceptingTransport(WrappedTransport):
    """A transport that answers with what a function returns or raises; where that is None, the server answers."""

    def __init__(self, transport: Transport, answer: Answer) -> None:
        super().__init__(transport)
        self._answer = answer

    async def send(self, request: Request) -> Response:
        answer = self._answer(request)
        if isinstance(answer, Exception):
            raise answer
        return answer if answer is not None else await super().send(request)


class MiddlewareTransport(WrappedTransport):
    """A transport that leaves each request to a function, which may send it on once, several times, or not at all."""

    def __init__(self, transport: Transport, handle: Callable[[Request, Send], Awaitable[Response]]) -> None:
        super().__init__(transport)
        self._handle = handle

    async def send(self, request: Request) -> Response:
        return await self._handle(request, lambda: self._transport.send(request))


class ScriptedTransport:
    """A transport that plays a script of answers, repeats the last one, and records what was sent and when."""

    def __init__(self, clock: Clock, *script: Response | Exception) -> None:
        self._clock = clock
        self._script = list(script)
        self.sent: list[tuple[float, Request]] = []

    async def send(self, request: Request) -> Response:
        self.sent.append((self._clock.monotonic(), replace(request)))
        answer = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def aclose(self) -> None:
        return None


def hide_balances(request: Request) -> Response | None:
    """For `InterceptingTransport`: a server that never shows a balance."""
    if request.method == "GET" and request.path.split("?")[0].endswith("/balances"):
        return Response(200, {}, b'{"items":[],"limit":100}')
    return None


def created_answer(request: Request) -> Response:
    """Return the 201 with which a server answers a transaction, without a transaction."""
    sent = orjson.loads(request.body or b"")
    _, _, _, organization, _, ledger, *_ = request.path.split("/")
    send = sent["send"]
    answer = {
        "id": "00000000-0000-7000-8000-000000000001",
        "description": sent["description"],
        "amount": send["value"],
        "assetCode": send["asset"],
        "chartOfAccountsGroupName": "",
        "source": [leg["accountAlias"] for leg in send["source"]["from"]],
        "destination": [leg["accountAlias"] for leg in send["distribute"]["to"]],
        "ledgerId": ledger,
        "organizationId": organization,
        "metadata": sent["metadata"],
        "operations": [{"type": "DEBIT"}],
    }
    return Response(201, {"X-Idempotency-Replayed": "false"}, orjson.dumps(answer))
