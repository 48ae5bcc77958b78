"""The server's list of a ledger's transactions, by the marks of the run.

A reversal has metadata and description of the transaction that it reverts, so also its mark; it is known by its
parent. A commit or a cancel has no record: the status of the pending transaction shows it.
"""

import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import anyio.lowlevel

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.entities.marks import id_of, key_in
from midaz_seed.engine.state_tree import FollowUps, LedgerState
from midaz_seed.midaz import routes
from midaz_seed.midaz.evidence import (
    APPROVED,
    CANCELED,
    NOTED,
    PENDING,
    STATUS_AFTER,
    has_amount,
    parent_of,
    status_of,
)
from midaz_seed.model.json_types import Json, JsonObject
from midaz_seed.plan.items import ENDINGS, Kind, Phase, TransactionItem
from midaz_seed.plan.marks import mark_of_transaction
from midaz_seed.transport.base import Service

YIELD_EVERY = 500
"""Planned transactions after which other tasks, which have requests in flight, may run."""


class Record(NamedTuple):
    """The compared fields of a listed transaction."""

    id: str
    amount: Json
    asset: Json
    status: str
    """Its code; "" without one."""

    @classmethod
    def of(cls, row: JsonObject) -> "Record":
        """Read a row of the list. Raises NotMidazError when it has no id."""
        # there are few status codes and many records
        return cls(id_of(row), row.get("amount"), row.get("assetCode"), sys.intern(status_of(row)))


@dataclass(slots=True)
class Listing:
    """What the list shows of a run's transactions, by item key."""

    records: dict[str, Record] = field(default_factory=dict)
    reversals: dict[str, Record] = field(default_factory=dict)
    """By the key of the transaction that is reverted."""
    repeated: dict[str, set[str]] = field(default_factory=dict)
    """Server ids of further records with the mark of one that was listed before; those of reversals by `reversal_of`.
    """
    has_others: bool = False
    """There are transactions without a mark of this run."""

    def add(self, row: JsonObject, run_id: str) -> None:
        """Add a row of the list; pages may repeat it. Raises NotMidazError when it has no id."""
        key = key_in(mark_of_transaction(row), run_id)
        if not key:
            self.has_others = True
            return
        record, is_reversal = Record.of(row), bool(parent_of(row))
        known = self.reversals if is_reversal else self.records
        if known.setdefault(key, record).id != record.id:
            self.repeated.setdefault(reversal_of(key) if is_reversal else key, set()).add(record.id)

    @property
    def names(self) -> set[str]:
        """Return the keys of the records, and the names of the reversals."""
        return {*self.records, *map(reversal_of, self.reversals)}

    @property
    def count(self) -> int:
        """Return the number of transactions with marks of this run."""
        return len(self.records) + len(self.reversals) + sum(map(len, self.repeated.values()))

    def record_of(self, item: TransactionItem) -> Record | None:
        """Return the record that shows that an item was made, whatever its amount; None when there is none."""
        if item.kind is Kind.REVERT:
            return self.reversals.get(item.of)
        if item.kind in ENDINGS:
            ended = self.records.get(item.of)
            return ended if ended is not None and ended.status == STATUS_AFTER[item.kind] else None
        return self.records.get(item.key)

    def shows(self, item: TransactionItem) -> bool:
        """Return whether the list shows that an item was made."""
        record = self.record_of(item)
        return record is not None and has_amount(record.amount, record.asset, item)


def reversal_of(key: str) -> str:
    """Return how a reversal is named: it has no mark of its own."""
    return f"{key} (its reversal)"


async def follow_ups_of(ledger: LedgerState) -> FollowUps:
    """Return what the plan of a ledger does with transactions after they were made. Other tasks run in between."""
    if ledger.follow_ups is None:
        found = FollowUps()
        for number, item in enumerate(ledger.plan.transactions(Phase.FOLLOW_UPS), 1):
            if number % YIELD_EVERY == 0:
                await anyio.lowlevel.checkpoint()
            found.firsts.add(item.of)
            if item.kind in ENDINGS:
                found.endings[item.of] = item.kind
            else:
                found.reversals += 1
        ledger.follow_ups = found
    return ledger.follow_ups


async def endings_of(ledger: LedgerState) -> dict[str, Kind]:
    """Return how pending transactions must have ended, by key; those that stay pending are left out."""
    endings = (await follow_ups_of(ledger)).endings
    return {key: kind for key, kind in endings.items() if key not in ledger.left_out_endings}


def planned_status(item: TransactionItem, endings: Mapping[str, Kind]) -> str:
    """Return the status that the server must show for a transaction that was made.

    Args:
        item: the transaction.
        endings: from `endings_of`.
    """
    if item.kind is Kind.ANNOTATION:
        return NOTED
    if item.kind is Kind.PENDING:
        return STATUS_AFTER[endings[item.key]] if item.key in endings else PENDING
    return STATUS_AFTER.get(item.kind, APPROVED)


def fits(status: str, planned: str) -> bool:
    """Return whether a status is the planned one; a transaction at rest is also shown without it, or as CREATED."""
    return status == planned or (planned == APPROVED and status not in (PENDING, CANCELED, NOTED))


async def transactions_of(context: RunContext, ledger: LedgerState) -> AsyncIterator[JsonObject]:
    """Yield every transaction of a ledger, whatever its age.

    Without dates a list covers only the last months (midaz-behaviour: list-date-window). Servers that cannot count by
    dates interpret them differently, so they get none unless movements have dates.
    """
    query: dict[str, str] = {}
    if ledger.plan.is_dated or (context.server is not None and context.server.counts_transactions):
        query = all_dates(context)
    path = routes.transactions(ledger.place)
    async for row in context.api(Phase.VERIFY).rows(path, Service.TRANSACTION, by_cursor=True, query=query):
        yield row


def all_dates(context: RunContext) -> dict[str, str]:
    """Return the query of a list that covers every date of a history; plain dates, which every version understands."""
    now = datetime.fromtimestamp(context.clock.time(), UTC)
    return {
        "start_date": f"{now - timedelta(days=3650):%Y-%m-%d}",
        "end_date": f"{now + timedelta(days=2):%Y-%m-%d}",
    }


def dates_of(context: RunContext, ledger: LedgerState) -> dict[str, str] | None:
    """Return the query with which one transaction of a ledger is found and shown whole; None without dates."""
    return all_dates(context) if ledger.plan.is_dated else None


async def read_listing(context: RunContext, ledger: LedgerState) -> Listing:
    """Read the server's list of the ledger's transactions.

    Raises:
        RequestFailedError: the list cannot be read.
        NotMidazError: the list has an object without an id.
    """

    async def read() -> Listing:
        listing = Listing()
        async for row in transactions_of(context, ledger):
            listing.add(row, context.plan.run_id)
        return listing

    return await context.pool.run_one(read)
