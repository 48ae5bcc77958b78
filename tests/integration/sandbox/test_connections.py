"""Requests on one connection: whole, in pieces and in line, over a real socket."""

import socket
from urllib.parse import urlsplit

import pytest

from midaz_seed.sandbox.server import running_in_thread

BODY = b'{"legalName":"O","legalDocument":""}'
HEAD = b"POST /v1/organizations HTTP/1.1\r\nHost: h\r\nX-Idempotency: k\r\nContent-Length: %d\r\n\r\n" % len(BODY)
REQUEST = HEAD + BODY


def answers(connection: socket.socket, count: int, size: int) -> bytes:
    """Receive `count` answers of `size` bytes."""
    received = b""
    while len(received) < count * size:
        data = connection.recv(65536)
        assert data, received
        received += data
    return received


def test_requests_in_pieces_and_in_line_get_the_same_answer_as_whole_ones() -> None:
    with running_in_thread() as server:
        at = urlsplit(server.url)
        with socket.create_connection((at.hostname or "", at.port or 0), timeout=5) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(REQUEST)
            whole = connection.recv(65536)
            assert whole.startswith(b"HTTP/1.1 400 ")
            for cut in (1, 20, len(HEAD) - 3, len(HEAD), len(HEAD) + 5):
                connection.sendall(REQUEST[:cut])
                connection.settimeout(0.02)
                with pytest.raises(TimeoutError):  # nothing is answered before the request is complete
                    connection.recv(1)
                connection.settimeout(5)
                connection.sendall(REQUEST[cut:])
                assert answers(connection, 1, len(whole)) == whole
                connection.sendall(REQUEST)
                assert answers(connection, 1, len(whole)) == whole
            connection.sendall(REQUEST + REQUEST + REQUEST.replace(b"X-Idempotency", b"x-idempotency"))
            assert answers(connection, 3, len(whole)) == whole * 3
            connection.sendall(REQUEST.replace(b"Host: h", b"Connection: close"))
            assert answers(connection, 1, len(whole)).startswith(b"HTTP/1.1 400 ")
            while connection.recv(65536):  # the server closes the connection
                pass
