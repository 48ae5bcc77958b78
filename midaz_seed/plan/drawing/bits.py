"""stub"""

from collections.abc import Callable

Bits = Callable[[int], int]
