"""Checks of texts with {fields}: descriptions and metadata."""

import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec

from midaz_seed.scenarios.checks.finding import Finding, Path
from midaz_seed.scenarios.model import Scenario
from midaz_seed.wording import nearest

FIELDS: Mapping[str, str] = {
    "from.name": "The name of the holder of the source.",
    "from.first_name": "The first name of that holder, or the short name of a company.",
    "to.name": "The name of the holder of the destination.",
    "to.first_name": "The first name of that holder, or the short name of a company.",
    "amount": "The amount, with a point and all decimals of the asset.",
    "asset": "The code of the asset.",
    "n": "The number of the movement within its entry, from 1 on.",
    "e2e": "An endToEndId of Pix, of the day of the movement.",
    "boleto": "The 44 digits of the bar code of a boleto, of the amount and the due date.",
    "due": "The due date of the boleto; `{due:%d/%m/%Y}` in another format.",
    "date": "The day of the movement; `{date:%m/%Y}` in another format.",
    "entry": "The name of the mix entry or schedule.",
    "choose": "One of several words by weight: `{choose:EVP 45|PHONE 19}`.",
    "faker": "What a method of the package Faker gives, such as `{faker:job}`: needs the extra `faker`, whose version "
    "is then in the plan.",
}
"""Field -> its meaning."""
WITH_FORMAT = {"due", "date"}
KEYS_MAX = 15
"""Keys of metadata that a movement can have. Midaz allows 100 keys in a whole body, those of the plan included."""
RESERVED_KEYS = frozenset({"seedRun", "seedKey"})
"""The marks by which a run finds its own transactions; a second one of the same name would replace them."""
TEXT_MAX = 100
"""Characters of a metadata value without fields (midaz-behaviour: metadata-limits)."""
OF_TODAY = {"am_pm", "credit_card_expire", "credit_card_full", "date", "day_of_month", "day_of_week", "iso8601"}
OF_TODAY |= {"month", "month_name", "passport_full", "time", "year"}
"""Methods of Faker whose text depends on the day on which they are called: a plan with them would change daily."""
_FIELD = re.compile(r"\{([^{}]*)\}")
_METHOD = r"[a-z][a-z0-9_]{0,40}"
_CHOICE = re.compile(r"[^|{}]+ [0-9]{1,6}")


def check_texts(scenario: Scenario) -> Iterator[Finding]:
    """Yield unknown fields, and metadata that is too large."""
    for path, text in _texts(scenario):
        for problem in template_problems(text):
            yield Finding(path, problem)
    for section in ("mix", "payouts"):
        for name, entry in getattr(scenario, section).items():
            if len(entry.metadata) > KEYS_MAX:
                text = f"{len(entry.metadata)} keys are too many: {KEYS_MAX} are possible, beside those of the plan"
                yield Finding((section, name, "metadata"), text)
            for key, value in entry.metadata.items():
                if key in RESERVED_KEYS:
                    yield Finding((section, name, "metadata", key), f"{key} is the mark of the plan: use another name")
                if len(_FIELD.sub("", value)) > TEXT_MAX:
                    yield Finding((section, name, "metadata", key), f"a value can have {TEXT_MAX} characters")


def _texts(scenario: Scenario) -> Iterator[tuple[Path, str]]:
    for section in ("mix", "schedules", "payouts"):
        for name, entry in getattr(scenario, section).items():
            if entry.says is not None:
                yield (section, name, "says"), entry.says
            for key, text in getattr(entry, "metadata", {}).items():
                yield (section, name, "metadata", key), text


def template_problems(text: str) -> list[str]:
    """Return what is wrong with the fields of a text, as sentences."""
    if "{" in _FIELD.sub("", text) or "}" in _FIELD.sub("", text):
        return ["a brace has no partner: fields are written as {to.first_name}, and braces have no other meaning"]
    return [problem for field in _FIELD.findall(text) if (problem := _field_problem(field)) is not None]


def _field_problem(field: str) -> str | None:
    name, colon, argument = field.partition(":")
    if name not in FIELDS:
        suggestion = nearest(name, FIELDS)
        known = f"did you mean {{{suggestion}}}?" if suggestion else f"there are {', '.join(FIELDS)}"
        return f"there is no field {{{field[:60]}}}; {known}"
    if name == "choose":
        parts = argument.split("|")
        weights = [int(part.rpartition(" ")[2]) for part in parts if _CHOICE.fullmatch(part)]
        if len(weights) != len(parts) or not any(weights):
            return f"{{{field[:60]}}} must hold words with weights: {{choose:EVP 45|PHONE 19}}"
        return None
    if name == "faker":
        return _faker_problem(argument)
    if colon and name not in WITH_FORMAT:
        return f"{{{field[:60]}}} takes nothing after a colon: write {{{name}}}"
    if colon and not _is_format(argument):
        return f"{{{field[:60]}}} has no valid format: use %Y, %m, %d and other signs between them"
    return None


def _faker_problem(method: str) -> str | None:
    if find_spec("faker") is None:
        return f"{{faker:{method[:40]}}} needs the package Faker: install midaz-seed[faker]"
    from faker import Faker  # a slow import that only such texts need

    fake = Faker("pt_BR")
    known = [name for name in dir(fake) if re.fullmatch(_METHOD, name) and not name.startswith("seed")]
    if method in OF_TODAY:
        return f"{{faker:{method}}}: this method of Faker depends on today's date: use {{date}}, or another method"
    if method in known:
        try:
            if isinstance(getattr(fake, method)(), str):
                return None
        except Exception:  # noqa: BLE001 - whatever a provider raises, its value is no text
            return f"{{faker:{method}}}: this method of Faker gives no text without arguments"
        return f"{{faker:{method}}}: this method of Faker gives no text"
    suggestion = nearest(method, known)
    return f"Faker has no method {method[:40]!r}" + (f"; did you mean {{faker:{suggestion}}}?" if suggestion else "")


def _is_format(text: str) -> bool:
    """Return whether a format of dates gives the same on every platform: it has only %Y, %y, %m, %d."""
    return bool(text) and re.fullmatch(r"(?:%[Yymd]|[^%{}])+", text) is not None
