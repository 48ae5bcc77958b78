"""The parameters of lists (page, cursor, order, dates, filters), and the pages of a list."""

import base64
import binascii
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Literal, TypeVar

import orjson

from midaz_seed.sandbox.core.dates import parse_instant, parse_moment
from midaz_seed.sandbox.core.dialect import Dialect
from midaz_seed.sandbox.core.error_codes import RefusedError

T = TypeVar("T")
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_NAME_PARTS = ("limit", "page", "cursor", "sort_order", "start_date", "end_date")


@dataclass(frozen=True, slots=True)
class Listing:
    """The parameters of a list request."""

    limit: int
    page: int
    descending: bool
    cursor_id: str
    """"" for the first page."""
    backwards: bool
    start_s: float | None
    end_s: float | None
    metadata: tuple[str, str] | None
    others: Mapping[str, str]

    def between(self, epoch_s: float) -> bool:
        """Return whether a time lies in the requested window."""
        return self.start_s is None or self.end_s is None or self.start_s <= epoch_s < self.end_s


def read_listing(query: Mapping[str, str], dialect: Dialect) -> Listing:
    """Read the parameters that every list has.

    Raises:
        RefusedError: 0078, 0080 to 0083, 0131.
    """
    query = _with_known_names(query)
    start_s, end_s = _window(query, dialect)
    number = _number if dialect.checks_numbers else _any_number
    limit = number(query, "limit", dialect.page_limit_default)
    if limit > dialect.page_limit_max:
        raise RefusedError("0080")
    page = number(query, "page", 1)
    order = query.get("sort_order", "asc").lower()
    if order not in ("asc", "desc"):
        raise RefusedError("0081")
    cursor_id, backwards = _cursor(query.get("cursor", ""))
    metadata = next(
        ((key.partition(".")[2], value) for key, value in query.items() if key.startswith("metadata.")), None
    )
    if dialect.filters is not None:
        query = {name: value for name, value in query.items() if name in dialect.filters}
    return Listing(limit, page, order == "desc", cursor_id, backwards, start_s, end_s, metadata, query)


def _with_known_names(query: Mapping[str, str]) -> dict[str, str]:
    """Return the query with the names that the server looks for anywhere in a parameter's name."""
    known = {}
    for name, text in query.items():
        part = "" if "metadata." in name else next((part for part in _NAME_PARTS if part in name), "")
        known[part or name] = text
    return known


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    """Return a number from 1; a text that is none is 0082."""
    text = query.get(name, "")
    number = _any_number(query, name, 0) if text else default
    if number < 1:
        raise RefusedError("0082", entity="")
    return number


def _any_number(query: Mapping[str, str], name: str, default: int) -> int:
    """Return a number, 0 for a text that is none."""
    text = query.get(name, str(default))
    return int(text) if _NUMBER.fullmatch(text) else 0


def _window(query: Mapping[str, str], dialect: Dialect) -> tuple[float | None, float | None]:
    start_text, end_text = query.get("start_date", ""), query.get("end_date", "")
    start, end = _date(start_text, dialect), _date(end_text, dialect)
    if start is None and end is None:
        return None, None
    if start is None or end is None:
        raise RefusedError("0083")
    if end < start:
        raise RefusedError("0078")
    if len(end_text) == len("2026-01-01"):
        end += timedelta(days=1)  # a plain date includes the whole day
    return start.timestamp(), end.timestamp()


def _date(text: str, dialect: Dialect) -> datetime | None:
    """Read a date of a query; None for an empty one, and for one that the version ignores.

    Raises:
        RefusedError: 0131.
    """
    if not text:
        return None
    if not dialect.checks_dates:
        return _instant(text) if len(text) == len("2026-01-01") else None
    instant = _instant(text)
    if instant is None:
        raise RefusedError("0131")
    return instant


def _instant(text: str) -> datetime | None:
    """Read a date of a query: it may have a space before its time, or one that was the plus of its zone."""
    return parse_moment(text) if text[10:11] == " " else parse_instant(text.replace(" ", "+"))


def _cursor(text: str) -> tuple[str, bool]:
    if not text:
        return "", False
    try:
        found = orjson.loads(base64.b64decode(text.replace(" ", "+"), validate=True))
    except (binascii.Error, ValueError):
        raise RefusedError("0082", entity="") from None
    if not isinstance(found, dict) or not isinstance(found.get("id"), str):
        raise RefusedError("0082", entity="")
    if "points_next" in found:
        return found["id"], found["points_next"] is False
    if found.get("direction") not in ("next", "prev"):
        raise RefusedError("0082", entity="")
    return found["id"], found["direction"] == "prev"


def _make_cursor(item_id: str, direction: Literal["next", "prev"]) -> str:
    return base64.b64encode(orjson.dumps({"id": item_id, "direction": direction})).decode()


def by_page(items: Iterable[T], listing: Listing) -> list[T]:
    """Return the items of a numbered page; `items` are in ascending order."""
    if listing.descending:
        items = reversed(list(items))
    start, count = _unsigned((listing.page - 1) * listing.limit), _unsigned(listing.limit)
    return list(islice(items, start, start + count))


def _unsigned(number: int) -> int:
    """Return a number, or 1 for one below zero, as the versions do that do not check it."""
    return number if number >= 0 else 1


def by_cursor(
    items: Sequence[T],
    id_of: Callable[[T], str],
    listing: Listing,
    dialect: Dialect,
    keep: Callable[[T], bool] | None = None,
    kind: str = "",
) -> tuple[list[T], dict[str, str]]:
    """Return the items of a page by cursor, with its `next_cursor` and `prev_cursor`.

    Args:
        items: in ascending order of their ids.
        keep: the test for items of the list; None: all.
        kind: the kind of entity, for traits of the dialect.
    """
    downwards = listing.descending != listing.backwards
    if downwards:
        stop = bisect_left(items, listing.cursor_id, key=id_of) if listing.cursor_id else len(items)
        indexes = range(stop - 1, -1, -1)
    else:
        indexes = range(bisect_right(items, listing.cursor_id, key=id_of) if listing.cursor_id else 0, len(items))
    found = []
    for index in indexes:
        item = items[index]
        if keep is None or keep(item):
            found.append(item)
            if len(found) > listing.limit:
                break
    return cut(found, id_of, listing, dialect, kind)


def cut(
    found: list[T], id_of: Callable[[T], str], listing: Listing, dialect: Dialect, kind: str = ""
) -> tuple[list[T], dict[str, str]]:
    """Return the page and its cursors from up to limit + 1 items, in the order in which they were read."""
    more = len(found) > listing.limit
    page = found[: listing.limit]
    first_page = not listing.cursor_id or (listing.backwards and not more)
    if listing.backwards and more:
        page.reverse()  # the first page keeps the backward order
    cursors: dict[str, str] = {}
    if not page:
        return page, cursors
    if first_page and listing.backwards:
        if dialect.first_page_leads_on:
            return page, {"next_cursor": _make_cursor(id_of(page[0]), "next")}
        return page, {"prev_cursor": _make_cursor(id_of(page[0]), "prev")}
    if more or listing.backwards or (first_page and kind in dialect.first_page_has_next):
        cursors["next_cursor"] = _make_cursor(id_of(page[-1]), "next")
    if not first_page:
        cursors["prev_cursor"] = _make_cursor(id_of(page[0]), "prev")
    return page, cursors


def like(pattern: str, *, ignore_case: bool = False) -> Callable[[str], bool]:
    """Return the test of SQL's LIKE: `%` is any text, `_` one character, a backslash quotes the next character."""
    parts: list[str] = []
    characters = iter(pattern)
    for character in characters:
        if character == "%":
            parts.append(".*")
        elif character == "_":
            parts.append(".")
        elif character == "\\":
            parts.append(re.escape(next(characters, "")))
        else:
            parts.append(re.escape(character))
    compiled = re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if ignore_case else 0))
    return lambda text: compiled.fullmatch(text) is not None


def metadata_matches(metadata: Mapping[str, Any] | None, wanted: tuple[str, str]) -> bool:
    """Return whether metadata has a value; only texts match, because the query is a text."""
    return bool(metadata) and metadata is not None and metadata.get(wanted[0]) == wanted[1]
