"""The share of a plan's ledgers that one process fills."""

import re
from dataclasses import dataclass

SLICES_MAX = 4096


@dataclass(frozen=True, slots=True)
class LedgerShard:
    """The share of a plan's ledgers that one process fills: every n-th."""

    index: int = 0
    of: int = 1

    def has(self, ledger: int) -> bool:
        """Return whether the ledger with this index of the plan belongs to the shard."""
        return ledger % self.of == self.index

    def part(self, number: int, of: int) -> "LedgerShard":
        """Return one of `of` equal parts of this shard, by its number from 0."""
        return LedgerShard(self.index + self.of * number, self.of * of)

    def __str__(self) -> str:
        return f"{self.index + 1}/{self.of}"


ALL_LEDGERS = LedgerShard()


def read_slice(text: str) -> LedgerShard:
    """Return the shard that a text such as `2/8` names, the second of eight.

    Raises:
        ValueError: it names none.
    """
    found = re.fullmatch(r"([0-9]{1,4})/([0-9]{1,4})", text.strip())
    if found is None:
        raise ValueError("must be written as i/n, such as 2/8")
    number, of = int(found[1]), int(found[2])
    if not 1 <= of <= SLICES_MAX:
        raise ValueError(f"the number of slices must be from 1 to {SLICES_MAX:,}")
    if not 1 <= number <= of:
        raise ValueError(f"the first number must be from 1 to {of:,}, the number of slices")
    return LedgerShard(number - 1, of)
