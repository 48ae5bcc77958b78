"""Tables of weighted values: integers only, so a draw is the same on every platform."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Generic, TypeVar

from midaz_seed.plan.drawing.bits import Bits

Value = TypeVar("Value")
_DRAW_BITS = 32


class Weighted(Generic[Value]):
    """Values with integer weights."""

    def __init__(self, pairs: Iterable[tuple[Value, int]]) -> None:
        self.pairs = tuple(pairs)
        """The values with their weights."""
        self.values = tuple(value for value, _ in self.pairs)
        self._cumulative = tuple(accumulate(weight for _, weight in self.pairs))
        self.total = self._cumulative[-1]

    def index(self, bits: Bits) -> int:
        """Draw the index of a value; 32 bits are read in every call."""
        return bisect_right(self._cumulative, bits(_DRAW_BITS) * self.total >> _DRAW_BITS)

    def draw(self, bits: Bits) -> Value:
        """Draw a value; 32 bits are read in every call."""
        return self.values[self.index(bits)]

    def table(self, size: int) -> tuple[Value, ...]:
        """Return `size` values in which each has its share, rounded: a draw is one look-up with random bits."""
        slots: list[Value] = []
        for value, cumulative in zip(self.values, self._cumulative, strict=True):
            end = (2 * cumulative * size + self.total - 1) // (2 * self.total)
            slots.extend([value] * (end - len(slots)))
        return tuple(slots)


def pick(bits: Bits, values: Sequence[Value]) -> Value:
    """Draw one of some equally probable values; 32 bits are read in every call."""
    return values[bits(_DRAW_BITS) * len(values) >> _DRAW_BITS]


def chance(bits: Bits, percent: int) -> bool:
    """Return True with this probability in percent; 32 bits are read in every call."""
    return bits(_DRAW_BITS) * 100 >> _DRAW_BITS < percent
