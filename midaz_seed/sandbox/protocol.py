"""uvicorn's HTTP protocol with two additions: one write an answer, and the transport within reach of the faults."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from midaz_seed.sandbox.faulty import TRANSPORT


class _OneWrite:
    """A transport that keeps what is written until the answer is complete.

    uvicorn writes the head and the body one after the other, which is two system calls and wakes the client twice.
    """

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._kept: list[bytes] = []

    def write(self, data: bytes) -> None:
        self._kept.append(data)
        if data.startswith(b"HTTP/1.1 100"):
            self.flush()  # the client waits for this before it sends its body

    def flush(self) -> None:
        if self._kept:
            self._transport.write(b"".join(self._kept))
            self._kept.clear()

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
    """What the sandbox listens with. The scope's extension `TRANSPORT` holds the transport: a reset has to reach it."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._one_write = _OneWrite(transport)
        self._extensions: dict[str, dict[object, object]] = {TRANSPORT: {"transport": self._one_write}}

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = self._extensions

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        cycle: Any = self.cycle
        cycle.transport = self._one_write

    def on_response_complete(self) -> None:
        self._one_write.flush()
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        # uvicorn would now start a timer that closes the connection; a Midaz does not close idle ones
        self.server_state.total_requests += 1
        self.flow.resume_reading()
