"""The days of a history: which ones a rule hits, and how the volume is divided among them. Pure."""

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, timedelta

from midaz_seed.model.money import EXACT
from midaz_seed.plan.calendar.business_days import BusinessDays
from midaz_seed.scenarios.model import Time, When

WEIGHT_DECIMALS = 9
"""Decimals of the weights of a week that count."""
ROLL_MAX = 10
"""Days before the history from which a rule may move into it: banks are never closed for longer."""
MONDAY, SUNDAY = 0, 6


def history_days(time: Time) -> tuple[date, ...]:
    """Return the days of a history, the last one at the end. Its last day must have been resolved."""
    last = time.last_day
    assert isinstance(last, date), "yesterday is resolved when a run begins"
    return tuple(last - timedelta(days=before) for before in range(time.history - 1, -1, -1))


def matching(when: When, days: Sequence[date], calendar: BusinessDays, *, customer_day: int | None = None) -> list[int]:
    """Return the indexes of the days that a rule hits, ascending.

    Args:
        when: the rule.
        days: those of the history.
        calendar: the business days.
        customer_day: the day of the month of the customer, for `day_of_month: per-customer`.
    """
    if when.roll is None:
        return [index for index, day in enumerate(days) if _hits(when, day, calendar, customer_day)]
    index_of = {day: index for index, day in enumerate(days)}
    # a day that is no business day moves to the next one, also from before the history
    earlier = [days[0] - timedelta(days=before) for before in range(ROLL_MAX, 0, -1)] if days else []
    moved = {calendar.next_from(day) for day in [*earlier, *days] if _hits(when, day, calendar, customer_day)}
    return sorted(index_of[day] for day in moved if day in index_of)


def _hits(when: When, day: date, calendar: BusinessDays, customer_day: int | None) -> bool:
    if when.business_day is not None:
        return calendar.nth(day.year, day.month, when.business_day) == day
    if when.day is not None:
        return day == _day_of(day.year, day.month, when.day)
    if when.last_business_day_before is not None:
        month, number = map(int, when.last_business_day_before.split("-"))
        # the last business day up to 1 January is one of the year before
        return any(calendar.last_before(_day_of(year, month, number)) == day for year in (day.year, day.year + 1))
    if when.day_of_month is not None:
        return day.day == customer_day
    if when.every == "business-day":
        return calendar.is_business_day(day)
    return when.every == "day" or day.weekday() == MONDAY


def _day_of(year: int, month: int, number: int) -> date:
    """Return a day of a month, or its last day where it has fewer."""
    return date(year, month, min(number, monthrange(year, month)[1]))


def day_weights(time: Time, days: Sequence[date]) -> tuple[int, ...]:
    """Return the weight of each day: that of its weekday; a holiday weighs like a Sunday."""
    calendar = BusinessDays(time.calendar.also)
    week = [int(weight.scaleb(WEIGHT_DECIMALS, EXACT)) for weight in time.week]
    return tuple(week[SUNDAY if calendar.is_holiday(day) else day.weekday()] for day in days)


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Divide a total by weights into whole numbers with exactly that sum (largest remainders, then first ones)."""
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    by_rest = sorted(range(len(weights)), key=lambda index: (-(total * weights[index] % whole), index))
    for index in by_rest[: total - sum(parts)]:
        parts[index] += 1
    return parts
