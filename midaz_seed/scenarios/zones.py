"""The time zones of a scenario: their offset from UTC, and the first day for which it is known. Pure."""

from datetime import date, timedelta

from midaz_seed.scenarios.model import Time

OFFSETS_S = {"America/Sao_Paulo": -3 * 3600, "UTC": 0}
"""Offset of local time from UTC. São Paulo has no daylight saving time since Decreto 9.772/2019."""
KNOWN_SINCE = {"America/Sao_Paulo": date(2019, 2, 17), "UTC": date(1970, 1, 1)}
"""First day with this offset: the one after the last daylight saving time of Brazil (Decreto 9.242/2017)."""
ONE_DAY = timedelta(days=1)


def days_before_zone(time: Time) -> str | None:
    """Return a sentence about a history that begins too early for its time zone; None for any other.

    Opening balances are deposited on the day before the first one. A last day that is `yesterday` is checked when it
    has been resolved.
    """
    if not isinstance(time.last_day, date):
        return None
    since = KNOWN_SINCE[time.zone]
    possible = (time.last_day - since).days
    if time.history <= possible:
        return None
    why = ", after the last daylight saving time of Brazil" if time.zone == "America/Sao_Paulo" else ""
    advice = f"at most {possible} days of history" if possible > 0 else "a later last_day"
    return (
        f"{time.history} days until {time.last_day} begin too early: in {time.zone} a history can begin on "
        f"{since + ONE_DAY}{why}; use {advice}"
    )
