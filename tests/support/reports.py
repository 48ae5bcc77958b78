"""Made-up reports: a run of an hour with 40 ledgers, and one with everything that can go wrong."""

import dataclasses
import math
import random
from typing import Any

from midaz_seed.errors import ExitCode
from midaz_seed.model.histogram import Histogram, coarse_bucket
from midaz_seed.model.outcomes import ErrorClass
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.report_figures import (
    ConcurrencyReport,
    DrainPoint,
    Latency,
    LatencyHistogram,
    PhaseReport,
    ProcessReport,
    SettlementReport,
    ThroughputReport,
    latency,
)
from midaz_seed.reporting.report_findings import (
    Difference,
    ErrorExample,
    ErrorReport,
    FailedItemReport,
    LedgerReport,
    VerificationReport,
)
from midaz_seed.reporting.time_series import PhaseWindow, TimeSeries, Window, as_report
from midaz_seed.settings.model import Settings

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\u202e\"'&{{7*7}}"
"""A text of a server that must appear on a page as it is."""


def made_up_report(windows: int = 3600, ledgers: int = 40, seed: int = 1, **changes: Any) -> Report:
    """Return the report of a run of `windows` seconds that went well, with changes."""
    chance = random.Random(seed)
    series, histograms = _series(chance, windows)
    movements = sum(window.phases[phase].movements for window in series.windows for phase in window.phases)
    rate = movements / windows
    made = Report(
        schema_version=1,
        version="0.1.0",
        run_id="s1c36e6169f",
        plan_digest="ab" * 32,
        seed=1,
        scenario="classic",
        preset="large",
        target="http://127.0.0.1:3002",
        server_version="v3.8.0",
        started_at="2026-07-01T12:00:00.000+00:00",
        elapsed_s=windows,
        settings=Settings.model_validate({"preset": "large"}).model_dump(mode="json", by_alias=True),
        phases=tuple(_phase(name, histogram, windows) for name, histogram in histograms.items()),
        movements=movements,
        transactions=movements,
        requests=sum(histogram.count for histogram in histograms.values()),
        requests_per_s=rate * 1.1,
        movements_per_s=rate,
        packing=None,
        concurrency=ConcurrencyReport(auto=False, in_flight=16, changes=(), changes_total=0),
        steady=None,
        open_loop=None,
        settlement=SettlementReport(ledgers, 2.5, 1.2 * ledgers, 9 * ledgers),
        throughput=tuple(_throughput(phase, movements // 2, windows) for phase in ("deposits", "transfers")),
        errors=(),
        failed_items=(),
        failed_items_total=0,
        ledgers=tuple(_ledger(number, movements // ledgers) for number in range(ledgers)),
        breaker_opened=0,
        breaker_open_s=0.0,
        rate_limit=None,
        proof=VerificationReport(True, ledgers, ledgers, 103 * ledgers, 5 * ledgers, 10 * ledgers, (), 0, 3.5),
        plan_done_percent=100.0,
        error_rate_percent=0.0,
        error_budget_percent=1.0,
        client_cpu_percent=61.0,
        loop_lag_ms_p99=2.2,
        rss_mb_max=143.2,
        processes=(ProcessReport(61.0, 2.2, 143.2),),
        exit_code=ExitCode.DONE,
        verdict="Done: every balance is the planned one.",
        next_step="",
        organizations=10,
        time_series=as_report(series),
        latency_histograms=tuple(_sparse(name, histogram) for name, histogram in histograms.items()),
    )
    return dataclasses.replace(made, **changes)


def failed_report(windows: int = 90) -> Report:
    """Return the report of a run with an outage, errors, failed items and differences; its texts are hostile."""
    good = made_up_report(windows, 12)
    outage = range(windows // 3, windows // 3 + 12)
    series = dataclasses.replace(
        good.time_series,
        breaker_open_s=tuple(1.0 if index in outage else 0.0 for index in range(windows)),
    )
    example = ErrorExample("o1.l1.t000017", "o1.l1", HOSTILE, f"POST /v1/x {HOSTILE}", f"500 {HOSTILE}")
    first, last = "2026-07-01T12:00:30.000+00:00", "2026-07-01T12:00:41.000+00:00"
    errors = (
        ErrorReport("server", "transfers", "transaction", "0046", 240, 12, first, last, "read its log", example),
        ErrorReport("timeout", "deposits", "transaction", "", 31, 0, first, last, "raise requestTimeoutS", example),
    )
    differences = tuple(
        Difference(f"o1.l{number % 2 + 1}", "available", f"@person-{number}", f"{number}00.00", "99.00")
        for number in range(30)
    )
    ledgers = (
        dataclasses.replace(good.ledgers[0], name=HOSTILE, verified=False, differences=30),
        dataclasses.replace(good.ledgers[1], state="failed", reason="none of its assets exists", verified=None),
        *good.ledgers[2:],
    )
    assert good.proof is not None
    proof = dataclasses.replace(good.proof, ok=False, differences=differences, differences_total=1234)
    return dataclasses.replace(
        good,
        time_series=series,
        errors=errors,
        error_rate_percent=1.5,
        failed_items=(FailedItemReport("o1.l1.t000017", "transfers", "server", "0046", HOSTILE),),
        failed_items_total=12,
        ledgers=ledgers,
        breaker_opened=1,
        breaker_open_s=12.0,
        proof=proof,
        plan_done_percent=98.6,
        exit_code=ExitCode.DIFFERENCES,
        verdict="Verification failed: 1,234 differences from the plan.",
        next_step="Fix the causes listed under errors. Continue with: midaz-seed run --resume s1c36e6169f",
    )


def _series(chance: random.Random, windows: int) -> tuple[TimeSeries, dict[Phase, Histogram]]:
    series, histograms = TimeSeries(), {}
    errors_at = range(windows // 3, windows // 3 + 12) if windows > 60 else range(0)
    for second in range(windows):
        share = second / windows
        names = [Phase.ACCOUNTS] if share < 0.08 else [Phase.DEPOSITS] if share < 0.2 else [Phase.TRANSFERS]
        names += [Phase.SETTLEMENT] if 0.18 < share < 0.24 else [Phase.VERIFY] if share > 0.96 else []
        window = Window(in_flight=chance.randint(12, 16), cpu_s=0.5 + 0.2 * chance.random())
        level = 15_000 + 6_000 * math.sin(share * 25)
        for name in names:
            count = 40 if name in (Phase.SETTLEMENT, Phase.VERIFY) else int(700 + 200 * math.sin(share * 40))
            counts = PhaseWindow(ledgers=4)
            for _ in range(30):
                value_us = int(chance.lognormvariate(math.log(level), 0.5))
                histograms.setdefault(name, Histogram()).record(value_us)
                bucket = coarse_bucket(value_us)
                counts.latency[bucket] = counts.latency.get(bucket, 0) + 1
            counts.requests = count
            if name not in (Phase.SETTLEMENT, Phase.VERIFY):
                counts.created = count
            if name in (Phase.DEPOSITS, Phase.TRANSFERS):
                counts.movements = count
            window.phases[name] = counts
        if second in errors_at:
            window.errors = {ErrorClass.SERVER: chance.randint(5, 30), ErrorClass.TIMEOUT: chance.randint(0, 9)}
        series.add(window, second)
    return series, histograms


def _sparse(name: Phase, histogram: Histogram) -> LatencyHistogram:
    return LatencyHistogram(name.value, histogram.total_us, histogram.max_us, histogram.sparse_counts())


def _phase(name: Phase, histogram: Histogram, windows: int) -> PhaseReport:
    planned = 0 if name in (Phase.SETTLEMENT, Phase.VERIFY) else histogram.count
    return PhaseReport(
        name=name.value,
        planned=planned,
        created=planned,
        existing=0,
        refused=0,
        failed=0,
        skipped=0,
        recovered=0,
        requests=histogram.count,
        retries=0,
        replayed=0,
        foreign_replays=0,
        abandoned=0,
        doubts_applied=0,
        doubts_not_applied=0,
        busy_s=windows / 2,
        rate_per_s=planned / windows * 2,
        latency_ms=latency(histogram) if histogram.count else Latency(0, 0, 0, 0, 0),
    )


def _throughput(phase: str, movements: int, windows: int) -> ThroughputReport:
    drain = tuple(DrainPoint(number * 0.11, max(120 - 9 * number, 0), 0) for number in range(16))
    rate = movements / windows * 2
    return ThroughputReport(
        phase,
        movements,
        movements,
        movements,
        windows / 2,
        windows / 2,
        rate,
        rate,
        rate * 0.98,
        drain[-1].since_s,
        drain,
    )


def _ledger(number: int, movements: int) -> LedgerReport:
    return LedgerReport(
        key=f"o{number // 4 + 1}.l{number % 4 + 1}",
        name=f"Ledger {number + 1}",
        organization_id=f"01a21b11-1a70-7b91-a000-{number:012x}",
        id=f"01a21b11-1a94-7b91-a000-{number:012x}",
        state="done",
        reason="",
        organization=f"Banco Ponte Celeste {number // 4 + 1} S.A.",
        accounts=100,
        transactions=movements,
        movements=movements,
        settled_s=0.4 + number / 20,
        verified=True,
        balances_checked=103,
        differences=0,
    )
