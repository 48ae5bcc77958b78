"""Business days of Brazilian banks. Pure.

The national holidays are those of Lei 662/1949 and its amendments, with 12 October (Lei 6.802/1980) and, from 2024 on,
20 November (Lei 14.759/2023). Banks are also closed on Good Friday, and on Carnival Monday and Tuesday and Corpus
Christi (Resolução CMN 4.880/2020). On Ash Wednesday they open at noon, and on the last weekday of a year they settle
without serving the public: both are business days, as in the calendar of ANBIMA. Holidays of states and towns are none.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache

FIXED = ((1, 1), (4, 21), (5, 1), (9, 7), (10, 12), (11, 2), (11, 15), (12, 25))
"""(month, day) of the holidays with a fixed date."""
CONSCIENCE_SINCE = 2024
"""First year in which 20 November is a national holiday."""
ONE_DAY = timedelta(days=1)


def easter(year: int) -> date:
    """Return Easter Sunday, by the anonymous Gregorian algorithm (Meeus, Astronomical Algorithms, chapter 8)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


@lru_cache(256)
def holidays(year: int, also: tuple[str, ...]) -> frozenset[date]:
    """Return the days of a year on which banks are closed, apart from weekends."""
    sunday = easter(year)
    days = {date(year, month, day) for month, day in FIXED} | {sunday - 2 * ONE_DAY}
    if year >= CONSCIENCE_SINCE:
        days.add(date(year, 11, 20))
    if "carnival" in also:
        days |= {sunday - 48 * ONE_DAY, sunday - 47 * ONE_DAY}
    if "corpus-christi" in also:
        days.add(sunday + 60 * ONE_DAY)
    return frozenset(days)


class BusinessDays:
    """The business days of a calendar."""

    def __init__(self, also: Sequence[str] = ("carnival", "corpus-christi")) -> None:
        self._also = tuple(also)

    def is_holiday(self, day: date) -> bool:
        """Return whether banks are closed on a day that may not be at a weekend."""
        return day in holidays(day.year, self._also)

    def is_business_day(self, day: date) -> bool:
        """Return whether banks are open on a day."""
        return day.weekday() < 5 and not self.is_holiday(day)

    def nth(self, year: int, month: int, number: int) -> date | None:
        """Return the n-th business day of a month; None when the month has fewer."""
        day, found = date(year, month, 1), 0
        while day.month == month:
            found += self.is_business_day(day)
            if found == number:
                return day
            day += ONE_DAY
        return None

    def last_before(self, day: date) -> date:
        """Return the last business day up to and including a day."""
        while not self.is_business_day(day):
            day -= ONE_DAY
        return day

    def next_from(self, day: date) -> date:
        """Return the first business day from a day on."""
        while not self.is_business_day(day):
            day += ONE_DAY
        return day
