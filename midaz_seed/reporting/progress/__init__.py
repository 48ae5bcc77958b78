"""Progress of a run on stderr: a live view on a terminal, otherwise lines that become rarer."""

from midaz_seed.reporting.progress.descriptions import describe
from midaz_seed.reporting.progress.display import Progress
from midaz_seed.reporting.progress.making import make_progress
from midaz_seed.reporting.progress.watched import LedgerShown, OrganizationShown, Watched

__all__ = ["LedgerShown", "OrganizationShown", "Progress", "Watched", "describe", "make_progress"]
