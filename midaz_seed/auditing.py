"""The library's calls for an audit, async with a synchronous twin. The command calls them too."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from midaz_seed.clock import Clock, SystemClock
from midaz_seed.event_loop import synchronous
from midaz_seed.ledger_audit.auditor import Audit, AuditStep
from midaz_seed.ledger_audit.progress import STATE_FILE, ProgressFile
from midaz_seed.ledger_audit.report import AuditReport
from midaz_seed.ledger_audit.scope import CONCURRENCY, PENDING_HOURS, RATE_PER_S, AuditScope
from midaz_seed.reporting.events import Emit
from midaz_seed.runner import ignore_event, reach
from midaz_seed.runs.directory import LOCK, RunDirectory
from midaz_seed.runs.identity import directory_name, server_key, target_name
from midaz_seed.settings.model import Settings
from midaz_seed.settings.target import ResolvedTarget, resolve_target
from midaz_seed.stopping import Stopping
from midaz_seed.transport.base import Transport
from midaz_seed.wiring import open_transport


def _ignore_step(_: AuditStep) -> None:
    """Do nothing with a step."""


async def audit_async(
    settings: Settings,
    *,
    organization_id: str = "",
    ledger_id: str = "",
    transactions: bool = True,
    pending_hours: float = PENDING_HOURS,
    rate_per_s: float = RATE_PER_S,
    concurrency: int = CONCURRENCY,
    restart: bool = False,
    emit: Emit = ignore_event,
    show: Callable[[AuditStep], None] = _ignore_step,
    handle_signals: bool = False,
    overrides: Mapping[type, Any] | None = None,
) -> AuditReport:
    """Check the invariants of ledgers that any client filled, without a plan. Only reads are sent.

    An audit that was interrupted continues with the next call that has the same arguments. With `journal.enabled` its
    state is kept below `journal.directory` until the audit is complete.

    Args:
        settings: the sections `target`, `settlement` (how long reads may lag) and `journal` are used, and `sandbox`
            where that is the target.
        organization_id: only the ledgers of this organization; "" for all.
        ledger_id: only this ledger; "" for all.
        transactions: False reads no transactions: only balances and counts are checked.
        pending_hours: how long a transaction may be pending, in hours.
        rate_per_s: maximum requests per second; 0: no limit.
        concurrency: maximum requests in flight, and ledgers that are read at the same time.
        restart: begin again, and drop what an interrupted audit has read.
        emit: as in `seed_async`.
        show: called with an `AuditStep` after each page of transactions.
        handle_signals: as in `seed_async`.
        overrides: as in `seed_async`.

    Returns:
        The report; `exit_code` is 1 when there are findings.

    Raises:
        UsageError: TargetNotAllowedError, OutputError or RunError, or the organization or ledger does not exist.
        TargetError: UnreachableError, UnauthorizedError, NotMidazError or RequestFailedError; what was read is kept.
        SignalledError: with `handle_signals`, a signal came; what was read is kept.
    """
    scope = AuditScope(organization_id, ledger_id, transactions, pending_hours, rate_per_s, concurrency)
    given: Mapping[type, Any] = overrides or {}
    clock: Clock = given.get(Clock) or SystemClock()
    stopping = Stopping(clock, grace_s=settings.generation.limits.grace_s, emit=emit)
    kept = "what was read is kept" if settings.keeps_a_journal else "what was read is lost"
    async with (
        stopping.watching(f"the audit was not finished; {kept}", signals=handle_signals),
        reach(settings, resolve_target(settings.target)) as address,
    ):
        own: Transport | None = given.get(Transport)
        connection = nullcontext(own) if own else open_transport(settings.target, address, clock)
        async with connection as transport:
            with _progress_file(settings, address, scope, clock, restart=restart) as file:
                return await Audit(transport, clock, scope, settings.settlement, file, show).run(target_name(address))


audit = synchronous(audit_async)


@contextmanager
def _progress_file(
    settings: Settings, address: ResolvedTarget, scope: AuditScope, clock: Clock, *, restart: bool
) -> Iterator[ProgressFile | None]:
    """Own the directory with the state of this audit for the duration of the block; None when nothing is kept."""
    if not settings.keeps_a_journal:
        yield None
        return
    directory = RunDirectory(_state_directory(settings, address, scope))
    folders = [directory.path, *([] if directory.path.parent.exists() else [directory.path.parent])]
    with directory.owned():
        file = ProgressFile(directory / STATE_FILE, clock)
        if restart:
            file.delete()
        try:
            yield file
        finally:
            if not file.path.exists():
                with suppress(OSError):  # such as a folder that another audit uses meanwhile
                    (directory / LOCK).unlink()
                    for folder in folders:
                        folder.rmdir()


def _state_directory(settings: Settings, address: ResolvedTarget, scope: AuditScope) -> Path:
    """Return the directory of the state: one for each server and each set of checks."""
    checks = (scope.organization_id, scope.ledger_id, scope.transactions, scope.pending_hours)
    digest = hashlib.sha256(repr(checks).encode()).hexdigest()[:8]
    server = server_key(target_name(address), settings.sandbox.data)
    return settings.journal.directory / directory_name(f"audit-{digest}", server)
