"""What exists on the server so far, as a tree: organization -> ledger -> entities.

Its size depends on organizations, ledgers and accounts, not on transactions.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count

from midaz_seed.engine.requests.route_ids import RouteIds
from midaz_seed.engine.requests.transactions import UnresolvedTransaction
from midaz_seed.midaz.reads import ReadableAccount
from midaz_seed.midaz.routes import Place
from midaz_seed.model.ledger_shard import ALL_LEDGERS, LedgerShard
from midaz_seed.plan.items import Kind, Phase, TransactionItem, adds_record, balance_effect_of, effect_of, trace_of
from midaz_seed.plan.ledger_plan import LedgerPlan
from midaz_seed.plan.plan import OrganizationPlan, Plan
from midaz_seed.reporting.settled_throughput import SettlementTimeline


class LedgerStatus(StrEnum):
    """How far a ledger got."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    PARTIAL = "partial"
    """Filled and verified as far as time allowed."""
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(slots=True)
class FollowUps:
    """What a plan does with transactions after they were made."""

    firsts: set[str] = field(default_factory=set)
    """Keys of the transactions that follow-ups refer to."""
    endings: dict[str, Kind] = field(default_factory=dict)
    """Key of a pending transaction -> COMMIT or CANCEL."""
    reversals: int = 0


async def _no_turn() -> None:
    """Do nothing: no other ledger waits for this one."""


@dataclass(slots=True)
class LedgerState:
    """One ledger: its path on the server, the ids of its entities, and what is known of its transactions."""

    plan: LedgerPlan
    index: int
    """Index in the plan."""
    organization_id: str = ""
    id: str = ""
    created_by_this_run: bool = True
    """Created by this session, so it can hold nothing that this run did not put there."""
    created_s: float = 0.0
    """When this session found or created it (monotonic)."""
    resumed: bool = False
    """An earlier session of this run had it, and the journal has its history."""
    end_turn: Callable[[], Awaitable[None]] = _no_turn
    """Lets another ledger begin (`limits.ledgersInParallel`), because this one only waits; a second call does nothing.
    """
    status: LedgerStatus = LedgerStatus.WAITING
    reason: str = ""
    routes: RouteIds | None = None
    """Fills the ids of routes into transactions; None where the plan has none."""
    ids: dict[str, str] = field(default_factory=dict)
    """Item key -> server id, for everything below the ledger except accounts, which are addressed by alias."""
    accounts: bytearray = field(default_factory=bytearray)
    """One byte per account: 1 when it exists as planned."""
    readable: list[ReadableAccount] = field(default_factory=list)
    """Accounts that reads beside the writes can name; empty until they are known."""
    unfunded: set[int] = field(default_factory=set)
    """Accounts whose deposit was certainly not made: they must not be a source."""
    sample: dict[str, str] = field(default_factory=dict)
    """Key -> server id of the transactions that the verification reads back, and of those that a follow-up refers to;
    "" while this run has seen no answer.
    """
    follow_ups: FollowUps | None = None
    """From its plan; None until they are first needed (`engine.ledger.listing.follow_ups_of`)."""
    missed: set[str] = field(default_factory=set)
    """Keys of transactions that a follow-up refers to and that were certainly not made."""
    touches_held: bool = False
    """The server counts a pending transaction as a change of its destinations (`midaz.server_traits`)."""
    in_doubt: list[UnresolvedTransaction] = field(default_factory=list)
    """Transactions that may or may not have been applied."""
    recovered: set[str] = field(default_factory=set)
    """Keys of transactions that are known as made by the balances alone: after a crash a server may list them up to an
    hour later.
    """
    residue: str = ""
    """The part of its balances that nothing explains, in words; "" when there is none."""
    not_made: Counter[int] = field(default_factory=Counter)
    """Sum of the changes that transactions certainly not made would have caused, with the keys of `balance_effect_of`.
    """
    trace_of_missed: Counter[int] = field(default_factory=Counter)
    """Sum of the traces (`LedgerState.trace_of`) that rejected and skipped transactions would have left."""
    missed_count: int = 0
    """Number of rejected and skipped transactions, without those excluded by the time limit."""
    missed_records: int = 0
    """Number of those that the server would list as transactions of their own."""

    flows: dict[Phase, SettlementTimeline] = field(default_factory=dict)
    """Per money phase: when transactions were accepted, and when they were seen settled."""

    left_out: Counter[int] = field(default_factory=Counter)
    """Sum of the changes of transactions excluded by the time limit, as in `not_made`. Unlike that it is no difference:
    the verification excludes it too.
    """
    left_out_count: int = 0
    left_out_records: int = 0
    """Number of those that the server would list as transactions of their own."""
    left_out_endings: set[str] = field(default_factory=set)
    """Keys of the pending transactions whose commit or cancel the time limit excluded."""
    uncertain: bool = False
    """Something in this ledger was not decided by the direct answer to its first request: the ledger was resumed or
    existed, or there was a doubt, a foreign or unexpected answer, or a replay at the first sending. It is then
    audited.
    """

    begun: dict[Phase, int] = field(default_factory=dict)
    """For each phase that the time limit cut short: ordinal from which on no transaction was started."""
    held_back: dict[Phase, frozenset[int]] = field(default_factory=dict)
    """For each such phase: ordinals of earlier transactions that were not started, because they waited for others."""
    cut_day: int | None = None
    """The day of the history that the time limit cut short, or before which it ended the run."""
    missed_on: dict[int, Counter[int]] = field(default_factory=dict)
    """Day -> account -> sum of the changes by its transactions that were certainly not made, in minor units."""
    made_late: Counter[int] = field(default_factory=Counter)
    """Day -> number of its transactions that this session made although some of a later day existed already."""

    def trace_of(self, item: TransactionItem) -> dict[int, int]:
        """Return all that a transaction changes in this server's balances (`plan.items.trace_of`)."""
        return trace_of(item, touches_held=self.touches_held, splits_held=self.plan.checks_routes)

    def exclude_unstarted(
        self,
        phase: Phase,
        begun: int,
        changes: Mapping[int, int],
        count: int,
        endings: Collection[str] = (),
        held_back: frozenset[int] = frozenset(),
    ) -> None:
        """Exclude transactions that the time limit left unstarted.

        Args:
            phase: their phase.
            begun: ordinal from which on no transaction was started.
            changes: sum of the changes that they would have caused, with the keys of `balance_effect_of`.
            count: number of transactions.
            endings: keys of the pending transactions that some of them would have committed or cancelled.
            held_back: ordinals before `begun` that were not started either.
        """
        self.begun[phase] = begun
        self.held_back[phase] = held_back
        self.left_out_count += count
        self.left_out_records += count - len(endings)
        self.left_out_endings.update(endings)
        for key, change in changes.items():
            self.left_out[key] += change
            self.not_made[key] += change

    def miss(self, item: TransactionItem) -> None:
        """Record a transaction that was certainly not made."""
        self.missed_count += 1
        self.missed_records += adds_record(item)
        self.not_made.update(balance_effect_of(item))
        self.trace_of_missed.update(self.trace_of(item))
        if item.key in self.sample:
            self.missed.add(item.key)
        if self.plan.is_dated:
            self.missed_on.setdefault(item.day, Counter()).update(effect_of(item))

    @property
    def place(self) -> Place:
        """Return the path under which its entities are."""
        return Place(self.organization_id, self.id)

    def fail(self, reason: str) -> None:
        """Mark the ledger as failed."""
        self.status = LedgerStatus.FAILED
        self.reason = reason


@dataclass(slots=True)
class OrganizationState:
    """One organization and its ledgers."""

    plan: OrganizationPlan
    index: int
    """Index in the plan."""
    ledgers: list[LedgerState]
    id: str = ""
    created_by_this_run: bool = True


class StateTree:
    """All organizations of a plan, with the ledgers of a shard."""

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
    def organizations_to_fill(self) -> list[OrganizationState]:
        """Return the organizations of which this process has a ledger."""
        return [organization for organization in self.organizations if organization.ledgers]

    @property
    def ledgers(self) -> list[LedgerState]:
        """Return every ledger, in the plan's order."""
        return [ledger for organization in self.organizations for ledger in organization.ledgers]
