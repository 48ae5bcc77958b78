"""The generators that are installed: what a file cannot say, as Python (entry point group `midaz_seed.generators`)."""

from functools import cache
from importlib.metadata import entry_points

GROUP = "midaz_seed.generators"


@cache
def installed_generators() -> tuple[str, ...]:
    """Return the names that a mix entry can have as its `generator`."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))
