"""The open model: requests start at scheduled times, regardless of responses.

In the closed model a slow answer delays the next request, whose latency is then not measured ("coordinated omission",
Gil Tene). Here each request has a slot in a schedule, and its latency is measured from that slot. A slot that no worker
takes within a second is dropped and reported.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from midaz_seed.clock import Clock
from midaz_seed.model.histogram import Histogram
from midaz_seed.model.rate_curve import Ramp, RateCurve

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


class _Even:
    """Positions of slots that are one apart."""

    def __init__(self) -> None:
        self._next = 0

    def take(self) -> float:
        """Return the next position."""
        self._next += 1
        return float(self._next - 1)

    def skip_to(self, position: float) -> None:
        """Leave out the positions below this one."""
        self._next = max(self._next, math.ceil(position))

    def drop_to(self, position: float) -> int:
        """Leave out the positions below this one, and return how many they were."""
        before = self._next
        self.skip_to(position)
        return self._next - before


class _Random:
    """Positions of a Poisson process: the distances are exponentially distributed with the mean 1.

    On the positions of a curve it is the Poisson process with that rate (time rescaling; Cox and Lewis, 1966).
    """

    def __init__(self, seed: str) -> None:
        self._draw = random.Random(seed).expovariate
        self._next = self._draw(1.0)

    def take(self) -> float:
        """Return the next position."""
        taken = self._next
        self._next += self._draw(1.0)
        return taken

    def skip_to(self, position: float) -> None:
        """Leave out the positions below this one; what follows does not depend on them."""
        if self._next < position:
            self._next = position + self._draw(1.0)

    def drop_to(self, position: float) -> int:
        """Leave out the positions below this one, and return how many they were."""
        count = 0
        while self._next < position:
            self._next += self._draw(1.0)
            count += 1
        return count


class ArrivalSchedule:
    """The slots of a rate: evenly spaced, or those of a Poisson process. During the ramp-up the rate increases linearly
    from zero; a curve changes it from the first transfer on.

    Slots in which there is nothing to send are not counted.
    """

    def __init__(
        self,
        clock: Clock,
        rate_per_s: float,
        *,
        was_idle_since: Callable[[], bool],
        ramp_s: float = 0.0,
        curve: RateCurve | None = None,
        poisson_seed: str = "",
    ) -> None:
        """Prepare the schedule; it starts with the first call of `next_slot`.

        Args:
            clock: the clock of the slots.
            rate_per_s: slots per second after the ramp-up.
            was_idle_since: whether a worker has been idle since the last call.
            ramp_s: length of the ramp-up, in seconds.
            curve: the rate from `begin_curve` on.
            poisson_seed: of the random distances; "" for even ones.
        """
        self._clock = clock
        self._rate: RateCurve | Ramp = Ramp(rate_per_s, ramp_s)
        self._curve = curve
        self._poisson_seed = poisson_seed
        self._was_idle_since = was_idle_since
        self._started_s: float | None = None
        self._positions = self._new_positions()
        self.slots = ScheduleStats()

    def _new_positions(self) -> _Even | _Random:
        return _Random(self._poisson_seed) if self._poisson_seed else _Even()

    def begin_curve(self) -> None:
        """Let the rate follow the curve from the next slot on. Without a curve, or the second time, do nothing."""
        if self._curve is not None:
            self._rate, self._curve = self._curve, None
            self._started_s, self._positions = None, self._new_positions()

    async def next_slot(self) -> float:
        """Wait for the next slot and return its time in monotonic seconds, from which the latency is measured."""
        now_s = self._clock.monotonic()
        if self._started_s is None:
            self._started_s = now_s
        started_s, rate, positions = self._started_s, self._rate, self._positions
        if self._was_idle_since():
            positions.skip_to(rate.slots_within(now_s - started_s))
        else:
            self.slots.dropped += positions.drop_to(rate.slots_within(now_s - started_s - LATE_MAX_S))
        slot_s = started_s + rate.time_of(positions.take())
        self.slots.sent += 1
        if slot_s > now_s:
            await self._clock.sleep(slot_s - now_s)
            now_s = self._clock.monotonic()
        self.slots.start_delay.record(int((now_s - slot_s) * 1e6))
        return slot_s
