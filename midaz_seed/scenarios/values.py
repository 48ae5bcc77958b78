"""Values in a scenario file: percentages, decimals, times of day, durations, dates. They are exact: no floats.

Each is written back (`model_dump(mode="json")`) as it may stand in a file: a resolved scenario can be read again.
"""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, StringConstraints, WithJsonSchema

WHOLE = 1_000_000
"""A percentage is kept as a share of this: 86 % is 860,000."""
WEIGHT_UNIT = 10_000
"""A weight is kept in units of 1/10,000."""


def _decimal(value: object) -> Decimal:
    """Read a decimal number: text, a whole number, or a number of YAML, which has at most 15 digits."""
    if isinstance(value, float):
        value = repr(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,40}(\.[0-9]{1,40})?", value.strip()):
        return Decimal(value.strip())
    if isinstance(value, Decimal):
        return value
    raise ValueError("not a decimal number, such as 12.50")


def _positive(value: object) -> Decimal:
    number = _decimal(value)
    if number < 0:
        raise ValueError("not a decimal number from 0 on")
    return number


def _scaled(number: Decimal, unit: int, most: int) -> int:
    scaled = number * unit
    if scaled != scaled.to_integral_value() or not 0 <= scaled <= most:
        raise ValueError("out of range, or more than four decimals")
    return int(scaled)


def _percent(value: object) -> int:
    """Read `86 %`, `2.5 %` or the number 86 as a share of a million."""
    text = value.strip().removesuffix("%").strip() if isinstance(value, str) else value
    try:
        return _scaled(_positive(text), WHOLE // 100, WHOLE)
    except ValueError:
        raise ValueError("not a percentage from 0 to 100 % with up to four decimals") from None


def _percent_number(value: object) -> Decimal:
    """Read `0.99 %` or the number 0.99, with any number of decimals."""
    return _positive(value.strip().removesuffix("%").strip() if isinstance(value, str) else value)


def _weight(value: object) -> int:
    """Read a weight as ten-thousandths."""
    try:
        return _scaled(_positive(value), WEIGHT_UNIT, 10**12)
    except ValueError:
        raise ValueError("not a weight: a number from 0 on with up to four decimals, without a percent sign") from None


def _seconds_of_day(value: object) -> int:
    """Read `06:30` or `22:30:15` as seconds since midnight."""
    match = (
        re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?", value) if isinstance(value, str) else None
    )
    if match is None:
        raise ValueError('not a time of day, such as "06:30" (in quotes)')
    return int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3] or 0)


def _days(value: object) -> int:
    """Read `90 days`, `12 weeks` or the number 90 as days."""
    match = re.fullmatch(r"([0-9]{1,4}) *(days?|weeks?)?", str(value)) if not isinstance(value, bool) else None
    if match is None:
        raise ValueError("not a number of days, such as 90 days")
    return int(match[1]) * (7 if (match[2] or "").startswith("week") else 1)


def _date(value: object) -> object:
    """Read a date, in years that a calendar can be made for; keep the word `yesterday`."""
    if not isinstance(value, str) or value == "yesterday":
        return value
    try:
        day = date.fromisoformat(value) if len(value) == len("2026-11-25") else None
    except ValueError:
        day = None
    if day is None or not 2000 <= day.year <= 2999:
        raise ValueError("not a date from 2000 on, such as 2026-11-25, or the word yesterday")
    return day


def _plain(number: Decimal) -> str:
    return format(number, "f")


def _plain_percent(share: int) -> str:
    return f"{(Decimal(share) / (WHOLE // 100)).normalize():f} %"


def _plain_weight(weight: int) -> str:
    return f"{(Decimal(weight) / WEIGHT_UNIT).normalize():f}"


def _plain_time(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


NAME = r"^[a-z][a-z0-9-]{0,39}$"
PATH = r"^[a-z][a-z0-9-]{0,39}(\.[a-z][a-z0-9-]{0,39})?$"
ASSET_CODE = r"^[A-Z]{1,20}$"
MONTH_DAY = r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
OPTION = r"^[a-z][a-z0-9_]{0,39}$"
MIDAZ_VERSION = r"^>=[0-9]{1,2}(\.[0-9]{1,3}){0,2}$"


def _schema(pattern: str, *, number: str = "number", most: int | None = None) -> WithJsonSchema:
    """Return what an editor checks: a text of this pattern, or a number."""
    numbers: dict[str, Any] = {"type": number, "minimum": 0, **({"maximum": most} if most is not None else {})}
    return WithJsonSchema({"anyOf": [numbers, {"type": "string", "pattern": pattern}]})


_DECIMAL = r"^[0-9]{1,40}(\.[0-9]{1,40})?$"
_PERCENT = r"^[0-9]{1,3}(\.[0-9]{1,4})? *%?$"
_CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"
Name = Annotated[str, StringConstraints(pattern=NAME)]
"""A name in a scenario: of a kind of customer, an account, a mix entry."""
Path = Annotated[str, StringConstraints(pattern=PATH)]
"""Accounts: `person.checking` (those of a kind), or the name of an internal account."""
AssetCode = Annotated[str, StringConstraints(pattern=ASSET_CODE)]
Number = Annotated[Decimal, BeforeValidator(_positive), PlainSerializer(_plain, return_type=str), _schema(_DECIMAL)]
"""A decimal number from 0 on, exact."""
PercentNumber = Annotated[
    Decimal,
    BeforeValidator(_percent_number),
    PlainSerializer(_plain, return_type=str),
    _schema(_DECIMAL.replace("$", " *%?$")),
]
"""A percentage as a decimal number, exact: 0.99 is 0.99 %."""
Share = Annotated[
    int, BeforeValidator(_percent), PlainSerializer(_plain_percent, return_type=str), _schema(_PERCENT, most=100)
]
"""A percentage, as a share of `WHOLE`."""
Weight = Annotated[int, BeforeValidator(_weight), PlainSerializer(_plain_weight, return_type=str), _schema(_DECIMAL)]
"""A relative weight, in units of 1/`WEIGHT_UNIT`."""
TimeOfDay = Annotated[
    int,
    BeforeValidator(_seconds_of_day),
    PlainSerializer(_plain_time, return_type=str),
    WithJsonSchema({"type": "string", "pattern": _CLOCK}),
]
"""Seconds since midnight."""
Days = Annotated[
    int,
    BeforeValidator(_days),
    Field(ge=1, le=3660),
    _schema(r"^[0-9]{1,4} *(days?|weeks?)?$", number="integer", most=3660),
]
LastDay = Annotated[date | Literal["yesterday"], BeforeValidator(_date)]
MonthDay = Annotated[str, StringConstraints(pattern=MONTH_DAY)]
"""A day of a year: `12-20`."""
