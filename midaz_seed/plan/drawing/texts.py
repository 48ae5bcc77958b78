"""Texts with {fields}: descriptions and metadata of a scenario. A template is divided into parts once. Pure.

`scenarios/checks/texts.py` refuses what cannot be compiled, with file and line, before a plan is made.
"""

import hashlib
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from midaz_seed.plan.drawing.choices import cumulative
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
}
_DATED: dict[str, Callable[[Facts], int]] = {"date": lambda facts: facts.day, "due": lambda facts: facts.due}
TEXT_FIELDS = (*_PLAIN, *_DATED, "choose", "faker")
"""The fields of a text. `date` and `due` may have a format after a colon, `choose` has its words and `faker` a method
there."""
_FIELD = re.compile(r"\{([^{}]*)\}")
_FORMAT = re.compile(r"%(.?)")
_DATE_PARTS: dict[str, Callable[[date], str]] = {
    "Y": lambda day: f"{day.year:04}",
    "y": lambda day: f"{day.year % 100:02}",
    "m": lambda day: f"{day.month:02}",
    "d": lambda day: f"{day.day:02}",
}
_MASK = (1 << 64) - 1


def compile_text(template: str) -> Part:
    """Return the function that fills in a template.

    Raises:
        ValueError: a field is unknown, or what follows its colon is no format or no list of words with weights.
    """
    parts: list[Part] = []
    at = 0
    for match in _FIELD.finditer(template):
        if match.start() > at:
            parts.append(_constant(template[at : match.start()]))
        parts.append(_field(match[1], len(parts), template))
        at = match.end()
    if at < len(template):
        parts.append(_constant(template[at:]))
    if len(parts) == 1:
        return parts[0]
    return lambda facts: "".join([part(facts) for part in parts])


def _constant(text: str) -> Part:
    return lambda _: text


def _field(name: str, position: int, template: str) -> Part:
    if name in _PLAIN:
        return _PLAIN[name]
    kind, colon, argument = name.partition(":")
    if kind in _DATED:
        return _date(_DATED[kind], argument if colon else "%Y-%m-%d")
    if colon and kind == "choose":
        return _choice(argument, f"{position}:{template}")
    if colon and kind == "faker":
        return _fake(argument, position)
    suggestion = nearest(kind, TEXT_FIELDS)
    raise ValueError(f"unknown field {{{name}}}" + (f"; did you mean {{{suggestion}}}?" if suggestion else ""))


def _date(day_of: Callable[[Facts], int], template: str) -> Part:
    """Return the date in a format of %Y, %y, %m and %d, which are the same on every platform, unlike `strftime`."""
    signs = _FORMAT.findall(template)
    if not template or any(sign not in _DATE_PARTS for sign in signs):
        raise ValueError(f"{template!r} is no format of dates: use %Y, %y, %m, %d and other signs between them")

    @lru_cache(4096)  # a history has at most 3,660 days
    def formatted(ordinal: int) -> str:
        day = date.fromordinal(ordinal)
        return _FORMAT.sub(lambda match: _DATE_PARTS[match[1]](day), template)

    return lambda facts: formatted(day_of(facts))


def _fake(method: str, position: int) -> Part:
    """Return what a method of Faker gives: for users who ask for more than our own tables. Far slower than those."""
    try:
        from faker import Faker  # an extra, and a slow import
    except ImportError as error:
        raise ValueError(f"{{faker:{method}}} needs the package Faker: install midaz-seed[faker]") from error
    fake = Faker("pt_BR")
    if method.startswith(("_", "seed")) or not callable(getattr(fake, method, None)):
        raise ValueError(f"Faker has no method {method!r}")

    def text(facts: Facts) -> str:
        fake.seed_instance(facts.bits * 64 + position)
        return str(getattr(fake, method)())

    return text


def fields_from_outside(texts: str) -> str:
    """Return what decides texts beside the scenario: the version of Faker where one of them uses it, else ""."""
    if "{faker:" not in texts:
        return ""
    from importlib.metadata import version

    return f"Faker {version('Faker')}"


def _choice(options: str, place: str) -> Part:
    """Return the choice of one word by weight, from bits of its own for each place in each template: the key type of a
    movement must not depend on a word in its description.
    """
    words, weights = [], []
    for option in options.split("|"):
        word, _, weight = option.strip().rpartition(" ")
        if not word or not (weight.isascii() and weight.isdecimal()):
            raise ValueError(f"{option!r} is no word with a weight, such as EVP 45")
        words.append(word.strip())
        weights.append(int(weight))
    if not any(weights):
        raise ValueError("one weight must be above 0")
    reached, count = cumulative(weights)
    digest = hashlib.sha256(place.encode("utf-8", "surrogatepass")).digest()
    offset, shift = int.from_bytes(digest[:8], "big"), 64 - count
    return lambda facts: words[bisect_right(reached, _mixed(facts.bits, offset) >> shift)]


def _mixed(bits: int, offset: int) -> int:
    """Return 64 bits that are unlike those of other offsets: the output function of SplitMix64.

    Steele, Lea and Flood, Fast splittable pseudorandom number generators, OOPSLA 2014. Each of the 64-bit numbers is
    the result for one of them, so that weights remain exact.
    """
    mixed = (bits + offset) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return mixed ^ (mixed >> 31)


def ascii_text(text: str) -> str:
    """Return a text in ASCII, because some servers refuse other characters in metadata.

    Letters lose their accents, other characters are left out.
    """
    if text.isascii():
        return text
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
