"""Describe what a plan looks like: amounts, balances, who pays whom, and when. Pure; one pass over the movements."""

from collections import Counter
from dataclasses import dataclass, field

from midaz_seed.plan.calendar.days import apportion, matching
from midaz_seed.plan.flows.base import Draft, Flow
from midaz_seed.plan.flows.schedules import ScheduleFlow
from midaz_seed.plan.follow_ups import follow_up_drafts
from midaz_seed.plan.items import AssetTemplate, Kind
from midaz_seed.plan.ledger_plan import LedgerPlan
from midaz_seed.plan.measures import distribution, gini, share, top_share
from midaz_seed.plan.plan import Plan
from midaz_seed.plan.population import STATUSES
from midaz_seed.plan.profile_parts import (
    NIGHT,
    AssetProfile,
    DayCount,
    Degrees,
    FlowProfile,
    History,
    Holdings,
    KindProfile,
    Profile,
    Top,
)

TOP = 5
"""Customers of a kind that are listed because they receive the most payments."""
PARTS = {"s": "schedules", "p": "payouts", "sweep": "sweep"}
"""First part of a flow's name -> part of the scenario."""


@dataclass(slots=True)
class _FlowTally:
    key: str
    name: str
    kind: Kind
    transactions: int = 0
    amounts: dict[int, dict[int, int]] = field(default_factory=dict)
    """Asset -> amount -> how often."""
    weekdays: list[int] = field(default_factory=lambda: [0] * 7)
    hours: list[int] = field(default_factory=lambda: [0] * 24)


@dataclass(slots=True)
class _KindTally:
    holder: str
    sent: list[int] = field(default_factory=list)
    received: list[int] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    aliases: list[str] = field(default_factory=list)
    """Of the customers of the first ledger."""


def profile(plan: Plan) -> Profile:
    """Describe a plan.

    Args:
        plan: from `build_plan`, with its balances (`keep_balances`).
    """
    tallies = _Tallies(plan.ledgers[0])
    for ledger in plan.ledgers:
        tallies.add(ledger)
    return tallies.profile(plan)


def place_of(flow: Flow) -> str:
    """Return the place of a flow in the scenario: `mix.pix-p2p`, `schedules.salario`."""
    first, underscore, name = flow.name.partition("_")
    if not underscore:
        return f"mix.{first}"
    return f"{PARTS.get(first, f'lifecycle.{first}')}.{name}"


def _pays_incomes(flow: ScheduleFlow) -> bool:
    amount = flow.schedule.amount or flow.entry.mix.amount
    return flow.schedule.when.business_day is not None and amount is not None and amount.of == "income"


class _Tallies:
    """Counts over the ledgers of a plan."""

    def __init__(self, ledger: LedgerPlan) -> None:
        shape = ledger.shape
        self._shape, self._assets = shape, shape.assets
        self._flows = [_FlowTally(flow.name, place_of(flow), flow.kind) for flow in ledger.flows.flows]
        self._days = [0] * len(shape.history)
        self._weekday = [day.weekday() for day in shape.history]
        self._rails: Counter[tuple[int, str]] = Counter()
        self._legs: Counter[int] = Counter()
        self._came_in, self._went_out = [0] * len(shape.assets), [0] * len(shape.assets)
        self._kinds = {kind.name: _KindTally(kind.kind.holder) for kind in shape.kinds}
        self._opening: list[Counter[int]] = [Counter() for _ in shape.assets]
        self._final: list[Counter[int]] = [Counter() for _ in shape.assets]
        self._follow_ups: Counter[str] = Counter()
        self._ledgers = 0
        self._pay_days = sorted(
            {
                day
                for flow in ledger.flows.flows
                if isinstance(flow, ScheduleFlow) and _pays_incomes(flow)
                for day in matching(flow.schedule.when, shape.history, ledger.flows.calendar)
            }
        )

    def add(self, ledger: LedgerPlan) -> None:
        """Count the transactions and accounts of a ledger."""
        accounts = ledger.account_count
        sent, received = [0] * (accounts + 1), [0] * (accounts + 1)  # the last one stands for the external account
        for epoch in ledger.epochs:
            for draft in ledger.flows.drafts(epoch):
                self._add(ledger, epoch.day, draft, sent, received)
        self._follow_ups.update(str(kind) for kind, _, _ in follow_up_drafts(ledger.flows))
        self._add_customers(ledger, sent, received)
        self._ledgers += 1

    def _add(self, ledger: LedgerPlan, day: int, draft: Draft, sent: list[int], received: list[int]) -> None:
        second, index, _, movements, asset, _ = draft
        tally, flow = self._flows[index], ledger.flows.flows[index]
        tally.transactions += 1
        if day < len(self._days):
            self._days[day] += 1
            tally.weekdays[self._weekday[day]] += 1
            tally.hours[second // 3600] += 1
        self._rails[asset, ledger.writer.words.rail_of(flow, draft) or "none"] += 1
        if len(movements) == 1:
            self._legs[2] += 1
        else:
            sides = [{movement[side] for movement in movements} for side in (0, 1)]
            self._legs[len(sides[0]) + len(sides[1])] += 1
        if tally.kind is Kind.ANNOTATION:
            return
        total = 0
        for source, destination, amount in movements:
            total += amount
            sent[-1 if source is None else source] += 1
            received[-1 if destination is None else destination] += 1
            if source is None:
                self._came_in[asset] += amount
            if destination is None and tally.kind is Kind.DIRECT:
                self._went_out[asset] += amount
        amounts = tally.amounts.setdefault(asset, {})
        amounts[total] = amounts.get(total, 0) + 1

    def _add_customers(self, ledger: LedgerPlan, sent: list[int], received: list[int]) -> None:
        population, planned, is_first = ledger.population, ledger.expectation(), not self._ledgers
        customer = 0
        for kind in ledger.shape.kinds:
            tally = self._kinds[kind.name]
            for _ in range(kind.count):
                accounts = population.accounts_of(customer)
                customer += 1
                tally.sent.append(sum(sent[account] for account in accounts))
                tally.received.append(sum(received[account] for account in accounts))
                tally.statuses.update(STATUSES[population.status[account]] for account in accounts)
                if is_first:
                    tally.aliases.append(population.aliases[accounts[0]])
                for account in accounts:
                    asset = population.asset[account]
                    self._opening[asset][planned.deposited[account]] += 1
                    self._final[asset][planned.final[account]] += 1

    # ---- the result

    def profile(self, plan: Plan) -> Profile:
        total = sum(tally.transactions for tally in self._flows)
        kinds: Counter[str] = Counter()
        for tally in self._flows:
            kinds[str(tally.kind)] += tally.transactions
        rails: dict[str, dict[str, int]] = {}
        for (asset, rail), count in sorted(self._rails.items(), key=lambda each: (each[0][0], -each[1], each[0][1])):
            rails.setdefault(self._assets[asset].code, {})[rail] = count
        return Profile(
            plan.scenario,
            plan.seed,
            plan.digest,
            len(plan.ledgers),
            total,
            tuple(self._asset(index, asset) for index, asset in enumerate(self._assets)),
            tuple(_kind(name, tally) for name, tally in self._kinds.items()),
            tuple(self._flow(tally, total) for tally in self._flows if tally.transactions),
            self._history(),
            rails,
            {kind: count for kind, count in kinds.items() if count},
            dict(sorted(self._legs.items())),
            dict(self._follow_ups),
            self._refusals(len(plan.ledgers)),
            plan.raised.accounts,
            self._assets[0].decimal(plan.raised.median),
        )

    def _asset(self, index: int, asset: AssetTemplate) -> AssetProfile:
        amounts: Counter[int] = Counter()
        for tally in self._flows:
            amounts.update(tally.amounts.get(index, {}))
        return AssetProfile(
            asset.code,
            distribution(amounts, asset) if amounts else None,
            _holdings(self._opening[index], asset),
            _holdings(self._final[index], asset),
            asset.decimal(self._came_in[index]),
            asset.decimal(self._went_out[index]),
        )

    def _flow(self, tally: _FlowTally, total: int) -> FlowProfile:
        return FlowProfile(
            tally.name,
            tally.key,
            str(tally.kind),
            tally.transactions,
            share(tally.transactions, total),
            {
                self._assets[asset].code: distribution(counts, self._assets[asset])
                for asset, counts in sorted(tally.amounts.items())
            },
            tuple(tally.weekdays),
            tuple(tally.hours),
        )

    def _history(self) -> History | None:
        if not self._days:
            return None
        total = sum(self._days)
        days = tuple(
            DayCount(day, count, round(count * len(self._days) / total, 2) if total else 0.0)
            for day, count in zip(self._shape.history, self._days, strict=True)
        )
        weekdays = tuple(sum(tally.weekdays[day] for tally in self._flows) for day in range(7))
        hours = tuple(sum(tally.hours[hour] for tally in self._flows) for hour in range(24))
        return History(
            days,
            round(total / len(days), 1),
            max(days, key=lambda day: day.transactions),
            tuple(days[day] for day in self._pay_days),
            weekdays,
            share(sum(weekdays[:5]), total),
            hours,
            share(sum(hours[hour] for hour in NIGHT), total),
        )

    def _refusals(self, ledgers: int) -> dict[str, int]:
        spec = self._shape.scenario.refusals
        if spec is None:
            return {}
        counts = apportion(self._shape.refusals, list(spec.kinds.values()))
        return {str(kind): count * ledgers for kind, count in zip(spec.kinds, counts, strict=True)}


def _holdings(balances: Counter[int], asset: AssetTemplate) -> Holdings | None:
    if not balances:
        return None
    return Holdings(
        distribution(balances, asset), gini(balances.elements()), share(balances[0], sum(balances.values()))
    )


def _kind(name: str, tally: _KindTally) -> KindProfile:
    first = tally.received[: len(tally.aliases)]
    order = sorted(range(len(first)), key=lambda customer: (-first[customer], customer))[:TOP]
    whole = sum(first)
    return KindProfile(
        name,
        tally.holder,
        len(tally.sent),
        {status: tally.statuses[status] for status in STATUSES if tally.statuses[status]},
        _degrees(tally.sent),
        _degrees(tally.received),
        tuple(Top(tally.aliases[each], first[each], share(first[each], whole)) for each in order if first[each]),
    )


def _degrees(counts: list[int]) -> Degrees:
    total = sum(counts)
    mean = round(total / len(counts), 2) if counts else 0.0
    return Degrees(total, mean, max(counts, default=0), gini(counts), top_share(counts, 1))
