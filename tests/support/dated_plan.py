"""A small plan with a history: salaries, purchases at a hot merchant with a fee, payments between people."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from midaz_seed.clock import SystemClock
from midaz_seed.engine import orchestrator
from midaz_seed.engine.client_load import process_cpu_s
from midaz_seed.engine.report_builder import summarize
from midaz_seed.plan.dimensions import LedgerDimensions, OrganizationDimensions, PlanIdentity
from midaz_seed.plan.items import Movement, Phase, TransactionItem, answer_of, effect_of
from midaz_seed.plan.plan import Expectation, LedgerPlan, Plan, build_plan
from midaz_seed.plan.templates import ASSETS
from midaz_seed.reporting.report import Report
from midaz_seed.runner import ignore_event
from midaz_seed.runs.session import open_session
from midaz_seed.settings.model import Settings
from midaz_seed.settings.target import resolve_target
from midaz_seed.wiring import open_run

MERCHANT, EMPLOYER, FEES, PEOPLE = 0, 1, 2, 3
"""Indexes of the accounts; people follow."""
FIRST_DAY = datetime(2025, 3, 1, 3, tzinfo=UTC)
"""Midnight of the first day in São Paulo."""


class DatedLedgerPlan(LedgerPlan):
    """A ledger whose transfers have dates."""

    def __init__(self, dimensions: LedgerDimensions, days: int, per_day: int) -> None:
        asset = dimensions.assets[0]
        self._deposits_of = Expectation([asset.deposit] * dimensions.accounts, [], {})
        super().__init__(dimensions, self._deposits_of)
        self._days = [list(_day(dimensions, day, per_day)) for day in range(days)]
        balances = list(self._deposits_of.deposited)
        self._at: list[list[int]] = []
        for day in self._days:
            for item in day:
                for account, change in effect_of(item).items():
                    balances[account] += change
            self._at.append(list(balances))
        self._expectation = Expectation(self._deposits_of.deposited, balances, {asset.code: sum(balances)})
        self.counts[Phase.TRANSFERS] = sum(map(len, self._days))

    def deposits(self) -> Iterator[TransactionItem]:
        for item in super().deposits():
            moment = (FIRST_DAY - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
            yield item._replace(body=b'{"transactionDate":"' + moment.encode() + b'",' + item.body[1:], moment=moment)

    def transfers(self) -> Iterator[TransactionItem]:
        return (item for day in self._days for item in day)

    @property
    def days(self) -> int:
        return len(self._days)

    @property
    def is_dated(self) -> bool:
        return True

    def transfers_of(self, day: int) -> Iterator[TransactionItem]:
        return iter(self._days[day])

    def end_of(self, day: int) -> str:
        return (FIRST_DAY + timedelta(days=day + 1, seconds=-1)).strftime("%Y-%m-%d %H:%M:%S")

    def balances_at(self, days: Collection[int]) -> dict[int, list[int]]:
        return {day: self._at[day] for day in days}

    def sample(self, count: int) -> list[TransactionItem]:
        items = [*self.deposits(), *self.transfers()]
        return Random(1).sample(items, min(count, len(items)))


def dated_plan(settings: Settings, *, days: int = 6, per_day: int = 40) -> Plan:
    """Return a plan with the settings' ledgers, one asset, and a history in each ledger."""
    plain = build_plan(settings)
    identity = PlanIdentity(settings.seed, plain.run_id, 70, False)
    organizations = []
    for index, organization in enumerate(plain.organizations):
        parent = OrganizationDimensions(identity, index, 1)
        ledgers = tuple(
            DatedLedgerPlan(
                LedgerDimensions(identity, parent.key, number, ASSETS[:1], 0, 1, 1, ledger.account_count, 2, 1),
                days,
                per_day,
            )
            for number, ledger in enumerate(organization.ledgers)
        )
        organizations.append(replace(organization, ledgers=ledgers))
    ledgers = [ledger for organization in organizations for ledger in organization.ledgers]
    counts = {Phase.ORGANIZATIONS: len(organizations), Phase.LEDGERS: len(ledgers)}
    for ledger in ledgers:
        for phase, count in ledger.counts.items():
            counts[phase] = counts.get(phase, 0) + count
    digest = hashlib.sha256(f"{plain.digest}:{days}:{per_day}".encode()).hexdigest()
    return replace(plain, organizations=tuple(organizations), counts=counts, digest=digest)


async def run_plan(
    settings: Settings, plan: Plan, *, only_verify: bool = False, overrides: Mapping[type, Any] | None = None
) -> Report:
    """Seed and verify a plan, or only verify it."""
    clock, target = SystemClock(), resolve_target(settings.target)
    async with AsyncExitStack() as stack:
        session = None
        if settings.journal.enabled and not only_verify:
            session = stack.enter_context(open_session(settings, plan, target, clock, None))
        context = await stack.enter_async_context(
            open_run(settings, plan, target, emit=ignore_event, session=session, overrides=overrides or {})
        )
        started_s, started_at_s, cpu_s = clock.monotonic(), clock.time(), process_cpu_s()
        await (orchestrator.verify(context) if only_verify else orchestrator.seed(context))
        context.close_journal()
        report = summarize(context, started_s=started_s, started_at_s=started_at_s, started_cpu_s=cpu_s)
        if session is not None:
            session.end(report)
    return report


def _day(dimensions: LedgerDimensions, day: int, count: int) -> Iterator[TransactionItem]:
    """Generate one day: salaries on every third, then purchases and payments at random times."""
    rng = Random(f"{dimensions.key}.{day}")
    begin = FIRST_DAY + timedelta(days=day)
    people = range(PEOPLE, dimensions.accounts)
    seconds = sorted(rng.sample(range(9 * 3600, 86_400), count))
    moments = iter([begin + timedelta(seconds=second) for second in seconds])
    number = 0
    if day % 3 == 0:
        for person in people:
            number += 1
            yield _item(dimensions, day, number, begin + timedelta(seconds=number), [Movement(EMPLOYER, person, 1_00)])
    for moment in moments:
        number += 1
        one, other = rng.sample(people, 2)
        amount = rng.randrange(100, 900)
        kind = rng.randrange(10)
        if kind < 5:
            movements = [Movement(one, MERCHANT, amount), Movement(one, FEES, 1 + amount // 100)]
        elif kind < 9:
            movements = [Movement(one, other, amount)]
        else:
            movements = [Movement(one, None, amount)]
        yield _item(dimensions, day, number, moment, movements)


def _item(
    dimensions: LedgerDimensions, day: int, number: int, moment: datetime, movements: list[Movement]
) -> TransactionItem:
    asset, run_id = dimensions.assets[0], dimensions.identity.run_id
    aliases, external = dimensions.aliases, f"@external/{dimensions.assets[0].code}"

    def leg(account: int | None, minor: int) -> str:
        alias = external if account is None else aliases[account]
        return f'{{"accountAlias":"{alias}","amount":{{"asset":"{asset.code}","value":"{asset.text(minor)}"}}}}'

    total = sum(movement.amount for movement in movements)
    key = f"{dimensions.key}.t{day + 1}.{number}"
    mark = f'"seedKey":"{run_id}/{key}"'
    date = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    source = movements[0].source
    assert source is not None
    destinations = ",".join(leg(movement.destination, movement.amount) for movement in movements)
    names = ",".join(
        f'"{external if movement.destination is None else aliases[movement.destination]}"' for movement in movements
    )
    body = (
        f'{{"transactionDate":"{date}","description":"x","metadata":{{"seedRun":"{run_id}",{mark}}},'
        f'"send":{{"asset":"{asset.code}","value":"{asset.text(total)}","source":{{"from":[{leg(source, total)}]}},'
        f'"distribute":{{"to":[{destinations}]}}}}}}'
    )
    return TransactionItem(
        key,
        Phase.TRANSFERS,
        body.encode(),
        mark.encode(),
        answer_of(asset, asset.text(total), aliases[source], names),
        asset.code,
        asset.text(total),
        tuple(movements),
        day=day,
        moment=date,
    )
