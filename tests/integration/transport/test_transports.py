"""Both transports survive the same things, in the clear and over TLS: one suite, over a server that says and does
exactly what each test tells it."""

import asyncio

import pytest

from midaz_seed.transport.base import (
    AnswerTimeoutError,
    ConnectError,
    LostConnectionError,
    Request,
    ReusedConnectionClosedError,
    Service,
)
from tests.support.raw_server import OK, WRONG, Make, Script, Server, get, talking


async def test_what_is_sent_arrives_with_body_and_headers(make: Make) -> None:
    async with talking(make, OK) as (transport, server):
        answer = await transport.send(Request("POST", "/v1/a?b=c%3D", b'{"x":1}', {"X-Idempotency": "k"}))
    assert (answer.status, answer.body) == (200, b"ok")
    sent = server.requests[0]
    assert sent.startswith(b"POST /v1/a?b=c%3D HTTP/1.1\r\n")
    assert sent.endswith(b'\r\n\r\n{"x":1}')
    head = sent.lower()
    for line in (
        b"x-idempotency: k",
        b"authorization: bearer t",
        b"content-type: application/json",
        b"host: 127.0.0.1:",
    ):
        assert line in head


async def test_a_connection_is_used_again(make: Make) -> None:
    async with talking(make, OK) as (transport, server):
        for _ in range(5):
            await get(transport)
    assert server.connections == 1


async def test_requests_at_once_use_connections_of_their_own(make: Make) -> None:
    async def slow(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        writer.write(OK)

    async with talking(make, slow) as (transport, server):
        await asyncio.gather(*[get(transport) for _ in range(4)])
    assert server.connections == 4


async def test_headers_are_found_whatever_their_case(make: Make) -> None:
    async with talking(make, b"HTTP/1.1 429 Too Many\r\nrEtry-aFter: 3\r\nContent-Length: 0\r\n\r\n") as (transport, _):
        answer = await get(transport)
    assert answer.status == 429
    assert answer.headers.get("Retry-After") == "3"
    assert answer.headers.get("X-Other") is None


async def test_a_chunked_answer_is_put_together(make: Make) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    async with talking(make, chunked) as (transport, server):
        assert (await get(transport)).body == b"abcde"
        assert (await get(transport)).body == b"abcde"
    assert server.connections == 1


async def test_an_answer_in_many_pieces_is_put_together(make: Make) -> None:
    async def dribble(writer: asyncio.StreamWriter) -> None:
        for index in range(len(OK)):
            writer.write(OK[index : index + 1])
            await writer.drain()

    async with talking(make, dribble) as (transport, _):
        assert (await get(transport)).body == b"ok"


async def _at_once(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK)


async def _one_by_one(writer: asyncio.StreamWriter) -> None:
    for part in (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", OK):
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0)


@pytest.mark.parametrize("interim", [_at_once, _one_by_one])
async def test_what_comes_before_the_answer_is_not_the_answer(make: Make, interim: Script) -> None:
    async with talking(make, interim) as (transport, server):
        for _ in range(2):
            answer = await get(transport)
            assert (answer.status, answer.body, answer.headers.get("Link")) == (200, b"ok", None)
    assert server.connections == 1


async def _closing(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
    writer.close()


async def _closing_later(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")


async def _old(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")


@pytest.mark.parametrize("once", [_closing, _closing_later, _old])
async def test_a_connection_that_is_to_be_closed_is_not_used_again(make: Make, once: Script) -> None:
    async with talking(make, once) as (transport, server):
        await get(transport)
        await get(transport)
    assert server.connections == 2


async def test_an_answer_that_ends_with_its_connection_is_complete(make: Make) -> None:
    async def unframed(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
        writer.close()

    async with talking(make, unframed) as (transport, _):
        assert (await get(transport)).body == b"until the end"


async def test_a_head_answer_has_no_body_whatever_its_content_length(make: Make) -> None:
    async with talking(make, b"HTTP/1.1 404 Not Found\r\nContent-Length: 99\r\nX-Total-Count: 7\r\n\r\n", OK) as (
        transport,
        _,
    ):
        answer = await transport.send(Request("HEAD", "/count"))
        assert (answer.status, answer.body, answer.headers.get("x-total-count")) == (404, b"", "7")
        assert (await get(transport)).body == b"ok"


async def test_a_204_has_no_body_and_keeps_the_connection(make: Make) -> None:
    async with talking(make, b"HTTP/1.1 204 No Content\r\n\r\n") as (transport, server):
        assert (await get(transport)).status == 204
        assert (await get(transport)).status == 204
    assert server.connections == 1


async def test_headers_of_many_kilobytes_are_taken(make: Make) -> None:
    big = (
        b"HTTP/1.1 200 OK\r\nX-Big: "
        + b"x" * 7000
        + b"\r\nX-Big-Too: "
        + b"y" * 5000
        + b"\r\nContent-Length: 2\r\n\r\nok"
    )
    async with talking(make, big) as (transport, _):
        assert (await get(transport)).body == b"ok"


async def test_a_refused_connection_was_certainly_not_seen(make: Make) -> None:
    async with Server(OK).running(make.server_tls) as server:
        url = server.url
    transport = make(url)
    with pytest.raises(ConnectError) as caught:
        await get(transport)
    assert not caught.value.maybe_applied
    await transport.aclose()


async def _abort(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def _half(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    writer.close()


async def _cut_head(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 O")
    writer.close()


async def _reset(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    await writer.drain()
    writer.transport.abort()


async def _garbage(writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00\x01 this is not HTTP\r\n\r\n")


async def _cut_chunk(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")
    writer.close()


@pytest.mark.parametrize("trouble", [_abort, _half, _reset, _cut_head, _garbage, _cut_chunk])
async def test_an_answer_that_does_not_come_whole_may_have_been_applied_and_the_next_works(
    make: Make, trouble: Script
) -> None:
    async with talking(make, trouble, OK) as (transport, _):
        with pytest.raises(LostConnectionError) as caught:
            await transport.send(Request("POST", "/x", b"{}"))
        assert caught.value.maybe_applied
        assert (await get(transport)).body == b"ok"


async def test_a_connection_lost_under_a_later_request_may_have_applied_it(make: Make) -> None:
    """L4: the server closed an idle connection while the next request was on its way."""
    async with talking(make, OK, _abort, OK) as (transport, server):
        await get(transport)
        with pytest.raises(ReusedConnectionClosedError) as caught:
            await transport.send(Request("POST", "/x", b"{}"))
        assert caught.value.maybe_applied
        assert (await get(transport)).body == b"ok"
    assert (len(server.requests), server.connections) == (3, 2)


async def test_after_such_a_loss_what_cannot_be_sent_again_gets_a_connection_of_its_own(make: Make) -> None:
    """L4: a server that closes each connection after an answer, without notice, would otherwise never carry it out."""
    async with talking(make, OK, _abort, OK) as (transport, server):
        await get(transport)
        with pytest.raises(ReusedConnectionClosedError):
            await transport.send(Request("POST", "/x", b"{}"))
        await get(transport)
        before = server.connections
        await get(transport)
        await transport.send(Request("POST", "/x", b"{}", {"X-Idempotency": "1"}))
        assert server.connections == before
        await transport.send(Request("POST", "/x", b"{}"))
        assert server.connections == before + 1


@pytest.mark.parametrize("end", [_half, _reset, _cut_head, _cut_chunk, _garbage])
async def test_a_used_connection_that_ends_inside_an_answer_is_not_an_idle_one(make: Make, end: Script) -> None:
    """L4: only before the first byte of an answer is the connection taken for one that was closed as idle."""
    async with talking(make, OK, end, OK) as (transport, _):
        await get(transport)
        with pytest.raises(LostConnectionError):
            await transport.send(Request("POST", "/x", b"{}"))
        assert (await get(transport)).body == b"ok"


async def test_a_new_connection_that_ends_without_an_answer_is_not_an_idle_one(make: Make) -> None:
    """L4: the server had no reason to close it, so an attempt is used up."""
    async with talking(make, _abort, OK) as (transport, _):
        with pytest.raises(LostConnectionError):
            await transport.send(Request("POST", "/x", b"{}"))


@pytest.mark.parametrize("said", [b"", OK[:20], OK[:-1]], ids=["nothing", "half a head", "half a body"])
async def test_an_answer_that_is_not_complete_in_time_is_given_up_and_the_next_request_works(
    make: Make, said: bytes
) -> None:
    async with talking(make, said, OK) as (transport, server):
        with pytest.raises(AnswerTimeoutError):
            await get(transport)
        assert (await get(transport)).body == b"ok"
    assert server.connections == 2


async def test_an_answer_that_comes_slowly_but_in_time_is_taken(make: Make) -> None:
    async def slow(writer: asyncio.StreamWriter) -> None:
        for part in (OK[:20], OK[20:-1], OK[-1:]):
            await asyncio.sleep(0.02)
            writer.write(part)
            await writer.drain()

    async with talking(make, slow) as (transport, server):
        for _ in range(3):
            assert (await get(transport)).body == b"ok"
    assert server.connections == 1


async def test_many_at_once_each_get_the_answer_to_their_own(make: Make) -> None:
    async def echo(writer: asyncio.StreamWriter) -> None:
        body = server.requests[-1].partition(b"\r\n\r\n")[2]  # no other request is read before this is done
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()

    waiting = iter(range(200))
    answered: list[int] = []

    async def worker() -> None:
        for number in waiting:
            body = b"%d" % number * 100
            assert (await transport.send(Request("POST", "/x", body))).body == body
            answered.append(number)

    async with talking(make, echo) as (transport, server):
        await asyncio.gather(*[worker() for _ in range(16)])
    assert sorted(answered) == list(range(200))
    assert server.connections <= 16


async def test_a_body_of_a_megabyte_goes_and_comes(make: Make) -> None:
    body = b"x" * 1_000_000
    async with talking(make, b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + body) as (transport, server):
        assert (await transport.send(Request("POST", "/x", body))).body == body
    assert server.requests[0].endswith(body)


async def test_each_service_is_asked_at_its_own_address(make: Make) -> None:
    async with Server(OK).running(make.server_tls) as one, Server(OK).running(make.server_tls) as other:
        transport = make(one.url, other.url)
        await transport.send(Request("GET", "/a"))
        await transport.send(Request("GET", "/b", service=Service.TRANSACTION))
        await transport.aclose()
    assert [len(one.requests), len(other.requests)] == [1, 1]
    assert other.requests[0].startswith(b"GET /b ")


async def test_a_request_that_is_out_when_the_transport_is_closed_ends(make: Make) -> None:
    async with talking(make, b"") as (transport, server):
        task = asyncio.ensure_future(get(transport))
        while not server.requests:
            await asyncio.sleep(0)
        await transport.aclose()
        with pytest.raises(LostConnectionError):
            await task


async def test_a_connection_closed_while_idle_is_not_used_again(make: Make) -> None:
    async def then_close(writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await writer.drain()
        writer.close()

    async with talking(make, then_close, OK) as (transport, server):
        await get(transport)
        await asyncio.sleep(0.05)
        assert (await get(transport)).body == b"ok"
    assert server.connections == 2


@pytest.mark.parametrize("unasked", [WRONG, WRONG[:30]], ids=["whole", "begun"])
async def test_unrequested_bytes_are_never_the_answer_to_the_next_request(make: Make, unasked: bytes) -> None:
    async with talking(make, OK + unasked, OK) as (transport, _):
        assert (await get(transport)).body == b"ok"
        assert (await get(transport)).body == b"ok"


@pytest.mark.parametrize("unasked", [WRONG, WRONG[:30], b"not HTTP"], ids=["whole", "begun", "garbage"])
async def test_the_wire_closes_an_idle_connection_that_sends_bytes(make_wire: Make, unasked: bytes) -> None:
    """aiohttp takes such an answer for the next request's; the engine's own check of each answer stands behind it."""
    answered = asyncio.Event()

    async def once_more(writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await answered.wait()
        writer.write(unasked)

    async with talking(make_wire, once_more, OK) as (transport, server):
        assert (await get(transport)).body == b"ok"
        answered.set()
        await server.ended.wait()
        assert (await get(transport)).body == b"ok"
    assert server.connections == 2


async def test_a_cancelled_request_leaves_nothing_that_could_answer_the_next(make: Make) -> None:
    asked, cancelled, answered = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def late(writer: asyncio.StreamWriter) -> None:
        asked.set()
        await cancelled.wait()
        writer.write(WRONG)
        answered.set()

    async with talking(make, late, OK) as (transport, _):
        task = asyncio.ensure_future(get(transport))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await get(transport)).body == b"ok"
        cancelled.set()
        await answered.wait()
        for _ in range(5):
            assert (await get(transport)).body == b"ok"


async def test_a_base_url_with_a_path_goes_before_every_path(make: Make) -> None:
    async with Server(OK).running(make.server_tls) as server:
        transport = make(server.url + "/midaz/")
        await get(transport)
        await transport.aclose()
    assert server.requests[0].startswith(b"GET /midaz/x?a=%2B ")
