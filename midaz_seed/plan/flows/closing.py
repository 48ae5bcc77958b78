"""What is made at the end of a day, from what its other movements did: payouts and sweeps. Pure."""

from collections.abc import Callable, Iterable, Iterator

from midaz_seed.plan.calendar.business_days import BusinessDays
from midaz_seed.plan.calendar.days import matching
from midaz_seed.plan.flows.base import DRAFT_BITS, Draft, Flow, FlowText, LedgerFacts, Side
from midaz_seed.plan.items import Movement
from midaz_seed.scenarios.model import EXTERNAL, Payout
from midaz_seed.scenarios.values import WHOLE

CLOSING_S = 23 * 3600 + 50 * 60
"""Second of the day from which closing movements are made; all others are made before it."""
DraftsOf = Callable[[int], Iterable[Draft]]
"""Day -> the drafts of the flows that are not closing ones."""


class PayoutFlow(Flow):
    """A share of what each account received since the last payout leaves it, several accounts in one transaction."""

    def __init__(
        self,
        facts: LedgerFacts,
        index: int,
        name: str,
        payout: Payout,
        calendar: BusinessDays,
        drafts_of: DraftsOf,
    ) -> None:
        text = FlowText(name, payout.says, tuple(payout.metadata.items()))
        super().__init__(facts, index, f"p_{name}", text)
        population = facts.population
        self._payout, self._drafts_of = payout, drafts_of
        self._accounts = population.groups.get(payout.from_, ())
        self._to = None if payout.to == EXTERNAL else population.groups[payout.to][0]
        days = matching(payout.when, population.shape.history, calendar)
        self._since = {day: (days[at - 1] + 1 if at else 0) for at, day in enumerate(days)}
        """Day of a payout -> first day whose receipts it pays out."""

    def sides(self) -> tuple[tuple[Side, Side], ...]:
        """Return who pays and who receives."""
        to = self._payout.to
        return ((Side((self._payout.from_,)), Side(external=True) if to == EXTERNAL else Side((to,))),)

    def drafts(self, day: int) -> Iterator[Draft]:
        """Generate the payouts of a day."""
        if day not in self._since:
            return
        received = dict.fromkeys(self._accounts, 0)
        for earlier in range(self._since[day], day + 1):
            for draft in self._drafts_of(earlier):
                for _, destination, amount in draft.movements:
                    if destination in received:
                        received[destination] += amount
        paid: dict[int, list[Movement]] = {}
        for account, amount in received.items():
            share = amount * self._payout.share // WHOLE
            if share > 0:
                paid.setdefault(self.population.asset[account], []).append(Movement(account, self._to, share))
        bits, number = self.bits_of(day), 0
        for asset, movements in paid.items():
            for first in range(0, len(movements), self._payout.legs):
                legs = tuple(movements[first : first + self._payout.legs])
                yield Draft(CLOSING_S + number % 300, self.index, number, legs, asset, bits(DRAFT_BITS))
                number += 1


class SweepFlow(Flow):
    """What an internal account received on a day, less what it paid, moves to another one."""

    def __init__(self, facts: LedgerFacts, index: int, name: str, to: str, drafts_of: DraftsOf) -> None:
        super().__init__(facts, index, f"sweep_{name}", FlowText(name, "Repasse diário"))
        groups = facts.population.groups
        self._names = name, to
        self._account, self._to = groups[name][0], groups[to][0]
        self._drafts_of = drafts_of

    def sides(self) -> tuple[tuple[Side, Side], ...]:
        """Return who pays and who receives."""
        name, to = self._names
        return ((Side((name,)), Side((to,))),)

    def drafts(self, day: int) -> Iterator[Draft]:
        """Generate the sweep of a day, unless nothing is left."""
        received, account = 0, self._account
        for draft in self._drafts_of(day):
            for source, destination, amount in draft.movements:
                received += amount * ((destination == account) - (source == account))
        if received > 0:
            bits = self.bits_of(day)(DRAFT_BITS)
            movement = Movement(account, self._to, received)
            yield Draft(CLOSING_S + 300, self.index, 0, (movement,), self.population.asset[account], bits)
