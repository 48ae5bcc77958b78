"""Documents, checked by arithmetic written for the tests from the published layouts, and by python-stdnum."""

import random

import pytest
from stdnum.br import cnpj, cpf

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


@pytest.mark.parametrize("start", [0, 2**64 - 7, 123_456_789])
def test_documents_of_different_serials_differ_and_leave_the_names_alone(start: int) -> None:
    plain, numbered = random.Random(14).getrandbits, random.Random(14).getrandbits
    seen: dict[str, set[str]] = {"PF": set(), "numeric": set(), "alphanumeric": set()}
    for serial in range(start, start + SAMPLE):
        one = person(numbered, serial=serial)
        assert one.name == person(plain).name
        assert is_right_cpf(one.document)
        seen["PF"].add(one.document)
        for kind in ("numeric", "alphanumeric"):
            made = company(numbered, alphanumeric=kind == "alphanumeric", serial=serial)
            assert made.name == company(plain, alphanumeric=kind == "alphanumeric").name
            assert is_right_cnpj(made.document)
            seen[kind].add(made.document)
    assert {kind: len(documents) for kind, documents in seen.items()} == dict.fromkeys(seen, SAMPLE)


def test_no_two_serials_have_the_same_document() -> None:
    # base = start + serial * step modulo the number of bases: a bijection when they have no common divisor
    for bases, make in (
        (999_999_990, lambda serial: draw_cpf(_no_bits, serial=serial)),
        (99_999_999, lambda serial: draw_cnpj(_no_bits, alphanumeric=False, serial=serial)),
        (36**12 - 1, lambda serial: draw_cnpj(_no_bits, alphanumeric=True, serial=serial)),
    ):
        assert make(0) == make(bases)
        assert all(make(0) != make(bases // prime) for prime in _prime_divisors(bases))


def _prime_divisors(number: int) -> set[int]:
    divisors, divisor = set(), 2
    while divisor * divisor <= number:
        while number % divisor == 0:
            divisors.add(divisor)
            number //= divisor
        divisor += 1
    return divisors | {number} - {1}


def _no_bits(_count: int) -> int:
    return 0


@pytest.mark.parametrize("number", [0, 2**64 - 1, 111_111_110, 444_444_443, 888_888_887, 999_999_989])
def test_the_extreme_draws_are_documents_too(number: int) -> None:
    assert is_right_cpf(draw_cpf(lambda _count: number))
    for alphanumeric in (False, True):
        made = draw_cnpj(lambda _count: number, alphanumeric=alphanumeric)
        assert is_right_cnpj(made)
        assert len(set(made)) > 1
