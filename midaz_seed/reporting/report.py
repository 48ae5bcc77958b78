"""The report of a run and its JSON form; `text_report` renders it as text."""

import dataclasses
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

import orjson
from pydantic import JsonValue, TypeAdapter

from midaz_seed.errors import AS_PLANNED, ExitCode, SeedError
from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.batch_size import BatchSizeChoice
from midaz_seed.reporting.ending import EndingDocument
from midaz_seed.reporting.report_check import check_histogram, check_numbers, check_time_series
from midaz_seed.reporting.report_figures import (
    ConcurrencyReport,
    EngineReport,
    LatencyHistogram,
    OpenLoopReport,
    PhaseReport,
    ProcessReport,
    RateLimitReport,
    ReadsReport,
    SettlementReport,
    SteadyReport,
    ThroughputReport,
)
from midaz_seed.reporting.report_findings import (
    ErrorReport,
    FailedItemReport,
    LedgerReport,
    ThresholdReport,
    VerificationReport,
)
from midaz_seed.reporting.time_series import TimeSeriesReport
from midaz_seed.wording import json_document

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Report:
    """The report of a run, or of a verification without a run."""

    schema_version: int
    version: str
    run_id: str
    plan_digest: str
    seed: int
    scenario: str
    """Its name."""
    preset: str
    """Empty where the scenario has counts of its own."""
    target: str
    server_version: str
    started_at: str
    elapsed_s: float
    settings: dict[str, JsonValue]
    phases: tuple[PhaseReport, ...]
    movements: int
    transactions: int
    requests: int
    requests_per_s: float
    movements_per_s: float
    packing: BatchSizeChoice | None
    """The choice of the batch size, with `transactionsPerBatch: auto`; otherwise None."""
    concurrency: ConcurrencyReport
    steady: SteadyReport | None
    """None when the steady state was shorter than a second."""
    open_loop: OpenLoopReport | None
    """None in the closed model."""
    settlement: SettlementReport
    throughput: tuple[ThroughputReport, ...]
    """Deposits and transfers, if any were accepted."""
    errors: tuple[ErrorReport, ...]
    failed_items: tuple[FailedItemReport, ...]
    failed_items_total: int
    ledgers: tuple[LedgerReport, ...]
    breaker_opened: int
    breaker_open_s: float
    rate_limit: RateLimitReport | None
    """None when no request was rejected because of the rate."""
    proof: VerificationReport | None
    plan_done_percent: float
    """Percentage of the plan's items that exist. Below 100 when the run ended early or items failed."""
    error_rate_percent: float
    error_budget_percent: float
    client_cpu_percent: float
    """CPU usage of the busiest process. Near 100 the client limited the throughput, not the server."""
    loop_lag_ms_p99: float
    """Event-loop lag of the process with the highest."""
    rss_mb_max: float
    """Sum over the processes of the run."""
    processes: tuple[ProcessReport, ...]
    """The process that owns the run, then its shards."""
    exit_code: int
    verdict: str
    next_step: str
    organizations: int = 0
    """Planned organizations."""
    time_series: TimeSeriesReport = field(default_factory=TimeSeriesReport)
    latency_histograms: tuple[LatencyHistogram, ...] = ()
    engine: EngineReport | None = None
    """None when this process carried out the run."""
    thresholds: tuple[ThresholdReport, ...] = ()
    """The thresholds of the run, in the order in which they were given."""
    reads: ReadsReport | None = None
    """None without reads beside the writes."""

    def as_json(self) -> str:
        """Return the report as one JSON document. Its long rows of numbers have one line each."""
        document = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        for name in ("time_series", "latency_histograms"):
            document[name] = orjson.Fragment(orjson.dumps(document[name]))
        return json_document(document)


@cache
def _adapter() -> TypeAdapter[Report]:
    """Return what reads and describes reports; most commands need neither, and it takes time to build."""
    return TypeAdapter(Report)


def report_schema() -> JsonObject:
    """Return the JSON Schema of what `--json` and `--report` leave: a report, or how the command ended without one."""
    from midaz_seed.reporting.json_schema import document_schema

    title = "Report of a run, or the document of a command that ended without one"
    return document_schema(Report | EndingDocument, title)


def read_report(data: bytes) -> Report:
    """Read a report from its JSON.

    Raises:
        ValueError: it is none. Reports of earlier versions are read too.
    """
    report = _adapter().validate_json(data)
    if report.schema_version != SCHEMA_VERSION:
        raise ValueError(f"its schema_version is {report.schema_version}, and this version reads {SCHEMA_VERSION}")
    datetime.fromisoformat(report.started_at)
    check_numbers(orjson.loads(data))
    check_time_series(report.time_series)
    for latencies in report.latency_histograms:
        check_histogram(latencies.counts)
    return report


def not_written(report: Report, error: SeedError) -> Report:
    """Return the report of a run whose result could not be written everywhere: its exit code is not 0, and not that of
    a threshold, which says that everything else is fine."""
    verdict = f"{report.verdict} The result was not written: {error}."
    exit_code = ExitCode.DIFFERENCES if report.exit_code in AS_PLANNED else report.exit_code
    return dataclasses.replace(report, exit_code=exit_code, verdict=verdict)
