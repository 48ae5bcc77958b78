"""People and companies. Faker fills pools of names once per seed; items draw from the pools, which is faster."""

import random
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from midaz_seed.model.tax_ids import cnpj, cpf, format_cnpj
from midaz_seed.plan.templates import CITIES

POOL = 240
"""Maximum values in a pool."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The holder of an account. `document` is a CPF or CNPJ without punctuation."""

    kind: str
    """PF: a person; PJ: a company."""
    name: str
    document: str


@dataclass(frozen=True, slots=True)
class Company:
    """The company of an organization."""

    legal_name: str
    trading_name: str
    document: str
    street: str
    zip_code: str
    city: str
    state: str


class Catalog:
    """Pools of names for one seed."""

    def __init__(self, seed: int) -> None:
        from faker import Faker  # a slow import that only plans need

        fake = Faker("pt_BR")
        fake.seed_instance(seed)
        self._first = _distinct(fake.first_name)
        self._last = _distinct(fake.last_name)
        self._company = _distinct(fake.last_name)
        self._trade = (
            "Comércio",
            "Serviços",
            "Indústria",
            "Logística",
            "Tecnologia",
            "Alimentos",
            "Engenharia",
            "Pagamentos",
        )
        self._street = _distinct(fake.street_name)

    def holder(self, rng: random.Random, individuals_percent: int, *, alphanumeric_cnpj: bool) -> Holder:
        """Draw a person or a company."""
        if rng.randrange(100) < individuals_percent:
            name = f"{rng.choice(self._first)} {rng.choice(self._last)} {rng.choice(self._last)}"
            return Holder("PF", name, cpf(rng))
        return Holder("PJ", self._company_name(rng), cnpj(rng, alphanumeric=alphanumeric_cnpj))

    def company(self, rng: random.Random, *, alphanumeric_cnpj: bool) -> Company:
        """Draw a company with its address."""
        name = self._company_name(rng)
        city, state, prefix = rng.choice(CITIES)
        return Company(
            legal_name=f"{name} {rng.choice(('Ltda.', 'S.A.', 'EIRELI'))}",
            trading_name=name,
            document=format_cnpj(cnpj(rng, alphanumeric=alphanumeric_cnpj)),
            street=f"{rng.choice(self._street)}, {rng.randrange(1, 4000)}",
            zip_code=f"{prefix}{rng.randrange(1000):03}-{rng.randrange(1000):03}",
            city=city,
            state=state,
        )

    def _company_name(self, rng: random.Random) -> str:
        return f"{rng.choice(self._company)} {rng.choice(self._company)} {rng.choice(self._trade)}"


@lru_cache(maxsize=4)
def catalog(seed: int) -> Catalog:
    """Return the catalogue of a seed, cached."""
    return Catalog(seed)


def slug(text: str) -> str:
    """Convert text to lower-case ASCII words joined by hyphens, for aliases.

    Underscores are left out, because the server compares with LIKE, where they match any character.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def _distinct(draw: Callable[[], str]) -> tuple[str, ...]:
    """Return up to POOL different values, in the order drawn."""
    return tuple(dict.fromkeys(draw() for _ in range(2 * POOL)))[:POOL]
