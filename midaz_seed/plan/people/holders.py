"""Holders of accounts, and the institution of an organization, each drawn from random bits."""

from dataclasses import dataclass
from typing import Literal

from midaz_seed.model.tax_ids import draw_cnpj, draw_cpf, format_cnpj
from midaz_seed.plan.drawing.bits import Bits
from midaz_seed.plan.people import companies, names
from midaz_seed.plan.people.places import address
from midaz_seed.plan.people.weights import chance, pick


@dataclass(frozen=True, slots=True)
class Holder:
    """The holder of an account."""

    kind: Literal["PF", "PJ"]
    """PF: a person; PJ: a company."""
    name: str
    """The full or legal name."""
    document: str
    """CPF or CNPJ without punctuation."""
    trading_name: str
    """The name that a company is known by; empty for a person."""
    first_name: str
    """What a description calls the holder: the first name, or the trading name."""


@dataclass(frozen=True, slots=True)
class Institution:
    """The institution of an organization, with its address."""

    legal_name: str
    trading_name: str
    document: str
    """CNPJ with punctuation."""
    line1: str
    """Street and number."""
    district: str
    zip_code: str
    city: str
    state: str


def person(bits: Bits, *, impossible: bool = False, serial: int | None = None) -> Holder:
    """Draw a person. Every call reads the same number of bits.

    Args:
        bits: `random.Random.getrandbits`.
        impossible: Whether the check digits are wrong, so that the document cannot belong to anyone.
        serial: A number that decides the document in place of the bits, such as a random start of the plan plus the
            index of the customer: different serials have different documents.
    """
    first_name = names.FIRST_NAMES.draw(bits)
    second_names = names.SECOND_NAMES.get(first_name, ())
    percent = names.SECOND_NAME_PERCENT.get(first_name, names.OTHER_SECOND_NAME_PERCENT)
    has_second, second = chance(bits, percent), bits(32)
    given = f"{first_name} {second_names[second % len(second_names)]}" if has_second and second_names else first_name
    name = f"{given} {_surnames(bits, given.split())}"
    return Holder("PF", name, draw_cpf(bits, impossible=impossible, serial=serial), "", first_name)


def _surnames(bits: Bits, given: list[str]) -> str:
    """Draw one or two surnames, each with its particle in a share of the names. No word of the name is repeated."""
    first, second, spare = (names.SURNAMES.index(bits) for _ in range(3))
    if second == first:  # drawn again, so that the frequencies stay those of the table
        second = spare
    two = chance(bits, names.TWO_SURNAMES_PERCENT)
    with_particle = [chance(bits, names.PARTICLE_PERCENT), chance(bits, names.PARTICLE_PERCENT)]
    used, parts = set(given), []
    for index, has_particle in zip((first, second) if two else (first,), with_particle, strict=False):
        surname, particle = _unused(index, used)
        used.add(surname)
        parts.append(f"{particle} {surname}" if has_particle and particle else surname)
    return " ".join(parts)


def _unused(index: int, used: set[str]) -> tuple[str, str]:
    """Return the surname at an index, or the next one that is not used: a redraw would read more bits."""
    surnames = names.SURNAMES.values
    while surnames[index][0] in used:
        index = (index + 1) % len(surnames)
    return surnames[index]


def company(bits: Bits, *, alphanumeric: bool, impossible: bool = False, serial: int | None = None) -> Holder:
    """Draw a company. Every call reads the same number of bits.

    Args:
        bits: `random.Random.getrandbits`.
        alphanumeric: Whether the CNPJ is alphanumeric, as issued since July 2026.
        impossible: Whether the check digits are wrong, so that the document cannot belong to any company.
        serial: A number that decides the document in place of the bits, as for `person`.
    """
    trade = companies.TRADES.draw(bits)
    owner, _ = _unused(names.SURNAMES.index(bits), set())
    partner, _ = _unused(names.SURNAMES.index(bits), {owner})
    shop, place = pick(bits, companies.SHOP_NAMES), pick(bits, companies.PLACE_NAMES)
    style, form = bits(32) % 100, (companies.SMALL_FORMS if trade.small else companies.LARGE_FORMS).draw(bits)
    if trade.small:
        trading_name = f"{trade.word} {place if style < 30 else shop}"
        legal_name = f"{owner} & {partner} {trade.activity}" if style % 3 == 0 else trading_name
    else:
        owners = f"{owner} & {partner}" if style < 45 else owner
        order = (trade.word, owners) if trade.word in companies.TRADE_FIRST else (owners, trade.word)
        trading_name = " ".join(order)
        legal_name = f"{owners} {trade.activity}" if style % 3 == 0 else trading_name
    document = draw_cnpj(bits, alphanumeric=alphanumeric, impossible=impossible, serial=serial)
    return Holder("PJ", f"{legal_name} {form}", document, trading_name, trading_name)


def institution(bits: Bits, *, alphanumeric: bool) -> Institution:
    """Draw the institution of an organization, with an invented name.

    Args:
        bits: `random.Random.getrandbits`.
        alphanumeric: Whether the CNPJ is alphanumeric, as issued since July 2026.
    """
    brand, kind = pick(bits, companies.BRANDS), companies.INSTITUTION_KINDS.draw(bits)
    seat = address(bits)
    return Institution(
        legal_name=kind.legal.format(brand),
        trading_name=kind.trading.format(brand),
        document=format_cnpj(draw_cnpj(bits, alphanumeric=alphanumeric)),
        line1=seat.line1,
        district=seat.district,
        zip_code=seat.zip_code,
        city=seat.city,
        state=seat.state,
    )
