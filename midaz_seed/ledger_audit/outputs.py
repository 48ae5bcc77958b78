"""The report of an audit for other programs and for people: JUnit XML, Markdown and a page."""

from collections import defaultdict

from midaz_seed.errors import ExitCode
from midaz_seed.ledger_audit.findings import Finding
from midaz_seed.ledger_audit.report import AuditedLedger, AuditReport
from midaz_seed.ledger_audit.text import names_of
from midaz_seed.pages.rendering import render_page
from midaz_seed.pages.report_page import Headline
from midaz_seed.reporting.outputs.junit import Case, as_suite, junit_document, listed
from midaz_seed.reporting.outputs.markdown import ROWS_MAX, heading, joined, more, paragraph, table
from midaz_seed.wording import counted


def render_audit_junit(report: AuditReport) -> str:
    """Return an audit as an XML document: a test case for the audit, and one for each ledger."""
    found: dict[str, list[Finding]] = defaultdict(list)
    for finding in report.findings:
        found[finding.ledger_id].append(finding)
    text = "\n".join(part for part in (report.verdict, report.next_step) if part)
    whole = Case("audit", time_s=report.elapsed_s, output=text)
    if report.exit_code:
        whole = Case("audit", "failure", report.verdict, text, report.elapsed_s)
    cases = [_ledger_case(ledger, found.pop(ledger.id, [])) for ledger in report.ledgers]
    if above := [finding for findings in found.values() for finding in findings]:  # such as a count of organizations
        cases.append(Case("server", "failure", counted(len(above), "finding"), _texts(above, len(above))))
    properties = {
        "target": report.target,
        "server_version": report.server_version,
        "midaz_seed_version": report.version,
        "requests": str(report.requests),
        "exit_code": str(report.exit_code),
    }
    started_at = report.started_at.partition(".")[0].removesuffix("Z").partition("+")[0]
    suites = [as_suite("audit", [whole], started_at, properties)]
    return junit_document([*suites, as_suite("ledgers", cases, started_at, {})] if cases else suites)


def _ledger_case(ledger: AuditedLedger, findings: list[Finding]) -> Case:
    name = f"{ledger.organization} / {ledger.name} ({ledger.id})"
    if ledger.findings:
        return Case(name, "failure", counted(ledger.findings, "finding"), _texts(findings, ledger.findings))
    read = f"{counted(ledger.balances, 'balance')}, {counted(ledger.transactions, 'transaction')}"
    return Case(name, output=f"{read}, {counted(ledger.operations, 'operation')}")


def _texts(findings: list[Finding], total: int) -> str:
    return listed([f"{finding.kind}: {finding.text} ({names_of(finding)})" for finding in findings], total)


def render_audit_markdown(report: AuditReport) -> str:
    """Return an audit as Markdown, for the summary of a job: verdict, what was read, findings."""
    figures = [
        ("target", f"{report.target} (Midaz {report.server_version})"),
        ("ledgers", f"{len(report.ledgers):,}"),
        ("transactions", f"{sum(ledger.transactions for ledger in report.ledgers):,}"),
        ("balances", f"{sum(ledger.balances for ledger in report.ledgers):,}"),
        ("requests", f"{report.requests:,}"),
        ("duration", f"{report.elapsed_s:,.1f} s"),
    ]
    parts = [heading("audit", report.exit_code), paragraph(report.verdict, report.next_step)]
    parts.append(table(("figure", "value"), figures))
    if report.findings:
        rows = [(finding.kind, finding.text, names_of(finding)) for finding in report.findings[:ROWS_MAX]]
        parts += [table(("finding", "what", "where"), rows), *more(report.findings_total, "finding")]
    return joined(parts)


def render_audit_page(report: AuditReport) -> str:
    """Return an audit as an HTML page, which needs no other file and no network."""
    word = "No findings" if report.exit_code == ExitCode.DONE else counted(report.findings_total, "finding")
    tone = "bad" if report.exit_code else "warn" if report.notes_total else "good"
    return render_page(
        "audit.html.j2",
        version=report.version,
        report=report,
        headline=Headline(tone, word),
        names_of=names_of,
        ledgers=sorted(report.ledgers, key=lambda ledger: -ledger.findings),
    )
