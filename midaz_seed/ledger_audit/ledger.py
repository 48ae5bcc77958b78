"""The audit of one ledger: its transactions, then its counts, then its balances."""

from midaz_seed.ledger_audit.balances import BalanceCheck, read_balances
from midaz_seed.ledger_audit.counts import compare_ledger_counts, compare_transaction_count
from midaz_seed.ledger_audit.scope import LedgerContext
from midaz_seed.ledger_audit.transaction_list import TransactionList


async def audit_ledger(context: LedgerContext) -> None:
    """Audit one ledger, from where its progress is.

    The transactions come first, because an interrupted audit keeps what it read of them. The rest is read again.

    Raises:
        TargetError: something cannot be read.
        OutputError: the progress cannot be written.
    """
    progress, transactions = context.progress, None
    if context.scope.transactions:
        directions = {row.id: row.sign for row in (await read_balances(context)).values()}
        transactions = TransactionList(context, directions)
        await transactions.read()
        await compare_transaction_count(context, transactions)
    assets = await compare_ledger_counts(context)
    await BalanceCheck(context, assets, transactions).run()
    progress.findings.merge(context.findings)
    progress.figures, progress.assets = context.figures, context.assets
    progress.chains.clear()
    progress.last_ids.clear()
    progress.done = True
