"""Movements that a Python generator makes: what a scenario file cannot say.

A generator is a function that an installed package names in the entry point group `midaz_seed.generators`. It gets a
`GeneratorDay` and yields `GeneratedTransaction`s. It must take all chance from `GeneratorDay.bits`, and nothing from
clocks, files or other state: the plan calls it again whenever it needs the movements of a day.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.metadata import entry_points
from typing import NamedTuple

from midaz_seed.errors import PlanError
from midaz_seed.plan.drawing.bits import Bits
from midaz_seed.plan.flows.base import DRAFT_BITS, Draft, Flow, FlowText, LedgerFacts, Side
from midaz_seed.plan.items import AssetTemplate, Movement
from midaz_seed.plan.population import ACTIVE, Population
from midaz_seed.scenarios.generators import GROUP
from midaz_seed.scenarios.model import Mix


class GeneratedTransaction(NamedTuple):
    """One transaction that a generator makes."""

    movements: tuple[tuple[int | None, int | None, int], ...]
    """Source, destination and amount in minor units; None is the external account. All in one asset."""
    second: int = 12 * 3600
    """Second of the local day; without dates it has no effect."""


@dataclass(frozen=True, slots=True)
class GeneratorDay:
    """What a generator gets for one day of one ledger."""

    day: date | None
    """None without dates."""
    count: int
    """Movements that the weight of the entry gives this day; a generator may make another number."""
    options: Mapping[str, str | int | bool]
    """From the scenario file."""
    bits: Bits
    """The only source of chance: the number of bits -> a random whole number."""
    population: Population
    """The accounts of the ledger."""

    def accounts(self, label: str) -> Sequence[int]:
        """Return the accounts that may move money: those that customers own (`person.checking`), or an internal one."""
        return self.population.groups.get(label, ())

    def asset_of(self, account: int) -> AssetTemplate:
        """Return the asset of an account."""
        return self.population.shape.assets[self.population.asset[account]]


Generator = Callable[[GeneratorDay], Iterable[GeneratedTransaction]]


@cache
def load_generator(name: str) -> Generator:
    """Return the installed generator of this name.

    Raises:
        PlanError: its package cannot be imported.
    """
    [point, *_] = entry_points(group=GROUP, name=name)
    try:
        generator: Generator = point.load()
    except Exception as error:
        raise PlanError(
            f"the generator {name} ({point.value}) cannot be imported: {error}",
            hint="check the package that provides it",
        ) from error
    return generator


class GeneratedFlow(Flow):
    """An entry with a generator."""

    def __init__(
        self,
        facts: LedgerFacts,
        index: int,
        name: str,
        mix: Mix,
        counts: Sequence[int],
        last_second: int,
    ) -> None:
        """Prepare the flow.

        Args:
            facts: of the ledger.
            index: its index.
            name: of the entry.
            mix: the entry.
            counts: movements by day.
            last_second: last second of a day for its movements.
        """
        super().__init__(facts, index, name, FlowText(name, mix.says, tuple(mix.metadata.items()), mix.rail))
        assert mix.generator is not None
        self._generator_name, self._generate = mix.generator, load_generator(mix.generator)
        self._mix, self._counts, self._last_second = mix, counts, last_second
        self._is_compared = False

    def sides(self) -> tuple[tuple[Side, Side], ...]:
        """Return who pays and who receives: a generator may choose anyone."""
        anyone = Side(tuple(self.population.groups), external=True, mixes=True)
        return ((anyone, anyone),)

    def drafts(self, day: int) -> Iterator[Draft]:
        """Generate the movements of a day.

        Raises:
            PlanError: the generator fails, or makes what cannot be sent.
        """
        history = self.population.shape.history
        text_bits = self.bits_of("texts", day)
        made = self._made(day)
        if made and not self._is_compared:
            self._is_compared = True
            if made != self._made(day):
                raise PlanError(
                    f"the generator {self._generator_name} makes other movements when it is called again",
                    hint="take all chance from `bits`, and nothing from clocks, files or `random`",
                )
        for number, one in enumerate(made):
            asset, movements = self._checked(one)
            second = one.second if history else 0
            yield Draft(second, self.index, number, movements, asset, text_bits(DRAFT_BITS))

    def _made(self, day: int) -> list[GeneratedTransaction]:
        """Return what the generator makes for a day. Raises PlanError."""
        history = self.population.shape.history
        count = self._counts[day] if day < len(self._counts) else 0
        asked = GeneratorDay(
            history[day] if day < len(history) else None,
            count,
            self._mix.options,
            self.bits_of(day),
            self.population,
        )
        try:
            made = [GeneratedTransaction(*each) for each in self._generate(asked)]
            return [one._replace(movements=tuple(Movement(*each) for each in one.movements)) for one in made]
        except Exception as error:
            raise PlanError(
                f"the generator {self._generator_name} failed: {type(error).__name__}: {error}",
                hint="check it with the options of the scenario file",
            ) from error

    def _checked(self, made: GeneratedTransaction) -> tuple[int, tuple[Movement, ...]]:
        """Return the asset and the movements of a transaction. Raises PlanError."""
        population, assets, problem = self.population, set[int](), ""
        movements = tuple([Movement(*movement) for movement in made.movements])
        # a generator is not type-checked here
        if type(made.second) is not int or not 0 <= made.second <= self._last_second:
            problem = f"its second {made.second!r} is not from 0 to {self._last_second}"
        for source, destination, amount in movements:
            if type(amount) is not int or amount < 1:
                problem = f"its amount {amount!r} is not a whole number of minor units from 1 on"
            if source == destination:
                problem = "its source is its destination"
            for account in (source, destination):
                if account is None:
                    continue
                if type(account) is not int or not 0 <= account < len(population):
                    problem = f"there is no account {account!r}"
                    continue
                assets.add(population.asset[account])
                if population.status[account] != ACTIVE:
                    problem = problem or f"account {account} is not active: `accounts()` lists those that are"
        sides = ({movement.source for movement in movements}, {movement.destination for movement in movements})
        if sides[0] & sides[1]:
            problem = problem or "an account is on both sides"
        if not movements:
            problem = "it has no movement"
        elif len(assets) != 1:
            problem = problem or "its accounts are in more than one asset"
        if problem:
            raise PlanError(
                f"the generator {self._generator_name} made a transaction that cannot be sent: {problem}",
                hint="see docs/scenarios.md, Python generators",
            )
        return assets.pop(), movements
