"""Render a report as JUnit XML, for the test results of Jenkins, GitLab and others.

The format has no standard; this is the common part that Jenkins' `junit-10.xsd` describes
(https://github.com/jenkinsci/xunit-plugin). A test case never fails in a run with exit code 0.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from midaz_seed.errors import AS_PLANNED, ExitCode
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.report_figures import PhaseReport
from midaz_seed.reporting.report_findings import (
    Difference,
    FailedItemReport,
    LedgerReport,
    ThresholdReport,
    ThresholdState,
)
from midaz_seed.reporting.thresholds import outcome_text
from midaz_seed.wording import counted

ROWS_MAX = 50
"""Differences, or failed items, in the text of one test case; report.json has more."""
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""The characters that no XML 1.0 document can hold, not even escaped (section 2.2 of its specification)."""


@dataclass(frozen=True)
class Case:
    """A test case. `kind` is the element that says how it ended: failure, error or skipped; "" when it passed."""

    name: str
    kind: str = ""
    message: str = ""
    text: str = ""
    time_s: float = 0.0
    output: str = ""


def render_junit(report: Report) -> str:
    """Return a report as an XML document: a test suite each for the run, its phases, ledgers and thresholds."""
    suites = {
        "run": [result_case(report.run_id, report.exit_code, report.verdict, report.next_step, report.elapsed_s)],
        "phases": [_phase_case(report, phase) for phase in report.phases if phase.planned],
        "ledgers": _ledger_cases(report),
        "thresholds": [threshold_case(each.expression, each) for each in report.thresholds],
    }
    properties = {
        "run_id": report.run_id,
        "plan_digest": report.plan_digest,
        "seed": str(report.seed),
        "scenario": report.scenario,
        "preset": report.preset,
        "target": report.target,
        "server_version": report.server_version,
        "midaz_seed_version": report.version,
        "movements": str(report.movements),
        "transactions": str(report.transactions),
        "requests": str(report.requests),
        "exit_code": str(int(report.exit_code)),
    }
    started_at = report.started_at.partition(".")[0]  # the format has no time zone: UTC
    return junit_document(
        [
            as_suite(name, cases, started_at, properties if name == "run" else {})
            for name, cases in suites.items()
            if cases
        ]
    )


def render_junit_ending(document: Mapping[str, Any]) -> str:
    """Return the document of a command that ended without a report (`reporting.ending`): one test case."""
    error, verdict = document["error"] or {}, str(document["verdict"])
    text = "\n".join(part for part in (verdict, error.get("where"), document["next_step"]) if part)
    has_passed = document["exit_code"] == ExitCode.DONE
    case = Case(document["command"], output=text) if has_passed else Case(document["command"], "error", verdict, text)
    return junit_document([as_suite("run", [case], "", {"error": error["kind"]} if error else {})])


def result_case(name: str, exit_code: int, verdict: str, next_step: str, elapsed_s: float) -> Case:
    """Return the test case of a whole run, or benchmark. A threshold that failed does not fail it."""
    text = "\n".join(part for part in (verdict, next_step) if part)
    if exit_code in AS_PLANNED:
        return Case(name, time_s=elapsed_s, output=text)
    kind = "failure" if exit_code == ExitCode.DIFFERENCES else "error"
    return Case(name, kind, verdict, text, elapsed_s)


def _phase_case(report: Report, phase: PhaseReport) -> Case:
    made = f"{phase.created:,} created, {phase.existing:,} existed, {phase.failed:,} failed, {phase.skipped:,} skipped"
    if phase.failed and report.error_rate_percent > report.error_budget_percent:
        message = f"{phase.failed:,} of {counted(phase.planned, 'item')} failed"
        failed = [item for item in report.failed_items if item.phase == phase.name]
        return Case(phase.name, "failure", message, listed([_failed_item(item) for item in failed], phase.failed))
    if phase.skipped and phase.skipped == phase.planned:
        return Case(phase.name, "skipped", "nothing of this phase was sent")
    return Case(phase.name, time_s=phase.busy_s, output=made)


def _failed_item(item: FailedItemReport) -> str:
    return f"{item.key}: {item.code or item.error} {item.message}".rstrip()


def _ledger_cases(report: Report) -> list[Case]:
    found: dict[str, list[Difference]] = defaultdict(list)
    for difference in report.proof.differences if report.proof is not None else ():
        found[difference.ledger].append(difference)
    cases = [_ledger_case(ledger, found.pop(ledger.key, [])) for ledger in report.ledgers]
    for key, differences in found.items():  # of what is no ledger, such as an absent organization
        message = f"{counted(len(differences), 'difference')} from the plan"
        cases.append(Case(key or "server", "failure", message, _differences(differences, len(differences))))
    return cases


def _ledger_case(ledger: LedgerReport, differences: Sequence[Difference]) -> Case:
    name = f"{ledger.key} {ledger.name}".rstrip()
    if ledger.state == "failed":
        return Case(name, "error", ledger.reason or "failed", _differences(differences, len(differences)))
    if differences or ledger.verified is False:
        total = max(ledger.differences, len(differences))
        message = f"{counted(total, 'difference')} from the plan"
        return Case(name, "failure", message, _differences(differences, total))
    if ledger.verified is None:
        return Case(name, "skipped", f"not verified: {ledger.state}")
    checked = f"{counted(ledger.balances_checked, 'balance')} compared"
    return Case(name, time_s=ledger.settled_s or 0.0, output=checked)


def _differences(differences: Sequence[Difference], total: int) -> str:
    lines = [
        f"{row.alias} {row.what}: planned {row.expected}, on the server {row.actual}".lstrip() for row in differences
    ]
    return listed(lines, total)


def listed(lines: Sequence[str], total: int) -> str:
    """Return lines as a text, the first ROWS_MAX of them."""
    shown = list(lines[:ROWS_MAX])
    if total > len(shown):
        shown.append(f"and {total - len(shown):,} more")
    return "\n".join(shown)


def threshold_case(name: str, threshold: ThresholdReport) -> Case:
    """Return the test case of a threshold."""
    outcome = outcome_text(threshold)
    if threshold.state is ThresholdState.FAILED:
        return Case(name, "failure", outcome)
    if threshold.state is ThresholdState.NOT_APPLICABLE:
        return Case(name, "skipped", threshold.reason)
    return Case(name, output=outcome)


def as_suite(name: str, cases: Sequence[Case], started_at: str, properties: dict[str, str]) -> ElementTree.Element:
    """Return a suite of test cases; its name gets a prefix."""
    suite = ElementTree.Element("testsuite", {"name": f"midaz-seed.{name}", **_totals(cases)})
    if started_at:
        suite.set("timestamp", started_at)
    if properties:
        group = ElementTree.SubElement(suite, "properties")
        for key, value in properties.items():
            ElementTree.SubElement(group, "property", {"name": key, "value": _legal(value)})
    for case in cases:
        attributes = {"name": _legal(case.name), "classname": f"midaz-seed.{name}", "time": f"{case.time_s:.3f}"}
        element = ElementTree.SubElement(suite, "testcase", attributes)
        if case.kind:
            ending = ElementTree.SubElement(element, case.kind, {"message": _legal(case.message)})
            if case.text:
                ending.text = _legal(case.text)
        if case.output:
            ElementTree.SubElement(element, "system-out").text = _legal(case.output)
    return suite


def _totals(cases: Sequence[Case]) -> dict[str, str]:
    kinds = [case.kind for case in cases]
    return {
        "tests": str(len(cases)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "skipped": str(kinds.count("skipped")),
        "time": f"{sum(case.time_s for case in cases):.3f}",
    }


def junit_document(suites: Sequence[ElementTree.Element]) -> str:
    """Return suites as an XML document."""
    root = ElementTree.Element("testsuites", {"name": "midaz-seed"})
    for total in ("tests", "failures", "errors"):
        root.set(total, str(sum(int(suite.get(total, "0")) for suite in suites)))
    root.extend(suites)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _legal(text: str) -> str:
    """Return a text with U+FFFD in place of what XML cannot hold."""
    return _ILLEGAL.sub("\ufffd", text)
