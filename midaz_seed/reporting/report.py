"""The report of a run: for machines as JSON, for people as text (`text`)."""

import dataclasses
import errno
import os
from dataclasses import dataclass
from pathlib import Path

import orjson

from midaz_seed.errors import OutputError
from midaz_seed.files import temporary_path, write_atomically
from midaz_seed.model.histogram import Histogram
from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.batch_size import BatchSizeChoice
from midaz_seed.reporting.events import ConcurrencyChanged

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from sending a request to its complete answer."""

    p50: float
    p95: float
    p99: float
    p999: float
    max: float


@dataclass(frozen=True, slots=True)
class PhaseReport:
    """One phase over all ledgers. `planned` = created + existing + failed + skipped. `requests` are attempts,
    look-ups included."""

    name: str
    planned: int
    created: int
    existing: int
    failed: int
    skipped: int
    recovered: int
    requests: int
    retries: int
    replayed: int
    foreign_replays: int
    doubts_applied: int
    """Transactions whose answers were lost for good, and of which the balances said that they had been made."""
    doubts_not_applied: int
    """The same, of which the balances said that they had not been made; they were sent again."""
    busy_s: float
    """Seconds in which at least one ledger was in this phase."""
    rate_per_s: float
    """Created items per busy second; ledgers in other phases share the server meanwhile."""
    latency_ms: Latency


@dataclass(frozen=True, slots=True)
class SettlementReport:
    """The barrier: how many ledgers passed it, the longest wait, all waits together, and how often balances were
    read."""

    ledgers: int
    waited_s_max: float
    waited_s_total: float
    looks: int


@dataclass(frozen=True, slots=True)
class DrainPoint:
    """What was not settled yet, so long after the last answer of a ledger's phase, summed over the ledgers."""

    since_s: float
    balances: int
    """Accounts' balances that did not show yet what was accepted. For transfers those of external accounts too."""
    transactions: int
    """Transactions that the server did not list yet, deposits among them. Only the transfers' curve has them: the
    barrier looks at balances alone."""


@dataclass(frozen=True, slots=True)
class ThroughputReport:
    """A phase that moves money, accepted and settled apart. Accepted is what was answered with 201; settled is what the
    server's reads showed: a deposit at the barrier, in the balances; a transfer in the proof, in the balances and in
    the number of transactions. `midaz_seed.reporting.settled_throughput` says how ledgers and shards are put
    together."""

    phase: str
    """`deposits` or `transfers`."""
    transactions_accepted: int
    movements_accepted: int
    movements_settled: int
    """Of the accepted: those in ledgers that were seen settled. Less when a ledger failed, or nothing was proved."""
    sending_s: float
    """Seconds in which at least one ledger was between its first send and its last answer."""
    settling_s: float
    """Seconds in which at least one ledger was between its first send and the look that saw all of it settled."""
    transactions_accepted_per_s: float
    """201s per second of `sending_s`."""
    movements_accepted_per_s: float
    """Per second of `sending_s`."""
    movements_settled_per_s: float | None
    """Per second of `settling_s`, so never more than were accepted. None when nothing was seen settled."""
    drain_s: float | None
    """From a ledger's last answer to the look that saw it settled, of the ledger for which that was longest. It is as
    exact as the looks are close, and never less than one takes. None when nothing was seen settled."""
    drain: tuple[DrainPoint, ...]
    """The looks, at most 60, evenly thinned, the first and the last among them. Empty when nobody looked."""


@dataclass(frozen=True, slots=True)
class ConcurrencyReport:
    """Requests in flight at once, at most. With `auto`: what was held at the end (with shards: all of them together)
    and how it came to that, each process's changes in their order, at most 200 of `changes_total`."""

    auto: bool
    in_flight: int
    changes: tuple[ConcurrencyChanged, ...]
    changes_total: int


@dataclass(frozen=True, slots=True)
class SteadyReport:
    """Money moving at full load, without warm-up, ramp and the tail in which ledgers run out: seconds since the run
    began, and what was accepted between them. With shards: all of them together, each with its own window."""

    warmup_s: float
    """Time after the first movement that was asked to be left out."""
    from_s: float
    to_s: float
    transactions: int
    movements: int
    transactions_per_s: float
    movements_per_s: float
    latency_ms: Latency


@dataclass(frozen=True, slots=True)
class OpenLoopReport:
    """The schedule of an open loop: slots in which there was something to send (`offered` = sent + dropped), answers
    that did what was asked, and how much later than its slot a request began. A phase's latencies count from the
    slots."""

    rate_per_s: float
    offered: int
    sent: int
    accepted: int
    dropped: int
    late_ms: Latency


@dataclass(frozen=True, slots=True)
class ErrorExample:
    """One failure of its kind, without secrets."""

    key: str
    parent: str
    message: str
    request: str
    answer: str


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """All failures of one kind: `count` attempts, of which `final` ended their item."""

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
    """An item that failed for good."""

    key: str
    phase: str
    error: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """One ledger. `state`: waiting, running, done, partial (as far as time allowed), failed or stopped."""

    key: str
    name: str
    organization_id: str
    id: str
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the server is not what the plan has. `ledger` is a ledger's key, `alias` an account's alias or an item's
    key."""

    ledger: str
    what: str
    alias: str
    expected: str
    actual: str


@dataclass(frozen=True, slots=True)
class LedgerVerification:
    """The proof of one ledger."""

    ledger: str
    name: str
    balances_checked: int
    counts_checked: int
    transactions_read: int
    differences: tuple[Difference, ...]
    elapsed_s: float
    transactions_unlisted: int = 0
    """Made, as the balances show, and not listed by the server yet."""
    crash_seen: str = ""
    """What showed that the server had crashed, where that excuses what is not listed."""

    @property
    def ok(self) -> bool:
        """Everything is as planned."""
        return not self.differences


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """The proof over all ledgers; `differences` holds at most 1,000 of `differences_total`."""

    ok: bool
    ledgers: int
    ledgers_planned: int
    balances_checked: int
    counts_checked: int
    transactions_read: int
    differences: tuple[Difference, ...]
    differences_total: int
    elapsed_s: float
    """The longest of the ledgers' proofs, which run side by side."""
    transactions_unlisted: int = 0
    """Made, as the balances show, and not listed by the server yet: after a crash a Midaz does so within an hour."""
    crash_seen: str = ""
    """What showed that the server had crashed, where that excuses what is not listed."""


@dataclass(frozen=True, slots=True)
class ProcessReport:
    """What a process of the client took."""

    cpu_percent: float
    """Of one core, over the time that it worked on the run."""
    loop_lag_ms_p99: float
    """How late its event loop came back, 99th percentile: answers waited that long to be seen."""
    rss_mb_max: float
    """Peak resident memory, in 10**6 bytes."""


@dataclass(frozen=True, slots=True)
class Report:
    """A run, or a proof without one."""

    schema_version: int
    version: str
    run_id: str
    plan_digest: str
    seed: int
    preset: str
    target: str
    server_version: str
    started_at: str
    elapsed_s: float
    settings: JsonObject
    phases: tuple[PhaseReport, ...]
    movements: int
    transactions: int
    requests: int
    requests_per_s: float
    movements_per_s: float
    packing: BatchSizeChoice | None
    """How many movements share a transaction and why, where that was to be found out."""
    concurrency: ConcurrencyReport
    steady: SteadyReport | None
    """None when the load was not steady for a second."""
    open_loop: OpenLoopReport | None
    """None in a closed loop."""
    settlement: SettlementReport
    throughput: tuple[ThroughputReport, ...]
    """Deposits and transfers, where something was accepted."""
    errors: tuple[ErrorReport, ...]
    failed_items: tuple[FailedItemReport, ...]
    failed_items_total: int
    ledgers: tuple[LedgerReport, ...]
    breaker_opened: int
    breaker_open_s: float
    proof: VerificationReport | None
    plan_done_percent: float
    """Items of the plan that exist. Below 100 when the run was ended early, by its duration for one, or items
    failed."""
    error_rate_percent: float
    error_budget_percent: float
    client_cpu_percent: float
    """Of the busiest process. Near 100 the client was the limit, not the server."""
    loop_lag_ms_p99: float
    """Of the process whose event loop was latest."""
    rss_mb_max: float
    """Of all processes of the run together."""
    processes: tuple[ProcessReport, ...]
    """The one that owns the run, then its shards."""
    exit_code: int
    verdict: str
    next_step: str

    def as_json(self) -> str:
        """The whole report as one JSON document."""
        return orjson.dumps(dataclasses.asdict(self), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def check_writable(path: Path) -> None:
    """Raise OutputError when a report could not be written here: better before a run than after it."""
    try:
        if path.exists() and not path.is_file():
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            return
        temporary_path(path).touch()
        temporary_path(path).unlink()
    except OSError as error:
        raise _unwritable(path, error) from error


def write_json(report: Report, path: Path) -> None:
    """Write the report so that a reader never sees half of it. Raises OutputError."""
    data = report.as_json().encode()
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)  # a pipe or a device, which a file cannot replace
        else:
            write_atomically(path, data, durable=False)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"the report cannot be written: {error.strerror or error}",
        where=str(path),
        hint="check the folder, its permissions and the space on the disk; --json prints the report on stdout",
    )


def latency(histogram: Histogram) -> Latency:
    """A histogram's percentiles in milliseconds."""
    return Latency(
        p50=histogram.percentile(50) / 1000,
        p95=histogram.percentile(95) / 1000,
        p99=histogram.percentile(99) / 1000,
        p999=histogram.percentile(99.9) / 1000,
        max=histogram.max_us / 1000,
    )
