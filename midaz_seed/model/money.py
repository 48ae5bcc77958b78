"""Money: integers in an asset's minor units inside, decimal strings at the edge, never a float."""

from decimal import Context, Decimal, Inexact, InvalidOperation

from midaz_seed.errors import PlanError

EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])
"""For all arithmetic on amounts: the context of the program around us may round, this one raises instead."""


def format_minor(minor: int, scale: int) -> str:
    """Minor units as a decimal string with exactly `scale` decimals: `format_minor(1050, 2) == "10.50"`."""
    if scale == 0:
        return str(minor)
    digits = str(minor).zfill(scale + 1 + (minor < 0))
    return f"{digits[:-scale]}.{digits[-scale:]}"


def to_decimal(minor: int, scale: int) -> Decimal:
    """Minor units as an exact decimal."""
    return Decimal(minor).scaleb(-scale, EXACT)


def parse_minor(text: str, scale: int) -> int:
    """A decimal string in minor units. Raises PlanError when it is no number or has more decimals than the asset."""
    try:
        value = Decimal(text)
        minor = value.scaleb(scale, EXACT)
        if not value.is_finite() or minor != minor.to_integral_value():
            raise PlanError(f"{text!r} is not an amount with at most {scale} decimals")
        return int(minor)
    except (InvalidOperation, Inexact) as error:
        raise PlanError(f"{text!r} is not an amount with at most {scale} decimals") from error
