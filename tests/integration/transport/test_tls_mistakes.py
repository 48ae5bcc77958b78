"""What is wrong with TLS is named, with what helps."""

import asyncio
from urllib.parse import urlsplit

import pytest

from midaz_seed.transport.base import ConnectError, UnreadableAnswerError
from midaz_seed.transport.connecting import unverified_context
from tests.support.raw_server import OK, SESSIONS, WIRES, Make, Server, get, name_of, server_tls

SECURE = [make for make in WIRES + SESSIONS if make.tls]
MISTAKES = [
    ("self-signed.pem", "", "is self-signed", "--ca-file"),
    ("server.pem", "", "unknown CA", "--ca-file"),
    ("server.pem", "second-ca.pem", "unknown CA", "--ca-file"),
    ("expired.pem", "second-ca.pem", "has expired", "--insecure"),
    ("not-yet-valid.pem", "second-ca.pem", "not valid yet", "clocks"),
    ("other-name.pem", "second-ca.pem", "for another host", "--resolve"),
]


@pytest.fixture(params=SECURE, ids=name_of)
def make_secure(request: pytest.FixtureRequest) -> Make:
    return request.param


@pytest.mark.parametrize(("certificate", "ca", "named", "helps"), MISTAKES)
async def test_a_refused_certificate_is_named_with_what_helps(
    make_secure: Make, certificate: str, ca: str, named: str, helps: str
) -> None:
    """H7"""
    async with Server(OK).running(server_tls(certificate)) as server:
        transport = make_secure(server.url, ca=ca)
        with pytest.raises(ConnectError, match=named) as caught:
            await get(transport)
        await transport.aclose()
    assert helps in caught.value.hint
    assert not caught.value.maybe_applied
    assert server.requests == []


async def test_a_self_signed_certificate_can_be_trusted_itself(make_secure: Make) -> None:
    """H7: as the hint says."""
    async with Server(OK).running(server_tls("self-signed.pem")) as server:
        transport = make_secure(server.url, ca="self-signed.pem")
        assert (await get(transport)).body == b"ok"
        await transport.aclose()


@pytest.mark.parametrize("certificate", ["self-signed.pem", "expired.pem", "other-name.pem"])
async def test_insecure_takes_any_certificate(make_secure: Make, certificate: str) -> None:
    """H7"""
    async with Server(OK).running(server_tls(certificate)) as server:
        transport = make_secure.kind(
            server.url, server.url, headers={}, request_timeout_s=5, connect_timeout_s=5, tls=unverified_context()
        )
        assert (await get(transport)).body == b"ok"
        await transport.aclose()


async def test_https_to_a_port_without_tls_is_named(make_secure: Make) -> None:
    """H7: a server that answers the handshake with an HTTP error."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    listening = await asyncio.start_server(refuse, "127.0.0.1", 0)
    transport = make_secure(f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
    with pytest.raises(ConnectError, match="does not use TLS") as caught:
        await get(transport)
    assert "http://" in caught.value.hint
    await transport.aclose()
    listening.close()


async def test_https_to_a_port_that_never_answers_the_handshake_is_named(make_secure: Make) -> None:
    """H7: a server that waits for more, because it takes the handshake for the beginning of a request."""
    async with Server(OK).running() as server:
        transport = make_secure.kind(
            server.url.replace("http:", "https:"), "", headers={}, request_timeout_s=5, connect_timeout_s=0.3
        )
        with pytest.raises(ConnectError, match="does not answer the handshake") as caught:
            await get(transport)
        await transport.aclose()
    assert "http://" in caught.value.hint


async def test_http_to_a_port_with_tls_is_named(make_secure: Make) -> None:
    """H7: a server that closes the connection without a word."""
    async with Server(OK).running(make_secure.server_tls) as server:
        transport = Make(make_secure.kind)(f"http://127.0.0.1:{urlsplit(server.url).port}", request_timeout_s=5)
        with pytest.raises(UnreadableAnswerError, match="expects https") as caught:
            await get(transport)
        await transport.aclose()
    assert "https://" in caught.value.hint


async def test_the_alert_of_a_tls_server_is_known(make_wire: Make) -> None:
    """H7: a server that sends an alert before it closes."""
    async with Server(b"\x15\x03\x01\x00\x02\x02\x16").running(make_wire.server_tls) as server:
        transport = make_wire(server.url)
        with pytest.raises(UnreadableAnswerError, match="expects https"):
            await get(transport)
        await transport.aclose()
