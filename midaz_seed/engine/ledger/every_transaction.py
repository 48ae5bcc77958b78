"""Compare every transaction of a ledger by its mark: each planned one exists once with its amount, and no other.

Balances can agree by coincidence. A ledger where anything was not decided by a direct answer is compared whole.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

import anyio.lowlevel

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.ledger.listing import (
    YIELD_EVERY,
    Listing,
    Record,
    dates_of,
    endings_of,
    fits,
    planned_status,
    reversal_of,
    transactions_of,
)
from midaz_seed.engine.rereads import Rereads
from midaz_seed.engine.state_tree import LedgerState
from midaz_seed.midaz.evidence import has_amount
from midaz_seed.plan.items import (
    FOLLOW_UP_KINDS,
    MONEY,
    Kind,
    Phase,
    TransactionItem,
    adds_record,
    balance_effect_of,
)
from midaz_seed.reporting.report_findings import Difference
from midaz_seed.wording import counted

SINGLE_READS_MAX = 100
"""Up to this number of transactions absent from a list are read one by one; for more the list is read again."""


@dataclass(slots=True)
class MarkComparison:
    """The result of comparing the server's list of transactions."""

    listed: int = 0
    """Transactions with marks of this run."""
    absent: list[str] = field(default_factory=list)
    """Keys of planned transactions that are not listed, without those of `unlisted`."""
    effect: Counter[int] = field(default_factory=Counter)
    """Sum of the changes that the absent ones would have caused, in minor units (`balance_effect_of`)."""
    unlisted: list[str] = field(default_factory=list)
    """Keys of transactions that are not listed although the balances show that they were made."""
    wrong: list[tuple[str, str, str, str]] = field(default_factory=list)
    """(what, key, planned, on the server) of listed transactions that differ."""

    def expects(self, ledger: LedgerState) -> bool:
        """Return whether what is absent is what the run knows as not made: the same number, with the same effect."""
        effect = {account: change for account, change in self.effect.items() if change}
        not_made = {account: change for account, change in ledger.not_made.items() if change}
        return len(self.absent) == ledger.missed_count + ledger.left_out_count and effect == not_made


async def compare_marks(context: RunContext, ledger: LedgerState, rereads: Rereads) -> MarkComparison:
    """Compare the ledger's plan with the server's list, reread until it is as expected.

    Raises:
        RequestFailedError: the list cannot be read.
        NotMidazError: the list has an object without an id.
    """
    found = await context.pool.run_one(lambda: _read_list(context, ledger))
    singly = context.plan.metadata != "none"  # otherwise each is searched in the whole list
    while not found.expects(ledger) or found.unlisted or found.wrong:
        absent = {*found.absent, *found.unlisted}
        if not await rereads.again(sorted(absent), frozenset(found.wrong)):
            break
        if found.wrong or not singly or not 0 < len(absent) <= SINGLE_READS_MAX:
            found = await context.pool.run_one(lambda: _read_list(context, ledger))
        else:
            found = await context.pool.run_one(partial(_reread_singly, context, ledger, found))
    return found


async def _read_list(context: RunContext, ledger: LedgerState) -> MarkComparison:
    """Read and compare the whole list."""
    listing = Listing()
    async for row in transactions_of(context, ledger):
        listing.add(row, context.plan.run_id)
    result, endings = MarkComparison(listed=listing.count), await endings_of(ledger)
    unplanned = listing.names
    for number, item in enumerate(chain.from_iterable(map(ledger.plan.transactions, MONEY))):
        if number % YIELD_EVERY == 0:
            await anyio.lowlevel.checkpoint()
        found = listing.record_of(item)
        if found is None:
            _note_absent(result, ledger, item)
            continue
        name = reversal_of(item.of) if item.kind is Kind.REVERT else item.key
        unplanned.discard(name)
        result.wrong += _differences(item, found, endings)
        if name in listing.repeated:
            times = len(listing.repeated[name]) + 1
            result.wrong.append(("transaction", name, "once", "twice" if times == 2 else f"{times} times"))
    result.wrong += [("transaction", key, "absent", "present") for key in sorted(unplanned)]
    return result


async def _reread_singly(context: RunContext, ledger: LedgerState, earlier: MarkComparison) -> MarkComparison:
    """Update a comparison: read the absent transactions one by one."""
    result, endings = MarkComparison(listed=earlier.listed), await endings_of(ledger)
    absent = {*earlier.absent, *earlier.unlisted}
    for number, item in enumerate(chain.from_iterable(map(ledger.plan.transactions, MONEY))):
        if number % YIELD_EVERY == 0:
            await anyio.lowlevel.checkpoint()
        if item.key not in absent:
            continue
        found = await _read_record(context, ledger, item)
        if found is None:
            _note_absent(result, ledger, item)
        else:
            result.listed += adds_record(item)
            result.wrong += _differences(item, found, endings)
    return result


async def _read_record(context: RunContext, ledger: LedgerState, item: TransactionItem) -> Record | None:
    """Read the record that shows that an item was made; None when there is none."""
    api, run_id, dates = context.api(Phase.VERIFY), context.plan.run_id, dates_of(context, ledger)
    if item.kind not in FOLLOW_UP_KINDS:
        found_id = await api.transaction_id_by_mark(ledger.place, item.tag, dates)
        row = await api.transaction(ledger.place, found_id, dates) if found_id else None
        return Record.of(row) if row is not None else None
    listing = Listing()
    for row in await api.transactions_by_mark(ledger.place, [f"{run_id}/{item.of}"], dates):
        listing.add(row, run_id)
    return listing.record_of(item)


def _note_absent(result: MarkComparison, ledger: LedgerState, item: TransactionItem) -> None:
    if item.key in ledger.recovered:
        result.unlisted.append(item.key)
    else:
        result.absent.append(item.key)
        result.effect.update(balance_effect_of(item))


def _differences(
    item: TransactionItem, found: Record, endings: Mapping[str, Kind]
) -> Iterator[tuple[str, str, str, str]]:
    """Yield the differences of a record. How a pending transaction ended is compared with its commit or cancel."""
    if not has_amount(found.amount, found.asset, item):
        yield "transaction amount", item.key, f"{item.amount} {item.asset}", f"{found.amount} {found.asset}"
    planned = planned_status(item, endings)
    if item.key not in endings and not fits(found.status, planned):
        yield "transaction status", item.key, planned, found.status


def differences_of(found: MarkComparison, ledger: LedgerState) -> list[Difference]:
    """Return the differences from the plan that a comparison shows, except for `unlisted`."""
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
