"""What was probably meant by a name that does not exist."""

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like this one; case, hyphens and underscores do not count."""
    import difflib

    plain = {_plain(candidate): candidate for candidate in reversed(list(known))}
    close = difflib.get_close_matches(_plain(name), plain, n=1, cutoff=0.6)
    return plain[close[0]] if close else None


def nearest_path(path: str, known: Iterable[str], separator: str) -> str | None:
    """As `nearest`, for names made of parts: the same in another spelling, the right last part in a wrong place, a
    wrong last part in the right place, or else what looks most like it."""
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
