"""Progress on stderr: a live display on a terminal, a line every few seconds elsewhere. Both read the meter and take
events."""

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
    RunStarted,
    Settled,
    TimeUp,
)
from midaz_seed.reporting.logs import silence
from midaz_seed.reporting.meter import Meter

LIVE_EVERY_S = 0.25
LINE_EVERY_S = 5.0
WINDOW_S = 10.0
"""The rate is that of the last so many seconds."""
ROWS_MAX = 10
"""Ledgers that the live display shows at once; the others are summed up."""


class Progress(ABC):
    """What a run shows while it goes on."""

    every_s: float

    def __init__(self, meter: Meter, clock: Clock) -> None:
        self._meter = meter
        self._clock = clock
        self._started_s = clock.monotonic()
        self._window: deque[tuple[float, int, int]] = deque()
        self.breaker = "closed"
        self.draining = ""

    async def run(self) -> None:
        """Show the state at intervals until cancelled; then once more."""
        self.begin()
        try:
            while True:
                self.show()
                await self._clock.sleep(self.every_s)
        finally:
            self.end()

    def emit(self, event: Event) -> None:
        """Take an event of the run."""
        if isinstance(event, BreakerChanged):
            self.breaker = event.state
        elif isinstance(event, Draining):
            self.draining = event.reason
        line = describe(event)
        if line:
            self.say(line)

    def numbers(self) -> "Numbers":
        """The state now."""
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
        """Before the first `show`."""

    def end(self) -> None:
        """After the last one."""

    @abstractmethod
    def show(self) -> None:
        """Show the state now."""

    @abstractmethod
    def say(self, line: str) -> None:
        """Tell of an event."""


class Numbers:
    """A moment of a run. `eta_s` is None while nothing moves."""

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
    """One line every few seconds, and one for each event worth telling."""

    every_s = LINE_EVERY_S

    def __init__(self, meter: Meter, clock: Clock, stream: TextIO) -> None:
        super().__init__(meter, clock)
        self._stream = stream

    def show(self) -> None:
        breaker = "" if self.breaker == "closed" else f"  breaker {self.breaker}"
        self.say(f"{self.numbers()}{breaker}")

    def say(self, line: str) -> None:
        try:
            print(line, file=self._stream, flush=True)
        except OSError:
            silence(self._stream)

    def end(self) -> None:
        self.show()


class LiveProgress(Progress):
    """A display that stays in place: the whole, then each active ledger."""

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
        """The phases are in the display; a line of its own gets only what the run is about."""
        if isinstance(event, RunStarted | BreakerChanged | Draining | TimeUp):
            super().emit(event)

    def say(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False)

    def render(self) -> RenderableType:
        """The display as it is now."""
        numbers = self.numbers()
        whole = Table.grid(padding=(0, 1), expand=True)
        whole.add_column(ratio=1)
        whole.add_row(ProgressBar(total=max(numbers.planned, 1), completed=numbers.done))
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
        return Group(whole, state, table)


def make_progress(stream: TextIO, meter: Meter, clock: Clock) -> Progress:
    """Live on a terminal that can show it and wants colour, lines otherwise."""
    live = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return LiveProgress(meter, clock, stream) if live else LineProgress(meter, clock, stream)


def describe(event: Event) -> str:
    """One line about an event that a person wants to see; "" for the others, of which trouble is told by the log."""
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
            return f"packs of {event.size}: {event.movements_per_s:,.0f} movements/s, p99 {event.latency_ms_p99:.1f} ms"
        case BatchSizeChosen():
            movements = "1 movement" if event.size == 1 else f"{event.size} movements"
            return f"{movements} in a transaction ({event.reason})"
        case ConcurrencyChanged():
            return f"{event.in_flight} in flight from now on ({event.reason})"
        case TimeUp():
            return f"time is up after {event.at_s:.1f} s: settling and proving what was begun"
        case Settled():
            return f"{event.ledger} settled after {event.waited_s:.2f} s, balances read {event.looks} times"
    return ""


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
