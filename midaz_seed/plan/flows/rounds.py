"""Movements without dates: round by round, one from every source account in each round. Pure."""

from collections.abc import Iterator
from itertools import chain

from midaz_seed.plan.flows.base import DRAFT_BITS, Draft, Flow, LedgerFacts, Side
from midaz_seed.plan.flows.entry import Entry
from midaz_seed.plan.flows.rail_choice import SLOTS_MASK, RailChoice
from midaz_seed.plan.streams import ACCOUNTS_PER_STREAM

_make = tuple.__new__
"""Creates a named tuple from its fields in order; faster than calling the class, once per movement."""


class RoundsFlow(Flow):
    """An entry with `each`: every source account makes this number of movements, without dates."""

    def __init__(self, facts: LedgerFacts, index: int, entry: Entry, rounds: int) -> None:
        super().__init__(facts, index, entry.name, entry.text())
        assert entry.sources is not None, "checked when the scenario was read"
        self.entry = entry
        self.rounds = rounds
        self.sources = entry.sources.accounts
        self._count = len(self.sources)
        self._leaves = RailChoice(facts).leaves if entry.mix.rail == "by-asset" else [()] * len(facts.population.asset)

    def sides(self) -> tuple[tuple[Side, Side], ...]:
        """Return who pays and who receives; a batch has several destinations."""
        pays, gets = self.entry.sides()
        return ((pays, gets if self.entry.mix.rail != "by-asset" else gets._replace(external=True, mixes=True)),)

    def drafts(self, day: int) -> Iterator[Draft]:
        """Generate all rounds; there is one day."""
        blocks = range(self.blocks)
        return chain.from_iterable(self.block(number, block) for number in range(self.rounds) for block in blocks)

    @property
    def blocks(self) -> int:
        """Blocks of sources that share a stream."""
        return -(-self._count // ACCOUNTS_PER_STREAM)

    def block(self, number: int, block: int) -> Iterator[Draft]:
        """Generate the movements of one round (from 0) and one block of sources."""
        bits = self.bits_of(number, block)
        entry, leaves, index, draws = self.entry, self._leaves, self.index, self.entry.by_asset
        first, assets = block * ACCOUNTS_PER_STREAM, self.population.asset
        ordinal = number * self._count + first
        for source in self.sources[first : first + ACCOUNTS_PER_STREAM]:
            text_bits, asset = bits(DRAFT_BITS), assets[source]
            if leaves[asset] and leaves[asset][(text_bits >> 64) & SLOTS_MASK]:
                movements = entry.movements(bits, source, None, asset)
            else:
                movements = draws[asset](bits, source)
            yield _make(Draft, (0, index, ordinal, movements, asset, text_bits))
            ordinal += 1

    def one(self, position: int, number: int) -> Draft:
        """Return the movement of the source at this position in a round, without generating all others."""
        block, offset = divmod(position, ACCOUNTS_PER_STREAM)
        drafts = self.block(number, block)
        for _ in range(offset):
            next(drafts)
        return next(drafts)

    def key(self, day: int, number: int) -> str:
        """Return the key of an item: `t17.3` is the third movement of account 17."""
        count = self._count
        return f"t{self.sources[number % count] + 1}.{number // count + 1}"
