"""The metrics of a run, once for all that publish them: the Prometheus endpoint, `metrics.prom` and OpenTelemetry.

Names, base units and types follow https://prometheus.io/docs/practices/naming/.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from midaz_seed.model.histogram import Histogram, coarse_bucket_max_us
from midaz_seed.plan.items import MONEY

PREFIX = "midaz_seed_"
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper limits of the buckets of latencies: from a server on the same machine to the default timeout."""
_BUCKETS_US = tuple(round(limit_s * 1e6) for limit_s in BUCKETS_S)


class Kind(StrEnum):
    """The type of a metric, as Prometheus names it."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Buckets:
    """The latencies of a phase: cumulative counts for `BUCKETS_S`, then the count and the sum of all."""

    counts: tuple[int, ...]
    count: int
    sum_s: float

    @classmethod
    def of(cls, latency: Histogram) -> "Buckets":
        """Return the buckets of a histogram that may change meanwhile."""
        count, sum_s = latency.count, latency.total_us / 1e6
        counts = latency.cumulative(_BUCKETS_US)
        return cls(tuple(counts), max(count, counts[-1]), sum_s)

    @classmethod
    def of_coarse(cls, counts: Mapping[int, int]) -> "Buckets":
        """Return the buckets of coarse ones (`model.histogram.coarse_bucket`): at most those of the exact latencies.

        A coarse bucket is counted where its highest value belongs, and summed with its lowest one.
        """
        highest_us = {bucket: coarse_bucket_max_us(bucket) for bucket in counts}
        return cls(
            tuple(sum(counts[each] for each in counts if highest_us[each] <= limit_us) for limit_us in _BUCKETS_US),
            sum(counts.values()),
            sum(counts[each] * (coarse_bucket_max_us(each - 1) + 1 if each else 0) for each in counts) / 1e6,
        )

    def at_least(self, other: "Buckets") -> "Buckets":
        """Return the higher counts of both."""
        counts = tuple(map(max, self.counts, other.counts))
        return Buckets(counts, max(self.count, other.count), max(self.sum_s, other.sum_s))


class PhaseCounts(Protocol):
    """The counts of a phase, as the meter of a run and its report have them."""

    @property
    def planned(self) -> int: ...
    @property
    def created(self) -> int: ...
    @property
    def existing(self) -> int: ...
    @property
    def refused(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def skipped(self) -> int: ...
    @property
    def recovered(self) -> int: ...
    @property
    def movements(self) -> int: ...
    @property
    def requests(self) -> int: ...
    @property
    def retries(self) -> int: ...
    @property
    def replayed(self) -> int: ...
    @property
    def foreign_replays(self) -> int: ...
    @property
    def abandoned(self) -> int: ...
    @property
    def doubts_applied(self) -> int: ...
    @property
    def doubts_not_applied(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Everything that the metrics are made of, at one time. None: not known, so the metric is left out."""

    info: Mapping[str, str]
    """The labels of `midaz_seed_info`."""
    phases: Mapping[str, PhaseCounts]
    busy_s: Mapping[str, float]
    """Phase -> seconds in which at least one ledger was in it."""
    latency: Mapping[str, Buckets]
    """Phase -> latencies."""
    errors: Mapping[str, int]
    """Error class -> failed attempts."""
    ledgers: Mapping[str, int]
    """State -> ledgers."""
    started_at_s: float
    """Epoch seconds."""
    elapsed_s: float
    breaker_opened: int
    breaker_open_s: float
    rate_limited: int
    """Requests that a rate limit rejected."""
    settled: int
    """Ledgers whose deposits are settled."""
    settlement_s: float
    """Sum of their waits."""
    verified: int
    """Ledgers that were verified."""
    differences: int
    """Differences between server and plan."""
    loop_lag_s_p99: float
    in_flight: int | None = None
    in_flight_max: int | None = None
    breaker_is_open: bool | None = None
    exit_code: int | None = None
    """None while the run works."""


Value = float | Buckets
Sample = tuple[tuple[str, ...], Value]
"""The values of a family's labels, and the figure."""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric.

    Attributes:
        name: the name in Prometheus.
        kind: its type.
        labels: names of its labels.
        help: the meaning, as a sentence without a full stop.
        unit: the unit in OpenTelemetry (UCUM; what is counted stands in braces).
        read: returns its samples.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    unit: str
    read: Callable[[Figures], Iterable[Sample]]


def samples(figures: Figures) -> Iterator[tuple[Family, list[Sample]]]:
    """Give every metric that has a value, with its samples."""
    for family in FAMILIES:
        found = list(family.read(figures))
        if found:
            yield family, found


def _each_phase(read: Callable[[PhaseCounts], int]) -> Callable[[Figures], Iterable[Sample]]:
    return lambda figures: [((name,), read(phase)) for name, phase in figures.phases.items()]


def _each_planned(read: Callable[[PhaseCounts], int]) -> Callable[[Figures], Iterable[Sample]]:
    """Return a reader of the phases that have items."""
    return lambda figures: [((name,), read(phase)) for name, phase in figures.phases.items() if phase.planned]


def _movements(figures: Figures) -> Iterator[Sample]:
    return (((name,), phase.movements) for name, phase in figures.phases.items() if name in MONEY)


def _by(name: str) -> Callable[[Figures], Iterable[Sample]]:
    """Return a reader of a mapping whose key is the label."""
    return lambda figures: [((key,), value) for key, value in getattr(figures, name).items()]


def _one(name: str) -> Callable[[Figures], Iterable[Sample]]:
    """Return a reader of a figure without labels."""

    def read(figures: Figures) -> Iterable[Sample]:
        value = getattr(figures, name)
        return [] if value is None else [((), float(value) if isinstance(value, bool) else value)]

    return read


def _items(figures: Figures) -> Iterator[Sample]:
    for name, phase in figures.phases.items():
        if phase.planned:
            yield from (((name, outcome), getattr(phase, outcome)) for outcome in OUTCOMES)


def _doubts(figures: Figures) -> Iterator[Sample]:
    for name, phase in figures.phases.items():
        yield (name, "applied"), phase.doubts_applied
        yield (name, "not_applied"), phase.doubts_not_applied


def _done(phase: PhaseCounts) -> int:
    return phase.created + phase.existing + phase.refused + phase.failed + phase.skipped


OUTCOMES = ("created", "existing", "refused", "failed", "skipped")
INFO = ("run_id", "plan_digest", "version", "server_version", "scenario")
"""The labels of `midaz_seed_info`."""
_COUNTER, _GAUGE, _PHASE = Kind.COUNTER, Kind.GAUGE, ("phase",)


def _info(figures: Figures) -> Iterable[Sample]:
    return [(tuple(figures.info[name] for name in INFO), 1)]


def _family(
    name: str,
    kind: Kind,
    labels: tuple[str, ...],
    unit: str,
    about: str,
    read: Callable[[Figures], Iterable[Sample]],
) -> Family:
    return Family(PREFIX + name, kind, labels, about, unit, read)


FAMILIES = (
    _family("info", _GAUGE, INFO, "1", "The run; the value is always 1", _info),
    _family("start_time_seconds", _GAUGE, (), "s", "Start of the run since the epoch", _one("started_at_s")),
    _family("elapsed_seconds", _GAUGE, (), "s", "Time since the start of the run", _one("elapsed_s")),
    _family(
        "plan_items",
        _GAUGE,
        _PHASE,
        "{item}",
        "Items that are planned to be created",
        _each_planned(lambda p: p.planned),
    ),
    _family("done_items", _GAUGE, _PHASE, "{item}", "Items with a final outcome", _each_planned(_done)),
    _family("items_total", _COUNTER, ("phase", "outcome"), "{item}", "Items by their final outcome", _items),
    _family(
        "recovered_items_total",
        _COUNTER,
        _PHASE,
        "{item}",
        "Created items whose answer was lost",
        _each_planned(lambda p: p.recovered),
    ),
    _family(
        "movements_total",
        _COUNTER,
        _PHASE,
        "{movement}",
        "Movements in the created transactions",
        _movements,
    ),
    _family("requests_total", _COUNTER, _PHASE, "{request}", "Attempts sent", _each_phase(lambda p: p.requests)),
    _family(
        "retries_total", _COUNTER, _PHASE, "{request}", "Attempts after the first one", _each_phase(lambda p: p.retries)
    ),
    _family(
        "replays_total",
        _COUNTER,
        _PHASE,
        "{answer}",
        "Answers that repeat an earlier one to the same item",
        _each_phase(lambda p: p.replayed),
    ),
    _family(
        "foreign_replays_total",
        _COUNTER,
        _PHASE,
        "{answer}",
        "Answers with another item's transaction",
        _each_phase(lambda p: p.foreign_replays),
    ),
    _family(
        "abandoned_requests_total",
        _COUNTER,
        _PHASE,
        "{request}",
        "Writes that a stop left with an unknown outcome",
        _each_phase(lambda p: p.abandoned),
    ),
    _family(
        "doubts_total", _COUNTER, ("phase", "outcome"), "{item}", "Transactions in doubt that were decided", _doubts
    ),
    _family("errors_total", _COUNTER, ("class",), "{request}", "Failed attempts by error class", _by("errors")),
    _family(
        "rate_limited_requests_total",
        _COUNTER,
        (),
        "{request}",
        "Requests that a rate limit rejected",
        _one("rate_limited"),
    ),
    _family(
        "request_duration_seconds",
        Kind.HISTOGRAM,
        _PHASE,
        "s",
        "Time from sending a request to its complete answer",
        _by("latency"),
    ),
    _family(
        "phase_busy_seconds_total",
        _COUNTER,
        _PHASE,
        "s",
        "Time in which at least one ledger was in the phase",
        _by("busy_s"),
    ),
    _family("requests_in_flight", _GAUGE, (), "{request}", "Requests sent and not answered", _one("in_flight")),
    _family("requests_in_flight_max", _GAUGE, (), "{request}", "Maximum requests in flight now", _one("in_flight_max")),
    _family(
        "breaker_open", _GAUGE, (), "1", "1 while the circuit breaker is not closed, else 0", _one("breaker_is_open")
    ),
    _family(
        "breaker_opened_total",
        _COUNTER,
        (),
        "{opening}",
        "How often the circuit breaker opened",
        _one("breaker_opened"),
    ),
    _family(
        "breaker_not_closed_seconds_total",
        _COUNTER,
        (),
        "s",
        "Time in which the circuit breaker was not closed",
        _one("breaker_open_s"),
    ),
    _family("ledgers", _GAUGE, ("state",), "{ledger}", "Ledgers by state", _by("ledgers")),
    _family("settled_ledgers", _GAUGE, (), "{ledger}", "Ledgers whose deposits are settled", _one("settled")),
    _family(
        "settlement_wait_seconds_total",
        _COUNTER,
        (),
        "s",
        "Time that the ledgers waited for settlement",
        _one("settlement_s"),
    ),
    _family("verified_ledgers", _GAUGE, (), "{ledger}", "Ledgers that were verified", _one("verified")),
    _family(
        "differences",
        _GAUGE,
        (),
        "{difference}",
        "Differences between server and plan found so far",
        _one("differences"),
    ),
    _family(
        "event_loop_lag_p99_seconds",
        _GAUGE,
        (),
        "s",
        "Lag of the client's event loop (99th percentile); when it is high, the client is the limit",
        _one("loop_lag_s_p99"),
    ),
    _family("exit_code", _GAUGE, (), "1", "Exit code of the run, once it has ended", _one("exit_code")),
)
"""Every metric. Names that were published are never changed or removed."""
