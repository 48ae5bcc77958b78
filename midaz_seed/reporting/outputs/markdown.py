"""Render a report as Markdown, for the summary of a job in a pipeline (GitHub Flavored Markdown)."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from midaz_seed.errors import ExitCode
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.report_findings import ThresholdReport
from midaz_seed.reporting.thresholds import value_text
from midaz_seed.wording import counted, printable, share_text

THRESHOLDS = ("threshold", "value", "result")
"""The head of a table of thresholds."""
ROWS_MAX = 50
"""Rows of differences, and of errors; report.json has more."""
_ACTIVE = re.compile(r"[!-/:-@\[-`{-~]")
_HARMLESS = frozenset(" ,.-/%'=+\"")
_ADDRESS = re.compile(r"(?<=www)\.", re.IGNORECASE)
"""GitHub makes a link of what begins with `www.`, without any markup."""
_CUT = "\n\n*The rest is left out: the summary is too long.*\n"


def render_markdown(report: Report) -> str:
    """Return a report as Markdown: verdict, key figures, thresholds, differences and errors.

    Every text is escaped: what a server sends is shown, and is neither markup nor a link.
    """
    return joined(_parts(report))


def render_markdown_ending(document: Mapping[str, Any]) -> str:
    """Return the document of a command that ended without a report (`reporting.ending`) as Markdown."""
    where = (document["error"] or {}).get("where", "")
    verdict = f"{where}: {document['verdict']}" if where else document["verdict"]
    return joined([heading(document["command"], document["exit_code"]), paragraph(verdict, document["next_step"])])


def within(text: str, bytes_max: int) -> str:
    """Return Markdown that has at most this many bytes in UTF-8; lines at its end are left out."""
    if len(text.encode()) <= bytes_max:
        return text
    room = bytes_max - len(_CUT.encode())
    kept = text.encode()[: max(room, 0)].decode(errors="ignore").rpartition("\n")[0]
    return f"{kept}{_CUT}" if room > 0 else ""


def escaped(text: str) -> str:
    """Return a text in which nothing is Markdown, HTML, a mention or a link."""
    shown = _ACTIVE.sub(lambda sign: sign[0] if sign[0] in _HARMLESS else f"&#{ord(sign[0])};", printable(text))
    return _ADDRESS.sub("&#46;", shown)


def joined(parts: Iterable[str]) -> str:
    """Return the parts of a document as one text."""
    return "\n\n".join(parts) + "\n"


def heading(name: str, exit_code: int) -> str:
    """Return the heading of a command's result."""
    result = {ExitCode.DONE: "passed", ExitCode.THRESHOLD: "threshold failed"}.get(ExitCode(exit_code), "failed")
    return f"### midaz-seed {escaped(name)}: {result} (exit code {int(exit_code)})"


def paragraph(verdict: str, next_step: str) -> str:
    """Return verdict and next step as sentences. Those of an error have no full stops, and the second one is its
    hint.
    """
    verdict = verdict if not next_step or verdict.endswith((".", "!", "?")) else f"{verdict}."
    return f"{escaped(verdict)} {escaped(next_step[:1].upper() + next_step[1:])}".strip()


def _parts(report: Report) -> Iterator[str]:
    yield heading(report.run_id, report.exit_code)
    yield paragraph(report.verdict, report.next_step)
    yield table(("figure", "value"), list(_figures(report)))
    if report.thresholds:
        yield "#### Thresholds"
        yield table(THRESHOLDS, [threshold_cells(each) for each in report.thresholds])
    if report.proof is not None and report.proof.differences:
        proof = report.proof
        yield f"#### {counted(proof.differences_total, 'difference')} from the plan"
        rows = [(row.ledger, row.alias, row.what, row.expected, row.actual) for row in proof.differences[:ROWS_MAX]]
        yield table(("ledger", "account or item", "what", "planned", "on the server"), rows)
        yield from more(proof.differences_total, "difference")
    if report.errors:
        yield f"#### Errors: {report.error_rate_percent:.2f} % of the items failed"
        yield table(
            ("error", "phase", "attempts", "items failed", "example"),
            [
                (
                    f"{error.error} {error.code}".strip(),
                    error.phase,
                    f"{error.count:,}",
                    f"{error.final:,}",
                    error.example.message or error.example.answer,
                )
                for error in report.errors[:ROWS_MAX]
            ],
        )
        yield from more(len(report.errors), "kind")
    failed = [ledger for ledger in report.ledgers if ledger.state == "failed"]
    if failed:
        yield "#### Failed ledgers"
        yield table(("ledger", "name", "reason"), [(each.key, each.name, each.reason) for each in failed[:ROWS_MAX]])
        yield from more(len(failed), "failed ledger")


def _figures(report: Report) -> Iterator[tuple[str, str]]:
    yield "data", f"preset {report.preset}" if report.preset else f"scenario {report.scenario}"
    yield "target", f"{report.target} (Midaz {report.server_version})"
    yield "duration", f"{report.elapsed_s:,.1f} s"
    if report.transactions:
        made = f"{counted(report.movements, 'movement')} in {counted(report.transactions, 'transaction')}"
        yield "made", f"{made}, {report.movements_per_s:,.0f} movements/s while money moved"
    yield "requests", f"{report.requests:,} ({report.requests_per_s:,.0f}/s)"
    for phase in report.phases:
        if phase.name in ("deposits", "transfers") and phase.requests:
            latency = phase.latency_ms
            yield f"latency of {phase.name}", f"p50 {latency.p50:,.1f} ms, p99 {latency.p99:,.1f} ms"
    if report.settlement.ledgers:
        yield "settlement", f"longest wait {report.settlement.waited_s_max:,.2f} s"
    yield "failed items", f"{report.error_rate_percent:.2f} % (budget {report.error_budget_percent:g} %)"
    proof = report.proof
    if proof is not None:
        ledgers = share_text(proof.ledgers, proof.ledgers_planned, "ledger")
        checked = f"{counted(proof.balances_checked, 'balance')} of {ledgers}"
        yield "verification", f"{checked}, {counted(proof.differences_total, 'difference')}"
    else:
        yield "verification", "not run"


def threshold_cells(threshold: ThresholdReport) -> tuple[str, str, str]:
    """Return a threshold as cells below THRESHOLDS."""
    reason = f": {threshold.reason}" if threshold.reason else ""
    return f"fail if {threshold.expression}", value_text(threshold), f"{threshold.state}{reason}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table with escaped cells."""
    lines = [head, ["---"] * len(head), *([escaped(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def more(total: int, noun: str) -> Iterator[str]:
    """Yield how many rows were left out."""
    if total > ROWS_MAX:
        yield f"And {counted(total - ROWS_MAX, f'more {noun}')}: the report has them."
