"""The order in which items that share accounts are sent, so that each account's history is right.

Midaz reads a balance at a date from the latest operation by date up to then, with the balance as it was when that
operation was applied. So the movements of an account must be applied in the order of their dates (docs/adr/0011).

An item starts as soon as no earlier unfinished item shares an account with it. For accounts that would limit the
parallelism, the *hot* ones, only the last item of the epoch waits for the earlier ones: the balance at the end of the
day is right, and the lines inside it are in the order in which they were applied. Pure: sends nothing.
"""

from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from heapq import heappop, heappush
from typing import Generic, TypeVar

from midaz_seed.plan.items import TransactionItem
from midaz_seed.plan.ledger_plan import LedgerPlan
from midaz_seed.settings.model import Settings

T = TypeVar("T")
Account = int | str
"""The index of an account, or the code of an asset for its external account."""

LOOK_AHEAD = 256
"""Items that may wait for others while later ones start. After a kill, up to this number of items are unknown."""
HOT_ITEMS_MIN = 8
"""An account with at most this number of items in an epoch is never hot."""


def keeps_order(settings: Settings, plan: LedgerPlan) -> bool:
    """Return whether a ledger's transfers are sent in the order of their dates; without dates they have none."""
    time = settings.scenario.time
    return plan.is_dated and time is not None and time.order == "exact"


def sends_epochs(settings: Settings, plan: LedgerPlan) -> bool:
    """Return whether the epochs of a ledger's transfers are sent one after another.

    In free order too: what an epoch pays out was brought in by those before it (plan/expectation.py).
    """
    return keeps_order(settings, plan) or len(plan.epochs) > 1


def epoch_of(plan: LedgerPlan, ordinal: int) -> int:
    """Return the epoch of a transfer."""
    return bisect_right(range(len(plan.epochs)), ordinal, key=plan.first_of) - 1


def accounts_of(item: TransactionItem) -> tuple[Account, ...]:
    """Return the accounts of a transaction, each once."""
    movements, external = item.movements, item.asset
    if len(movements) == 1:  # the usual case
        source, destination, _ = movements[0]
        return external if source is None else source, external if destination is None else destination
    both = [account for movement in movements for account in (movement.source, movement.destination)]
    return tuple(dict.fromkeys(external if account is None else account for account in both))


def dated_accounts_of(item: TransactionItem) -> tuple[Account, ...]:
    """Return the accounts whose order a transaction must keep: none without a date, because it is dated when it is
    applied.
    """
    return accounts_of(item) if item.moment else ()


def no_accounts_of(_: TransactionItem) -> tuple[Account, ...]:
    """Return the accounts whose order a transaction must keep in free order."""
    return ()


def hot_accounts(accounts: Sequence[Collection[Account]], max_concurrent: int) -> frozenset[Account]:
    """Return the accounts whose items, sent one after another, would limit the parallelism.

    Args:
        accounts: accounts of each item of an epoch.
        max_concurrent: items in progress at once.
    """
    counts = Counter(account for each in accounts for account in each)
    most = max(HOT_ITEMS_MIN, len(accounts) // (2 * max_concurrent))
    return frozenset(account for account, count in counts.items() if count > most)


class InOrder(Generic[T]):
    """Items in the order of their dates, each handed out when it may start.

    An iterator for `WorkerPool.run_ordered`: it ends when nothing more can start, because every item was started, or
    because the others wait for items that are held. After `release` it can be run again.
    """

    def __init__(
        self,
        items: Iterable[tuple[int, T]],
        accounts: Callable[[T], Collection[Account]],
        *,
        max_concurrent: int,
        look_ahead: int = LOOK_AHEAD,
    ) -> None:
        """Prepare the items of an epoch.

        Args:
            items: the items with their ordinals, which are ascending.
            accounts: returns the accounts of an item, each once.
            max_concurrent: items in progress at once; it decides which accounts are hot.
            look_ahead: items that may wait while later ones start.
        """
        self._rest: deque[tuple[int, T]] = deque(items)
        self._accounts = deque(accounts(item) for _, item in self._rest)
        self.hot = hot_accounts(self._accounts, max_concurrent)
        self._last = self._last_of_hot()
        self._look_ahead = look_ahead
        self._waiting: dict[int, tuple[int, T]] = {}
        """Ordinal -> item that waits for others, or is ready."""
        self._missing: dict[int, int] = {}
        """Ordinal -> number of unfinished items that it waits for; absent when it is ready."""
        self._ready: list[int] = []
        """Heap of the ordinals that may start."""
        self._followers: dict[int, list[int]] = {}
        """Ordinal of an unfinished item -> ordinals that wait for it."""
        self._latest: dict[Account, int] = {}
        """Account -> ordinal of its latest item that was looked at, if that is unfinished."""
        self._open: dict[Account, set[int]] = {account: set() for account in self.hot}
        """Hot account -> ordinals of its unfinished items."""
        self._guards: dict[int, Collection[Account]] = {}
        """Ordinal of an unfinished item -> its accounts."""
        self._in_progress: set[int] = set()
        self._held: set[int] = set()

    def __iter__(self) -> "InOrder[T]":
        return self

    def __next__(self) -> tuple[int, T]:
        """Return the first item that may start."""
        if not self.ready():
            raise AssertionError("taken although nothing may start")
        if not self._ready:
            raise StopIteration
        ordinal = heappop(self._ready)
        self._in_progress.add(ordinal)
        return self._waiting.pop(ordinal)

    def ready(self) -> int:
        """Return how many items may start; 1 at the end, so that the iterator is asked and ends."""
        while not self._ready and self._rest and len(self._waiting) < self._look_ahead:
            self._look_at(*self._rest.popleft())
        return len(self._ready) or (not self._in_progress or not (self._waiting or self._rest))

    def hold(self, ordinal: int) -> None:
        """Keep an item in progress unfinished, because its outcome is open: what shares its accounts waits."""
        self._held.add(ordinal)

    def finished(self, one: tuple[int, T]) -> None:
        """Note that the work on an item has ended; what waited for it may start, unless it is held."""
        self._in_progress.discard(one[0])
        if one[0] not in self._held:
            self._free(one[0])

    def release(self) -> None:
        """Finish the items that are held: their outcomes are decided."""
        held, self._held = self._held, set()
        for ordinal in sorted(held):
            self._free(ordinal)

    @property
    def is_holding(self) -> bool:
        """Whether items are held."""
        return bool(self._held)

    @property
    def unstarted(self) -> list[tuple[int, T]]:
        """The items that were not started, in order."""
        return [self._waiting[ordinal] for ordinal in sorted(self._waiting)] + list(self._rest)

    def _last_of_hot(self) -> dict[Account, int]:
        """Return the ordinal of the last item of each hot account."""
        last: dict[Account, int] = {}
        if self.hot:
            for (ordinal, _), accounts in zip(self._rest, self._accounts, strict=True):
                for account in accounts:
                    if account in self.hot:
                        last[account] = ordinal
        return last

    def _look_at(self, ordinal: int, item: T) -> None:
        """Find out what an item waits for."""
        accounts = self._accounts.popleft()
        self._waiting[ordinal] = ordinal, item
        self._guards[ordinal] = accounts
        before: set[int] = set()
        for account in accounts:
            unfinished = self._open.get(account)
            if unfinished is None:
                if account in self._latest:
                    before.add(self._latest[account])
                self._latest[account] = ordinal
            else:
                if self._last[account] == ordinal:
                    before |= unfinished
                unfinished.add(ordinal)
        for earlier in before:
            self._followers.setdefault(earlier, []).append(ordinal)
        if before:
            self._missing[ordinal] = len(before)
        else:
            heappush(self._ready, ordinal)

    def _free(self, ordinal: int) -> None:
        for account in self._guards.pop(ordinal):
            unfinished = self._open.get(account)
            if unfinished is not None:
                unfinished.discard(ordinal)
            elif self._latest.get(account) == ordinal:
                del self._latest[account]
        for follower in self._followers.pop(ordinal, ()):
            self._missing[follower] -= 1
            if not self._missing[follower]:
                del self._missing[follower]
                heappush(self._ready, follower)
