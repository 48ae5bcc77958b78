"""Progress on stderr: a live display on a terminal, otherwise a line every few seconds.

Both read the meter and receive the events of the run.
"""

import os
import sys
from abc import ABC, abstractmethod
from collections import deque
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from midaz_seed.clock import Clock
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import (
    BatchSizeChosen,
    BatchSizeMeasured,
    BreakerChanged,
    ConcurrencyChanged,
    Draining,
    Event,
    PhaseFinished,
    RateLimited,
    RunStarted,
    Settled,
    TimeUp,
)
from midaz_seed.reporting.logs import silence
from midaz_seed.reporting.meter import Meter

LIVE_EVERY_S = 0.25
LINE_EVERY_S = 5.0
WINDOW_S = 10.0
"""Length of the window that rates are computed over."""
ROWS_MAX = 10
"""Maximum ledgers in the live display; the others share one row."""


class Progress(ABC):
    """Shows the progress of a run."""

    every_s: float

    def __init__(self, meter: Meter, clock: Clock) -> None:
        self._meter = meter
        self._clock = clock
        self._started_s = clock.monotonic()
        self._window: deque[tuple[float, int, int]] = deque()
        self.breaker = "closed"
        self.draining = ""

    async def run(self) -> None:
        """Show the state at intervals until cancelled."""
        self.begin()
        try:
            while True:
                self.show()
                await self._clock.sleep(self.every_s)
        finally:
            self.end()

    def emit(self, event: Event) -> None:
        """Receive an event of the run."""
        if isinstance(event, BreakerChanged):
            self.breaker = event.state
        elif isinstance(event, Draining):
            self.draining = event.reason
        line = describe(event)
        if line:
            self.print_line(line)

    def numbers(self) -> "Numbers":
        """Compute the current figures."""
        meter, now_s = self._meter, self._clock.monotonic()
        self._window.append((now_s, meter.finished, meter.requests))
        while len(self._window) > 2 and now_s - self._window[0][0] > WINDOW_S:
            self._window.popleft()
        then_s, finished, requests = self._window[0]
        span_s = now_s - then_s
        rate = (meter.requests - requests) / span_s if span_s > 0 else 0.0
        pace = (meter.finished - finished) / span_s if span_s > 0 else 0.0
        left = max(meter.planned - meter.finished, 0)
        eta_s = left / pace if pace > 0 else None if left else 0.0
        return Numbers(
            done=meter.finished,
            planned=meter.planned,
            rate_per_s=rate,
            elapsed_s=now_s - self._started_s,
            eta_s=eta_s,
            error_percent=100 * meter.failed / meter.finished if meter.finished else 0.0,
            in_flight=meter.in_flight,
        )

    def begin(self) -> None:
        """Prepare the output before the first `show`."""

    def end(self) -> None:
        """Finish the output after the last `show`."""

    @abstractmethod
    def show(self) -> None:
        """Show the current state."""

    @abstractmethod
    def print_line(self, line: str) -> None:
        """Print a line about an event."""


class Numbers:
    """Figures of a run at one time. `eta_s` is None while no item finishes."""

    def __init__(
        self,
        *,
        done: int,
        planned: int,
        rate_per_s: float,
        elapsed_s: float,
        eta_s: float | None,
        error_percent: float,
        in_flight: int,
    ) -> None:
        self.done = done
        self.planned = planned
        self.rate_per_s = rate_per_s
        self.elapsed_s = elapsed_s
        self.eta_s = eta_s
        self.error_percent = error_percent
        self.in_flight = in_flight

    def __str__(self) -> str:
        share = 100 * self.done / self.planned if self.planned else 100.0
        eta = _duration(self.eta_s) if self.eta_s is not None else "?"
        return (
            f"{share:5.1f} %  {self.done:,}/{self.planned:,} items  {self.rate_per_s:,.0f} requests/s  "
            f"elapsed {_duration(self.elapsed_s)}  left {eta}  errors {self.error_percent:.2f} %  "
            f"in flight {self.in_flight}"
        )


class LineProgress(Progress):
    """Prints one line every few seconds, and one per described event."""

    every_s = LINE_EVERY_S

    def __init__(self, meter: Meter, clock: Clock, stream: TextIO) -> None:
        super().__init__(meter, clock)
        self._stream = stream

    def show(self) -> None:
        breaker = "" if self.breaker == "closed" else f"  breaker {self.breaker}"
        self.print_line(f"{self.numbers()}{breaker}")

    def print_line(self, line: str) -> None:
        try:
            print(line, file=self._stream, flush=True)
        except OSError:
            silence(self._stream)

    def end(self) -> None:
        self.show()


class LiveProgress(Progress):
    """Redraws a display in place: totals, then each active ledger."""

    every_s = LIVE_EVERY_S

    def __init__(self, meter: Meter, clock: Clock, stream: TextIO) -> None:
        super().__init__(meter, clock)
        self._console = Console(file=stream, stderr=stream is sys.stderr)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)

    def begin(self) -> None:
        self._live.start()

    def end(self) -> None:
        self._live.stop()

    def show(self) -> None:
        self._live.update(self.render(), refresh=True)

    def emit(self, event: Event) -> None:
        """Print lines only for events of the whole run; the display shows the phases."""
        if isinstance(event, RunStarted | BreakerChanged | RateLimited | Draining | TimeUp):
            super().emit(event)

    def print_line(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False)

    def render(self) -> RenderableType:
        """Build the current display."""
        numbers = self.numbers()
        totals = Table.grid(padding=(0, 1), expand=True)
        totals.add_column(ratio=1)
        totals.add_row(ProgressBar(total=max(numbers.planned, 1), completed=numbers.done))
        state = Text(str(numbers))
        if self.breaker != "closed":
            state.append(f"  breaker {self.breaker}", style="bold red")
        if self.draining:
            state.append(f"  {self.draining}", style="yellow")
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for column in ("ledger", "phase", "done", "of"):
            table.add_column(column, justify="right" if column in ("done", "of") else "left")
        active = [(key, ledger) for key, ledger in self._meter.ledgers.items() if ledger.active and key]
        for key, ledger in active[:ROWS_MAX]:
            table.add_row(key, ledger.phase.value, f"{ledger.done:,}", f"{ledger.planned:,}")
        others = [ledger for _, ledger in active[ROWS_MAX:]]
        if others:
            done, planned = (sum(counts) for counts in zip(*((row.done, row.planned) for row in others), strict=True))
            table.add_row("...", f"{len(others)} more", f"{done:,}", f"{planned:,}")
        return Group(totals, state, table)


def make_progress(stream: TextIO, meter: Meter, clock: Clock) -> Progress:
    """Return a live display for a terminal that supports it and does not set NO_COLOR, otherwise lines."""
    live = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return LiveProgress(meter, clock, stream) if live else LineProgress(meter, clock, stream)


def describe(event: Event) -> str:
    """Describe an event in one line; "" for events that are only logged."""
    match event:
        case RunStarted():
            return f"run {event.run_id}: {event.ledgers} ledgers on {event.target} (Midaz {event.server_version})"
        case PhaseFinished(ledger=ledger, phase=phase) if ledger and phase is not Phase.SETTLEMENT:
            if phase is Phase.VERIFY:
                return f"{ledger} verified in {event.elapsed_s:.1f} s"
            failed = f", {event.failed:,} failed" if event.failed else ""
            existing = f", {event.existing:,} existing" if event.existing else ""
            return f"{ledger} {event.phase}: {event.created:,} created{existing}{failed} in {event.elapsed_s:.1f} s"
        case BatchSizeMeasured():
            return (
                f"batch size {event.size}: {event.movements_per_s:,.0f} movements/s, p99 {event.latency_ms_p99:.1f} ms"
            )
        case BatchSizeChosen():
            return f"batch size chosen: {event.size} ({event.reason})"
        case RateLimited():
            return f"the server rejects requests because of their number: slowing down to {event.rate_per_s:,.0f}/s"
        case ConcurrencyChanged():
            return f"concurrency {event.in_flight} ({event.reason})"
        case TimeUp():
            return f"time limit reached after {event.at_s:.1f} s: settling and verifying what was started"
        case Settled():
            return f"{event.ledger} settled after {event.waited_s:.2f} s, balances read {event.looks} times"
    return ""


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
