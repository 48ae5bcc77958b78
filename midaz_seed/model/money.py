"""Amounts of money: integers in minor units inside, decimal strings in requests and answers, never floats."""

from decimal import Context, Decimal, Inexact, InvalidOperation

from midaz_seed.errors import PlanError

EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])
"""Context for all arithmetic on amounts. The default context may round; this one raises instead."""


def format_minor(minor: int, scale: int) -> str:
    """Format minor units as a decimal string with exactly `scale` decimals: `format_minor(1050, 2) == "10.50"`."""
    if scale == 0:
        return str(minor)
    digits = str(minor)
    if len(digits) <= scale or minor < 0:
        digits = digits.zfill(scale + 1 + (minor < 0))
    return f"{digits[:-scale]}.{digits[-scale:]}"


def to_decimal(minor: int, scale: int) -> Decimal:
    """Convert minor units to an exact decimal."""
    return Decimal(minor).scaleb(-scale, EXACT)


def parse_minor(text: str, scale: int) -> int:
    """Convert a decimal string to minor units. Raises PlanError for other text, or for more than `scale` decimals."""
    try:
        value = Decimal(text)
        minor = value.scaleb(scale, EXACT)
        if not value.is_finite() or minor != minor.to_integral_value():
            raise PlanError(f"{text!r} is not an amount with at most {scale} decimals")
        return int(minor)
    except (InvalidOperation, Inexact) as error:
        raise PlanError(f"{text!r} is not an amount with at most {scale} decimals") from error
