"""Faults of the client library that no server can be made to show: how the session transport names them."""

import ssl

import aiohttp
import pytest
from aioresponses import aioresponses

from midaz_seed.transport.aiohttp_transport import AiohttpTransport
from midaz_seed.transport.base import (
    AnswerTimeoutError,
    ConnectError,
    LostConnectionError,
    Request,
    TransportError,
)

URL = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        (aiohttp.ServerTimeoutError("read"), AnswerTimeoutError),
        (aiohttp.ConnectionTimeoutError("connect"), ConnectError),
        (aiohttp.ClientPayloadError("cut"), LostConnectionError),
        (aiohttp.ServerDisconnectedError(), LostConnectionError),
        (aiohttp.ClientOSError(32, "broken pipe"), LostConnectionError),
        (ssl.SSLError("bad record"), LostConnectionError),
        (ConnectionResetError(), LostConnectionError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else value.__name__,
)
async def test_every_fault_of_the_library_becomes_one_of_ours(fault: Exception, named: type[TransportError]) -> None:
    transport = AiohttpTransport(URL, URL, headers={}, request_timeout_s=1, connect_timeout_s=1)
    with aioresponses() as server:
        server.post(f"{URL}/x", exception=fault)
        with pytest.raises(named) as caught:
            await transport.send(Request("POST", "/x", b"{}"))
    assert str(caught.value)
    assert caught.value.maybe_applied is (named is not ConnectError)
    await transport.aclose()


async def test_any_status_is_an_answer() -> None:
    transport = AiohttpTransport(URL, URL, headers={}, request_timeout_s=1, connect_timeout_s=1)
    with aioresponses() as server:
        server.get(f"{URL}/x", status=503, body=b"later", headers={"Retry-After": "2"})
        answer = await transport.send(Request("GET", "/x"))
    assert (answer.status, answer.body, answer.headers.get("retry-after")) == (503, b"later", "2")
    await transport.aclose()
