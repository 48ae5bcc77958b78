"""The verification: compare what the server holds with the plan.

It covers every balance of every account, zero-sum per asset against the external account, the counts of everything, a
sample of transactions with their operations, and every transaction by its mark where anything was in doubt
(`every_transaction`).
It uses nothing that the run itself counted. What differs is read again (`Rereads`).
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TypeVar

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.entities.marks import IdsByKey, add, id_of, key_of, locate, surplus, verify_marks
from midaz_seed.engine.ledger.every_transaction import compare_marks, differences_of
from midaz_seed.engine.ledger.history import check_history
from midaz_seed.engine.ledger.listing import (
    dates_of,
    endings_of,
    fits,
    follow_ups_of,
    planned_status,
    transactions_of,
)
from midaz_seed.engine.rereads import Rereads
from midaz_seed.engine.state_tree import LedgerState
from midaz_seed.midaz.evidence import status_of
from midaz_seed.midaz.routes import COLLECTIONS, PAGE_LIMIT
from midaz_seed.model.balances import (
    EXTERNAL,
    BalanceDifference,
    ObservedBalance,
    compare_balances,
    frozen_differences,
    parse_amount,
    zero_sum_differences,
)
from midaz_seed.model.json_types import Json, JsonObject
from midaz_seed.model.money import to_decimal
from midaz_seed.plan.generators import GENERATORS, LEDGER_ENTITIES
from midaz_seed.plan.items import Entity, Kind, Phase, TransactionItem
from midaz_seed.reporting.report_findings import Difference, LedgerVerification
from midaz_seed.wording import counted

__all__ = ["locate", "verify_ledger", "verify_marks"]

Operation = tuple[str, str, Decimal]
"""Alias, type (DEBIT or CREDIT) and amount."""
T = TypeVar("T")


async def verify_ledger(context: RunContext, ledger: LedgerState) -> LedgerVerification:
    """Compare one ledger with its plan.

    Raises:
        RequestFailedError: the server cannot be read.
        NotMidazError: an answer is not one of a Midaz server.
    """
    return await _Verification(context, ledger).run()


class _Verification:
    """The differences found in one ledger so far."""

    def __init__(self, context: RunContext, ledger: LedgerState) -> None:
        self._context = context
        self._ledger = ledger
        self._plan = ledger.plan
        self._api = context.api(Phase.VERIFY)
        self._differences: list[Difference] = []
        self._counts = 0
        self._reversals = 0
        self._endings: dict[str, Kind] = {}
        """How pending transactions must have ended, by key."""
        self._unlisted: frozenset[str] = frozenset()
        """Keys of transactions whose records a crash delays."""

    async def run(self) -> LedgerVerification:
        started_s = self._context.clock.monotonic()
        self._reversals, self._endings = (await follow_ups_of(self._ledger)).reversals, await endings_of(self._ledger)
        checked = await self._check_balances()
        await self._check_entities()
        rereads = Rereads(self._context)
        actual = await self._transactions_when_settled(rereads)
        read = await self._compare_marks(rereads) if self._needs_every_transaction else 0
        self._compare_count("transaction count", self._planned_transactions, actual + len(self._unlisted))
        read = max(read, await self._check_sample())
        balances_differ = any(row.what in ("available", "balance") for row in self._differences)
        history, differences = await check_history(
            self._context, self._ledger, balances_differ=balances_differ, unlisted=self._unlisted
        )
        self._differences += differences
        return LedgerVerification(
            ledger=self._plan.key,
            name=self._plan.name,
            balances_checked=checked,
            counts_checked=self._counts,
            transactions_read=read,
            transactions_unlisted=len(self._unlisted),
            crash_seen=self._context.results.crash_seen if self._unlisted else "",
            differences=tuple(self._differences),
            elapsed_s=self._context.clock.monotonic() - started_s,
            history=history,
        )

    async def _call(self, read: Callable[[], Awaitable[T]]) -> T:
        """Run a read on a worker; the pauses between reads occupy none."""
        return await self._context.pool.run_one(read)

    @property
    def _planned_transactions(self) -> int:
        counts = self._plan.counts
        planned = counts.get(Phase.DEPOSITS, 0) + counts.get(Phase.TRANSFERS, 0) + self._reversals
        return planned - self._ledger.left_out_records

    @property
    def _needs_every_transaction(self) -> bool:
        ledger = self._ledger
        doubted = ledger.uncertain or ledger.recovered or ledger.in_doubt
        return bool(doubted) or self._context.settings.verification.every_transaction

    async def _check_balances(self) -> int:
        """Compare every balance, and return their number.

        Where balances wait for records, unchanged balances show nothing: the queue may be busy with other ledgers.
        """
        server = self._context.server
        may_stand_still = server is not None and server.balances_wait_for_records
        rereads = Rereads(self._context)
        while True:
            found, checked = await self._call(self._read_balances)
            surplus_found: frozenset[object] = frozenset(difference for difference in found if difference.surplus)
            if found and not surplus_found and await self._call(self._holds_surplus):
                surplus_found = frozenset(("transaction count",))
            if not found or not await rereads.again(found, surplus_found, still=not may_stand_still):
                break
        for difference in found:
            self._differ(difference.what, difference.alias, difference.expected, difference.actual)
        return checked

    async def _read_balances(self) -> tuple[list[BalanceDifference], int]:
        balances = [ObservedBalance.parse(row) async for row in self._api.balances(self._ledger.place)]
        expected = self._plan.expected_balances(self._ledger.left_out)
        frozen = {self._plan.alias(account) for account in self._plan.frozen}
        found = [
            *compare_balances(expected, balances),
            *zero_sum_differences(balances),
            *frozen_differences(frozen, balances),
        ]
        self._note_balances(found, balances)
        return found, len({balance.id for balance in balances})

    def _note_balances(self, found: list[BalanceDifference], balances: list[ObservedBalance]) -> None:
        """Record in the transfers' timeline which balances do not yet show what was accepted.

        Rejected transactions cause differences too, but no lag.
        """
        flow = self._ledger.flows.get(Phase.TRANSFERS)
        if flow is None:
            return
        if found and self._ledger.missed_count:
            found = list(compare_balances(self._plan.expected_balances(self._ledger.not_made), balances))
        flow.observe_balances(self._context.clock.monotonic(), len({difference.alias for difference in found}))

    async def _holds_surplus(self) -> bool:
        """Return whether there are more transactions than planned: then the balances do not lag.

        False for servers without a count, which would have to list them.
        """
        server = self._context.server
        counts = server is not None and server.counts_transactions
        return counts and await self._transactions() > self._planned_transactions

    async def _check_entities(self) -> None:
        """Compare everything below the ledger, by mark where lists have it. Each asset has an external account too."""
        plan = self._plan
        for generator in LEDGER_ENTITIES:
            entity = generator.entity
            if entity is Entity.ASSET:
                await self._check_listed(entity, [asset.code for asset in plan.assets], _code)
            elif generator.method != "POST":
                await self._check_set(entity)
            elif entity is not Entity.ACCOUNT and (generator.others_differ or plan.counts.get(generator.phase)):
                await self._check_listed(entity, [item.key for item in plan.items_of(entity)], self._key)
        planned, rereads = plan.account_count + len(plan.assets), Rereads(self._context)
        while True:
            actual = await self._call(lambda: self._api.count(Entity.ACCOUNT, self._ledger.place))
            if actual == planned or not await rereads.again(actual, frozenset([actual] if actual > planned else [])):
                break
        self._compare_count("account count", planned, actual)

    async def _check_set(self, entity: Entity) -> None:
        """Compare what was set with PUT or PATCH."""
        for item in self._plan.items_of(entity):
            rereads = Rereads(self._context)
            while True:
                found = await self._call(partial(self._api.what_is_set, item, self._ledger.place))
                wrong = GENERATORS[entity].differences(item, found or {})
                if not wrong or not await rereads.again(wrong):
                    break
            for difference in wrong:
                self._differ(entity, item.key, "as planned", difference)

    async def _check_listed(self, entity: Entity, planned: list[str], name: Callable[[JsonObject], str]) -> None:
        """Compare the entities of one kind: each exists once, and no others.

        Args:
            name: returns what a row is identified by.
        """
        rereads = Rereads(self._context)
        while True:
            found, total = await self._call(lambda: self._names(entity, name))
            absent = [key for key in planned if key not in found]
            surplus_found = [] if total <= len(planned) and not _more_than_once(found) else [total]
            if not absent and not surplus_found:
                break
            if not await rereads.again([absent, total], frozenset[object](surplus_found)):
                break
        for key in absent:
            self._differ(entity, key, "present", "absent")
        for difference in surplus(entity, found, dict.fromkeys(planned, "")):
            self._differ(entity, difference.ledger, difference.expected, difference.actual)
        self._compare_count(f"{entity} count", len(planned), total)

    async def _names(self, entity: Entity, name: Callable[[JsonObject], str]) -> tuple[IdsByKey, int]:
        """Return server ids by name, of what has one, and the number of all."""
        ids: IdsByKey = {}
        every: set[str] = set()
        async for row in self._api.entities(entity, self._ledger.place, {}):
            known_by = name(row)
            if COLLECTIONS[entity].of_organization and not known_by.startswith(f"{self._plan.key}."):
                continue  # of another ledger
            every.add(id_of(row))
            if known_by:
                add(ids, known_by, id_of(row))
        return ids, len(every)

    def _key(self, row: JsonObject) -> str:
        return key_of(row, self._context.plan.run_id)

    async def _transactions_when_settled(self, rereads: Rereads) -> int:
        """Return the number of transactions once it is as expected.

        In asynchronous mode records lag behind balances, so a lower count is read again, even when it does not change:
        the queue may be busy with other ledgers.
        """
        ledger, clock = self._ledger, self._context.clock
        flow = ledger.flows.get(Phase.TRANSFERS)
        planned = self._planned_transactions
        made = planned - ledger.missed_records
        # what only the balances show may be listed up to an hour later
        enough = made - len(ledger.recovered)
        while True:
            count = await self._call(self._transactions)
            if flow is not None and not (flow.records and flow.records[-1].outstanding == 0):
                flow.observe_records(clock.monotonic(), max(enough - count, 0))
            if made <= count <= planned:
                return count
            surplus_found: frozenset[object] = frozenset(("transaction count",) if count > planned else ())
            known_why = bool(self._differences) or (count >= enough and bool(self._context.results.crash_seen))
            if not await rereads.again(count, surplus_found, still=known_why):
                return count

    async def _transactions(self) -> int:
        """Return the number of transactions in the ledger: from the server's count, or else from its list."""
        server = self._context.server
        if server is not None and server.counts_transactions:
            now = datetime.fromtimestamp(self._context.clock.time(), UTC)
            start, end = now - timedelta(days=3650), now + timedelta(days=2)
            return await self._api.transaction_count(
                self._ledger.place, f"{start:%Y-%m-%dT%H:%M:%SZ}", f"{end:%Y-%m-%dT%H:%M:%SZ}"
            )
        return len({id_of(row) async for row in transactions_of(self._context, self._ledger)})

    async def _compare_marks(self, rereads: Rereads) -> int:
        """Compare every transaction with the plan, and return how many were listed."""
        context, ledger = self._context, self._ledger
        found = await compare_marks(context, ledger, rereads)
        differences = differences_of(found, ledger)
        if found.unlisted and not differences and not self._differences and not context.results.crash_seen:
            context.results.crash_seen = (
                f"ledger {self._plan.key} holds the effect of {counted(len(found.unlisted), 'transaction')} whose "
                f"records are absent after {rereads.waited_s:.0f} s while all others are listed, as after a server "
                "crash between the two writes"
            )
        self._differences += differences
        if context.results.crash_seen:
            self._unlisted = frozenset(found.unlisted)
        else:
            for key in found.unlisted:
                self._differ("transaction", key, "once", "absent")
        return found.listed

    def _compare_count(self, what: str, expected: int, actual: int) -> None:
        self._counts += 1
        if actual != expected:
            self._differ(what, "", str(expected), str(actual))

    async def _check_sample(self) -> int:
        """Read some transactions back, and compare amount, asset and operations."""
        sample = self._plan.sample(self._context.settings.verification.sample_per_ledger)
        if self._ledger.left_out_count:  # only those of the sample that were certainly made
            sample = [item for item in sample if self._ledger.sample.get(item.key)]
        known_absent = {row.alias for row in self._differences if row.what == "transaction"} | self._unlisted
        sample = [item for item in sample if item.key not in known_absent]
        rereads, rest = Rereads(self._context), sample
        while True:
            wrong = await self._call(partial(self._read_all, rest))
            rest = [item for item in rest if item.key in wrong]
            if not rest or not await rereads.again(wrong):
                break
        for key, found in wrong.items():
            for what, expected, actual in found:
                self._differ(what, key, expected, actual)
        return len(sample)

    async def _read_all(self, items: Iterable[TransactionItem]) -> dict[str, list[tuple[str, str, str]]]:
        """Return key -> differences of those that differ.

        They are read by their ids where this run has seen them, else by their marks, which costs the server a scan
        (midaz-behaviour: metadata-filters).
        """
        dates, items, ids = dates_of(self._context, self._ledger), list(items), self._ledger.sample
        unseen = [item.tag for item in items if not ids.get(item.key)]
        by_mark = await self._api.transaction_ids_by_mark(self._ledger.place, unseen, dates)
        wrong = {item.key: await self._read(item, ids.get(item.key) or by_mark.get(item.tag), dates) for item in items}
        return {key: found for key, found in wrong.items() if found}

    async def _read(
        self, item: TransactionItem, known: str | None, dates: Mapping[str, str] | None
    ) -> list[tuple[str, str, str]]:
        """Return the differences of one transaction; `known`: its id, None when the server does not have it."""
        found = await self._api.transaction(self._ledger.place, known, dates) if known else None
        if found is None:
            return [("transaction", "present", "absent")]
        planned = planned_status(item, self._endings)
        if not fits(status_of(found), planned):
            return [("transaction status", planned, status_of(found))]
        # the operations of others differ by version and by how they ended
        operations = self._plan_operations(item) if item.kind is Kind.DIRECT and item.endpoint in _MOVES else None
        return list(_transaction_differences(operations, item, found))

    def _plan_operations(self, item: TransactionItem) -> Counter[Operation]:
        """Return the operations that a transaction must have: (alias, type, amount)."""
        plan = self._plan
        external = f"{EXTERNAL}{item.asset}"
        legs: Counter[tuple[str, str]] = Counter()
        for movement in item.movements:
            source = external if movement.source is None else plan.alias(movement.source)
            destination = external if movement.destination is None else plan.alias(movement.destination)
            legs[source, "DEBIT"] += movement.amount
            legs[destination, "CREDIT"] += movement.amount
        scale = next(asset.scale for asset in plan.assets if asset.code == item.asset)
        return Counter((alias, kind, to_decimal(amount, scale)) for (alias, kind), amount in legs.items())

    def _differ(self, what: str, alias: str, expected: str, actual: str) -> None:
        self._differences.append(Difference(self._plan.key, what, alias, expected, actual))


def _code(row: JsonObject) -> str:
    return str(row.get("code") or "")


def _more_than_once(found: IdsByKey) -> bool:
    return any(len(ids) > 1 for ids in found.values())


_MOVES = ("json", "inflow", "outflow")
"""Endpoints whose operations are debits and credits."""


def _transaction_differences(
    planned: Counter[Operation] | None, item: TransactionItem, found: JsonObject
) -> Iterator[tuple[str, str, str]]:
    """Yield the differences between a planned transaction and the server's: (what, expected, actual).

    Args:
        planned: the operations that it must have; None: they are not compared.
        item: the transaction.
        found: the server's.
    """
    amount = parse_amount(found.get("amount"), "a transaction's `amount`")
    if amount != Decimal(item.amount):
        yield "transaction amount", item.amount, f"{amount:f}"
    if found.get("assetCode") != item.asset:
        yield "transaction asset", item.asset, str(found.get("assetCode"))
    if planned is None:
        return
    rows = found.get("operations")
    rows = rows if isinstance(rows, list) else []
    operations = Counter(_operation(row) for row in rows)
    # a page holds only part of the operations of a large batch
    missing = Counter[Operation]() if len(rows) == PAGE_LIMIT else planned - operations
    for alias, kind, value in missing:
        yield "operation", f"{kind} {value} {alias}", "absent"
    for alias, kind, value in operations - planned:
        yield "operation", "absent", f"{kind} {value} {alias}"


def _operation(row: Json) -> Operation:
    fields = row if isinstance(row, dict) else {}
    amount = fields.get("amount")
    value = amount.get("value") if isinstance(amount, dict) else None
    amount_moved = parse_amount(value if value is not None else 0, "an operation's amount")
    return str(fields.get("accountAlias")), str(fields.get("type")), amount_moved
