"""Checks of the calendar: what needs dates, and days that never come."""

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, timedelta

from midaz_seed.scenarios.checks.finding import Finding, Path
from midaz_seed.scenarios.model import Scenario, Time, When
from midaz_seed.scenarios.zones import days_before_zone
from midaz_seed.wording import nearest

BUSINESS_DAYS_MIN = 17
"""Business days that every month of the calendar has: a February of 20 weekdays with Carnival on Monday and Tuesday,
and one more holiday."""
SATURDAY = 5
_RANDOM_DAYS = re.compile(r"([0-9]{1,4}) random days?")


def check_days(scenario: Scenario) -> Iterator[Finding]:
    """Yield what is impossible about days."""
    time = scenario.time
    if time is None:
        yield from _check_without_time(scenario)
        return
    if (text := days_before_zone(time)) is not None:
        yield Finding(("time", "history"), text)
    if not any(time.week):
        yield Finding(("time", "week"), "one day of the week must be above 0")
    rules: list[tuple[Path, When]] = [
        (("schedules", name, "when"), schedule.when) for name, schedule in scenario.schedules.items()
    ]
    rules += [(("payouts", name, "when"), payout.when) for name, payout in scenario.payouts.items()]
    for path, when in rules:
        yield from _check_rule(path, when, time)
    for name, entry in scenario.mix.items():
        between = entry.only.between if entry.only is not None else None
        if between is not None and between[0] >= between[1]:
            yield Finding(("mix", name, "only", "between"), "the first time must be before the second")
        if entry.only is not None and entry.only.business_days and not days_hit(When(every="business-day"), time):
            text = f"no day of the {time.history} days of history is a business day: extend time.history"
            yield Finding(("mix", name, "only", "business_days"), text)
    for index, text in enumerate(scenario.proof.as_of or ()):
        yield from _check_proof_day(("proof", "as_of", index), text, time)


def _check_without_time(scenario: Scenario) -> Iterator[Finding]:
    text = "it needs `time`: without it the movements have no dates"
    for section in ("schedules", "payouts"):
        for name in getattr(scenario, section):
            yield Finding((section, name), text)
    for name, account in scenario.accounts.internal.items():
        if account.sweep is not None:
            yield Finding(("accounts", "internal", name, "sweep"), text)
    for name, entry in scenario.mix.items():
        if entry.only is not None:
            yield Finding(("mix", name, "only"), text)
    if scenario.proof.as_of:
        yield Finding(("proof", "as_of"), text)


def _check_rule(path: Path, when: When, time: Time) -> Iterator[Finding]:
    if when.business_day is not None and when.business_day > BUSINESS_DAYS_MIN:
        text = f"months have at least {BUSINESS_DAYS_MIN} business days, some no {when.business_day}th one"
        yield Finding((*path, "business_day"), f"{text}: use `last_business_day_before`, or a lower one")
    if when.roll is not None and when.day is None and when.day_of_month is None and when.every != "day":
        yield Finding((*path, "roll"), "it needs day or day_of_month: the other rules give business days or any day")
    if (month_day := when.last_business_day_before) is not None and not is_month_day(month_day):
        yield Finding((*path, "last_business_day_before"), f"there is no day {month_day} in any year")
    elif not days_hit(when, time):
        yield Finding(
            path, f"no day of the {time.history} days of history matches: extend time.history, or leave it out"
        )


def is_month_day(text: str) -> bool:
    """Return whether there is a day of a year such as "02-29"."""
    month, day = int(text[:2]), int(text[3:])
    return day <= monthrange(2024, month)[1]


def days_hit(when: When, time: Time) -> bool:
    """Return whether a rule may match a day of the history; False only where it cannot, whatever the holidays are.

    With `yesterday` as the last day only the length of the history counts.
    """
    last = time.last_day if isinstance(time.last_day, date) else None
    if last is None:
        is_business_day = when.every == "business-day" or when.last_business_day_before is not None
        return time.history > 4 or not is_business_day
    days = [last - timedelta(days=number) for number in range(time.history)]
    if when.every is not None:
        return when.every != "business-day" or any(day.weekday() < SATURDAY for day in days)
    if when.day is not None:
        # a day that a month has not is its last one; a rule that rolls can come some days later
        slack = 4 if when.roll else 0
        wanted = (min(when.day, monthrange(day.year, day.month)[1]) for day in days)
        if any(day.day == number for day, number in zip(days, wanted, strict=True)):
            return True
        return bool(slack) and any(_is_day(days[-1] - timedelta(days=back), when.day) for back in range(1, slack + 1))
    if when.business_day is not None:
        # the n-th business day is at least the n-th day; holidays and weekends can double it
        lowest, highest = when.business_day, when.business_day + 2 * (when.business_day // 5 + 1) + 6
        return any(lowest <= day.day <= highest for day in days)
    if when.last_business_day_before is not None:
        return any(_is_near_before(day, when.last_business_day_before) for day in days)
    return True


def _is_day(day: date, number: int) -> bool:
    return day.day == min(number, monthrange(day.year, day.month)[1])


def _is_near_before(day: date, month_day: str) -> bool:
    """Return whether a day is up to four days before a day of the year: weekends and holidays are not longer."""
    month, number = int(month_day[:2]), int(month_day[3:])
    for year in (day.year, day.year + 1):
        target = date(year, month, min(number, monthrange(year, month)[1]))
        if 0 <= (target - day).days <= 4:
            return True
    return False


def _check_proof_day(path: Path, text: str, time: Time) -> Iterator[Finding]:
    if text == "month-ends":
        return
    if found := _RANDOM_DAYS.fullmatch(text):
        if not 1 <= int(found[1]) <= time.history:
            yield Finding(path, f"the history has {time.history} days: choose 1 to {time.history} of them")
        return
    try:
        day = date.fromisoformat(text)
    except ValueError:
        suggestion = nearest(text, ["month-ends", "5 random days"])
        hint = f"; did you mean {suggestion}?" if suggestion else ""
        yield Finding(path, f"it must be month-ends, `5 random days` or a date, not {text[:60]!r}{hint}")
        return
    if isinstance(time.last_day, date):
        first = time.last_day - timedelta(days=time.history - 1)
        if not first <= day <= time.last_day:
            yield Finding(path, f"{day} is not in the history, {first} to {time.last_day}")
