"""All flows of one ledger, and its history as a sequence of epochs. Pure.

The movements of an epoch are sent, answered and decided before the next one begins. A day has two: its movements by
chance and calendar, then its closing ones, which pay out what the first ones brought in. What has no date is one epoch
at the end.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from midaz_seed.errors import PlanError
from midaz_seed.plan.calendar.business_days import BusinessDays
from midaz_seed.plan.calendar.days import apportion, day_weights
from midaz_seed.plan.calendar.hours import compile_hours
from midaz_seed.plan.drawing.bits import Bits
from midaz_seed.plan.flows.base import Draft, Flow, LedgerFacts
from midaz_seed.plan.flows.chance import ChanceFlow
from midaz_seed.plan.flows.closing import CLOSING_S, PayoutFlow, SweepFlow
from midaz_seed.plan.flows.entry import Entry
from midaz_seed.plan.flows.exchange import ExchangeFlow
from midaz_seed.plan.flows.generated import GeneratedFlow
from midaz_seed.plan.flows.rounds import RoundsFlow
from midaz_seed.plan.flows.schedules import ScheduleFlow
from midaz_seed.plan.items import Kind
from midaz_seed.scenarios.model import Mix

DAY_S = 86_400
CACHED_DAYS = 16
"""Days whose drafts are kept, for payouts that look back and for reading several items of a day."""


class Epoch(NamedTuple):
    """A part of the history."""

    day: int
    """Index of its day; the number of days of the history for what has no date."""
    is_closing: bool


class LedgerFlows:
    """The flows of one ledger."""

    def __init__(self, facts: LedgerFacts) -> None:
        """Compile the scenario for a ledger.

        Raises:
            PlanError: an entry has accounts without a partner in their asset.
        """
        self.facts = facts
        shape = facts.population.shape
        self.scenario, self.history = shape.scenario, shape.history
        self.rounds: RoundsFlow | None = None
        """The flow without dates, if there is one: then there is no other."""
        self._open: list[Flow] = []
        self._closing: list[Flow] = []
        self._live: list[ChanceFlow] = []
        self._entries: dict[str, Entry] = {}
        self.calendar = BusinessDays(self.scenario.time.calendar.also if self.scenario.time else ())
        self.open_drafts = lru_cache(CACHED_DAYS)(self._open_drafts)
        self._compile()
        self.flows: list[Flow] = [*self._open, *self._closing, *self._live]
        self.by_name = {flow.name: flow for flow in self.flows}

    @property
    def live_day(self) -> int:
        """The index of the day after the history, for what has no date."""
        return max(len(self.history), 1)

    def epochs(self) -> Iterator[Epoch]:
        """Generate the epochs in order."""
        for day in range(self.live_day):
            yield Epoch(day, is_closing=False)
            if self._closing:
                yield Epoch(day, is_closing=True)
        if self._live:
            yield Epoch(self.live_day, is_closing=False)

    def drafts(self, epoch: Epoch) -> Iterable[Draft]:
        """Generate the drafts of an epoch, in the order in which they are sent."""
        if epoch.day == self.live_day:
            return [draft for flow in self._live for draft in flow.drafts(epoch.day)]
        if epoch.is_closing:
            return sorted(draft for flow in self._closing for draft in flow.drafts(epoch.day))
        if self.rounds is not None:
            return self.rounds.drafts(epoch.day)
        return self.open_drafts(epoch.day)

    def _open_drafts(self, day: int) -> list[Draft]:
        return sorted(draft for flow in self._open for draft in flow.drafts(day))

    # ---- compiling

    def _compile(self) -> None:
        scenario = self.scenario
        for name, mix in scenario.mix.items():
            if mix.generator is None:
                entry = self._entries[name] = Entry(self.facts, name, mix)
                if mix.each is None or self._rounds_of(mix):
                    self._check(entry)
        for name, mix in scenario.mix.items():
            if mix.each is not None:
                self.rounds = RoundsFlow(self.facts, 0, self._entries[name], self._rounds_of(mix))
                self._open = [self.rounds]
        self._compile_chance()
        for name, schedule in scenario.schedules.items():
            entry = self._entries[schedule.via]
            second = self._seconds(None)
            index = len(self._open)
            self._open.append(ScheduleFlow(self.facts, index, name, schedule, entry, second, self.calendar))
        for name, payout in scenario.payouts.items():
            index = len(self._open) + len(self._closing)
            self._closing.append(PayoutFlow(self.facts, index, name, payout, self.calendar, self.open_drafts))
        for name, internal in scenario.accounts.internal.items():
            if internal.sweep is not None:
                index = len(self._open) + len(self._closing)
                self._closing.append(SweepFlow(self.facts, index, name, internal.sweep.to, self.open_drafts))
        self._compile_live()

    def _rounds_of(self, mix: Mix) -> int:
        """Return the movements of each source account of an entry with `each`."""
        return self.facts.population.shape.each if mix.each == "transactionsPerAccount" else mix.each or 0

    def _compile_chance(self) -> None:
        scenario, shape = self.scenario, self.facts.population.shape
        weighted = {name: mix for name, mix in scenario.mix.items() if mix.weight}
        totals = apportion(shape.movements, [mix.weight or 0 for mix in weighted.values()])
        for (name, mix), total in zip(weighted.items(), totals, strict=True):
            counts = self._counts(mix, total)
            index = len(self._open)
            if mix.generator is not None:
                self._open.append(GeneratedFlow(self.facts, index, name, mix, counts, CLOSING_S - 1))
                continue
            entry = self._entries[name]
            flow = ExchangeFlow if mix.exchange else ChanceFlow
            kind = Kind.DIRECT if mix.then is None else Kind.PENDING
            self._open.append(flow(self.facts, index, entry, counts, self._seconds(mix), kind=kind))

    def _counts(self, mix: Mix, total: int) -> list[int]:
        """Return the movements of an entry on each day."""
        time = self.scenario.time
        if time is None:
            return [total]
        weights = list(day_weights(time, self.history))
        if mix.only is not None and mix.only.business_days:
            weights = [
                weight if self.calendar.is_business_day(day) else 0
                for weight, day in zip(weights, self.history, strict=True)
            ]
        return apportion(total, weights) if any(weights) else [0] * len(weights)

    def _seconds(self, mix: Mix | None) -> Callable[[Bits], int]:
        """Return the function that draws the second of the day, before the closing movements."""
        time = self.scenario.time
        if time is None:
            return lambda _: 0
        between = mix.only.between if mix is not None and mix.only is not None else None
        draw = compile_hours(time.hours, between)
        return lambda bits: draw(bits) * CLOSING_S // DAY_S if between is None else min(draw(bits), CLOSING_S - 1)

    def _compile_live(self) -> None:
        lifecycle = self.scenario.lifecycle
        if lifecycle is None:
            return
        kinds = (
            ("live", lifecycle.live, Kind.DIRECT, ""),
            ("pending", lifecycle.pending, Kind.PENDING, ""),
            ("revert", lifecycle.revert, Kind.DIRECT, ""),
            ("annotate", lifecycle.annotate, Kind.ANNOTATION, "annotation"),
            ("block", lifecycle.block, Kind.DIRECT, "block"),
        )
        for word, parts, kind, endpoint in kinds:
            for part in parts:
                counts = [0] * self.live_day + [part.count]
                index = len(self._open) + len(self._closing) + len(self._live)
                self._live.append(
                    ChanceFlow(
                        self.facts,
                        index,
                        self._entries[part.of],
                        counts,
                        lambda _: 0,
                        name=f"{word}_{part.of}",
                        kind=kind,
                        endpoint=endpoint,
                    )
                )

    def _check(self, entry: Entry) -> None:
        """Check that each source has a partner in its asset. Raises PlanError."""
        asset = entry.without_partner()
        if asset is not None:
            raise PlanError(
                f"in ledger {self.facts.key} the entry {entry.name} of the scenario {self.scenario.scenario} has "
                f"accounts in {asset} without another account in {asset} to move money to",
                hint="use more customers or accounts, or fewer assets",
            )
