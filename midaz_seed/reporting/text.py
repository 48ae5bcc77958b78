"""The report for people: what was created, how fast, and whether every balance is the planned one. 80 columns, no
colour."""

from collections.abc import Iterator

from midaz_seed.reporting.report import Report

DIFFERENCES_SHOWN = 20
WIDTH = 80


def render_text(report: Report) -> str:
    """The report as text that ends with a newline."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"midaz-seed {report.version}  run {report.run_id}  seed {report.seed}  preset {report.preset}"
    yield f"target {report.target} (Midaz {report.server_version})  plan {report.plan_digest[:12]}"
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
    if report.settlement.ledgers:
        settled = report.settlement
        yield (
            f"settlement: {settled.ledgers} ledgers, longest wait {settled.waited_s_max:.2f} s, "
            f"balances read {settled.looks} times"
        )
    if report.breaker_opened:
        yield f"circuit breaker: opened {report.breaker_opened} times, {report.breaker_open_s:.1f} s in all"
    yield f"memory: {report.rss_mb_max:.0f} MB at most"
    yield from _errors(report)
    yield from _ledgers(report)
    yield from _proof(report)
    yield ""
    yield report.verdict


def _phases(report: Report) -> Iterator[str]:
    yield (
        f"{'phase':<13}{'planned':>10}{'created':>10}{'existing':>9}{'failed':>7}{'skipped':>8}"
        f"{'per s':>8}{'p50 ms':>7}{'p99 ms':>7}"
    )
    for phase in report.phases:
        if not phase.planned:
            continue  # settlement and proof create nothing; they have lines of their own
        rate = f"{phase.rate_per_s:,.0f}" if phase.created and phase.busy_s else "-"
        p50, p99 = (f"{phase.latency_ms.p50:.1f}", f"{phase.latency_ms.p99:.1f}") if phase.requests else ("-", "-")
        yield (
            f"{phase.name:<13}{phase.planned:>10,}{phase.created:>10,}{phase.existing:>9,}{phase.failed:>7,}"
            f"{phase.skipped:>8,}{rate:>8}{p50:>7}{p99:>7}"
        )


def _errors(report: Report) -> Iterator[str]:
    if not report.errors:
        yield "errors: none"
        return
    yield ""
    yield f"errors ({report.error_rate_percent:.2f} % of the items failed, budget {report.error_budget_percent:g} %)"
    for error in report.errors:
        code = f" {error.code}" if error.code else ""
        ended = f", {error.final:,} items failed" if error.final else ", none of them final"
        yield f"  {error.error}{code} in {error.phase}: {error.count:,} attempts{ended}"
        yield f"    such as {error.example.key}: {_short(error.example.message or error.example.answer)}"
        yield f"    {error.hint}"


def _ledgers(report: Report) -> Iterator[str]:
    failed = [ledger for ledger in report.ledgers if ledger.state == "failed"]
    stopped = sum(ledger.state == "stopped" for ledger in report.ledgers)
    if failed or stopped:
        yield ""
    for ledger in failed:
        yield f"ledger {ledger.key} {ledger.name} failed: {ledger.reason}"
    if stopped:
        yield f"{stopped} of {len(report.ledgers)} ledgers were stopped before their end"


def _proof(report: Report) -> Iterator[str]:
    proof = report.proof
    yield ""
    if proof is None:
        yield "proof: not made"
        return
    yield (
        f"proof: {proof.balances_checked:,} balances of {proof.ledgers} ledgers, {proof.counts_checked} counts, "
        f"{proof.transactions_read} transactions read back, {proof.elapsed_s:.1f} s"
    )
    if proof.ok:
        yield "       every balance is the planned one, and every asset sums to zero"
        return
    yield f"       {proof.differences_total:,} differences"
    yield f"  {'ledger':<8}{'what':<20}{'account or item':<24}{'planned':>12} {'on the server':>14}"
    for row in proof.differences[:DIFFERENCES_SHOWN]:
        yield f"  {row.ledger:<8}{row.what:<20}{row.alias:<24}{row.expected:>12} {row.actual:>14}"
    if proof.differences_total > DIFFERENCES_SHOWN:
        yield f"  and {proof.differences_total - DIFFERENCES_SHOWN:,} more: --json or --report has them"


def _short(text: str) -> str:
    return text if len(text) <= WIDTH else text[: WIDTH - 3] + "..."
