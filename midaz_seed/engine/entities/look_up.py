"""Find on the server what an item of the plan describes (midaz-behaviour: finding-entities)."""

from collections.abc import Iterable

from midaz_seed.midaz.api import MidazApi, mark_of
from midaz_seed.midaz.routes import Place
from midaz_seed.model.json_types import Json, JsonObject
from midaz_seed.plan.generators import GENERATORS
from midaz_seed.plan.items import Entity, EntityItem, LookUp
from midaz_seed.plan.marks import KEY_MARK


async def find_entity(api: MidazApi, item: EntityItem, place: Place) -> JsonObject | None:
    """Return the entity that an item describes: the oldest where there are several, or None.

    An account comes without its metadata (midaz-behaviour: account-by-alias).
    """
    found = await find_all(api, item, place)
    return found[0] if found else None


async def find_all(api: MidazApi, item: EntityItem, place: Place) -> list[JsonObject]:
    """Return every entity that an item describes, the oldest first.

    For an account it is at most one, because the server itself looks up the alias.
    """
    look_up = look_up_of(item)
    if item.entity is Entity.ACCOUNT:
        account = await api.account_by_alias(place, look_up.match_value)
        return [] if account is None else [account]
    wanted, rows = comparable(look_up, look_up.match_value), api.entities(item.entity, place, look_up.query)
    return by_age([row async for row in rows if value_in(row, look_up) == wanted])


def look_up_of(item: EntityItem) -> LookUp:
    """Return how to find what an item describes."""
    return GENERATORS[item.entity].look_up(item)


def mark_look_up(item: EntityItem) -> LookUp:
    """Return how to find everything that carries an item's mark, whatever its name."""
    field, mark = f"metadata.{KEY_MARK}", mark_of(item.payload)
    return LookUp(field, mark, {field: mark})


def value_in(row: JsonObject, look_up: LookUp) -> str | None:
    """Return the value of a row that a look-up compares, normalized; None when it is no text."""
    value: Json = row
    for part in look_up.match_field.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return comparable(look_up, value) if isinstance(value, str) else None


def comparable(look_up: LookUp, value: str) -> str:
    """Return a value normalized as the server compares it."""
    return value if look_up.case_sensitive else value.casefold()


def by_age(rows: Iterable[JsonObject]) -> list[JsonObject]:
    """Return rows, the oldest first: ids are ordered by time (UUIDv7)."""
    return sorted((row for row in rows if row.get("id")), key=lambda row: str(row["id"]))
