"""In which order the runs of a benchmark are made, and how large each is. Pure."""

from collections.abc import Iterator, Sequence

MOVEMENTS_MAX = 5_000_000
"""Movements of a run whose size follows from a duration: more need more time to plan than to send."""
FIRST_SHARE = 20
"""Part of the movements of a case that its first warm-up run has, because their rate is not known yet."""
FIRST_MAX = 1_000


def rounds(variants: Sequence[str], repetitions: int) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Generate the repetitions, each with the variants in their order.

    Each repetition begins with the next variant, so that a server that becomes slower or faster favours none: two
    variants are measured as ABBA, and with n of them each has every place once in n repetitions.
    """
    for number in range(repetitions):
        first = number % len(variants)
        yield number + 1, (*variants[first:], *variants[:first])


def first_movements(planned: int) -> int:
    """Return the movements of the first warm-up run of a case with `planned` movements."""
    return max(1, min(planned // FIRST_SHARE, FIRST_MAX))


def movements_for(seconds: float, transactions_per_s: float) -> int:
    """Return how many movements by chance take a time, at a rate that was measured."""
    return max(1, min(round(seconds * transactions_per_s), MOVEMENTS_MAX))
