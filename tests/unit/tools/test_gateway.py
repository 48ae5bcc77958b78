"""The tests' own gateway: what it passes on, alters and drops, with both transports in front of it."""

import orjson
import pytest

from midaz_seed.transport.aiohttp_transport import AiohttpTransport
from midaz_seed.transport.base import LostConnectionError, Request, Transport
from midaz_seed.transport.httptools_transport import HttptoolsTransport
from tests.support.gateway import DROP, Gateway, GatewayAnswer, Headers, alter_matching, gateway, running_gateway
from tests.support.sandbox import sandbox


def _reach(kind: str, url: str) -> Transport:
    make = HttptoolsTransport if kind == "wire" else AiohttpTransport
    return make(url, url, headers={}, request_timeout_s=5, connect_timeout_s=1)


def _shout(head: bytes, sent: bytes, status: int, headers: Headers, body: bytes) -> GatewayAnswer:
    return GatewayAnswer(status, headers, body.replace(b"v3.8.0", b"a longer version"))


@pytest.mark.parametrize("kind", ["wire", "session"])
async def test_each_second_answer_is_altered_and_the_rest_comes_as_it_is(kind: str) -> None:
    async with sandbox() as server, gateway(server.url, alter_matching(b" /version", _shout, every=2)) as url:
        transport = _reach(kind, url)
        answers = [await transport.send(Request("GET", "/version")) for _ in range(4)]
        count = await transport.send(Request("HEAD", "/v1/organizations/metrics/count"))
        await transport.aclose()
    versions = [orjson.loads(answer.body)["version"] for answer in answers]
    assert versions == ["v3.8.0", "a longer version", "v3.8.0", "a longer version"]
    assert count.headers["X-Total-Count"] == "0"


async def test_a_dropped_request_never_comes_to_the_server_and_a_dropped_answer_does() -> None:
    body = orjson.dumps({"legalName": "A", "legalDocument": "1", "address": {"country": "BR"}})
    async with sandbox() as server:
        for gate, organizations in (
            (Gateway(server.url, lambda *_: None, lambda head, body: DROP if head.startswith(b"POST") else None), "0"),
            (Gateway(server.url, lambda head, *_: DROP if head.startswith(b"POST") else None), "1"),
        ):
            async with running_gateway(gate) as url:
                transport = _reach("wire", url)
                with pytest.raises(LostConnectionError):
                    await transport.send(Request("POST", "/v1/organizations", body))
                count = await transport.send(Request("HEAD", "/v1/organizations/metrics/count"))
                await transport.aclose()
            assert count.headers["X-Total-Count"] == organizations
            assert gate.seen[0] == b"POST /v1/organizations HTTP/1.1"


async def test_an_answer_that_is_cut_short_is_a_lost_one() -> None:
    def cut(head: bytes, sent: bytes, status: int, headers: Headers, body: bytes) -> GatewayAnswer:
        return GatewayAnswer(status, headers, body[:-5], cut=True)

    async with sandbox() as server, gateway(server.url, cut) as url:
        transport = _reach("wire", url)
        with pytest.raises(LostConnectionError):
            await transport.send(Request("GET", "/version"))
        await transport.aclose()


async def test_an_answer_can_be_emptied() -> None:
    def empty(head: bytes, sent: bytes, status: int, headers: Headers, body: bytes) -> GatewayAnswer:
        return GatewayAnswer(status, headers, b"")

    async with sandbox() as server, gateway(server.url, empty) as url:
        transport = _reach("wire", url)
        answers = [await transport.send(Request("GET", "/version")) for _ in range(2)]
        await transport.aclose()
    assert [answer.body for answer in answers] == [b"", b""]
