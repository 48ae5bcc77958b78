"""Build the report of a run: numbers, verdict, exit code and next step."""

from datetime import UTC, datetime
from importlib.metadata import version
from typing import cast

from midaz_seed.engine.client_load import measure_client_load, process_cpu_s
from midaz_seed.engine.context import RunContext
from midaz_seed.engine.next_step import how_to_measure_again
from midaz_seed.engine.requests.error_tracker import ErrorGroup
from midaz_seed.engine.state_tree import LedgerState, LedgerStatus, OrganizationState
from midaz_seed.engine.verdict import done_percent, judge
from midaz_seed.model.histogram import Histogram
from midaz_seed.model.json_types import JsonObject
from midaz_seed.model.outcomes import ErrorClass
from midaz_seed.plan.items import MONEY, Phase
from midaz_seed.reporting.events import Settled
from midaz_seed.reporting.merging import merge_histories
from midaz_seed.reporting.meter import PhaseMeter
from midaz_seed.reporting.redaction import redact
from midaz_seed.reporting.report import SCHEMA_VERSION, Report
from midaz_seed.reporting.report_figures import (
    ConcurrencyReport,
    LatencyHistogram,
    OpenLoopReport,
    PhaseReport,
    RateLimitReport,
    ReadKindReport,
    ReadsReport,
    SettlementReport,
    SteadyReport,
    ThroughputReport,
    latency,
)
from midaz_seed.reporting.report_findings import (
    ErrorExample,
    ErrorReport,
    FailedItemReport,
    LedgerReport,
    LedgerVerification,
    VerificationReport,
)
from midaz_seed.reporting.settled_throughput import throughput
from midaz_seed.reporting.thresholds import apply_thresholds, thresholds_of
from midaz_seed.reporting.time_series import as_report
from midaz_seed.settings.model import Settings

DIFFERENCES_MAX = 1000
CHANGES_MAX = 200
STEADY_S_MIN = 1.0
"""Shortest steady-state window that is reported."""

HINTS = {
    ErrorClass.NETWORK: "connections break: check whether the server or a proxy restarts",
    ErrorClass.TIMEOUT: "the server is too slow for this load: lower --concurrency, or raise --timeout",
    ErrorClass.RATE_LIMITED: "a gateway limits the request rate: the client slowed down to it; --rate avoids that",
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
    exit_code, verdict, next_step = judge(context, verification, 100 * failed / planned)
    report = Report(
        schema_version=SCHEMA_VERSION,
        version=version("midaz-seed"),
        run_id=plan.run_id,
        plan_digest=plan.digest,
        seed=settings.seed,
        scenario=settings.scenario.scenario,
        preset=settings.preset if settings.scenario.volume.from_settings else "",
        target="sandbox" if context.target.is_sandbox else context.target.onboarding_url,
        server_version=context.server.version if context.server else "",
        started_at=_iso(started_at_s),
        elapsed_s=elapsed_s,
        settings=settings_in_report(settings),
        phases=_phases(context),
        movements=movements,
        transactions=sum(phase.created for phase in money),
        requests=meter.requests,
        requests_per_s=meter.requests / elapsed_s if elapsed_s else 0.0,
        movements_per_s=movements / money_s if money_s else 0.0,
        packing=context.batch_size,
        concurrency=concurrency_of(context),
        steady=_steady(context),
        open_loop=_open_loop(context),
        reads=_reads(context),
        settlement=_settlement(context),
        throughput=_throughput(context),
        errors=tuple(_error(group) for group in context.tracker.groups()),
        failed_items=_failed_items(context),
        failed_items_total=context.tracker.failed_total,
        ledgers=_ledgers(context),
        breaker_opened=context.sender.breaker.opened_count,
        breaker_open_s=context.sender.breaker.open_total_s,
        rate_limit=_rate_limit(context),
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
        organizations=len(context.state.organizations),
        time_series=as_report(context.timeline.whole()),
        latency_histograms=_latency_histograms(context),
    )
    return apply_thresholds(report, thresholds_of(settings, plan.movements), next_step=how_to_measure_again(context))


def settings_in_report(settings: Settings) -> JsonObject:
    """Return the settings as a report has them, without secrets."""
    dumped = settings.model_dump(mode="json", by_alias=True, exclude={"target": {"auth_token"}})
    dumped["target"]["proxy"] = redact(settings.target.proxy)  # the one URL that may hold a password
    return cast("JsonObject", dumped)


def concurrency_of(context: RunContext) -> ConcurrencyReport:
    """Return the maximum of requests in flight, and how a search has changed it."""
    limit = context.settings.generation.limits.max_concurrency
    changes = context.results.concurrency
    return ConcurrencyReport(
        auto=limit == "auto",
        in_flight=context.pool.limit if limit == "auto" else limit,
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


def _reads(context: RunContext) -> ReadsReport | None:
    limits, stats = context.settings.generation.limits, context.results.reads
    if not limits.has_reads:
        return None
    return ReadsReport(
        rate_per_s=limits.reads_per_second,
        offered=stats.sent + stats.dropped,
        sent=stats.sent,
        dropped=stats.dropped,
        late_ms=latency(stats.start_delay),
        kinds=tuple(
            ReadKindReport(kind, figures.answers, figures.failed, figures.wrong, latency(figures.latency))
            for kind, figures in stats.kinds.items()
            if figures.answers or figures.failed
        ),
        per_write=limits.reads_per_write,
    )


def _rate_limit(context: RunContext) -> RateLimitReport | None:
    own, results = context.sender.throttle, context.results
    rejected = own.rejected + results.rate_rejected
    return RateLimitReport(rejected, own.found_per_s + results.rate_found_per_s) if rejected else None


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


def _latency_histograms(context: RunContext) -> tuple[LatencyHistogram, ...]:
    measured = {phase: meter.latency for phase, meter in context.meter.phases.items() if meter.latency.count}
    return tuple(
        LatencyHistogram(phase.value, latency.total_us, latency.max_us, latency.sparse_counts())
        for phase, latency in measured.items()
    )


def _ledgers(context: RunContext) -> tuple[LedgerReport, ...]:
    verified = {found.ledger: found for found in context.results.verifications}
    settled = {found.ledger: found for found in context.results.settled}
    return tuple(
        _ledger(organization, ledger, verified.get(ledger.plan.key), settled.get(ledger.plan.key))
        for organization in context.state.organizations
        for ledger in organization.ledgers
    )


def _ledger(
    organization: OrganizationState,
    ledger: LedgerState,
    verification: LedgerVerification | None,
    settled: Settled | None,
) -> LedgerReport:
    return LedgerReport(
        key=ledger.plan.key,
        name=ledger.plan.name,
        organization_id=ledger.organization_id,
        id=ledger.id,
        state=ledger.status.value,
        reason=ledger.reason,
        organization=organization.plan.name,
        accounts=ledger.plan.account_count,
        transactions=sum(flow.transactions for flow in ledger.flows.values()),
        movements=sum(flow.movements for flow in ledger.flows.values()),
        settled_s=settled.waited_s if settled is not None else None,
        verified=verification.ok if verification is not None else None,
        balances_checked=verification.balances_checked if verification is not None else 0,
        differences=len(verification.differences) if verification is not None else 0,
    )


def _verification(context: RunContext) -> VerificationReport | None:
    verifications = context.results.verifications
    if not (verifications or context.results.absent or context.results.not_refused):
        return None
    stopped = sum(ledger.status is LedgerStatus.STOPPED for ledger in context.state.ledgers)
    # ledgers that the time limit left unstarted are not to be verified
    admission = context.pool.admission
    left_out = stopped if admission.time_is_up and not admission.is_draining else 0
    ledgers_planned = len(context.state.ledgers) - left_out
    differences = [
        *context.results.absent,
        *context.results.not_refused,
        *context.results.misread,
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
        history=merge_histories([found.history for found in verifications if found.history is not None]),
    )


def _phases(context: RunContext) -> tuple[PhaseReport, ...]:
    meters = context.meter.phases
    return tuple(_phase(phase, meters[phase]) for phase in Phase if meters[phase].planned or meters[phase].requests)


def _phase(phase: Phase, meter: PhaseMeter) -> PhaseReport:
    done = meter.created + meter.existing + meter.refused + meter.failed
    return PhaseReport(
        name=phase.value,
        planned=meter.planned,
        created=meter.created,
        existing=meter.existing,
        refused=meter.refused,
        failed=meter.failed,
        skipped=max(meter.planned - done, 0),  # everything without an outcome, sent or not
        recovered=meter.recovered,
        requests=meter.requests,
        retries=meter.retries,
        replayed=meter.replayed,
        foreign_replays=meter.foreign_replays,
        abandoned=meter.abandoned,
        doubts_applied=meter.doubts_applied,
        doubts_not_applied=meter.doubts_not_applied,
        busy_s=meter.busy_s,
        rate_per_s=meter.created / meter.busy_s if meter.busy_s else 0.0,
        latency_ms=latency(meter.latency),
        movements=meter.movements,
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
