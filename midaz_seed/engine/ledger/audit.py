"""Compare every transaction of a ledger by its mark: each planned one exists once with its amount, and no other.

Balances can agree by coincidence. A ledger where anything was not decided by a direct answer is therefore audited.
"""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import NamedTuple

import anyio.lowlevel

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.entities.marks import id_of, key_of
from midaz_seed.engine.rereads import Rereads
from midaz_seed.engine.state_tree import LedgerState
from midaz_seed.midaz import routes
from midaz_seed.midaz.evidence import is_record
from midaz_seed.model.json_types import Json, JsonObject
from midaz_seed.plan.dimensions import KEY_MARK
from midaz_seed.plan.items import MONEY, Phase, TransactionItem, effect_of
from midaz_seed.reporting.report import Difference
from midaz_seed.transport.base import Service
from midaz_seed.wording import counted

YIELD_EVERY = 500
"""Planned transactions compared before other tasks, which have requests in flight, may run."""
SINGLE_READS_MAX = 100
"""Up to this number of transactions absent from a list are read one by one; for more the list is read again."""


class _Record(NamedTuple):
    """The compared fields of a listed transaction."""

    id: str
    amount: Json
    asset: Json


@dataclass(slots=True)
class Audit:
    """The result of comparing the server's list of transactions."""

    listed: int = 0
    """Transactions with marks of this run."""
    absent: list[str] = field(default_factory=list)
    """Keys of planned transactions that are not listed, without those of `unlisted`."""
    effect: Counter[int] = field(default_factory=Counter)
    """Account -> sum of the changes that the absent ones would have caused, in minor units."""
    unlisted: list[str] = field(default_factory=list)
    """Keys of transactions that are not listed although the balances show that they were made."""
    wrong: list[tuple[str, str, str, str]] = field(default_factory=list)
    """(what, key, planned, on the server) of listed transactions that differ."""

    def expects(self, ledger: LedgerState) -> bool:
        """Return whether what is absent is what the run knows as not made: the same number, with the same effect."""
        effect = {account: change for account, change in self.effect.items() if change}
        not_made = {account: change for account, change in ledger.not_made.items() if change}
        return len(self.absent) == ledger.missed_count + ledger.left_out_count and effect == not_made


async def audit(context: RunContext, ledger: LedgerState, rereads: Rereads) -> Audit:
    """Compare the ledger's plan with the server's list, reread until it is as expected.

    Raises:
        RequestFailedError: the list cannot be read.
        NotMidazError: the list has an object without an id.
    """
    found = await context.pool.run_one(lambda: _read_list(context, ledger))
    while not found.expects(ledger) or found.unlisted or found.wrong:
        absent = {*found.absent, *found.unlisted}
        if not await rereads.again(sorted(absent), frozenset(found.wrong)):
            break
        if found.wrong or not 0 < len(absent) <= SINGLE_READS_MAX:
            found = await context.pool.run_one(lambda: _read_list(context, ledger))
        else:
            found = await context.pool.run_one(partial(_reread_singly, context, ledger, found))
    return found


async def transactions_of(context: RunContext, ledger: LedgerState) -> AsyncIterator[JsonObject]:
    """Yield every transaction of a ledger, whatever its age.

    Without dates a list covers only the last months (midaz-behaviour: list-date-window). Servers that cannot count by
    dates interpret them differently, so they get none.
    """
    query: dict[str, str] = {}
    if (context.server is not None and context.server.counts_transactions) or ledger.plan.is_dated:
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


async def _read_list(context: RunContext, ledger: LedgerState) -> Audit:
    """Read and compare the whole list."""
    result = Audit()
    records: dict[str, _Record] = {}
    others: dict[str, set[str]] = {}
    async for row in transactions_of(context, ledger):
        key = key_of(row, context.plan.run_id)
        if not key:
            continue
        record = _Record(id_of(row), row.get("amount"), row.get("assetCode"))
        if records.setdefault(key, record).id != record.id:
            others.setdefault(key, set()).add(record.id)
    result.listed = len(records) + sum(map(len, others.values()))
    for number, item in enumerate(chain.from_iterable(map(ledger.plan.transactions, MONEY))):
        if number % YIELD_EVERY == 0:
            await anyio.lowlevel.checkpoint()
        found = records.pop(item.key, None)
        if found is None:
            _note_absent(result, ledger, item)
            continue
        result.wrong += _differences(item, found)
        if item.key in others:
            times = len(others[item.key]) + 1
            result.wrong.append(("transaction", item.key, "once", "twice" if times == 2 else f"{times} times"))
    result.wrong += [("transaction", key, "absent", "present") for key in records]
    return result


async def _reread_singly(context: RunContext, ledger: LedgerState, earlier: Audit) -> Audit:
    """Update an audit: read the absent transactions one by one."""
    result = Audit(listed=earlier.listed)
    api, dates = context.api(Phase.VERIFY), dates_of(context, ledger)
    absent = {*earlier.absent, *earlier.unlisted}
    for number, item in enumerate(chain.from_iterable(map(ledger.plan.transactions, MONEY))):
        if number % YIELD_EVERY == 0:
            await anyio.lowlevel.checkpoint()
        if item.key not in absent:
            continue
        found_id = await api.transaction_id_by_mark(ledger.place, item.tag, dates)
        row = await api.transaction(ledger.place, found_id, dates) if found_id else None
        if row is None:
            _note_absent(result, ledger, item)
        else:
            result.listed += 1
            result.wrong += _differences(item, _Record(id_of(row), row.get("amount"), row.get("assetCode")))
    return result


def _note_absent(result: Audit, ledger: LedgerState, item: TransactionItem) -> None:
    if item.key in ledger.recovered:
        result.unlisted.append(item.key)
    else:
        result.absent.append(item.key)
        result.effect.update(effect_of(item))


def _differences(item: TransactionItem, found: _Record) -> list[tuple[str, str, str, str]]:
    row: JsonObject = {"metadata": {KEY_MARK: item.tag}, "amount": found.amount, "assetCode": found.asset}
    if is_record(row, item):
        return []
    planned, actual = f"{item.amount} {item.asset}", f"{found.amount} {found.asset}"
    return [("transaction amount", item.key, planned, actual)]


def differences_of(found: Audit, ledger: LedgerState) -> list[Difference]:
    """Return the differences from the plan that an audit shows, except for `unlisted`."""
    key, expected = ledger.plan.key, ledger.missed_count + ledger.left_out_count
    differences = [Difference(key, *wrong) for wrong in found.wrong]
    if found.expects(ledger):
        return differences
    if not expected:
        return differences + [Difference(key, "transaction", absent, "once", "absent") for absent in found.absent]
    known = f"{expected:,}, those left out or rejected"
    if len(found.absent) != expected:
        return [*differences, Difference(key, "absent transactions", "", known, f"{len(found.absent):,}")]
    return [*differences, Difference(key, "absent transactions", "", known, counted(len(found.absent), "other"))]
