"""Movements by the calendar: one for each customer of a kind that a schedule reaches. Pure."""

from collections.abc import Callable, Iterator
from datetime import date

from midaz_seed.plan.calendar.business_days import BusinessDays
from midaz_seed.plan.calendar.days import matching
from midaz_seed.plan.drawing.bits import Bits
from midaz_seed.plan.flows.amounts import Draw
from midaz_seed.plan.flows.base import DRAFT_BITS, Draft, Flow, LedgerFacts, Side
from midaz_seed.plan.flows.entry import Entry
from midaz_seed.plan.streams import stream
from midaz_seed.scenarios.model import Schedule
from midaz_seed.scenarios.values import WHOLE

DAYS_OF_CUSTOMERS = 28
"""A customer's own day of the month is from 1 to 28, so that every month has it."""


class ScheduleFlow(Flow):
    """A schedule, with the accounts and texts of the entry that it goes by."""

    def __init__(
        self,
        facts: LedgerFacts,
        index: int,
        name: str,
        schedule: Schedule,
        entry: Entry,
        second: Callable[[Bits], int],
        business_days: BusinessDays,
    ) -> None:
        """Prepare the flow.

        Args:
            facts: of the ledger.
            index: its index.
            name: of the schedule.
            schedule: when, and for whom.
            entry: the accounts of both sides.
            second: draws the second of the day, where the schedule names no time.
            business_days: the calendar.
        """
        super().__init__(facts, index, f"s_{name}", entry.text(schedule.says))
        self.schedule, self.entry = schedule, entry
        self._second = second
        # the side that belongs to the customer: the destination of money from outside, otherwise the source
        side = entry.sources if entry.sources is not None and self._is_of(entry.mix.from_.of) else entry.targets
        self._pays = side is entry.sources
        assert side is not None, "checked when the scenario was read"
        own = {
            account
            for label in (entry.mix.from_ if self._pays else entry.mix.to).of
            if label.startswith(f"{schedule.per}.")
            for account in facts.population.groups[label]
        }
        self._accounts = [account for account in side.accounts if account in own]
        self._days = self._customers_by_day(facts.population.shape.history, business_days)

    def _is_of(self, labels: tuple[str, ...]) -> bool:
        return any(label.startswith(f"{self.schedule.per}.") for label in labels)

    def _customers_by_day(self, history: tuple[date, ...], calendar: BusinessDays) -> dict[int, list[int]]:
        """Return the accounts of each day on which the schedule falls."""
        when, reach = self.schedule.when, self.schedule.reach
        bits = stream(self.facts.seed, self.facts.key, "reach", self.name).getrandbits
        own_days: dict[int, list[int]] = {}
        reached = []
        for account in self._accounts:
            drawn, own = (bits(40) * WHOLE) >> 40, 1 + ((bits(32) * DAYS_OF_CUSTOMERS) >> 32)
            if drawn < reach:
                reached.append(account)
                own_days.setdefault(own, []).append(account)
        if when.day_of_month is None:
            return dict.fromkeys(matching(when, history, calendar), reached)
        found: dict[int, list[int]] = {}
        for own, accounts in own_days.items():
            for day in matching(when, history, calendar, customer_day=own):
                found.setdefault(day, []).extend(accounts)
        return {day: sorted(accounts) for day, accounts in found.items()}

    def sides(self) -> tuple[tuple[Side, Side], ...]:
        """Return who pays and who receives."""
        return (self.entry.sides(self.schedule.amount),)

    def drafts(self, day: int) -> Iterator[Draft]:
        """Generate the movements of a day."""
        accounts = self._days.get(day)
        if not accounts:
            return
        bits, entry, at = self.bits_of(day), self.entry, self.schedule.when.at
        assets, spec, draws = self.population.asset, self.schedule.amount, dict[int, Draw]()
        for number, account in enumerate(accounts):
            text_bits = bits(DRAFT_BITS)
            # a fixed time is the beginning of a quarter of an hour in which all of them are made
            second = at + ((bits(32) * 900) >> 32) if at is not None else self._second(bits)
            asset = assets[account]
            if asset not in draws:
                draws[asset] = entry.amounts_in(asset, spec)
            if self._pays:
                destination = entry.partner(bits, account, asset)
                movements = entry.movements(bits, account, destination, asset, draws[asset])
            else:
                source = entry.payer(bits, account)
                movements = entry.movements(bits, source, account, asset, draws[asset])
            yield Draft(min(second, 86_399), self.index, number, movements, asset, text_bits)
