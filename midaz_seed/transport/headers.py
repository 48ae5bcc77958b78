"""The headers that every request has."""

from collections.abc import Mapping

OWN = {"User-Agent": "midaz-seed", "Content-Type": "application/json"}


def fixed_headers(own: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of every request, each name once, compared case-insensitively.

    Args:
        own: headers of the transport, in addition to `OWN`.
        given: the user's headers, which have precedence.
    """
    names = {name.lower() for name in given}
    kept = {name: value for name, value in {**own, **OWN}.items() if name.lower() not in names}
    return {**kept, **given}
