"""Movements that chance makes: an entry with a weight, spread over the days and hours of the history. Pure."""

from collections.abc import Callable, Iterator, Sequence

from midaz_seed.plan.drawing.bits import Bits
from midaz_seed.plan.flows.base import DRAFT_BITS, Draft, Flow, LedgerFacts, Side
from midaz_seed.plan.flows.entry import Entry
from midaz_seed.plan.items import Kind

_make = tuple.__new__
"""Creates a named tuple from its fields in order; faster than calling the class, once per movement."""


class ChanceFlow(Flow):
    """An entry with a weight."""

    def __init__(
        self,
        facts: LedgerFacts,
        index: int,
        entry: Entry,
        counts: Sequence[int],
        second: Callable[[Bits], int],
        *,
        name: str = "",
        kind: Kind = Kind.DIRECT,
        endpoint: str = "",
    ) -> None:
        """Prepare the flow.

        Args:
            facts: of the ledger.
            index: its index.
            entry: what it makes.
            counts: movements by day.
            second: draws the second of the day.
            name: its name, by default that of the entry.
            kind: what its transactions do to balances.
            endpoint: their endpoint, where it is not that of their sides.
        """
        super().__init__(facts, index, name or entry.name, entry.text())
        self.kind, self.endpoint = kind, endpoint
        self.entry = entry
        self.counts = counts
        self._second = second

    def sides(self) -> tuple[tuple[Side, Side], ...]:
        """Return who pays and who receives."""
        return (self.entry.sides(),)

    def drafts(self, day: int) -> Iterator[Draft]:
        """Generate the movements of a day."""
        count = self.counts[day] if day < len(self.counts) else 0
        if not count:
            return
        bits, draw, second, index = self.bits_of(day), self.entry.draw, self._second, self.index
        for number in range(count):
            text_bits, moment = bits(DRAFT_BITS), second(bits)
            movements, asset = draw(bits)
            yield _make(Draft, (moment, index, number, movements, asset, text_bits))
