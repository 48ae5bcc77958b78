"""Read all transactions of a ledger, check each, and add its operations to the chains of their balances."""

from dataclasses import replace

from midaz_seed.ledger_audit.chains import Chain
from midaz_seed.ledger_audit.findings import Finding
from midaz_seed.ledger_audit.operations import Directions
from midaz_seed.ledger_audit.reading import Page, PagedList
from midaz_seed.ledger_audit.scope import LedgerContext, all_dates
from midaz_seed.ledger_audit.transactions import CheckedTransaction, TransactionRules, check_transaction
from midaz_seed.midaz import routes
from midaz_seed.midaz.routes import PAGE_LIMIT

IDS_KEPT = 3 * PAGE_LIMIT
"""Ids of the last rows, by which a row is recognised that is listed again."""
REREAD_PAUSES_S = (0.2, 1.0)
"""Pauses before a page with findings is read again: a record may be written in parts."""
PAUSED_PAGES_MAX = 50
"""Pages that are read again with all these pauses; after them only the first one is made."""


class TransactionList:
    """The transactions of one ledger, as far as they were read."""

    def __init__(self, context: LedgerContext, directions: Directions) -> None:
        """Prepare.

        Args:
            context: of the ledger.
            directions: of its balances.
        """
        self._context = context
        self._progress = progress = context.progress
        path = routes.transactions(context.place)
        self._list = PagedList(context.api, path, all_dates(context.clock), progress.limit or PAGE_LIMIT)
        self._rules = TransactionRules(
            directions,
            versions=context.versions,
            pending_max_s=3600 * context.scope.pending_hours,
            now_s=context.clock.time(),
        )
        self._paused_pages = 0

    async def read(self) -> None:
        """Read on to the end of the list. Called again, it reads what was added since.

        Raises:
            TargetError: a page cannot be read.
        """
        async for page in self._list.pages(self._progress.cursor):
            await self._take(page)
            self._context.save()

    async def _take(self, page: Page) -> None:
        checked, changing = self._check(page), list[str]()
        if any(each.findings for each in checked):
            page, checked, changing = await self._check_again(page, checked)
        progress = self._progress
        # from here to the end nothing waits, so that a saved progress has all of a page or nothing
        for each in checked:
            progress.transactions += 1
            progress.operations += len(each.operations)
            self._add_operations(each)
            for finding in each.findings:
                progress.findings.add(finding)
        for transaction_id in changing:
            progress.findings.note(f"transaction {transaction_id} changed while it was read")
        progress.last_ids = [*progress.last_ids, *(each.id for each in checked)][-IDS_KEPT:]
        progress.cursor = page.next_cursor or page.cursor
        progress.limit, progress.listed = self._list.limit, not page.next_cursor

    def _check(self, page: Page) -> list[CheckedTransaction]:
        known = set(self._progress.last_ids)
        return [check_transaction(row, self._rules) for row in page.rows if row.get("id") not in known]

    async def _check_again(
        self, page: Page, checked: list[CheckedTransaction]
    ) -> tuple[Page, list[CheckedTransaction], list[str]]:
        """Read a page with findings again. Return it with the findings that every read shows, and the ids of the
        transactions that changed."""
        self._paused_pages += 1
        pauses = REREAD_PAUSES_S if self._paused_pages <= PAUSED_PAGES_MAX else REREAD_PAUSES_S[:1]
        confirmed = _findings_of(checked)
        for pause_s in pauses:
            await self._context.clock.sleep(pause_s)
            page = await self._list.page(page.cursor)
            checked = self._check(page)
            found = _findings_of(checked)
            confirmed = confirmed & found
            if not found:
                break
        kept = [
            replace(each, findings=tuple(finding for finding in each.findings if finding in confirmed))
            for each in checked
        ]
        changing = [
            before.id for before, after in zip(checked, kept, strict=True) if before.findings and not after.findings
        ]
        return page, kept, changing

    def _add_operations(self, checked: CheckedTransaction) -> None:
        chains = self._progress.chains
        for operation in checked.operations:
            if not operation.affects or not operation.balance_id:
                continue
            chain = chains.get(operation.balance_id)
            if chain is None:
                chain = chains[operation.balance_id] = Chain.of(operation, versioned=self._context.versions)
            chain.add(operation, checked.id)


def _findings_of(checked: list[CheckedTransaction]) -> frozenset[Finding]:
    return frozenset(finding for each in checked for finding in each.findings)
