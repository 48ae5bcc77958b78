"""Names of people: the frequencies of the census, correct forms, and the same ones for a seed everywhere."""

import json
import random
import re
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.plan.people.holders import Holder, company, institution, person
from midaz_seed.plan.people.names import FIRST_NAMES, SECOND_NAMES, SURNAMES
from midaz_seed.plan.people.places import CITIES
from midaz_seed.plan.people.slugs import slug
from midaz_seed.plan.people.weights import Weighted, pick

PEOPLE = 40_000
PARTICLES = {"da", "de", "do", "das", "dos"}
CENSUS_FIRST_NAMES = {"Maria": 6.05, "José": 2.54, "Ana": 1.94, "João": 1.69}
CENSUS_SURNAMES = {"Silva": 16.76, "Santos": 10.52, "Oliveira": 5.77, "Souza": 4.53, "Pereira": 3.39}
CHILDREN_2020 = {"Eloá", "Asafe", "Bella", "Enzo", "Valentina", "Heitor", "Alice", "Noah", "Ravi", "Gael", "Theo"}


@pytest.fixture(scope="module")
def people() -> list[Holder]:
    bits = random.Random(7).getrandbits
    return [person(bits) for _ in range(PEOPLE)]


def test_first_names_have_the_frequency_of_the_census(people: list[Holder]) -> None:
    shares = Counter(holder.first_name for holder in people)
    for name, percent in CENSUS_FIRST_NAMES.items():
        assert 100 * shares[name] / PEOPLE == pytest.approx(percent, abs=0.35), name
    assert len(FIRST_NAMES.values) >= 150
    assert [name for name, _ in shares.most_common(4)] == list(CENSUS_FIRST_NAMES)


def test_surnames_have_the_frequency_of_the_census(people: list[Holder]) -> None:
    shares = Counter(word for holder in people for word in set(holder.name.split()))
    for name, percent in CENSUS_SURNAMES.items():
        assert 100 * shares[name] / PEOPLE == pytest.approx(percent, abs=0.6), name
    assert len(SURNAMES.values) >= 150


def test_no_name_repeats_a_word_or_ends_in_a_particle(people: list[Holder]) -> None:
    for holder in people:
        words = holder.name.split()
        plain = [word for word in words if word not in PARTICLES]
        assert len(plain) == len(set(plain)), holder.name
        assert words[-1] not in PARTICLES
        assert not any(a in PARTICLES and b in PARTICLES for a, b in pairwise(words)), holder.name
        assert 2 <= len(plain) <= 4, holder.name
        assert words[0] == holder.first_name


def test_a_share_of_the_people_have_second_names_and_particles(people: list[Holder]) -> None:
    marias = [holder.name.split() for holder in people if holder.first_name == "Maria"]
    with_second = sum(" ".join(words[1:]).startswith(SECOND_NAMES["Maria"]) for words in marias)
    assert 0.6 < with_second / len(marias) < 0.85
    da_silva, silva = (sum(text in holder.name for holder in people) for text in (" da Silva", " Silva"))
    assert 0.4 < da_silva / silva < 0.6
    assert not any(" do Silva" in holder.name or " de Santos" in holder.name for holder in people)


def test_the_customers_are_adults(people: list[Holder]) -> None:
    assert not {word for holder in people for word in holder.name.split()} & CHILDREN_2020


@given(st.integers(0, 2**64))
def test_no_text_of_a_holder_needs_escaping_in_json_or_is_too_long_for_the_server(seed: int) -> None:
    bits = random.Random(seed).getrandbits
    drawn = [person(bits), company(bits, alphanumeric=True)]
    seat = institution(bits, alphanumeric=True)
    texts = [text for holder in drawn for text in (holder.name, holder.trading_name, holder.first_name)]
    texts += [seat.legal_name, seat.trading_name, seat.line1, seat.district, seat.city]
    for text in texts:
        assert json.dumps(text, ensure_ascii=False) == f'"{text}"'
        assert len(text) <= 100
        assert text == " ".join(text.split())
    assert all(slug(holder.first_name) for holder in drawn)


def test_every_text_in_the_tables_can_stand_in_a_json_string() -> None:
    texts = [*FIRST_NAMES.values, *(name for name, _ in SURNAMES.values)]
    texts += [second for seconds in SECOND_NAMES.values() for second in seconds]
    assert all(re.fullmatch(r"(d[aeo]s? )?[A-ZÀ-Ý][a-zà-ÿ]+", text) for text in texts)
    for city in CITIES.values:
        for text in (city.name, *(part for street in city.streets for part in street)):
            assert json.dumps(text, ensure_ascii=False) == f'"{text}"'


def test_a_person_reads_the_same_number_of_bits_in_every_call() -> None:
    def reads(draw: object, seed: int) -> list[int]:
        rng, asked = random.Random(seed), []

        def bits(count: int) -> int:
            asked.append(count)
            return rng.getrandbits(count)

        draw(bits)  # type: ignore[operator]
        return asked

    for draw in (person, lambda bits: company(bits, alphanumeric=False), lambda bits: company(bits, alphanumeric=True)):
        assert len({tuple(reads(draw, seed)) for seed in range(300)}) == 1


def test_the_first_people_and_companies_of_a_seed_are_always_the_same() -> None:
    bits = random.Random(15).getrandbits
    assert [person(bits).name for _ in range(4)] == EXPECTED_PEOPLE
    assert [company(bits, alphanumeric=False).name for _ in range(4)] == EXPECTED_COMPANIES
    seat = institution(bits, alphanumeric=False)
    assert (seat.legal_name, seat.line1, seat.zip_code) == EXPECTED_INSTITUTION


def test_a_weighted_table_has_the_share_of_every_value() -> None:
    table = Weighted((("a", 1), ("b", 2), ("c", 5)))
    assert Counter(table.table(80)) == {"a": 10, "b": 20, "c": 50}
    bits = random.Random(1).getrandbits
    drawn = Counter(table.draw(bits) for _ in range(8000))
    assert 850 < drawn["a"] < 1150
    assert table.draw(lambda count: 0) == "a"
    assert table.draw(lambda count: (1 << count) - 1) == "c"
    assert {pick(bits, "xyz") for _ in range(100)} == set("xyz")


def test_accents_and_underscores_leave_no_trace_in_a_slug() -> None:
    assert slug("São_Tomé D'Ávila") == "sao-tome-d-avila"


EXPECTED_PEOPLE = ["Evandro Santana Coelho", "Maria Guimarães", "Fábio da Costa Ferreira", "Rafael Domingues Alves"]
EXPECTED_COMPANIES = [
    "Farmácia Imperial Ltda.",
    "Costa Logística Ltda.",
    "Oficina Litoral Ltda.",
    "Silva Tecnologia Ltda.",
]
EXPECTED_INSTITUTION = ("Rumo Celeste Sociedade de Crédito Direto S.A.", "SBS Quadra 1, 850", "70103-711")
