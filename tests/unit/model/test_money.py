"""Money: whole minor units inside, decimal strings outside, and nothing lost on the way."""

import re
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.errors import PlanError
from midaz_seed.model.money import format_minor, parse_minor, to_decimal

MINOR = st.integers(-(10**40), 10**40)
SCALE = st.integers(0, 18)


@given(MINOR, SCALE)
def test_an_amount_written_and_read_is_the_same_amount(minor: int, scale: int) -> None:
    text = format_minor(minor, scale)
    assert parse_minor(text, scale) == minor
    assert re.fullmatch(rf"-?\d+\.\d{{{scale}}}" if scale else r"-?\d+", text)


@given(MINOR, SCALE)
def test_the_decimal_and_the_text_are_one_number(minor: int, scale: int) -> None:
    assert to_decimal(minor, scale) == Decimal(format_minor(minor, scale))


@given(MINOR, SCALE)
def test_an_amount_without_trailing_zeros_is_read_as_well(minor: int, scale: int) -> None:
    text = format_minor(minor, scale)
    short = text.rstrip("0").rstrip(".") if "." in text else text
    assert parse_minor(short, scale) == minor


def test_a_program_that_rounds_its_decimals_changes_no_amount() -> None:
    with localcontext(prec=3):
        assert str(to_decimal(123_456_789, 2)) == "1234567.89"
        assert parse_minor("1234567.89", 2) == 123_456_789


@pytest.mark.parametrize(
    ("minor", "scale", "text"),
    [
        (1050, 2, "10.50"),
        (5, 2, "0.05"),
        (0, 2, "0.00"),
        (-5, 2, "-0.05"),
        (10_000, 0, "10000"),
        (10**16, 18, "0.010000000000000000"),
    ],
)
def test_amounts_are_written_with_all_their_decimals(minor: int, scale: int, text: str) -> None:
    assert format_minor(minor, scale) == text


@pytest.mark.parametrize("text", ["", "ten", "1,50", "0x10", "NaN", "Infinity", "1.001", "1e-3", "1e999999", "--1"])
def test_what_is_no_amount_of_two_decimals_is_refused(text: str) -> None:
    with pytest.raises(PlanError, match="not an amount with at most 2 decimals"):
        parse_minor(text, 2)
