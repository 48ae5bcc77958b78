"""Counts of the server against its lists."""

from collections.abc import Awaitable, Callable

from midaz_seed.clock import Clock
from midaz_seed.ledger_audit.findings import Finding, FindingKind, Findings
from midaz_seed.ledger_audit.scope import LedgerContext, Rounds, all_dates, all_times
from midaz_seed.ledger_audit.transaction_list import TransactionList
from midaz_seed.midaz.api import MidazApi
from midaz_seed.midaz.routes import Place
from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.items import Entity

COUNTED = (Entity.ASSET, Entity.PORTFOLIO, Entity.SEGMENT, Entity.ACCOUNT)
"""What is counted and listed below a ledger, beside its transactions."""


async def list_all(api: MidazApi, clock: Clock, entity: Entity, place: Place) -> list[JsonObject]:
    """Return all entities of a kind, whatever their age. Raises TargetError."""
    return [row async for row in api.entities(entity, place, all_dates(clock))]


async def compare_count(
    findings: Findings,
    rounds: Rounds,
    what: str,
    count: Callable[[], Awaitable[int]],
    listed: Callable[[], Awaitable[int]],
) -> None:
    """Compare a count of the server with the length of its list, again until they agree or stand still.

    Args:
        findings: gets the difference.
        rounds: paces the reads.
        what: what is counted, in the plural.
        count: reads the count.
        listed: reads the list, and returns its length.

    Raises:
        TargetError: one of them cannot be read.
    """
    while True:
        found = await count(), await listed()
        if found[0] == found[1] or found[1] == await count():
            return
        if not await rounds.again(found):
            break
    if not rounds.stands_still:
        findings.note(f"the number of {what} changed while it was read")
        return
    text = f"the server counts {found[0]:,} {what} and lists {found[1]:,}"
    findings.add(Finding(FindingKind.COUNT, text, expected=str(found[0]), actual=str(found[1])))


async def compare_ledger_counts(context: LedgerContext) -> tuple[str, ...]:
    """Compare the counts below a ledger with the lists. Return the codes of its assets.

    Raises:
        TargetError: something cannot be read.
    """
    api, place = context.api, context.place
    rows: list[JsonObject] = []
    assets: tuple[str, ...] = ()
    for entity in COUNTED:

        async def count(entity: Entity = entity) -> int:
            return await api.count(entity, place)

        async def listed(entity: Entity = entity) -> int:
            nonlocal rows
            rows = await list_all(api, context.clock, entity, place)
            return len(rows)

        await compare_count(context.findings, context.rounds(), f"{entity}s", count, listed)
        context.figures["counts"] = context.figures.get("counts", 0) + 1
        if entity is Entity.ASSET:
            assets = tuple(str(row.get("code") or "") for row in rows)
    return assets


async def compare_transaction_count(context: LedgerContext, transactions: TransactionList) -> None:
    """Compare the count of transactions with the list, where the server has one.

    Raises:
        TargetError: something cannot be read.
    """
    progress = context.progress
    if not context.server.counts_transactions:
        return

    async def count() -> int:
        return await context.api.transaction_count(context.place, *all_times(context.clock))

    async def listed() -> int:
        await transactions.read()
        return progress.transactions

    await compare_count(context.findings, context.rounds(), "transactions", count, listed)
    context.figures["counts"] = context.figures.get("counts", 0) + 1
