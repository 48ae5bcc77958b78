"""Combinations of test parameters: a part of them in each session, all of them in `make thorough`."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import pytest


def combinations(*dimensions: Sequence[Any], step: int) -> list[Any]:
    """Return every combination of the values for `pytest.mark.parametrize`; all but one in `step` are thorough.

    The positions of the values of those that are kept add up to a multiple of `step`. A value of one dimension is kept
    if the others together reach every remainder: if one of them has `step` values or more.
    """
    return [
        pytest.param(
            *(values[position] for values, position in zip(dimensions, positions, strict=True)),
            marks=[pytest.mark.thorough] if sum(positions) % step else [],
        )
        for positions in product(*(range(len(values)) for values in dimensions))
    ]
