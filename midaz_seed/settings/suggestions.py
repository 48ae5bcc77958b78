"""Suggestions for unknown names."""

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name most similar to this one, ignoring case, hyphens and underscores; None without one."""
    import difflib

    plain = {_plain(candidate): candidate for candidate in reversed(list(known))}
    close = difflib.get_close_matches(_plain(name), plain, n=1, cutoff=0.6)
    return plain[close[0]] if close else None


def nearest_path(path: str, known: Iterable[str], separator: str) -> str | None:
    """Return the known path most similar to this one; None without one.

    Preferred in this order: the same path in another spelling, the same last part in another section, a similar last
    part in the same section, any similar path.
    """
    paths = list(known)
    parent, _, last = path.rpartition(separator)
    same = [candidate for candidate in paths if _plain(candidate) == _plain(path)]
    misplaced = [candidate for candidate in paths if _plain(candidate.rpartition(separator)[2]) == _plain(last)]
    if same or misplaced:
        return (same or misplaced)[0]
    siblings = {
        candidate.rpartition(separator)[2]: candidate
        for candidate in paths
        if _plain(candidate.rpartition(separator)[0]) == _plain(parent)
    }
    found = nearest(last, siblings)
    return siblings[found] if found else nearest(path, paths)


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
