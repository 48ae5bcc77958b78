"""The names of runs' directories: `<run id>_<server>`. Imports nothing, because the shell's completion reads them."""

SEPARATOR = "_"
"""Between run id and server; no run id contains it."""


def run_id_in(name: str) -> str:
    """Return the run id in the name of a directory. Earlier versions named directories by the run id alone."""
    return name.partition(SEPARATOR)[0]
