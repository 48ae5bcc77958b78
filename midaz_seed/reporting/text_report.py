"""Render the report as text: at most 80 columns, no colour."""

import dataclasses
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, cast

from midaz_seed.model.json_types import JsonObject
from midaz_seed.model.outcomes import ErrorClass
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.report_figures import EngineReport, PhaseReport
from midaz_seed.reporting.report_findings import Difference, HistoryReport, ThresholdState, VerificationReport
from midaz_seed.reporting.thresholds import outcome_text
from midaz_seed.wording import counted, printable, wrapped

ROWS_MAX = 20
"""Maximum rows for errors, failed ledgers and differences; --json and --report have all of them."""
WIDTH = 80
STEADY_S_MIN = 5
"""Minimum length of a steady state that is shown without --warm-up."""
DRAIN_S_MIN = 0.1
"""Minimum drain time that is shown."""
CLIENT_IS_FULL_PERCENT = 90
"""CPU usage, in percent of a core, from which the client limits the throughput."""
LOOP_IS_LATE_MS = 50.0
"""Event-loop lag from which it distorts the measured latencies."""


def render_text(report: Report, width: int = WIDTH, *, page: Path | None = None) -> str:
    """Render the report as text that ends with a newline.

    Args:
        report: texts of the server in it are escaped.
        width: columns; longer lines are wrapped, and the table leaves columns out.
        page: the HTML report to name.
    """
    lines = wrapped(_lines(_with_printable_texts(report), width, printable(str(page)) if page else ""), width)
    return "".join(f"{line}\n" for line in lines)


def _with_printable_texts(value: Any) -> Any:
    """Return a report, or a part of one, whose texts can be printed: most of them contain what a server sent."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, tuple):
        return tuple(_with_printable_texts(item) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        texts = {field.name: _with_printable_texts(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **texts)
    return value


def _more(total: int, noun: str, plural: str = "") -> Iterator[str]:
    if total > ROWS_MAX:
        yield f"  and {counted(total - ROWS_MAX, f'more {noun}', plural)}: --json or --report has them"


def _lines(report: Report, width: int, page: str) -> Iterator[str]:
    data = f"preset {report.preset}" if report.preset else f"scenario {report.scenario}"
    yield f"midaz-seed {report.version}  run {report.run_id}  seed {report.seed}  {data}"
    yield f"target {report.target} (Midaz {report.server_version})  plan {report.plan_digest[:12]}"
    yield ""
    phases = [phase for phase in report.phases if phase.planned]  # settlement and verification have their own lines
    if phases:
        yield from _table(phases, width)
        yield ""
    yield from _totals(report)
    yield from _load(report)
    if report.settlement.ledgers:
        settled = report.settlement
        yield (
            f"settlement: {counted(settled.ledgers, 'ledger')}, longest wait {settled.waited_s_max:.2f} s, "
            f"balances read {counted(settled.looks, 'time')}"
        )
    yield from _reads(report)
    yield from _drains(report)
    yield from _refusals(report)
    applied = sum(phase.doubts_applied for phase in report.phases)
    not_applied = sum(phase.doubts_not_applied for phase in report.phases)
    if applied or not_applied:
        yield (
            f"in doubt: {counted(applied + not_applied, 'transaction')}, decided by the balances: {applied:,} had been "
            f"made, {not_applied:,} had not"
        )
    if report.breaker_opened:
        yield f"circuit breaker: opened {counted(report.breaker_opened, 'time')}, {report.breaker_open_s:.1f} s in all"
    yield from _client(report)
    yield from _errors(report)
    yield from _ledgers(report)
    yield from _verification(report)
    yield from _thresholds(report)
    if page:
        yield ""
        yield f"page with charts: {page}"
    yield ""
    yield report.verdict
    if report.next_step:
        yield report.next_step


def _totals(report: Report) -> Iterator[str]:
    requests, speed = counted(report.requests, "request"), f"{report.requests_per_s:,.0f} requests/s"
    if not report.transactions:
        yield f"{requests}, {report.elapsed_s:.1f} s, {speed}"
        return
    yield (
        f"{counted(report.movements, 'movement')} in {counted(report.transactions, 'transaction')}, {requests}, "
        f"{report.elapsed_s:.1f} s"
    )
    yield f"{report.movements_per_s:,.0f} movements/s while money moved, {speed} over the run"


def _client(report: Report) -> Iterator[str]:
    yield (
        f"client: {report.client_cpu_percent:.0f} % of a core, event loop at most {report.loop_lag_ms_p99:.0f} ms late "
        f"(p99), {report.rss_mb_max:.0f} MB"
    )
    if report.client_cpu_percent >= CLIENT_IS_FULL_PERCENT:
        yield "  the client limited the throughput, not the server: use --shards to run several processes"
    elif report.loop_lag_ms_p99 >= LOOP_IS_LATE_MS:
        yield "  the client waited for CPU time, so the latencies are higher than the server's: free some CPU"


def _engine(engine: EngineReport) -> Iterator[str]:
    lost = f", {engine.lost:,} without a result" if engine.lost else ""
    restarts = f", {counted(engine.restarts, 'restart')}" if engine.restarts else ""
    journals = "in the runs directory" if engine.shares_journals else "none, restarts read the server"
    yield (
        f"engine: {engine.name}, {counted(engine.slices, 'slice')} on {counted(engine.workers, 'worker')}"
        f"{lost}{restarts}; journals: {journals}"
    )


def _load(report: Report) -> Iterator[str]:
    """Describe the load, if it was more than a fixed number in flight."""
    if cast("JsonObject", report.settings.get("target", {})).get("insecure"):
        yield "INSECURE: certificates were not checked (target.insecure)"
    if report.engine is not None:
        yield from _engine(report.engine)
    if report.packing is not None:
        yield (
            f"batch size: auto, {counted(report.packing.size, 'movement')} per transaction ({report.packing.reason}), "
            f"measured in {report.packing.elapsed_s:.1f} s"
        )
    if report.concurrency.auto:
        found = [change.in_flight for change in report.concurrency.changes]
        yield (
            f"concurrency: auto, {report.concurrency.in_flight} in flight at the end, {min(found)} to {max(found)} "
            f"before, {counted(report.concurrency.changes_total, 'change')}"
        )
    if report.rate_limit is not None:
        yield (
            f"rate limit of the server: about {report.rate_limit.found_per_s:,.0f} requests/s, "
            f"{counted(report.rate_limit.rejected, 'request')} rejected and sent again"
        )
    steady = report.steady
    if steady is not None and (steady.warmup_s or steady.to_s - steady.from_s >= STEADY_S_MIN):
        latency = f", latency p50 {steady.latency_ms.p50:.1f} p99 {steady.latency_ms.p99:.1f} ms"
        yield (
            f"steady state, {steady.from_s:.1f} to {steady.to_s:.1f} s: "
            f"{steady.transactions_per_s:,.0f} transactions/s, {steady.movements_per_s:,.0f} movements/s"
            f"{latency if steady.transactions_per_s else ''}"
        )
    if report.open_loop is not None:
        slots = report.open_loop
        yield (
            f"open model at {slots.rate_per_s:,g}/s: {slots.offered:,} offered, {slots.sent:,} sent, "
            f"{slots.accepted:,} accepted, {slots.dropped:,} dropped; start delay p99 {slots.late_ms.p99:.1f} ms"
        )


def _reads(report: Report) -> Iterator[str]:
    """Describe reads beside the writes: a line for all, and one for each kind."""
    reads = report.reads
    if reads is None:
        return
    paced = f"at {reads.rate_per_s:,g}/s" if reads.rate_per_s else f"for each write: {reads.per_write:g}"
    delay = f"; start delay p99 {reads.late_ms.p99:.1f} ms" if reads.rate_per_s else ""
    yield f"reads {paced} beside the transfers: {reads.sent:,} sent, {reads.dropped:,} dropped{delay}"
    for kind in reads.kinds:
        wrong = f", {kind.wrong:,} contradict the plan" if kind.wrong else ""
        failed = f", {kind.failed:,} failed" if kind.failed else ""
        latency = f"p50 {kind.latency_ms.p50:.1f} p99 {kind.latency_ms.p99:.1f} ms"
        yield f"  {kind.name}: {counted(kind.answers, 'answer')}, {latency}{failed}{wrong}"


def _drains(report: Report) -> Iterator[str]:
    """Describe the settlement lag of phases that had one."""
    for phase in report.throughput:
        if phase.drain_s is None or phase.movements_settled_per_s is None or phase.drain_s < DRAIN_S_MIN:
            continue
        if any(point.balances or point.transactions for point in phase.drain):
            yield (
                f"{phase.phase}: {phase.movements_accepted_per_s:,.0f} movements/s accepted, "
                f"{phase.movements_settled_per_s:,.0f} settled, drained in {phase.drain_s:.2f} s"
            )


COLUMNS = {
    "planned": 9,
    "created": 9,
    "existing": 8,
    "failed": 7,
    "skipped": 7,
    "per s": 7,
    "p50 ms": 6,
    "p99 ms": 6,
}
"""Columns of the table of phases after the first, with their usual widths."""
LEFT_OUT_AT_ZERO = ("existing", "skipped", "failed")
"""Columns that a narrow table leaves out first, where they are all 0."""
LEFT_OUT = ("p50 ms", "per s", "p99 ms", "existing", "skipped")
"""Columns that a narrow table leaves out then."""


def _table(phases: list[PhaseReport], width: int) -> Iterator[str]:
    """Format the table of phases in `width` columns: narrower where the usual widths do not fit, then with fewer
    columns.
    """
    rows = [("phase", *COLUMNS), *(_cells(phase) for phase in phases)]
    columns = dict(zip(("phase", *COLUMNS), zip(*rows, strict=True), strict=True))
    widths = {name: max(map(len, cells)) for name, cells in columns.items()}
    usual = {name: max(widths[name], least) for name, least in {"phase": 13, **COLUMNS}.items()}
    if sum(usual.values()) + len(COLUMNS) <= width:
        widths = usual
    zeros = [name for name in LEFT_OUT_AT_ZERO if set(columns[name][1:]) == {"0"}]
    for name in (*zeros, *(name for name in LEFT_OUT if name not in zeros)):
        if sum(widths.values()) + len(widths) - 1 <= width:
            break
        del widths[name]
    for row in range(len(rows)):
        first, *others = ((columns[name][row], widths[name]) for name in widths)
        yield " ".join([f"{first[0]:<{first[1]}}", *(f"{cell:>{wide}}" for cell, wide in others)])


def _cells(phase: PhaseReport) -> tuple[str, ...]:
    counts = (phase.planned, phase.created, phase.existing, phase.failed, phase.skipped)
    rate = f"{phase.rate_per_s:,.0f}" if phase.created and phase.busy_s else "-"
    p50, p99 = (f"{phase.latency_ms.p50:.1f}", f"{phase.latency_ms.p99:.1f}") if phase.requests else ("-", "-")
    return (phase.name, *(f"{count:,}" for count in counts), rate, p50, p99)


def _refusals(report: Report) -> Iterator[str]:
    """Describe the transactions that the server had to refuse, where there are any."""
    for phase in report.phases:
        if phase.refused:
            made = f", {phase.existing:,} in an earlier session" if phase.existing else ""
            yield f"{phase.name}: {phase.refused:,} of {phase.planned:,} refused as planned{made}"


def _errors(report: Report) -> Iterator[str]:
    if not report.errors:
        yield "errors: none"
        return
    yield ""
    yield f"errors ({report.error_rate_percent:.2f} % of the items failed, budget {report.error_budget_percent:g} %)"
    for error in report.errors[:ROWS_MAX]:
        code = f" {error.code}" if error.code else ""
        ended = f"{counted(error.final, 'item')} failed" if error.final else "none of them final"
        what = "rejection" if error.error == ErrorClass.RATE_LIMITED else "attempt"  # which a 429 is not
        yield f"  {error.error}{code} in {error.phase}: {counted(error.count, what)}, {ended}"
        yield f"    such as {error.example.key}: {error.example.message or error.example.answer}"
        yield f"    {error.hint}"
    yield from _more(len(report.errors), "kind")


def _ledgers(report: Report) -> Iterator[str]:
    failed = [ledger for ledger in report.ledgers if ledger.state == "failed"]
    stopped = sum(ledger.state == "stopped" for ledger in report.ledgers)
    if failed or stopped:
        yield ""
    for ledger in failed[:ROWS_MAX]:
        yield f"ledger {ledger.key} {ledger.name} failed: {ledger.reason}"
    yield from _more(len(failed), "failed ledger")
    if stopped:
        was = "was" if stopped == 1 else "were"
        yield f"{stopped:,} of {counted(len(report.ledgers), 'ledger')} {was} stopped or not started"


def _verification(report: Report) -> Iterator[str]:
    proof = report.proof
    yield ""
    if proof is None:
        yield "verification: not run"
        return
    if proof.ledgers:
        yield (
            f"verified: {counted(proof.balances_checked, 'balance')} of {counted(proof.ledgers, 'ledger')}, "
            f"{counted(proof.counts_checked, 'count')}, "
            f"{counted(proof.transactions_read, 'transaction')} read back, {proof.elapsed_s:.1f} s"
        )
    else:
        yield "verified: nothing"
    if proof.transactions_unlisted:
        yield f"       {_unlisted(proof)}"
    if proof.history is not None:
        yield from _history(proof.history, ok=proof.ok)
    if proof.ok:
        yield "       every balance is the planned one, and every asset sums to zero"
        return
    if missing := proof.ledgers_planned - proof.ledgers:
        was = "was" if missing == 1 else "were"
        yield f"       {missing:,} of {counted(proof.ledgers_planned, 'ledger')} {was} not verified"
    if proof.differences_total:
        yield f"       {counted(proof.differences_total, 'difference')}"
    elif proof.ledgers:  # "0 differences" would seem to include those that were not verified
        was = "was" if proof.ledgers == 1 else "were"
        yield f"       no difference in the {counted(proof.ledgers, 'ledger')} that {was} verified"
    shown = proof.differences[:ROWS_MAX]
    for (ledger, alias), rows in groupby(shown, key=lambda row: (row.ledger, row.alias)):
        yield f"  {ledger} {alias}".rstrip()
        for row in rows:
            yield f"    {row.what}: planned {row.expected}, on the server {row.actual}"
    yield from _more(proof.differences_total, "difference")
    if _only_records_are_missing(proof):
        yield (
            "       every balance is the planned one, and only records are missing: if the server has crashed, it "
            "lists them within an hour, then `midaz-seed verify` finds them; otherwise they were not made"
        )


def _thresholds(report: Report) -> Iterator[str]:
    """List the thresholds, each with its value and its condition."""
    if not report.thresholds:
        return
    passed = sum(each.state is ThresholdState.PASSED for each in report.thresholds)
    yield ""
    yield f"thresholds: {passed} of {len(report.thresholds):,} passed"
    for each in report.thresholds:
        yield f"  {each.state}: {outcome_text(each)}"


def _history(history: HistoryReport, *, ok: bool) -> Iterator[str]:
    """Describe what was compared of the history. Differences have lines of their own."""
    compared = []
    if history.days:
        verb = "are right" if ok else "were compared"
        at = f"{counted(history.accounts, 'account')} at {counted(len(history.days), 'date')}"
        compared.append(f"the balances of {at} {verb}")
    if history.statements:
        out = history.lines_out_of_step
        step = f" with {counted(out, 'line')} out of step" if out else ": every balance follows from the one before"
        compared.append(f"{counted(history.statements, 'statement')}{step}")
    if compared:
        yield f"history: {'; '.join(compared)}"
    if history.lines_out_of_step and ok:
        yield "       out of step: inside days in which a session ended; the balances at their ends are right"
    if history.skipped:
        yield f"history: not all compared: {history.skipped}"


def _unlisted(proof: VerificationReport) -> str:
    count, crash = proof.transactions_unlisted, f" Signs of a crash: {proof.crash_seen}." if proof.crash_seen else ""
    them, are = ("it", "is") if count == 1 else ("them", "are")
    return (
        f"{counted(count, 'transaction')} that the balances include {are} not in the server's list yet: after a crash "
        f"it lists {them} within an hour.{crash} `midaz-seed verify` checks {them} again"
    )


def _only_records_are_missing(proof: VerificationReport) -> bool:
    complete = proof.ledgers == proof.ledgers_planned and proof.differences_total == len(proof.differences) > 0
    return complete and all(_is_missing_record(row) for row in proof.differences)


def _is_missing_record(row: Difference) -> bool:
    """Whether a difference is a planned transaction that the server does not list."""
    if row.what == "transaction count":
        return int(row.actual) < int(row.expected)
    return row.what == "transaction" and row.actual == "absent"
