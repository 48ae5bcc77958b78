"""Choices from random bits: one of several by weight, and one account of a group. Pure."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate, pairwise
from math import gcd
from typing import overload

from midaz_seed.plan.drawing.bits import Bits
from midaz_seed.plan.streams import ACCOUNTS_PER_STREAM as BLOCK
from midaz_seed.plan.streams import stream
from midaz_seed.scenarios.model import Choice, Friends, Hot
from midaz_seed.scenarios.values import WHOLE

Choose = Callable[[Bits, int], int]
"""(bits, position of the source among the sources) -> position in the group."""
POWERS = Context(prec=18, rounding=ROUND_HALF_EVEN, Emin=-99999, Emax=99999, traps=[])
"""The arithmetic of power laws: more digits than a weight has, and fewer than amounts need, which is faster."""
UNIT = 10**12
"""Weights of a power law are whole numbers of this unit."""
FRIENDS_MAX, FRIENDS_TAIL = 60, 5
"""Largest number of friends of one account: 60, or five times the mean."""
SHIFT_UNIT = 1000
"""The shift of a power law is a whole number of thousandths."""
SMALL_SIZE = 1 << 16
"""Largest group for which 32 random bits are enough: each has its probability within 2**-32. Also the largest one whose
ranks and weights are in memory: a million of them would take 140 MB.
"""
BLOCKS = 64
"""A block of ranks in a larger group is a 64th of its first rank long, or one rank."""


def cumulative(weights: Sequence[int]) -> tuple[list[int], int]:
    """Return the bounds of options with whole weights, and a number of random bits.

    `bisect_right(bounds, getrandbits(count))` is the index of an option. Its probability differs from its share of the
    weights by less than 2**-32, and is 0 for the weight 0.
    """
    reached = list(accumulate(weights))
    total = reached[-1]
    count = 32 if len(weights) <= SMALL_SIZE else 64
    return [-(-(each << count) // total) for each in reached], count


def weighted(weights: Sequence[int]) -> Callable[[Bits], int]:
    """Return the function that draws an index by whole weights."""
    reached, count = cumulative(weights)
    return lambda bits: bisect_right(reached, bits(count))


def compile_choice(choice: Choice | None, size: int, seed: str, *, top: int | None = None, sources: int = 1) -> Choose:
    """Return the function that chooses a position in a group.

    Args:
        choice: the way; None: each with the same probability.
        size: size of the group, at least 1.
        seed: determines which position has which rank.
        top: the position that is chosen most often.
        sources: number of sources that the group is divided among (`members`).
    """
    if choice is None or choice.uniform:
        count = 32 if size <= SMALL_SIZE else 64
        return lambda bits, _: (bits(count) * size) >> count
    if choice.zipf is not None and size > SMALL_SIZE:
        return _zipf_of_many(choice.zipf, Scattered(size, seed, top))
    if choice.zipf is not None:
        (reached, count), position = cumulative(power_law(choice.zipf, size)), ranked(size, seed, top)
        return lambda bits, _: position[bisect_right(reached, bits(count))]
    if choice.hot is not None:
        return _hot(choice.hot, size, ranked(size, seed, top))
    if choice.friends is not None:
        return _friends(choice.friends, size, seed, ranked(size, seed, top))
    return _members(size, sources)


def _hot(hot: Hot, size: int, position: Sequence[int]) -> Choose:
    """Return the choice of one of the first ranks for a share of the movements, and of any account for the others."""
    few, below = min(hot.count, size), -(-(hot.share << 32) // WHOLE)
    count = 32 if size <= SMALL_SIZE else 64
    return lambda bits, _: position[(bits(count) * (few if bits(32) < below else size)) >> count]


def members_of(source: int, sources: int, size: int) -> range:
    """Return the positions of a group that belong to a source, when it is divided evenly among the sources."""
    return range(source * size // sources, (source + 1) * size // sources)


def _members(size: int, sources: int) -> Choose:
    """Return the choice among the members of the source (`members_of`); among all where a source has none."""

    def choose(bits: Bits, source: int) -> int:
        first = source * size // sources
        count = (source + 1) * size // sources - first
        return first + ((bits(64) * count) >> 64) if count else (bits(64) * size) >> 64

    return choose


@lru_cache(64)
def power_law(exponent: Decimal, size: int) -> tuple[int, ...]:
    """Return the weights of the ranks 1 to `size`: rank ** -exponent, in units of 1/UNIT, at least one unit.

    Beyond rank 512 they are interpolated between 256 exact ones in each power of two. The relative error is below
    exponent * (exponent + 1) / 2**19: 4.2e-6 for the exponent 1.05.
    """
    weights: list[int] = []
    rank, weight = 1, UNIT
    while len(weights) < size:
        weights.append(weight)
        step = 1 << max(rank.bit_length() - 9, 0)
        following = _power(exponent, Decimal(rank + step))
        weights += [weight + (following - weight) * part // step for part in range(1, step)]
        rank, weight = rank + step, following
    return tuple(weights[:size])


def _power(exponent: Decimal, base: Decimal) -> int:
    """Return base ** -exponent in units of 1/UNIT, at least one."""
    logarithm = POWERS.multiply(exponent, POWERS.ln(base))
    return max(int(POWERS.multiply(POWERS.exp(POWERS.minus(logarithm)), Decimal(UNIT))), 1)


def _zipf_of_many(exponent: Decimal, ranks: "Scattered") -> Choose:
    """Return the choice by a power law in a large group.

    The ranks of a block have the same probability, which differs from the exact one by less than exponent / 128.
    """
    size, start, step = len(ranks), ranks.start, ranks.step
    firsts = [1]
    while firsts[-1] <= size:
        firsts.append(firsts[-1] + max(firsts[-1] // BLOCKS, 1))
    lengths = [min(after, size + 1) - first for first, after in pairwise(firsts)]
    weights = [
        length * _power(exponent, POWERS.divide(Decimal(2 * first + length - 1), Decimal(2)))
        for first, length in zip(firsts, lengths, strict=False)
    ]
    reached, count = cumulative(weights)

    def choose(bits: Bits, _: int) -> int:
        block = bisect_right(reached, bits(count))
        rank = firsts[block] - 1 + ((bits(32) * lengths[block]) >> 32)
        return (start + rank * step) % size  # ranks[rank], in less time

    return choose


class Scattered(Sequence[int]):
    """A permutation of a large group that needs no memory: a walk around it in steps of a length that has no common
    divisor with its size.
    """

    def __init__(self, size: int, seed: str, top: int | None = None) -> None:
        """Draw the walk: where it starts, at `top` if that is given, and its step."""
        bits = stream(0, "ranks", seed).getrandbits
        start, step = (bits(64) * size) >> 64, size // 4 + ((bits(64) * (size // 2)) >> 64)
        while gcd(step, size) != 1:
            step += 1
        self._size, self.start, self.step = size, start if top is None else top, step

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, rank: int) -> int: ...

    @overload
    def __getitem__(self, rank: slice) -> list[int]: ...

    def __getitem__(self, rank: int | slice) -> int | list[int]:
        if isinstance(rank, slice):
            return [self[each] for each in range(*rank.indices(self._size))]
        if not 0 <= rank < self._size:
            raise IndexError(rank)
        return (self.start + rank * self.step) % self._size


def ranked(size: int, seed: str, top: int | None = None) -> Sequence[int]:
    """Return the position of each rank: a permutation that the seed determines, with `top` at the first rank."""
    if size > SMALL_SIZE:
        return Scattered(size, seed, top)
    bits = stream(0, "ranks", seed).getrandbits
    order = list(range(size))
    for last in range(size - 1, 0, -1):  # Fisher and Yates
        other = (bits(64) * (last + 1)) >> 64
        order[last], order[other] = order[other], order[last]
    if top is not None:
        order.remove(top)
        order.insert(0, top)
    return order


def _friends(friends: Friends, size: int, seed: str, position: Sequence[int]) -> Choose:
    """Return the choice among a few fixed partners of each source, some of which are partners of many."""
    count_of = weighted(_degrees(friends))
    blocks: dict[int, list[tuple[int, ...]]] = {}

    def partners_of_block(block: int) -> list[tuple[int, ...]]:
        """Return the partners of the sources that share one stream."""
        bits = stream(0, "friends", seed, block).getrandbits
        found = blocks[block] = [_partners(bits, min(count_of(bits) + 1, size), position) for _ in range(BLOCK)]
        return found

    def choose(bits: Bits, source: int) -> int:
        known = (blocks.get(source // BLOCK) or partners_of_block(source // BLOCK))[source % BLOCK]
        return known[(bits(32) * len(known)) >> 32]

    return choose


def _partners(bits: Bits, count: int, position: Sequence[int]) -> tuple[int, ...]:
    """Return different partners of one source."""
    size, ranks = len(position), dict[int, None]()
    while len(ranks) < count:
        # the product of two uniform numbers prefers low ranks, so that the number of payers has a tail too
        rank = (bits(32) * bits(32) * size) >> 64
        while rank in ranks:
            rank = (rank + 1) % size
        ranks[rank] = None
    return tuple([position[rank] for rank in ranks])


@lru_cache(16)
def _degrees(friends: Friends) -> tuple[int, ...]:
    """Return the weights of 1, 2, ... friends: (k + shift) ** -alpha, with the shift that gives the mean."""
    most = max(FRIENDS_MAX, FRIENDS_TAIL * int(friends.mean))
    low, high = -SHIFT_UNIT + 1, SHIFT_UNIT * most * (1 + int(friends.alpha))
    while low < high:
        middle = (low + high) // 2
        weights = _shifted(friends.alpha, middle, most)
        below = sum(k * weight for k, weight in enumerate(weights, 1)) < Fraction(friends.mean) * sum(weights)
        low, high = (middle + 1, high) if below else (low, middle)
    return _shifted(friends.alpha, low, most)


def _shifted(alpha: Decimal, shift: int, most: int) -> tuple[int, ...]:
    bases = (POWERS.divide(Decimal(k * SHIFT_UNIT + shift), Decimal(SHIFT_UNIT + shift)) for k in range(1, most + 1))
    return tuple([_power(alpha, base) for base in bases])
