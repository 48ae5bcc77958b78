"""Merge the reports of the slices of one run: counts add up, and percentiles come from the merged histograms."""

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from midaz_seed.errors import ExitCode, RunError
from midaz_seed.model.histogram import Histogram
from midaz_seed.model.thresholds import parse_threshold
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.report_figures import (
    ConcurrencyReport,
    Latency,
    LatencyHistogram,
    OpenLoopReport,
    PhaseReport,
    RateLimitReport,
    ReadKindReport,
    ReadsReport,
    SettlementReport,
    SteadyReport,
    ThroughputReport,
    latency,
)
from midaz_seed.reporting.report_findings import ErrorReport, HistoryReport, LedgerReport, VerificationReport
from midaz_seed.reporting.thresholds import apply_thresholds, without_thresholds
from midaz_seed.reporting.time_series import TimeSeries, Window, as_report, from_report

DIFFERENCES_MAX = 1000


def merge_reports(reports: Sequence[Report]) -> Report:
    """Return the report of a run of which these are the slices.

    Times begin with the first slice. `elapsed_s` is from there to the end of the last one; throughput is what all have
    made in the time in which at least one was busy, as far as their reports show it (a whole second, see
    `time_series`). Thresholds are those of the slices, evaluated with the merged figures.

    Args:
        reports: one for each slice, in any order.

    Raises:
        RunError: they are of different plans or servers.
    """
    thresholds = [parse_threshold(each.expression) for each in reports[0].thresholds]
    reports = [without_thresholds(report) for report in reports]
    first = min(reports, key=lambda report: report.started_at)
    _check_same(reports, first)
    starts_s = [_offset_s(first, report) for report in reports]
    series = _series(reports, starts_s)
    histograms = _histograms(reports)
    phases = _phases(reports, series, histograms)
    movements = sum(report.movements for report in reports)
    money_s = _busy_s(series, (Phase.DEPOSITS, Phase.TRANSFERS, Phase.FOLLOW_UPS))
    elapsed_s = max(start_s + report.elapsed_s for start_s, report in zip(starts_s, reports, strict=True))
    planned = sum(phase.planned for phase in phases)
    failed = sum(phase.failed for phase in phases)
    done = sum(phase.created + phase.existing + phase.refused for phase in phases if phase.planned)
    code, verdict, next_step = _verdict(reports)
    requests = sum(report.requests for report in reports)
    merged = dataclasses.replace(
        first,
        elapsed_s=elapsed_s,
        phases=phases,
        movements=movements,
        transactions=sum(report.transactions for report in reports),
        requests=requests,
        requests_per_s=requests / elapsed_s if elapsed_s else 0.0,
        movements_per_s=movements / money_s if money_s else 0.0,
        concurrency=_concurrency(reports),
        steady=_steady(reports, starts_s, histograms),
        open_loop=_open_loop(reports),
        reads=_reads(reports),
        settlement=SettlementReport(
            sum(report.settlement.ledgers for report in reports),
            max(report.settlement.waited_s_max for report in reports),
            sum(report.settlement.waited_s_total for report in reports),
            sum(report.settlement.looks for report in reports),
        ),
        throughput=_throughput(reports, series),
        errors=_errors(reports),
        failed_items=tuple(item for report in reports for item in report.failed_items)[:100],
        failed_items_total=sum(report.failed_items_total for report in reports),
        ledgers=tuple(
            sorted((ledger for report in reports for ledger in report.ledgers), key=lambda row: _order(row.key))
        ),
        breaker_opened=sum(report.breaker_opened for report in reports),
        breaker_open_s=max(report.breaker_open_s for report in reports),
        rate_limit=_rate_limit(reports),
        proof=_proof(reports),
        plan_done_percent=100 * done / planned if planned else 100.0,
        error_rate_percent=100 * failed / max(planned, 1),
        client_cpu_percent=max(report.client_cpu_percent for report in reports),
        loop_lag_ms_p99=max(report.loop_lag_ms_p99 for report in reports),
        rss_mb_max=sum(report.rss_mb_max for report in reports),
        processes=tuple(process for report in reports for process in report.processes),
        exit_code=code,
        verdict=verdict,
        next_step=next_step,
        time_series=as_report(series),
        latency_histograms=tuple(
            LatencyHistogram(phase, found.total_us, found.max_us, found.sparse_counts())
            for phase, found in histograms.items()
        ),
    )
    return apply_thresholds(merged, thresholds)


def _check_same(reports: Sequence[Report], first: Report) -> None:
    for report in reports:
        for name, ours, theirs in (
            ("plan", first.plan_digest[:12], report.plan_digest[:12]),
            ("run", first.run_id, report.run_id),
            ("server", first.target, report.target),
        ):
            if ours != theirs:
                raise RunError(
                    f"the slices are not of one {name}: {ours} and {theirs}",
                    hint="merge the slices of one run; `midaz-seed runs list` shows them",
                )


def _offset_s(first: Report, report: Report) -> float:
    earlier, later = (datetime.fromisoformat(each.started_at) for each in (first, report))
    return (later - earlier) / timedelta(seconds=1)


def _ledgers(reports: Sequence[Report]) -> tuple[LedgerReport, ...]:
    return tuple(sorted((ledger for report in reports for ledger in report.ledgers), key=lambda row: _order(row.key)))


def _order(key: str) -> tuple[tuple[str, int], ...]:
    """Return what sorts `o1.l2` before `o1.l10`."""
    parts = key.split(".")
    return tuple((part.rstrip("0123456789"), int(part.lstrip("abcdefghijklmnopqrstuvwxyz") or 0)) for part in parts)


def _series(reports: Sequence[Report], starts_s: Sequence[float]) -> TimeSeries:
    """Return the sum of the series, each moved by the time at which its slice began, to a whole window."""
    whole = TimeSeries()
    for report, start_s in zip(reports, starts_s, strict=True):
        series = from_report(report.time_series)
        moved = [Window() for _ in range(round(start_s / series.interval_s))]
        whole.merge(TimeSeries(series.interval_s, [*moved, *series.windows]))
    return whole


def _histograms(reports: Sequence[Report]) -> dict[str, Histogram]:
    merged: dict[str, Histogram] = {}
    for report in reports:
        for each in report.latency_histograms:
            found = Histogram.from_sparse_counts(each.counts, total_us=each.total_us, max_us=each.max_us)
            merged.setdefault(each.phase, Histogram()).merge(found)
    return {phase: merged[phase] for phase in Phase if phase in merged}


def _busy_s(series: TimeSeries, phases: Iterable[str]) -> float:
    """Return the time in which something was made in one of the phases, in whole windows."""
    wanted = set(phases)
    busy = [
        window
        for window in series.windows
        if any(phase in wanted and (found.created or found.ledgers) for phase, found in window.phases.items())
    ]
    return len(busy) * series.interval_s


def _together_s(series: TimeSeries, phase: str, each_s: Sequence[float]) -> float:
    """Return the time in which at least one slice was busy, given the times of each: the longest when they were busy
    at the same time, the sum when they were so one after another, in between what the series shows in whole windows.
    """
    return max(*each_s, min(_busy_s(series, [phase]), sum(each_s)))


_COUNTS = (
    "planned",
    "created",
    "existing",
    "refused",
    "failed",
    "skipped",
    "recovered",
    "requests",
    "retries",
    "replayed",
    "foreign_replays",
    "abandoned",
    "doubts_applied",
    "doubts_not_applied",
)
"""The fields of a phase that add up."""


def _phases(reports: Sequence[Report], series: TimeSeries, histograms: dict[str, Histogram]) -> tuple[PhaseReport, ...]:
    found = []
    for phase in Phase:
        rows = [row for report in reports for row in report.phases if row.name == phase]
        if not rows:
            continue
        sums = {name: sum(getattr(row, name) for row in rows) for name in _COUNTS}
        if phase is Phase.ORGANIZATIONS:  # several slices have ledgers of the same one
            sums["planned"] = reports[0].organizations
            sums["existing"] = min(
                sums["existing"], max(reports[0].organizations - sums["created"] - sums["failed"], 0)
            )
        busy_s = max(_busy_s(series, [phase]) if len(rows) > 1 else 0.0, *(row.busy_s for row in rows), 0.0)
        found.append(
            PhaseReport(
                name=phase.value,
                **sums,
                busy_s=busy_s,
                rate_per_s=sums["created"] / busy_s if busy_s else 0.0,
                latency_ms=_latency(histograms.get(phase), rows),
            )
        )
    return tuple(found)


def _latency(histogram: Histogram | None, rows: Sequence[PhaseReport]) -> Latency:
    return latency(histogram) if histogram is not None else rows[0].latency_ms


def _concurrency(reports: Sequence[Report]) -> ConcurrencyReport:
    each = [report.concurrency for report in reports]
    return ConcurrencyReport(
        auto=any(found.auto for found in each),
        in_flight=sum(found.in_flight for found in each),
        changes=tuple(change for found in each for change in found.changes)[:200],
        changes_total=sum(found.changes_total for found in each),
    )


def _steady(
    reports: Sequence[Report], starts_s: Sequence[float], histograms: dict[str, Histogram]
) -> SteadyReport | None:
    """Return the sum of the steady states; their latencies are those of all transfers, which is nearly the same."""
    found = [(start_s, report.steady) for start_s, report in zip(starts_s, reports, strict=True) if report.steady]
    if not found:
        return None
    each = [steady for _, steady in found]
    transfers = histograms.get(Phase.TRANSFERS)
    return SteadyReport(
        warmup_s=each[0].warmup_s,
        from_s=min(start_s + steady.from_s for start_s, steady in found),
        to_s=max(start_s + steady.to_s for start_s, steady in found),
        transactions=sum(steady.transactions for steady in each),
        movements=sum(steady.movements for steady in each),
        transactions_per_s=sum(steady.transactions_per_s for steady in each),
        movements_per_s=sum(steady.movements_per_s for steady in each),
        latency_ms=latency(transfers) if transfers is not None else each[0].latency_ms,
    )


def _open_loop(reports: Sequence[Report]) -> OpenLoopReport | None:
    each = [report.open_loop for report in reports if report.open_loop is not None]
    if not each:
        return None
    worst = max(each, key=lambda found: found.late_ms.p99)
    return OpenLoopReport(
        rate_per_s=sum(found.rate_per_s for found in each),
        offered=sum(found.offered for found in each),
        sent=sum(found.sent for found in each),
        accepted=sum(found.accepted for found in each),
        dropped=sum(found.dropped for found in each),
        late_ms=worst.late_ms,
    )


def _reads(reports: Sequence[Report]) -> ReadsReport | None:
    each = [report.reads for report in reports if report.reads is not None]
    if not each:
        return None
    names = dict.fromkeys(kind.name for found in each for kind in found.kinds)
    return ReadsReport(
        rate_per_s=sum(found.rate_per_s for found in each),
        offered=sum(found.offered for found in each),
        sent=sum(found.sent for found in each),
        dropped=sum(found.dropped for found in each),
        late_ms=max((found.late_ms for found in each), key=lambda late: late.p99),
        kinds=tuple(_reads_of([kind for found in each for kind in found.kinds if kind.name == name]) for name in names),
        per_write=each[0].per_write,
    )


def _reads_of(kinds: Sequence[ReadKindReport]) -> ReadKindReport:
    return ReadKindReport(
        kinds[0].name,
        sum(kind.answers for kind in kinds),
        sum(kind.failed for kind in kinds),
        sum(kind.wrong for kind in kinds),
        max((kind.latency_ms for kind in kinds), key=lambda latency: latency.p99),
    )


def _rate_limit(reports: Sequence[Report]) -> RateLimitReport | None:
    each = [report.rate_limit for report in reports if report.rate_limit is not None]
    if not each:
        return None
    return RateLimitReport(sum(found.rejected for found in each), sum(found.found_per_s for found in each))


def _throughput(reports: Sequence[Report], series: TimeSeries) -> tuple[ThroughputReport, ...]:
    names = dict.fromkeys(found.phase for report in reports for found in report.throughput)
    merged = []
    for name in names:
        rows = [found for report in reports for found in report.throughput if found.phase == name]
        settled = [found for found in rows if found.movements_settled_per_s is not None]
        sending_s = _together_s(series, name, [row.sending_s for row in rows])
        settling_s = sending_s + max(row.settling_s - row.sending_s for row in rows)
        transactions, movements, seen = (
            sum(getattr(row, each) for row in rows)
            for each in ("transactions_accepted", "movements_accepted", "movements_settled")
        )
        merged.append(
            ThroughputReport(
                phase=name,
                transactions_accepted=transactions,
                movements_accepted=movements,
                movements_settled=seen,
                sending_s=sending_s,
                settling_s=settling_s,
                transactions_accepted_per_s=transactions / sending_s if sending_s else 0.0,
                movements_accepted_per_s=movements / sending_s if sending_s else 0.0,
                movements_settled_per_s=seen / settling_s if settled and settling_s else None,
                drain_s=max((row.drain_s for row in rows if row.drain_s is not None), default=None),
                drain=max(rows, key=lambda row: row.drain_s or 0.0).drain,
            )
        )
    return tuple(merged)


def _errors(reports: Sequence[Report]) -> tuple[ErrorReport, ...]:
    merged: dict[tuple[str, str, str, str], ErrorReport] = {}
    for error in (error for report in reports for error in report.errors):
        key = (error.error, error.phase, error.entity, error.code)
        before = merged.get(key)
        merged[key] = (
            error
            if before is None
            else dataclasses.replace(
                before,
                count=before.count + error.count,
                final=before.final + error.final,
                first_seen=min(before.first_seen, error.first_seen),
                last_seen=max(before.last_seen, error.last_seen),
            )
        )
    return tuple(sorted(merged.values(), key=lambda error: -error.count))


def _proof(reports: Sequence[Report]) -> VerificationReport | None:
    each = [report.proof for report in reports if report.proof is not None]
    if not each:
        return None
    differences = tuple(dict.fromkeys(row for found in each for row in found.differences))  # of organizations: the same
    total = sum(found.differences_total for found in each) - sum(len(found.differences) for found in each)
    return VerificationReport(
        ok=len(each) == len(reports) and all(found.ok for found in each),
        ledgers=sum(found.ledgers for found in each),
        ledgers_planned=sum(found.ledgers_planned for found in each),
        balances_checked=sum(found.balances_checked for found in each),
        counts_checked=sum(found.counts_checked for found in each),
        transactions_read=sum(found.transactions_read for found in each),
        differences=differences[:DIFFERENCES_MAX],
        differences_total=total + len(differences),
        elapsed_s=max(found.elapsed_s for found in each),
        transactions_unlisted=sum(found.transactions_unlisted for found in each),
        crash_seen=next((found.crash_seen for found in each if found.crash_seen), ""),
        history=merge_histories([found.history for found in each if found.history is not None]),
    )


def merge_histories(found: Sequence[HistoryReport]) -> HistoryReport | None:
    """Return what was compared of all histories; the dates are those of any of them. None without any."""
    if not found:
        return None
    return HistoryReport(
        days=tuple(sorted({day for each in found for day in each.days})),
        accounts=sum(each.accounts for each in found),
        balances=sum(each.balances for each in found),
        statements=sum(each.statements for each in found),
        lines=sum(each.lines for each in found),
        lines_out_of_step=sum(each.lines_out_of_step for each in found),
        hot_lines_out_of_step=sum(each.hot_lines_out_of_step for each in found),
        skipped="; ".join(sorted({each.skipped for each in found if each.skipped})),
    )


def _verdict(reports: Sequence[Report]) -> tuple[int, str, str]:
    """Return the exit code, verdict and next step of a slice that ended with an error, if there is one."""
    wrong = [report for report in reports if report.exit_code != ExitCode.DONE]
    if not wrong:
        unverified = next((report for report in reports if report.proof is None), None)
        return (ExitCode.DONE, *((unverified or reports[0]).verdict, (unverified or reports[0]).next_step))
    worst = wrong[0]
    return (
        worst.exit_code,
        f"{len(wrong)} of {len(reports)} slices ended with an error: {worst.verdict}",
        worst.next_step,
    )
