"""Plain requests are read as the HTTP parser reads them, or left to it."""

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.sandbox.core.messages import Headers
from midaz_seed.sandbox.http.plain_request import read_plain


class Parsed:
    """A request as the HTTP parser reads it."""

    def __init__(self, data: bytes) -> None:
        self.url, self.body, self.completed = b"", b"", 0
        self.headers: Headers = []
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.completed += 1


LINES = st.sampled_from(
    [b"POST /v1/a-b/c_1 HTTP/1.1"] * 6
    + [
        b"GET /v1 HTTP/1.1",
        b"POST /v1?a=1 HTTP/1.1",
        b"POST /v1#a HTTP/1.1",
        b"POST /v1 HTTP/1.0",
        b"post /v1 HTTP/1.1",
    ]
    + [b"POST  /v1 HTTP/1.1", b"POST http://h/v1 HTTP/1.1", b"POST /v\xc3\xa9 HTTP/1.1", b"POST /v1"]
)
USUAL = [b"Host: h:1", b"User-Agent: a b", b"Content-Type: application/json", b"X-Idempotency: r.o1-2", b"X-TTL: 300"]
HEADERS = st.lists(
    st.sampled_from(
        USUAL * 3
        + [b"Connection: close", b"Transfer-Encoding: chunked", b"Expect: 100-continue", b"Upgrade: websocket"]
        + [b"x-idempotency: k", b"X-Idempotency:k", b"X-Idempotency:  k ", b"X-Idempotency: ", b"X-Idempotency: k\xe9"]
        + [b"X-Idempotency: a b", b"X-Idempotency: a\tb", b"X-Idempotency: a\x00", b"Host : h", b" folded", b"Host"]
        + [b"Content-Length: 2", b"Content-Length: 02", b"content-length: 2", b"Accept: */*\nHost: h", b"Accept: "]
    ),
    max_size=6,
)
BODIES = st.sampled_from([b"{}", b"{}", b"{}", b"", b"{}\r\n\r\n", b'{"a": "\r\n\r\nContent-Length: 2\r\n\r\n"}'])
LENGTHS = st.sampled_from([None] * 6 + [b"", b"+2", b"02", b"2 ", b"3", b"1"])
AFTER = st.sampled_from([b"\r\n\r\n"] * 6 + [b"\r\n", b"", b"\n\n"])


@given(LINES, HEADERS, LENGTHS, AFTER, BODIES)
def test_a_plain_request_is_what_the_parser_reads(
    line: bytes, headers: list[bytes], length: bytes | None, after: bytes, body: bytes
) -> None:
    ends = b"Content-Length: " + (b"%d" % len(body) if length is None else length)
    data = b"\r\n".join([line, *headers, ends]) + after + body
    plain = read_plain(data)
    if plain is None:
        return
    parsed = Parsed(data)
    assert (parsed.url, parsed.headers, parsed.body) == plain
    assert (parsed.completed, parsed.parser.get_method()) == (1, b"POST")
    assert parsed.parser.should_keep_alive()
    assert not parsed.parser.should_upgrade()


HEAD = b"POST /v1/organizations HTTP/1.1\r\nHost: localhost:1\r\nUser-Agent: midaz-seed\r\n"


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        (HEAD + b"Content-Length: 2\r\n\r\n{}", []),
        (
            HEAD + b"X-Idempotency: r.o1.0\r\nX-TTL: 300\r\nContent-Length: 2\r\n\r\n{}",
            [(b"x-idempotency", b"r.o1.0"), (b"x-ttl", b"300")],
        ),
        (HEAD + b"X-Idempotency: r.o1.1\r\nContent-Length: 2\r\n\r\n{}", [(b"x-idempotency", b"r.o1.1")]),
    ],
)
def test_requests_of_the_engine_are_plain(data: bytes, headers: Headers) -> None:
    first = [(b"host", b"localhost:1"), (b"user-agent", b"midaz-seed")]
    expected = (b"/v1/organizations", [*first, *headers, (b"content-length", b"2")], b"{}")
    assert read_plain(data) == expected
    assert read_plain(data) == expected  # from what was kept of the first one
    assert read_plain(data[:-1]) is None
    assert read_plain(data + data) is None
