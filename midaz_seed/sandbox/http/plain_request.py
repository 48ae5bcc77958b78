"""Reads the head of a plain POST without the HTTP parser, which is most of what a sandbox receives.

A client of many transactions sends the same head each time, except for the idempotency key and the length of the body.
So the parts around these two are read once and cached. Any other request is left to the parser.
"""

import re
from functools import lru_cache

from midaz_seed.sandbox.core.messages import Headers

_REQUEST_LINE = re.compile(rb"POST (/[A-Za-z0-9/_.~-]*) HTTP/1\.1")
_HEADER = re.compile(rb"([A-Za-z-]+): ([!-~](?:[ -~]*[!-~])?)")
_NAMES = frozenset((b"host", b"user-agent", b"accept", b"content-type", b"authorization", b"x-ttl"))
"""The headers that have no meaning for the parser, so that it would only pass them on."""

PlainRequest = tuple[bytes, Headers, bytes]
"""The path of a POST without a query, its headers with their names in lower case, and its body."""


def read_plain(data: bytes) -> PlainRequest | None:
    """Return the request that `data` is; None when it is no plain POST, or more or less than one."""
    if not data.startswith(b"POST "):
        return None
    head, end, body = data.partition(b"\r\n\r\n")
    head, _, length = head.rpartition(b"\r\nContent-Length: ")
    if not end or length != str(len(body)).encode():
        return None
    head, separator, key = head.partition(b"\r\nX-Idempotency: ")
    begins = _beginning(head)
    if begins is None:
        return None
    path, headers = begins
    last = (b"content-length", length)
    if not separator:
        return path, [*headers, last], body
    key, _, rest = key.partition(b"\r\n")
    more = _headers(rest)
    if more is None or not key or key.strip() != key or not key.decode("latin-1").isprintable():
        return None
    return path, [*headers, (b"x-idempotency", key), *more, last], body


@lru_cache(maxsize=1024)
def _beginning(head: bytes) -> tuple[bytes, Headers] | None:
    """Return the path and the first headers; None for a head that the parser has to read."""
    line, _, rest = head.partition(b"\r\n")
    request = _REQUEST_LINE.fullmatch(line)
    headers = _headers(rest)
    return (request[1], headers) if request is not None and headers is not None else None


@lru_cache(maxsize=64)
def _headers(lines: bytes) -> Headers | None:
    """Return the headers of some lines; None when one of them is for the parser."""
    headers: Headers = []
    for line in lines.split(b"\r\n") if lines else ():
        header = _HEADER.fullmatch(line)
        if header is None or header[1].lower() not in _NAMES:
            return None
        headers.append((header[1].lower(), header[2]))
    return headers
