"""uvicorn's HTTP protocol with three additions: a fast path for plain requests, one write for each answer, and the
transport in the ASGI scope.

It overrides internals of uvicorn, so `pyproject.toml` has an upper bound for it.
"""

import logging
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from midaz_seed.sandbox.core.messages import TRANSPORT, Headers, Reply, text_reply
from midaz_seed.sandbox.http.app import ROUTER, FastEntry
from midaz_seed.sandbox.http.plain_request import read_plain
from midaz_seed.sandbox.http.router import Router

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
_NO_CONTENT = HTTPStatus.NO_CONTENT.value
_FAST_METHODS = {b"GET": "GET", b"POST": "POST"}
"""The methods that take the fast path."""


@lru_cache
def _head(status: int, headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """Return the head of an answer without its length. Few differ, so they are cached."""
    return _STATUS_LINES[status] + b"".join(b"%b: %b\r\n" % header for header in headers)


class _OneWrite:
    """A transport that buffers what is written until the answer is complete.

    uvicorn writes the head and the body one after the other, which is two system calls and wakes the client twice.
    """

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._buffer: list[bytes] = []

    def write(self, data: bytes) -> None:
        self._buffer.append(data)
        if data.startswith(b"HTTP/1.1 100"):
            self.flush()  # the client waits for it before it sends its body

    def flush(self) -> None:
        if self._buffer:
            self._transport.write(b"".join(self._buffer))
            self._buffer.clear()

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def get_extra_info(self, name: str) -> Any:
        return self._transport.get_extra_info(name)

    def is_closing(self) -> bool:
        return bool(self._transport.is_closing())


class Protocol(HttpToolsProtocol):
    """The protocol of a sandbox's connections. The scope's extension `TRANSPORT` holds the transport.

    The fast path: an application with a fast entry waits for nothing but the commit, so a plain request needs no task,
    no ASGI messages and no cycle. It is answered when its body is complete, and the answer is written when it is
    durable. Any other request, and one behind a request that is still being answered, is handled by uvicorn.
    """

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._one_write = _OneWrite(transport)
        self._extensions: dict[str, dict[object, object]] = {TRANSPORT: {"transport": self._one_write}}
        app: Any = self.app
        self._fast_entry: FastEntry | None = app.fast_entry
        self._router: Router = self.app_state[ROUTER]
        self._in_message = False
        """Whether the parser has a part of a request."""
        self._fast = False
        self._method = ""
        self._body = b""

    def data_received(self, data: bytes) -> None:
        if not self._in_message and self._may_be_fast() and not self.flow.write_paused:
            request = read_plain(data)
            if request is not None:
                path, headers, body = request
                self._answer("POST", path, b"", headers, body)
                return
        super().data_received(data)

    def _may_be_fast(self) -> bool:
        cycle: Any = self.cycle
        return self._fast_entry is not None and (cycle is None or cycle.response_complete)

    def on_message_begin(self) -> None:
        self._in_message = True
        self._fast = self._may_be_fast()
        if self._fast:
            self.url, self.headers, self.expect_100_continue, self._body = b"", [], False, b""
        else:
            self._begin_cycle()

    def _begin_cycle(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = self._extensions

    def on_headers_complete(self) -> None:
        if self._fast:
            parser = self.parser
            self._method = _FAST_METHODS.get(parser.get_method(), "")
            if (
                self._method
                and self.url.startswith(b"/")  # then the path ends where the query begins
                and b"#" not in self.url
                and parser.should_keep_alive()
                and parser.get_http_version() == "1.1"
                and not (self.expect_100_continue or parser.should_upgrade() or self.flow.write_paused)
            ):
                return
            self._fast = False
            url, headers, expects = self.url, self.headers, self.expect_100_continue
            self._begin_cycle()
            self.url, self.expect_100_continue = url, expects
            self.headers.extend(headers)
        super().on_headers_complete()
        cycle: Any = self.cycle
        cycle.transport = self._one_write

    def on_body(self, body: bytes) -> None:
        if self._fast:
            self._body += body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_message = False
        if not self._fast:
            super().on_message_complete()
            return
        path, _, query = self.url.partition(b"?")
        self._answer(self._method, path, query, self.headers, self._body)

    def _answer(self, method: str, path: bytes, query: bytes, headers: Headers, body: bytes) -> None:
        assert self._fast_entry is not None
        try:
            self._fast_entry(self._router, method, path, query, headers, body, self._write)
        except Exception:
            logging.getLogger("uvicorn.error").exception("Exception in the sandbox")
            self._write(text_reply(500, "Internal Server Error"))

    def _write(self, reply: Reply) -> None:
        if self.transport.is_closing():
            return
        status, headers, body = reply
        head = _head(status, tuple(headers))
        if status == _NO_CONTENT:
            self.transport.write(b"%b\r\n%b" % (head, body))
        else:
            self.transport.write(b"".join((head, b"content-length: ", str(len(body)).encode(), b"\r\n\r\n", body)))

    def on_response_complete(self) -> None:
        self._one_write.flush()
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        # uvicorn would start a timer that closes the idle connection; a Midaz keeps it open
        self.server_state.total_requests += 1
        self.flow.resume_reading()
