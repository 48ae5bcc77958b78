"""Exact decimal numbers of any length, as the server reads and writes them.

Amounts are strings in requests and answers. Here they are `decimal.Decimal`, in a context that never rounds.
"""

import re
from collections.abc import Iterable
from decimal import Context, Decimal, Inexact
from functools import reduce

DIGITS_MAX = 20_000
"""A longer number is refused when it is read: results of any length could fill the memory."""

EXACT = Context(prec=3 * DIGITS_MAX, traps=[Inexact])
ZERO = Decimal(0)
_SHORT = 100
_FORM = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,6})?")

add = EXACT.add
subtract = EXACT.subtract
multiply = EXACT.multiply


def parse(text: str) -> Decimal:
    """Return the number of a text: `10`, `-1.50`, `+5`, `5.`, `.5` or `1e2`.

    Raises:
        ValueError: any other form, or a number of more than `DIGITS_MAX` digits.
    """
    if len(text) <= _SHORT and text.isascii() and text.replace(".", "", 1).isdigit():
        return Decimal(text)  # the usual form, without the expression
    form = _FORM.fullmatch(text) if len(text) <= DIGITS_MAX else None
    if form is None:
        raise ValueError(f"not a decimal number: {text[:40]!r}")
    number = Decimal(text)
    if form.lastindex and number and not -DIGITS_MAX < number.adjusted() < DIGITS_MAX:
        raise ValueError(f"a number of this size is not supported: {text[:40]!r}")
    return number


def text_of(number: Decimal) -> str:
    """Return the shortest plain form: no exponent, no trailing zeros, no minus before zero."""
    text = str(number)  # a third of the time of format(number, "f"), which differs only for exponents
    if "E" in text:
        text = format(number, "f")
    if text[-1] != "0":
        return text
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def total(numbers: Iterable[Decimal]) -> Decimal:
    """Return the exact sum."""
    return reduce(add, numbers, ZERO)


def percentage_of(value: Decimal, percent: int, of_percent: int) -> Decimal:
    """Return `value` x percent/100 x of_percent/100, exactly."""
    return multiply(value, Decimal(percent * of_percent)).scaleb(-4, context=EXACT)
