"""The days of a history that are compared, and statements."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.engine.ledger.history import Line, days_as_of, out_of_step

DATES = [date(2025, 1, 20) + timedelta(days=day) for day in range(60)]


def test_month_ends_and_dates_are_days_of_the_history() -> None:
    days = days_as_of(["month-ends", "2025-02-03", "2025-01-31", "2031-01-01"], DATES, Random(1))
    assert [str(DATES[day]) for day in days] == ["2025-01-31", "2025-02-03", "2025-02-28"]


def test_random_days_are_drawn_once_each_and_are_the_same_for_a_seed() -> None:
    days = days_as_of(["5 random days"], DATES, Random(7))
    assert len(set(days)) == 5
    assert days == days_as_of(["5 random days"], DATES, Random(7))
    assert days_as_of(["99 random days"], DATES, Random(7)) == list(range(60))
    assert len(days_as_of(["1 random day"], DATES, Random(7))) == 1


def _line(number: int, before: int, after: int) -> Line:
    at = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=number)
    return Line(at, number, str(number), Decimal(before), Decimal(after))


@given(changes=st.lists(st.integers(1, 9), min_size=2, max_size=12), data=st.data())
def test_lines_are_in_step_in_the_order_of_application_and_in_no_other(changes: list[int], data: st.DataObject) -> None:
    sums = [sum(changes[:number]) for number in range(len(changes) + 1)]
    lines = [_line(number, sums[number], sums[number + 1]) for number in range(len(changes))]
    assert out_of_step(lines) == []
    one = data.draw(st.integers(0, len(lines) - 2))
    lines[one], lines[one + 1] = lines[one + 1], lines[one]
    assert one in out_of_step(lines)
