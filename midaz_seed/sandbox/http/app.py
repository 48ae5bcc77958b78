"""The ASGI application: reads a request, calls its handler, and sends the answer once everything written is
committed."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import orjson

from midaz_seed.clock import ShiftedClock
from midaz_seed.errors import OutputError
from midaz_seed.sandbox.core.error_codes import FailedError, RefusedError, describe
from midaz_seed.sandbox.core.messages import Call, Headers, Reply, json_reply, new_tuple, text_reply
from midaz_seed.sandbox.http.clock_endpoint import clock_reply
from midaz_seed.sandbox.http.router import Router
from midaz_seed.sandbox.storage.idempotency import NOT_REPLAYED
from midaz_seed.sandbox.storage.state import SandboxState

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Exchange = Callable[[Scope, Receive, Send], Awaitable[None]]
"""Reads one request and sends its answer."""
FastEntry = Callable[[Router, str, bytes, bytes, Headers, bytes, Callable[[Reply], None]], None]
"""Takes a complete request (router of its port, method, path, query, headers, body) and a function that writes its
answer."""

ROUTER = "router"
"""The key of the port's router in the state of the ASGI scope."""
_COMMIT_WITHIN_S = 0.02
"""With answers first: the longest time until what they acknowledge is committed."""
_FRAMEWORK_BODY_BYTES_MAX = 4 * 1024 * 1024
_OPEN_PATHS = (b"/health", b"/version", b"/readyz")


class Statistics:
    """Counts of requests and answers."""

    def __init__(self) -> None:
        # no `Counter`, in which an assignment takes five times as long
        self.requests: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.statuses: defaultdict[int, int] = defaultdict(int)
        self.in_flight = 0
        self.in_flight_max = 0

    def begin(self) -> None:
        """Count a request as in flight."""
        self.in_flight += 1
        if self.in_flight > self.in_flight_max:
            self.in_flight_max = self.in_flight

    def report(self) -> dict[str, Any]:
        """Return the counts as `GET /sandbox/stats` shows them."""
        requests = {f"{method} {group}".strip(): count for (method, group), count in sorted(self.requests.items())}
        statuses = {str(status): count for status, count in sorted(self.statuses.items())}
        return {"requests": requests, "statuses": statuses, "in_flight_max": self.in_flight_max}


class App:
    """The sandbox as an ASGI application."""

    def __init__(
        self, state: SandboxState, auth_token: str | None, fault_report: Callable[[], Mapping[str, Any]]
    ) -> None:
        """`fault_report` returns the answer of `GET /sandbox/faults`."""
        self.state = state
        self.fast_entry: FastEntry | None = self.handle_complete
        """For requests that need no ASGI exchange; None in an application that has no such entry."""
        self._fault_report = fault_report
        self.statistics = Statistics()
        self._body_bytes_max = state.dialect.body_bytes_max
        self._auth = None if auth_token is None else f"Bearer {auth_token}".encode()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[asyncio.Future[None]] = []
        self._unwritten: list[tuple[Callable[[Reply], None], Reply]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._broken = False
        self.delayed: set[asyncio.Task[None]] = set()
        """Requests that are carried out later, without a client that waits."""
        self.closing = False
        """Set when the server ends: requests that still wait are cancelled."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.serve(scope, receive, send, self._exchange)

    async def serve(self, scope: Scope, receive: Receive, send: Send, exchange: Exchange) -> None:
        """Carry out an exchange and count it as in flight meanwhile."""
        if scope["type"] != "http":
            return
        statistics = self.statistics
        statistics.begin()
        try:
            await exchange(scope, receive, send)
        except asyncio.CancelledError:
            if not self.closing:
                raise
            # the connection is cut already, and uvicorn would log a failure
        finally:
            statistics.in_flight -= 1

    def handle_complete(
        self,
        router: Router,
        method: str,
        path: bytes,
        query: bytes,
        headers: Headers,
        body: bytes,
        write: Callable[[Reply], None],
    ) -> None:
        """Answer a complete request, and write the answer when it is durable.

        The same as calling the application, but without a task.
        """
        statistics = self.statistics
        statistics.begin()
        try:
            reply = self._answer(router, method, path, query, headers, body)
        except BaseException:
            statistics.in_flight -= 1
            raise
        unwritten = self._unwritten
        if self.state.answer_first:
            if self.state.store.dirty:
                self._commit_within_time()
            self._write_reply(write, reply)
        elif unwritten or self.state.store.dirty:  # answers leave in the order of their requests
            if not unwritten:
                self._commit_this_turn()
            unwritten.append((write, reply))
        else:
            self._write_reply(write, reply)

    def _write_reply(self, write: Callable[[Reply], None], reply: Reply) -> None:
        if self._broken:
            reply = self._not_written()
        statistics = self.statistics
        statistics.in_flight -= 1
        statistics.statuses[reply.status] += 1
        write(reply)

    async def _exchange(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read a request, answer it, and send the answer when it is durable."""
        body = await self.read(receive)
        if body is None:
            return
        reply = self.answer(scope, body)
        if self.state.store.dirty:
            reply = await self.committed(reply)
        await self.send(send, reply)

    async def read(self, receive: Receive) -> bytes | None:
        """Return the body of a request; None when the client disconnected before it was complete."""
        message = await receive()
        body: bytes = message.get("body", b"")
        while message.get("more_body", False):
            message = await receive()
            body += message.get("body", b"")
        return None if message["type"] == "http.disconnect" else body

    def answer(self, scope: Scope, body: bytes) -> Reply:
        """Return the handler's answer; what the handler wrote is not committed yet."""
        router: Router = scope["state"][ROUTER]
        return self._answer(router, scope["method"], scope["raw_path"], scope["query_string"], scope["headers"], body)

    def _answer(self, router: Router, method: str, path: bytes, query: bytes, headers: Headers, body: bytes) -> Reply:
        try:
            return self._handled(router, method, path, query, headers, body)
        except (RefusedError, FailedError) as error:
            return self._error_reply(error, router.group_of(method, path))

    def _handled(self, router: Router, method: str, path: bytes, query: bytes, headers: Headers, body: bytes) -> Reply:
        group = ""
        try:
            if self._broken:
                raise FailedError(500, "the data file cannot be written")
            if self._auth is not None and not self.may_enter(path, headers):
                return text_reply(401, "Missing Token")
            if path.startswith(b"/sandbox/"):
                return self._sandbox_endpoint(method, path, body)
            if len(body) > _FRAMEWORK_BODY_BYTES_MAX:
                raise FailedError(413, "Request Entity Too Large", from_router=True)
            (handler, group), params = router.find(method, path)
            if len(body) > self._body_bytes_max:
                raise FailedError(413, "Request Entity Too Large")
            return handler(self.state, new_tuple(Call, (method, path, params, query, headers, body)))
        except RefusedError as error:
            if (method, group, error.situation) in self.state.dialect.failing:
                failure = FailedError(500, "Internal Server Error")
                failure.claimed = error.claimed
                raise failure from error
            raise
        finally:
            self.statistics.requests[method, group] += 1

    def _error_reply(self, error: RefusedError | FailedError, group: str) -> Reply:
        dialect = self.state.dialect
        status, described = describe(error, dialect, group)
        plain = error.from_router if isinstance(error, FailedError) else error.code in dialect.plain_json_codes
        content_type = b"application/json" if plain else dialect.error_content_type.encode()
        headers = [(b"content-type", content_type), *error.headers]
        if error.claimed and dialect.replay_header_on_errors:
            headers += NOT_REPLAYED
        return Reply(status, headers, orjson.dumps(described))

    def may_enter(self, path: bytes, headers: Headers) -> bool:
        """Return whether a request has the token, or needs none."""
        token = self._auth
        return token is None or path in _OPEN_PATHS or (b"authorization", token) in headers

    def _sandbox_endpoint(self, method: str, raw_path: bytes, body: bytes) -> Reply:
        """Serve the endpoints that a Midaz does not have: /sandbox/stats, /sandbox/faults and, with `control`,
        /sandbox/clock."""
        if raw_path == b"/sandbox/stats":
            return json_reply(200, self.statistics.report())
        if raw_path == b"/sandbox/faults":
            return json_reply(200, self._fault_report())
        if raw_path == b"/sandbox/clock" and isinstance(self.state.clock, ShiftedClock):
            return clock_reply(self.state, self.state.clock, method, body)
        raise FailedError(404, f"Cannot {method} {raw_path.decode('latin-1')}", from_router=True)

    async def committed(self, reply: Reply) -> Reply:
        """Wait until everything written so far is durable; with answers first only schedule the commit."""
        if self.state.answer_first:
            self._commit_within_time()
        elif self.state.store.dirty:
            await self.commit_soon()
        return self._not_written() if self._broken else reply

    def _not_written(self) -> Reply:
        return json_reply(*describe(FailedError(500, "the data file cannot be written"), self.state.dialect))

    def commit_soon(self) -> asyncio.Future[None]:
        """Return a future that is done when everything written so far is durable.

        All calls in one turn of the event loop share one commit.
        """
        self._commit_this_turn()
        done: asyncio.Future[None] = self._running_loop().create_future()
        self._waiting.append(done)
        return done

    def _commit_this_turn(self) -> None:
        if not self._waiting and not self._unwritten:
            self._running_loop().call_soon(self.commit)

    def _commit_within_time(self) -> None:
        if self._timer is None:
            self._timer = self._running_loop().call_later(_COMMIT_WITHIN_S, self.commit)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:  # cached: in Python 3.11 each call is a system call
            self._loop = asyncio.get_running_loop()
        return self._loop

    def commit(self) -> None:
        """Commit what was written, and send the answers that wait for it."""
        waiting, self._waiting = self._waiting, []
        unwritten, self._unwritten = self._unwritten, []
        self._timer = None
        try:
            if self.state.store.dirty:
                self.state.store.commit()
        except OutputError:
            # memory is ahead of the file now: nothing may be acknowledged any more
            self._broken = True
        for done in waiting:
            if not done.done():
                done.set_result(None)
        for write, reply in unwritten:
            self._write_reply(write, reply)

    async def send(self, send: Send, reply: Reply) -> None:
        """Send an answer."""
        self.statistics.statuses[reply.status] += 1
        await send({"type": "http.response.start", "status": reply.status, "headers": _headers(reply)})
        await send({"type": "http.response.body", "body": reply.body})


def _headers(reply: Reply) -> Headers:
    """Return the headers of an answer with its length; a 204 has a length only when its handler sets it."""
    if reply.status == 204:
        return reply.headers
    return [*reply.headers, (b"content-length", b"%d" % len(reply.body))]
