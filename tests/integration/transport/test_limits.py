"""What an answer may take: its headers, its body, and that it is HTTP. Without limits it could fill the memory."""

import asyncio
import resource

import pytest

from midaz_seed.transport.base import BODY_BYTES_MAX, HEADERS_MAX, LostConnectionError, Request, UnreadableAnswerError
from tests.support.raw_server import OK, Make, Script, get, talking

PATIENT_S = 30.0


def _endless(start: bytes, chunk: bytes) -> Script:
    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        for _ in range(1000):  # more than each limit
            if writer.is_closing():
                break
            writer.write(chunk)
            await writer.drain()

    return script


HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
ENDLESS = {
    "body until the end": (_endless(HEAD + b"\r\n", b"x" * 65_536), "larger than 8 MiB"),
    "chunks": (_endless(CHUNKED, b"10000\r\n" + b"x" * 65_536 + b"\r\n"), "larger than 8 MiB"),
    "headers": (_endless(HEAD, b"X-Name: value\r\n" * 1000), "headers"),
    "one header": (_endless(HEAD + b"X-Name: ", b"x" * 65_536), "64 KiB of headers"),
    "status line": (_endless(b"HTTP/1.1 200 ", b"O" * 65_536), "64 KiB of headers"),
    "trailers": (_endless(CHUNKED + b"0\r\n", b"X-Name: value\r\n" * 1000), "larger than 8 MiB|headers"),
}


@pytest.mark.parametrize("case", ENDLESS)
async def test_an_answer_without_end_is_given_up_with_its_reason(make: Make, case: str) -> None:
    """H5: of each kind, no more than the limit is kept in memory."""
    script, reason = ENDLESS[case]
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with talking(make, script, OK, request_timeout_s=PATIENT_S) as (transport, _):
        with pytest.raises(UnreadableAnswerError, match=reason) as caught:
            await transport.send(Request("POST", "/x", b"{}"))
        assert caught.value.maybe_applied
        assert "check the address" in caught.value.hint
        assert (await get(transport)).body == b"ok"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 150 * 1024


@pytest.mark.parametrize("start", [CHUNKED + b"5;name=", b""], ids=["chunk extension", "interim answers"])
async def test_the_wire_counts_what_it_throws_away(make_wire: Make, start: bytes) -> None:
    """H5: aiohttp reads such bytes until the request's timeout, without keeping them."""
    script = _endless(start, b"x" * 65_536 if start else b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 100)
    async with talking(make_wire, script, request_timeout_s=PATIENT_S) as (transport, _):
        with pytest.raises(UnreadableAnswerError):
            await get(transport)


async def test_an_announced_gigabyte_is_refused_before_it_comes(make: Make) -> None:
    """H5"""
    async with talking(make, HEAD + b"Content-Length: 1000000000\r\n\r\n", request_timeout_s=PATIENT_S) as (
        transport,
        _,
    ):
        with pytest.raises(UnreadableAnswerError, match="larger than 8 MiB"):
            await get(transport)


async def test_a_large_answer_below_the_limits_is_taken(make: Make) -> None:
    """H5"""
    body = b"x" * (BODY_BYTES_MAX - 70_000)
    names = b"".join(b"X-%d: a\r\n" % number for number in range(HEADERS_MAX - 1))
    answer = HEAD + names + b"Content-Length: %d\r\n\r\n" % len(body) + body
    async with talking(make, answer, request_timeout_s=PATIENT_S) as (transport, server):
        for _ in range(2):
            assert (await get(transport)).body == body
    assert server.connections == 1


async def test_more_headers_than_the_limit_are_refused_even_when_they_come_in_one_piece(make: Make) -> None:
    """H5"""
    names = b"".join(b"X-%d: a\r\n" % number for number in range(HEADERS_MAX + 1))
    async with talking(make, HEAD + names + b"Content-Length: 2\r\n\r\nok", OK) as (transport, _):
        with pytest.raises(UnreadableAnswerError, match=f"more than {HEADERS_MAX} headers"):
            await get(transport)
        assert (await get(transport)).body == b"ok"


MALFORMED = {
    "length and chunked": HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    "negative length": HEAD + b"Content-Length: -2\r\n\r\nok",
    "length without end": HEAD + b"Content-Length: 99999999999999999999999999\r\n\r\nok",
    "length in words": HEAD + b"Content-Length: two\r\n\r\nok",
    "chunk size in words": CHUNKED + b"two\r\nok\r\n0\r\n\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n",
    "HTTP/2": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80",
}


@pytest.mark.parametrize("case", MALFORMED)
async def test_an_answer_with_two_readings_or_none_is_refused(make: Make, case: str) -> None:
    """H5: a server that contradicts itself could make a part of one answer look like the next one."""
    async with talking(make, MALFORMED[case], OK) as (transport, _):
        with pytest.raises(LostConnectionError):
            await transport.send(Request("POST", "/x", b"{}"))
        assert (await get(transport)).body == b"ok"


async def test_a_protocol_that_nobody_asked_for_is_no_answer(make: Make) -> None:
    """H5"""
    switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    async with talking(make, switch, OK) as (transport, _):
        with pytest.raises(UnreadableAnswerError, match="another protocol"):
            await get(transport)
        assert (await get(transport)).body == b"ok"


async def test_an_offer_of_another_protocol_is_ignored(make: Make) -> None:
    """H5: as Apache sends it with every answer."""
    offer = HEAD + b"Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nok"
    async with talking(make, offer) as (transport, _):
        for _ in range(2):
            assert (await get(transport)).body == b"ok"
