"""The sides, the amount and the legs of a mix entry, compiled for one ledger. Pure.

An entry drafts one transaction at a time; `chance`, `schedules`, `rounds` and `lifecycle` decide when, and how many.
"""

from collections.abc import Callable

from midaz_seed.plan.drawing.amounts import compile_amount, minor_units
from midaz_seed.plan.drawing.bits import Bits
from midaz_seed.plan.flows.amounts import Draw, amounts, fees
from midaz_seed.plan.flows.base import FlowText, LedgerFacts, Side
from midaz_seed.plan.flows.parties import Destinations, Group, Sources
from midaz_seed.plan.items import Movement
from midaz_seed.scenarios.model import AmountSpec, Choice, Mix, PartySpec
from midaz_seed.scenarios.values import WHOLE

_make = tuple.__new__
"""Creates a named tuple from its fields in order; faster than calling the class, once per movement."""
DrawMovements = Callable[[Bits, int], tuple[Movement, ...]]
"""(bits, source) -> the movements of a transaction of this source."""


class Entry:
    """One entry of `mix` in one ledger."""

    def __init__(self, facts: LedgerFacts, name: str, mix: Mix) -> None:
        population, scenario = facts.population, facts.population.shape.scenario
        self.name, self.mix, self.population = name, mix, population
        self._scenario = scenario
        seed = f"{facts.seed}:{facts.key}:{name}"
        self.sources = None if mix.from_.is_external else Group(population, mix.from_)
        self.targets = None if mix.to.is_external else Group(population, mix.to)
        if mix.same_holder and self.sources is not None and self.targets is not None:
            self._keep_owners()
        self._choose_source = (
            Sources(population, self.sources, self._choice(mix.from_), f"{seed}:from", self._top(mix.from_))
            if self.sources
            else None
        )
        self._choose_target = (
            Destinations(population, self.targets, self._choice(mix.to), f"{seed}:to", self.sources, self._top(mix.to))
            if self.targets
            else None
        )
        self.through = population.groups[mix.through][0] if mix.through else None
        self._draws: dict[int, Draw] = {}
        self._fee_to = population.groups[mix.fee.to][0] if mix.fee else None
        self._fees: dict[int, Callable[[int], int]] = {}
        self._split = [(population.groups[label][0], share) for label, share in mix.split.items()]
        self.by_asset = [self._drawer(asset) for asset in range(len(population.shape.assets))]
        """For each asset, what draws the movements of a source."""

    def without_partner(self) -> str | None:
        """Return the code of an asset in which sources have no account to move money to; None when there is none."""
        assets = self.population.shape.assets
        if self.sources is not None and not self.sources.accounts:
            return assets[0].code
        if self.targets is None or self.mix.same_holder:
            return None
        if not self.targets.accounts:
            return assets[0].code
        if self.sources is None:
            return None
        for asset, sources in self.sources.by_asset.items():
            targets = self.targets.by_asset.get(asset, ())
            if not targets or (len(targets) == 1 and targets[0] in sources):
                return assets[asset].code
        return None

    def text(self, says: str | None = None) -> FlowText:
        """Return what its transactions say."""
        return FlowText(self.name, says or self.mix.says, tuple(self.mix.metadata.items()), self.mix.rail)

    def sides(self, amount: AmountSpec | None = None) -> tuple[Side, Side]:
        """Return who pays and who receives.

        Args:
            amount: replaces the distribution of the entry.
        """
        mix, through = self.mix, (self.mix.through,) if self.mix.through else ()
        outside = Side(through, external=not through)
        extra = []
        if mix.fee is not None:
            smallest = self._smallest(amount)
            extra.append((mix.fee.to, all(fees(mix.fee, scale)(least) > 0 for scale, least in smallest)))
        for label, share in mix.split.items():
            extra.append((label, all(least * share // WHOLE > 0 for _, least in self._smallest(amount))))
        gets = outside if mix.to.is_external else Side(mix.to.of)
        return outside if mix.from_.is_external else Side(mix.from_.of), gets._replace(extra=tuple(extra))

    def _smallest(self, amount: AmountSpec | None) -> list[tuple[int, int]]:
        """Return the scale of each asset and the smallest amount in it, as far as the scenario says; else 1."""
        found = []
        for asset in self.population.shape.assets:
            spec = amount or self.mix.amount or self._scenario.assets[asset.code].amount
            least = (spec.const or spec.min) if spec is not None else None
            found.append((asset.scale, max(minor_units(least, asset.scale), 1) if least is not None else 1))
        return found

    def _keep_owners(self) -> None:
        """Leave out sources whose customer has no account on the other side."""
        assert self.sources is not None
        label = self.mix.to.of[0]
        keep = [account for account in self.sources.accounts if self.population.same_holder(account, label) is not None]
        self.sources.keep(keep)

    def _choice(self, party: PartySpec) -> Choice | None:
        if party.by is not None or len(party.of) > 1 or "." not in party.of[0]:
            return party.by
        kind = party.of[0].partition(".")[0]
        is_destination = party is self.mix.to
        return self._scenario.accounts.kinds[kind].popularity if is_destination else None

    def _top(self, party: PartySpec) -> int | None:
        """Return the account of the persona that is chosen most often, if there is one."""
        for kind in self.population.shape.kinds:
            for number, persona in enumerate(kind.personas):
                if persona.popularity == "top" and any(label.startswith(f"{kind.name}.") for label in party.of):
                    return self.population.account_of(kind.name, number)
        return None

    def draw(self, bits: Bits) -> tuple[tuple[Movement, ...], int]:
        """Draw a transaction; return its movements and the index of its asset."""
        if self._choose_source is not None:
            return self.from_source(bits, self._choose_source.draw(bits))
        assert self._choose_target is not None, "checked when the scenario was read"
        destination = self._choose_target.any(bits)
        asset = self.population.asset[destination]
        return self.movements(bits, None, destination, asset), asset

    def from_source(self, bits: Bits, source: int) -> tuple[tuple[Movement, ...], int]:
        """Draw a transaction of this source; return its movements and the index of its asset."""
        asset = self.population.asset[source]
        return self.by_asset[asset](bits, source), asset

    def _drawer(self, asset: int) -> DrawMovements:
        """Return the function that draws the movements of a source in an asset."""
        mix, targets = self.mix, self._choose_target
        spec = mix.amount or self._scenario.assets[self.population.shape.assets[asset].code].amount
        refers = spec is None or spec.of is not None or spec.like is not None
        more = mix.same_holder or mix.fee or mix.split or mix.legs > 1 or mix.sources > 1 or mix.through
        if refers or more or targets is None or not targets.has(asset):
            return lambda bits, source: self.movements(bits, source, self.partner(bits, source, asset), asset)
        # most of them are only an amount from one customer to another
        assert spec is not None
        choice, amount = self._choice(mix.to), compile_amount(spec, self.population.shape.assets[asset].scale)
        accounts, position_of, choose = targets.chooser(asset)
        size, is_uniform = len(accounts), choice is None or choice.uniform

        def draw(bits: Bits, source: int) -> tuple[Movement, ...]:
            position = (bits(64) * size) >> 64 if is_uniform else choose(bits, position_of[source])
            destination = accounts[position]
            if destination == source:
                destination = accounts[(position + 1) % size]
            return (_make(Movement, (source, destination, amount(bits))),)

        return draw

    def partner(self, bits: Bits, source: int, asset: int) -> int | None:
        """Draw the destination for a source; None: the external account."""
        if self._choose_target is None:
            return None
        if self.mix.same_holder:
            return self.population.same_holder(source, self.mix.to.of[0])
        return self._choose_target.draw(bits, source, asset)

    def payer(self, bits: Bits, destination: int) -> int | None:
        """Draw the source for a destination; None: the external account."""
        if self._choose_source is None:
            return None
        if self.mix.same_holder:
            return self.population.same_holder(destination, self.mix.from_.of[0])
        return self._choose_source.other(bits, destination)

    def movements(
        self,
        bits: Bits,
        source: int | None,
        destination: int | None,
        asset: int,
        draw: Draw | None = None,
    ) -> tuple[Movement, ...]:
        """Draw the amount between two accounts, and return the movements: with fee, split and further legs.

        Args:
            bits: random bits.
            source: the account that pays; None: the external account.
            destination: the account that receives; None: the external account.
            asset: index of their asset.
            draw: draws the amount instead of the entry's own distribution.
        """
        mix = self.mix
        draw = draw or self.amounts_in(asset)
        amount = draw(bits, self._earner(source, destination))
        if source is None:
            source = self.through
        elif destination is None:
            destination = self.through
        if self._fee_to is not None:
            return self._with_fee(source, destination, amount, asset)
        if self._split:
            return self._with_split(source, destination, amount)
        if mix.legs > 1 and self._choose_target is not None:
            return self._with_legs(bits, source, destination, amount, asset, draw)
        if mix.sources > 1 and destination is not None and source is not None:
            return self._with_sources(bits, source, destination, amount, draw)
        return (_make(Movement, (source, destination, amount)),)

    def _earner(self, source: int | None, destination: int | None) -> int | None:
        """Return the account whose customer's income counts: that of the destination, if it has any."""
        population = self.population
        if (
            destination is not None
            and (customer := population.customer[destination]) >= 0
            and population.income[customer]
        ):
            return destination
        return source

    def amounts_in(self, asset: int, spec: AmountSpec | None = None) -> Draw:
        """Return the function that draws amounts in an asset, by the entry's distribution or another one."""
        if spec is not None:
            return amounts(self._scenario, spec, self.population, asset)
        draw = self._draws.get(asset)
        if draw is None:
            spec = self.mix.amount or self._scenario.assets[self.population.shape.assets[asset].code].amount
            assert spec is not None, "checked when the scenario was read"
            draw = self._draws[asset] = amounts(self._scenario, spec, self.population, asset)
        return draw

    def _with_fee(self, source: int | None, destination: int | None, amount: int, asset: int) -> tuple[Movement, ...]:
        fee = self._fees.get(asset)
        if fee is None:
            assert self.mix.fee is not None
            fee = self._fees[asset] = fees(self.mix.fee, self.population.shape.assets[asset].scale)
        charged = fee(amount)
        if charged <= 0:
            return (Movement(source, destination, amount),)
        net = _make(Movement, (source, destination, amount - charged))
        return (net, _make(Movement, (source, self._fee_to, charged)))

    def _with_split(self, source: int | None, destination: int | None, amount: int) -> tuple[Movement, ...]:
        rest, parts = amount, []
        for account, share in self._split:
            part = min(amount * share // WHOLE, rest - 1)
            if part > 0:
                parts.append(Movement(source, account, part))
                rest -= part
        return (Movement(source, destination, rest), *parts)

    def _with_legs(
        self, bits: Bits, source: int | None, destination: int | None, amount: int, asset: int, draw: Draw
    ) -> tuple[Movement, ...]:
        """Return a movement to each of several destinations, each with an amount of its own."""
        assert self._choose_target is not None
        members = self._choose_target.members(source, asset) if source is not None else None
        if members is not None:
            paid = [
                Movement(source, account, draw(bits, self._earner(source, account)))
                for account in members[: self.mix.legs]
            ]
            # with fewer accounts than sources, a source without members pays the one that was drawn
            return tuple(paid) or (Movement(source, destination, amount),)
        found = {destination: amount}
        for _ in range(2 * self.mix.legs):
            if len(found) >= self.mix.legs:
                break
            other = self._choose_target.draw(bits, -1 if source is None else source, asset)
            if other not in found and other != source:
                found[other] = draw(bits, self._earner(source, other))
        for other in self._choose_target.chooser(asset)[0] if len(found) < self.mix.legs else ():
            if len(found) >= self.mix.legs:
                break
            if other not in found and other != source:  # with few accounts, or a hot one, chance does not find all
                found[other] = draw(bits, self._earner(source, other))
        return tuple([Movement(source, account, each) for account, each in found.items()])

    def _with_sources(self, bits: Bits, source: int, destination: int, amount: int, draw: Draw) -> tuple[Movement, ...]:
        """Return a movement from each of several sources, each with an amount of its own."""
        assert self._choose_source is not None, "checked when the scenario was read"
        found = {source: amount}
        for _ in range(2 * self.mix.sources):
            if len(found) >= self.mix.sources:
                break
            other = self._choose_source.other(bits, destination)
            if other not in found:
                found[other] = draw(bits, self._earner(other, destination))
        assert self.sources is not None
        asset = self.population.asset[destination]
        for other in self.sources.by_asset[asset] if len(found) < self.mix.sources else ():
            if len(found) >= self.mix.sources:
                break
            if other not in found and other != destination:
                found[other] = draw(bits, self._earner(other, destination))
        return tuple([Movement(account, destination, each) for account, each in found.items()])
