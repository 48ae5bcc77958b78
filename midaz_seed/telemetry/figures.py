"""Read what the metrics of a run are made of while it works. Requests cost nothing: only a reader does."""

from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from threading import Lock
from time import monotonic

from midaz_seed.clock import Clock
from midaz_seed.engine.context import RunContext
from midaz_seed.model.outcomes import ErrorClass
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.meter import PhaseMeter
from midaz_seed.reporting.outputs.metric_families import Buckets, Figures
from midaz_seed.reporting.outputs.prometheus import error_counts, ledger_counts
from midaz_seed.reporting.time_series import Timeline, Window

MAX_AGE_S = 1.0
"""Age up to which figures are given again, so that many readers together cost no more than one."""


class LiveFigures:
    """The figures of a run while it works, for readers in other threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._context: RunContext | None = None
        self._exit_code: int | None = None
        self._figures: Figures | None = None
        self._started_at_s = 0.0
        self._read_at_s = 0.0

    def begin(self, context: RunContext) -> None:
        """Read this run from now on."""
        self._started_at_s = context.clock.time() - context.elapsed_s
        self._context = context

    def end(self, exit_code: int) -> None:
        """Give the exit code too: the run has ended."""
        with self._lock:
            self._exit_code, self._figures = exit_code, None

    def current(self) -> Figures | None:
        """Return the figures, at most `MAX_AGE_S` old; None before the run begins."""
        with self._lock:
            now_s = monotonic()
            if self._context is not None and (self._figures is None or now_s - self._read_at_s > MAX_AGE_S):
                self._figures = figures_of(self._context, self._started_at_s, self._exit_code)
                self._read_at_s = now_s
            return self._figures


def figures_of(context: RunContext, started_at_s: float, exit_code: int | None) -> Figures:
    """Return the figures of a run at this time. It may be called in another thread than that of the run.

    With shards the counters of this process have the latencies and errors of a shard when it has ended; the time series
    has them before, with coarser latencies.

    Args:
        context: the run.
        started_at_s: its start (epoch).
        exit_code: that of the run, once it has ended.
    """
    meter, results, breaker = context.meter, context.results, context.sender.breaker
    used = {phase.value: counts for phase, counts in meter.phases.items() if counts.planned or counts.requests}
    verifications = list(results.verifications)
    found = len(results.absent) + len(results.not_refused)
    return Figures(
        info={
            "run_id": context.plan.run_id,
            "plan_digest": context.plan.digest,
            "version": version("midaz-seed"),
            "server_version": context.server.version if context.server else "",
            "scenario": context.settings.scenario.scenario,
        },
        phases=used,
        busy_s={name: _busy_s(counts, context.clock) for name, counts in used.items()},
        latency=_latencies(context, used),
        errors=error_counts(_count_errors(context)),
        ledgers=ledger_counts([ledger.status.value for ledger in context.state.ledgers]),
        started_at_s=started_at_s,
        elapsed_s=context.elapsed_s,
        in_flight=meter.in_flight,
        in_flight_max=_in_flight_max(context),
        breaker_is_open=not breaker.is_closed or _opened_in_a_shard(context.timeline),
        breaker_opened=breaker.opened_count,
        breaker_open_s=breaker.open_total_s,
        rate_limited=context.sender.throttle.rejected + results.rate_rejected,
        settled=len(results.settled),
        settlement_s=sum(settled.waited_s for settled in list(results.settled)),
        verified=len(verifications),
        differences=found + sum(len(each.differences) for each in verifications),
        loop_lag_s_p99=context.findings.loop_lag.percentile(99) / 1e6,
        exit_code=exit_code,
    )


def _busy_s(counts: PhaseMeter, clock: Clock) -> float:
    present_s = clock.monotonic() - counts.since_s if counts.active else 0.0
    return counts.busy_s + max(present_s, 0.0)


def _latencies(context: RunContext, used: Mapping[str, PhaseMeter]) -> dict[str, Buckets]:
    """Return the latencies by phase. Those of shards that have not ended are the coarse ones of the time series; they
    are never higher than the exact ones, so no count falls when a shard ends."""
    exact = {name: Buckets.of(counts.latency) for name, counts in used.items()}
    if not context.timeline.is_owner:
        return exact
    coarse: dict[str, Counter[int]] = {phase.value: Counter() for phase in Phase}
    for window in _windows(context.timeline):
        for phase, counts in list(window.phases.items()):
            coarse[phase.value].update(dict(counts.latency))
    return {name: found.at_least(Buckets.of_coarse(coarse[name])) for name, found in exact.items()}


def _count_errors(context: RunContext) -> dict[ErrorClass, int]:
    found: Counter[ErrorClass] = Counter()
    for group in context.tracker.groups():  # a list, which a new kind of error does not change meanwhile
        found[group.error] += group.count
    if context.timeline.is_owner:
        so_far: Counter[ErrorClass] = Counter()
        for window in _windows(context.timeline):
            so_far.update(dict(window.errors))
        found |= so_far  # the higher of both: the one has those of the shards that have ended, the other of all
    return found


def _windows(timeline: Timeline) -> Iterator[Window]:
    for series in (timeline.own, *timeline.shards):
        yield from list(series.windows)


def _opened_in_a_shard(timeline: Timeline) -> bool:
    """Return whether a shard's breaker was open in the last seconds."""
    return any(window.breaker_open_s > 0 for series in list(timeline.shards) for window in series.windows[-2:])


def _in_flight_max(context: RunContext) -> int:
    limit = context.settings.generation.limits.max_concurrency
    return context.pool.limit if limit == "auto" else limit
