"""A sparkline: a row of characters whose height shows a value each."""

from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII = "_.-=+*#@"


def sparkline(values: Sequence[float], width: int, *, ascii_only: bool = False) -> str:
    """Return the last `width` values as one character each, from 0 to the highest of them."""
    levels = ASCII if ascii_only else BLOCKS
    shown = values[-width:] if width > 0 else ()
    highest = max(shown, default=0.0)
    if highest <= 0:
        return levels[0] * len(shown)
    return "".join(levels[min(int(value / highest * (len(levels) - 1) + 0.5), len(levels) - 1)] for value in shown)
