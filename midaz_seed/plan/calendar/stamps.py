"""Time stamps of a local day and second, in UTC. Pure."""

from datetime import date, datetime, timedelta
from functools import lru_cache

from midaz_seed.scenarios.zones import KNOWN_SINCE, OFFSETS_S

DAY_S = 86_400
_TWO = tuple(f"{number:02}" for number in range(60))
_MINUTES = tuple(f"{minute // 60:02}{minute % 60:02}" for minute in range(DAY_S // 60))


class Stamper:
    """Formats the moments of a time zone whose local time is UTC or behind it."""

    def __init__(self, zone: str) -> None:
        self._zone = zone
        self._behind_s = -OFFSETS_S[zone]
        self._since = KNOWN_SINCE[zone].toordinal()

    def _utc(self, day: int, second: int) -> tuple[int, int]:
        """Return ordinal and second in UTC.

        Raises:
            ValueError: the offset of the day is not known. Scenarios that need such a day are refused before
                (`scenarios/zones.py`).
        """
        if day < self._since:
            first = KNOWN_SINCE[self._zone]
            raise ValueError(f"{date.fromordinal(day)} is before {first}, the first day with a known offset")
        second += self._behind_s
        return (day + 1, second - DAY_S) if second >= DAY_S else (day, second)

    def text(self, day: int, second: int) -> str:
        """Return a moment as RFC 3339; `day` is a proleptic ordinal."""
        day, second = self._utc(day, second)
        return f"{_iso(day)}T{_TWO[second // 3600]}:{_TWO[second // 60 % 60]}:{_TWO[second % 60]}Z"

    def local(self, moment: str) -> tuple[str, str]:
        """Return the local day and time of a moment that `text` wrote: `2026-11-25`, `14:05:09`."""
        local = datetime.fromisoformat(moment.removesuffix("Z")) - timedelta(seconds=self._behind_s)
        return local.date().isoformat(), local.time().isoformat()

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
    return _iso(day).replace("-", "")
