"""Curves of the hours of a day, drawn from integer tables of ten minutes. Pure.

What is known of Pix: 18.6 % of the payments between people are made between 20 h and 6 h, and the shares of single
hours run from 0.3 to 7.4 % (Banco Central do Brasil, Relatório de Gestão do Pix 2020-2022); on working days 38 % come
after 17 h (Nubank, 2021). `br-pix` fits these figures. The order of the hours in between is an assumption: tops at 12 h
and 18 h, the lowest hour at 3 h. So is the whole of `business`.
"""

from bisect import bisect_right
from collections.abc import Callable
from typing import Literal

from midaz_seed.plan.drawing.bits import Bits
from midaz_seed.plan.drawing.choices import cumulative

Curve = Literal["br-pix", "business", "flat"]
CURVES: dict[Curve, tuple[int, ...]] = {
    "br-pix": (
        90, 50, 35, 30, 35, 60, 140, 280, 430, 540, 620, 680,
        720, 640, 620, 640, 680, 720, 740, 690, 550, 460, 340, 210,
    ),
    "business": (0, 0, 0, 0, 0, 0, 50, 300, 900, 1200, 1300, 1200, 700, 800, 1100, 1100, 900, 450, 0, 0, 0, 0, 0, 0),
    "flat": (1,) * 24,
}  # fmt: skip
"""Weight of each hour; those of br-pix are hundredths of a percent."""
HOUR_S, SLOT_S, DAY_S = 3600, 600, 86_400
SLOTS = HOUR_S // SLOT_S
"""Slots of an hour."""


def slot_weights(name: Curve) -> list[int]:
    """Return the weight of each ten minutes of a day.

    Inside an hour they change evenly from the hour before to the hour after it, without changing the hour's sum: a
    curve of steps would show in every chart that is finer than an hour.
    """
    hours = CURVES[name]
    weights: list[int] = []
    for hour, weight in enumerate(hours):
        middle = 4 * SLOTS * weight
        steepest = middle // (SLOTS - 1)  # so that no slot falls below 0
        slope = max(-steepest, min(hours[(hour + 1) % 24] - hours[hour - 1], steepest))
        weights += [middle + slope * (2 * slot - SLOTS + 1) for slot in range(SLOTS)]
    return weights


def compile_hours(name: Curve, between: tuple[int, int] | None = None) -> Callable[[Bits], int]:
    """Return the function that draws the second of a day, from 0 to 86,399.

    Args:
        name: the curve.
        between: first and last second of the day, to which the curve is cut. Where the curve has nothing between them
            each second has the same probability.

    Raises:
        ValueError: the first second is after the last one.
    """
    first, last = between or (0, DAY_S - 1)
    if not 0 <= first <= last < DAY_S:
        raise ValueError(f"no second of a day is from {first} to {last}")
    weights = slot_weights(name)
    begins, lengths = [], []
    for slot in range(first // SLOT_S, last // SLOT_S + 1):
        begins.append(max(slot * SLOT_S, first))
        lengths.append(min((slot + 1) * SLOT_S, last + 1) - begins[-1])
    shares = [weights[begin // SLOT_S] * length for begin, length in zip(begins, lengths, strict=True)]
    reached, count = cumulative(shares if any(shares) else lengths)

    def draw(bits: Bits) -> int:
        slot = bisect_right(reached, bits(count))
        return begins[slot] + ((bits(32) * lengths[slot]) >> 32)

    return draw
