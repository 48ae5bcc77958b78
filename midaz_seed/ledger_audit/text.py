"""Render the report of an audit as text."""

from collections.abc import Iterator
from itertools import groupby

from midaz_seed.ledger_audit.findings import AuditNote, Finding
from midaz_seed.ledger_audit.report import AuditedLedger, AuditReport
from midaz_seed.wording import counted, printable, wrapped

WIDTH = 100
"""Columns, at most; ids are never broken."""
ORGANIZATION_MIN = 8
"""Columns that the name of an organization has at least."""
ROWS_MAX = 20
"""Findings of one kind, ledgers and notes that are shown; --json and --report have more."""


def render_audit(report: AuditReport, width: int = WIDTH) -> str:
    """Render the report as text that ends with a newline. Texts of the server are escaped.

    Args:
        report: the report.
        width: columns; longer lines are wrapped.
    """
    return "".join(f"{line}\n" for line in wrapped(map(printable, _lines(report, width)), width))


def _lines(report: AuditReport, width: int) -> Iterator[str]:
    yield f"midaz-seed {report.version}  audit"
    yield f"target {report.target} (Midaz {report.server_version})"
    yield ""
    yield from _ledgers(report.ledgers, width)
    if not report.with_transactions:
        yield "Transactions were not read (--balances-only)."
    for kind, group in groupby(sorted(report.findings, key=lambda finding: finding.kind), lambda each: each.kind):
        found = list(group)
        yield ""
        yield f"{kind}: {counted(report.finding_totals[kind], 'finding')}"
        for finding in found[:ROWS_MAX]:
            yield from _finding(finding)
        yield from _more(report.finding_totals[kind] - len(found[:ROWS_MAX]))
    if report.notes:
        yield ""
        yield f"notes: {report.notes_total:,}"
        for note in report.notes[:ROWS_MAX]:
            yield f"  {names_of(note)}: {note.text}"
        yield from _more(report.notes_total - len(report.notes[:ROWS_MAX]))
    yield ""
    sessions = f" in {report.sessions} sessions" if report.sessions > 1 else ""
    yield f"{counted(report.requests, 'request')}, {report.elapsed_s:,.1f} s{sessions}"
    yield report.verdict
    if report.next_step:
        yield report.next_step


def _ledgers(ledgers: tuple[AuditedLedger, ...], width: int) -> Iterator[str]:
    yield f"{'transactions':>12}  {'operations':>10}  {'balances':>8}  {'findings':>8}  ledger"
    # those with findings first, because only some are shown
    rows = sorted(ledgers, key=lambda ledger: -ledger.findings)[:ROWS_MAX]
    for ledger in rows:
        counts = f"{ledger.transactions:>12,}  {ledger.operations:>10,}  {ledger.balances:>8,}  {ledger.findings:>8,}  "
        yield counts + _named(ledger, width - len(counts))
    yield from _more(len(ledgers) - len(rows))


def _named(ledger: AuditedLedger, width: int) -> str:
    """Return organization and ledger in one line; the organization is cut where it does not fit."""
    organization, name = printable(ledger.organization), printable(ledger.name)
    room = max(width - len(f" / {name}"), ORGANIZATION_MIN)
    if len(organization) > room:
        organization = f"{organization[: room - 1]}…"
    return f"{organization} / {name}"


def _finding(finding: Finding) -> Iterator[str]:
    yield f"  {finding.text}"
    yield f"    {names_of(finding)}"


def names_of(each: Finding | AuditNote) -> str:
    """Return where something was found, from the ledger down, with ids."""
    key = getattr(each, "balance_key", "")
    parts = [
        f"organization {each.organization_id}" if each.organization_id and not each.ledger_id else "",
        f"ledger {each.ledger} ({each.ledger_id})" if each.ledger_id else "",
        f"account {each.account} ({each.account_id})" if each.account else "",
        f"balance {key}" if key else "",
        f"asset {each.asset}" if each.asset and not each.account else "",
        f"transaction {transaction}" if (transaction := getattr(each, "transaction_id", "")) else "",
    ]
    return ", ".join(part for part in parts if part) or "server"


def _more(count: int) -> Iterator[str]:
    if count > 0:
        yield f"  and {counted(count, 'more', 'more')}: see --json or --report"
