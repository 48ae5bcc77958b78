"""Repeated reads: a replica or a queue may lag (midaz-behaviour: asynchronous-mode, replica-lag), so a difference
counts only after it was read again.
"""

from midaz_seed.engine.context import RunContext


class Rereads:
    """Paces the reads of one thing, with growing pauses, until the settlement deadline."""

    def __init__(self, context: RunContext) -> None:
        wait = context.settings.settlement
        self._context = context
        self._first_pause_s, self._longest_pause_s = wait.initial_delay_s, wait.max_delay_s
        self._next_pause_s = wait.initial_delay_s
        self._slept_s = 0.0
        self._started_s = context.clock.monotonic()
        self._until_s = self._started_s + wait.deadline_s
        self._surplus: frozenset[object] = frozenset()
        self._seen: object = None
        self.changed = False
        """Two reads have returned different values."""

    @property
    def waited_s(self) -> float:
        """Return the seconds since the first read began."""
        return self._context.clock.monotonic() - self._started_s

    async def again(self, seen: object, surplus: frozenset[object] = frozenset(), *, still: bool = True) -> bool:
        """Wait, and return True when another read may return something else.

        Args:
            seen: the differences that the last read showed.
            surplus: those of them that exceed the plan. A surplus is not lag: it is read again once, without delay, and
                when both reads show it the waiting ends.
            still: whether the waiting also ends when `seen` stays equal over several reads.
        """
        first = not self._slept_s
        self.changed = self.changed or not (first or seen == self._seen)
        stands_still = still and seen == self._seen and self._slept_s >= self._longest_pause_s
        left_s = self._until_s - self._context.clock.monotonic()
        new_surplus = bool(surplus) and not self._surplus
        if surplus & self._surplus or stands_still or (left_s <= 0 and not new_surplus):
            return False
        if new_surplus:
            pause_s = self._first_pause_s
        else:
            pause_s = min(self._next_pause_s, left_s)
            self._next_pause_s = min(2 * self._next_pause_s, self._longest_pause_s)
        self._seen, self._surplus, self._slept_s = seen, surplus, pause_s
        await self._context.sleep(pause_s)
        return True
