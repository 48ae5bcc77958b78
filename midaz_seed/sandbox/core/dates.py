"""The forms of dates and times that the server reads and writes."""

import calendar
import re
from datetime import UTC, datetime

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?)?")
_RFC3339 = re.compile(r"([^.]*T[0-9:]+)(\.\d+)?(Z|[+-]\d\d:\d\d)")
_NANOSECONDS = len(".123456789")


def parse_instant(text: str) -> datetime | None:
    """Read RFC 3339, the same without zone (then UTC) or a plain date; None for any other text."""
    if _INSTANT.fullmatch(text) is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


def as_rewritten(text: str) -> str | None:
    """Return a time in RFC 3339 as the server writes it after reading it: up to nine decimals without zeros at their
    end, `Z` for UTC; None for any other text (midaz-behaviour: transaction-dates)."""
    form = _RFC3339.fullmatch(text)
    if form is None or parse_instant(text) is None:
        return None
    seconds, fraction, zone = form.groups(default="")
    fraction = fraction[:_NANOSECONDS].rstrip("0").rstrip(".")
    return seconds + fraction + ("Z" if zone[1:] == "00:00" else zone)


def parse_moment(text: str) -> datetime | None:
    """Read a date with a time, separated by a space or as `parse_instant` reads it; None for any other text."""
    return parse_instant(text.replace(" ", "T", 1)) if len(text) > len("2026-01-01") else None


def rfc3339(instant: datetime) -> str:
    """Write a time as the server does: `Z` for UTC, no fraction that is zero, no trailing zeros in it."""
    text = instant.strftime("%Y-%m-%dT%H:%M:%S")
    if instant.microsecond:
        text += f".{instant.microsecond:06d}".rstrip("0")
    offset = instant.strftime("%z")
    return text + ("Z" if offset in ("+0000", "") else f"{offset[:3]}:{offset[3:5]}")


def months_before(epoch_s: float, months: int) -> float:
    """Return the start of the day `months` before a time; both in seconds since the epoch."""
    day = datetime.fromtimestamp(epoch_s, UTC)
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    month += 1
    last = calendar.monthrange(year, month)[1]
    return datetime(year, month, min(day.day, last), tzinfo=UTC).timestamp()


class Stamps:
    """Formats the current time. The part up to the second is cached, because it is the same for many requests."""

    def __init__(self) -> None:
        self._second = -1
        self._prefix = ""

    def at(self, epoch_s: float) -> str:
        """Return RFC 3339 in UTC with microseconds."""
        second = int(epoch_s)
        if second != self._second:
            self._second = second
            self._prefix = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        digits = str(1_000_000 + int((epoch_s - second) * 1_000_000))  # the first one keeps zeros at the beginning
        return f"{self._prefix}{digits[1:]}Z"
