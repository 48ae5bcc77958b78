"""Details of payment rails as a transaction has them."""

import json
from datetime import date

from midaz_seed.plan.calendar.stamps import Stamper
from midaz_seed.plan.rails.details import details_of

DAY = date(2026, 11, 25)
SECOND = 9 * 3600
"""Noon in UTC."""


def details_text(
    rail: str, bits: int, amount: int, *, inside: bool, incoming: bool = False, asset: str = "", day: date = DAY
) -> str:
    """Return the details of a rail as they are written: members of a JSON object, each after a comma."""
    today = Stamper("America/Sao_Paulo").day(day.toordinal())
    return details_of(rail, asset)(bits, amount, today, SECOND, inside, incoming)


def details(
    rail: str, bits: int, amount: int, *, inside: bool, incoming: bool = False, asset: str = "", day: date = DAY
) -> dict[str, str]:
    """Return the details of a rail by name."""
    text = details_text(rail, bits, amount, inside=inside, incoming=incoming, asset=asset, day=day)
    assert text[0] == ","
    pairs = json.loads("{" + text[1:] + "}", object_pairs_hook=list)
    assert len({name for name, _ in pairs}) == len(pairs), "a member is there twice"
    return dict(pairs)
