"""Boletos, read by a parser of the tests' own, written from the layouts that Febraban published."""

import random
from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.plan.rails.boleto import SEGMENTS, bank_slip, utility_slip
from midaz_seed.plan.rails.details import boleto_kind
from midaz_seed.plan.rails.pix import ISPB, OWN_BANK
from tests.support.brazil import parse_bank_slip, parse_utility_slip
from tests.support.rails import details

BITS = st.integers(0, 2**64 - 1)
DUE = st.dates(date(2000, 7, 3), date(2049, 10, 13))
LAST_OF_FIRST_ROUND = date(2025, 2, 21)


@given(BITS, st.integers(1, 10**10 - 1), DUE)
def test_a_banks_boleto_has_bank_currency_check_digit_factor_and_value(bits: int, amount: int, due: date) -> None:
    bank, by_factor, value = parse_bank_slip(bank_slip(bits, amount, due.toordinal()))
    assert value == amount
    assert by_factor == (due if due <= LAST_OF_FIRST_ROUND else due - timedelta(days=9000))
    assert bank in {bank.code for bank in ISPB.values}


@pytest.mark.parametrize(
    ("due", "factor"),
    [
        (date(2000, 7, 3), "1000"),
        (date(2025, 2, 21), "9999"),
        (date(2025, 2, 22), "1000"),
        (date(2025, 2, 23), "1001"),
        (date(2026, 11, 25), "1641"),
        (date(2049, 10, 13), "9999"),
        (date(2049, 10, 14), "1000"),
    ],
)
def test_the_due_factor_restarts_on_the_day_that_febraban_published(due: date, factor: str) -> None:
    assert bank_slip(1, 100, due.toordinal())[5:9] == factor


def test_every_check_digit_from_1_to_9_appears_and_never_0() -> None:
    bits = random.Random(1).getrandbits
    codes = [bank_slip(bits(64), 4567, 739_900) for _ in range(2000)]
    assert {code[4] for code in codes} == set("123456789")
    assert len(set(codes)) == 2000


@given(BITS, st.integers(0, 10**14), DUE)
def test_a_value_that_does_not_fit_is_written_as_zeros(bits: int, amount: int, due: date) -> None:
    _, _, value = parse_bank_slip(bank_slip(bits, amount, due.toordinal()))
    assert value == (amount if amount < 10**10 else 0)
    _, value, _ = parse_utility_slip(utility_slip(bits, amount, due.toordinal()))
    assert value == (amount if amount < 10**11 else 0)


@given(BITS, st.integers(1, 10**11 - 1), DUE, st.sampled_from(sorted(SEGMENTS)))
def test_a_utilitys_bill_has_segment_check_digit_value_and_due_date(
    bits: int, amount: int, due: date, segment: str
) -> None:
    read = parse_utility_slip(utility_slip(bits, amount, due.toordinal(), segment))
    assert read == (SEGMENTS[segment], amount, due)


def test_the_boletos_of_movements_are_of_the_kind_that_they_name() -> None:
    bits, day = random.Random(2).getrandbits, date(2026, 11, 25)
    kinds = Counter()
    for _ in range(4000):
        drawn, amount = bits(64), 1 + bits(20)
        members = details("BOLETO", drawn, amount, day=day, inside=False)
        due, issuer, code = date.fromisoformat(members["dueDate"]), members["issuer"], members["barcode"]
        assert day <= due <= day + timedelta(days=7)
        assert issuer == boleto_kind(drawn)
        kinds[issuer] += 1
        if issuer == "BANK":
            bank, by_factor, value = parse_bank_slip(code)
            assert (by_factor + timedelta(days=9000), value) == (due, amount)
            assert bank != OWN_BANK.code
        else:
            assert parse_utility_slip(code) == (SEGMENTS[issuer], amount, due)
    assert set(kinds) == {"BANK", *SEGMENTS}
    assert 0.55 < kinds["BANK"] / 4000 < 0.65


def test_a_boleto_between_customers_is_of_the_institution_itself() -> None:
    bits = random.Random(3).getrandbits
    for _ in range(500):
        members = details("BOLETO", bits(64), 990, inside=True)
        assert members["issuer"] == "BANK"
        assert parse_bank_slip(members["barcode"])[0] == OWN_BANK.code


def test_the_first_bar_codes_are_always_the_same() -> None:
    day = date(2026, 11, 25).toordinal()
    assert bank_slip(0x0123456789ABCDEF, 12345, day) == EXPECTED_BANK
    assert utility_slip(0x0123456789ABCDEF, 12345, day, "ENERGY") == EXPECTED_ENERGY
    assert utility_slip(0x0123456789ABCDEF, 12345, day, "TAX") == EXPECTED_TAX


EXPECTED_BANK = "33695164100000123455597350190126422650302490"
EXPECTED_ENERGY = "83660000001234529672026112501281023894007607"
EXPECTED_TAX = "85830000001234529672026112501281023894007607"
