"""The files of a run's directory that are made from its report: for people, and for other programs."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from midaz_seed.reporting.report import Report
from midaz_seed.reporting.report_file import write_each
from midaz_seed.runs.directory import REPORT_PAGE


def _html(report: Report, directory: Path) -> str:
    from midaz_seed.pages.report_page import files_beside, render_report  # needs some time to load

    return render_report(report, files=files_beside(directory))


def _junit(report: Report, _: Path) -> str:
    from midaz_seed.reporting.outputs.junit import render_junit

    return render_junit(report)


def _metrics(report: Report, _: Path) -> str:
    from midaz_seed.reporting.outputs.prometheus import render_prometheus

    return render_prometheus(report)


JUNIT = "junit.xml"
OUTPUTS: Mapping[str, Callable[[Report, Path], str]] = {
    JUNIT: _junit,
    "metrics.prom": _metrics,
    REPORT_PAGE: _html,
}
"""Name -> what renders it for a directory. The page is last, because it links to the others."""


def write_outputs(report: Report, directory: Path) -> None:
    """Write every file of OUTPUTS. Each is tried, also when another could not be written.

    Raises:
        OutputError: a file could not be written; the first one.
    """
    write_each(
        ((name, directory / name, partial(render, report, directory)) for name, render in OUTPUTS.items()), private=True
    )
