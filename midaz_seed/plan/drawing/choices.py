"""Choices from random bits: one of several by weight, and one account of a group. Pure."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import accumulate

from midaz_seed.plan.drawing.bits import Bits
from midaz_seed.plan.drawing.quantiles import CONTEXT
from midaz_seed.plan.streams import stream
from midaz_seed.scenarios.model import Choice, Friends
from midaz_seed.scenarios.values import WHOLE

Choose = Callable[[Bits, int], int]
"""(bits, position of the source among the sources) -> position in the group."""
UNIT = 10**12
"""Weights of a power law are whole numbers of this unit."""
FRIENDS_MAX = 60
"""Largest number of friends of one account."""


def weighted(weights: Sequence[int]) -> Callable[[Bits], int]:
    """Return the function that draws an index by whole weights."""
    reached = list(accumulate(weights))
    total = reached[-1]
    return lambda bits: bisect_right(reached, (bits(64) * total) >> 64)


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
        return lambda bits, _: (bits(64) * size) >> 64
    if choice.zipf is not None:
        draw, position = weighted(power_law(choice.zipf, size)), ranked(size, seed, top)
        return lambda bits, _: position[draw(bits)]
    if choice.hot is not None:
        count, share, position = min(choice.hot.count, size), choice.hot.share, ranked(size, seed, top)
        return lambda bits, _: position[(bits(64) * (count if (bits(32) * WHOLE) >> 32 < share else size)) >> 64]
    if choice.friends is not None:
        return _friends(choice.friends, size, seed)
    return _members(size, sources)


def members_of(source: int, sources: int, size: int) -> range:
    """Return the positions of a group that belong to a source, when it is divided evenly among the sources."""
    return range(source * size // sources, (source + 1) * size // sources)


def _members(size: int, sources: int) -> Choose:
    def choose(bits: Bits, source: int) -> int:
        members = members_of(source, sources, size)
        return members.start + ((bits(64) * len(members)) >> 64) if members else (bits(64) * size) >> 64

    return choose


@lru_cache(64)
def power_law(exponent: Decimal, size: int) -> tuple[int, ...]:
    """Return the weights of the ranks 1 to `size`: rank ** -exponent, in units of 1/UNIT.

    Beyond rank 256 they are interpolated between 128 exact ones in each power of two, with an error below 1e-5.
    """
    weights: list[int] = []
    rank, weight = 1, UNIT
    while len(weights) < size:
        weights.append(weight)
        step = max(1 << max(rank.bit_length() - 8, 0), 1)
        following = _power(exponent, rank + step)
        weights += [weight + (following - weight) * part // step for part in range(1, step)]
        rank, weight = rank + step, following
    return tuple(weights[:size])


def _power(exponent: Decimal, rank: int) -> int:
    return max(int(CONTEXT.multiply(CONTEXT.exp(-exponent * CONTEXT.ln(Decimal(rank))), Decimal(UNIT))), 1)


def ranked(size: int, seed: str, top: int | None = None) -> list[int]:
    """Return the position of each rank: a permutation, with `top` at the first rank."""
    bits = stream(0, "ranks", seed).getrandbits
    order = list(range(size))
    for last in range(size - 1, 0, -1):  # Fisher and Yates
        other = (bits(64) * (last + 1)) >> 64
        order[last], order[other] = order[other], order[last]
    if top is not None:
        order.remove(top)
        order.insert(0, top)
    return order


def _friends(friends: Friends, size: int, seed: str) -> Choose:
    """Return the choice among a few fixed partners of each source, some of which are partners of many."""
    position, count_of = ranked(size, seed), weighted(_degrees(friends))

    @lru_cache(None)
    def partners(source: int) -> tuple[int, ...]:
        bits = stream(0, "friends", seed, source).getrandbits
        count = min(count_of(bits) + 1, size)
        # the product of two uniform numbers prefers small ranks, so that the number of payers has a tail too
        return tuple(position[(bits(32) * bits(32) * size) >> 64] for _ in range(count))

    def choose(bits: Bits, source: int) -> int:
        known = partners(source)
        return known[(bits(64) * len(known)) >> 64]

    return choose


@lru_cache(16)
def _degrees(friends: Friends) -> tuple[int, ...]:
    """Return the weights of 1, 2, ... friends: (k + shift) ** -alpha, with the shift that gives the mean."""
    low, high = 0, 100_000
    while low < high:
        middle = (low + high) // 2
        weights = _shifted(friends.alpha, middle)
        mean = Decimal(sum(k * weight for k, weight in enumerate(weights, 1))) / sum(weights)
        low, high = (middle + 1, high) if mean < friends.mean else (low, middle)
    return _shifted(friends.alpha, low)


def _shifted(alpha: Decimal, hundredths: int) -> tuple[int, ...]:
    shift = Decimal(hundredths) / 100
    return tuple(
        int(CONTEXT.multiply(CONTEXT.exp(-alpha * CONTEXT.ln(k + shift)), Decimal(UNIT))) + 1
        for k in range(1, FRIENDS_MAX + 1)
    )
