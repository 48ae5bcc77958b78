"""CPF and CNPJ: valid ones are made and known, everything else is refused."""

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.model.tax_ids import (
    cnpj_check_digits,
    cpf_check_digits,
    draw_cnpj,
    draw_cpf,
    format_cnpj,
    is_cnpj,
    is_cpf,
)

SEED = st.integers(0, 2**64)


@given(SEED)
def test_a_drawn_cpf_is_valid_and_no_other_check_digits_are(seed: int) -> None:
    made = draw_cpf(random.Random(seed).getrandbits)
    assert len(made) == 11
    assert [made[:9] + f"{pair:02}" for pair in range(100) if is_cpf(made[:9] + f"{pair:02}")] == [made]


@given(SEED, st.booleans())
def test_a_drawn_cnpj_is_valid_and_no_other_check_digits_are(seed: int, alphanumeric: bool) -> None:
    made = draw_cnpj(random.Random(seed).getrandbits, alphanumeric=alphanumeric)
    assert len(made) == 14
    assert [made[:12] + f"{pair:02}" for pair in range(100) if is_cnpj(made[:12] + f"{pair:02}")] == [made]
    assert is_cnpj(format_cnpj(made))


@given(st.text(alphabet=string.digits + string.ascii_letters + "./- ²٣", max_size=20))
def test_no_text_is_too_odd_to_be_asked_about(text: str) -> None:
    assert is_cpf(text) in (True, False)
    assert is_cnpj(text) in (True, False)


@pytest.mark.parametrize("digit", string.digits)
def test_cpf_with_equal_digits_is_refused(digit: str) -> None:
    equal = digit * 9 + cpf_check_digits(digit * 9)
    assert equal == digit * 11
    assert not is_cpf(equal)


def test_draws_of_equal_digits_give_valid_documents() -> None:
    documents = {draw_cpf(lambda _, number=number: number * 111_111_111 - 1) for number in range(1, 10)}
    assert len(documents) == 9
    assert all(is_cpf(document) for document in documents)


def test_cnpj_of_zeros_is_refused() -> None:
    assert cnpj_check_digits("0" * 12) == "00"
    assert not is_cnpj("0" * 14)


def test_the_published_examples_are_valid() -> None:
    assert cnpj_check_digits("12ABC34501DE") == "35"
    assert is_cnpj("12.ABC.345/01DE-35")
    assert is_cnpj("00.000.000/0001-91")
    assert is_cpf("111.444.777-35")
    assert not is_cpf("111.444.777-36")


@pytest.mark.parametrize("text", ["", "12abc34501de35", "12ABC34501DE3A", "٣٣٣٣٣٣٣٣٣٣٣", "1114447773", "111444777355"])
def test_lower_case_letters_in_check_digits_and_wrong_lengths_are_refused(text: str) -> None:
    assert not is_cpf(text)
    assert not is_cnpj(text)
