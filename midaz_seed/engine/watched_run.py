"""A run as a display reads it, on a terminal or as a page: organizations, ledgers and counters."""

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.state_tree import LedgerState, LedgerStatus
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.meter import LedgerProgress, Meter
from midaz_seed.reporting.progress import OrganizationShown, Watched


class _Ledger:
    """A ledger, as it is when it is read."""

    def __init__(self, ledger: LedgerState, meter: Meter) -> None:
        self._ledger = ledger
        self._meter = meter
        self.key = ledger.plan.key
        self.name = ledger.plan.name

    @property
    def status(self) -> str:
        """Its status. That of a shard is known when the shard has ended; until then its progress shows it."""
        status, progress = self._ledger.status, self.progress
        if status is not LedgerStatus.WAITING or progress is None:
            return status
        is_verified = progress.phase is Phase.VERIFY and progress.created and not progress.active
        return LedgerStatus.DONE if is_verified else LedgerStatus.RUNNING

    @property
    def reason(self) -> str:
        return self._ledger.reason

    @property
    def progress(self) -> LedgerProgress | None:
        return self._meter.ledgers.get(self.key)


def watched_run(context: RunContext) -> Watched:
    """Return what a display reads of a run."""
    is_searched = context.settings.generation.limits.max_concurrency == "auto"
    meter, pool, results = context.meter, context.pool, context.results
    return Watched(
        meter,
        context.timeline,
        [
            OrganizationShown(each.plan.key, each.plan.name, [_Ledger(ledger, meter) for ledger in each.ledgers])
            for each in context.state.organizations
        ],
        verified=lambda: (len(results.verifications), len(context.state.ledgers)),
        limit=lambda: pool.limit if is_searched else None,
    )
