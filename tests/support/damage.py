"""Damaged bytes and damaged JSON, drawn by hypothesis."""

import json
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

Damage = tuple[str, int, int, bytes]
"""(kind, two numbers that choose places, bytes to insert)."""
_PLACES = st.integers(0, 2**16)
_KINDS = ("flip", "cut", "drop", "insert", "repeat", "zeros", "swap", "other", "moved")


def damages(*, max_size: int = 3, kinds: Sequence[str] = _KINDS) -> st.SearchStrategy[list[Damage]]:
    """Draw damages, for `damaged`; most often none or one."""
    one = st.tuples(st.sampled_from(kinds), _PLACES, _PLACES, st.binary(max_size=12))
    return st.lists(one, max_size=max_size)


def damaged(data: bytes, done: Sequence[Damage], others: Sequence[bytes] = (), cuts: Sequence[int] = ()) -> bytes:
    """Apply damages to bytes.

    Args:
        data: what is damaged.
        done: the damages, in order.
        others: bytes of the same kind, parts of which get into it.
        cuts: offsets at which parts of `data` begin: every second damage starts and ends at one of them.
    """
    for kind, first, second, more in done:
        start, end = sorted((_place(data, first, cuts), _place(data, second, cuts)))
        if kind == "flip" and data:
            at = first % len(data)
            data = data[:at] + bytes([data[at] ^ (1 << second % 8)]) + data[at + 1 :]
        elif kind == "cut":
            data = data[:start]
        elif kind == "drop":
            data = data[:start] + data[end:]
        elif kind == "insert":
            data = data[:start] + more + data[start:]
        elif kind == "repeat":
            data = data[:end] + data[start:end] + data[end:]
        elif kind == "zeros":
            data = data[:start] + bytes(len(data) - start + second % 300)
        elif kind == "swap":
            middle = (start + end) // 2
            data = data[:start] + data[middle:end] + data[start:middle] + data[end:]
        elif kind == "other" and others:
            other = others[first % len(others)]
            data = data[:start] + other[second % (len(other) + 1) :] + data[end:]
        elif kind == "moved" and others:
            data = data[:start] + others[first % len(others)] + data[start:]
    return data


def _place(data: bytes, number: int, cuts: Sequence[int]) -> int:
    if cuts and number % 2:
        return min(cuts[number // 2 % len(cuts)], len(data))
    return number % (len(data) + 1)


SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(["", "0", "0084", "true", "1e5", "NaN", "-0", "٣", "1_0", " 1 ", 2**63, 10**30, -1, 1e308]),
)
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)
Change = tuple[str, int, Any]
_CHANGES = st.lists(
    st.tuples(st.sampled_from(["drop", "set", "swap", "wrap", "repeat", "add"]), st.integers(0, 2**16), SCALARS | JSON),
    max_size=2,
)


def changes() -> st.SearchStrategy[list[Change]]:
    """Draw changes of a JSON value, for `changed`."""
    return _CHANGES


def changed(value: Any, done: Sequence[Change]) -> Any:
    """Return a JSON value with changes at some of its members, at any depth."""
    value = deepcopy(value)
    for kind, number, new in done:
        places = list(_places(value))
        if not places:
            return value
        holder, name = places[number % len(places)]
        if kind == "drop":
            del holder[name]
        elif kind == "set":
            holder[name] = new
        elif kind == "wrap":
            holder[name] = [holder[name]]
        elif kind == "swap":
            other, its_name = places[number // 7 % len(places)]
            holder[name], other[its_name] = other[its_name], holder[name]
            value = _without_loops(value)
        elif kind == "repeat":
            holder[name] = [holder[name], holder[name]]
        elif kind == "add":
            if isinstance(holder, dict):
                holder[str(new)[:6]] = holder[name]
            else:
                holder.append(new)
    return value


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    if isinstance(value, dict | list):
        for name in list(value) if isinstance(value, dict) else range(len(value)):
            found.append((value, name))
            found += _places(value[name])
    return found


def _without_loops(value: Any) -> Any:
    """Return the value, or None where a swap has put a value into itself."""
    try:
        json.dumps(value)
    except (ValueError, RecursionError):
        return None
    return value


def rendered(value: Any, *, indent: int | None = None, ascii_only: bool = False) -> bytes:
    """Return a value as JSON, with numbers of any size and halves of surrogate pairs."""
    separators = (",", ":") if indent is None else None
    text = json.dumps(value, indent=indent, separators=separators, ensure_ascii=ascii_only)
    return text.encode("utf-8", "surrogatepass")


def hostile_json() -> st.SearchStrategy[bytes]:
    """Draw JSON of the shapes that parsers fail at: deep, with large numbers, odd texts and escapes."""
    return st.one_of(
        st.builds(_deep, st.sampled_from((100, 240, 260, 900, 1020, 1100, 5000)), st.booleans()), _ODD, _ANY
    )


def _deep(depth: int, in_lists: bool) -> bytes:
    return b"[" * depth + b"]" * depth if in_lists else b'{"a":' * depth + b"1" + b"}" * depth


_NUMBERS = (b"1e999999999999999999999", b"-1e400", b"1e-99999999999", b"9" * 5000, b"0." + b"1" * 5000, b"NaN")
_TEXTS = (rb'"\ud800"', rb'"\u0000"', rb'"\u001b[2J"', b'"\xff"', b'"' + b"x" * 100_000 + b'"', '"٠٠٨٤"'.encode())
_ODD = st.integers(0, len(_NUMBERS + _TEXTS) - 1).map((_NUMBERS + _TEXTS).__getitem__)
_ANY = JSON.map(rendered)
