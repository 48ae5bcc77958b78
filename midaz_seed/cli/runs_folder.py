"""Where the runs are, for commands and for the shell's completion."""

import os
from pathlib import Path

RUNS_PATH = "journal.directory"
"""The setting of the directory."""
RUNS_VARIABLE = "MIDAZ_SEED_JOURNAL__DIRECTORY"


def runs_directory(given: str | None) -> Path:
    """Return the directory of the runs: the flag's, else the environment's, else the default."""
    return Path(given or os.environ.get(RUNS_VARIABLE) or "runs")
