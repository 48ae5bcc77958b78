"""Progress on stderr: a live display on a terminal, otherwise a line every few seconds.

Both read the meter and receive the events of the run.
"""

import sys
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TextIO

from rich.console import Console, Group, RenderableType
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType
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
from midaz_seed.reporting.terminal import can_redraw, text_width, wants_colour
from midaz_seed.wording import counted, printable

LIVE_EVERY_S = 0.25
LINE_EVERY_S = 5.0
WINDOW_S = 10.0
"""Length of the window that rates are computed over."""
LINE_WIDTH_MAX = 100
"""Columns of the live display, at most; longer lines would wrap sooner when the terminal becomes narrower."""
ROWS_MAX = 10
"""Maximum ledgers in the live display; the others share one row."""


Limit = Callable[[], int | None]
"""Returns the maximum in flight at this time, where it changes during a run; otherwise None."""
Verified = Callable[[], tuple[int, int]]
"""Returns how many ledgers are verified, and how many there are; shown where nothing is to be created."""


def _no_limit() -> None:
    return None


def _no_ledgers() -> tuple[int, int]:
    return 0, 0


class Progress(ABC):
    """Shows the progress of a run."""

    every_s: float

    def __init__(
        self, meter: Meter, clock: Clock, *, verified: Verified = _no_ledgers, limit: Limit = _no_limit
    ) -> None:
        """Create a display.

        Args:
            meter: the counters to show.
            clock: gives the intervals.
            verified: counts the ledgers.
            limit: returns the maximum in flight.
        """
        self._meter = meter
        self._clock = clock
        self._verified = verified
        self._started_s = clock.monotonic()
        self._window: deque[tuple[float, int, int]] = deque()
        self.breaker = "closed"
        self.draining = ""
        self._limit = limit

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
        done, planned, unit = self._counts()
        self._window.append((now_s, done, meter.requests))
        while len(self._window) > 2 and now_s - self._window[0][0] > WINDOW_S:
            self._window.popleft()
        then_s, done_then, requests = self._window[0]
        span_s = now_s - then_s
        pace = (done - done_then) / span_s if span_s > 0 else 0.0
        left = max(planned - done, 0)
        return Numbers(
            done=done,
            planned=planned,
            unit=unit,
            rate_per_s=(meter.requests - requests) / span_s if span_s > 0 else 0.0,
            elapsed_s=now_s - self._started_s,
            eta_s=left / pace if pace > 0 else None if left else 0.0,
            error_percent=100 * meter.failed / meter.finished if meter.finished else 0.0,
            in_flight=meter.in_flight,
            limit=self._limit(),
            breaker=self.breaker,
        )

    def _counts(self) -> tuple[int, int, str]:
        """Return how much is done, of how much, and the unit."""
        if self._meter.planned:
            return self._meter.finished, self._meter.planned, "item"
        return *self._verified(), "ledger"

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Figures of a run at one time."""

    done: int
    planned: int
    unit: str
    """What is counted: `item`, or `ledger` where only a verification runs."""
    rate_per_s: float
    elapsed_s: float
    eta_s: float | None
    """None while nothing finishes."""
    error_percent: float
    in_flight: int
    limit: int | None = None
    """The maximum in flight now, where it changes; otherwise None."""
    breaker: str = "closed"

    @property
    def share(self) -> float:
        """The share that is done, from 0 to 1."""
        return self.done / self.planned if self.planned else 0.0

    def __str__(self) -> str:
        return self.line()

    def line(self, width: int | None = None) -> str:
        """Return the figures in one line. Where it would be wider than `width`, the less important are left out."""
        fields = self._fields()
        texts = [field.text for field in fields]
        steps = [(field.rank, at, "") for at, field in enumerate(fields)]
        steps += [(field.rank + 1.5, at, field.short) for at, field in enumerate(fields) if field.short]
        for _, at, shorter in sorted(steps, reverse=True):
            if width is None or len(_joined(texts)) <= width:
                break
            texts[at] = shorter
        return _joined(texts)

    def _fields(self) -> "list[_Field]":
        eta = _duration(self.eta_s) if self.eta_s is not None else "?"
        limit = f"/{self.limit:,}" if self.limit is not None else ""
        failed = self.error_percent > 0
        return [
            _Field(0, f"{100 * self.share:5.1f} %"),
            _Field(3, f"{self.done:,}/{counted(self.planned, self.unit)}", f"{self.done:,}/{self.planned:,}"),
            _Field(6, f"{self.rate_per_s:,.0f} requests/s"),
            _Field(8, f"elapsed {_duration(self.elapsed_s)}"),
            _Field(2, f"left {eta}"),
            _Field(4 if failed else 9, f"errors {self.error_percent:.2f} %"),
            _Field(5 if limit else 7, f"in flight {self.in_flight:,}{limit}"),
            _Field(1, "" if self.breaker == "closed" else f"breaker {self.breaker}"),
        ]


@dataclass(frozen=True, slots=True)
class _Field:
    """A part of the line with the figures. Those of the highest rank are left out first in a narrow line; `short`
    replaces a part once those that are higher by 2 are left out."""

    rank: float
    text: str
    short: str = ""


def _joined(texts: list[str]) -> str:
    return "  ".join(text for text in texts if text)


class LineProgress(Progress):
    """Prints one line every few seconds, and one per described event."""

    every_s = LINE_EVERY_S

    def __init__(self, meter: Meter, clock: Clock, stream: TextIO, **shown: Any) -> None:
        super().__init__(meter, clock, **shown)
        self._stream = stream

    def show(self) -> None:
        width = text_width(self._stream, LINE_WIDTH_MAX) if self._stream.isatty() else None
        self.print_line(self.numbers().line(width))

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

    def __init__(self, meter: Meter, clock: Clock, stream: TextIO, **shown: Any) -> None:
        super().__init__(meter, clock, **shown)
        self._console = Console(
            file=stream,
            stderr=stream is sys.stderr,
            force_terminal=True,
            force_interactive=True,
            no_color=not wants_colour(stream),
        )
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._drawn: list[int] = []
        """Length of each line that is displayed."""

    def begin(self) -> None:
        self._live.start()

    def end(self) -> None:
        self._erase_wrapped_rows()
        self._live.stop()

    def show(self) -> None:
        lines = self._lines()
        self._erase_wrapped_rows()
        self._live.update(Group(*lines), refresh=True)
        self._drawn = [line.cell_len for line in lines]

    def emit(self, event: Event) -> None:
        """Print lines only for events of the whole run; the display shows the phases."""
        if isinstance(event, RunStarted | BreakerChanged | RateLimited | Draining | TimeUp):
            super().emit(event)

    def print_line(self, line: str) -> None:
        self._erase_wrapped_rows()
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def render(self) -> RenderableType:
        """Build the current display."""
        return Group(*self._lines())

    def _lines(self) -> list[Text]:
        """Return the lines of the display, each narrower than the terminal: a full last column would wrap."""
        width = min(self._console.width, LINE_WIDTH_MAX + 1) - 1
        numbers = self.numbers()
        lines = [self._bar(numbers.share, width), Text(numbers.line(width))]
        if self.draining:
            lines.append(Text(printable(self.draining), style="yellow"))
        rows = max(min(ROWS_MAX, self._console.height - len(lines) - 2), 1)
        lines += self._ledgers(rows)
        for line in lines:
            line.truncate(width)
        return lines

    def _bar(self, share: float, width: int) -> Text:
        done, rest = ("#", ".") if self._console.options.ascii_only else ("━", "─")
        filled = int(width * min(share, 1.0))
        return Text.assemble((done * filled, "green"), (rest * (width - filled), "dim"))

    def _ledgers(self, rows_max: int) -> list[Text]:
        """Return a row for each active ledger, up to `rows_max`, and one for the others."""
        active = [(key, ledger) for key, ledger in self._meter.ledgers.items() if ledger.active and key]
        rows = [
            (key, ledger.phase.value, f"{ledger.done:,}", f"{ledger.planned:,}") for key, ledger in active[:rows_max]
        ]
        others = [ledger for _, ledger in active[rows_max:]]
        if others:
            done, planned = sum(ledger.done for ledger in others), sum(ledger.planned for ledger in others)
            rows.append(("...", f"{len(others):,} more", f"{done:,}", f"{planned:,}"))
        if not rows:
            return []
        rows.insert(0, ("ledger", "phase", "done", "of"))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return [
            Text("  ".join(f"{cell:{align}{width}}" for cell, align, width in zip(row, "<<>>", widths, strict=True)))
            for row in rows
        ]

    def _erase_wrapped_rows(self) -> None:
        """Erase what a narrower terminal has made of the displayed lines, up to the height that rich erases itself.

        Terminals break lines that have become too long in two, so that the display is higher than it was drawn.
        """
        width = max(self._console.width, 1)
        added = sum(max(-(-length // width), 1) - 1 for length in self._drawn)
        self._drawn = []
        if added:
            erase_up = ((ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1))
            self._console.control(Control(ControlType.CARRIAGE_RETURN, *(erase_up * added)))


def make_progress(
    stream: TextIO, meter: Meter, clock: Clock, *, verified: Verified = _no_ledgers, limit: Limit = _no_limit
) -> Progress:
    """Return a live display for a terminal that can redraw lines, otherwise lines.

    Args:
        stream: where to display it.
        meter: the counters to show.
        clock: gives the intervals.
        verified: as in `Progress`.
        limit: as in `Progress`.
    """
    kind = LiveProgress if can_redraw(stream) else LineProgress
    return kind(meter, clock, stream, verified=verified, limit=limit)


def describe(event: Event) -> str:
    """Describe an event in one line that can be printed; "" for events that are only logged."""
    return printable(_described(event))


def _described(event: Event) -> str:
    match event:
        case RunStarted():
            ledgers = counted(event.ledgers, "ledger")
            return f"run {event.run_id}: {ledgers} on {event.target} (Midaz {event.server_version})"
        case PhaseFinished(ledger=ledger, phase=phase) if ledger and phase is not Phase.SETTLEMENT:
            if phase is Phase.VERIFY:
                done = "verified in" if event.created else "not verified, stopped after"
                return f"{ledger} {done} {event.elapsed_s:.1f} s"
            failed = f", {event.failed:,} failed" if event.failed else ""
            existing = f", {event.existing:,} existing" if event.existing else ""
            made = f"{event.refused:,} refused" if phase is Phase.REFUSALS else f"{event.created:,} created"
            return f"{ledger} {event.phase}: {made}{existing}{failed} in {event.elapsed_s:.1f} s"
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
            looks = counted(event.looks, "time")
            return f"{event.ledger} settled after {event.waited_s:.2f} s, balances read {looks}"
    return ""


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
