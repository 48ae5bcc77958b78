"""Companies, institutions and addresses: forms that exist, names that are nobody's, post codes of the city."""

import random
import re
from collections import Counter

import pytest

from midaz_seed.plan.people.companies import BRANDS, TRADES
from midaz_seed.plan.people.holders import Holder, Institution, company, institution
from midaz_seed.plan.people.places import CITIES, address
from tests.support.brazil import is_right_cnpj

REAL_BANKS = """
    Brasil Itaú Unibanco Bradesco Caixa Santander Nubank Nu Inter C6 BTG Pactual Safra Original PagBank PagSeguro
    Mercado PicPay Stone Neon Sicoob Sicredi Banrisul Banestes BRB Daycoval Pan BMG Votorantim BV ABC Pine Modal Sofisa
    Agibank Digio Next Will Iti Alfa Rendimento Topázio Fibra Mercantil Paulista Semear Master Voiter Luso Rodobens
    Industrial Guanabara Cruzeiro Econômico Nacional Bamerindus Real Arbi Ourinvest Cifra Triângulo Genial Crefisa XP
    Citibank HSBC Bari Senff Paraná Nordeste Amazônia Banese Banpará Porto Seguro Claro Dourada Cora Asaas
    Efí Iugu Celcoin Dock
"""
FOOD = "costela pão leite queijo café carne feijão arroz manteiga coxinha pizza bolo laranja limão lima pimenta"
CITY_RANGES = {  # Correios, Busca Faixa de CEP: the five digits before the hyphen
    "São Paulo": [(1000, 5999), (8000, 8499)],
    "Campinas": [(13000, 13139)],
    "Rio de Janeiro": [(20000, 23799)],
    "Niterói": [(24000, 24399)],
    "Belo Horizonte": [(30000, 31999)],
    "Salvador": [(40000, 42599)],
    "Recife": [(50000, 52999)],
    "Fortaleza": [(60000, 61599)],
    "Brasília": [(70000, 72799), (73000, 73699)],
    "Goiânia": [(74000, 74899)],
    "Curitiba": [(80000, 82999)],
    "Florianópolis": [(88000, 88099)],
    "Porto Alegre": [(90000, 91999)],
    "Manaus": [(69000, 69099)],
    "Belém": [(66000, 66999)],
}


@pytest.fixture(scope="module")
def companies() -> list[Holder]:
    bits = random.Random(3).getrandbits
    return [company(bits, alphanumeric=False) for _ in range(5000)]


@pytest.fixture(scope="module")
def institutions() -> list[Institution]:
    bits = random.Random(4).getrandbits
    return [institution(bits, alphanumeric=index % 2 == 0) for index in range(2000)]


def test_companies_have_a_legal_form_that_exists_and_a_trading_name_without_it(companies: list[Holder]) -> None:
    for holder in companies:
        assert re.search(r" (Ltda\.|S\.A\.|ME)$", holder.name), holder.name
        assert "EIRELI" not in holder.name.upper()
        assert not re.search(r"Ltda|S\.A\.| ME$|-", holder.trading_name.replace("Bem-Te-Vi", "").replace("ja-F", ""))
        assert holder.first_name == holder.trading_name


def test_no_company_begins_in_lower_case_or_repeats_an_owner(companies: list[Holder]) -> None:
    for holder in companies:
        for name in (holder.name, holder.trading_name):
            assert name[0].isupper(), name
            owners = name.split(" & ")
            assert len(owners) == 1 or owners[0].split()[-1] != owners[1].split()[0], name


def test_companies_are_of_many_trades_and_rarely_share_a_name(companies: list[Holder]) -> None:
    words = Counter(word for holder in companies for word in (holder.trading_name.split()[0], holder.trading_name[-9:]))
    assert len(TRADES.values) >= 20
    assert words["Padaria"] > 200
    assert words["Farmácia"] > 200
    assert len({holder.trading_name for holder in companies}) > 1500


def test_institutions_are_kinds_that_the_central_bank_authorizes(institutions: list[Institution]) -> None:
    kinds = Counter()
    for seat in institutions:
        match = re.fullmatch(
            r"(Banco) .+ S\.A\.|.+ (Instituição de Pagamento|Sociedade de Crédito Direto) S\.A\.", seat.legal_name
        )
        assert match is not None, seat.legal_name
        kinds[match[1] or match[2]] += 1
    assert min(kinds.values()) > 200


def test_no_institution_has_a_real_banks_name_or_one_of_food(institutions: list[Institution]) -> None:
    forbidden = {word.casefold() for word in (REAL_BANKS + FOOD).split()}
    for seat in institutions:
        words = {word.casefold() for word in re.findall(r"\w+", seat.trading_name)}
        assert not words & forbidden, seat.trading_name
    assert len({seat.trading_name for seat in institutions}) > len(BRANDS)


def test_institutions_have_a_document_with_punctuation(institutions: list[Institution]) -> None:
    for seat in institutions:
        assert re.fullmatch(r"[0-9A-Z]{2}(\.[0-9A-Z]{3}){2}/[0-9A-Z]{4}-\d{2}", seat.document)
        assert is_right_cnpj(re.sub(r"[./-]", "", seat.document))


def test_addresses_have_a_district_and_a_post_code_of_their_city() -> None:
    bits = random.Random(5).getrandbits
    streets = {city.name: set(city.streets) for city in CITIES.values}
    for _ in range(5000):
        home = address(bits)
        assert re.fullmatch(r"\d{5}-\d{3}", home.zip_code)
        area = int(home.zip_code[:5])
        assert any(lowest <= area <= highest for lowest, highest in CITY_RANGES[home.city]), home
        street, number = home.line1.rsplit(", ", 1)
        assert (street, home.district) in streets[home.city]
        assert int(number) > 0
        assert re.fullmatch(r"[A-Z]{2}", home.state)


def test_every_city_has_fifteen_to_twenty_streets() -> None:
    assert len(CITIES.values) >= 12
    assert all(15 <= len(city.streets) <= 20 for city in CITIES.values)
