"""The figures of a run at one time, and the line that fits them into a width."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from midaz_seed.wording import counted, duration_text

DECIMAL_BELOW_MS = 10.0
"""Latencies below have a decimal: 2.1 ms, 85 ms."""
SECONDS_FROM_MS = 10_000.0
"""Latencies from here are in seconds, which keeps them short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Figures of a run at one time."""

    done: int
    planned: int
    unit: str
    """What is counted: `item`, or `ledger` where only a verification runs."""
    requests_per_s: float
    movements_per_s: float
    elapsed_s: float
    eta_s: float | None
    """None while nothing finishes."""
    error_percent: float
    """Failed items of the finished ones."""
    in_flight: int
    limit: int | None = None
    """The maximum in flight now, where it changes; otherwise None."""
    breaker: str = "closed"
    latency_ms: tuple[float, float] | None = None
    """p50 and p99 of the requests that were answered within the last seconds; None without any."""
    day: str = ""
    """The day of the history that is being sent, the earliest over all ledgers; "" without dates."""
    errors: Mapping[str, int] = field(default_factory=dict)
    """Failed attempts by class."""
    history: tuple[float, ...] = ()
    """Movements in each second of the last minute, or in each longer window in a run of hours."""

    @property
    def share(self) -> float:
        """The share that is done, from 0 to 1."""
        return self.done / self.planned if self.planned else 0.0

    @property
    def rate(self) -> str:
        """Movements per second; requests, while no money moves."""
        if self.movements_per_s > 0 or not self.requests_per_s:
            return f"{self.movements_per_s:,.0f} movements/s"
        return f"{self.requests_per_s:,.0f} requests/s"

    @property
    def latency(self) -> tuple[str, str]:
        """p50 and p99 as text; "" without any."""
        if self.latency_ms is None:
            return "", ""
        return f"p50 {latency_text(self.latency_ms[0])}", f"p99 {latency_text(self.latency_ms[1])}"

    @property
    def failures(self) -> str:
        """The failed attempts by class, the most frequent first: "12 server, 3 timeout"."""
        most_first = sorted(self.errors.items(), key=lambda each: (-each[1], each[0]))
        return ", ".join(f"{number:,} {error.replace('_', ' ')}" for error, number in most_first)

    def line(self, width: int | None = None) -> str:
        """Return the figures in one line. Where it would be wider than `width`, the less important are left out."""
        p50, p99 = self.latency
        fields = self._progress_fields()
        fields[2:2] = [Field(4.5, self.rate), Field(7, p50), Field(5.5, p99)]
        fields += [Field(8.5, f"failed attempts: {self.failures}" if self.errors else "")]
        return fitted(fields, width)

    def progress_line(self, width: int) -> str:
        """Return how far the run is in one line, without rate and latency."""
        return fitted(self._progress_fields(), width)

    def _progress_fields(self) -> "list[Field]":
        eta = duration_text(self.eta_s) if self.eta_s is not None else "?"
        limit = f"/{self.limit:,}" if self.limit is not None else ""
        return [
            Field(0, f"{100 * self.share:5.1f} %"),
            Field(3, f"{self.done:,}/{counted(self.planned, self.unit)}", f"{self.done:,}/{self.planned:,}"),
            Field(9, f"day {self.day}" if self.day else ""),
            Field(10, f"elapsed {duration_text(self.elapsed_s)}"),
            Field(2, f"left {eta}"),
            Field(4 if self.error_percent > 0 else 11, f"errors {self.error_percent:.2f} %"),
            Field(6 if limit else 8, f"in flight {self.in_flight:,}{limit}"),
            Field(1, "" if self.breaker == "closed" else f"breaker {self.breaker}"),
        ]


@dataclass(frozen=True, slots=True)
class Field:
    """A part of a line with figures. Those of the highest rank are left out first in a narrow line; `short` replaces a
    part once those that are higher by 2 are left out."""

    rank: float
    text: str
    short: str = ""


def fitted(fields: list[Field], width: int | None) -> str:
    """Join fields to a line of at most `width`; None: all of them."""
    texts = [each.text for each in fields]
    steps = [(each.rank, at, "") for at, each in enumerate(fields)]
    steps += [(each.rank + 1.5, at, each.short) for at, each in enumerate(fields) if each.short]
    for _, at, shorter in sorted(steps, reverse=True):
        if width is None or len(_joined(texts)) <= width:
            break
        texts[at] = shorter
    return _joined(texts)


def _joined(texts: list[str]) -> str:
    return "  ".join(text for text in texts if text)


def latency_text(latency_ms: float) -> str:
    """Format a latency: 2.1 ms, 85 ms, 12.3 s."""
    if latency_ms >= SECONDS_FROM_MS:
        return f"{latency_ms / 1000:.1f} s"
    return f"{latency_ms:.1f} ms" if latency_ms < DECIMAL_BELOW_MS else f"{latency_ms:,.0f} ms"
