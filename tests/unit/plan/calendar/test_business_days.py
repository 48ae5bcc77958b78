"""Business days of Brazilian banks, against the package `holidays`, which has another source."""

from datetime import date, timedelta
from itertools import pairwise

import holidays as other
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.plan.calendar.business_days import BusinessDays, easter, holidays

ALSO = ("carnival", "corpus-christi")
YEARS = range(2019, 2036)
BANKS_ARE_OPEN = {"Ash Wednesday", "Public Servant's Day", "Christmas Eve", "New Year's Eve"}
"""Optional holidays of the public service on which banks settle payments."""
DAYS = st.dates(date(2019, 1, 1), date(2035, 12, 31))
CALENDAR = BusinessDays()


@pytest.mark.parametrize("year", YEARS)
def test_holidays_are_those_of_the_package_holidays(year):
    names = other.country_holidays("BR", years=year, categories=("public", "optional"), language="en_US")
    expected = {day for day, name in names.items() if name not in BANKS_ARE_OPEN}
    assert holidays(year, ALSO) == expected


@pytest.mark.parametrize("year", YEARS)
def test_without_carnival_and_corpus_christi_only_national_holidays_are_left(year):
    assert holidays(year, ()) == set(other.country_holidays("BR", years=year, categories=("public",)))


def test_the_twentieth_of_november_is_a_holiday_since_2024():
    calendar = BusinessDays()
    assert [calendar.is_business_day(date(year, 11, 20)) for year in (2023, 2024, 2025)] == [True, False, False]


@pytest.mark.parametrize("day", ["2019-04-21", "2024-03-31", "2025-04-20", "2038-04-25", "2285-03-22"])
def test_easter_is_on_the_published_sunday(day):
    assert easter(int(day[:4])) == date.fromisoformat(day)


@pytest.mark.parametrize("day", ["2024-04-05", "2025-09-05", "2025-12-05"])
def test_days_with_records_of_pix_are_fifth_business_days(day):
    """The central bank's records of the number of Pix a day, which the press explains with salaries."""
    found = date.fromisoformat(day)
    assert CALENDAR.nth(found.year, found.month, 5) == found


@given(DAYS, st.integers(1, 17))
def test_the_nth_business_day_has_n_minus_one_before_it_in_its_month(day, number):
    found = CALENDAR.nth(day.year, day.month, number)
    assert found is not None
    assert CALENDAR.is_business_day(found)
    before = [found.replace(day=each) for each in range(1, found.day)]
    assert sum(map(CALENDAR.is_business_day, before)) == number - 1


def test_a_month_without_so_many_business_days_has_no_nth_one():
    assert CALENDAR.nth(2026, 2, 18) == date(2026, 2, 27)
    assert CALENDAR.nth(2026, 2, 19) is None


@given(DAYS)
def test_between_a_day_and_the_nearest_business_days_banks_are_closed(day):
    before, after = CALENDAR.last_before(day), CALENDAR.next_from(day)
    assert CALENDAR.is_business_day(before)
    assert CALENDAR.is_business_day(after)
    between = [before + timedelta(days=each) for each in range(1, (after - before).days)]
    assert before == after == day or not any(map(CALENDAR.is_business_day, between))


def test_banks_are_never_closed_for_more_than_four_days():
    first = date(2019, 1, 1)
    open_days = [day for number in range(6200) if CALENDAR.is_business_day(day := first + timedelta(days=number))]
    assert max((after - before).days for before, after in pairwise(open_days)) == 5
