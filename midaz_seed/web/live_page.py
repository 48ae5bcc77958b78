"""The live page of a run: follows the run as an observer, and serves what it sees from a thread of its own."""

import asyncio
import logging
import os
import signal
import threading
import time
from collections import deque
from contextlib import suppress
from types import TracebackType
from typing import Self

from midaz_seed.engine.context import RunContext
from midaz_seed.errors import SeedError
from midaz_seed.files import write_atomically
from midaz_seed.listening import Listening
from midaz_seed.pages.chart_data import report_charts
from midaz_seed.pages.report_page import headline, render_report
from midaz_seed.reporting.events import Draining, Event, StopRequested
from midaz_seed.reporting.logs import log
from midaz_seed.reporting.report import Report
from midaz_seed.runs.directory import PAGE, REPORT_PAGE
from midaz_seed.web.access import Access
from midaz_seed.web.broadcast import Broadcast
from midaz_seed.web.event_lines import event_line
from midaz_seed.web.live_app import live_app
from midaz_seed.web.live_series import NewWindows
from midaz_seed.web.live_state import EVENTS_MAX, Json
from midaz_seed.web.live_update import RunSampler
from midaz_seed.web.serving import ServerThread
from midaz_seed.wording import printable

EVERY_S = 1.0
DELIVERY_S = 1.0
"""Longest time at the end for the last message, and then the report, to reach the watchers."""
DELIVERY_AFTER_STOP_S = 0.5
"""The same after a signal: the grace time ends soon."""
REPORT_S = 0.3
"""Time in which a page that has received the last message asks for the report."""
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
        access = Access(token, listening.is_loopback)
        app = live_app(self._broadcast, access, stop=self._request_stop, report=self._render_report)
        self._server = ServerThread(app, listening)
        self._linger_s = linger_s
        self._events: deque[Json] = deque(maxlen=EVENTS_MAX)
        self._context: RunContext | None = None
        self._sampler: RunSampler | None = None
        self._report: Report | None = None
        self._rendered: asyncio.Task[str] | None = None
        self._delivering: asyncio.Task[None]
        self._is_stopping = False
        self._is_signalled = False
        """A signal was received, so that the process has to end within its grace time."""
        self._has_ended = False

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if not self._has_ended:
            self._end(_failure(error))
        if self._linger_s and not self._is_signalled:
            with suppress(KeyboardInterrupt):  # it ends the page; the exit code of the run stays
                time.sleep(self._linger_s)
        delivered = threading.Event()
        self._server.call(self._deliver, delivered)
        delivered.wait(DELIVERY_AFTER_STOP_S if self._is_signalled else DELIVERY_S)
        self._server.stop()

    def emit(self, event: Event) -> None:
        """Add an event to the log of the page."""
        self._is_signalled = self._is_signalled or isinstance(event, StopRequested)
        self._is_stopping = self._is_stopping or isinstance(event, StopRequested | Draining)
        line = event_line(event, time.time())
        if line is not None:
            self._events.append(line)
        if self._sampler is None:  # nothing else reports it before the run begins
            self._publish({"events": self._new_events(), "status": self._status("starting")})

    async def watch(self, context: RunContext) -> None:
        """Publish each second what has changed, until cancelled."""
        self._context = context
        self._sampler = RunSampler(context)
        log(logging.INFO, "live page", url=self.url)
        try:
            while True:
                self._publish_changes()
                self._leave_address(context)
                await context.clock.sleep(EVERY_S)
        finally:
            if context.directory is not None:
                with suppress(OSError):
                    (context.directory / PAGE).unlink(missing_ok=True)

    def finish(self, report: Report) -> None:
        """Publish the end of the run, with its result."""
        self._report = report
        self._end(_result(report, self._context))

    def _publish_changes(self) -> None:
        assert self._sampler is not None
        changes: Json = {}
        windows: NewWindows | None = None
        try:
            changes, windows = self._sampler.changes()
        except Exception as error:  # noqa: BLE001 - the run must not fail because of its page
            log(logging.ERROR, "live page failed", error=f"{type(error).__name__}: {error}")
        self._publish({**changes, "events": self._new_events(), "status": self._status("running")}, windows)

    def _leave_address(self, context: RunContext) -> None:
        """Write into the run's directory where its page is, for `runs serve`, once there is one."""
        directory = context.directory
        if directory is None or not directory.exists or (directory / PAGE).exists():
            return
        with suppress(OSError):  # the journal reports a full disk
            write_atomically(directory / PAGE, f"{self.url}\n".encode(), durable=False, private=True)

    def _end(self, result: Json) -> None:
        if self._sampler is not None:
            self._publish_changes()
        self._has_ended = True
        update = {"status": "ended", "result": result, "events": self._new_events()}
        self._server.call(self._publish_end, update, self._report)

    def _publish(self, update: Json, windows: NewWindows | None = None) -> None:
        self._server.call(self._broadcast.publish, update, windows)

    def _new_events(self) -> list[Json]:
        lines = list(self._events)
        self._events.clear()
        return lines

    def _status(self, status: str) -> str:
        return "stopping" if self._is_stopping else status

    # the following are called in the thread of the page

    def _publish_end(self, update: Json, report: Report | None) -> None:
        has_charts = report is not None and self._broadcast.watchers and report.time_series.windows
        self._broadcast.publish_end(update, report_charts(report) if report is not None and has_charts else None)

    def _deliver(self, delivered: threading.Event) -> None:
        self._delivering = asyncio.create_task(self._deliver_end(delivered))

    async def _deliver_end(self, delivered: threading.Event) -> None:
        """Wait until the watchers have the last message and, if there are any, for their requests for the report."""
        is_watched = self._broadcast.watchers > 0
        self._broadcast.close()
        await self._broadcast.without_watchers.wait()
        if is_watched:
            await asyncio.sleep(REPORT_S)
            if self._rendered is not None:
                await self._rendered
        delivered.set()

    def _request_stop(self) -> bool:
        """Stop the run as Ctrl-C does: the handler of the signal is in the run's own thread."""
        if self._has_ended:
            return False
        if not self._is_stopping:  # a second signal would cut off what is in flight
            self._is_stopping = True
            if self._context is not None:
                self._context.findings.stop_requested_by = REQUESTED_BY
            os.kill(os.getpid(), signal.SIGINT)
        return True

    async def _render_report(self) -> str | None:
        if self._report is None:
            return None
        if self._rendered is None:  # once for all watchers, and without keeping the others waiting
            self._rendered = asyncio.create_task(asyncio.to_thread(render_report, self._report))
        return await self._rendered


def _result(report: Report, context: RunContext | None) -> Json:
    """Return the result of a run that has ended, as the live state has it."""
    word = headline(report)
    file = context.directory / REPORT_PAGE if context is not None and context.directory is not None else None
    by_page = context is not None and bool(context.findings.stop_requested_by)
    return {
        "word": "Stopped" if by_page else word.word,
        "tone": word.tone,
        "verdict": printable(report.verdict),
        "next_step": printable(report.next_step),
        "exit_code": int(report.exit_code),
        "report_file": printable(str(file)) if file is not None and file.exists() else "",
    }


def _failure(error: BaseException | None) -> Json:
    """Return the result of a run that ended without a report."""
    known = error if isinstance(error, SeedError) else None
    return {
        "word": "Failed",
        "tone": "bad",
        "verdict": printable(str(known) if known else "The run ended without a report."),
        "next_step": printable(known.hint if known else ""),
        "exit_code": int(known.exit_code) if known else None,
        "report_file": "",
    }
