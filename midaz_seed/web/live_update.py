"""Read a run for its live page: what has changed since the last time."""

from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.report_builder import HINTS
from midaz_seed.engine.requests.error_tracker import ErrorGroup
from midaz_seed.engine.watched_run import watched_run
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.meter import PhaseMeter
from midaz_seed.reporting.progress.sampling import Sampler
from midaz_seed.reporting.progress.watched import LedgerShown
from midaz_seed.runs.identity import target_name
from midaz_seed.web.live_series import NewWindows, SeriesTail
from midaz_seed.web.live_state import Json
from midaz_seed.wording import printable


class RunSampler:
    """Finds what has changed in a run since the last call."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._sent: Json = {}
        self._ledgers: dict[str, tuple[Any, ...]] = {}
        self._errors: dict[str, tuple[int, int]] = {}
        self._watched = watched_run(context)
        self._sampler = Sampler(self._watched, context.clock)
        self._series = SeriesTail(context.timeline)

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
        now = self._sampler.figures(context.sender.breaker.state.value)
        p50, p99 = now.latency_ms or (None, None)
        return {
            "elapsed_s": round(context.run_elapsed_s, 1),
            "done": now.done,
            "planned": now.planned,
            "unit": now.unit,
            "eta_s": round(now.eta_s, 1) if now.eta_s is not None else None,
            "movements": sum(phase.movements for phase in meter.phases.values()),
            "requests_per_s": round(now.requests_per_s, 1),
            "movements_per_s": round(now.movements_per_s, 1),
            "error_percent": round(now.error_percent, 3),
            "in_flight": now.in_flight,
            "in_flight_limit": now.limit,
            "breaker": now.breaker,
            "latency_ms_p50": p50,
            "latency_ms_p99": p99,
            "ledgers_verified": len(context.results.verifications),
            "ledgers": len(context.state.ledgers),
        }

    def _phases(self) -> list[Json]:
        phases = self._context.meter.phases.items()
        return [_phase(name, meter) for name, meter in phases if meter.planned or meter.requests or meter.active]

    def _changed_ledgers(self) -> dict[str, Json]:
        found: dict[str, Json] = {}
        for organization in self._watched.organizations:
            for ledger in organization.ledgers:
                key, now = ledger.key, _ledger(ledger)
                if self._ledgers.get(key) == now:
                    continue
                names = {} if key in self._ledgers else _names(ledger, organization.name)
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


def _ledger(ledger: LedgerShown) -> tuple[Any, ...]:
    progress, status, reason = ledger.progress, str(ledger.status), printable(ledger.reason)
    if progress is None:
        return (status, "", False, 0, 0, 0, reason)
    phase = progress.phase.value
    return (status, phase, progress.active, progress.done, progress.planned, progress.failed, reason)


def _names(ledger: LedgerShown, organization: str) -> Json:
    return {"name": printable(ledger.name), "organization": printable(organization)}


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


def _iso(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")
