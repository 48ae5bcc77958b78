"""The open model: requests start at scheduled times, regardless of responses.

In the closed model a slow answer delays the next request, whose latency is then not measured ("coordinated omission",
Gil Tene). Here each request has a slot in a schedule, and its latency is measured from that slot. A slot that no worker
takes within a second is dropped and reported.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from midaz_seed.clock import Clock
from midaz_seed.model.histogram import Histogram

LATE_MAX_S = 1.0
"""Maximum delay with which a slot is still used."""


@dataclass(slots=True)
class ScheduleStats:
    """Counts of the slots of a schedule."""

    sent: int = 0
    """Slots in which a request started."""
    dropped: int = 0
    """Slots that no worker took in time."""
    start_delay: Histogram = field(default_factory=Histogram)
    """Delay between a slot and the start of its request, in microseconds."""

    def add(self, other: "ScheduleStats") -> None:
        """Add another schedule's counts."""
        self.sent += other.sent
        self.dropped += other.dropped
        self.start_delay.merge(other.start_delay)


class ArrivalSchedule:
    """Evenly spaced slots; during the ramp-up their rate increases linearly from zero.

    Slots in which there is nothing to send are not counted.
    """

    def __init__(
        self, clock: Clock, rate_per_s: float, *, was_idle_since: Callable[[], bool], ramp_s: float = 0.0
    ) -> None:
        """Prepare the schedule; it starts with the first call of `next_slot`.

        Args:
            clock: the clock of the slots.
            rate_per_s: slots per second after the ramp-up.
            was_idle_since: whether a worker has been idle since the last call.
            ramp_s: length of the ramp-up, in seconds.
        """
        self._clock = clock
        self._rate_per_s = rate_per_s
        self._ramp_s = ramp_s
        self._was_idle_since = was_idle_since
        self._started_s: float | None = None
        self._next = 0
        self.slots = ScheduleStats()

    async def next_slot(self) -> float:
        """Wait for the next slot and return its time in monotonic seconds, from which the latency is measured."""
        now_s = self._clock.monotonic()
        if self._started_s is None:
            self._started_s = now_s
        due = math.ceil(self._slots_within(now_s - self._started_s))
        if self._was_idle_since():
            self._next = max(self._next, due)
        else:
            late = math.ceil(self._slots_within(now_s - self._started_s - LATE_MAX_S))
            self.slots.dropped += max(late - self._next, 0)
            self._next = max(self._next, late)
        slot_s = self._started_s + self._time_of(self._next)
        self._next += 1
        self.slots.sent += 1
        if slot_s > now_s:
            await self._clock.sleep(slot_s - now_s)
            now_s = self._clock.monotonic()
        self.slots.start_delay.record(int((now_s - slot_s) * 1e6))
        return slot_s

    def _slots_within(self, elapsed_s: float) -> float:
        """Return the number of slots in the first `elapsed_s` seconds: the integral of the rate."""
        if elapsed_s <= 0:
            return 0.0
        if elapsed_s < self._ramp_s:
            return self._rate_per_s * elapsed_s**2 / (2 * self._ramp_s)
        return self._rate_per_s * (elapsed_s - self._ramp_s / 2)

    def _time_of(self, slot: int) -> float:
        """Return the time of a slot, in seconds since the start: the inverse of `_slots_within`."""
        in_ramp = self._rate_per_s * self._ramp_s / 2
        if slot < in_ramp:
            return math.sqrt(2 * self._ramp_s * slot / self._rate_per_s)
        return self._ramp_s + (slot - in_ramp) / self._rate_per_s
