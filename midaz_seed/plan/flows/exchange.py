"""Money across assets: two transactions with one reference, at the rate of the day. Pure.

Midaz moves one asset in a transaction, so a customer sells to a desk in one asset and gets the other from a second
desk. The rate is a random walk of integers, the same on every platform.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property

from midaz_seed.plan.flows.base import Draft, LedgerFacts
from midaz_seed.plan.flows.chance import ChanceFlow
from midaz_seed.plan.items import Movement
from midaz_seed.plan.streams import stream
from midaz_seed.scenarios.model import Rate
from midaz_seed.scenarios.values import WHOLE

RATE_UNIT = 1_000_000
"""Rates are kept in millionths."""


class ExchangeFlow(ChanceFlow):
    """An entry with `exchange`. Numbers 2n and 2n + 1 of a day are the two transactions of one exchange."""

    @cached_property
    def rates(self) -> Sequence[int]:
        """What one unit of the asset that is bought costs in the one that is sold, by day, in millionths."""
        exchange, scenario = self.entry.mix.exchange, self.population.shape.scenario
        assert exchange is not None
        direct = scenario.assets[exchange.buy].rate.get(exchange.sell)
        if direct is not None:
            return daily_rates(direct, self.facts, exchange.buy, exchange.sell, len(self.counts))
        inverse = scenario.assets[exchange.sell].rate[exchange.buy]
        walked = daily_rates(inverse, self.facts, exchange.sell, exchange.buy, len(self.counts))
        return [RATE_UNIT * RATE_UNIT // rate for rate in walked]

    def drafts(self, day: int) -> Iterator[Draft]:
        """Generate the transactions of a day."""
        exchange, population = self.entry.mix.exchange, self.population
        assert exchange is not None
        shape = population.shape
        bought = shape.asset_index[exchange.buy]
        sold_scale = shape.assets[shape.asset_index[exchange.sell]].scale
        desk_in, desk_out = (population.groups[name][0] for name in exchange.desk)
        for draft in super().drafts(day):
            [(source, destination, amount)] = draft.movements
            gets = amount * RATE_UNIT * 10 ** shape.assets[bought].scale // (self.rates[day] * 10**sold_scale)
            sold = (Movement(source, desk_in, amount),)
            got = (Movement(desk_out, destination, max(gets, 1)),)
            yield Draft(draft.second, self.index, 2 * draft.number, sold, draft.asset, draft.bits)
            yield Draft(draft.second, self.index, 2 * draft.number + 1, got, bought, draft.bits)


def daily_rates(rate: Rate, facts: LedgerFacts, code: str, other: str, days: int) -> list[int]:
    """Return the rate of each day in millionths: a random walk from `start`, the same in every ledger of a plan."""
    bits = stream(facts.seed, "rate", code, other).getrandbits
    value, found = int(rate.start * RATE_UNIT), []
    for _ in range(max(days, 1)):
        found.append(max(value, 1))
        # the sum of twelve uniform numbers, less six, is nearly normal: here in units of 2**-16
        normal = sum(bits(16) for _ in range(12)) - 6 * 65_536
        value += value * normal * rate.daily_sigma // (65_536 * WHOLE)
    return found
