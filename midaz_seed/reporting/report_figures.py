"""The figures of a report: latencies, phases, rates, load and processes."""

from dataclasses import dataclass

from midaz_seed.model.histogram import Histogram
from midaz_seed.reporting.events import ConcurrencyChanged


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
    """Maximum requests in flight. With `auto`: the number at the end and its changes, at most 200 of `changes_total`.

    With shards and with an engine they are those of the whole run. Where slices were merged that searched alone, it is
    the sum of their numbers, with the changes of each in order.
    """

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
    """Reads beside the writes: at a rate, or in proportion to them. `offered` = sent + dropped."""

    rate_per_s: float
    """0 where they are in proportion to the writes."""
    offered: int
    sent: int
    dropped: int
    """Reads that were not sent, because too many were in flight."""
    late_ms: Latency
    """With a rate: the delay between a slot and the start of its read."""
    kinds: tuple[ReadKindReport, ...]
    per_write: float = 0.0
    """Reads for each transaction of the transfers; 0 with a rate."""


@dataclass(frozen=True, slots=True)
class RateLimitReport:
    """The rate limit of the server, or of a gateway before it, as the client met it. The client slowed down to it."""

    rejected: int
    """Requests that were rejected because of their number (429, or 503 of a gateway); each was sent again."""
    found_per_s: float
    """Requests per second that were accepted while others were rejected, over all shards."""


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


def latency(histogram: Histogram) -> Latency:
    """Return the percentiles of a histogram, in milliseconds."""
    return Latency(
        p50=histogram.percentile(50) / 1000,
        p95=histogram.percentile(95) / 1000,
        p99=histogram.percentile(99) / 1000,
        p999=histogram.percentile(99.9) / 1000,
        max=histogram.max_us / 1000,
    )
