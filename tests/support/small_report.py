"""Reports of runs that did not happen."""

import dataclasses
from typing import Any

from midaz_seed.errors import ExitCode
from midaz_seed.reporting.events import ConcurrencyChanged
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.report_figures import ConcurrencyReport, Latency, PhaseReport, ProcessReport, SettlementReport
from midaz_seed.reporting.report_findings import LedgerReport, VerificationReport

PROVED = VerificationReport(True, 4, 4, 412, 24, 40, (), 0, 0.3)


def phase(name: str, count: int = 400, **changes: Any) -> PhaseReport:
    made = PhaseReport(
        name=name,
        planned=count,
        created=count,
        existing=0,
        refused=0,
        failed=0,
        skipped=0,
        recovered=0,
        requests=count,
        retries=0,
        replayed=0,
        foreign_replays=0,
        abandoned=0,
        doubts_applied=0,
        doubts_not_applied=0,
        busy_s=2.0,
        rate_per_s=count / 2,
        latency_ms=Latency(1.25, 2.0, 3.5, 4.0, 9.0),
    )
    return dataclasses.replace(made, **changes)


def report(**changes: Any) -> Report:
    """A small run that went well, with changes."""
    made = Report(
        schema_version=1,
        version="0.1.0",
        run_id="s1c36e6169f",
        plan_digest="ab" * 32,
        seed=1,
        scenario="classic",
        preset="small",
        target="http://127.0.0.1:3002",
        server_version="v3.8.0",
        started_at="2026-07-01T12:00:00.000+00:00",
        elapsed_s=4.5,
        settings={"preset": "small"},
        phases=(phase("accounts"), phase("transfers", 7600)),
        movements=8000,
        transactions=8000,
        requests=8500,
        requests_per_s=1888.9,
        movements_per_s=4000.0,
        packing=None,
        concurrency=ConcurrencyReport(
            auto=True, in_flight=8, changes=(ConcurrencyChanged(0.0, 4, "the start"),), changes_total=1
        ),
        steady=None,
        open_loop=None,
        settlement=SettlementReport(4, 0.5, 1.0, 9),
        throughput=(),
        errors=(),
        failed_items=(),
        failed_items_total=0,
        ledgers=(LedgerReport("o1.l1", "Main", "id1", "id2", "done", ""),),
        breaker_opened=0,
        breaker_open_s=0.0,
        rate_limit=None,
        proof=PROVED,
        plan_done_percent=98.8,
        error_rate_percent=0.0,
        error_budget_percent=1.0,
        client_cpu_percent=38.4,
        loop_lag_ms_p99=2.2,
        rss_mb_max=43.2,
        processes=(ProcessReport(38.4, 1.0, 43.2),),
        exit_code=ExitCode.DONE,
        verdict="Done: every balance is the planned one.",
        next_step="",
    )
    return dataclasses.replace(made, **changes)
