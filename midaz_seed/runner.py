"""The functions of the library that need a target, each async with a synchronous twin. The commands call them too."""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
)
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from midaz_seed.clock import Clock, SystemClock
from midaz_seed.engine import orchestrator
from midaz_seed.engine.admission import StoppedError
from midaz_seed.engine.client_load import process_cpu_s, watch_client_load
from midaz_seed.engine.context import RunContext
from midaz_seed.engine.control.concurrency import HIGHEST
from midaz_seed.engine.control.time_series import record_time_series
from midaz_seed.engine.control.watchers import LOAD_WATCHERS
from midaz_seed.engine.report_builder import summarize
from midaz_seed.engine.teardown import Fate, Removal
from midaz_seed.errors import OutputError, UsageError
from midaz_seed.event_loop import in_thread, synchronous
from midaz_seed.file_descriptors import reserve_descriptors
from midaz_seed.outputs import write_outputs
from midaz_seed.plan.batch_size import BatchSizeChoice
from midaz_seed.plan.last_day import is_open
from midaz_seed.plan.plan import Plan, build_plan, check_numbers
from midaz_seed.probe import doctor
from midaz_seed.probe.batch_size_trial import choose_batch_size
from midaz_seed.probe.diagnosis import Diagnosis
from midaz_seed.probe.last_day import resolve_last_day
from midaz_seed.reporting.events import Emit, Event, RunFinished
from midaz_seed.reporting.report import Report, not_written
from midaz_seed.reporting.report_file import check_writable, write_json
from midaz_seed.runs.directory import RunDirectory, last_day_on_record, recorded_batch_size, run_directory
from midaz_seed.runs.session import Session, open_session
from midaz_seed.sandbox.launch import sandbox_process
from midaz_seed.settings.model import Settings
from midaz_seed.settings.target import ResolvedTarget, addresses_of, resolve_target
from midaz_seed.stopping import Stopping
from midaz_seed.task_groups import background_tasks
from midaz_seed.transport.base import Transport
from midaz_seed.transport.connecting import Addresses, accepts_connections
from midaz_seed.wiring import open_run, open_transport

Watch = Callable[[RunContext], Coroutine[Any, Any, None]]
"""A task beside a run, such as a progress display; it is cancelled when the run is over."""


class RunMode(Enum):
    """What a call does on the target."""

    SEED = auto()
    VERIFY = auto()


def ignore_event(_: Event) -> None:
    """Do nothing with an event."""


@dataclass(frozen=True, slots=True)
class _Call:
    """How to carry out one call, and who watches it."""

    mode: RunMode
    emit: Emit = ignore_event
    watch: Watch | None = None
    handle_signals: bool = False
    overrides: Mapping[type, Any] = field(default_factory=dict)
    directory: RunDirectory | None = None

    @property
    def clock(self) -> Clock:
        return self.overrides.get(Clock) or SystemClock()

    def stopping(self, settings: Settings) -> Stopping:
        """What may end this call early; the time limit begins now, and is that of a run."""
        limits = settings.generation.limits
        duration_s = limits.duration_s if self.mode is RunMode.SEED else 0.0
        return Stopping(self.clock, grace_s=limits.grace_s, duration_s=duration_s, emit=self.emit)


async def seed_async(
    settings: Settings,
    *,
    emit: Emit = ignore_event,
    watch: Watch | None = None,
    handle_signals: bool = False,
    overrides: Mapping[type, Any] | None = None,
    directory: RunDirectory | None = None,
) -> Report:
    """Seed the target with the plan of these settings and verify every balance.

    A second call with the same settings sends only what is missing. With `journal.enabled` the run has a directory for
    its plan and target, which `list_runs` finds.

    Args:
        settings: what to create, where, and how.
        emit: called with each event of `midaz_seed.events`, on the event loop.
        watch: an async function that runs beside the run and is cancelled at its end. It gets the run's internal
            context, which may change with any version.
        handle_signals: stop at the first SIGINT, SIGTERM or SIGHUP, within the grace time (`limits.graceS`), and
            cut off what is in flight at the second. Main thread only.
        overrides: parts to replace, by type: `{Transport: ...}`, `{Clock: ...}`. The caller closes them.
        directory: the run to resume, from `find_run`; by default that of the plan on this target.

    Returns:
        The report. Failures after the first write do not raise; `exit_code`, `verdict` and `errors` have them.

    Raises:
        UsageError: PlanError, TargetNotAllowedError, OutputError or RunError; nothing was sent.
        TargetError: UnreachableError, UnauthorizedError or NotMidazError; nothing of the plan was sent.
        SignalledError: with `handle_signals`, a signal came before anything of the plan was sent.
    """
    return await _execute(settings, _Call(RunMode.SEED, emit, watch, handle_signals, overrides or {}, directory))


async def verify_async(
    settings: Settings,
    *,
    emit: Emit = ignore_event,
    watch: Watch | None = None,
    handle_signals: bool = False,
    overrides: Mapping[type, Any] | None = None,
) -> Report:
    """Compare every balance and count on the target with the plan of these settings. Nothing is written.

    Args:
        settings: those of the run to verify.
        emit: as in `seed_async`.
        watch: as in `seed_async`.
        handle_signals: as in `seed_async`.
        overrides: as in `seed_async`.

    Returns:
        The report; `proof` holds the differences.

    Raises:
        UsageError: PlanError, TargetNotAllowedError or OutputError.
        TargetError: UnreachableError, UnauthorizedError, NotMidazError or RequestFailedError.
        SignalledError: with `handle_signals`, a signal came before anything was compared.
    """
    return await _execute(settings, _Call(RunMode.VERIFY, emit, watch, handle_signals, overrides or {}))


async def teardown_async(
    settings: Settings,
    *,
    dry_run: bool = False,
    emit: Emit = ignore_event,
    handle_signals: bool = False,
    overrides: Mapping[type, Any] | None = None,
    directory: RunDirectory | None = None,
) -> list[Removal]:
    """Delete what the run of these settings created: the organizations and ledgers that carry its run id, no others.

    Args:
        settings: those of the run.
        dry_run: list what would be removed, without removing it.
        emit: as in `seed_async`.
        handle_signals: as in `seed_async`.
        overrides: as in `seed_async`.
        directory: the directory of the run, from `find_run`; by default that of the plan on this target.

    Returns:
        One entry for each ledger and organization of the run, and for each planned organization that is absent.

    Raises:
        UsageError: PlanError, TargetNotAllowedError, OutputError or RunError.
        TargetError: UnreachableError, UnauthorizedError, NotMidazError, BreakerOpenError or RequestFailedError.
        SignalledError: with `handle_signals`, a signal came before everything was removed.
    """
    call = _Call(RunMode.VERIFY, emit, handle_signals=handle_signals, overrides=overrides or {})
    stopping = call.stopping(settings)
    async with (
        stopping.watching("what was removed stays removed", signals=handle_signals),
        reach(settings, resolve_target(settings.target)) as address,
    ):
        settings = await _resolve_last_day(settings, address, call)
        settings, _ = await _choose_batch_size(settings, address, call)
        plan = await _built(settings)
        found = directory or run_directory(settings, plan.run_id, address)
        with found.owned() if found.exists else nullcontext():
            async with open_run(settings, plan, address, emit=call.emit, overrides=call.overrides) as context:
                removals = await orchestrator.teardown(context, dry_run=dry_run, is_known=found.exists)
            if found.exists and not dry_run and not any(removal.fate is Fate.KEPT for removal in removals):
                found.mark_removed(call.clock)
    return removals


async def examine_async(
    settings: Settings,
    *,
    write: bool = False,
    emit: Emit = ignore_event,
    handle_signals: bool = False,
    overrides: Mapping[type, Any] | None = None,
) -> Diagnosis:
    """Examine the target: version, access, API behaviour and latency, and whether a run may start. The command: doctor.

    Args:
        settings: the section `target` is used, `sandbox` where that is the target, and `scenario`: whether the server's
            version has everything that it uses.
        write: also test idempotency, balances and throughput, in a temporary organization that is removed afterwards.
        emit: as in `seed_async`.
        handle_signals: as in `seed_async`.
        overrides: as in `seed_async`.

    Returns:
        The diagnosis; problems of the target are findings in it.

    Raises:
        UsageError: TargetNotAllowedError or ConfigurationError.
        SignalledError: with `handle_signals`, a signal came. What was written is removed.
    """
    call = _Call(RunMode.VERIFY, emit, handle_signals=handle_signals, overrides=overrides or {})
    stopping = call.stopping(settings)
    async with (
        stopping.watching("the examination was not finished", signals=handle_signals),
        reach(settings, resolve_target(settings.target)) as address,
        _transport(settings, address, call) as transport,
    ):
        return await doctor.examine(transport, address, call.clock, write=write, scenario=settings.scenario)


seed = synchronous(seed_async)
verify = synchronous(verify_async)
teardown = synchronous(teardown_async)
examine = synchronous(examine_async)


async def _execute(settings: Settings, call: _Call) -> Report:
    """Resolve, reach, choose the batch size, plan, open the session, run, report."""
    for file, what in ((settings.report, "report"), (settings.manifest, "manifest")):
        if file is not None:
            check_writable(file, what)
    if settings.generation.limits.slice:
        check_can_be_divided(settings)
    target = resolve_target(settings.target)
    stopping = call.stopping(settings)
    # it watches until the target was left, so that a late Ctrl-C cannot take the report away while the sandbox ends
    nothing = "nothing of the plan was sent" if call.mode is RunMode.SEED else "nothing was compared"
    async with stopping.watching(nothing, signals=call.handle_signals), AsyncExitStack() as stack:
        address = await stack.enter_async_context(reach(settings, target))
        settings = await _resolve_last_day(settings, address, call)
        settings, batch_size = await _choose_batch_size(settings, address, call)
        plan: Plan = call.overrides[Plan] if Plan in call.overrides else await _built(settings)
        session = stack.enter_context(_open_session(settings, plan, address, call))
        context = await stack.enter_async_context(
            open_run(
                _of_slice(settings),
                plan,
                address,
                emit=call.emit,
                session=session,
                shard=settings.generation.limits.shard,
                batch_size=batch_size,
                ends_at_s=stopping.ends_at_s,
                overrides=call.overrides,
            )
        )
        with stopping.steering(context):
            try:
                report = await _run(context, call)
            except StoppedError:  # before the first ledger
                raise stopping.error(nothing) from None
        if session is not None:
            report = _end_session(session, report)
    if settings.report is not None:
        try:
            write_json(report, settings.report)
        except OutputError as error:
            report = not_written(report, error)
    call.emit(RunFinished(report.exit_code, report.elapsed_s, report.verdict, report.next_step))
    return report


async def _built(settings: Settings) -> Plan:
    return await in_thread(partial(build_plan, settings))


def _of_slice(settings: Settings) -> Settings:
    """Return the settings with the share of the limits that belongs to their slice."""
    limits = settings.generation.limits
    if not limits.slice:
        return settings
    generation = settings.generation.model_copy(update={"limits": limits.share(limits.shard.of)})
    return settings.model_copy(update={"generation": generation})


def check_can_be_divided(settings: Settings) -> None:
    """Check that several processes which know nothing of one another can carry out a run.

    Raises:
        UsageError: they cannot.
    """
    if settings.has_temporary_sandbox:
        raise UsageError(
            "slices need a server that all of them use, and this sandbox ends with the command",
            hint="start `midaz-seed sandbox` and name it with --target",
        )
    if settings.generation.batches.transactions_per_batch == "auto":
        raise UsageError(
            "with transactionsPerBatch auto each slice would measure another batch size, and plan something else",
            hint="measure it once with `midaz-seed run --transactions-per-batch auto`, then give the number",
        )


async def _run(context: RunContext, call: _Call) -> Report:
    """Carry out the plan, or verify it, with its watchers beside it."""
    started_s, started_at_s = context.clock.monotonic(), context.clock.time()
    started_cpu_s = process_cpu_s()
    async with background_tasks() as watching:
        watching.start_soon(watch_client_load, context)
        watching.start_soon(record_time_series, context)
        for watcher in LOAD_WATCHERS if call.mode is RunMode.SEED else ():
            watching.start_soon(watcher, context)
        if call.watch is not None:
            watching.start_soon(call.watch, context)
        await (orchestrator.seed(context) if call.mode is RunMode.SEED else orchestrator.verify(context))
    context.close_journal()  # before the report is made, which names what went wrong
    report = summarize(context, started_s=started_s, started_at_s=started_at_s, started_cpu_s=started_cpu_s)
    error = context.findings.manifest_error
    return report if error is None else not_written(report, error)


def _open_session(
    settings: Settings, plan: Plan, target: ResolvedTarget, call: _Call
) -> AbstractContextManager[Session | None]:
    """The run's directory and journal; a verification writes nothing."""
    if call.mode is not RunMode.SEED:
        return nullcontext()
    return open_session(settings, plan, target, call.clock, call.directory)


def _end_session(session: Session, report: Report) -> Report:
    """Record the end of the session. A full disk must not take away the report of what was done."""
    try:
        session.end(report, write_outputs)
    except OutputError as error:
        return replace(report, next_step=f"{report.next_step} {error}: its directory is out of date.".strip())
    return report


async def _resolve_last_day(settings: Settings, address: ResolvedTarget, call: _Call) -> Settings:
    """The settings with the last day of the history: where that is `yesterday`, the day that the run began with."""
    if not is_open(settings):
        return settings
    recorded = last_day_on_record(settings, address)
    async with _transport(settings, address, call) as transport:
        return await resolve_last_day(settings, transport, call.clock, recorded=recorded)


async def _choose_batch_size(
    settings: Settings, address: ResolvedTarget, call: _Call
) -> tuple[Settings, BatchSizeChoice | None]:
    """The settings with a number of movements in a transaction: where that is `auto`, the size that the run began with,
    or one that is measured on the target before it is seeded."""
    if settings.generation.batches.transactions_per_batch != "auto":
        return settings, None
    check_numbers(settings)
    recorded = recorded_batch_size(settings, address)
    async with _transport(settings, address, call) as transport:
        measure = call.mode is RunMode.SEED
        return await choose_batch_size(settings, transport, call.clock, call.emit, measure=measure, recorded=recorded)


def _transport(settings: Settings, address: ResolvedTarget, call: _Call) -> AbstractAsyncContextManager[Transport]:
    """The caller's transport, which stays open, or one of its own."""
    given: Transport | None = call.overrides.get(Transport)
    return nullcontext(given) if given else open_transport(settings.target, address, call.clock)


@asynccontextmanager
async def reach(settings: Settings, target: ResolvedTarget) -> AsyncIterator[ResolvedTarget]:
    """Yield the target's address; `sandbox` as a target starts one for the duration of the block."""
    _reserve_file_descriptors(settings, target)
    if not target.is_sandbox:
        yield await _listening(target, addresses_of(settings.target))
        return
    own = settings.sandbox
    async with sandbox_process(data=own.data, faults=own.faults, dialect=own.dialect) as (onboarding, transaction):
        yield ResolvedTarget(onboarding, transaction, is_sandbox=True)


def _reserve_file_descriptors(settings: Settings, target: ResolvedTarget) -> None:
    """Check that there can be a connection to each service for every request in flight. Raises UsageError."""
    limits = settings.generation.limits
    in_flight = HIGHEST if limits.max_concurrency == "auto" else limits.max_concurrency
    services = 1 if target.onboarding_url == target.transaction_url else 2
    reserve_descriptors(in_flight * services, processes=1 if limits.shards == "auto" else limits.shards)


async def _listening(target: ResolvedTarget, addresses: Addresses) -> ResolvedTarget:
    """Without a port in the URL: the unified service's port, or the two of an older Midaz where those are open."""
    if target.split is None or await _listens(target.onboarding_url, addresses):
        return target
    older = target.split
    both = [await _listens(url, addresses) for url in (older.onboarding_url, older.transaction_url)]
    return older if all(both) else target


async def _listens(url: str, addresses: Addresses) -> bool:
    parts = urlsplit(url)
    return await accepts_connections(parts.hostname or "", parts.port or 80, addresses)
