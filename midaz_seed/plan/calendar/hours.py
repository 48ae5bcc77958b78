"""Curves of the hours of a day. Pure.

`br-pix` fits what the central bank of Brazil says of Pix between people (Relatório de Gestão do Pix 2020-2022): 18.6 %
between 20 h and 6 h, single hours from 0.3 to 7.4 %. The order of the hours between is an assumption: tops at noon and
at 18 h.
"""

from bisect import bisect_right
from collections.abc import Callable
from typing import Literal

from midaz_seed.plan.drawing.bits import Bits
from midaz_seed.plan.drawing.choices import cumulative

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
        between: first and last second of the day, to which the curve is cut; where it is 0 between them, each second
            has the same probability.
    """
    first, last = between or (0, 24 * HOUR_S - 1)
    begins, lengths, weights = [], [], []
    for hour, weight in enumerate(CURVES[name]):
        begin, end = max(hour * HOUR_S, first), min((hour + 1) * HOUR_S, last + 1)
        if begin < end:
            begins.append(begin)
            lengths.append(end - begin)
            weights.append(weight * (end - begin))
    if not any(weights):  # hours in which the curve has nothing, such as business at night
        weights = lengths
    reached, count = cumulative(weights)

    def draw(bits: Bits) -> int:
        part = bisect_right(reached, bits(count))
        return begins[part] + ((bits(32) * lengths[part]) >> 32)

    return draw
