"""Random streams. An item depends only on the seed and its key, never on the order of events."""

import random

ACCOUNTS_PER_STREAM = 512
"""Accounts that share one stream, because seeding a stream is slow."""


def stream(seed: int, *parts: str | int) -> random.Random:
    """Return the random stream for these parts of a key."""
    return random.Random(f"{seed}:{':'.join(map(str, parts))}")
