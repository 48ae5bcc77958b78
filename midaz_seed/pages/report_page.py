"""The report of a run as one HTML file, and the page of a command that ended without one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from midaz_seed.errors import ExitCode
from midaz_seed.pages.chart_data import phase_label, report_charts
from midaz_seed.pages.rendering import render_page
from midaz_seed.pages.reproduce import command_line, setting_rows
from midaz_seed.plan.items import MONEY
from midaz_seed.reporting.report import Report, read_report
from midaz_seed.reporting.report_file import write_document
from midaz_seed.reporting.thresholds import value_text
from midaz_seed.runs.directory import RUN_RECORD
from midaz_seed.wording import share_text

LEDGERS_MAX = 2_000
"""Rows of ledgers on a page: a browser gets slow with more. report.json has all."""
DIFFERENCES_FIRST = 2
"""Differences that the verdict shows."""
FILES = {
    "report.json": "the whole report for programs",
    "manifest.json": "every account with its id, holder and expected balances",
    "manifest.csv": "the accounts as a table",
    "rejects.ndjson": "the items that failed and will not be sent again",
    "junit.xml": "the result for CI",
    "metrics.prom": "the figures for Prometheus",
}
"""Files of a run that its page links to, with what they hold."""
CUT_SHORT = ("partial", "stopped")
"""States of a ledger whose plan the time limit did not leave the time for."""
_MONEY = {phase.value for phase in MONEY}
_UNFINISHED = {
    ExitCode.DIFFERENCES: "Failed",
    ExitCode.USAGE: "Not started",
    ExitCode.TARGET: "The target failed",
    ExitCode.SETTLEMENT: "Not settled",
    ExitCode.THRESHOLD: "A threshold failed",
    ExitCode.INTERRUPTED: "Interrupted",
    ExitCode.TERMINATED: "Interrupted",
}


@dataclass(frozen=True)
class Headline:
    """The verdict in a few words. `tone` is good, warn or bad."""

    tone: str
    word: str


def render_report(report: Report, *, files: Sequence[str] = (), history_link: bool = False) -> str:
    """Return a report as an HTML page, which needs no other file and no network.

    Args:
        report: the report of a run or of a verification; every text in it is escaped.
        files: names of files in the page's directory that it links to, from `files_beside`.
        history_link: link to the list of runs of the server that serves the page.
    """
    money = [phase for phase in report.phases if phase.name in _MONEY and phase.requests]
    return render_page(
        "report.html.j2",
        charts=report_charts(report),
        version=report.version,
        report=report,
        headline=headline(report),
        differences_first=DIFFERENCES_FIRST,
        main_phase=max(money, key=lambda phase: phase.requests, default=None),
        phases=[phase for phase in report.phases if phase.planned or phase.requests],
        phase_label=phase_label,
        ledgers=report.ledgers[:LEDGERS_MAX],
        thresholds=report.thresholds,
        value_text=value_text,
        share_text=share_text,
        history_link=history_link,
        files={name: FILES[name] for name in files if name in FILES},
        command=command_line(report),
        settings=setting_rows(report),
    )


def render_ending(document: Mapping[str, Any]) -> str:
    """Return the document of a command that ended without a report (`cli.documents`) as an HTML page."""
    code = document.get("exit_code")
    word = "Not finished" if code is None else "Nothing to do" if code == 0 else _UNFINISHED.get(code, "Failed")
    return render_page(
        "ending.html.j2",
        version=str(document.get("version") or ""),
        document=document,
        error={"kind": "", "where": "", **(document.get("error") or {})},
        headline=Headline("warn" if not code else "bad", word),
    )


def render_document(data: bytes, *, files: Sequence[str] = ()) -> str:
    """Return the page of a JSON document: a report, or what a command without one left.

    Args:
        data: the document.
        files: as in `render_report`.

    Raises:
        ValueError: it is neither.
    """
    try:
        return render_report(read_report(data), files=files)
    except ValueError as error:
        document = _ending(data)
        if document is None:
            raise ValueError(_first_problem(error)) from error
        return render_ending(document)


def _ending(data: bytes) -> dict[str, Any] | None:
    """Return the document of a command that ended without a report; None when it is something else."""
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    known = isinstance(document, dict) and {"command", "exit_code", "verdict", "next_step"} <= set(document)
    texts = known and all(isinstance(document[name], str) for name in ("command", "verdict", "next_step"))
    return document if texts and isinstance(document.get("error"), dict | None) else None


def _first_problem(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else first["msg"]


def headline(report: Report) -> Headline:
    """Return the verdict of a report in a few words."""
    proof, code = report.proof, report.exit_code
    if proof is not None and proof.differences_total:
        return Headline("bad", "Not as planned")
    if code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED):
        return Headline("warn", _UNFINISHED[ExitCode(code)])
    if code == ExitCode.DONE:
        if proof is None:
            return Headline("warn", "Not verified")
        is_whole = proof.ok and not any(ledger.state in CUT_SHORT for ledger in report.ledgers)
        return Headline("good", "Verified") if is_whole else Headline("warn", "Verified in part")
    if code == ExitCode.THRESHOLD and proof is not None and proof.ok:
        return Headline("bad", "Verified, but a threshold failed")
    word = _UNFINISHED.get(ExitCode(code), "Failed") if code in list(ExitCode) else "Failed"
    return Headline("bad", f"{word}, with verified balances" if proof is not None and proof.ok else word)


def write_page(page: str, path: Path) -> None:
    """Write a page atomically. In the directory of a run only the user can read it, as the other files of the run.

    Raises:
        OutputError: it cannot be written.
    """
    write_document(page, path, private=(path.parent / RUN_RECORD).is_file(), what="HTML report")


def files_beside(directory: Path) -> tuple[str, ...]:
    """Return the files of a run to which a page in this directory can link; none where it is not that of a run."""
    if not (directory / RUN_RECORD).is_file():
        return ()
    return tuple(name for name in FILES if (directory / name).is_file())
