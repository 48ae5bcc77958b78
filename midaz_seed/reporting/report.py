"""The report of a run and its JSON form; `text_report` renders it as text."""

import dataclasses
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache

import orjson
from pydantic import JsonValue, TypeAdapter

from midaz_seed.errors import AS_PLANNED, ExitCode, SeedError
from midaz_seed.model.histogram import Histogram
from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.batch_size import BatchSizeChoice
from midaz_seed.reporting.ending import EndingDocument
from midaz_seed.reporting.events import ConcurrencyChanged
from midaz_seed.reporting.time_series import TimeSeriesReport
from midaz_seed.wording import printable_json

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles of the time from sending a request to its complete answer, in milliseconds."""

    p50: float
    p95: float
    p99: float
    p999: float
    max: float


@dataclass(frozen=True, slots=True)
class PhaseReport:
    """One phase over all ledgers. `planned` = created + existing + refused + failed + skipped. `requests` counts
    attempts and look-ups. Of `reads` nothing is planned, and `created` counts answers."""

    name: str
    planned: int
    created: int
    existing: int
    refused: int
    """Refused with the planned code: transactions that the server must refuse."""
    failed: int
    skipped: int
    recovered: int
    requests: int
    retries: int
    replayed: int
    foreign_replays: int
    abandoned: int
    """Requests with an unknown outcome that a stop cut off or left without another attempt; the next session decides
    them."""
    doubts_applied: int
    """Transactions without an answer that had been made, according to the balances."""
    doubts_not_applied: int
    """Transactions without an answer that had not been made, according to the balances; they were sent again."""
    busy_s: float
    """Seconds in which at least one ledger was in this phase."""
    rate_per_s: float
    """Created items per busy second; ledgers in other phases use the server at the same time."""
    latency_ms: Latency
    movements: int = 0
    """Movements in the created transactions."""


@dataclass(frozen=True, slots=True)
class SettlementReport:
    """The barrier: ledgers that passed it, the longest wait, the sum of all waits, and the reads of balances
    (`looks`)."""

    ledgers: int
    waited_s_max: float
    waited_s_total: float
    looks: int


@dataclass(frozen=True, slots=True)
class DrainPoint:
    """What was not settled `since_s` seconds after a ledger's last answer in a phase, summed over the ledgers."""

    since_s: float
    balances: int
    """Account balances that did not show all accepted movements; for transfers external accounts are included."""
    transactions: int
    """Transactions, deposits included, that the server did not list. Always 0 for deposits: the barrier only reads
    balances."""


@dataclass(frozen=True, slots=True)
class ThroughputReport:
    """Accepted and settled throughput of a phase that moves money.

    Accepted transactions were answered with 201. Settled ones are visible in reads: deposits in the balances at the
    barrier; transfers in the balances and in the number of transactions at the verification.
    `midaz_seed.reporting.settled_throughput` defines how ledgers and shards are combined.
    """

    phase: str
    """`deposits` or `transfers`."""
    transactions_accepted: int
    movements_accepted: int
    movements_settled: int
    """Accepted movements of the ledgers that were observed settled."""
    sending_s: float
    """Seconds in which at least one ledger was between its first send and its last answer."""
    settling_s: float
    """Seconds in which at least one ledger was between its first send and the read that showed it settled."""
    transactions_accepted_per_s: float
    """Accepted transactions per second of `sending_s`."""
    movements_accepted_per_s: float
    """Accepted movements per second of `sending_s`."""
    movements_settled_per_s: float | None
    """Settled movements per second of `settling_s`. None when no ledger was observed settled."""
    drain_s: float | None
    """Longest time, over the ledgers, from a ledger's last answer to the read that showed it settled. Its resolution is
    the interval between reads. None when no ledger was observed settled."""
    drain: tuple[DrainPoint, ...]
    """The reads, evenly thinned to at most 60, with the first and the last. Empty without reads."""


@dataclass(frozen=True, slots=True)
class ConcurrencyReport:
    """Maximum requests in flight. With `auto`: the number at the end (with shards: the sum) and its changes, those of
    each process in order, at most 200 of `changes_total`."""

    auto: bool
    in_flight: int
    changes: tuple[ConcurrencyChanged, ...]
    changes_total: int


@dataclass(frozen=True, slots=True)
class SteadyReport:
    """The steady state: what was accepted at full load, without warm-up, ramp-up and the tail in which ledgers finish.

    Times are seconds since the start of the run. With shards: the sum over their own steady states, whose times are
    seconds since the start of the shard.
    """

    warmup_s: float
    """The configured warm-up, in seconds."""
    from_s: float
    to_s: float
    transactions: int
    movements: int
    transactions_per_s: float
    movements_per_s: float
    latency_ms: Latency


@dataclass(frozen=True, slots=True)
class OpenLoopReport:
    """The schedule of the open model.

    `offered` = sent + dropped: slots in which there was something to send. `accepted`: successful answers. `late_ms`:
    the delay between a slot and the start of its request. The phases' latencies are measured from the slots.
    """

    rate_per_s: float
    offered: int
    sent: int
    accepted: int
    dropped: int
    late_ms: Latency


@dataclass(frozen=True, slots=True)
class ReadKindReport:
    """Reads of one kind beside the writes."""

    name: str
    """`balance`, `statement`, `transaction` or `list`."""
    answers: int
    failed: int
    """Without an answer, or with an error. They are not sent again."""
    wrong: int
    """Answers that contradict the plan; `proof.differences` has the first ones."""
    latency_ms: Latency
    """Of the answers. Merged from slices: that of the slice with the highest p99."""


@dataclass(frozen=True, slots=True)
class ReadsReport:
    """Reads beside the writes, in an open model of their own. `offered` = sent + dropped."""

    rate_per_s: float
    offered: int
    sent: int
    dropped: int
    """Slots that were not used, because too many reads were in flight."""
    late_ms: Latency
    """The delay between a slot and the start of its read."""
    kinds: tuple[ReadKindReport, ...]


@dataclass(frozen=True, slots=True)
class RateLimitReport:
    """The rate limit of the server, or of a gateway before it, as the client met it. The client slowed down to it."""

    rejected: int
    """Requests that were rejected because of their number (429, or 503 of a gateway); each was sent again."""
    found_per_s: float
    """Requests per second that were accepted while others were rejected, over all shards."""


@dataclass(frozen=True, slots=True)
class ErrorExample:
    """An example of a failure, with secrets masked."""

    key: str
    parent: str
    message: str
    request: str
    answer: str


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """All failures with one class, phase, entity and code: `count` attempts, of which `final` made their item fail."""

    error: str
    phase: str
    entity: str
    code: str
    count: int
    final: int
    first_seen: str
    last_seen: str
    hint: str
    example: ErrorExample


@dataclass(frozen=True, slots=True)
class FailedItemReport:
    """An item that failed and will not be sent again."""

    key: str
    phase: str
    error: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """One ledger. `state`: waiting, running, done, partial (ended by the time limit), failed or stopped."""

    key: str
    name: str
    organization_id: str
    id: str
    state: str
    reason: str
    organization: str = ""
    """Legal name of its organization."""
    accounts: int = 0
    """Planned accounts."""
    transactions: int = 0
    """Transactions that this session made."""
    movements: int = 0
    """Movements in them."""
    settled_s: float | None = None
    """Seconds that it waited at the barrier; None when it did not pass it in this session."""
    verified: bool | None = None
    """Whether it was found as planned; None when it was not verified."""
    balances_checked: int = 0
    differences: int = 0


@dataclass(frozen=True, slots=True)
class LatencyHistogram:
    """All latencies of a phase, so that reports can be merged exactly (`model.histogram`, HDR layout)."""

    phase: str
    total_us: int
    """Sum of all latencies, in microseconds."""
    max_us: int
    counts: tuple[int, ...]
    """Bucket, answers, bucket, answers, ascending; empty buckets are left out.

    A value of v microseconds is in bucket v below 2048, else in (s << 10) + (v >> s) with s = bit length of v - 11.
    """


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between server and plan. `ledger` is a ledger's key, `alias` an account's alias or an item's key."""

    ledger: str
    what: str
    alias: str
    expected: str
    actual: str


@dataclass(frozen=True, slots=True)
class HistoryReport:
    """The verification of what movements with dates have left, of one ledger or of all."""

    days: tuple[str, ...] = ()
    """Dates at whose end every balance was compared (ISO 8601)."""
    accounts: int = 0
    """Accounts whose balances were compared at each of them, external ones included."""
    balances: int = 0
    """Balances compared, over all dates."""
    statements: int = 0
    """Accounts whose statement was compared, line by line."""
    lines: int = 0
    lines_out_of_step: int = 0
    """Lines whose balance is not the one after the line before. They are differences where one session made the ledger
    without a doubt; otherwise they are in days in which a session ended."""
    hot_lines_out_of_step: int = 0
    """The same in days in which the account had more lines than could be sent one after another, so that their order
    was not kept.
    """
    skipped: str = ""
    """Why something was not compared; "" when everything was."""


@dataclass(frozen=True, slots=True)
class LedgerVerification:
    """The verification of one ledger."""

    ledger: str
    name: str
    balances_checked: int
    counts_checked: int
    transactions_read: int
    differences: tuple[Difference, ...]
    elapsed_s: float
    transactions_unlisted: int = 0
    """Transactions that were made, according to the balances, but that the server does not list yet."""
    crash_seen: str = ""
    """Signs of a crash of the server, if they explain the unlisted transactions."""
    history: HistoryReport | None = None
    """None without dates."""

    @property
    def ok(self) -> bool:
        """Whether there are no differences."""
        return not self.differences


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """The verification of all ledgers; `differences` has at most 1,000 of `differences_total`."""

    ok: bool
    ledgers: int
    ledgers_planned: int
    balances_checked: int
    counts_checked: int
    transactions_read: int
    differences: tuple[Difference, ...]
    differences_total: int
    elapsed_s: float
    """Duration of the longest verification of a ledger; they run in parallel."""
    transactions_unlisted: int = 0
    """Transactions that were made, according to the balances, but that the server does not list yet. After a crash a
    Midaz lists them within an hour."""
    crash_seen: str = ""
    """Signs of a crash of the server, if they explain the unlisted transactions."""
    history: HistoryReport | None = None
    """None when no ledger has movements with dates."""


class ThresholdState(StrEnum):
    """What became of a threshold."""

    PASSED = "passed"
    """Its expression was false."""
    FAILED = "failed"
    """Its expression was true, or its measure had no value although the plan has what it measures."""
    NOT_APPLICABLE = "not applicable"
    """The plan has nothing that its measure could measure, such as settlement without deposits."""


@dataclass(frozen=True, slots=True)
class ThresholdReport:
    """A threshold of the run: an expression that makes the run fail when it is true (docs/thresholds.md)."""

    expression: str
    """As given, such as `transfers.latency_ms_p99 > 200`."""
    measure: str
    """Its name without the phase: `latency_ms_p99`."""
    phase: str
    """`transfers`, or `steady` or `open_loop`; "" for a measure of the whole run."""
    operator: str
    """One of `>`, `>=`, `<`, `<=`, `==`, `!=`."""
    limit: float
    """In the unit of the measure."""
    unit: str
    """`s`, `ms`, `%`, `/s`, `MB`, or "" for counts."""
    value: float | None
    """At the end of the run, in the same unit. None when there was none."""
    state: ThresholdState
    reason: str = ""
    """Why there was no value; "" with a value."""

    @property
    def passed(self) -> bool:
        """Whether it lets the run pass: it did not fail."""
        return self.state is not ThresholdState.FAILED


@dataclass(frozen=True, slots=True)
class ProcessReport:
    """Resources used by one process of the client."""

    cpu_percent: float
    """CPU usage in percent of one core, over the time of the run."""
    loop_lag_ms_p99: float
    """Event-loop lag (99th percentile): the delay with which answers are processed."""
    rss_mb_max: float
    """Peak resident memory, in 10**6 bytes."""


@dataclass(frozen=True, slots=True)
class EngineReport:
    """What carried out the slices of a run."""

    name: str
    """`dask`."""
    scheduler: str
    """Its address; "" for a cluster on the machine that the run was started on."""
    workers: int
    """At the start."""
    slices: int
    lost: int
    """Slices without a result. What they had made is kept, and the next session finds it."""
    restarts: int
    """How often a slice was started again, because its worker was lost."""
    shares_journals: bool
    """Whether the journals of all slices are in the directory of the runs. If not, a slice that is started again finds
    on the server what it had made."""


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
        options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        document = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        for name in ("time_series", "latency_histograms"):
            document[name] = orjson.Fragment(orjson.dumps(document[name]))
        return printable_json(orjson.dumps(document, option=options).decode())


@cache
def _adapter() -> TypeAdapter[Report]:
    """Return what reads and describes reports; most commands need neither, and it takes time to build."""
    return TypeAdapter(Report)


def report_schema() -> JsonObject:
    """Return the JSON Schema of what `--json` and `--report` leave: a report, or how the command ended without one."""
    schema = TypeAdapter(Report | EndingDocument).json_schema(mode="serialization")
    title = "Report of a run, or the document of a command that ended without one"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **schema}


def read_report(data: bytes) -> Report:
    """Read a report from its JSON.

    Raises:
        ValueError: it is none. Reports of earlier versions are read too.
    """
    report = _adapter().validate_json(data)
    if report.schema_version != SCHEMA_VERSION:
        raise ValueError(f"its schema_version is {report.schema_version}, and this version reads {SCHEMA_VERSION}")
    return report


def not_written(report: Report, error: SeedError) -> Report:
    """Return the report of a run whose result could not be written everywhere: its exit code is not 0, and not that of
    a threshold, which says that everything else is fine."""
    verdict = f"{report.verdict} The result was not written: {error}."
    exit_code = ExitCode.DIFFERENCES if report.exit_code in AS_PLANNED else report.exit_code
    return dataclasses.replace(report, exit_code=exit_code, verdict=verdict)


def latency(histogram: Histogram) -> Latency:
    """Return the percentiles of a histogram, in milliseconds."""
    return Latency(
        p50=histogram.percentile(50) / 1000,
        p95=histogram.percentile(95) / 1000,
        p99=histogram.percentile(99) / 1000,
        p999=histogram.percentile(99.9) / 1000,
        max=histogram.max_us / 1000,
    )
