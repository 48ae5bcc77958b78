"""Random streams. What an item looks like depends on the seed and its key alone, never on the order of events."""

import random

ACCOUNTS_PER_STREAM = 512
"""Accounts that share one stream: seeding one costs as much as drawing for ten accounts."""


def stream(seed: int, *parts: str | int) -> random.Random:
    """A stream of its own for these parts of a key."""
    return random.Random(f"{seed}:{':'.join(map(str, parts))}")
