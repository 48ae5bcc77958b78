"""Names: from pools that the seed alone decides, and fit for an alias."""

import random
import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.model.tax_ids import is_cnpj, is_cpf
from midaz_seed.plan.catalog import Catalog, catalog, slug
from midaz_seed.plan.templates import LEDGERS, PORTFOLIOS, SEGMENTS, numbered


@given(st.text())
def test_a_slug_is_lower_case_words_joined_by_hyphens(text: str) -> None:
    assert re.fullmatch(r"([a-z0-9]+(-[a-z0-9]+)*)?", slug(text))


def test_accents_become_plain_letters() -> None:
    assert slug("João D'Ávila Conceição") == "joao-d-avila-conceicao"
    assert slug(unicodedata.normalize("NFD", "São_Tomé")) == "sao-tome"


def test_a_catalogue_is_decided_by_its_seed() -> None:
    def people(seed: int) -> list[object]:
        rng, source = random.Random(7), Catalog(seed)
        return [source.holder(rng, 70, alphanumeric_cnpj=False) for _ in range(50)]

    assert people(1) == people(1)
    assert people(1) != people(2)


def test_the_program_around_us_keeps_its_own_random_numbers() -> None:
    random.seed(3)
    before = random.getstate()
    Catalog(1)
    assert random.getstate() == before


def test_shares_of_nothing_and_of_everything_are_kept() -> None:
    rng = random.Random(1)
    for percent, kind, valid in ((0, "PJ", is_cnpj), (100, "PF", is_cpf)):
        holders = [catalog(1).holder(rng, percent, alphanumeric_cnpj=True) for _ in range(200)]
        assert {holder.kind for holder in holders} == {kind}
        assert all(valid(holder.document) for holder in holders)


def test_companies_have_brazilian_addresses() -> None:
    rng = random.Random(1)
    for _ in range(100):
        company = catalog(1).company(rng, alphanumeric_cnpj=False)
        assert re.fullmatch(r"\d{5}-\d{3}", company.zip_code)
        assert re.fullmatch(r"[A-Z]{2}", company.state)
        assert re.fullmatch(r"\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}", company.document)
        assert company.legal_name.startswith(company.trading_name)


def test_lists_that_are_used_up_continue_with_numbers_and_never_repeat() -> None:
    for words in (LEDGERS, PORTFOLIOS, SEGMENTS):
        names = [numbered(words, index).lower() for index in range(500)]
        assert len(set(names)) == 500
    assert [numbered(LEDGERS, index) for index in (0, 5, 6, 12)] == ["Main", "Investment", "Main 2", "Main 3"]
