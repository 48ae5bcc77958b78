"""The difference between two JSON values, where lists of numbers mostly grow at their end.

A patch is one of `{"set": VALUE}`, `{"in": {KEY: PATCH, ...}}` for parts of an object or of a list (by index), and
`{"tail": [N, [ITEM, ...]]}` for a list of plain values: keep the first N and append these. `static/live.js` applies it.
"""

from typing import Any, TypeAlias

Patch: TypeAlias = dict[str, Any]


def difference(old: Any, new: Any) -> Patch | None:
    """Return the patch that makes `new` from `old`; None when they are equal."""
    if old == new:
        return None
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        return {"in": _parts((key, old[key], new[key]) for key in new)}
    if isinstance(old, list) and isinstance(new, list):
        if not any(isinstance(each, dict | list) for each in (*old[:1], *new[:1])):
            return _tail(old, new)
        if len(old) == len(new):
            return {"in": _parts((str(index), *each) for index, each in enumerate(zip(old, new, strict=True)))}
    return {"set": new}


def _parts(pairs: Any) -> dict[str, Patch]:
    found = ((key, difference(before, after)) for key, before, after in pairs)
    return {key: patch for key, patch in found if patch is not None}


def _tail(old: list[Any], new: list[Any]) -> Patch:
    shorter = min(len(old), len(new))
    same = next((index for index in range(shorter) if old[index] != new[index]), shorter)
    return {"tail": [same, new[same:]]}
