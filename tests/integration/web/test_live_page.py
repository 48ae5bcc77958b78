"""The live page without a run: many watchers, slow ones, and failures before the run begins."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import aiohttp
import pytest

from midaz_seed.errors import UnreachableError
from midaz_seed.listening import listen
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import LedgerFailed
from midaz_seed.web.broadcast import QUEUE_MAX
from midaz_seed.web.live_page import LivePage
from tests.support.cli import run_cli
from tests.support.event_stream import event_stream

LONG = "x" * 900


def an_event(number: int) -> LedgerFailed:
    return LedgerFailed("o1.l1", "Ledger", Phase.TRANSFERS, f"{number} {LONG}")


@pytest.fixture
def page() -> Iterator[LivePage]:
    listening = listen("127.0.0.1:0", "--web", default_port=0)
    listening.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)  # so that a slow watcher is noticed soon
    with LivePage(listening) as page:
        yield page


async def test_a_hundred_watchers_get_every_message(page: LivePage) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        begun = asyncio.Barrier(101)

        async def watch() -> list[str]:
            async with event_stream(session, page.url) as stream:
                assert (await stream.next()) is not None
                await begun.wait()
                for _ in range(3):
                    await stream.next()
                return [line["text"][:40] for line in stream.state["events"]]

        watching = [asyncio.create_task(watch()) for _ in range(100)]
        await begun.wait()
        for number in range(3):
            page.emit(an_event(number))
        found = await asyncio.gather(*watching)
    assert found == [[f"o1.l1 (Ledger) failed in transfers: {number} xx"[:40] for number in range(3)]] * 100


async def test_a_watcher_that_does_not_read_is_given_the_whole_state_when_it_reads_again(page: LivePage) -> None:
    host, port = page.url.removeprefix("http://").strip("/").split(":")
    with closing(socket.socket()) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect((host, int(port)))
        slow.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with aiohttp.ClientSession() as session, event_stream(session, page.url) as reader:
            await reader.next()
            sent = 0
            for _ in range(60):
                for _ in range(10):
                    page.emit(an_event(sent))
                    sent += 1
                while not _has(reader.state["events"], sent - 1):
                    assert await reader.next() is not None
        data = await asyncio.to_thread(_read_until, slow, f"{sent - 1} xxx".encode())
    snapshots = data.count(b"event: snapshot")
    updates = data.count(b"event: update")
    assert snapshots >= 2, "it did not get the whole state"
    assert updates < sent - QUEUE_MAX, "every message was kept for it"


def _has(events: list[dict[str, str]], number: int) -> bool:
    return bool(events) and events[-1]["text"].split(": ")[1].startswith(f"{number} ")


def _read_until(connection: socket.socket, text: bytes) -> bytes:
    data = b""
    connection.settimeout(30)
    while text not in data[-400_000:]:
        read = connection.recv(1 << 20)
        assert read, "the connection was closed"
        data += read
    return data


async def test_a_run_that_ends_without_a_report_shows_its_error() -> None:
    listening = listen("127.0.0.1:0", "--web", default_port=0)
    is_watched = threading.Event()

    def fail() -> None:
        with suppress(UnreachableError), LivePage(listening):
            is_watched.wait(30)
            raise UnreachableError("no answer from the <server>", hint="start it")

    failing = asyncio.create_task(asyncio.to_thread(fail))
    async with aiohttp.ClientSession() as session, event_stream(session, listening.url) as stream:
        await stream.next()
        is_watched.set()
        result = (await stream.until("end")).data["result"]
    assert (result["verdict"], result["next_step"], result["exit_code"]) == (
        "no answer from the <server>",
        "start it",
        3,
    )
    await failing


@pytest.mark.parametrize(
    "noise",
    [
        b"\x16\x03\x01\x00\xa5\x01\x00\x00",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n" * 4,
        b"GET /events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: \xff\x00\r\n\r\n",
    ],
)
async def test_what_is_no_request_of_a_browser_harms_nothing(
    page: LivePage, noise: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    host, port = page.url.removeprefix("http://").strip("/").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(noise)
    writer.write_eof()
    await reader.read(200)
    writer.close()
    async with aiohttp.ClientSession() as session, session.get(f"{page.url}healthz") as answer:
        assert answer.status == 200
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--web", "127.0.0.1:{port}"], "--web cannot listen on 127.0.0.1:{port}: Address already in use"),
        (["--web=nowhere:x"], "--web must be HOST:PORT, not 'nowhere:x'"),
        (["--web-linger", "3"], "--web-linger has no effect without --web"),
        (
            ["--web", ":0", "--web-token-file", "missing"],
            "the token of the page cannot be read: No such file or directory",
        ),
    ],
)
def test_a_page_that_cannot_be_served_is_an_error_before_anything_is_sent(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        given = [argument.format(port=port) for argument in arguments]
        called = run_cli("run", "-v", "tiny", "-u", f"http://127.0.0.1:{port}", "--json", *given, cwd=tmp_path)
        taken.settimeout(0)
        with pytest.raises(BlockingIOError):
            taken.accept()
    assert called.returncode == 2
    assert message.format(port=port) in called.stderr
    assert json.loads(called.stdout)["exit_code"] == 2
