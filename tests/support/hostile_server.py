"""A server whose texts attack the terminal that shows them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

HOSTILE = "\x1b]0;pwned\x07 \x1b[2J\x9b31m \u202egpj\u2066 \r\nerror: \x00\u2028" + "long" * 10_000
"""Sets a title, erases the screen (in both sets of control characters), turns the direction of the text around, fakes a
line of ours, and is very long."""


@contextmanager
def hostile_server(*, version: str = "v3.8.0", reads_fail: bool = False) -> Iterator[str]:
    """Run a server that is empty and rejects every write with a hostile message; yield its URL.

    Args:
        version: the version that it reports.
        reads_fail: it rejects reads with a hostile message, too.
    """
    refusal = {"code": "0053", "title": HOSTILE, "message": HOSTILE}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/version":
                self._answer(200, {"version": version})
            elif reads_fail:
                self._answer(400, refusal)
            else:
                self._answer(200, {"items": []})

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(400, refusal)

        def do_HEAD(self) -> None:
            self.send_response_only(204)
            self.send_header("X-Total-Count", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

        def _answer(self, status: int, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response_only(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
