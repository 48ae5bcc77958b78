"""Batches: which movements of a flow without dates are one transaction. Pure.

A batch has movements of one source account, or, where its size allows, all movements of several source accounts of one
asset. No account is on both sides of a batch: a server applies two changes of one balance in one transaction in any
order, and refuses some of them (0090; midaz-behaviour: legs). So a source that pays or receives from a source of a
batch comes into another one, and batches of several sources are often smaller than their size.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from midaz_seed.plan.flows.rounds import RoundsFlow
from midaz_seed.plan.items import Movement

BLOCKS_PER_WINDOW = 2
"""Source accounts are grouped within windows of this number of blocks, so that memory does not grow with a ledger."""
OPEN_MAX = 32
"""Batches of one asset that wait for further sources; beyond that the first one stays as it is."""


class Batch(NamedTuple):
    """Movements that are one transaction."""

    key: str
    """Key in the ledger: `t17.1x95` begins with the first movement of account 17 and has 95 movements."""
    number: int
    """Number of its first movement in the flow."""
    asset: int
    """Index of the asset."""
    movements: tuple[Movement, ...]


@dataclass(slots=True)
class _Group:
    """The sources of a batch so far, with all their movements."""

    number: int
    asset: int
    sources: set[int | None] = field(default_factory=set)
    destinations: set[int | None] = field(default_factory=set)
    movements: list[Movement] = field(default_factory=list)

    def takes(self, source: int | None, destinations: set[int | None]) -> bool:
        """Return whether no account would be on both sides."""
        return source not in self.destinations and self.sources.isdisjoint(destinations)

    def add(self, source: int | None, destinations: set[int | None], movements: Iterable[Movement]) -> None:
        self.sources.add(source)
        self.destinations |= destinations
        self.movements += movements


class Batches:
    """The batches of a flow in one ledger."""

    def __init__(self, flow: RoundsFlow, size: int) -> None:
        """Divide a flow into batches.

        Args:
            flow: the flow; each of its drafts is one movement.
            size: maximum movements in one transaction.
        """
        self._flow = flow
        self._size = size
        self.sources_max = max(size // flow.rounds, 1) if flow.rounds else 1
        """Maximum source accounts of a batch; above 1, each has all its movements in it."""
        self._last: tuple[int, list[Batch]] = (-1, [])

    def __iter__(self) -> Iterator[Batch]:
        """Generate the batches in the order of their ordinals."""
        if self.sources_max > 1:
            for window in range(self._windows):
                yield from self._window(window)
            return
        flow = self._flow
        for first in range(0, flow.rounds, self._size):
            rounds = range(first, min(first + self._size, flow.rounds))
            for block in range(flow.blocks):
                for number, asset, movements in self._rows(block, rounds):
                    yield self._batch(number, asset, movements)

    def counts(self) -> tuple[int, ...]:
        """Return the number of batches: of several sources in each window, which takes drawing every movement."""
        if self.sources_max > 1:
            return tuple(len(self._window(window)) for window in range(self._windows))
        return (len(self._flow.sources) * -(-self._flow.rounds // self._size),)

    def at(self, ordinal: int, counts: Sequence[int]) -> Batch:
        """Return one batch without generating all others.

        Args:
            ordinal: its ordinal.
            counts: from `counts`.
        """
        flow = self._flow
        if self.sources_max == 1:
            chunk, position = divmod(ordinal, len(flow.sources))
            rounds = range(chunk * self._size, min((chunk + 1) * self._size, flow.rounds))
            drafts = [flow.one(position, number) for number in rounds]
            return self._batch(drafts[0].number, drafts[0].asset, [draft.movements[0] for draft in drafts])
        window = 0
        while ordinal >= counts[window]:
            ordinal -= counts[window]
            window += 1
        if self._last[0] != window:
            self._last = window, self._window(window)
        return self._last[1][ordinal]

    # ---- parts

    @property
    def _windows(self) -> int:
        return -(-self._flow.blocks // BLOCKS_PER_WINDOW)

    def _window(self, window: int) -> list[Batch]:
        """Return the batches of a window: each source joins the first one that it fits into."""
        waiting: dict[int, list[_Group]] = {}
        done: list[_Group] = []
        first = window * BLOCKS_PER_WINDOW
        for block in range(first, min(first + BLOCKS_PER_WINDOW, self._flow.blocks)):
            for number, asset, movements in self._rows(block, range(self._flow.rounds)):
                source = movements[0].source
                destinations = {movement.destination for movement in movements}
                groups = waiting.setdefault(asset, [])
                group = next((each for each in groups if each.takes(source, destinations)), None)
                if group is None:
                    group = _Group(number, asset)
                    groups.append(group)
                group.add(source, destinations, movements)
                if len(group.sources) == self.sources_max:
                    groups.remove(group)
                    done.append(group)
                elif len(groups) > OPEN_MAX:
                    done.append(groups.pop(0))
        done += [group for groups in waiting.values() for group in groups]
        return [self._batch(group.number, group.asset, group.movements) for group in done]

    def _rows(self, block: int, rounds: range) -> Iterator[tuple[int, int, list[Movement]]]:
        """Generate the movements of each source of a block: (number of the first, asset, movements)."""
        columns = [self._flow.block(number, block) for number in rounds]
        for drafts in zip(*columns, strict=True):
            yield drafts[0].number, drafts[0].asset, [draft.movements[0] for draft in drafts]

    def _batch(self, number: int, asset: int, movements: Sequence[Movement]) -> Batch:
        return Batch(f"{self._flow.key(0, number)}x{len(movements)}", number, asset, tuple(movements))
