"""Names of the other side of a transaction that leaves the ledger or enters it."""

import random
from functools import lru_cache

from midaz_seed.plan.people.holders import company, person
from midaz_seed.plan.rails.details import boleto_kind

_SIZE = 4096
_PEOPLE_PERCENT = 65
"""Share of people among the other sides outside the ledger: an assumption."""
_BOLETO_NAMES = {
    "ENERGY": "Energia",
    "TELECOM": "Telefonia e internet",
    "WATER": "Água e esgoto",
    "TAX": "Tributos federais",
    "CITY": "IPTU",
}


@lru_cache(maxsize=1)
def outsiders() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return names of people and companies, and of companies alone: the same for every seed.

    The first call takes some 0.1 s, so a run makes it when it is opened.
    """
    bits = random.Random(20220801).getrandbits
    people = [person(bits).first_name for _ in range(_SIZE * _PEOPLE_PERCENT // 100)]
    companies = [company(bits, alphanumeric=False).trading_name for _ in range(_SIZE)]
    return tuple(people + companies[: _SIZE - len(people)]), tuple(companies)


def outside_name(rail: str, bits: int) -> str:
    """Return what a description calls the other side outside the ledger: a first name, a company, or a kind of bill.

    Args:
        rail: One of `RAILS`.
        bits: The 64 random bits that `details` gets for the same transaction, so that name and bar code agree.
    """
    mixed, companies = outsiders()
    if rail == "BOLETO":
        return _BOLETO_NAMES.get(boleto_kind(bits)) or companies[bits & _SIZE - 1]
    if rail == "REDEMPTION":
        return ""
    return mixed[bits >> 8 & _SIZE - 1]
