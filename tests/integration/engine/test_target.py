"""Ways to a server: a CA of one's own, a client certificate, a proxy, extra headers, two addresses, no port at all."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from midaz_seed.clock import SystemClock
from midaz_seed.errors import ConfigurationError, TargetNotAllowedError, UsageError
from midaz_seed.runner import seed_async
from midaz_seed.settings.model import Settings, Target
from midaz_seed.settings.target import ResolvedTarget, resolve_target
from midaz_seed.transport.base import ConnectError, Request, TransportError
from midaz_seed.wiring import open_transport
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for

TLS = Path(__file__).parents[2] / "data/tls"
TRANSPORTS = ["wire", "session"]


@asynccontextmanager
async def _server(tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[str, list[bytes]]]:
    seen: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                seen.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    try:
        scheme = "https" if tls else "http"
        yield f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen
    finally:
        server.close()
        await asyncio.sleep(0.01)


def _tls(*, ask_client: bool = False) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=TLS / "ca.pem")
    context.load_cert_chain(TLS / "server.pem", TLS / "server.key")
    if ask_client:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def _get(url: str, **settings: Any) -> bytes:
    target = Target.model_validate({"baseUrl": url, "requestTimeoutS": 3, "connectTimeoutS": 3, **settings})
    async with open_transport(target, ResolvedTarget(url, url, is_sandbox=False), SystemClock()) as transport:
        return (await transport.send(Request("GET", "/x"))).body


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_ca_of_ones_own_is_trusted_and_nothing_else(transport: str) -> None:
    async with _server(_tls()) as (url, _):
        assert await _get(url, transport=transport, caFile=str(TLS / "ca.pem")) == b"ok"
        with pytest.raises(ConnectError):
            await _get(url, transport=transport)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_client_certificate_is_shown(transport: str) -> None:
    identity = {"clientCertificate": str(TLS / "client.pem"), "clientKey": str(TLS / "client.key")}
    async with _server(_tls(ask_client=True)) as (url, _):
        assert await _get(url, transport=transport, caFile=str(TLS / "ca.pem"), **identity) == b"ok"
        with pytest.raises(TransportError):
            await _get(url, transport=transport, caFile=str(TLS / "ca.pem"))


@pytest.mark.parametrize("name", ["caFile", "clientCertificate"])
async def test_a_certificate_that_cannot_be_used_is_named(name: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("nothing of the kind")
    for file in (broken, tmp_path / "absent.pem"):
        with pytest.raises(ConfigurationError) as caught:
            await _get("https://127.0.0.1:1", **{name: str(file)})
        assert str(file) in str(caught.value)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_headers_of_ones_own_go_with_every_request(transport: str) -> None:
    async with _server() as (url, seen):
        await _get(url, transport=transport, headers=["X-Tenant: acme", "X-Key: a:b"])
    assert b"x-tenant: acme\r\n" in seen[0].lower()
    assert b"x-key: a:b\r\n" in seen[0].lower()


async def test_a_proxy_gets_the_request_instead() -> None:
    async with _server() as (proxy, seen):
        assert await _get("http://127.0.0.1:9", proxy=proxy) == b"ok"
    assert seen[0].startswith(b"GET http://127.0.0.1:9/x ")


async def test_a_proxy_gives_a_tunnel_to_a_server_with_tls() -> None:
    """H10: its user and password go to the proxy alone."""
    heads: list[bytes] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        host, port = heads[0].split()[1].decode().split(":")
        to_server, from_client = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        await asyncio.gather(pump(reader, from_client), pump(to_server, writer))

    proxy = await asyncio.start_server(tunnel, "127.0.0.1", 0)
    async with _server(_tls()) as (url, seen):
        given = f"http://me:p%40ss@127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
        assert await _get(url, proxy=given, caFile=str(TLS / "ca.pem")) == b"ok"
    proxy.close()
    assert b"Proxy-Authorization: Basic " + base64.b64encode(b"me:p@ss") in heads[0]
    assert b"proxy-authorization" not in seen[0].lower()


@pytest.mark.parametrize("line", ["Content-Length: 3", "no colon", "X-Bad: a\r\nX-More: b", ": empty"])
def test_a_header_that_would_break_requests_is_refused(line: str) -> None:
    with pytest.raises(ValueError):
        Target.model_validate({"headers": [line]})


async def test_headers_are_not_in_the_report() -> None:
    async with sandbox() as server:
        report = await seed_async(settings_for(server.url, target={"headers": ["X-Key: s3cr3t"], "authToken": "t0ken"}))
    assert report.exit_code == 0
    assert "s3cr3t" not in report.as_json()
    assert "t0ken" not in report.as_json()


async def test_two_urls_are_one_server_in_two_places() -> None:
    async with sandbox() as server:
        settings = settings_for("", target={"onboardingUrl": server.url, "transactionUrl": f"{server.url}/"})
        report = await seed_async(settings)
    assert report.exit_code == 0, report.verdict


def test_a_url_without_a_port_may_be_either_layout() -> None:
    target = resolve_target(Settings.model_validate({"target": {"baseUrl": "http://localhost"}}).target)
    assert (target.onboarding_url, target.transaction_url) == ("http://localhost:3002", "http://localhost:3002")
    assert target.split is not None
    assert (target.split.onboarding_url, target.split.transaction_url) == (
        "http://localhost:3000",
        "http://localhost:3001",
    )


@pytest.mark.parametrize("field", ["onboardingUrl", "transactionUrl", "authUrl"])
def test_every_address_must_be_allowed(field: str) -> None:
    settings = {"baseUrl": "http://localhost", field: "http://elsewhere.example.com"}
    with pytest.raises(TargetNotAllowedError, match="elsewhere"):
        resolve_target(Target.model_validate(settings))


def test_the_sandbox_has_no_addresses_of_its_own() -> None:
    with pytest.raises(UsageError):
        resolve_target(Target.model_validate({"baseUrl": "sandbox", "onboardingUrl": "http://localhost:1"}))
