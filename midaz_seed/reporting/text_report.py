"""The report for people: what was created, how fast, and whether every balance is the planned one. 80 columns, no
colour."""

import textwrap
from collections.abc import Iterator
from itertools import groupby

from midaz_seed.reporting.report import Difference, Report, VerificationReport

ROWS_MAX = 20
"""Kinds of errors, failed ledgers and differences that are shown; --json and --report have them all."""
WIDTH = 80
STEADY_S_MIN = 5
"""A steady window that nobody asked for is worth a line when it is so long."""
DRAIN_S_MIN = 0.1
"""A drain that is shorter is not worth a line."""
CLIENT_IS_FULL_PERCENT = 90
"""Share of a core from which on the client, and not the server, sets the pace."""
LOOP_IS_LATE_MS = 50.0
"""From here on latencies hold a good part of the client's own lateness."""


def render_text(report: Report) -> str:
    """The report as text that ends with a newline."""
    return "\n".join(_lines(report)) + "\n"


def _wrapped(text: str, indent: str = "") -> Iterator[str]:
    """Text in lines that fit; what has no space stays in one piece, so that it can be copied."""
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
        yield from _wrapped("the client was the limit, not the server: --shards shares the work among processes", "  ")
    elif report.loop_lag_ms_p99 >= LOOP_IS_LATE_MS:
        yield from _wrapped(
            "the client had to wait for this machine's CPU, so latencies are higher than the server's: leave it more",
            "  ",
        )
    yield from _errors(report)
    yield from _ledgers(report)
    yield from _proof(report)
    yield ""
    yield from _wrapped(report.verdict)
    if report.next_step:
        yield from _wrapped(report.next_step)


def _load(report: Report) -> Iterator[str]:
    """How the load was, where it was more than a fixed number in flight."""
    if report.packing is not None:
        movements = "1 movement" if report.packing.size == 1 else f"{report.packing.size} movements"
        yield from _wrapped(
            f"packing: auto, {movements} in a transaction ({report.packing.reason}), "
            f"found in {report.packing.elapsed_s:.1f} s"
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
            f"steady from {steady.from_s:.1f} to {steady.to_s:.1f} s: {steady.transactions_per_s:,.0f} transactions/s, "
            f"{steady.movements_per_s:,.0f} movements/s, latency p50 {steady.latency_ms.p50:.1f} p99 "
            f"{steady.latency_ms.p99:.1f} ms"
        )
    if report.open_loop is not None:
        slots = report.open_loop
        yield from _wrapped(
            f"open loop at {slots.rate_per_s:,g}/s: {slots.offered:,} offered, {slots.sent:,} sent, "
            f"{slots.accepted:,} accepted, {slots.dropped:,} dropped; begun at most "
            f"{slots.late_ms.p99:.1f} ms late (p99)"
        )


def _drains(report: Report) -> Iterator[str]:
    """How far behind its answers the server was, where a look found it behind and it took a while."""
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
            continue  # settlement and proof create nothing; they have lines of their own
        counts = (phase.planned, phase.created, phase.existing, phase.failed, phase.skipped)
        rate = f"{phase.rate_per_s:,.0f}" if phase.created and phase.busy_s else "-"
        p50, p99 = (f"{phase.latency_ms.p50:.1f}", f"{phase.latency_ms.p99:.1f}") if phase.requests else ("-", "-")
        yield _row(phase.name, *(f"{count:,}" for count in counts), rate, p50, p99)


def _row(name: str, *cells: str) -> str:
    """A line of the table of phases; cells that are too wide push the others, but never touch them."""
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
        yield f"{stopped} of {len(report.ledgers)} ledgers were stopped, or not begun"


def _proof(report: Report) -> Iterator[str]:
    proof = report.proof
    yield ""
    if proof is None:
        yield "proof: not made"
        return
    yield from _wrapped(
        f"proof: {proof.balances_checked:,} balances of {proof.ledgers} ledgers, {proof.counts_checked} counts, "
        f"{proof.transactions_read} transactions read back, {proof.elapsed_s:.1f} s",
    )
    if proof.transactions_unlisted:
        yield from _wrapped(_unlisted(proof), "       ")
    if proof.ok:
        yield "       every balance is the planned one, and every asset sums to zero"
        return
    if proof.ledgers < proof.ledgers_planned:
        yield f"       {proof.ledgers_planned - proof.ledgers} of {proof.ledgers_planned} ledgers were not proved"
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
            "within an hour, and `midaz-seed verify` finds them then; otherwise they were not made",
            "       ",
        )


def _unlisted(proof: VerificationReport) -> str:
    count, crash = proof.transactions_unlisted, f" What was seen: {proof.crash_seen}." if proof.crash_seen else ""
    what, them = ("1 transaction", "it") if count == 1 else (f"{count:,} transactions", "them")
    are = "is" if count == 1 else "are"
    return (
        f"{what} that the balances hold {are} not in the server's list yet: after a crash it lists {them} within an "
        f"hour.{crash} `midaz-seed verify` looks for {them} again"
    )


def _only_records_are_missing(proof: VerificationReport) -> bool:
    complete = proof.ledgers == proof.ledgers_planned and proof.differences_total == len(proof.differences) > 0
    return complete and all(_is_missing_record(row) for row in proof.differences)


def _is_missing_record(row: Difference) -> bool:
    """A planned transaction that the server does not list."""
    if row.what == "transaction count":
        return int(row.actual) < int(row.expected)
    return row.what == "transaction" and row.actual == "absent"
