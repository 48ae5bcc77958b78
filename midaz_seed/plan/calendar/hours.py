"""Curves of the hours of a day. Pure.

`br-pix` fits what the central bank of Brazil says of Pix between people (Relatório de Gestão do Pix 2020-2022): 18.6 %
between 20 h and 6 h, single hours from 0.3 to 7.4 %. The order of the hours between is an assumption: tops at noon and
at 18 h.
"""

from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate
from typing import Literal

from midaz_seed.plan.drawing.bits import Bits

CURVES: dict[str, tuple[int, ...]] = {
    "br-pix": (
        120, 70, 45, 30, 30, 55, 180, 330, 500, 590, 660, 690,
        740, 640, 600, 610, 640, 690, 740, 530, 480, 420, 360, 250,
    ),
    "business": (0, 0, 0, 0, 0, 0, 50, 300, 900, 1200, 1300, 1200, 700, 800, 1100, 1100, 900, 450, 0, 0, 0, 0, 0, 0),
    "flat": (1,) * 24,
}  # fmt: skip
"""Weight of each hour."""
HOUR_S = 3600


def compile_hours(
    name: Literal["br-pix", "business", "flat"], between: tuple[int, int] | None = None
) -> Callable[[Bits], int]:
    """Return the function that draws the second of a day.

    Args:
        name: the curve.
        between: first and last second of the day, to which the curve is cut.
    """
    first, last = between or (0, 24 * HOUR_S - 1)
    parts = []
    for hour, weight in enumerate(CURVES[name]):
        begin, end = max(hour * HOUR_S, first), min((hour + 1) * HOUR_S, last + 1)
        if begin < end:
            parts.append((begin, end - begin, max(weight, 0 if sum(CURVES[name]) else 1) * (end - begin)))
    if not any(weight for _, _, weight in parts):
        parts = [(begin, length, length) for begin, length, _ in parts]
    reached = list(accumulate(weight for _, _, weight in parts))
    total = reached[-1]

    def draw(bits: Bits) -> int:
        begin, length, _ = parts[bisect_right(reached, (bits(48) * total) >> 48)]
        return begin + ((bits(32) * length) >> 32)

    return draw
