"""Both transports against any bytes: a response is what was sent, or there is none."""

import asyncio
import time
from collections.abc import Sequence

from hypothesis import strategies as st

from midaz_seed.midaz.evidence import Effect, of_transaction
from midaz_seed.transport.aiohttp_transport import AiohttpTransport
from midaz_seed.transport.base import (
    BODY_BYTES_MAX,
    HEAD_BYTES_MAX,
    ConnectError,
    Request,
    Response,
    TransportError,
)
from midaz_seed.transport.httptools_transport import HttptoolsTransport
from tests.support.damage import Damage, damaged, damages
from tests.support.fuzzing import fuzz
from tests.support.http_bytes import (
    INCOMPLETE,
    ByteServer,
    Segments,
    Sent,
    reference,
    split,
    valid_answers,
)
from tests.support.transactions import PLACE, own_answer, planned_items

Kind = type[HttptoolsTransport] | type[AiohttpTransport]
Outcome = Response | TransportError
KINDS: tuple[Kind, ...] = (HttptoolsTransport, AiohttpTransport)
TIMEOUT_S = 0.2
PLACES = st.lists(st.integers(0, 2**16), max_size=4)
ENDS = st.sampled_from(["close"] * 20 + ["reset"] * 4 + ["stay"])
ITEMS = planned_items()[:3]
BODIES = st.one_of(
    st.sampled_from([own_answer(item) for item in ITEMS]),
    st.binary(max_size=30),
    st.sampled_from([b"", b'{"code":"0047","title":"Bad","message":"no"}', b"x" * 70_000]),
)
ANSWERS = valid_answers(BODIES, st.sampled_from([201, 201, 201, 200, 204, 304, 400, 404, 429, 503]))


def _exchange(
    kind: Kind, streams: Sequence[Segments], ends: Sequence[str], requests: Sequence[Request]
) -> list[Outcome]:
    """Send requests one after the other, and return the outcomes; each takes little longer than the timeout."""

    async def run() -> list[Outcome]:
        async with ByteServer(streams, ends) as url:
            transport = kind(url, url, headers={}, request_timeout_s=TIMEOUT_S, connect_timeout_s=5)
            try:
                return [await _outcome(transport, request) for request in requests]
            finally:
                await transport.aclose()

    return asyncio.run(run())


async def _outcome(transport: HttptoolsTransport | AiohttpTransport, request: Request) -> Outcome:
    start_s = time.monotonic()
    try:
        return await transport.send(request)
    except TransportError as error:
        return error
    finally:
        assert time.monotonic() - start_s < TIMEOUT_S + 20


def _post(index: int) -> Request:
    return Request("POST", f"{PLACE}/transactions/json", ITEMS[index].body, {"X-Idempotency": str(index)})


@fuzz(examples=150, sent=st.lists(ANSWERS, min_size=1, max_size=3), places=PLACES)
def test_a_valid_answer_arrives_as_it_was_sent(sent: list[Sent], places: list[int]) -> None:
    streams = [split(answer.data, places) for answer in sent]
    ends = ["stay" if answer.keeps_open else "close" for answer in sent]
    for kind in KINDS:
        outcomes = _exchange(kind, streams, ends, [_post(index) for index in range(len(sent))])
        for answer, outcome in zip(sent, outcomes, strict=True):
            assert isinstance(outcome, Response), (kind, outcome)
            assert (outcome.status, outcome.body) == (answer.status, answer.body), kind
            assert outcome.headers.get("X-Trailer") is None, kind
            assert {name: outcome.headers.get(name.lower()) for name, _ in answer.headers} == {
                name: outcome.headers.get(name.upper()) for name, _ in answer.headers
            }


@fuzz(
    examples=300,
    sent=st.tuples(ANSWERS, ANSWERS),
    damage=st.tuples(damages(max_size=2), damages(max_size=1)),
    places=PLACES,
    ends=st.tuples(ENDS, ENDS),
)
def test_damaged_answers_are_no_answers_or_what_was_sent(
    sent: tuple[Sent, Sent], damage: tuple[list[Damage], list[Damage]], places: list[int], ends: tuple[str, str]
) -> None:
    others = [answer.data for answer in sent]
    streams = [damaged(answer.data, done, others) for answer, done in zip(sent, damage, strict=True)]
    _check(streams, places, ends)


def _check(streams: Sequence[bytes], places: list[int], ends: Sequence[str]) -> None:
    expected = reference(streams[0])
    found: list[Response] = []
    for kind in KINDS:
        outcomes = _exchange(kind, [split(data, places) for data in streams], ends, [_post(0), _post(1)])
        first = outcomes[0]
        for index, outcome in enumerate(outcomes):
            if isinstance(outcome, Response):
                _check_evidence(outcome, index)
            else:
                assert str(outcome)
                assert outcome.maybe_applied is not isinstance(outcome, ConnectError)
        if isinstance(first, Response):
            found.append(first)
            assert expected != INCOMPLETE, (kind, first)
            if isinstance(expected, tuple):
                assert (first.status, first.body) == expected[:2], kind
        elif isinstance(expected, tuple) and expected[2] == len(streams[0]) and ends[0] == "close":
            raise AssertionError(f"{kind.__name__} refuses a valid answer: {first!r}")
    if len(found) == 2:
        assert (found[0].status, found[0].body) == (found[1].status, found[1].body), expected


def _check_evidence(response: Response, index: int) -> None:
    """An item counts as made only if the answer names it."""
    evidence = of_transaction(response.status, response.headers, response.body, ITEMS[index], PLACE)
    if evidence.effect is Effect.MADE:
        assert ITEMS[index].mark in response.body


LENGTHS = st.sampled_from(
    ["0", "1", "30", "00030", "31", "-1", "+30", " 30", "30 ", "30, 30", "30,31", "0x1e", "3e1", "", "1_0", "\xb3\xb0"]
    + [str(number) for number in (2**63, 2**64, 2**64 + 30, 10**40, 10**15)]
)
SIZES = st.sampled_from([b"1e", b"1E", b"001e", b"0x1e", b"-1e", b"+1e", b" 1e", b"1e ", b"1e;", b"1e;x", b"", b"g"])
LARGE_SIZES = st.sampled_from([b"f" * 15, b"f" * 16, b"1" + b"0" * 16, b"1" + b"0" * 16 + b"1e", b"9" * 40])
ENDINGS = st.sampled_from([b"\r\n", b"\r\n", b"\n", b"\r"])


@fuzz(examples=300, length=LENGTHS, twice=st.none() | LENGTHS, chunked=st.booleans(), extra=st.binary(max_size=4))
def test_lengths_of_any_form(length: str, twice: str | None, chunked: bool, extra: bytes) -> None:
    lines = [f"Content-Length: {length}".encode()] + (
        [f"content-length: {twice}".encode()] if twice is not None else []
    )
    lines += [b"Transfer-Encoding: chunked"] if chunked else []
    body = b"x" * 30
    payload = b"1e\r\n" + body + b"\r\n0\r\n\r\n" if chunked else body
    data = b"HTTP/1.1 200 OK\r\n" + b"\r\n".join(lines) + b"\r\n\r\n" + payload + extra
    _check([data, data], [], ["close", "close"])


@fuzz(
    examples=300,
    sizes=st.lists(SIZES | LARGE_SIZES, min_size=1, max_size=3),
    closed=st.booleans(),
    ending=st.sampled_from([b"\r\n", b"\n", b"\r"]),
)
def test_chunk_sizes_of_any_form(sizes: list[bytes], closed: bool, ending: bytes) -> None:
    chunks = b"".join(size + ending + b"x" * 30 + b"\r\n" for size in sizes)
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + (b"0\r\n\r\n" if closed else b"")
    _check([data, data], [], ["close", "close"])


@fuzz(examples=200, data=st.binary(max_size=200), start=st.sampled_from([b"", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\n"]))
def test_bytes_that_are_no_answer(data: bytes, start: bytes) -> None:
    _check([start + data, start + data], [], ["close", "close"])


HEAD = b"HTTP/1.1 200 OK\r\n"
EMPTY = b"Content-Length: 0\r\n\r\n"
LARGE_PARTS: dict[str, tuple[bytes, bytes, bytes]] = {
    "body": (HEAD + b"Content-Length: %d\r\n\r\n", b"x" * 1000, b""),
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"3e0\r\n" + b"x" * 992 + b"\r\n", b"0\r\n\r\n"),
    "until the end": (HEAD + b"\r\n", b"x" * 1000, b""),
    "header": (HEAD + b"X-Long: ", b"x" * 1000, b"\r\n" + EMPTY),
    "headers": (HEAD, b"X-Many: 1\r\n" * 100, EMPTY),
    "interim": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 40, HEAD + EMPTY),
    "reason": (b"HTTP/1.1 200 ", b"x" * 1000, b"\r\n" + EMPTY),
    "trailer": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-Long: ", b"x" * 1000, b"\r\n\r\n"),
}
"""Start, a part of some 1,000 bytes that is repeated, and end of a large answer."""


@fuzz(examples=30, kind=st.sampled_from(sorted(LARGE_PARTS)), kilobytes=st.sampled_from([60, 900, 7_000, 24_000]))
def test_a_large_answer_is_whole_or_none(kind: str, kilobytes: int) -> None:
    start, part, end = LARGE_PARTS[kind]
    if b"%d" in start:
        start = start % (kilobytes * len(part))
    segments = (start, *[part * 20] * (kilobytes // 20), end)
    for transport in KINDS:
        (outcome,) = _exchange(transport, [segments], ["close"], [_post(0)])
        if isinstance(outcome, Response):
            assert len(outcome.body) in (0, 992 * kilobytes, 1000 * kilobytes)
            assert len(outcome.body) <= BODY_BYTES_MAX
            assert sum(len(name) + len(value) for name, value in outcome.headers.items()) <= HEAD_BYTES_MAX
