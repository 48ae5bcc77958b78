"""Money across assets: two transactions with one reference, at the rate of the day. Pure.

Midaz moves one asset in a transaction, so a customer sells to a desk in one asset and gets the other from a second
desk. The rate is a random walk of integers, the same on every platform.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property

from midaz_seed.model.money import format_minor
from midaz_seed.plan.flows.base import Draft, Side
from midaz_seed.plan.flows.chance import ChanceFlow
from midaz_seed.plan.items import Movement
from midaz_seed.plan.streams import stream
from midaz_seed.scenarios.model import Rate
from midaz_seed.scenarios.values import WHOLE

RATE_DIGITS = 6
RATE_UNIT = 10**RATE_DIGITS
"""Rates are kept in millionths."""


class ExchangeFlow(ChanceFlow):
    """An entry with `exchange`. Numbers 2n and 2n + 1 of a day are the two transactions of one exchange."""

    @cached_property
    def _quoted(self) -> tuple[str, str]:
        """The pair of assets as the scenario quotes it: what one unit of the first costs in the second."""
        exchange, assets = self.entry.mix.exchange, self.population.shape.scenario.assets
        assert exchange is not None
        is_direct = exchange.sell in assets[exchange.buy].rate
        return (exchange.buy, exchange.sell) if is_direct else (exchange.sell, exchange.buy)

    @cached_property
    def rates(self) -> Sequence[int]:
        """The rate of the pair by day, in millionths."""
        code, other = self._quoted
        rate = self.population.shape.scenario.assets[code].rate[other]
        return daily_rates(rate, self.facts.seed, code, other, len(self.counts))

    def sides(self) -> tuple[tuple[Side, Side], ...]:
        """Return who pays and who receives: a customer sells to a desk, and gets from the other one."""
        exchange, [(pays, gets)] = self.entry.mix.exchange, super().sides()
        assert exchange is not None
        desk_in, desk_out = exchange.desk
        return ((pays, Side((desk_in,))), (Side((desk_out,)), gets))

    def notes(self, day: int, number: int) -> str:
        """Return the pair, the rate of the day, and the reference that both transactions of an exchange have."""
        rate = format_minor(self.rates[min(day, len(self.rates) - 1)], RATE_DIGITS)
        reference = f"{self.facts.key}.{self.name}.{day + 1}.fx{number // 2 + 1}"
        return f',"fxPair":"{"/".join(self._quoted)}","fxRate":"{rate}","fxReference":"{reference}"'

    def drafts(self, day: int) -> Iterator[Draft]:
        """Generate the transactions of a day."""
        exchange, population = self.entry.mix.exchange, self.population
        assert exchange is not None
        shape = population.shape
        bought = shape.asset_index[exchange.buy]
        sold_scale = shape.assets[shape.asset_index[exchange.sell]].scale
        desk_in, desk_out = (population.groups[name][0] for name in exchange.desk)
        is_direct = self._quoted[0] == exchange.buy
        for draft in super().drafts(day):
            [(source, destination, amount)] = draft.movements
            # an inverted rate would lose digits: one real is 0.000002 bitcoin
            times, over = (RATE_UNIT, self.rates[day]) if is_direct else (self.rates[day], RATE_UNIT)
            gets = amount * times * 10 ** shape.assets[bought].scale // (over * 10**sold_scale)
            sold = (Movement(source, desk_in, amount),)
            got = (Movement(desk_out, destination, max(gets, 1)),)
            yield Draft(draft.second, self.index, 2 * draft.number, sold, draft.asset, draft.bits)
            yield Draft(draft.second, self.index, 2 * draft.number + 1, got, bought, draft.bits)


def daily_rates(rate: Rate, seed: int, code: str, other: str, days: int) -> list[int]:
    """Return the rate of each day in millionths: a random walk from `start`, the same in every ledger of a plan."""
    bits = stream(seed, "rate", code, other).getrandbits
    value, found = int(rate.start * RATE_UNIT), []
    for _ in range(max(days, 1)):
        found.append(max(value, 1))
        # the sum of twelve uniform numbers, less six, is nearly normal: here in units of 2**-16
        normal = sum(bits(16) for _ in range(12)) - 6 * 65_536
        value += value * normal * rate.daily_sigma // (65_536 * WHOLE)
    return found
