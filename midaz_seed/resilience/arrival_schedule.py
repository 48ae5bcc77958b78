"""The open loop: requests begin at moments that were fixed beforehand, whatever the server does about them.

In a closed loop a slow answer keeps the next request from being sent, and the latency that it would have had is never
measured (Tene's "coordinated omission"). Here each request has a slot in a schedule, and its latency counts from that
slot. A slot that nobody was free for within a second is dropped, and told.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from midaz_seed.clock import Clock
from midaz_seed.model.histogram import Histogram

LATE_MAX_S = 1.0
"""How late a slot may still be used."""


@dataclass(slots=True)
class ScheduleStats:
    """What became of a schedule."""

    sent: int = 0
    """Slots that were used."""
    dropped: int = 0
    """Slots that nobody was free for in time."""
    start_delay: Histogram = field(default_factory=Histogram)
    """How much later than its slot a request began, in microseconds."""

    def add(self, other: "ScheduleStats") -> None:
        """Add another schedule's counts."""
        self.sent += other.sent
        self.dropped += other.dropped
        self.start_delay.merge(other.start_delay)


class ArrivalSchedule:
    """`rate_per_s` slots a second, evenly; in the first `ramp_s` seconds their rate grows linearly from zero.

    Slots pass unused, and uncounted, while there is nothing to send: `was_idle_since` returns whether a worker has been
    idle since the last call.
    """

    def __init__(
        self, clock: Clock, rate_per_s: float, *, was_idle_since: Callable[[], bool], ramp_s: float = 0.0
    ) -> None:
        self._clock = clock
        self._rate_per_s = rate_per_s
        self._ramp_s = ramp_s
        self._was_idle_since = was_idle_since
        self._began_s: float | None = None
        self._next = 0
        self.slots = ScheduleStats()

    async def next_slot(self) -> float:
        """Wait for the next slot; gives its moment, in monotonic seconds, from which the latency counts."""
        now_s = self._clock.monotonic()
        if self._began_s is None:
            self._began_s = now_s
        due = math.ceil(self._slots_within(now_s - self._began_s))
        if self._was_idle_since():
            self._next = max(self._next, due)
        else:
            late = math.ceil(self._slots_within(now_s - self._began_s - LATE_MAX_S))
            self.slots.dropped += max(late - self._next, 0)
            self._next = max(self._next, late)
        slot_s = self._began_s + self._moment_of(self._next)
        self._next += 1
        self.slots.sent += 1
        if slot_s > now_s:
            await self._clock.sleep(slot_s - now_s)
            now_s = self._clock.monotonic()
        self.slots.start_delay.record(int((now_s - slot_s) * 1e6))
        return slot_s

    def _slots_within(self, elapsed_s: float) -> float:
        """Slots before a moment; the integral of the rate."""
        if elapsed_s <= 0:
            return 0.0
        if elapsed_s < self._ramp_s:
            return self._rate_per_s * elapsed_s**2 / (2 * self._ramp_s)
        return self._rate_per_s * (elapsed_s - self._ramp_s / 2)

    def _moment_of(self, slot: int) -> float:
        """When a slot is, in seconds from the beginning: the inverse of `_slots_within`."""
        in_ramp = self._rate_per_s * self._ramp_s / 2
        if slot < in_ramp:
            return math.sqrt(2 * self._ramp_s * slot / self._rate_per_s)
        return self._ramp_s + (slot - in_ramp) / self._rate_per_s
