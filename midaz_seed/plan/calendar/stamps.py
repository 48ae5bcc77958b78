"""Time stamps of a local day and second, in UTC. Pure."""

from datetime import date
from functools import lru_cache

OFFSETS_S = {"America/Sao_Paulo": -3 * 3600, "UTC": 0}
"""Offset of local time from UTC. São Paulo has no daylight saving time since Decreto 9.772/2019."""
SAO_PAULO_SINCE = date(2019, 2, 17)
"""The end of the last daylight saving time; earlier days have other offsets."""
DAY_S = 86_400
_TWO = tuple(f"{number:02}" for number in range(60))
_MINUTES = tuple(f"{minute // 60:02}{minute % 60:02}" for minute in range(DAY_S // 60))


class Stamper:
    """Formats the moments of a time zone."""

    def __init__(self, zone: str) -> None:
        self._behind_s = -OFFSETS_S[zone]
        self._since = SAO_PAULO_SINCE.toordinal() if zone != "UTC" else 1

    def _utc(self, day: int, second: int) -> tuple[int, int]:
        """Return ordinal and second in UTC. Raises ValueError for a day whose offset is not known."""
        if day < self._since:
            raise ValueError(f"{date.fromordinal(day)} is before {SAO_PAULO_SINCE}, the end of daylight saving time")
        second += self._behind_s
        return (day + 1, second - DAY_S) if second >= DAY_S else (day, second)

    def text(self, day: int, second: int) -> str:
        """Return a moment as RFC 3339; `day` is a proleptic ordinal."""
        day, second = self._utc(day, second)
        return f"{_iso(day)}T{_TWO[second // 3600]}:{_TWO[second // 60 % 60]}:{_TWO[second % 60]}Z"

    def utc_minute(self, day: int, second: int) -> str:
        """Return a moment as `yyyyMMddHHmm`."""
        if day < self._since:
            self._utc(day, second)
        minute = (second + self._behind_s) // 60
        return _compact(day) + _MINUTES[minute] if minute < 1440 else _compact(day + 1) + _MINUTES[minute - 1440]

    def end_of(self, day: int) -> str:
        """Return the last second of a local day, as `yyyy-mm-dd hh:mm:ss`."""
        day, second = self._utc(day, DAY_S - 1)
        return f"{_iso(day)} {_TWO[second // 3600]}:{_TWO[second // 60 % 60]}:{_TWO[second % 60]}"


@lru_cache(4096)
def _iso(day: int) -> str:
    return date.fromordinal(day).isoformat()


@lru_cache(4096)
def _compact(day: int) -> str:
    return f"{date.fromordinal(day):%Y%m%d}"
