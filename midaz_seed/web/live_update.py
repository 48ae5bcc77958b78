"""Read a run for its live page: what has changed since the last time."""

from collections import deque
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.orchestrator import shards_of
from midaz_seed.engine.report_builder import HINTS
from midaz_seed.engine.requests.error_tracker import ErrorGroup
from midaz_seed.engine.state_tree import LedgerState, LedgerStatus
from midaz_seed.model.histogram import coarse_percentile_us
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.meter import LedgerProgress, PhaseMeter
from midaz_seed.reporting.time_series import Window
from midaz_seed.resilience.breaker import BreakerState
from midaz_seed.runs.identity import target_name
from midaz_seed.web.live_series import NewWindows, SeriesTail
from midaz_seed.web.live_state import Json
from midaz_seed.wording import printable

RATE_S = 10.0
"""Length of the time over which rates are computed."""


class RunSampler:
    """Finds what has changed in a run since the last call."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._sent: Json = {}
        self._ledgers: dict[str, tuple[Any, ...]] = {}
        self._errors: dict[str, tuple[int, int]] = {}
        self._series = SeriesTail(context.timeline)
        self._pace: deque[tuple[float, int, int, int]] = deque()
        self._in_shards = shards_of(context) > 1
        self._is_searched = context.settings.generation.limits.max_concurrency == "auto" and not self._in_shards

    def changes(self) -> tuple[Json, NewWindows]:
        """Return what has changed, as the live state has it, and the windows of the time series that have."""
        new = self._series.changes()
        found: Json = {"figures": self._figures(), "ledgers": self._changed_ledgers(), "errors": self._changed_errors()}
        for name, value in (("run", self._run()), ("phases", self._phases())):
            if self._sent.get(name) != value:
                found[name] = self._sent[name] = value
        return {name: value for name, value in found.items() if value}, new

    def _run(self) -> Json:
        context = self._context
        started_at_s = context.clock.time() - context.run_elapsed_s
        started = self._sent["run"]["started_at"] if "run" in self._sent else _iso(started_at_s)
        return {
            "id": context.plan.run_id,
            "scenario": context.settings.scenario.scenario,
            "plan_digest": context.plan.digest[:12],
            "session": context.session,
            "target": printable(target_name(context.target)),
            "server_version": printable(context.server.version) if context.server is not None else "",
            "version": version("midaz-seed"),
            "started_at": started,
            "directory": printable(str(context.directory.path)) if context.directory is not None else "",
        }

    def _figures(self) -> Json:
        context, meter = self._context, self._context.meter
        elapsed_s = context.run_elapsed_s
        done, planned, unit = meter.finished, meter.planned, "item"
        if not planned:  # a verification alone
            done, planned, unit = len(context.results.verifications), len(context.state.ledgers), "ledger"
        movements = sum(phase.movements for phase in meter.phases.values())
        self._pace.append((elapsed_s, done, meter.requests, movements))
        while len(self._pace) > 2 and elapsed_s - self._pace[0][0] > RATE_S:
            self._pace.popleft()
        then_s, done_then, requests_then, movements_then = self._pace[0]
        span_s = max(elapsed_s - then_s, 1e-9)
        pace, left = (done - done_then) / span_s, max(planned - done, 0)
        latency = _recent_latency(self._series.latest())
        return {
            "elapsed_s": round(elapsed_s, 1),
            "done": done,
            "planned": planned,
            "unit": unit,
            "eta_s": round(left / pace, 1) if pace > 0 else None if left else 0.0,
            "movements": movements,
            "requests_per_s": round((meter.requests - requests_then) / span_s, 1),
            "movements_per_s": round((movements - movements_then) / span_s, 1),
            "error_percent": round(100 * meter.failed / meter.finished, 3) if meter.finished else 0.0,
            "in_flight": meter.in_flight,
            "in_flight_limit": context.pool.limit if self._is_searched else None,
            "breaker": self._breaker(),
            "latency_ms_p50": coarse_percentile_us(latency, 50) / 1000 if latency else None,
            "latency_ms_p99": coarse_percentile_us(latency, 99) / 1000 if latency else None,
            "ledgers_verified": len(context.results.verifications),
            "ledgers": len(context.state.ledgers),
        }

    def _breaker(self) -> str:
        if not self._in_shards:
            return self._context.sender.breaker.state.value
        latest = self._series.latest()  # each shard has its own
        return (BreakerState.OPEN if latest and latest[-1].breaker_open_s else BreakerState.CLOSED).value

    def _phases(self) -> list[Json]:
        phases = self._context.meter.phases.items()
        return [_phase(name, meter) for name, meter in phases if meter.planned or meter.requests or meter.active]

    def _changed_ledgers(self) -> dict[str, Json]:
        found: dict[str, Json] = {}
        progress = self._context.meter.ledgers
        for organization in self._context.state.organizations:
            for ledger in organization.ledgers:
                key = ledger.plan.key
                now = _ledger(ledger, progress.get(key))
                if self._ledgers.get(key) == now:
                    continue
                names = {} if key in self._ledgers else _names(ledger, organization.plan.name)
                self._ledgers[key] = now
                found[key] = names | dict(zip(_LEDGER, now, strict=True))
        return found

    def _changed_errors(self) -> dict[str, Json]:
        found: dict[str, Json] = {}
        for group in self._context.tracker.groups():
            key = f"{group.error.value}/{group.phase.value}/{group.entity}/{group.code}"
            counts = (group.count, group.final)
            if self._errors.get(key) != counts:
                self._errors[key] = counts
                found[key] = _error(group)
        return found


_LEDGER = ("status", "phase", "active", "done", "planned", "failed", "reason")


def _ledger(ledger: LedgerState, progress: LedgerProgress | None) -> tuple[Any, ...]:
    if progress is None:
        return (ledger.status.value, "", False, 0, 0, 0, printable(ledger.reason))
    status = ledger.status
    if status is LedgerStatus.WAITING:  # that of a shard is known at its end; its progress shows it until then
        is_verified = progress.phase is Phase.VERIFY and progress.created and not progress.active
        status = LedgerStatus.DONE if is_verified else LedgerStatus.RUNNING
    return (
        status.value,
        progress.phase.value,
        progress.active,
        progress.done,
        progress.planned,
        progress.failed,
        printable(ledger.reason),
    )


def _names(ledger: LedgerState, organization: str) -> Json:
    return {"name": printable(ledger.plan.name), "organization": printable(organization)}


def _phase(name: Phase, meter: PhaseMeter) -> Json:
    return {
        "name": name.value,
        "planned": meter.planned,
        "created": meter.created,
        "existing": meter.existing,
        "refused": meter.refused,
        "failed": meter.failed,
        "skipped": meter.skipped,
        "movements": meter.movements,
        "requests": meter.requests,
        "active": meter.active,
    }


def _error(group: ErrorGroup) -> Json:
    return {
        "error": group.error.value,
        "phase": group.phase.value,
        "entity": group.entity,
        "code": printable(group.code),
        "count": group.count,
        "final": group.final,
        "message": printable(group.example.message),
        "hint": HINTS.get(group.error, ""),
    }


def _recent_latency(windows: list[Window]) -> dict[int, int]:
    found: dict[int, int] = {}
    for window in windows:
        for phase in window.phases.values():
            for bucket, count in phase.latency.items():
                found[bucket] = found.get(bucket, 0) + count
    return found


def _iso(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")
