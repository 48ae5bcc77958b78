"""Texts with {fields}: descriptions and metadata of a scenario. A template is divided into parts once. Pure."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from midaz_seed.plan.drawing.choices import weighted
from midaz_seed.scenarios.values import WEIGHT_UNIT
from midaz_seed.wording import nearest


@dataclass(slots=True)
class Facts:
    """What the fields of a text stand for. What is a function is computed only for a template that uses it."""

    from_name: str
    from_first_name: str
    to_name: str
    to_first_name: str
    amount: str
    asset: str
    n: int
    """Number in the entry and the day, from 1."""
    day: int
    """Proleptic ordinal of the local day."""
    second: int
    due: int
    """Proleptic ordinal of the due date."""
    e2e: Callable[[], str]
    boleto: Callable[[], str]
    entry: str
    bits: int
    """64 random bits."""


Part = Callable[[Facts], str]
_PLAIN: dict[str, Part] = {
    "from.name": lambda facts: facts.from_name,
    "from.first_name": lambda facts: facts.from_first_name,
    "to.name": lambda facts: facts.to_name,
    "to.first_name": lambda facts: facts.to_first_name,
    "amount": lambda facts: facts.amount,
    "asset": lambda facts: facts.asset,
    "n": lambda facts: str(facts.n),
    "e2e": lambda facts: facts.e2e(),
    "boleto": lambda facts: facts.boleto(),
    "entry": lambda facts: facts.entry,
    "date": lambda facts: date.fromordinal(facts.day).isoformat(),
    "due": lambda facts: date.fromordinal(facts.due).isoformat(),
}
TEXT_FIELDS = (*_PLAIN, "date:FORMAT", "due:FORMAT", "choose:A 1|B 2")
"""The fields of a text."""
_FIELD = re.compile(r"\{([^{}]*)\}")


def compile_text(template: str) -> Part:
    """Return the function that fills in a template.

    Raises:
        ValueError: it has an unknown field.
    """
    parts: list[Part] = []
    at = 0
    for match in _FIELD.finditer(template):
        if match.start() > at:
            parts.append(_constant(template[at : match.start()]))
        parts.append(_field(match[1], len(parts)))
        at = match.end()
    if at < len(template):
        parts.append(_constant(template[at:]))
    if len(parts) == 1:
        return parts[0]
    return lambda facts: "".join([part(facts) for part in parts])


def _constant(text: str) -> Part:
    return lambda _: text


def _field(name: str, position: int) -> Part:
    if name in _PLAIN:
        return _PLAIN[name]
    kind, colon, argument = name.partition(":")
    if colon and kind == "date":
        return lambda facts: format(date.fromordinal(facts.day), argument)
    if colon and kind == "due":
        return lambda facts: format(date.fromordinal(facts.due), argument)
    if colon and kind == "choose":
        return _choice(argument, position)
    suggestion = nearest(name, TEXT_FIELDS)
    raise ValueError(f"unknown field {{{name}}}" + (f"; did you mean {{{suggestion}}}?" if suggestion else ""))


def _choice(options: str, position: int) -> Part:
    """Return the choice of one word by weight, from bits of its own for each place in the template."""
    words, weights = [], []
    for option in options.split("|"):
        word, _, weight = option.strip().rpartition(" ")
        words.append(word)
        weights.append(int(Decimal(weight) * WEIGHT_UNIT))
    choose = weighted(weights)
    turn = position * 7919 % 64

    def choose_word(facts: Facts) -> str:
        turned = (facts.bits >> turn | facts.bits << (64 - turn)) & 0xFFFFFFFFFFFFFFFF
        return words[choose(lambda _: turned)]

    return choose_word


def ascii_text(text: str) -> str:
    """Return a text without accents and other characters beyond ASCII, which some servers refuse in metadata."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
