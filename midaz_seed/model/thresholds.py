"""Thresholds: expressions that make a run fail when they are true, such as `transfers.latency_ms_p99 > 200`. Pure.

The measures are those of the report; `midaz_seed.reporting.thresholds` computes their values.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from midaz_seed.wording import nearest

PHASES = (
    "organizations",
    "ledgers",
    "assets",
    "asset_rates",
    "account_types",
    "operation_routes",
    "transaction_routes",
    "ledger_settings",
    "holders",
    "portfolios",
    "segments",
    "accounts",
    "instruments",
    "deposits",
    "settlement",
    "transfers",
    "reads",
    "follow_ups",
    "refusals",
    "verify",
)
"""The names of `midaz_seed.plan.items.Phase`, which this package cannot import."""

OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
FORM = "MEASURE OPERATOR NUMBER, such as latency_ms_p99 > 200; the run fails when it is true"
_EXPRESSION = re.compile(r"\s*([A-Za-z][\w.]*)\s*(>=|<=|==|!=|>|<)\s*(\d{1,15}(?:\.\d{1,9})?)\s*(%|/s|[A-Za-z]*)\s*")
_TIMES_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


_NO_UNITS: Mapping[str, float] = {}


class Unit(Enum):
    """The unit of a measure: its sign, and how many of it are in the units that a limit may be given in."""

    SECONDS = "s", _TIMES_S
    MILLISECONDS = "ms", {unit: 1000 * seconds for unit, seconds in _TIMES_S.items()}
    PERCENT = "%", {"%": 1.0}
    PER_SECOND = "/s", {"/s": 1.0}
    MEGABYTES = "MB", {"MB": 1.0, "GB": 1000.0}
    COUNT = "", _NO_UNITS

    def __init__(self, sign: str, factors: Mapping[str, float]) -> None:
        self.sign = sign
        self.factors = factors


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure of the report that a threshold can be about.

    Attributes:
        name: as in report.json, without the phase.
        unit: of the value.
        meaning: what it is, for the reference.
        only_runs: a verification without a run has no value of it.
    """

    name: str
    unit: Unit
    meaning: str
    only_runs: bool = True


def _latencies(of: str, *, only_runs: bool) -> tuple[Measure, ...]:
    shares = {"p50": "50 %", "p90": "90 %", "p95": "95 %", "p99": "99 %", "p999": "99.9 %"}
    quantiles = [
        Measure(
            f"latency_ms_{name}",
            Unit.MILLISECONDS,
            f"Latency that {share} of {of} do not exceed.",
            only_runs=only_runs,
        )
        for name, share in shares.items()
    ]
    return (
        *quantiles,
        Measure("latency_ms_max", Unit.MILLISECONDS, f"Longest latency of {of}.", only_runs=only_runs),
        Measure("latency_ms_mean", Unit.MILLISECONDS, f"Mean latency of {of}.", only_runs=only_runs),
    )


def _table(*measures: Measure) -> Mapping[str, Measure]:
    return {measure.name: measure for measure in measures}


RUN_MEASURES = _table(
    Measure("elapsed_s", Unit.SECONDS, "Duration of the session, verification included.", only_runs=False),
    *_latencies("all requests, reads included", only_runs=False),
    Measure("error_percent", Unit.PERCENT, "Share of the planned items that failed: `error_rate_percent`."),
    Measure(
        "failed_attempts_percent", Unit.PERCENT, "Share of the attempts and reads that failed, retried ones included."
    ),
    Measure("failed", Unit.COUNT, "Items that failed."),
    Measure("skipped", Unit.COUNT, "Items that were not sent."),
    Measure("plan_done_percent", Unit.PERCENT, "Share of the planned items that exist at the end."),
    Measure("movements", Unit.COUNT, "Movements that were made in this session."),
    Measure("movements_per_s", Unit.PER_SECOND, "Movements per second of the time in which money moved."),
    Measure("transactions", Unit.COUNT, "Transactions that were made in this session."),
    Measure("requests", Unit.COUNT, "Attempts and reads.", only_runs=False),
    Measure("requests_per_s", Unit.PER_SECOND, "Requests per second of `elapsed_s`.", only_runs=False),
    Measure("retries", Unit.COUNT, "Attempts after the first one of a request.", only_runs=False),
    Measure("settlement_s", Unit.SECONDS, "Longest wait of a ledger at the barrier: `settlement.waited_s_max`."),
    Measure("drain_s", Unit.SECONDS, "Longest time from the last answer of a ledger until reads show everything."),
    Measure("breaker_opened", Unit.COUNT, "How often the circuit breaker opened.", only_runs=False),
    Measure("breaker_open_s", Unit.SECONDS, "Time in which the circuit breaker was not closed.", only_runs=False),
    Measure("rate_rejected", Unit.COUNT, "Requests that a rate limit rejected: `rate_limit.rejected`."),
    Measure("client_cpu_percent", Unit.PERCENT, "CPU usage of the busiest process of the client.", only_runs=False),
    Measure("loop_lag_ms_p99", Unit.MILLISECONDS, "Event-loop lag of the client (99th percentile).", only_runs=False),
    Measure("rss_mb_max", Unit.MEGABYTES, "Peak memory of the client, over its processes.", only_runs=False),
)
"""The measures of a whole run, by name."""

PHASE_MEASURES = _table(
    *_latencies("the phase's requests", only_runs=True),
    Measure("error_percent", Unit.PERCENT, "Share of the phase's items that failed."),
    Measure("created", Unit.COUNT, "Items that were created in this session."),
    Measure("existing", Unit.COUNT, "Items that existed before this session."),
    Measure("refused", Unit.COUNT, "Items that were refused as planned."),
    Measure("failed", Unit.COUNT, "Items that failed."),
    Measure("skipped", Unit.COUNT, "Items that were not sent."),
    Measure("recovered", Unit.COUNT, "Items that were made although the answer was lost."),
    Measure("requests", Unit.COUNT, "Attempts and reads."),
    Measure("retries", Unit.COUNT, "Attempts after the first one of a request."),
    Measure("replayed", Unit.COUNT, "Answers that repeat the stored one of an idempotency key."),
    Measure("abandoned", Unit.COUNT, "Requests with an unknown outcome that a stop left."),
    Measure("busy_s", Unit.SECONDS, "Time in which at least one ledger was in the phase."),
    Measure("rate_per_s", Unit.PER_SECOND, "Created items per second of `busy_s`."),
)
"""The measures of each phase, by name; written `PHASE.NAME`."""

MONEY_MEASURES = _table(
    Measure("movements_per_s", Unit.PER_SECOND, "Accepted movements per second: `movements_accepted_per_s`."),
    Measure("movements_settled_per_s", Unit.PER_SECOND, "Settled movements per second."),
    Measure("drain_s", Unit.SECONDS, "Longest time from the last answer of a ledger until reads show everything."),
)
"""The further measures of MONEY_PHASES."""
MONEY_PHASES = ("deposits", "transfers")

STEADY = "steady"
STEADY_MEASURES = _table(
    Measure("movements_per_s", Unit.PER_SECOND, "Movements per second."),
    Measure("transactions_per_s", Unit.PER_SECOND, "Transactions per second."),
    *(each for each in _latencies("the transactions", only_runs=True) if each.name[11:] not in ("p90", "mean")),
)
"""The measures of the steady state, by name; written `steady.NAME`."""

OPEN_LOOP = "open_loop"
OPEN_LOOP_MEASURES = _table(
    Measure("accepted", Unit.COUNT, "Successful answers."),
    Measure("dropped", Unit.COUNT, "Slots that no worker took in time."),
    Measure("late_ms_p99", Unit.MILLISECONDS, "Delay between a slot and the start of its request (99th percentile)."),
)
"""The measures of the open model, by name; written `open_loop.NAME`."""


def measures_of(group: str) -> Mapping[str, Measure]:
    """Return the measures of a group by name: "" is the whole run, else a phase, `steady` or `open_loop`."""
    if group == STEADY:
        return STEADY_MEASURES
    if group == OPEN_LOOP:
        return OPEN_LOOP_MEASURES
    if group in MONEY_PHASES:
        return {**PHASE_MEASURES, **MONEY_MEASURES}
    return PHASE_MEASURES if group else RUN_MEASURES


GROUPS = (*PHASES, STEADY, OPEN_LOOP)


@dataclass(frozen=True, slots=True)
class Threshold:
    """An expression that makes a run fail when it is true.

    Attributes:
        expression: as given, with single spaces.
        group: "" for the whole run, else a phase, `steady` or `open_loop`.
        measure: what it is about.
        operator: one of OPERATORS.
        limit: in the unit of the measure; with `is_relative` a multiple of the value before the change.
        is_relative: it is about a comparison of two runs, such as `movements_per_s < 0.95x`.
    """

    expression: str
    group: str
    measure: Measure
    operator: str
    limit: float
    is_relative: bool = False

    def is_exceeded(self, value: float) -> bool:
        """Return whether the expression is true for a value, which is in the unit of the limit."""
        return OPERATORS[self.operator](value, self.limit)


def needs_run(group: str, measure: Measure) -> bool:
    """Return whether a verification without a run has no value of a measure of this group."""
    return group != "verify" and (bool(group) or measure.only_runs)


RELATIVE = "x"
"""The unit of a limit that is a multiple of the other run's value."""


def parse_threshold(text: str, *, compares: bool = False) -> Threshold:
    """Read an expression.

    Args:
        text: the expression.
        compares: there is another run to compare with, so that the unit `x` is permitted.

    Raises:
        ValueError: it has another form, or an unknown measure; the message has the nearest name.
    """
    match = _EXPRESSION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} must be {FORM}")
    path, sign, number, unit = match.groups()
    group, _, name = path.rpartition(".")
    measure = _find(path, group, name)
    if unit == RELATIVE:
        return _relative(
            Threshold(f"{path} {sign} {number}{unit}", group, measure, sign, float(number), True), compares
        )
    factor = measure.unit.factors.get(unit) if unit else 1.0
    if factor is None:
        units = ", ".join(measure.unit.factors)
        expected = f"its unit is {measure.unit.sign}; use {units}, or none" if units else "it is a number without unit"
        raise ValueError(f"{path} cannot be compared with {number} {unit}: {expected}")
    return Threshold(f"{path} {sign} {number}{unit}", group, measure, sign, float(number) * factor)


def _relative(threshold: Threshold, compares: bool) -> Threshold:
    if not compares:
        raise ValueError(f"{threshold.expression!r} compares two runs: use it with midaz-seed compare")
    if threshold.operator in ("==", "!="):
        raise ValueError(f"{threshold.expression!r} must use <, <=, > or >=: two measurements are never exactly equal")
    return threshold


def _find(path: str, group: str, name: str) -> Measure:
    """Return the measure with this path. Raises ValueError."""
    if group and group not in GROUPS:
        near = nearest(group, GROUPS)
        suggestion = f"did you mean {near}.{name}?" if near else f"the phases are {', '.join(PHASES)}"
        raise ValueError(f"unknown measure {path}: {group} is not a phase; {suggestion}")
    known = measures_of(group)
    if name in known:
        return known[name]
    if group and name in RUN_MEASURES:
        suggestion = f"{name} is a measure of the whole run, without a phase"
    elif not group and (name in PHASE_MEASURES or name in MONEY_MEASURES):
        suggestion = f"{name} is a measure of a phase: did you mean transfers.{name}?"
    elif near := nearest(name, known):
        suggestion = f"did you mean {group}.{near}?" if group else f"did you mean {near}?"
    else:
        suggestion = f"the measures are {', '.join(known)}"
    raise ValueError(f"unknown measure {path}; {suggestion}")


_PLAN_ERRORS = ("error_percent >= 1", "plan_done_percent < 99")
"""The second one because a run that a time limit ended early has no errors, and is not the plan made in time."""
_PLAN_TIMES = ((8_000, "30s"), (15_000, "2m"), (1_000_000, "10m"))
"""Planned movements -> the time of the preset with that number: small, medium and large."""


def plan_thresholds(movements: int) -> tuple[Threshold, ...]:
    """Return the success metrics of the improvement plan for a plan with this number of movements.

    The presets have the times of the plan: small 30 s, medium 2 min, large 10 min. Any other number has the time of the
    smallest preset with at least as many movements; above large the time grows with the number.
    """
    time = next((time for most, time in _PLAN_TIMES if movements <= most), f"{600 * movements // 1_000_000}s")
    return tuple(parse_threshold(text) for text in (*_PLAN_ERRORS, f"elapsed_s >= {time}"))
