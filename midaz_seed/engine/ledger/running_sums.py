"""What the balances of a ledger must be between its phases, or its epochs: the basis for deciding doubts."""

from collections import Counter
from collections.abc import Collection, Iterator

from midaz_seed.engine.ledger.reconcile import ExistingTransactions, PlannedItem
from midaz_seed.engine.ledger.snapshots import Sums
from midaz_seed.engine.state_tree import LedgerState
from midaz_seed.plan.items import MONEY, Phase

Chunk = tuple[Phase, int]
"""A phase, or one day of the transfers: what is sent before the next chunk begins."""


class RunningSums:
    """The sums (`snapshots.Sums`) of everything known as made.

    Each chunk that is over is added once, so a ledger with many epochs is iterated once in all.
    """

    def __init__(self, ledger: LedgerState, earlier: ExistingTransactions | None) -> None:
        """Begin before the first chunk.

        Args:
            ledger: the ledger, with what was certainly not made.
            earlier: what earlier sessions made.
        """
        self._ledger = ledger
        self._earlier = earlier
        epochs = len(ledger.plan.epochs)
        self._chunks: list[Chunk] = [
            (phase, epoch) for phase in MONEY for epoch in range(epochs if phase is Phase.TRANSFERS else 1)
        ]
        self._over = 0
        """Number of the first chunks in `_sums`."""
        self._sums = Counter[int]()
        self._next: dict[Phase, int] = dict.fromkeys(MONEY, 0)
        """Phase -> number of its items in the chunks that are over."""

    def at(self, phase: Phase, epoch: int, unstarted: Collection[int] = ()) -> Sums:
        """Return the sums when everything known and everything in doubt was made, up to this chunk.

        Args:
            phase: its phase.
            epoch: its epoch; 0 for phases without epochs.
            unstarted: ordinals of its items that were not started.
        """
        ledger, earlier = self._ledger, self._earlier
        current = self._chunks.index((phase, epoch))
        while self._over < current:
            over = self._chunks[self._over]
            begun = ledger.begun.get(over[0], ledger.plan.counts.get(over[0], 0))
            held_back = ledger.held_back.get(over[0], frozenset())
            for ordinal, item in self._items(over, self._next[over[0]]):
                self._next[over[0]] = ordinal + 1
                if (ordinal < begun and ordinal not in held_back) or self._holds(over[0], ordinal):
                    self._sums.update(ledger.trace_of(item))
            self._over += 1
        sums, following = self._sums.copy(), dict(self._next)
        for ordinal, item in self._items((phase, epoch), following[phase]):
            following[phase] = ordinal + 1
            if ordinal not in unstarted or self._holds(phase, ordinal):
                sums.update(ledger.trace_of(item))
        for chunk in self._chunks[current + 1 :]:  # after a server was restored, later chunks may hold something
            if earlier is None or 1 not in earlier.made[chunk[0]][following[chunk[0]] :]:
                continue
            for ordinal, item in self._items(chunk, following[chunk[0]]):
                following[chunk[0]] = ordinal + 1
                if self._holds(chunk[0], ordinal):
                    sums.update(ledger.trace_of(item))
        sums.subtract(ledger.trace_of_missed)
        return sums

    def _items(self, chunk: Chunk, first: int) -> Iterator[PlannedItem]:
        phase, epoch = chunk
        plan = self._ledger.plan
        items = plan.transfers_of(epoch) if phase is Phase.TRANSFERS else plan.transactions(phase)
        return enumerate(items, first)

    def _holds(self, phase: Phase, ordinal: int) -> bool:
        return self._earlier is not None and self._earlier.holds(phase, ordinal)
