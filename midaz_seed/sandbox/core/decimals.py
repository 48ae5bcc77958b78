"""Exact decimal numbers of any length, as the server reads and writes them.

Amounts cross the wire as strings; inside they are `decimal.Decimal`, added in a context wide enough that nothing is
rounded.
"""

import re
from collections.abc import Iterable
from decimal import Context, Decimal, Inexact
from functools import reduce

DIGITS_MAX = 20_000
"""Longer results would be a way to fill the memory; a number beyond this is refused when it is read."""

EXACT = Context(prec=3 * DIGITS_MAX, traps=[Inexact])
ZERO = Decimal(0)
HUNDRED = Decimal(100)
_FORM = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,6})?")

add = EXACT.add
subtract = EXACT.subtract
multiply = EXACT.multiply


def parse(text: str) -> Decimal:
    """The number that a text stands for. Forms: `10`, `-1.50`, `+5`, `5.`, `.5`, `1e2`. Raises ValueError for any
    other."""
    form = _FORM.fullmatch(text) if len(text) <= DIGITS_MAX else None
    if form is None:
        raise ValueError(f"not a decimal number: {text[:40]!r}")
    number = Decimal(text)
    if form.lastindex and number and not -DIGITS_MAX < number.adjusted() < DIGITS_MAX:
        raise ValueError(f"a number of this size is not supported: {text[:40]!r}")
    return number


def text_of(number: Decimal) -> str:
    """The shortest plain form: no exponent, no trailing zeros, no minus before zero."""
    text = str(number)  # takes a third of the time of format(number, "f"), and is the same but for exponents
    if "E" in text:
        text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def total(numbers: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    return reduce(add, numbers, ZERO)


def percentage_of(value: Decimal, percent: int, of_percent: int) -> Decimal:
    """`value` x percent/100 x of_percent/100, exact."""
    return multiply(value, Decimal(percent * of_percent)).scaleb(-4, context=EXACT)
