"""Time stamps, against the time zone database of Python."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.plan.calendar.stamps import Stamper
from midaz_seed.scenarios.model import Time
from midaz_seed.scenarios.zones import KNOWN_SINCE, OFFSETS_S, days_before_zone

ZONES = sorted(OFFSETS_S)
DAYS = st.dates(date(2019, 2, 17), date(2099, 12, 31))


def in_utc(zone: str, day: date, second: int) -> datetime:
    return (datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)) + timedelta(seconds=second)).astimezone(UTC)


@pytest.mark.parametrize("zone", ZONES)
@given(day=DAYS, second=st.integers(0, 86_399))
def test_a_moment_is_written_in_utc(zone, day, second):
    expected, stamper = in_utc(zone, day, second), Stamper(zone)
    today = stamper.day(day.toordinal())
    text = today.text(second)
    assert text == expected.isoformat().replace("+00:00", "Z")
    assert datetime.fromisoformat(text) == expected
    assert today.date[second >= today.midnight_s] == f"{expected:%y%m%d}"
    assert today.utc_minute(second) == f"{expected:%Y%m%d%H%M}"


@pytest.mark.parametrize("zone", ZONES)
@given(day=DAYS)
def test_the_end_of_a_day_is_its_last_second(zone, day):
    end = datetime.fromisoformat(Stamper(zone).day(day.toordinal()).end()).replace(tzinfo=UTC)
    assert end + timedelta(seconds=1) == in_utc(zone, day + timedelta(days=1), 0)


def test_the_offset_of_sao_paulo_is_known_since_the_end_of_its_last_daylight_saving_time():
    zone, since = ZoneInfo("America/Sao_Paulo"), KNOWN_SINCE["America/Sao_Paulo"]
    offset = timedelta(seconds=OFFSETS_S["America/Sao_Paulo"])
    after = [datetime(since.year, since.month, since.day, tzinfo=zone) + timedelta(hours=each) for each in range(48)]
    assert {moment.utcoffset() for moment in after} == {offset}
    assert datetime(2019, 2, 16, 12, tzinfo=zone).utcoffset() != offset


@pytest.mark.parametrize("zone", ZONES)
def test_a_day_without_a_known_offset_is_refused(zone):
    since = KNOWN_SINCE[zone].toordinal()
    assert Stamper(zone).day(since).text(0)
    with pytest.raises(ValueError, match="the first day with a known offset"):
        Stamper(zone).day(since - 1)


@pytest.mark.parametrize(
    ("last_day", "history", "sentence"),
    [
        (date(2019, 2, 18), 1, None),
        (date(2019, 2, 18), 2, "can begin on 2019-02-18"),
        (date(2019, 2, 17), 1, "use a later last_day"),
        (date(2020, 2, 17), 366, "use at most 365 days of history"),
        ("yesterday", 3660, None),
    ],
)
def test_a_history_needs_one_day_before_it_for_the_opening_balances(last_day, history, sentence):
    found = days_before_zone(Time.model_validate({"last_day": last_day, "history": history}))
    assert found is None if sentence is None else sentence in found
