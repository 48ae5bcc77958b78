"""A server that repeats the headers of requests, which may hold secrets, in its answers."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote


class EchoServer(ThreadingHTTPServer):
    """Answers like a Midaz that rejects what it is sent, with what it was sent.

    Args:
        mode: "early": every request gets `status`; "late": only those that write.
        status: of the answers that repeat.
        page: they are a proxy's page and not an error of Midaz.
    """

    daemon_threads = True

    def __init__(self, mode: str, status: int, *, page: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mode, self.status, self.page = mode, status, page
        self.requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: EchoServer

    def do_GET(self) -> None:
        if self.server.mode == "early":
            self._repeat()
        elif "/version" in self.path:
            self._answer(200, json.dumps({"version": "v3.8.0"}))
        elif self.path.endswith(("/health", "/readyz")):
            self._answer(200, json.dumps({"status": "healthy"}))
        else:
            self._answer(200, json.dumps({"items": [], "limit": 10, "page": 1}))

    def do_HEAD(self) -> None:
        self._repeat()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._repeat()

    do_DELETE = do_PATCH = do_POST  # noqa: N815 - the names of http.server

    def _repeat(self) -> None:
        """Answer with all headers, at another place of the text each time, so that texts are cut in the middle."""
        self.server.requests += 1
        pad = "." * (self.server.requests * 7 % 90)
        values = [value for name, value in self.headers.items() if name not in ("Host", "Content-Length")]
        forms = [form for value in values for part in (value, value.rpartition(" ")[2]) for form in _forms(part)]
        text = pad + " ".join(forms)
        if self.server.page:
            self._answer(
                self.server.status, f"<html>{text}</html>", location=f"http://other.example/?{quote(text[:900])}"
            )
        else:
            body = {"code": "0001", "title": values[-1], "message": text, "errors": forms}
            self._answer(self.server.status, json.dumps(body))

    def _answer(self, status: int, text: str, *, location: str = "") -> None:
        data = text.encode()
        self.send_response(status, "no")
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *arguments: Any) -> None:
        return


def _forms(value: str) -> list[str]:
    return [value, quote(value), quote(value, safe=""), base64.b64encode(value.encode()).decode(), json.dumps(value)]


@contextmanager
def echo_server(mode: str, status: int, *, page: bool = False) -> Iterator[EchoServer]:
    """Run an echo server in a thread."""
    with EchoServer(mode, status, page=page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
