"""Pauses between attempts, and what a server may ask for."""

import random
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.resilience.retry import RetryPolicy, parse_retry_after

RNG = random.Random(1)
NOW_S = datetime(2026, 7, 1, 12, 0, 0, tzinfo=UTC).timestamp()


def delays_ms(growth: Literal["exponential", "linear"], attempts: range) -> list[float]:
    policy = RetryPolicy(3, growth, 100, 2000, jitter=False)
    return [round(1000 * policy.delay_s(attempt, None, RNG, retry_after_max_s=60), 6) for attempt in attempts]


def test_exponential_pauses_double_up_to_the_longest() -> None:
    assert delays_ms("exponential", range(1, 8)) == [100, 200, 400, 800, 1600, 2000, 2000]


def test_linear_pauses_grow_by_the_first_up_to_the_longest() -> None:
    assert delays_ms("linear", range(1, 4)) == [100, 200, 300]
    assert delays_ms("linear", range(19, 23)) == [1900, 2000, 2000, 2000]


def test_the_thousandth_attempt_still_has_a_finite_pause() -> None:
    assert delays_ms("exponential", range(1000, 1001)) == [2000]


def test_jitter_draws_between_nothing_and_the_whole_pause() -> None:
    policy = RetryPolicy(3, "exponential", 100, 2000, jitter=True)
    rng = random.Random(7)
    drawn = [policy.delay_s(3, None, rng, retry_after_max_s=60) for _ in range(1000)]
    assert 0 <= min(drawn) < 0.02
    assert 0.38 < max(drawn) <= 0.4


def test_jitter_comes_from_the_generator_that_is_handed_in() -> None:
    policy = RetryPolicy(3, "exponential", 100, 2000, jitter=True)
    first, second = (
        [policy.delay_s(attempt, None, rng, retry_after_max_s=60) for attempt in range(1, 6)]
        for rng in (random.Random(3), random.Random(3))
    )
    assert first == second


@pytest.mark.parametrize(("asked_s", "waited_s"), [(0.0, 0.0), (7.0, 7.0), (3600.0, 60.0)])
def test_what_the_server_asks_for_wins_up_to_a_limit_and_without_jitter(asked_s: float, waited_s: float) -> None:
    policy = RetryPolicy(3, "exponential", 100, 2000, jitter=True)
    assert policy.delay_s(1, asked_s, RNG, retry_after_max_s=60) == waited_s


@pytest.mark.parametrize(("header", "seconds"), [("0", 0.0), ("120", 120.0), (" 5 ", 5.0), ("1.5", 1.5)])
def test_retry_after_in_seconds(header: str, seconds: float) -> None:
    assert parse_retry_after(header, NOW_S) == seconds


def test_retry_after_as_a_date_is_the_time_until_then() -> None:
    date = format_datetime(datetime(2026, 7, 1, 12, 0, 30, tzinfo=UTC), usegmt=True)
    assert parse_retry_after(date, NOW_S) == 30.0


def test_retry_after_as_a_date_without_a_zone_is_utc() -> None:
    assert parse_retry_after("Wed, 01 Jul 2026 12:00:30", NOW_S) == 30.0


def test_a_date_that_has_passed_asks_for_no_pause() -> None:
    assert parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT", NOW_S) == 0.0


@pytest.mark.parametrize(
    "header",
    [None, "", "soon", "-5", "nan", "inf", "1e999", "Mon, 01 Jan 99999 00:00:00 GMT", "9" * 20 + " Jan 2020 00:00:00"],
)
def test_a_retry_after_that_makes_no_sense_asks_for_nothing(header: str | None) -> None:
    assert parse_retry_after(header, NOW_S) is None


@given(st.text() | st.from_regex(r"\w{3}, \d{1,30} Jan \d{1,6} \d{2}:\d{2}:\d{2} [+-]?\d{0,12}"))
def test_no_retry_after_can_break_a_run(header: str) -> None:
    seconds = parse_retry_after(header, NOW_S)
    pause_s = RetryPolicy(3, "linear", 100, 2000, jitter=False).delay_s(1, seconds, RNG, retry_after_max_s=60)
    assert 0 <= pause_s <= 60
