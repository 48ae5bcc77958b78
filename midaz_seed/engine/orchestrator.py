"""READ FIRST: a whole run, from the first request to the last.

connect -> organizations -> per ledger: ledger -> assets -> account types, portfolios, segments -> accounts
                                        -> deposits -> settlement -> transfers -> follow-ups -> refusals
                                        -> verification
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import anyio
from anyio.abc import TaskGroup

from midaz_seed.engine.admission import StoppedError
from midaz_seed.engine.context import RunContext
from midaz_seed.engine.entities.creator import Created, EntityCreator
from midaz_seed.engine.entities.duplicates import Claim, remove_empty_duplicates
from midaz_seed.engine.ledger.ledger_run import LedgerRun
from midaz_seed.engine.ledger.verification import locate, verify_ledger, verify_marks
from midaz_seed.engine.manifest import write_manifest
from midaz_seed.engine.shards.coordinator import seed_in_shards
from midaz_seed.engine.state_tree import LedgerState, LedgerStatus, OrganizationState
from midaz_seed.engine.teardown import Removal, tear_down
from midaz_seed.engine.worker_pool import WorkerPool
from midaz_seed.errors import (
    BreakerOpenError,
    JournalError,
    OutputError,
    OverloadedError,
    PlanError,
    RunError,
    SeedError,
    UnauthorizedError,
)
from midaz_seed.midaz.api import MidazApi, mark_of
from midaz_seed.midaz.routes import Place
from midaz_seed.midaz.server_traits import server_of
from midaz_seed.model.outcomes import Outcome
from midaz_seed.plan.items import Entity, EntityItem, Phase
from midaz_seed.reporting.events import LedgerFailed, PhaseStarted, RunStarted
from midaz_seed.runs.journal import PhaseLog
from midaz_seed.scenarios.needs import check_supported


async def seed(context: RunContext) -> None:
    """Carry out the plan and verify it: organizations in parallel, each ledger as soon as its organization exists.

    Errors after the first write are in the context.

    Raises:
        UnreachableError: the server does not answer.
        UnauthorizedError: the credentials were rejected.
        NotMidazError: the server is not a Midaz server.
        PlanError: the plan needs a newer server.
        UnsupportedScenarioError: the scenario needs a newer server.
        RunError: the run was made on another server, or the server contradicts itself.
    """
    shards = context.shards
    async with _workers(context):
        await _connect(context)
        context.begin_session()
        ledgers_at_once = anyio.Semaphore(context.settings.generation.limits.ledgers_in_parallel)
        async with anyio.create_task_group() as group:
            for organization in context.state.organizations_to_fill:
                group.start_soon(_seed_organization, context, organization, group, ledgers_at_once, shards == 1)
        if shards > 1 and not context.pool.admission.is_draining:
            await seed_in_shards(context, shards)
        if context.settings.verification.enabled and not context.pool.admission.is_draining:
            await _verify_marks(context)
        await write_manifest(context)


async def seed_shard(context: RunContext) -> None:
    """Fill and verify the ledgers of a shard, whose organizations another process has created. Raises as `seed`."""
    async with _workers(context):
        await _connect(context)
        ledgers_at_once = anyio.Semaphore(context.settings.generation.limits.ledgers_in_parallel)
        async with anyio.create_task_group() as group:
            for organization in context.state.organizations:
                _start_ledgers(context, organization, group, ledgers_at_once)


async def verify(context: RunContext) -> None:
    """Verify what an earlier run left on the server, without a write. Raises as `seed`, and RequestFailedError."""
    for phase in context.meter.phases.values():
        phase.planned = 0  # nothing is to be created
    async with _workers(context):
        await _connect(context)
        context.results.absent += await context.pool.run_one(lambda: locate(context))
        async with anyio.create_task_group() as group:
            for ledger in context.state.ledgers:
                if ledger.id:
                    group.start_soon(
                        _run_ledger_safely, context, ledger, lambda ledger=ledger: _verify_one(context, ledger)
                    )


async def teardown(context: RunContext, *, dry_run: bool, is_known: bool = False) -> list[Removal]:
    """Remove what the plan's run created. Raises as `verify`, and RunError as `tear_down`."""
    async with _workers(context):
        await _connect(context)
        return await context.pool.run_one(lambda: tear_down(context, dry_run=dry_run, is_known=is_known))


def _workers(context: RunContext) -> AbstractAsyncContextManager[WorkerPool]:
    """Run the workers. An error that ends the run drains it at once: what else is in flight may hang."""

    def on_error(error: Exception) -> None:
        if isinstance(error, _FATAL):
            _end(context, error)

    context.pool.on_error = on_error
    return context.pool.running()


async def _verify_marks(context: RunContext) -> None:
    """Verify that organizations and ledgers with the run's marks exist once. Only the whole run can, not a shard."""
    try:
        wrong = await context.pool.run_one(lambda: verify_marks(context))
        phase_log = _phase_log(context, Phase.ORGANIZATIONS)
        claims = [Claim(each.plan.item, phase_log, each.index) for each in context.state.organizations if each.id]
        if wrong and await remove_empty_duplicates(context, Phase.ORGANIZATIONS, Place(), claims):
            wrong = await context.pool.run_one(lambda: verify_marks(context))
        context.results.absent += wrong
    except StoppedError:
        return
    except SeedError as error:
        _end(context, error)


async def _connect(context: RunContext) -> None:
    """Check that the target is a Midaz server that the plan can run on, that the credentials work, and that it is the
    same server as before.
    """
    api = MidazApi(context.sender.probe, Phase.ORGANIZATIONS)
    context.findings.server = server = server_of(await context.pool.run_one(api.version))
    check_supported(context.settings.scenario, server.version)
    if context.plan.transactions_per_batch > 1 and not server.atomic_many_to_many:
        raise PlanError(
            f"Midaz {server.version} may apply only some legs of a transaction, so movements cannot be batched",
            hint="leave out --transactions-per-batch for servers before v3.3",
        )
    await context.pool.run_one(api.check_access)
    await _check_same_server(context)
    target = context.settings.target.base_url
    context.emit(
        RunStarted(
            context.plan.run_id,
            context.plan.digest,
            target,
            server.version,
            len(context.state.ledgers),
            dict(context.plan.counts),
        )
    )


async def _check_same_server(context: RunContext) -> None:
    """Check that the server is the one the journal was written for.

    Raises:
        RunError: it is another one, or it contradicts itself.
    """
    journal, wait = context.journal, context.settings.settlement
    phase_log = _phase_log(context, Phase.ORGANIZATIONS)
    known = {
        server_id: mark_of(organization.plan.item.payload)
        for organization in context.state.organizations
        if (server_id := phase_log.known_id(organization.index))
    }
    gone = await _find_gone(context, known)
    if gone and len(gone) == len(known) and context.may_restart:
        journal.restart()
    elif gone:
        raise RunError(
            f"the target is not the server that run {context.plan.run_id} started on, or the run's data was removed: "
            f"it has no organization {gone[0]}",
            where=context.target.onboarding_url,
            hint="use the right target, or start over: "
            f"`midaz-seed runs delete {context.directory_arguments}` removes the run's directory",
        )
    if not journal.clean:  # requests in flight when the last session was cut off may still arrive
        age_s = context.clock.time() - journal.last_written_s
        await context.sleep(min(max(wait.max_delay_s - age_s, 0.0), wait.max_delay_s))


async def _find_gone(context: RunContext, known: Mapping[str, str]) -> list[str]:
    """Return the organizations of the journal (id -> mark) that the server says it does not have.

    A wrong answer would lead to a second copy of all data. So the server is asked twice, and its list must agree.

    Raises:
        RunError: the server contradicts itself.
    """
    api, pool = context.api(Phase.ORGANIZATIONS), context.pool

    async def missing(ids: Iterable[str]) -> list[str]:
        return [each for each in ids if await api.entity(Entity.ORGANIZATION, Place(), each) is None]

    gone = await pool.run_one(lambda: missing(known))
    if gone:
        await pool.run_one(lambda: _check_list_agrees(context, api, {each: known[each] for each in gone}))
        await context.sleep(context.settings.settlement.max_delay_s)
        gone = await pool.run_one(lambda: missing(gone))
    if gone:
        await pool.run_one(lambda: _check_list_agrees(context, api, {each: known[each] for each in gone}))
    return gone


async def _check_list_agrees(context: RunContext, api: MidazApi, gone: Mapping[str, str]) -> None:
    """Check that the server's list agrees with its single answers.

    Raises:
        RunError: the list has what the server says it does not have, by id or mark, or is empty although the server
            counts entries.
    """
    listed = [row async for row in api.entities(Entity.ORGANIZATION, Place(), {})]
    shown = [str(row["id"]) for row in listed if row.get("id") in gone or mark_of(row) in gone.values()]
    counted = 0 if listed else await api.count(Entity.ORGANIZATION, Place())
    if shown or counted:
        lists = f"lists {', '.join(shown)} with its mark" if shown else f"lists none, but counts {counted}"
        raise RunError(
            f"the server contradicts itself about run {context.plan.run_id}, so nothing was changed: it says that it "
            f"has no organization {next(iter(gone))}, and {lists}",
            where=context.target.onboarding_url,
            hint="check the server's replicas and what is in front of it, then run the same command again; if the "
            "run exists twice, remove both with `midaz-seed teardown`",
        )


def _phase_log(context: RunContext, phase: Phase) -> PhaseLog:
    """Return the journal of the organizations, or of the ledgers, of the whole plan."""
    return context.journal.phase_log(None, phase, context.plan.counts[phase])


async def _seed_organization(
    context: RunContext,
    organization: OrganizationState,
    group: TaskGroup,
    ledgers_at_once: anyio.Semaphore,
    with_ledgers: bool,
) -> None:
    """Create an organization, then start its ledgers."""
    item = organization.plan.item
    created, why_not = await _create_one(
        context, Phase.ORGANIZATIONS, item, organization.index, Place(), parent_fresh=False
    )
    organization.id, organization.created_by_this_run = created.id, created.created_by_this_run
    if with_ledgers:
        _start_ledgers(context, organization, group, ledgers_at_once, why_not)


def _start_ledgers(
    context: RunContext,
    organization: OrganizationState,
    group: TaskGroup,
    ledgers_at_once: anyio.Semaphore,
    why_not: str = "",
) -> None:
    """Fill the ledgers of an organization, each in its own task; `why_not`: why it was not created."""
    for ledger in organization.ledgers:
        ledger.organization_id = organization.id
        if context.pool.admission.time_is_up:
            ledger.status = LedgerStatus.STOPPED
        elif organization.id:
            group.start_soon(_seed_ledger, context, organization, ledger, ledgers_at_once)
        else:
            reason = f"its organization could not be created{why_not and f': {why_not}'}"
            _fail(context, ledger, Phase.LEDGERS, reason)


async def _seed_ledger(
    context: RunContext, organization: OrganizationState, ledger: LedgerState, ledgers_at_once: anyio.Semaphore
) -> None:
    """Create a ledger and everything in it."""
    async with AsyncExitStack() as turn:
        await turn.enter_async_context(ledgers_at_once)
        ledger.end_turn = turn.aclose
        if context.pool.admission.time_is_up:
            ledger.status = LedgerStatus.STOPPED
            return
        place = Place(organization.id)
        ledger.resumed = bool(_phase_log(context, Phase.LEDGERS).known_id(ledger.index))
        created, why_not = await _create_one(
            context, Phase.LEDGERS, ledger.plan.item, ledger.index, place, parent_fresh=organization.created_by_this_run
        )
        if not created.id:
            _fail(context, ledger, Phase.LEDGERS, f"it could not be created{why_not and f': {why_not}'}")
            return
        ledger.id, ledger.created_by_this_run, ledger.created_s = (
            created.id,
            created.created_by_this_run,
            context.clock.monotonic(),
        )
        await _run_ledger_safely(context, ledger, LedgerRun(context, ledger).run)


async def _create_one(
    context: RunContext, phase: Phase, item: EntityItem, ordinal: int, place: Place, *, parent_fresh: bool
) -> tuple[Created, str]:
    """Create an organization or a ledger.

    Returns:
        The outcome, without an id when it failed or the run drains, and the error, "" when there is none.
    """
    creator = EntityCreator(context, context.meter.recorder(phase, "", 1), place)
    phase_log = _phase_log(context, phase)
    context.meter.phases[phase].start(context.clock.monotonic())
    context.emit(PhaseStarted(phase, item.key if phase is Phase.LEDGERS else "", 1))
    try:
        created = await context.pool.run_one(
            lambda: creator.create(item, {}, parent_fresh=parent_fresh, phase_log=phase_log, ordinal=ordinal)
        )
    except StoppedError:
        return _NOTHING, ""
    except SeedError as error:
        _end(context, error)
        return _NOTHING, str(error)
    finally:
        context.meter.phases[phase].finish(context.clock.monotonic())
    return created, ""


_NOTHING = Created(Outcome.FAILED)


async def _verify_one(context: RunContext, ledger: LedgerState) -> None:
    ledger.status = LedgerStatus.RUNNING
    context.results.verifications.append(await verify_ledger(context, ledger))
    ledger.status = LedgerStatus.DONE


async def _run_ledger_safely(context: RunContext, ledger: LedgerState, work: Callable[[], Awaitable[None]]) -> None:
    """Run a ledger and record what ends it early; only errors that concern the whole target end the others too."""
    try:
        await work()
    except StoppedError:
        ledger.status = LedgerStatus.STOPPED
    except SeedError as error:
        _end(context, error)
        progress = context.meter.ledgers.get(ledger.plan.key)
        _fail(context, ledger, progress.phase if progress else Phase.LEDGERS, str(error))


def _end(context: RunContext, error: SeedError) -> None:
    if error not in context.results.errors:  # one that drained the run is there already
        context.results.errors.append(error)
    if isinstance(error, _FATAL):
        context.stop(str(error))


_FATAL = (BreakerOpenError, OverloadedError, UnauthorizedError, JournalError, OutputError)
"""Errors that concern the whole target, or the journal: they end the run."""


def _fail(context: RunContext, ledger: LedgerState, phase: Phase, reason: str) -> None:
    if context.pool.admission.is_draining:
        ledger.status = LedgerStatus.STOPPED
    else:
        ledger.fail(reason)
        context.emit(LedgerFailed(ledger.plan.key, ledger.plan.name, phase, reason))
