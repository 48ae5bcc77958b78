"""Names with several addresses, and addresses that are given by `resolve`."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from midaz_seed.transport.base import ConnectError, OutOfFileDescriptorsError
from tests.support.raw_server import OK, Make, Server, get

NAME = "midaz.example.com"


@asynccontextmanager
async def _silent_port() -> AsyncIterator[int]:
    """A port of 127.0.0.2 whose queue of connections is full, so that a further one hangs."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.2", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        try:
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(("127.0.0.2", port))
            await asyncio.sleep(0)
            yield port
        finally:
            for each in waiting:
                each.close()


@pytest.mark.parametrize("dead", [("127.0.0.2",), ("::1", "127.0.0.2")], ids=["one dead", "two dead"])
async def test_a_dead_first_address_does_not_keep_from_the_second(make: Make, dead: tuple[str, ...]) -> None:
    """H1: the next address is tried after a quarter of a second, not after the timeout of the first."""
    async with _silent_port() as port:
        server = Server(OK)
        listening = await asyncio.start_server(server.handle, "127.0.0.1", port, ssl=make.server_tls)
        transport = make(
            f"{'https' if make.tls else 'http'}://localhost:{port}",
            addresses={("localhost", port): (*dead, "127.0.0.1")},
        )
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        assert (await get(transport)).body == b"ok"
        assert loop.time() - started_s < 3  # connectTimeoutS is 5
        await transport.aclose()
        listening.close()


async def test_every_address_is_tried_when_one_refuses(make: Make) -> None:
    """H1"""
    async with Server(OK).running(make.server_tls) as server:
        parts = urlsplit(server.url)
        key = "localhost", parts.port or 0
        transport = make(f"{parts.scheme}://localhost:{parts.port}", addresses={key: ("127.0.0.3", "127.0.0.1")})
        assert (await get(transport)).body == b"ok"
        await transport.aclose()


async def test_a_given_address_replaces_the_resolver_and_keeps_the_name(make: Make) -> None:
    """H3: the name in `Host` and in the check of the certificate is that of the URL."""
    async with Server(OK).running(make.server_tls) as server:
        port = urlsplit(server.url).port or 0
        name = "localhost" if make.tls else NAME
        transport = make(f"{urlsplit(server.url).scheme}://{name}:{port}", addresses={(name, port): ("127.0.0.1",)})
        assert (await get(transport)).body == b"ok"
        await transport.aclose()
    assert f"host: {name}:{port}".encode() in server.requests[0].lower()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".invalid"])
async def test_an_unknown_name_is_named_with_the_flag_that_helps(make: Make, host: str) -> None:
    """H1"""
    transport = make(f"http://{host}:1")
    with pytest.raises(ConnectError, match=host) as caught:
        await get(transport)
    assert "--resolve" in caught.value.hint
    await transport.aclose()


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
async def test_an_ipv6_address_in_a_url_is_used_as_it_stands(make: Make) -> None:
    """H1: with its brackets in `Host`."""
    server = Server(OK)
    try:
        listening = await asyncio.start_server(server.handle, "::1", 0)
    except OSError:
        pytest.skip("no IPv6 on this machine")
    port = listening.sockets[0].getsockname()[1]
    transport = make(f"http://[::1]:{port}")
    assert (await get(transport)).body == b"ok"
    await transport.aclose()
    listening.close()
    assert f"host: [::1]:{port}\r\n".encode() in server.requests[0].lower()


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_lack_of_file_descriptors_is_not_the_servers_fault(make: Make, host: str) -> None:
    """L2: not even where the resolver reports it as an unknown name."""
    import resource

    async with Server(OK).running(make.server_tls) as server:
        transport = make(server.url.replace("127.0.0.1", host))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest_free = os.open(os.devnull, os.O_RDONLY)
        os.close(lowest_free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
        try:
            with pytest.raises(OutOfFileDescriptorsError, match="no file descriptor is left") as caught:
                await get(transport)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert not caught.value.maybe_applied
        assert (await get(transport)).body == b"ok"
        await transport.aclose()
