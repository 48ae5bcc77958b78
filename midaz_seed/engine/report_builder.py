"""Build the report of a run: numbers, verdict, exit code and next step."""

import signal
from datetime import UTC, datetime
from importlib.metadata import version
from typing import cast

from midaz_seed.engine.client_load import measure_client_load, process_cpu_s
from midaz_seed.engine.context import RunContext
from midaz_seed.engine.next_step import how_to_continue, in_its_situation
from midaz_seed.engine.requests.error_tracker import ErrorGroup
from midaz_seed.engine.state_tree import LedgerStatus
from midaz_seed.errors import (
    ExcessError,
    ExitCode,
    JournalError,
    OutputError,
    SeedError,
    SettlementError,
    TargetError,
    UndecidedError,
    UnexplainedError,
)
from midaz_seed.model.histogram import Histogram
from midaz_seed.model.json_types import JsonObject
from midaz_seed.model.outcomes import ErrorClass
from midaz_seed.plan.items import MONEY, Phase
from midaz_seed.reporting.logs import redact
from midaz_seed.reporting.meter import PhaseMeter
from midaz_seed.reporting.report import (
    SCHEMA_VERSION,
    ConcurrencyReport,
    ErrorExample,
    ErrorReport,
    FailedItemReport,
    LedgerReport,
    OpenLoopReport,
    PhaseReport,
    Report,
    SettlementReport,
    SteadyReport,
    ThroughputReport,
    VerificationReport,
    latency,
)
from midaz_seed.reporting.settled_throughput import throughput
from midaz_seed.settings.model import Settings

DIFFERENCES_MAX = 1000
CHANGES_MAX = 200
STEADY_S_MIN = 1.0
"""Shortest steady-state window that is reported."""

HINTS = {
    ErrorClass.NETWORK: "connections break: check whether the server or a proxy restarts",
    ErrorClass.TIMEOUT: "the server is too slow for this load: lower --concurrency, or raise --timeout",
    ErrorClass.RATE_LIMITED: "an intermediary limits the request rate: use --rate",
    ErrorClass.SERVER: "the server fails: lower --concurrency, and check its log",
    ErrorClass.VALIDATION: "the server rejects this request: check that its version is supported (`midaz-seed doctor`)",
    ErrorClass.CONFLICT: "another entity has this name: use another --run-id or --seed, or remove it",
    ErrorClass.AUTH: "give a valid token",
    ErrorClass.NOT_FOUND: "a parent was removed or is not visible yet: run the same command again",
    ErrorClass.INSUFFICIENT_FUNDS: "another client spends from these accounts: seed ledgers that nothing else uses",
    ErrorClass.FOREIGN_REPLAY: "a server fault: it answered with another transaction; ours was sent again",
    ErrorClass.IN_DOUBT: "the answer was lost: the verification shows whether it was applied",
}


def summarize(context: RunContext, *, started_s: float, started_at_s: float, started_cpu_s: float) -> Report:
    """Return the report of a run that has ended.

    Args:
        started_s: start (monotonic).
        started_at_s: start (epoch).
        started_cpu_s: `process_cpu_s` at the start.
    """
    meter, plan, settings = context.meter, context.plan, context.settings
    elapsed_s = context.clock.monotonic() - started_s
    money = [meter.phases[Phase.DEPOSITS], meter.phases[Phase.TRANSFERS]]
    movements = sum(phase.movements for phase in money)
    money_s = meter.money.busy_s
    failed, planned = meter.failed, max(meter.planned, 1)
    own = measure_client_load(context, elapsed_s=elapsed_s, cpu_s=process_cpu_s() - started_cpu_s)
    processes = (own, *context.results.processes)
    verification = _verification(context)
    exit_code, verdict, next_step = _judge(context, verification, 100 * failed / planned)
    next_step = in_its_situation(context, next_step)
    return Report(
        schema_version=SCHEMA_VERSION,
        version=version("midaz-seed"),
        run_id=plan.run_id,
        plan_digest=plan.digest,
        seed=settings.seed,
        preset=settings.preset,
        target="sandbox" if context.target.is_sandbox else context.target.onboarding_url,
        server_version=context.server.version if context.server else "",
        started_at=_iso(started_at_s),
        elapsed_s=elapsed_s,
        settings=_settings(settings),
        phases=_phases(context),
        movements=movements,
        transactions=sum(phase.created for phase in money),
        requests=meter.requests,
        requests_per_s=meter.requests / elapsed_s if elapsed_s else 0.0,
        movements_per_s=movements / money_s if money_s else 0.0,
        packing=context.batch_size,
        concurrency=_concurrency(context),
        steady=_steady(context),
        open_loop=_open_loop(context),
        settlement=_settlement(context),
        throughput=_throughput(context),
        errors=tuple(_error(group) for group in context.tracker.groups()),
        failed_items=_failed_items(context),
        failed_items_total=context.tracker.failed_total,
        ledgers=_ledgers(context),
        breaker_opened=context.sender.breaker.opened_count,
        breaker_open_s=context.sender.breaker.open_total_s,
        proof=verification,
        plan_done_percent=done_percent(context),
        error_rate_percent=100 * failed / planned,
        error_budget_percent=settings.error_budget_percent,
        client_cpu_percent=max(process.cpu_percent for process in processes),
        loop_lag_ms_p99=max(process.loop_lag_ms_p99 for process in processes),
        rss_mb_max=sum(process.rss_mb_max for process in processes),
        processes=processes,
        exit_code=exit_code,
        verdict=verdict,
        next_step=next_step,
    )


def _settings(settings: Settings) -> JsonObject:
    dumped = settings.model_dump(mode="json", by_alias=True, exclude={"target": {"auth_token"}})
    dumped["target"]["proxy"] = redact(settings.target.proxy)  # the one URL that may hold a password
    return cast("JsonObject", dumped)


def _concurrency(context: RunContext) -> ConcurrencyReport:
    limit = context.settings.generation.limits.max_concurrency
    changes = context.results.concurrency
    return ConcurrencyReport(
        auto=limit == "auto",
        in_flight=(context.results.in_flight_limit or context.pool.limit) if limit == "auto" else limit,
        changes=tuple(changes[:CHANGES_MAX]),
        changes_total=len(changes),
    )


def _steady(context: RunContext) -> SteadyReport | None:
    windows = [window for window in context.results.steady if window.span_s >= STEADY_S_MIN]
    if not windows:
        return None
    whole = Histogram()
    for window in windows:
        whole.merge(window.latency())
    return SteadyReport(
        warmup_s=context.settings.generation.limits.warmup_s,
        from_s=min(window.since.at_s for window in windows),
        to_s=max(window.until.at_s for window in windows),
        transactions=sum(window.transactions for window in windows),
        movements=sum(window.movements for window in windows),
        transactions_per_s=sum(window.transactions / window.span_s for window in windows),
        movements_per_s=sum(window.movements / window.span_s for window in windows),
        latency_ms=latency(whole),
    )


def _open_loop(context: RunContext) -> OpenLoopReport | None:
    slots = context.schedule
    if slots is None:
        return None
    return OpenLoopReport(
        rate_per_s=context.settings.generation.limits.requests_per_second,
        offered=slots.sent + slots.dropped,
        sent=slots.sent,
        accepted=context.meter.succeeded,
        dropped=slots.dropped,
        late_ms=latency(slots.start_delay),
    )


def _settlement(context: RunContext) -> SettlementReport:
    return SettlementReport(
        ledgers=len(context.results.settled),
        waited_s_max=max((settled.waited_s for settled in context.results.settled), default=0.0),
        waited_s_total=sum(settled.waited_s for settled in context.results.settled),
        looks=sum(settled.looks for settled in context.results.settled),
    )


def _throughput(context: RunContext) -> tuple[ThroughputReport, ...]:
    ledgers = context.state.ledgers
    phases = MONEY
    found = [
        throughput(phase, [ledger.flows[phase] for ledger in ledgers if phase in ledger.flows]) for phase in phases
    ]
    return tuple(each for each in found if each is not None)


def _ledgers(context: RunContext) -> tuple[LedgerReport, ...]:
    return tuple(
        LedgerReport(
            ledger.plan.key, ledger.plan.name, ledger.organization_id, ledger.id, ledger.status.value, ledger.reason
        )
        for ledger in context.state.ledgers
    )


def _first(context: RunContext, *kinds: type[SeedError]) -> SeedError | None:
    """Return the first error of some kinds that ended a ledger or the run."""
    return next((error for error in context.results.errors if isinstance(error, kinds)), None)


def _judge(
    context: RunContext, verification: VerificationReport | None, failed_percent: float
) -> tuple[ExitCode, str, str]:
    """Return exit code, verdict and next step, each a sentence."""
    unfinished = [ledger for ledger in context.state.ledgers if ledger.status is LedgerStatus.FAILED]
    target = _first(context, TargetError)
    undecided = _first(context, UndecidedError)
    settlement = _first(context, SettlementError)
    unexplained = _first(context, UnexplainedError, ExcessError)
    disk = _first(context, JournalError, OutputError)
    again = how_to_continue(context)
    if context.findings.signal is not None:
        code = ExitCode.INTERRUPTED if context.findings.signal is signal.SIGINT else ExitCode.TERMINATED
        return code, f"Interrupted by {context.findings.signal.name}; what was in flight was finished.", again
    if disk is not None:
        return ExitCode.DIFFERENCES, f"Stopped: {disk}.", f"{disk.hint}."
    if context.results.stop_reason:
        return ExitCode.DIFFERENCES, f"Stopped by a rule: {context.results.stop_reason}.", again
    if target is not None:
        return ExitCode.TARGET, f"The target failed: {target}.", f"{target.hint or again}"
    if undecided is not None:
        return ExitCode.SETTLEMENT, f"Not decided: {undecided}.", f"{undecided.hint}. {again}"
    if unexplained is not None:
        return ExitCode.DIFFERENCES, f"Not as planned: {unexplained}.", f"{unexplained.hint}. {again}"
    if settlement is not None:
        return ExitCode.SETTLEMENT, f"Not settled: {settlement}.", f"{settlement.hint}. {again}"
    if unfinished:
        return ExitCode.DIFFERENCES, f"{len(unfinished)} ledgers failed.", f"{_FIX_CAUSES} {again}"
    if verification is not None and not verification.ok:
        has_surplus = any(_is_surplus(row.actual, row.expected) for row in verification.differences)
        return (
            ExitCode.DIFFERENCES,
            f"Verification failed: {verification.differences_total} differences from the plan.",
            _SURPLUS_STEP if has_surplus else f"{_FIX_CAUSES} {again}" if context.tracker.attempts else again,
        )
    if failed_percent > context.settings.error_budget_percent:
        verdict = (
            f"{failed_percent:.2f} % of the items failed, the budget is {context.settings.error_budget_percent:g} %."
        )
        return ExitCode.DIFFERENCES, verdict, f"{_FIX_CAUSES} {again}"
    if context.pool.admission.time_is_up and any(ledger.status in _CUT_SHORT for ledger in context.state.ledgers):
        return _time_was_up(context, verification, again)
    if verification is None:
        return ExitCode.DONE, "Done, not verified.", "Verify it with `midaz-seed verify` and the same settings."
    return ExitCode.DONE, "Done: every balance is the planned one.", ""


_FIX_CAUSES = "Fix the causes listed under errors."
_SURPLUS_STEP = (
    "The server holds something more than once, or something unplanned, which running again does not remove: "
    "`midaz-seed verify --every-transaction` lists it; use `midaz-seed teardown`, then run again."
)


def _is_surplus(actual: str, expected: str) -> bool:
    """Return whether a difference says that the server holds more than planned, of something countable."""
    if actual.isdigit() and expected.isdigit():
        return int(actual) > int(expected)
    return "carry the mark" in actual or actual.endswith(("twice", " times"))


_CUT_SHORT = (LedgerStatus.PARTIAL, LedgerStatus.STOPPED)


def _time_was_up(context: RunContext, verification: VerificationReport | None, again: str) -> tuple[ExitCode, str, str]:
    share = f"{done_percent(context):.1f} % of the plan"
    if verification is not None:
        return ExitCode.DONE, f"Time was up: {share} is done, and every balance is the planned one so far.", again
    if context.settings.verification.enabled:
        verdict = f"Time was up before any ledger was filled, so nothing was verified: {share} is done."
        return ExitCode.DIFFERENCES, verdict, f"Raise --duration. {again}"
    return ExitCode.DONE, f"Time was up: {share} is done, not verified.", again


def done_percent(context: RunContext) -> float:
    """Return the share of the plan's items that exist, in percent; 100 for a verification alone."""
    phases = [phase for phase in context.meter.phases.values() if phase.planned]
    planned = sum(phase.planned for phase in phases)
    return 100 * sum(phase.created + phase.existing for phase in phases) / planned if planned else 100.0


def _verification(context: RunContext) -> VerificationReport | None:
    verifications = context.results.verifications
    if not verifications and not context.results.absent:
        return None
    stopped = sum(ledger.status is LedgerStatus.STOPPED for ledger in context.state.ledgers)
    # ledgers that the time limit left unstarted are not to be verified
    admission = context.pool.admission
    left_out = stopped if admission.time_is_up and not admission.is_draining else 0
    ledgers_planned = len(context.state.ledgers) - left_out
    differences = [
        *context.results.absent,
        *(difference for verification in verifications for difference in verification.differences),
    ]
    return VerificationReport(
        ok=not differences and len(verifications) == ledgers_planned,
        ledgers=len(verifications),
        ledgers_planned=ledgers_planned,
        balances_checked=sum(verification.balances_checked for verification in verifications),
        counts_checked=sum(verification.counts_checked for verification in verifications),
        transactions_read=sum(verification.transactions_read for verification in verifications),
        transactions_unlisted=sum(verification.transactions_unlisted for verification in verifications),
        crash_seen=next((verification.crash_seen for verification in verifications if verification.crash_seen), ""),
        differences=tuple(differences[:DIFFERENCES_MAX]),
        differences_total=len(differences),
        elapsed_s=max((verification.elapsed_s for verification in verifications), default=0.0),
    )


def _phases(context: RunContext) -> tuple[PhaseReport, ...]:
    meters = context.meter.phases
    return tuple(_phase(phase, meters[phase]) for phase in Phase if meters[phase].planned or meters[phase].requests)


def _phase(phase: Phase, meter: PhaseMeter) -> PhaseReport:
    done = meter.created + meter.existing + meter.failed
    return PhaseReport(
        name=phase.value,
        planned=meter.planned,
        created=meter.created,
        existing=meter.existing,
        failed=meter.failed,
        skipped=max(meter.planned - done, 0),  # everything without an outcome, sent or not
        recovered=meter.recovered,
        requests=meter.requests,
        retries=meter.retries,
        replayed=meter.replayed,
        foreign_replays=meter.foreign_replays,
        doubts_applied=meter.doubts_applied,
        doubts_not_applied=meter.doubts_not_applied,
        busy_s=meter.busy_s,
        rate_per_s=meter.created / meter.busy_s if meter.busy_s else 0.0,
        latency_ms=latency(meter.latency),
    )


def _error(group: ErrorGroup) -> ErrorReport:
    example = group.example
    return ErrorReport(
        error=group.error.value,
        phase=group.phase.value,
        entity=group.entity,
        code=group.code,
        count=group.count,
        final=group.final,
        first_seen=_iso(group.first_seen_s),
        last_seen=_iso(group.last_seen_s),
        hint=HINTS[group.error],
        example=ErrorExample(example.key, example.parent, example.message, example.request, example.answer),
    )


def _failed_items(context: RunContext) -> tuple[FailedItemReport, ...]:
    return tuple(
        FailedItemReport(item.key, item.phase.value, item.error.value, item.code, item.message)
        for item in context.tracker.failed_items
    )


def _iso(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds")
