"""Documents, checked by arithmetic written for the tests from the published layouts, and by python-stdnum."""

import random

import pytest

from midaz_seed.model.tax_ids import draw_cnpj, draw_cpf, is_cnpj, is_cpf
from midaz_seed.plan.people.holders import company, person
from tests.support.brazil import is_right_cnpj, is_right_cpf

SAMPLE = 3000


def test_documents_of_people_and_companies_are_right() -> None:
    bits = random.Random(11).getrandbits
    for index in range(SAMPLE):
        assert is_right_cpf(person(bits).document)
        document = company(bits, alphanumeric=index % 2 == 0).document
        assert is_right_cnpj(document)
        assert index % 2 == 0 or document[8:12] == "0001"


def test_a_second_library_accepts_every_document() -> None:
    cpf, cnpj = pytest.importorskip("stdnum.br.cpf"), pytest.importorskip("stdnum.br.cnpj")
    bits = random.Random(12).getrandbits
    for index in range(SAMPLE):
        assert cpf.is_valid(person(bits).document)
        assert cnpj.is_valid(company(bits, alphanumeric=index % 2 == 0).document)


def test_impossible_documents_cannot_belong_to_anyone_and_change_nothing_else() -> None:
    right, wrong = random.Random(13).getrandbits, random.Random(13).getrandbits
    for index in range(SAMPLE):
        if index % 2:
            real, impossible = person(right), person(wrong, impossible=True)
            assert not is_right_cpf(impossible.document)
            assert not is_cpf(impossible.document)
            assert real.document[:9] == impossible.document[:9]
        else:
            real = company(right, alphanumeric=index % 4 == 0)
            impossible = company(wrong, alphanumeric=index % 4 == 0, impossible=True)
            assert not is_right_cnpj(impossible.document)
            assert not is_cnpj(impossible.document)
            assert real.document[:12] == impossible.document[:12]
        assert (real.name, real.kind, real.trading_name) == (impossible.name, impossible.kind, impossible.trading_name)


def test_documents_are_all_different_in_a_sample() -> None:
    bits = random.Random(14).getrandbits
    assert len({person(bits).document for _ in range(SAMPLE)}) == SAMPLE


@pytest.mark.parametrize("number", [0, 2**64 - 1, 999_999_997, 111_111_110, 444_444_443, 999_999_998])
def test_the_extreme_draws_are_documents_too(number: int) -> None:
    assert is_right_cpf(draw_cpf(lambda _count: number))
    for alphanumeric in (False, True):
        made = draw_cnpj(lambda _count: number, alphanumeric=alphanumeric)
        assert is_right_cnpj(made)
        assert len(set(made)) > 1
