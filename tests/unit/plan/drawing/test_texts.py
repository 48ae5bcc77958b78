"""Texts with {fields}."""

import re
from collections import Counter
from datetime import date
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.plan.drawing.texts import TEXT_FIELDS, Facts, ascii_text, compile_text
from midaz_seed.scenarios.checks.texts import FIELDS, template_problems

DAY, DUE = date(2026, 3, 5).toordinal(), date(2026, 12, 1).toordinal()
EXPECTED = {
    "from.name": "Ana Luísa d'Ávila",
    "from.first_name": "Ana",
    "to.name": "Padaria São João Ltda.",
    "to.first_name": "Padaria",
    "amount": "12.50",
    "asset": "BRL",
    "n": "7",
    "e2e": "E1",
    "boleto": "001",
    "entry": "pix-qr",
    "date": "2026-03-05",
    "due": "2026-12-01",
    "date:%d/%m/%Y": "05/03/2026",
    "due:%y%m%d": "261201",
    "due:%m de %Y": "12 de 2026",
    "choose:EVP 1": "EVP",
}


def facts(bits: int = 0) -> Facts:
    names = EXPECTED["from.name"], EXPECTED["from.first_name"], EXPECTED["to.name"], EXPECTED["to.first_name"]
    return Facts(*names, "12.50", "BRL", 7, DAY, 0, DUE, lambda: "E1", lambda: "001", "pix-qr", bits)


@pytest.mark.parametrize("field", EXPECTED)
def test_a_field_stands_for_its_fact(field):
    assert compile_text(f"{{{field}}}")(facts()) == EXPECTED[field]
    assert compile_text(f"a {{{field}}} b {{n}}")(facts()) == f"a {EXPECTED[field]} b 7"


def test_the_plan_and_the_check_of_scenarios_know_the_same_fields():
    assert set(TEXT_FIELDS) == set(FIELDS)


@pytest.mark.parametrize("field", EXPECTED)
def test_a_field_that_the_plan_fills_in_passes_the_check(field):
    assert template_problems(f"{{{field}}}") == []


@given(st.text("{}:%|abcdeotu.EVP 0123-mYdyZ", max_size=20))
def test_what_the_check_accepts_can_be_compiled(text):
    if not template_problems(text):
        assert "{" not in compile_text(text)(facts())


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ("to.frist_name", "did you mean {to.first_name}?"),
        ("dat:%Y", "did you mean {date}?"),
        ("xyzzy", "unknown field {xyzzy}"),
        ("date:%H", "no format of dates"),
        ("date:", "no format of dates"),
        ("choose:EVP", "no word with a weight"),
        ("choose:EVP 0", "one weight must be above 0"),
        ("choose:EVP 1.5|CPF ²", "no word with a weight"),
    ],
)
def test_a_field_that_cannot_be_filled_in_is_refused(field, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        compile_text(f"Pix {{{field}}}")


def test_text_without_fields_and_empty_text_remain():
    assert compile_text("Saldo inicial")(facts()) == "Saldo inicial"
    assert compile_text("")(facts()) == ""


def test_words_are_chosen_by_weight_and_each_place_by_itself():
    made, bits = compile_text("{choose:a 45|b 35|c 20} {choose:a 45|b 35|c 20}"), Random(3).getrandbits
    pairs = Counter(made(facts(bits(64))) for _ in range(20_000))
    shares = {"a": 0.45, "b": 0.35, "c": 0.20}
    for one, first in shares.items():
        for two, second in shares.items():
            assert pairs[f"{one} {two}"] / 20_000 == pytest.approx(first * second, abs=0.012)


def test_words_of_different_texts_of_a_movement_are_independent():
    one, two, bits = compile_text("{choose:a 1|b 1}"), compile_text("{choose:c 1|d 1}"), Random(3).getrandbits
    pairs: Counter[str] = Counter()
    for _ in range(8_000):
        movement = facts(bits(64))
        pairs[one(movement) + two(movement)] += 1
    assert [pairs[pair] / 8_000 for pair in ("ac", "ad", "bc", "bd")] == pytest.approx([0.25] * 4, abs=0.02)


def test_words_can_have_spaces_and_signs():
    made = compile_text('{choose:a "quoted" word 1}')
    assert made(facts()) == 'a "quoted" word'


def test_the_same_bits_choose_the_same_word_on_every_platform():
    made = compile_text("{choose:EVP 45|PHONE 19|CPF 19|EMAIL 15|CNPJ 2}")
    assert [made(facts(number << 40)) for number in range(6)] == FROZEN


FROZEN = ["EVP", "EVP", "EMAIL", "EVP", "CNPJ", "PHONE"]


def test_a_costly_identifier_is_computed_only_for_a_text_that_has_it():
    def never() -> str:
        raise AssertionError

    plain = Facts("", "", "", "", "1", "BRL", 1, DAY, 0, DUE, never, never, "x", 0)
    assert compile_text("{amount} {asset}")(plain) == "1 BRL"


@given(st.text())
def test_metadata_is_in_ascii(text):
    assert ascii_text(text).isascii()


def test_letters_lose_their_accents_and_other_signs_are_left_out():
    assert ascii_text("São João – açaí €5") == "Sao Joao  acai 5"
