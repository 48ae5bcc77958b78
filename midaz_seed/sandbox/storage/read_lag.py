"""What reads show later than it happens: records of transactions in a queue, and balances on a replica that lags.

Only made when one of the two is wanted; a sandbox without it pays nothing.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from midaz_seed.clock import Clock
from midaz_seed.sandbox.core.ids import made_s
from midaz_seed.sandbox.core.journal_records import Amounts, Operation
from midaz_seed.sandbox.core.ledger import Balance


@dataclass(frozen=True, slots=True)
class RecordQueue:
    """The queue of asynchronous mode: a record takes `delay_ms` at least, and not more than `per_s` come out a second.

    The rate was measured on a real server, which under 405 transfers/s was 515 of 4,549 records behind after ten
    seconds and done 1.1 s later; its balances were right all the time.
    """

    delay_ms: float = 50.0
    per_s: float = 460.0


class Lag:
    """What happened and is not shown yet. `keep_s`: how far back a read of a balance may be asked to look."""

    def __init__(self, clock: Clock, queue: RecordQueue | None, *, keep_s: float, balances_wait: bool) -> None:
        """`balances_wait`: balances are read from where the queue writes them (v3.3;
        midaz-behaviour: asynchronous-mode)."""
        self._clock = clock
        self._queue = queue
        self._keep_s = keep_s
        self._balances_wait = balances_wait
        self._queued: dict[int, float] = {}
        self._free_s = 0.0
        self._past: dict[int, deque[tuple[float, Amounts]]] = {}
        self.ago_s = 0.0
        """How long ago the balances are looked at, for the request that is being answered."""

    def note(self, seq: int, operations: Sequence[Operation], *, moved: bool = True) -> None:
        """A journal entry was written, and changed these balances when it moved something."""
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
        """Records leave in the order in which they came."""
        while self._queued:
            first = next(iter(self._queued))
            if self._queued[first] > now_s:
                return
            del self._queued[first]

    def is_queued(self, seq: int) -> bool:
        """Whether the record of a journal entry is not out of the queue yet."""
        shown_s = self._queued.get(seq)
        return shown_s is not None and shown_s > self._clock.time()

    def state_of(self, balance: Balance) -> Amounts:
        """What a read shows of a balance."""
        moment_s = self._clock.time() - self.ago_s
        for changed_s, before in self._past.get(balance.number, ()):
            if changed_s > moment_s:
                return before
        return balance.state

    def has_seen(self, balance: Balance) -> bool:
        """Whether a balance existed at the moment that reads show."""
        return not self.ago_s or made_s(balance.id) <= self._clock.time() - self.ago_s
