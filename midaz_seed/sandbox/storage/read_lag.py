"""The delay of reads: records that wait in a queue, and balances of a replica that lags.

A sandbox without either has no `Lag`.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from midaz_seed.clock import Clock
from midaz_seed.sandbox.core.ids import made_s
from midaz_seed.sandbox.core.ledger import Balance
from midaz_seed.sandbox.core.records import Amounts, Operation


@dataclass(frozen=True, slots=True)
class RecordQueue:
    """The queue of asynchronous mode: a record waits at least `delay_ms`, and at most `per_s` leave it in a second.

    The rate was measured on a real server: after ten seconds of 405 transfers/s, 515 of 4,549 records were missing, and
    none 1.1 s later. Its balances were right all the time.
    """

    delay_ms: float = 50.0
    per_s: float = 460.0


class Lag:
    """Changes that reads do not show yet."""

    def __init__(self, clock: Clock, queue: RecordQueue | None, *, keep_s: float, balances_wait: bool) -> None:
        """Prepare to delay reads.

        Args:
            queue: of records; None: records are listed at once.
            keep_s: how far back a read of a balance may look.
            balances_wait: balances are read from where the queue writes them (v3.3;
                midaz-behaviour: asynchronous-mode).
        """
        self._clock = clock
        self._queue = queue
        self._keep_s = keep_s
        self._balances_wait = balances_wait
        self._queued: dict[int, float] = {}
        self._free_s = 0.0
        self._past: dict[int, deque[tuple[float, Amounts]]] = {}
        self.ago_s = 0.0
        """For the current request: show balances as they were this long ago."""

    def note(self, seq: int, operations: Sequence[Operation], *, moved: bool = True) -> None:
        """Note a new record; `moved`: its operations changed their balances."""
        now_s = self._clock.time()
        shown_s = now_s
        if self._queue is not None:
            shown_s = max(now_s + self._queue.delay_ms / 1000, self._free_s + 1 / self._queue.per_s)
            self._free_s = shown_s
            self._drop_listed(now_s)
            self._queued[seq] = shown_s
        if not moved or not (self._keep_s or self._balances_wait):
            return
        changed_s = shown_s if self._balances_wait else now_s
        for operation in operations:
            available, on_hold, version, used = operation.before
            before = (available, on_hold, version, "0" if operation.kind == "OVERDRAFT" else used)
            past = self._past.setdefault(operation.balance, deque())
            while past and past[0][0] <= now_s - self._keep_s:
                past.popleft()
            past.append((changed_s, before))

    def _drop_listed(self, now_s: float) -> None:
        """Forget records that are listed; they leave the queue in their order."""
        while self._queued:
            first = next(iter(self._queued))
            if self._queued[first] > now_s:
                return
            del self._queued[first]

    def is_queued(self, seq: int) -> bool:
        """Return whether a record is still in the queue."""
        shown_s = self._queued.get(seq)
        return shown_s is not None and shown_s > self._clock.time()

    def state_of(self, balance: Balance) -> Amounts:
        """Return the state of a balance that a read shows."""
        moment_s = self._clock.time() - self.ago_s
        for changed_s, before in self._past.get(balance.number, ()):
            if changed_s > moment_s:
                return before
        return balance.state

    def has_seen(self, balance: Balance) -> bool:
        """Return whether a balance existed at the time that reads show."""
        return not self.ago_s or made_s(balance.id) <= self._clock.time() - self.ago_s
