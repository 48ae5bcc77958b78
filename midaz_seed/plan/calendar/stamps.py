"""Time stamps of a local day and second, in UTC. Pure."""

from datetime import date, datetime, timedelta

from midaz_seed.scenarios.zones import KNOWN_SINCE, OFFSETS_S

DAY_S, DAY_MINUTES = 86_400, 1440
_TWO = tuple(f"{number:02}" for number in range(60))
_CLOCK = tuple(f"{minute // 60:02}:{minute % 60:02}:" for minute in range(DAY_MINUTES))
_MINUTES = tuple(f"{minute // 60:02}{minute % 60:02}" for minute in range(DAY_MINUTES))


class LocalDay:
    """One local day: writes its moments in UTC. What all of them have in common is made once."""

    __slots__ = ("_clock", "_compact", "_iso", "_minutes", "date", "midnight_s", "ordinal")

    def __init__(self, ordinal: int, behind_s: int) -> None:
        """Prepare a day.

        Args:
            ordinal: its proleptic ordinal.
            behind_s: UTC less local time, whole minutes from 0 on.
        """
        days = [date.fromordinal(ordinal + after).isoformat() for after in (0, 1)]
        self.ordinal = ordinal
        self.midnight_s = DAY_S - behind_s
        """The local second at which the next day begins in UTC."""
        self._iso = [f"{day}T" for day in days]
        self._compact = [day.replace("-", "") for day in days]
        self.date = [day[2:] for day in self._compact]
        """The day in UTC as `yyMMdd`, before `midnight_s` and from it on."""
        behind = behind_s // 60
        self._clock = _CLOCK[behind:] + _CLOCK[:behind] if behind else _CLOCK
        self._minutes = _MINUTES[behind:] + _MINUTES[:behind] if behind else _MINUTES

    def text(self, second: int) -> str:
        """Return a moment as RFC 3339."""
        return f"{self._iso[second >= self.midnight_s]}{self._clock[second // 60]}{_TWO[second % 60]}Z"

    def utc_minute(self, second: int) -> str:
        """Return a moment as `yyyyMMddHHmm`."""
        return self._compact[second >= self.midnight_s] + self._minutes[second // 60]

    def end(self) -> str:
        """Return its last second, as `yyyy-mm-dd hh:mm:ss`."""
        return self.text(DAY_S - 1).replace("T", " ").removesuffix("Z")


class Stamper:
    """Formats the moments of a time zone whose local time is UTC or behind it."""

    def __init__(self, zone: str) -> None:
        self._zone = zone
        self._behind_s = -OFFSETS_S[zone]
        self._since = KNOWN_SINCE[zone].toordinal()

    def day(self, ordinal: int) -> LocalDay:
        """Return a day by its proleptic ordinal.

        Raises:
            ValueError: the offset of the day is not known. Scenarios that need such a day are refused before
                (`scenarios/zones.py`).
        """
        if ordinal < self._since:
            first = KNOWN_SINCE[self._zone]
            raise ValueError(f"{date.fromordinal(ordinal)} is before {first}, the first day with a known offset")
        return self.undated(ordinal)

    def undated(self, ordinal: int) -> LocalDay:
        """Return the day of what has no date of its own, with today's offset, whenever it is."""
        return LocalDay(ordinal, self._behind_s)

    def local(self, moment: str) -> tuple[str, str]:
        """Return the local day and time of a moment that `LocalDay.text` wrote: `2026-11-25`, `14:05:09`."""
        local = datetime.fromisoformat(moment.removesuffix("Z")) - timedelta(seconds=self._behind_s)
        return local.date().isoformat(), local.time().isoformat()
