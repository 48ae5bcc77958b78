"""The live page of a run: follows the run as an observer, and serves what it sees from a thread of its own."""

import os
import signal
import time
from collections import deque
from types import TracebackType
from typing import Any, Self

from midaz_seed.engine.context import RunContext
from midaz_seed.errors import SeedError
from midaz_seed.reporting.events import Draining, Event, StopRequested
from midaz_seed.reporting.logs import logger
from midaz_seed.reporting.report import Report
from midaz_seed.web.access import Access
from midaz_seed.web.address import Listening
from midaz_seed.web.assets import login_page
from midaz_seed.web.broadcast import Broadcast
from midaz_seed.web.event_lines import event_line
from midaz_seed.web.live_app import live_app
from midaz_seed.web.live_series import NewWindows
from midaz_seed.web.live_state import EVENTS_MAX, Json
from midaz_seed.web.live_update import RunSampler, result_of
from midaz_seed.web.serving import ServerThread
from midaz_seed.wording import printable

EVERY_S = 1.0
DELIVERY_S = 1.0
"""Longest time at the end for the last message to reach the watchers."""
DELIVERY_AFTER_STOP_S = 0.3
"""The same after a signal: the grace time ends soon."""
POLL_S = 0.02
REQUESTED_BY = "the live page"


class LivePage:
    """Serves the state of a run while the block lasts, and shortly after, so that the result reaches the watchers.

    The run's own thread calls `emit`, `watch` and `finish`; they hand small JSON values to the page's thread.
    """

    def __init__(self, listening: Listening, token: str = "", *, linger_s: float = 0.0) -> None:
        """Prepare the page.

        Args:
            listening: where it is served.
            token: required of each request; "" for none.
            linger_s: how long to serve it after the end of the run.
        """
        self.url = listening.url
        self._broadcast = Broadcast()
        access = Access(token, listening.is_loopback, login_page)
        app = live_app(self._broadcast, access, stop=self._request_stop, report=self._render_report)
        self._server = ServerThread(app, listening)
        self._linger_s = linger_s
        self._events: deque[Json] = deque(maxlen=EVENTS_MAX)
        self._context: RunContext | None = None
        self._sampler: RunSampler | None = None
        self._report: Report | None = None
        self._is_stopping = False
        self._has_ended = False

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if not self._has_ended:
            self._end(_failure(error))
        self._linger()
        self._server.call(self._broadcast.close)
        deadline_s = time.monotonic() + (DELIVERY_AFTER_STOP_S if self._is_stopping else DELIVERY_S)
        while self._broadcast.watchers and time.monotonic() < deadline_s:
            time.sleep(POLL_S)
        self._server.stop()

    def emit(self, event: Event) -> None:
        """Add an event to the log of the page."""
        if isinstance(event, StopRequested | Draining):
            self._is_stopping = True
        line = event_line(event, time.time())
        if line is not None:
            self._events.append(line)
        if self._sampler is None:  # nothing else reports it before the run begins
            self._publish({"events": self._new_events(), **self._status("starting")})

    async def watch(self, context: RunContext) -> None:
        """Publish each second what has changed, until cancelled."""
        self._context = context
        self._sampler = RunSampler(context)
        logger().info("live page", url=self.url)
        while True:
            self._publish_changes()
            await context.clock.sleep(EVERY_S)

    def finish(self, report: Report) -> None:
        """Publish the end of the run, with its result."""
        self._report = report
        self._end(result_of(report, self._context))

    def _publish_changes(self) -> None:
        assert self._sampler is not None
        changes: Json = {}
        windows: NewWindows | None = None
        try:
            changes, windows = self._sampler.changes()
        except Exception as error:  # noqa: BLE001 - the run must not fail because of its page
            logger().error("live page failed", error=f"{type(error).__name__}: {error}")
        self._publish({**changes, "events": self._new_events(), **self._status("running")}, windows)

    def _end(self, result: Json) -> None:
        if self._sampler is not None:
            self._publish_changes()
        self._has_ended = True
        self._publish({"status": "ended", "result": result, "events": self._new_events()})

    def _publish(self, update: Json, windows: NewWindows | None = None) -> None:
        self._server.call(self._broadcast.publish, update, windows)

    def _new_events(self) -> list[Json]:
        lines = list(self._events)
        self._events.clear()
        return lines

    def _status(self, status: str) -> dict[str, Any]:
        return {"status": "stopping" if self._is_stopping else status}

    def _request_stop(self) -> bool:
        """Stop the run as Ctrl-C does. Called in the page's thread; the run's own handles the signal."""
        if self._has_ended:
            return False
        if not self._is_stopping:  # a second signal would cut off what is in flight
            self._is_stopping = True
            if self._context is not None:
                self._context.findings.stop_requested_by = REQUESTED_BY
            os.kill(os.getpid(), signal.SIGINT)
        return True

    def _render_report(self) -> str | None:
        raise NotImplementedError

    def _linger(self) -> None:
        try:
            if self._linger_s and self._report is not None and not self._is_stopping:
                time.sleep(self._linger_s)
        except KeyboardInterrupt:  # it is over then, and the exit code of the run stays
            return


def _failure(error: BaseException | None) -> Json:
    """Return the result of a run that ended without a report."""
    message = str(error) if isinstance(error, SeedError) else "The run ended without a report."
    hint = error.hint if isinstance(error, SeedError) else ""
    code = int(error.exit_code) if isinstance(error, SeedError) else None
    return {"verdict": printable(message), "next_step": printable(hint), "exit_code": code, "report_file": ""}
