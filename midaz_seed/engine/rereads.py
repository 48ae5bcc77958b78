"""Looking again: a replica or a queue may be behind (midaz-behaviour: asynchronous-mode, replica-lag), so what is not
as planned is read again before it counts."""

from midaz_seed.engine.context import RunContext


class Rereads:
    """The looks at one thing, with growing pauses between them, until the settlement deadline at the latest."""

    def __init__(self, context: RunContext) -> None:
        wait = context.settings.settlement
        self._clock = context.clock
        self._first_pause_s, self._longest_pause_s = wait.initial_delay_s, wait.max_delay_s
        self._next_pause_s = wait.initial_delay_s
        self._slept_s = 0.0
        self._started_s = context.clock.monotonic()
        self._until_s = self._started_s + wait.deadline_s
        self._surplus: frozenset[object] = frozenset()
        self._seen: object = None
        self.changed = False
        """Not all looks have seen the same."""

    @property
    def waited_s(self) -> float:
        """Since the first look began."""
        return self._clock.monotonic() - self._started_s

    async def again(self, seen: object, surplus: frozenset[object] = frozenset(), *, still: bool = True) -> bool:
        """Wait, and return True when another look may show something else.

        Args:
            seen: what is not as planned.
            surplus: what of it is too much. That is not late: it is looked at once more, at once, and what is too much
                in both looks ends the waiting.
            still: the waiting ends also when `seen` stands still over a few looks.
        """
        first = not self._slept_s
        self.changed = self.changed or not (first or seen == self._seen)
        stands_still = still and seen == self._seen and self._slept_s >= self._longest_pause_s
        left_s = self._until_s - self._clock.monotonic()
        new_surplus = bool(surplus) and not self._surplus
        if surplus & self._surplus or stands_still or (left_s <= 0 and not new_surplus):
            return False
        if new_surplus:
            pause_s = self._first_pause_s
        else:
            pause_s = min(self._next_pause_s, left_s)
            self._next_pause_s = min(2 * self._next_pause_s, self._longest_pause_s)
        self._seen, self._surplus, self._slept_s = seen, surplus, pause_s
        await self._clock.sleep(pause_s)
        return True
