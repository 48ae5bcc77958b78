"""Pix: identifiers of the published form, a real minute in UTC, keys and initiations by their shares."""

import random
import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.plan.rails.boleto import iso_date
from midaz_seed.plan.rails.pix import ISPB, OWN_BANK, end_to_end_id
from tests.support.brazil import END_TO_END_ID
from tests.support.rails import details

SAO_PAULO_S = -3 * 3600
DRAWS = 20_000
DAY = date(2026, 11, 25).toordinal()


def _pix(bits: int, *, inside: bool, incoming: bool = False) -> dict[str, str]:
    return details("PIX", bits, 1234, inside=inside, incoming=incoming)


@given(
    st.integers(0, 2**64 - 1),
    st.integers(date(1999, 12, 31).toordinal(), date(2100, 3, 1).toordinal()),
    st.integers(0, 86_399),
    st.sampled_from([SAO_PAULO_S, 0, -5 * 3600, 14 * 3600, 19_800]),
)
def test_an_identifier_has_the_published_form_and_the_minute_in_utc(
    bits: int, day: int, second: int, offset_s: int
) -> None:
    local = datetime.combine(date.fromordinal(day), datetime.min.time(), timezone(timedelta(seconds=offset_s)))
    minute = (local + timedelta(seconds=second)).astimezone(UTC).strftime("%Y%m%d%H%M")
    made = end_to_end_id(bits, minute, "18236120")
    assert END_TO_END_ID.match(made)
    assert len(made) == 32
    assert made[1:21] == "18236120" + minute


def test_identifiers_of_one_minute_are_all_different() -> None:
    bits = random.Random(1).getrandbits
    assert len({end_to_end_id(bits(64), "202611251200", "00000000") for _ in range(DRAWS)}) == DRAWS
    assert end_to_end_id(0, "202611251200", "00000000") != end_to_end_id(1 << 63, "202611251200", "00000000")


def test_the_payers_institution_begins_a_pix() -> None:
    bits = random.Random(2).getrandbits
    own, others = OWN_BANK.ispb, {bank.ispb for bank in ISPB.values}
    assert {_pix(bits(64), inside=True)["endToEndId"][1:9] for _ in range(500)} == {own}
    assert {_pix(bits(64), inside=False)["endToEndId"][1:9] for _ in range(500)} == {own}
    seen = {_pix(bits(64), inside=False, incoming=True)["endToEndId"][1:9] for _ in range(5000)}
    assert seen == others
    assert own not in others


def test_keys_and_initiations_have_the_shares_of_the_central_bank() -> None:
    bits = random.Random(3).getrandbits
    drawn = [_pix(bits(64), inside=True) for _ in range(DRAWS)]
    initiations = Counter(members["initiation"] for members in drawn)
    for name, percent in {"KEY": 65, "MANUAL": 15, "QR_CODE": 20}.items():
        assert 100 * initiations[name] / DRAWS == pytest.approx(percent, abs=1.2), name
    keys = Counter(members["keyType"] for members in drawn if "keyType" in members)
    for name, percent in {"EVP": 45, "PHONE": 19, "CPF": 19, "EMAIL": 15, "CNPJ": 2}.items():
        assert 100 * keys[name] / keys.total() == pytest.approx(percent, abs=1.2), name
    assert all(("keyType" in members) != (members["initiation"] == "MANUAL") for members in drawn)


def test_cash_leaves_only_the_ledger_never_to_another_customer() -> None:
    bits = random.Random(4).getrandbits
    for inside, incoming in ((True, False), (False, True)):
        assert {_pix(bits(64), inside=inside, incoming=incoming)["purpose"] for _ in range(3000)} == {"TRANSFER"}
    outside = [_pix(bits(64), inside=False) for _ in range(DRAWS)]
    purposes = Counter((members["purpose"], members["initiation"] == "QR_CODE") for members in outside)
    assert {purpose for purpose, _ in purposes} == {"TRANSFER", "WITHDRAWAL", "CHANGE"}
    assert not purposes["WITHDRAWAL", False] + purposes["CHANGE", False], "cash is paid out for a QR code"
    assert 100 * purposes["WITHDRAWAL", True] / DRAWS == pytest.approx(1, abs=0.4)


def test_institutions_have_eight_digits_and_a_code_of_three() -> None:
    assert all(re.fullmatch(r"\d{8}", bank.ispb) and re.fullmatch(r"\d{3}", bank.code) for bank in ISPB.values)
    known = {bank.name: (bank.ispb, bank.code) for bank in ISPB.values}
    assert known["Banco do Brasil"] == ("00000000", "001")
    assert known["Itaú Unibanco"] == ("60701190", "341")
    assert known["Nu Pagamentos"] == ("18236120", "260")


def test_a_day_as_text() -> None:
    assert iso_date(date(2024, 2, 29).toordinal()) == "2024-02-29"
