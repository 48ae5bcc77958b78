"""What exists on the server so far, as the hierarchy it is: organization -> ledger -> entities.

It grows with organizations, ledgers and accounts, never with transactions.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count

from midaz_seed.engine.requests.transactions import UnresolvedTransaction
from midaz_seed.midaz.routes import Place
from midaz_seed.plan.items import Phase, TransactionItem, effect_of
from midaz_seed.plan.plan import LedgerPlan, OrganizationPlan, Plan
from midaz_seed.reporting.settled_throughput import SettlementTimeline


class LedgerStatus(StrEnum):
    """How far a ledger came."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    PARTIAL = "partial"
    """Filled as far as time allowed, and proved as far as that."""
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(slots=True)
class LedgerState:
    """One ledger: its place on the server, the ids of what is in it, and the accounts that cannot take part."""

    plan: LedgerPlan
    index: int
    """Its place in the plan."""
    organization_id: str = ""
    id: str = ""
    created_by_this_run: bool = True
    """Created by this session, so nothing can have been in it that this run did not put there."""
    created_s: float = 0.0
    """When this session found or created it (monotonic seconds)."""
    resumed: bool = False
    """An earlier session of this run had it, and its journal knows what happened in it."""
    status: LedgerStatus = LedgerStatus.WAITING
    reason: str = ""
    ids: dict[str, str] = field(default_factory=dict)
    """Server id by item key, of what is below the ledger except accounts, which are found by alias."""
    accounts: bytearray = field(default_factory=bytearray)
    """One byte an account: 1 when it exists and is the planned one."""
    unfunded: set[int] = field(default_factory=set)
    """Accounts whose deposit is known not to have arrived: they must not be a source."""
    sample: dict[str, str] = field(default_factory=dict)
    """Keys of the transactions that the proof will read back -> server ids, as far as this run has seen their
    answers."""
    in_doubt: list[UnresolvedTransaction] = field(default_factory=list)
    """Transactions that may or may not have been applied."""
    recovered: set[str] = field(default_factory=set)
    """Keys of transactions that only the balances have shown to be made: after a crash a server lists such a one up to
    an hour later."""
    residue: str = ""
    """What in its balances nothing explains, in words; "" when nothing is left over."""
    not_made: Counter[int] = field(default_factory=Counter)
    """What the transactions that were certainly not made would have added to each account, in minor units."""
    changes_not_made: Counter[int] = field(default_factory=Counter)
    """How often those that were tried would have changed each account's balance."""

    missed_count: int = 0
    """How many these are, without those that there was no time for."""

    flows: dict[Phase, SettlementTimeline] = field(default_factory=dict)
    """Of the phases that move money: what was accepted, and when it was seen settled."""

    left_out: Counter[int] = field(default_factory=Counter)
    """What the transactions that there was no time for would have added to each account, in minor units. Unlike
    `not_made` it is no difference: the proof leaves it out too."""
    left_out_count: int = 0
    uncertain: bool = False
    """Anything in this ledger was decided otherwise than by its own answer: a resumed or existing ledger, a doubt, a
    foreign or odd answer, a replay at the first sending."""

    begun: dict[Phase, int] = field(default_factory=dict)
    """Of phases that time cut short: how many of its transactions were begun."""

    def exclude_unstarted(self, phase: Phase, begun: int, changes: Mapping[int, int], count: int) -> None:
        """Note `count` transactions of a phase that there was no time for, with what they would have changed; `begun`
        is the place of the first that was not begun."""
        self.begun[phase] = begun
        self.left_out_count += count
        for account, change in changes.items():
            self.left_out[account] += change
            self.not_made[account] += change

    def miss(self, item: TransactionItem) -> None:
        """Note a transaction that was certainly not made."""
        self.missed_count += 1
        effect = effect_of(item)
        self.not_made.update(effect)
        self.changes_not_made.update(effect.keys())

    @property
    def place(self) -> Place:
        """Where its entities live."""
        return Place(self.organization_id, self.id)

    def fail(self, reason: str) -> None:
        """It cannot go on."""
        self.status = LedgerStatus.FAILED
        self.reason = reason


@dataclass(slots=True)
class OrganizationState:
    """One organization and its ledgers."""

    plan: OrganizationPlan
    index: int
    """Its place in the plan."""
    ledgers: list[LedgerState]
    id: str = ""
    created_by_this_run: bool = True


@dataclass(frozen=True, slots=True)
class LedgerShard:
    """The ledgers of a plan that one process fills: every n-th."""

    index: int = 0
    of: int = 1

    def has(self, ledger: int) -> bool:
        """Whether the ledger at this place of the plan is among them."""
        return ledger % self.of == self.index


ALL_LEDGERS = LedgerShard()


def planned_counts(plan: Plan, shard: LedgerShard) -> dict[Phase, int]:
    """Items by phase in a slice of a plan; the organizations belong to nobody's slice but the whole."""
    if shard == ALL_LEDGERS:
        return dict(plan.counts)
    ledgers = [ledger for index, ledger in enumerate(plan.ledgers) if shard.has(index)]
    planned = Counter({Phase.LEDGERS: len(ledgers)})
    for ledger in ledgers:
        planned.update(ledger.counts)
    return dict(planned)


class StateTree:
    """All organizations of a plan, with those ledgers that are in a slice of it."""

    def __init__(self, plan: Plan, shard: LedgerShard = ALL_LEDGERS) -> None:
        indexes = count()
        self.organizations = [
            OrganizationState(
                organization,
                number,
                [LedgerState(ledger, index) for ledger in organization.ledgers if shard.has(index := next(indexes))],
            )
            for number, organization in enumerate(plan.organizations)
        ]

    @property
    def ledgers(self) -> list[LedgerState]:
        """Every ledger, in the plan's order."""
        return [ledger for organization in self.organizations for ledger in organization.ledgers]
