"""Details of every rail as metadata, and descriptions in Portuguese."""

import json
import random
import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.plan.people.holders import company, person
from midaz_seed.plan.rails.counterparties import outside_name
from midaz_seed.plan.rails.details import RAILS, Direction, describe, descriptions
from midaz_seed.plan.rails.pix import ISPB, OWN_BANK
from midaz_seed.scenarios.checks.texts import RAIL_KEYS
from midaz_seed.scenarios.model import Rail
from tests.support.rails import details, details_text

BITS = st.integers(0, 2**64 - 1)
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)


def test_the_rails_are_those_of_a_scenario_file() -> None:
    assert get_args(Rail) == RAILS


@given(
    st.sampled_from(RAILS),
    BITS,
    st.integers(1, 10**20),
    st.booleans(),
    st.sampled_from(["", "BRL", "BTC", "ETH", "XAU"]),
)
def test_details_are_short_ascii_members_that_begin_with_the_rail(
    rail: str, bits: int, amount: int, inside: bool, asset: str
) -> None:
    text = details_text(rail, bits, amount, inside=inside, asset=asset)
    assert text.isascii()
    members = details(rail, bits, amount, inside=inside, asset=asset)
    assert next(iter(members.items())) == ("rail", rail)
    assert 2 <= len(members) <= 5
    assert all(isinstance(value, str) and 0 < len(value) <= 100 for value in members.values())
    assert text == details_text(rail, bits, amount, inside=inside, asset=asset)


def test_a_ted_names_the_bank_of_the_other_side() -> None:
    bits = random.Random(1).getrandbits
    banks = {bank.code: bank.ispb for bank in ISPB.values}
    seen = set()
    for _ in range(3000):
        members = details("TED", bits(64), 100, inside=False)
        assert banks[members["bankCode"]] == members["ispb"]
        assert members["purposeCode"] in {"00005", "00010"}
        seen.add(members["bankCode"])
        inside = details("TED", bits(64), 100, inside=True)
        assert (inside["bankCode"], inside["ispb"]) == (OWN_BANK.code, OWN_BANK.ispb)
    assert seen == set(banks)


@given(BITS)
def test_a_wire_has_a_reference_of_swift_and_the_bic_of_a_test_bank(bits: int) -> None:
    members = details("WIRE", bits, 100, inside=False)
    assert re.fullmatch(r"[A-Z]{4}[A-Z]{2}[A-Z0-9]0", members["bic"])  # ISO 9362: the eighth character 0 is a test BIC
    assert re.fullmatch(r"[A-Z0-9]{16}", members["reference"])
    assert members["charges"] in {"SHA", "OUR", "BEN"}


@given(BITS)
def test_a_transaction_on_a_chain_has_the_hash_of_its_network(bits: int) -> None:
    bitcoin = details("ONCHAIN", bits, 100, inside=False, asset="BTC")
    ethereum = details("ONCHAIN", bits, 100, inside=False, asset="ETH")
    assert (bitcoin["network"], ethereum["network"]) == ("bitcoin", "ethereum")
    assert re.fullmatch(r"[0-9a-f]{64}", bitcoin["transactionHash"])
    assert re.fullmatch(r"0x[0-9a-f]{64}", ethereum["transactionHash"])


def test_metal_has_a_custodian_and_miles_a_programme() -> None:
    assert "custody" in details("TRANSFER", 5, 1, inside=True, asset="XAU")
    assert "custody" not in details("TRANSFER", 5, 1, inside=True, asset="MILES")
    assert "programme" in details("REDEMPTION", 5, 1, inside=True, asset="MILES")


@pytest.mark.parametrize(
    ("rail", "direction", "name", "text"),
    [
        ("PIX", "between", "Mariana", "Pix enviado para Mariana"),
        ("PIX", "in", "Padaria Aurora", "Pix recebido de Padaria Aurora"),
        ("TED", "out", "José", "TED para José"),
        ("BOLETO", "out", "Energia", "Boleto pago - Energia"),
        ("BOLETO", "out", "", "Boleto pago"),
        ("REDEMPTION", "out", "", "Resgate de milhas"),
    ],
)
def test_a_description_says_in_portuguese_what_happened(rail: str, direction: Direction, name: str, text: str) -> None:
    assert describe(rail, direction, name) == text


@given(st.sampled_from(RAILS), st.sampled_from(DIRECTIONS), st.integers(0, 2**32), st.booleans())
def test_no_description_needs_escaping_or_is_too_long(
    rail: str, direction: Direction, seed: int, a_company: bool
) -> None:
    bits = random.Random(seed).getrandbits
    name = (company(bits, alphanumeric=False) if a_company else person(bits)).first_name
    for text in (describe(rail, direction, name), describe(rail, direction, ""), outside_name(rail, bits(64))):
        assert json.dumps(text, ensure_ascii=False) == f'"{text}"'
    written = descriptions(rail)[("between", "out", "in").index(direction)]
    assert [json.loads(written[name]) for _ in range(2)] == [describe(rail, direction, name)] * 2
    assert len(describe(rail, direction, "x" * 300)) == 256


def test_a_bill_that_leaves_the_ledger_is_described_as_its_bar_code_says() -> None:
    bits = random.Random(6).getrandbits
    names = {"ENERGY": "Energia", "TELECOM": "Telefonia e internet", "WATER": "Água e esgoto"}
    for _ in range(1000):
        drawn = bits(64)
        issuer = details("BOLETO", drawn, 100, inside=False)["issuer"]
        name = outside_name("BOLETO", drawn)
        assert issuer not in names or name == names[issuer]
        assert issuer != "BANK" or name not in names.values()


def test_the_first_details_are_always_the_same() -> None:
    bits = 0x0123456789ABCDEF
    made = [details(rail, bits, 12345, inside=False, asset="BTC") for rail in RAILS]
    assert made == EXPECTED
    assert [outside_name("PIX", bits << shift & 2**64 - 1) for shift in (0, 8, 16)] == EXPECTED_NAMES


EXPECTED = [
    {
        "rail": "PIX",
        "endToEndId": "E99999004202611251200782riWdFIwE",
        "keyType": "CPF",
        "initiation": "KEY",
        "purpose": "TRANSFER",
    },
    {"rail": "TED", "bankCode": "290", "ispb": "08561701", "purposeCode": "00010"},
    {
        "rail": "BOLETO",
        "barcode": "33695164100000123455597350190126422650302490",
        "dueDate": "2026-11-25",
        "issuer": "BANK",
    },
    {"rail": "P2P", "channel": "WEB", "reference": "P2P26112589ABCDEF"},
    {"rail": "WIRE", "bic": "AUSTAU20", "reference": "FT26112589ABCDEF", "charges": "SHA"},
    {
        "rail": "ONCHAIN",
        "network": "bitcoin",
        "transactionHash": "8f6e151ead83663394e51ec42b5ebe1da7c6390051cdba163722bfbd28b10100",
    },
    {"rail": "TRANSFER", "reference": "TR26112589ABCDEF"},
    {"rail": "REDEMPTION", "programme": "Programa Estrela", "reward": "SHOP", "reference": "RS26112589ABCDEF"},
]
EXPECTED_NAMES = ["Lopes Tecnologia", "Salão da Praça", "Construtora Gomes & Santos"]


@pytest.mark.parametrize("rail", RAILS)
def test_the_keys_that_a_rail_writes_are_those_that_a_scenario_may_not_write(rail: str) -> None:
    bits = random.Random(1).getrandbits
    written = set[str]()
    for number in range(400):
        inside, asset = number % 2 == 0, ("BRL", "XAU", "ETH")[number % 3]
        written |= details(rail, bits(64), 1250, inside=inside, asset=asset).keys()
    assert written == RAIL_KEYS[rail]
