"""Render the report as text: 80 columns, no colour."""

import textwrap
from collections.abc import Iterator
from itertools import groupby
from typing import cast

from midaz_seed.model.json_types import JsonObject
from midaz_seed.reporting.report import Difference, Report, VerificationReport

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


def render_text(report: Report) -> str:
    """Render the report as text that ends with a newline."""
    return "\n".join(_lines(report)) + "\n"


def _wrapped(text: str, indent: str = "") -> Iterator[str]:
    """Wrap text; words that are too long stay in one piece, so that they can be copied."""
    yield from textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _more(total: int, what: str) -> Iterator[str]:
    if total > ROWS_MAX:
        yield f"  and {total - ROWS_MAX:,} more {what}: --json or --report has them"


def _lines(report: Report) -> Iterator[str]:
    yield from _wrapped(f"midaz-seed {report.version}  run {report.run_id}  seed {report.seed}  preset {report.preset}")
    yield from _wrapped(f"target {report.target} (Midaz {report.server_version})  plan {report.plan_digest[:12]}")
    yield ""
    yield from _phases(report)
    yield ""
    yield (
        f"{report.movements:,} movements in {report.transactions:,} transactions, {report.requests:,} requests, "
        f"{report.elapsed_s:.1f} s"
    )
    yield (
        f"{report.movements_per_s:,.0f} movements/s while money moved, "
        f"{report.requests_per_s:,.0f} requests/s over the run"
    )
    yield from _load(report)
    if report.settlement.ledgers:
        settled = report.settlement
        yield (
            f"settlement: {settled.ledgers} ledgers, longest wait {settled.waited_s_max:.2f} s, "
            f"balances read {settled.looks} times"
        )
    yield from _drains(report)
    applied = sum(phase.doubts_applied for phase in report.phases)
    not_applied = sum(phase.doubts_not_applied for phase in report.phases)
    if applied or not_applied:
        yield from _wrapped(
            f"in doubt: {applied + not_applied:,} transactions, decided by the balances: {applied:,} had been made, "
            f"{not_applied:,} had not"
        )
    if report.breaker_opened:
        yield f"circuit breaker: opened {report.breaker_opened} times, {report.breaker_open_s:.1f} s in all"
    yield (
        f"client: {report.client_cpu_percent:.0f} % of a core, event loop at most {report.loop_lag_ms_p99:.0f} ms late "
        f"(p99), {report.rss_mb_max:.0f} MB"
    )
    if report.client_cpu_percent >= CLIENT_IS_FULL_PERCENT:
        yield from _wrapped(
            "the client limited the throughput, not the server: use --shards to run several processes", "  "
        )
    elif report.loop_lag_ms_p99 >= LOOP_IS_LATE_MS:
        yield from _wrapped(
            "the client waited for CPU time, so the latencies are higher than the server's: free some CPU",
            "  ",
        )
    yield from _errors(report)
    yield from _ledgers(report)
    yield from _verification(report)
    yield ""
    yield from _wrapped(report.verdict)
    if report.next_step:
        yield from _wrapped(report.next_step)


def _load(report: Report) -> Iterator[str]:
    """Describe the load, if it was more than a fixed number in flight."""
    if cast("JsonObject", report.settings.get("target", {})).get("insecure"):
        yield "INSECURE: certificates were not checked (target.insecure)"
    if report.packing is not None:
        movements = "1 movement" if report.packing.size == 1 else f"{report.packing.size} movements"
        yield from _wrapped(
            f"batch size: auto, {movements} per transaction ({report.packing.reason}), "
            f"measured in {report.packing.elapsed_s:.1f} s"
        )
    if report.concurrency.auto:
        found = [change.in_flight for change in report.concurrency.changes]
        yield (
            f"concurrency: auto, {report.concurrency.in_flight} in flight at the end, {min(found)} to {max(found)} "
            f"before, {report.concurrency.changes_total} changes"
        )
    steady = report.steady
    if steady is not None and (steady.warmup_s or steady.to_s - steady.from_s >= STEADY_S_MIN):
        yield from _wrapped(
            f"steady state, {steady.from_s:.1f} to {steady.to_s:.1f} s: "
            f"{steady.transactions_per_s:,.0f} transactions/s, {steady.movements_per_s:,.0f} movements/s, "
            f"latency p50 {steady.latency_ms.p50:.1f} p99 {steady.latency_ms.p99:.1f} ms"
        )
    if report.open_loop is not None:
        slots = report.open_loop
        yield from _wrapped(
            f"open model at {slots.rate_per_s:,g}/s: {slots.offered:,} offered, {slots.sent:,} sent, "
            f"{slots.accepted:,} accepted, {slots.dropped:,} dropped; start delay p99 {slots.late_ms.p99:.1f} ms"
        )


def _drains(report: Report) -> Iterator[str]:
    """Describe the settlement lag of phases that had one."""
    for phase in report.throughput:
        if phase.drain_s is None or phase.movements_settled_per_s is None or phase.drain_s < DRAIN_S_MIN:
            continue
        if any(point.balances or point.transactions for point in phase.drain):
            yield from _wrapped(
                f"{phase.phase}: {phase.movements_accepted_per_s:,.0f} movements/s accepted, "
                f"{phase.movements_settled_per_s:,.0f} settled, drained in {phase.drain_s:.2f} s"
            )


def _phases(report: Report) -> Iterator[str]:
    yield _row("phase", "planned", "created", "existing", "failed", "skipped", "per s", "p50 ms", "p99 ms")
    for phase in report.phases:
        if not phase.planned:
            continue  # settlement and verification create nothing; they have lines of their own
        counts = (phase.planned, phase.created, phase.existing, phase.failed, phase.skipped)
        rate = f"{phase.rate_per_s:,.0f}" if phase.created and phase.busy_s else "-"
        p50, p99 = (f"{phase.latency_ms.p50:.1f}", f"{phase.latency_ms.p99:.1f}") if phase.requests else ("-", "-")
        yield _row(phase.name, *(f"{count:,}" for count in counts), rate, p50, p99)


def _row(name: str, *cells: str) -> str:
    """Format a row of the table of phases; a cell that is too wide moves the following ones to the right."""
    widths = (9, 9, 8, 7, 7, 7, 6, 6)
    return " ".join([f"{name:<13}", *(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))])


def _errors(report: Report) -> Iterator[str]:
    if not report.errors:
        yield "errors: none"
        return
    yield ""
    yield f"errors ({report.error_rate_percent:.2f} % of the items failed, budget {report.error_budget_percent:g} %)"
    for error in report.errors[:ROWS_MAX]:
        code = f" {error.code}" if error.code else ""
        ended = f", {error.final:,} items failed" if error.final else ", none of them final"
        yield from _wrapped(f"{error.error}{code} in {error.phase}: {error.count:,} attempts{ended}", "  ")
        yield from _wrapped(f"such as {error.example.key}: {error.example.message or error.example.answer}", "    ")
        yield from _wrapped(error.hint, "    ")
    yield from _more(len(report.errors), "kinds")


def _ledgers(report: Report) -> Iterator[str]:
    failed = [ledger for ledger in report.ledgers if ledger.state == "failed"]
    stopped = sum(ledger.state == "stopped" for ledger in report.ledgers)
    if failed or stopped:
        yield ""
    for ledger in failed[:ROWS_MAX]:
        yield from _wrapped(f"ledger {ledger.key} {ledger.name} failed: {ledger.reason}")
    yield from _more(len(failed), "failed ledgers")
    if stopped:
        yield f"{stopped} of {len(report.ledgers)} ledgers were stopped or not started"


def _verification(report: Report) -> Iterator[str]:
    proof = report.proof
    yield ""
    if proof is None:
        yield "verification: not run"
        return
    yield from _wrapped(
        f"verified: {proof.balances_checked:,} balances of {proof.ledgers} ledgers, {proof.counts_checked} counts, "
        f"{proof.transactions_read} transactions read back, {proof.elapsed_s:.1f} s",
    )
    if proof.transactions_unlisted:
        yield from _wrapped(_unlisted(proof), "       ")
    if proof.ok:
        yield "       every balance is the planned one, and every asset sums to zero"
        return
    if proof.ledgers < proof.ledgers_planned:
        yield f"       {proof.ledgers_planned - proof.ledgers} of {proof.ledgers_planned} ledgers were not verified"
    yield f"       {proof.differences_total:,} differences"
    shown = proof.differences[:ROWS_MAX]
    for (ledger, alias), rows in groupby(shown, key=lambda row: (row.ledger, row.alias)):
        yield f"  {ledger} {alias}".rstrip()
        for row in rows:
            yield from _wrapped(f"{row.what}: planned {row.expected}, on the server {row.actual}", "    ")
    yield from _more(proof.differences_total, "differences")
    if _only_records_are_missing(proof):
        yield from _wrapped(
            "every balance is the planned one, and only records are missing: if the server has crashed, it lists them "
            "within an hour, then `midaz-seed verify` finds them; otherwise they were not made",
            "       ",
        )


def _unlisted(proof: VerificationReport) -> str:
    count, crash = proof.transactions_unlisted, f" Signs of a crash: {proof.crash_seen}." if proof.crash_seen else ""
    what, them = ("1 transaction", "it") if count == 1 else (f"{count:,} transactions", "them")
    are = "is" if count == 1 else "are"
    return (
        f"{what} that the balances include {are} not in the server's list yet: after a crash it lists {them} within an "
        f"hour.{crash} `midaz-seed verify` checks {them} again"
    )


def _only_records_are_missing(proof: VerificationReport) -> bool:
    complete = proof.ledgers == proof.ledgers_planned and proof.differences_total == len(proof.differences) > 0
    return complete and all(_is_missing_record(row) for row in proof.differences)


def _is_missing_record(row: Difference) -> bool:
    """Whether a difference is a planned transaction that the server does not list."""
    if row.what == "transaction count":
        return int(row.actual) < int(row.expected)
    return row.what == "transaction" and row.actual == "absent"
