"""The history of a ledger with dates: every balance at the end of some days, and the statements of some accounts.

A balance at a date is what the server computes from the operations up to it (midaz-behaviour: balance-history), so this
also shows that the movements of each account were applied in the order of their dates (docs/adr/0011).
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import NamedTuple

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.ledger.left_out import yielding
from midaz_seed.engine.ledger.listing import all_dates
from midaz_seed.engine.ordering import Account, accounts_of, hot_accounts, keeps_order
from midaz_seed.engine.rereads import Rereads
from midaz_seed.engine.state_tree import LedgerState
from midaz_seed.errors import NotMidazError
from midaz_seed.model.balances import DEFAULT_KEY, EXTERNAL, ObservedBalance, parse_amount
from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.items import MONEY, Kind, Phase, TransactionItem
from midaz_seed.plan.streams import stream
from midaz_seed.reporting.report_findings import Difference, HistoryReport
from midaz_seed.wording import counted

_RANDOM_DAYS = re.compile(r"([0-9]+) random days?")
HOTTEST_PART = 10
"""One hottest account for this number of sampled statements, at least one."""


DEFAULT_DAYS = ("month-ends", "3 random days")
"""Days that are compared where a scenario names none."""


def days_as_of(wanted: Iterable[str], dates: Sequence[date], rng: Random) -> list[int]:
    """Return the days of the history at whose end balances are compared, ascending.

    Args:
        wanted: `month-ends`, `N random days`, or dates (ISO 8601); dates outside the history are left out.
        dates: the days of the history.
        rng: draws the random days.
    """
    chosen: set[int] = set()
    for text in wanted:
        if text == "month-ends":
            chosen.update(day for day, each in enumerate(dates) if (each + timedelta(days=1)).day == 1)
        elif match := _RANDOM_DAYS.fullmatch(text):
            chosen.update(rng.sample(range(len(dates)), min(int(match[1]), len(dates))))
        elif date.fromisoformat(text) in dates:
            chosen.add(dates.index(date.fromisoformat(text)))
    return sorted(chosen)


async def check_history(
    context: RunContext, ledger: LedgerState, *, balances_differ: bool, unlisted: Collection[str] = ()
) -> tuple[HistoryReport | None, list[Difference]]:
    """Compare a ledger's history with its plan.

    Args:
        context: the run.
        ledger: a ledger whose balances have been compared.
        balances_differ: the balances of today differ from the plan.
        unlisted: keys of transactions that the balances show and whose records a crash delays. The server computes a
            history from the records, so those of their accounts are not compared before it lists them.

    Returns:
        What was compared, or why nothing was, and the differences; None for a ledger without dates.

    Raises:
        RequestFailedError: the server cannot be read.
        NotMidazError: an answer is not one of a Midaz server.
    """
    if not ledger.plan.is_dated:
        return None, []
    late = [
        Difference(
            ledger.plan.key,
            f"history of {ledger.plan.history[day]}",
            "",
            "before all later days",
            f"{count} sent after later days had begun",
        )
        for day, count in sorted(ledger.made_late.items())
    ]
    skipped = ""
    if not keeps_order(context.settings, ledger.plan):
        skipped = "the movements were sent in free order"
    elif balances_differ and not ledger.missed_count:
        skipped = "the balances of today differ already"
    if skipped:
        return HistoryReport(skipped=skipped), late
    found = await _History(context, ledger, unlisted).run()
    return found.report(), late + found.differences


class Line(NamedTuple):
    """A line of a statement: an operation of an account's balance."""

    at: datetime
    version: int
    """Number of the balance's changes before it; 0 where the server does not report it."""
    id: str
    before: Decimal
    after: Decimal


@dataclass(slots=True)
class _Statement:
    """The planned statement of an account."""

    lines: list[datetime] = field(default_factory=list)
    hot_days: set[int] = field(default_factory=set)
    """Days inside which its lines are in the order of arrival."""


class _History:
    """The verification of the history of one ledger."""

    def __init__(self, context: RunContext, ledger: LedgerState, unlisted: Collection[str]) -> None:
        self._context = context
        self._ledger = ledger
        self._unlisted = unlisted
        self._left_out: set[Account] = set()
        """Accounts of the unlisted transactions."""
        self._plan = plan = ledger.plan
        self._api = context.api(Phase.VERIFY)
        self._ends = [datetime.fromisoformat(plan.end_of(day)).replace(tzinfo=UTC) for day in plan.history]
        now = datetime.fromtimestamp(context.clock.time(), UTC)
        over = bisect_left(self._ends, now)
        self._days = over if ledger.cut_day is None else min(over, ledger.cut_day)
        """Number of the first days that are over and were sent completely."""
        self._balances: dict[str, tuple[str, str]] = {}
        """Alias -> ids of its default balance and of its account."""
        self.differences: list[Difference] = []
        self._as_of: list[int] = []
        self._compared = self._statements = self._lines = self._out_of_step = self._hot_out_of_step = 0
        self._without: list[str] = []
        """Why something is not compared."""

    def report(self) -> HistoryReport:
        """Return what was compared."""
        return HistoryReport(
            days=tuple(str(self._plan.history[day]) for day in self._as_of),
            accounts=self._compared // max(len(self._as_of), 1),
            balances=self._compared,
            statements=self._statements,
            lines=self._lines,
            lines_out_of_step=self._out_of_step,
            hot_lines_out_of_step=self._hot_out_of_step,
            skipped="; ".join(self._without),
        )

    async def run(self) -> "_History":
        """Compare everything."""
        context, plan = self._context, self._plan
        proof, server = context.settings.scenario.proof, context.server
        self._balances = await context.pool.run_one(self._read_ids)
        if self._unlisted:
            await self._leave_out_accounts()
        if server is not None and server.balance_history:
            chosen = DEFAULT_DAYS if proof.as_of is None else proof.as_of
            wanted = days_as_of(chosen, plan.history, stream(context.plan.seed, plan.key, "as-of"))
            self._as_of = [day for day in wanted if day < self._days]
            await self._check_balances()
        elif proof.as_of != ():
            self._without.append(f"Midaz {server.version if server else ''} has no balances at a date")
        if self._ledger.missed_count:
            self._without.append("no statements, because some transactions were not made")
        elif proof.statements and self._days:
            await self._check_statements(proof.statements)
        return self

    async def _leave_out_accounts(self) -> None:
        for phase in MONEY:
            async for _, item in yielding(enumerate(self._plan.transactions(phase))):
                if item.key in self._unlisted:
                    self._left_out.update(accounts_of(item))
        accounts = counted(len(self._left_out), "account")
        self._without.append(f"no history of {accounts}, because the server does not list all their transactions yet")

    async def _read_ids(self) -> dict[str, tuple[str, str]]:
        return {
            str(row.get("alias")): (str(row.get("id")), str(row.get("accountId")))
            async for row in self._api.balances(self._ledger.place)
            if (row.get("key") or DEFAULT_KEY) == DEFAULT_KEY
        }

    # ---- balances at dates

    async def _check_balances(self) -> None:
        """Compare every balance at the end of each chosen day; what differs is read again."""
        planned = self._planned_balances()
        self._compared = len(planned)
        rereads, rest = Rereads(self._context), dict(planned)
        while True:
            wrong: dict[tuple[int, str], Decimal] = {}
            await self._context.pool.run_all(list(rest), partial(self._compare, planned, wrong))
            rest = {one: planned[one] for one in wrong}
            if not wrong or not await rereads.again(tuple(sorted(wrong.items()))):
                break
        for (day, alias), actual in sorted(wrong.items()):
            what = f"balance at {self._plan.history[day]}"
            self._differ(what, alias, f"{planned[day, alias]:f}", f"{actual:f}")

    def _planned_balances(self) -> dict[tuple[int, str], Decimal]:
        """Return (day, alias) -> balance; for an external account the amount that left."""
        plan, planned = self._plan, dict[tuple[int, str], Decimal]()
        ends = {day: plan.last_epoch_of(plan.history[day]) for day in self._as_of}
        balances, missed = plan.balances_at(ends.values()), Counter[int]()
        missed_on = sorted(self._ledger.missed_on.items())
        for day in self._as_of:
            while missed_on and missed_on[0][0] <= day:
                missed.update(missed_on.pop(0)[1])
            external = dict.fromkeys((asset.code for asset in plan.assets), 0)
            for account, whole in enumerate(balances[ends[day]]):
                asset, minor = plan.asset_of(account), whole - missed[account]
                external[asset.code] += minor
                if account not in self._left_out:
                    planned[day, plan.alias(account)] = asset.decimal(minor)
            for asset in plan.assets:
                if asset.code not in self._left_out:
                    planned[day, EXTERNAL + asset.code] = asset.decimal(external[asset.code])
        return planned

    async def _compare(
        self,
        planned: dict[tuple[int, str], Decimal],
        wrong: dict[tuple[int, str], Decimal],
        one: tuple[int, str],
    ) -> None:
        day, alias = one
        balance_id, _ = self._balances.get(alias, ("", ""))
        row = None
        if balance_id:
            row = await self._api.balance_at(self._ledger.place, balance_id, self._plan.end_of(self._plan.history[day]))
        actual = Decimal(0)
        if row is not None:
            balance = ObservedBalance.parse(row)
            actual = balance.credit.copy_negate() if alias.startswith(EXTERNAL) else balance.available
        if actual != planned[one]:
            wrong[one] = actual

    # ---- statements

    async def _check_statements(self, count: int) -> None:
        planned = await self._planned_statements(count)
        if not planned:
            return
        self._statements = len(planned)
        rereads, rest = Rereads(self._context), planned
        counts: dict[int, tuple[int, int, int]] = {}
        while True:
            found: dict[int, list[Difference]] = {}
            await self._context.pool.run_all(list(rest.items()), partial(self._check_statement, found, counts))
            rest = {account: rest[account] for account in found}
            if not found or not await rereads.again(tuple(map(tuple, found.values()))):
                break
        self._lines, self._out_of_step, self._hot_out_of_step = map(sum, zip(*counts.values(), strict=True))
        for differences in found.values():
            self.differences += differences

    async def _planned_statements(self, count: int) -> dict[int, _Statement]:
        """Return account -> planned statement of the sample: drawn accounts, and those with most lines."""
        plan, pool = self._plan, self._context.pool
        accounts = range(plan.account_count)
        drawn = stream(self._context.plan.seed, plan.key, "statements").sample(accounts, min(count, len(accounts)))
        lines = Counter[int]()
        async for _, item in yielding(enumerate(plan.transfers())):
            lines.update(account for account in accounts_of(item) if isinstance(account, int))
        most = [account for account, _ in lines.most_common(max(1, count // HOTTEST_PART))]
        chosen = {*drawn[: max(count - len(most), 0)], *most} - self._left_out
        planned = {account: _Statement() for account in sorted(chosen)}
        async for _, item in yielding(enumerate(plan.deposits())):
            self._add_lines(planned, item)
        for number, epoch in enumerate(plan.epochs):
            if epoch.day >= self._days:
                break
            items = [item async for _, item in yielding(enumerate(plan.transfers_of(number)))]
            for account in hot_accounts([accounts_of(item) for item in items], pool.limit):
                if isinstance(account, int) and account in planned:
                    planned[account].hot_days.add(epoch.day)
            for item in items:
                self._add_lines(planned, item)
        return planned

    def _add_lines(self, planned: dict[int, _Statement], item: TransactionItem) -> None:
        """Add the lines of a transaction: one for each account and side; notes change no balance."""
        if item.kind is Kind.ANNOTATION or not item.moment:
            return
        at = datetime.fromisoformat(item.moment)
        for side in (0, 1):
            for account in {movement[side] for movement in item.movements} & planned.keys():
                if account is not None:
                    planned[account].lines.append(at)

    async def _check_statement(
        self,
        found: dict[int, list[Difference]],
        counts: dict[int, tuple[int, int, int]],
        one: tuple[int, _Statement],
    ) -> None:
        """Compare the statement of an account with the planned one: its dates, and each balance with the one before."""
        account, planned = one
        alias, key = self._plan.alias(account), self._plan.key
        _, account_id = self._balances.get(alias, ("", ""))
        lines = await self._read_statement(account_id) if account_id else []
        differences = []
        dates = [line.at for line in lines]
        if len(dates) != len(planned.lines):
            differences.append(
                Difference(key, "lines of the statement", alias, str(len(planned.lines)), str(len(dates)))
            )
        for expected, actual in zip(sorted(planned.lines), dates, strict=False):
            if expected != actual and not differences:  # the first is enough: all after it differ too
                differences.append(
                    Difference(key, "date of a line of the statement", alias, expected.isoformat(), actual.isoformat())
                )
        every = out_of_step(lines)
        steps = [number for number in every if bisect_left(self._ends, lines[number].at) not in planned.hot_days]
        if self._is_strict:
            for number in steps:
                before = lines[number - 1].after if number else Decimal(0)
                what = f"statement at {lines[number].at.isoformat()}"
                differences.append(Difference(key, what, alias, f"{before:f}", f"{lines[number].before:f}"))
        counts[account] = len(lines), len(steps), len(every) - len(steps)
        if differences:
            found[account] = differences

    async def _read_statement(self, account_id: str) -> list[Line]:
        """Return the lines of an account's default balance up to the last compared day, in order of their dates."""
        last = self._ends[self._days - 1]
        rows = self._api.operations(self._ledger.place, account_id, all_dates(self._context))
        return sorted([line async for row in rows if (line := _line(row)) is not None and line.at <= last])

    @property
    def _is_strict(self) -> bool:
        """Whether no line may be out of step: one session made the ledger, without a doubt.

        After a kill, lines inside a day may be in another order; the balance at the end of the day is compared.
        """
        is_fixed = self._context.settings.generation.limits.max_concurrency != "auto"  # it decides what is hot
        return self._ledger.created_by_this_run and not self._ledger.uncertain and is_fixed

    def _differ(self, what: str, alias: str, expected: str, actual: str) -> None:
        self.differences.append(Difference(self._plan.key, what, alias, expected, actual))


def out_of_step(lines: Sequence[Line]) -> list[int]:
    """Return the indexes of the lines whose balance before is not the balance after the line before."""
    after, found = Decimal(0), []
    for number, line in enumerate(lines):
        if line.before != after:
            found.append(number)
        after = line.after
    return found


def _line(row: JsonObject) -> Line | None:
    """Return an operation as a line of a statement; None when it changes another balance, or none."""
    if row.get("balanceAffected") is False or (row.get("balanceKey") or DEFAULT_KEY) != DEFAULT_KEY:
        return None
    before, after, created = row.get("balance"), row.get("balanceAfter"), row.get("createdAt")
    if not isinstance(before, dict) or not isinstance(after, dict) or not isinstance(created, str):
        raise _not_an_operation(row)
    try:
        at = datetime.fromisoformat(created)
    except ValueError:
        raise _not_an_operation(row) from None
    version = before.get("version")
    return Line(
        at if at.tzinfo is not None else at.replace(tzinfo=UTC),
        version if isinstance(version, int) else 0,
        str(row.get("id")),
        parse_amount(before.get("available"), "an operation's balance"),
        parse_amount(after.get("available"), "an operation's balance"),
    )


def _not_an_operation(row: JsonObject) -> NotMidazError:
    return NotMidazError(
        f"the server lists an invalid operation: {str(row)[:80]}",
        hint="check that no proxy or gateway alters the server's answers",
    )
