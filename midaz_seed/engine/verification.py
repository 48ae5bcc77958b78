"""The proof: what the server holds, held against the plan.

Every balance of every account, zero-sum per asset against the external account, the counts of everything, and a
sample of
transactions with their operations. Nothing that the run itself counted is used here.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import cast

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.creation import find_entity
from midaz_seed.engine.state import LedgerState
from midaz_seed.midaz.routes import PAGE_LIMIT, Place
from midaz_seed.model.balances import BalanceDifference, ObservedBalance, compare_balances, zero_sum_differences
from midaz_seed.model.jsons import JsonObject
from midaz_seed.model.money import to_decimal
from midaz_seed.plan.items import Entity, Phase, TransactionItem
from midaz_seed.reporting.report import Difference, LedgerProof

COUNTED = {
    Entity.ASSET: Phase.ASSETS,
    Entity.PORTFOLIO: Phase.PORTFOLIOS,
    Entity.SEGMENT: Phase.SEGMENTS,
    Entity.ACCOUNT: Phase.ACCOUNTS,
}
"""What the server can count (contract, 5.4: account types have no count)."""


Operation = tuple[str, str, Decimal]
"""Alias, type (DEBIT or CREDIT) and amount."""


async def prove_ledger(context: RunContext, ledger: LedgerState) -> LedgerProof:
    """Compare one ledger with its plan. Raises RequestFailedError when the server cannot be read."""
    return await context.pool.call(lambda: _Proof(context, ledger).make())


class _Proof:
    """The differences found in one ledger so far."""

    def __init__(self, context: RunContext, ledger: LedgerState) -> None:
        self._context = context
        self._ledger = ledger
        self._plan = ledger.plan
        self._api = context.api(Phase.VERIFY)
        self._differences: list[Difference] = []
        self._counts = 0
        self._unlisted = 0

    async def make(self) -> LedgerProof:
        started_s = self._context.clock.monotonic()
        checked = await self._check_balances()
        await self._check_assets()
        await self._check_counts()
        read = await self._check_sample()
        return LedgerProof(
            ledger=self._plan.key,
            name=self._plan.name,
            balances_checked=checked,
            counts_checked=self._counts,
            transactions_read=read,
            transactions_unlisted=self._unlisted,
            differences=tuple(self._differences),
            elapsed_s=self._context.clock.monotonic() - started_s,
        )

    async def _check_balances(self) -> int:
        """Compare every balance; gives their number.

        A replica or a queue may be behind (contract, 14.1 and 14.3), so what differs is looked at again until it is
        as planned, or stands still from one look to the next, or the settlement deadline has passed. Where balances
        wait for records, standing still says nothing: the queue may be busy with others.
        """
        server = self._context.server
        may_stand_still = server is not None and server.balances_wait_for_records
        wait, clock = self._context.settings.settlement, self._context.clock
        until_s, pause_s = clock.monotonic() + wait.deadline_s, wait.initial_delay_s
        earlier: list[BalanceDifference] = []
        while True:
            balances = [ObservedBalance.parse(row) async for row in self._api.balances(self._ledger.place)]
            expected = self._plan.expected_balances(self._ledger.left_out)
            found = [*compare_balances(expected, balances), *zero_sum_differences(balances)]
            self._note_balances(found, balances)
            stands_still = found == earlier and pause_s >= wait.max_delay_s and not may_stand_still
            if not found or stands_still or clock.monotonic() >= until_s:
                break
            earlier = found
            pause_s = min(2 * pause_s, wait.max_delay_s)
            await clock.sleep(pause_s)
        for difference in found:
            self._differ(difference.what, difference.alias, difference.expected, difference.actual)
        return len(balances)

    def _note_balances(self, found: list[BalanceDifference], balances: list[ObservedBalance]) -> None:
        """Tell the transfers' flow which balances do not show yet what was accepted: what failed for good makes a
        difference and is no lag."""
        flow = self._ledger.flows.get(Phase.TRANSFERS)
        if flow is None:
            return
        if found and self._ledger.missed_count:
            found = list(compare_balances(self._plan.expected_balances(self._ledger.not_made), balances))
        flow.see_balances(self._context.clock.monotonic(), len({difference.alias for difference in found}))

    async def _check_assets(self) -> None:
        """Every planned asset is there under its code."""
        found = {str(row.get("code")) async for row in self._api.entities(Entity.ASSET, self._ledger.place, {})}
        for asset in self._plan.assets:
            if asset.code not in found:
                self._differ("asset", asset.code, "present", "absent")

    async def _check_counts(self) -> None:
        """The server's own counts; each asset brings an external account with it."""
        for entity, phase in COUNTED.items():
            expected = self._plan.counts.get(phase, 0)
            if entity is Entity.ACCOUNT:
                expected += len(self._plan.assets)
            self._compare_count(f"{entity} count", expected, await self._api.count(entity, self._ledger.place))
        expected = self._plan.counts.get(Phase.DEPOSITS, 0) + self._plan.counts.get(Phase.TRANSFERS, 0)
        expected -= self._ledger.left_out_count
        now = datetime.fromtimestamp(self._context.clock.time(), UTC)
        start, end = now - timedelta(days=3650), now + timedelta(days=2)
        # what only the balances have shown need not be listed yet
        enough = expected - len(self._ledger.recovered)
        actual = await self._transactions_when_settled(enough, start, end)
        self._unlisted = expected - actual if enough <= actual < expected else 0
        self._compare_count("transaction count", expected, actual + self._unlisted)

    async def _transactions_when_settled(self, expected: int, start: datetime, end: datetime) -> int:
        """The count of transactions; in asynchronous mode records lag behind balances, so a lower count is asked for
        again."""
        wait, clock = self._context.settings.settlement, self._context.clock
        until_s, pause_s = clock.monotonic() + wait.deadline_s, wait.initial_delay_s
        flow = self._ledger.flows.get(Phase.TRANSFERS)
        while True:
            count = await self._transactions(start, end)
            if flow is not None:
                flow.see_records(clock.monotonic(), max(expected - self._ledger.missed_count - count, 0))
            if count >= expected or self._differences or clock.monotonic() >= until_s:
                return count
            await clock.sleep(min(pause_s, wait.max_delay_s))
            pause_s *= 2

    async def _transactions(self, start: datetime, end: datetime) -> int:
        """How many transactions the ledger holds: by the server's count, or where it has none by listing them."""
        if self._context.server is not None and self._context.server.counts_transactions:
            return await self._api.transaction_count(
                self._ledger.place, f"{start:%Y-%m-%dT%H:%M:%SZ}", f"{end:%Y-%m-%dT%H:%M:%SZ}"
            )
        count = 0
        async for _ in self._api.transactions(self._ledger.place):
            count += 1
        return count

    def _compare_count(self, what: str, expected: int, actual: int) -> None:
        self._counts += 1
        if actual != expected:
            self._differ(what, "", str(expected), str(actual))

    async def _check_sample(self) -> int:
        """Read some transactions back and compare their amount, asset and operations."""
        sample = self._plan.sample(self._context.settings.verification.sample_per_ledger)
        if self._ledger.left_out_count:  # of the sample, those that certainly were made
            sample = [item for item in sample if self._ledger.sample.get(item.key)]
        for item in sample:
            found = await self._read_back(item)
            if found is None and item.key in self._ledger.recovered:
                continue
            if found is None:
                self._differ("transaction", item.key, "present", "absent")
                continue
            for what, expected, actual in _transaction_differences(self._plan_operations(item), item, found):
                self._differ(what, item.key, expected, actual)
        return len(sample)

    async def _read_back(self, item: TransactionItem) -> JsonObject | None:
        """By id where this run has seen it, else by its mark, which costs the server a scan (contract, 5.3)."""
        place = self._ledger.place
        known = self._ledger.sample.get(item.key) or await self._api.transaction_id_by_mark(
            place, f"{self._context.plan.run_id}/{item.key}"
        )
        return await self._api.transaction(place, known) if known else None

    def _plan_operations(self, item: TransactionItem) -> Counter[Operation]:
        """The operations that a transaction must have: (alias, type, amount)."""
        plan = self._plan
        external = f"@external/{item.asset}"
        legs: Counter[tuple[str, str]] = Counter()
        for movement in item.movements:
            source = external if movement.source is None else plan.alias(movement.source)
            legs[source, "DEBIT"] += movement.amount
            legs[plan.alias(movement.destination), "CREDIT"] += movement.amount
        scale = next(asset.scale for asset in plan.assets if asset.code == item.asset)
        return Counter((alias, kind, to_decimal(amount, scale)) for (alias, kind), amount in legs.items())

    def _differ(self, what: str, alias: str, expected: str, actual: str) -> None:
        self._differences.append(Difference(self._plan.key, what, alias, expected, actual))


def _transaction_differences(
    planned: Counter[Operation], item: TransactionItem, found: JsonObject
) -> Iterator[tuple[str, str, str]]:
    """What differs between a planned transaction and the server's: (what, expected, actual)."""
    amount = str(found.get("amount"))
    if Decimal(amount) != Decimal(item.amount):
        yield "transaction amount", item.amount, amount
    if found.get("assetCode") != item.asset:
        yield "transaction asset", item.asset, str(found.get("assetCode"))
    rows = cast("list[JsonObject]", found.get("operations") or [])
    operations = Counter(_operation(row) for row in rows)
    # a page holds the operations of a large packed transaction only in part
    missing = Counter[Operation]() if len(rows) == PAGE_LIMIT else planned - operations
    for alias, kind, value in missing:
        yield "operation", f"{kind} {value} {alias}", "absent"
    for alias, kind, value in operations - planned:
        yield "operation", "absent", f"{kind} {value} {alias}"


def _operation(row: JsonObject) -> Operation:
    amount = cast("JsonObject", row.get("amount") or {}).get("value") or "0"
    return str(row.get("accountAlias")), str(row.get("type")), Decimal(str(amount))


async def locate(context: RunContext) -> list[Difference]:
    """Find the plan's organizations and ledgers on the server, for a proof without a run; what is absent is
    returned."""
    api = context.api(Phase.VERIFY)
    absent = []
    for organization in context.state.organizations:
        found = await find_entity(api, organization.plan.item, Place())
        if found is None:
            absent.append(
                Difference(organization.plan.key, "organization", organization.plan.name, "present", "absent")
            )
            continue
        organization.id = str(found["id"])
        for ledger in organization.ledgers:
            ledger.organization_id = organization.id
            row = await find_entity(api, ledger.plan.item, Place(organization.id))
            if row is None:
                absent.append(Difference(ledger.plan.key, "ledger", ledger.plan.name, "present", "absent"))
                continue
            ledger.id = str(row["id"])
    return absent
