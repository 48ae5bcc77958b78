"""A run or a proof as one call: settings in, report out. The command line and the library both come through here."""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

import anyio
from anyio.abc import TaskGroup

from midaz_seed.clock import Clock, SystemClock
from midaz_seed.engine.client_load import process_cpu_s, watch_client_load
from midaz_seed.engine.context import RunContext
from midaz_seed.engine.control.watchers import LOAD_WATCHERS
from midaz_seed.engine.orchestrator import check, fill, remove, watch_signals
from midaz_seed.engine.report_builder import summarize
from midaz_seed.engine.task_groups import background_tasks
from midaz_seed.engine.teardown import Fate, Removal
from midaz_seed.errors import ExitCode, JournalError, OutputError, SignalledError
from midaz_seed.plan.batch_size import BatchSizeChoice
from midaz_seed.plan.plan import Plan, build_plan, check_numbers
from midaz_seed.probe.batch_size_trial import choose_batch_size
from midaz_seed.probe.doctor import Diagnosis, examine
from midaz_seed.reporting.events import Emit, Event, RunFinished
from midaz_seed.reporting.report import Report, check_writable, write_json
from midaz_seed.runs.directory import RunDirectory
from midaz_seed.runs.session import Session, open_session
from midaz_seed.sandbox.launch import sandbox_process
from midaz_seed.settings.model import Settings
from midaz_seed.settings.target import ResolvedTarget, resolve_target
from midaz_seed.transport.base import Transport
from midaz_seed.wiring import open_run, open_transport

Watch = Callable[[RunContext], Coroutine[Any, Any, None]]
"""Something that runs beside a run, such as a progress display; it is cancelled when the run is over."""
Result = TypeVar("Result")
LISTENS_WITHIN_S = 2.0
RunFunction = Callable[[RunContext], Awaitable[None]]


def ignore_event(_: Event) -> None:
    """Nobody wants to know what happens."""


@dataclass(frozen=True, slots=True)
class _RunMode:
    """How one call goes: what is told to the target, and who sees it."""

    function: RunFunction
    emit: Emit = ignore_event
    watch: Watch | None = None
    handle_signals: bool = False
    overrides: Mapping[type, Any] = field(default_factory=dict)

    @property
    def clock(self) -> Clock:
        return self.overrides.get(Clock) or SystemClock()


async def seed_async(
    settings: Settings,
    *,
    emit: Emit = ignore_event,
    watch: Watch | None = None,
    handle_signals: bool = False,
    overrides: Mapping[type, Any] | None = None,
) -> Report:
    """Fill the target with the plan of these settings, prove it, and report.

    Raises a SeedError for what is wrong before the first write: PlanError, TargetNotAllowedError, OutputError,
    UnreachableError,
    UnauthorizedError, NotMidazError. What goes wrong later is in the report, and in its exit code.
    """
    return await _execute(settings, _RunMode(fill, emit, watch, handle_signals, overrides or {}))


async def verify_async(
    settings: Settings,
    *,
    emit: Emit = ignore_event,
    watch: Watch | None = None,
    handle_signals: bool = False,
    overrides: Mapping[type, Any] | None = None,
) -> Report:
    """Prove that the target holds the plan of these settings, and report; nothing is written. Raises as
    `seed_async`."""
    return await _execute(settings, _RunMode(check, emit, watch, handle_signals, overrides or {}))


async def examine_async(settings: Settings, *, write: bool) -> Diagnosis:
    """Look at the target: what answers there, and whether a run may go there. With `write` also try it out.

    Raises TargetNotAllowedError, UsageError, ConfigurationError; what is wrong with the target is in the diagnosis.
    """
    clock = SystemClock()
    async with (
        _reachable(settings, resolve_target(settings.target)) as target,
        open_transport(settings.target, target, clock) as transport,
    ):
        return await examine(transport, target, clock, write=write)


async def teardown_async(settings: Settings, *, dry_run: bool) -> list[Removal]:
    """Remove what the run of these settings created. Raises as `verify_async`, and RequestFailedError."""
    async with _with_batch_size(settings, resolve_target(settings.target), _RunMode(check)) as (settings, target, _):
        plan = build_plan(settings)
        directory = RunDirectory(settings.journal.directory / plan.run_id)
        with directory.owned() if directory.exists else nullcontext():
            async with (
                _reachable(settings, target) as address,
                open_run(settings, plan, address, emit=ignore_event) as context,
            ):
                removals = await remove(context, dry_run=dry_run)
            if directory.exists and not dry_run and not any(removal.fate is Fate.KEPT for removal in removals):
                directory.mark_removed(SystemClock())
    return removals


def seed(settings: Settings) -> Report:
    """`seed_async` for programs without an event loop."""
    return run_in_loop(lambda: seed_async(settings))


def verify(settings: Settings) -> Report:
    """`verify_async` for programs without an event loop."""
    return run_in_loop(lambda: verify_async(settings))


def run_in_loop(function: Callable[[], Awaitable[Result]]) -> Result:
    """Run on uvloop where it can be imported, on asyncio otherwise."""
    try:
        import uvloop  # noqa: F401
    except ImportError:
        fast = False
    else:
        fast = True
    return anyio.run(function, backend_options={"use_uvloop": fast})


async def _execute(settings: Settings, mode: _RunMode) -> Report:
    if settings.report is not None:
        check_writable(settings.report)
    # only after the target was left, so that a late Ctrl-C cannot take the report away while the sandbox ends
    async with (
        background_tasks() as beside,
        _with_batch_size(settings, resolve_target(settings.target), mode) as (settings, target, packing),
    ):
        report = await _run_plan(settings, target, packing, mode, beside)
    mode.emit(RunFinished(report.exit_code, report.elapsed_s))
    if settings.report is not None:
        write_json(report, settings.report)
    return report


async def _run_plan(
    settings: Settings, target: ResolvedTarget, packing: BatchSizeChoice | None, mode: _RunMode, beside: TaskGroup
) -> Report:
    """Everything between the plan and its report. What watches the run goes on in `beside`."""
    plan = build_plan(settings)
    with _session(settings, plan, target, mode) as session:
        async with (
            _reachable(settings, target) as address,
            open_run(settings, plan, address, emit=mode.emit, session=session, overrides=mode.overrides) as context,
        ):
            context.batch_size = packing
            if mode.handle_signals:
                beside.start_soon(watch_signals, context)
            beside.start_soon(watch_client_load, context)
            if mode.function is fill:
                for watcher in LOAD_WATCHERS:
                    beside.start_soon(watcher, context)
            started_s, started_at_s = context.clock.monotonic(), context.clock.time()
            started_cpu_s = process_cpu_s()
            await _watched(context, mode)
            _close(context)
            report = summarize(context, started_s=started_s, started_at_s=started_at_s, started_cpu_s=started_cpu_s)
        return report if session is None else _written_down(session, report)


def _session(
    settings: Settings, plan: Plan, target: ResolvedTarget, mode: _RunMode
) -> AbstractContextManager[Session | None]:
    """Where a run writes things down; a proof writes nothing."""
    return open_session(settings, plan, target, mode.clock) if mode.function is fill else nullcontext()


def _written_down(session: Session, report: Report) -> Report:
    """End the session. A full disk must not take away the report of what was done."""
    try:
        session.end(report)
    except OutputError as error:
        return replace(report, next_step=f"{report.next_step} {error}: its directory tells an older story.".strip())
    return report


def _close(context: RunContext) -> None:
    """The last word in the journal comes before the report, which tells when it could not be written."""
    try:
        context.journal.close(clean=not context.pool.cancelled)
    except JournalError as error:
        context.errors.append(error)


@asynccontextmanager
async def _with_batch_size(
    settings: Settings, target: ResolvedTarget, mode: _RunMode
) -> AsyncIterator[tuple[Settings, ResolvedTarget, BatchSizeChoice | None]]:
    """The settings with a number of movements in a transaction. Where that is `auto` the target is asked, and tried out
    when it is to be filled; the address that comes back is reached already."""
    if settings.generation.batches.transactions_per_batch != "auto":
        yield settings, target, None
        return
    check_numbers(settings)
    async with _reachable(settings, target) as address:
        given: Transport | None = mode.overrides.get(Transport)
        opened = nullcontext(given) if given else open_transport(settings.target, address, mode.clock)
        async with opened as transport:

            async def settled() -> tuple[Settings, BatchSizeChoice]:
                return await choose_batch_size(
                    settings, transport, mode.clock, mode.emit, measure=mode.function is fill
                )

            packed, choice = await (_cancel_on_signal(settled) if mode.handle_signals else settled())
        yield packed, address, choice


async def _cancel_on_signal(work: Callable[[], Awaitable[Result]]) -> Result:
    """What the work gives, or SignalledError when a SIGINT or SIGTERM comes first; the work cleans up behind itself."""
    caught: list[signal.Signals] = []
    results: list[Result] = []
    # listened to for as long as the cleaning takes: a second signal must not leave half of it
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with background_tasks() as beside:

            async def listen() -> None:
                caught.append(await anext(signals))
                beside.cancel_scope.cancel()

            beside.start_soon(listen)
            results.append(await work())
    if caught:
        code = ExitCode.INTERRUPTED if caught[0] is signal.SIGINT else ExitCode.TERMINATED
        raise SignalledError(f"{caught[0].name}: nothing of the plan was sent", exit_code=code)
    return results[0]


@asynccontextmanager
async def _reachable(settings: Settings, target: ResolvedTarget) -> AsyncIterator[ResolvedTarget]:
    """The target's address; the word `sandbox` starts one for the duration of the block, unless it was started
    before."""
    if not target.is_sandbox:
        yield await _answering(target)
        return
    if target.onboarding_url:
        yield target
        return
    own = settings.sandbox
    async with sandbox_process(data=own.data, faults=own.faults, dialect=own.dialect) as (onboarding, transaction):
        yield ResolvedTarget(onboarding, transaction, is_sandbox=True)


async def _answering(target: ResolvedTarget) -> ResolvedTarget:
    """Without a port in the URL: the unified service's port, or the two of an older Midaz where those are open."""
    if target.split is None or await _listens(target.onboarding_url):
        return target
    older = target.split
    return older if await _listens(older.onboarding_url) and await _listens(older.transaction_url) else target


async def _listens(url: str) -> bool:
    parts = urlsplit(url)
    try:
        with anyio.fail_after(LISTENS_WITHIN_S):
            stream = await anyio.connect_tcp(parts.hostname or "", parts.port or 80)
    except (OSError, TimeoutError):
        return False
    await stream.aclose()
    return True


async def _watched(context: RunContext, mode: _RunMode) -> None:
    async with background_tasks() as beside:
        if mode.watch is not None:
            beside.start_soon(mode.watch, context)
        await mode.function(context)
