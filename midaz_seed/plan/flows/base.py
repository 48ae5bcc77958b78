"""What a flow is: it drafts the transactions of one entry of a scenario, day by day."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from midaz_seed.plan.drawing.bits import Bits
from midaz_seed.plan.items import Kind, Movement
from midaz_seed.plan.population import Population
from midaz_seed.plan.streams import stream

DRAFT_BITS = 80
"""Number of random bits of a draft."""
DETAIL_BITS = (1 << 64) - 1


class Draft(NamedTuple):
    """A transaction before it is written. Drafts of a day are sorted by their first three fields."""

    second: int
    """Second of the local day; 0 without dates."""
    flow: int
    """Index of the flow."""
    number: int
    """Number in the flow and the day, from 0."""
    movements: tuple[Movement, ...]
    asset: int
    """Index of the asset."""
    bits: int
    """Random bits: 64 for texts and details, and above them those that choose the rail."""


@dataclass(frozen=True, slots=True)
class FlowText:
    """What a flow writes into the body of its transactions."""

    entry: str
    """Name of the entry in the scenario: the field {entry}."""
    says: str | None = None
    """Template of the description; None: what the rail says."""
    metadata: tuple[tuple[str, str], ...] = ()
    """Names and templates."""
    rail: str | None = None
    """Name of a payment rail, `by-asset`, or None."""


@dataclass(frozen=True, slots=True)
class LedgerFacts:
    """What the flows of one ledger share."""

    population: Population
    seed: int
    key: str
    """Key of the ledger."""


class Side(NamedTuple):
    """Who can stand on one side of the transactions of a flow."""

    labels: tuple[str, ...] = ()
    """Accounts, by the labels of `Population.groups`; a transaction has one or more of them."""
    external: bool = False
    """The external account, instead of them."""
    mixes: bool = False
    """The external account beside them too."""
    extra: tuple[tuple[str, bool], ...] = ()
    """Further internal accounts that receive something, and whether every transaction has them."""


class Flow(ABC):
    """Drafts the transactions of one entry of a scenario in one ledger."""

    kind: Kind = Kind.DIRECT
    endpoint: str = ""
    """Endpoint of its transactions; "": json, inflow or outflow, by their sides."""

    def __init__(self, facts: LedgerFacts, index: int, name: str, text: FlowText) -> None:
        """Prepare a flow.

        Args:
            facts: of the ledger.
            index: its index among the flows of the ledger.
            name: part of the keys of its items, unique in the ledger.
            text: what it writes.
        """
        self.facts = facts
        self.population = facts.population
        self.index = index
        self.name = name
        self.text = text

    def bits_of(self, *parts: str | int) -> Bits:
        """Return the random bits of a part of this flow."""
        return stream(self.facts.seed, self.facts.key, "flow", self.name, *parts).getrandbits

    @abstractmethod
    def drafts(self, day: int) -> Iterable[Draft]:
        """Generate the transactions of a day, in the order of their numbers."""

    @abstractmethod
    def sides(self) -> tuple[tuple[Side, Side], ...]:
        """Return who pays and who receives; of several, a draft goes by the one at its number, modulo their count."""

    def notes(self, day: int, number: int) -> str:
        """Return further metadata of an item as members of a JSON object, each after a comma; "" by default."""
        return ""

    def key(self, day: int, number: int) -> str:
        """Return the key of an item in the ledger: entry, day and number, both from 1."""
        return f"{self.name}.{day + 1}.{number + 1}"
