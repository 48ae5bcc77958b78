"""The days of a history: rules of the calendar, and how the volume is divided."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.plan.calendar.business_days import BusinessDays
from midaz_seed.plan.calendar.days import apportion, day_weights, history_days, matching
from midaz_seed.scenarios.model import Time, When

CALENDAR = BusinessDays()
WEEK = ("1.06", "1.03", "1.03", "1.04", "1.14", "0.90", "0.68")
"""The week of the built-in banks, which is to give 77 % from Monday to Friday."""


def days(first: str, last: str) -> list[date]:
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    return [begin + timedelta(days=number) for number in range((end - begin).days + 1)]


def hit(rule: dict[str, Any], first: str, last: str, customer_day: int | None = None) -> list[str]:
    history = days(first, last)
    found = matching(When.model_validate(rule), history, CALENDAR, customer_day=customer_day)
    assert found == sorted(set(found))
    return [f"{history[index]:%m-%d}" for index in found]


def time(last: date, history: int, **values: Any) -> Time:
    return Time.model_validate({"last_day": last, "history": history, "week": WEEK} | values)


def test_a_history_ends_on_its_last_day():
    assert history_days(time(date(2026, 3, 1), 3)) == (date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"business_day": 5}, ["01-08", "02-06", "03-06"]),
        ({"day": 5}, ["01-05", "02-05", "03-05"]),
        ({"day": 31}, ["01-31", "02-28", "03-31"]),
        ({"day": 31, "roll": "next-business-day"}, ["02-02", "03-02", "03-31"]),
        ({"day": 17, "roll": "next-business-day"}, ["01-19", "02-18", "03-17"]),
        ({"last_business_day_before": "02-17"}, ["02-13"]),
        ({"last_business_day_before": "02-29"}, ["02-27"]),
        ({"last_business_day_before": "03-31"}, ["03-31"]),
    ],
)
def test_a_rule_hits_its_days_of_the_first_quarter_of_2026(rule, expected):
    # Carnival is on 16 and 17 February
    assert hit(rule, "2026-01-01", "2026-03-31") == expected


def test_the_thirteenth_salary_is_paid_on_business_days():
    assert hit({"last_business_day_before": "11-30"}, "2025-11-01", "2025-12-31") == ["11-28"]
    assert hit({"last_business_day_before": "12-20"}, "2025-11-01", "2025-12-31") == ["12-19"]


def test_the_last_business_day_up_to_new_year_is_in_december():
    assert hit({"last_business_day_before": "01-01"}, "2025-12-01", "2026-01-15") == ["12-31"]


def test_a_customer_has_a_day_of_the_month_of_its_own():
    rule = {"day_of_month": "per-customer"}
    assert hit(rule, "2026-01-10", "2026-03-10", customer_day=10) == ["01-10", "02-10", "03-10"]
    assert hit(rule, "2026-01-10", "2026-03-10", customer_day=28) == ["01-28", "02-28"]


def test_a_rule_for_every_day_business_day_and_week():
    assert len(hit({"every": "day"}, "2026-02-09", "2026-02-22")) == 14
    expected = ["02-09", "02-10", "02-11", "02-12", "02-13", "02-18", "02-19", "02-20"]
    assert hit({"every": "business-day"}, "2026-02-09", "2026-02-22") == expected
    assert hit({"every": "week"}, "2026-02-09", "2026-02-22") == ["02-09", "02-16"]


def test_a_day_before_the_history_rolls_into_it_and_one_at_its_end_out_of_it():
    assert hit({"day": 14, "roll": "next-business-day"}, "2026-02-18", "2026-03-13") == ["02-18"]
    assert hit({"day": 14, "roll": "next-business-day"}, "2026-03-01", "2026-03-15") == []


def test_days_that_roll_to_the_same_day_count_once():
    assert hit({"every": "day", "roll": "next-business-day"}, "2026-02-14", "2026-02-19") == ["02-18", "02-19"]


@given(st.integers(1, 31), st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(1, 90))
def test_a_longer_history_hits_the_same_days(number, first, length):
    when = When.model_validate({"day": number, "roll": "next-business-day"})
    history = [first + timedelta(days=each) for each in range(length)]
    longer = [first - timedelta(days=each) for each in range(40, 0, -1)] + history
    inside = {history[index] for index in matching(when, history, CALENDAR)}
    assert inside == {longer[index] for index in matching(when, longer, CALENDAR)} & set(history)


@pytest.mark.parametrize("year", range(2020, 2031))
def test_monday_to_friday_have_77_percent_of_a_year(year):
    """The central bank's figure for Pix; holidays, which weigh like Sundays, take less than a percent of it."""
    year_time = time(date(year, 12, 31), 365)
    history = history_days(year_time)
    weights = day_weights(year_time, history)
    weekdays = sum(weight for day, weight in zip(history, weights, strict=True) if day.weekday() < 5)
    assert weekdays / sum(weights) == pytest.approx(0.77, abs=0.01)


def test_a_holiday_weighs_like_a_sunday():
    christmas = time(date(2025, 12, 28), 4)
    thursday, friday, _, sunday = day_weights(christmas, history_days(christmas))
    assert thursday == sunday < friday


def test_a_calendar_without_carnival_gives_its_days_the_usual_weight():
    plain = time(date(2026, 2, 17), 1, calendar={"also": ()})
    usual = time(date(2026, 2, 17), 1)
    assert day_weights(plain, history_days(plain)) > day_weights(usual, history_days(usual))


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), max_size=40))
def test_a_total_is_divided_exactly_and_in_proportion(total, weights):
    parts = apportion(total, weights)
    whole = sum(weights)
    assert sum(parts) == (total if whole else 0)
    for part, weight in zip(parts, weights, strict=True):
        assert not whole or abs(part * whole - total * weight) < whole
        assert weight or not part


def test_the_largest_remainders_get_what_is_left_and_the_first_of_equal_ones():
    assert apportion(10, [1, 1, 1]) == [4, 3, 3]
    assert apportion(10, [10, 25, 65]) == [1, 3, 6]
    assert apportion(100, [927, 61, 12]) == [93, 6, 1]
