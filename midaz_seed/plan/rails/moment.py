"""The moment of a transaction, and its minute as text."""

from datetime import date
from functools import lru_cache
from typing import NamedTuple

MINUTES_PER_DAY = 1440
_MINUTES = tuple(f"{minute // 60:02}{minute % 60:02}" for minute in range(MINUTES_PER_DAY))


class Moment(NamedTuple):
    """The moment of a transaction. A named tuple, because one is created for every movement."""

    day: int
    """The local day, as a proleptic ordinal (`date.toordinal`)."""
    utc_minute: str
    """The minute in UTC: yyyyMMddHHmm."""


@lru_cache(maxsize=4096)
def _date_text(day: int) -> str:
    moment = date.fromordinal(day)
    return f"{moment.year:04}{moment.month:02}{moment.day:02}"


@lru_cache(maxsize=4096)
def iso_date(day: int) -> str:
    """Return a day as text: yyyy-MM-dd.

    Args:
        day: The proleptic ordinal.
    """
    return date.fromordinal(day).isoformat()


def minute_text(day_ordinal: int, second_of_day: int, offset_s: int) -> str:
    """Return a local time as a minute in UTC: yyyyMMddHHmm.

    Args:
        day_ordinal: The local day, as a proleptic ordinal.
        second_of_day: Seconds since local midnight.
        offset_s: Local time minus UTC in seconds: -10800 for São Paulo.
    """
    days, minute = divmod((second_of_day - offset_s) // 60, MINUTES_PER_DAY)
    return _date_text(day_ordinal + days) + _MINUTES[minute]
