"""The days of a history: which ones a rule hits, and how the volume is divided among them. Pure."""

from collections.abc import Sequence
from datetime import date, timedelta

from midaz_seed.plan.calendar.business_days import BusinessDays
from midaz_seed.scenarios.model import Time, When

WEIGHT_UNIT = 10_000
SUNDAY = 6


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
    # a day that is no business day moves to the next one, also from before the history
    index_of = {day: index for index, day in enumerate(days)}
    earlier = [days[0] - timedelta(days=before) for before in range(10, 0, -1)] if days else []
    moved = {calendar.next_from(day) for day in [*earlier, *days] if _hits(when, day, calendar, customer_day)}
    return sorted(index_of[day] for day in moved if day in index_of)


def _hits(when: When, day: date, calendar: BusinessDays, customer_day: int | None) -> bool:
    if when.business_day is not None:
        return calendar.nth(day.year, day.month, when.business_day) == day
    if when.day is not None:
        return day.day == min(when.day, _last_day(day))
    if when.last_business_day_before is not None:
        month, number = map(int, when.last_business_day_before.split("-"))
        first = date(day.year, month, 1)
        return calendar.last_before(first.replace(day=min(number, _last_day(first)))) == day
    if when.day_of_month is not None:
        return day.day == customer_day
    return {
        "day": True,
        "business-day": calendar.is_business_day(day),
        "week": day.weekday() == 0,
    }[when.every or "day"]


def _last_day(day: date) -> int:
    """Return the number of the last day of a month."""
    return ((day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)).day


def day_weights(time: Time, days: Sequence[date]) -> tuple[int, ...]:
    """Return the weight of each day: that of its weekday; a holiday weighs like a Sunday."""
    calendar = BusinessDays(time.calendar.also)
    week = [int(weight * WEIGHT_UNIT) for weight in time.week]
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
