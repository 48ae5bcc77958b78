"""Resume a partly filled ledger: find out which planned transactions already exist.

Two sources say which were made: the run's journal and the server's list. Neither is trusted alone: the others are sent
only when every balance, and its number of changes, is exactly what those transactions give. A journal can be older than
the server (a restored copy, a run continued elsewhere) or newer (a restored server): then the list decides, together
with the balances.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.ledger.in_doubt import Decided, key_is_alive, would_be_listed
from midaz_seed.engine.ledger.listing import read_listing
from midaz_seed.engine.ledger.snapshots import Snapshot, SnapshotSeries, describe_residue, explain
from midaz_seed.engine.requests.transactions import IdempotencyKey, UnresolvedTransaction
from midaz_seed.engine.state_tree import LedgerState
from midaz_seed.errors import UnexplainedError
from midaz_seed.midaz.evidence import Effect
from midaz_seed.model.outcomes import ErrorClass, Failure
from midaz_seed.plan.items import MONEY, Kind, Phase, TransactionItem, effect_of
from midaz_seed.runs.journal import PhaseLog
from midaz_seed.runs.journal_format import UnacknowledgedItem
from midaz_seed.wording import counted

PlannedItem = tuple[int, TransactionItem]
ItemPosition = tuple[Phase, int]
"""A transaction of a ledger: its phase and its ordinal in it."""
KnownTransactions = dict[ItemPosition, TransactionItem]
"""Transactions that are known as made."""
Unacknowledged = dict[ItemPosition, tuple[TransactionItem, UnacknowledgedItem]]
"""Transactions whose answers were lost, with their journal records."""
_LOST = Failure(ErrorClass.IN_DOUBT, "", "an earlier session sent it and did not see its answer")


@dataclass(slots=True)
class ExistingTransactions:
    """What earlier sessions made of a ledger's transactions, by ordinal."""

    made: dict[Phase, bytearray]
    """One byte per transaction: 1 when it was made; those beyond the end were not."""
    keys: dict[ItemPosition, IdempotencyKey] = field(default_factory=dict)
    """Idempotency keys of transactions that were acknowledged and are no longer on the server."""
    complete: bool = True
    """Nothing else can have been made: the balances exclude it."""
    lost: list[tuple[UnresolvedTransaction, Decided]] = field(default_factory=list)
    """Transactions whose answers were lost and that are not known as made, with what the snapshot decided. They are
    sent before all others, because a snapshot gets outdated.
    """
    counted: set[ItemPosition] = field(default_factory=set)
    """Transactions that this session has already counted, before its phases began."""
    rejected: set[ItemPosition] = field(default_factory=set)
    """Transactions that were rejected when they were resent before the phases began."""

    def holds(self, phase: Phase, ordinal: int) -> bool:
        """Return whether it was made."""
        made = self.made[phase]
        return ordinal < len(made) and made[ordinal] == 1

    def add(self, phase: Phase, ordinal: int) -> None:
        """Record it as made."""
        made = self.made[phase]
        if ordinal >= len(made):
            made.extend(bytes(ordinal + 1 - len(made)))
        made[ordinal] = 1

    @property
    def count(self) -> int:
        """Return the number of transactions that were made."""
        return sum(made.count(1) for made in self.made.values())


def phase_logs(context: RunContext, ledger: LedgerState) -> dict[Phase, PhaseLog]:
    """Return the journal of each money phase of the ledger."""
    counts = ledger.plan.counts
    return {phase: context.journal.phase_log(ledger.index, phase, counts.get(phase, 0)) for phase in MONEY}


def numbered(ledger: LedgerState, phase: Phase) -> Iterator[PlannedItem]:
    """Return the ledger's transactions of a phase with their ordinals."""
    return enumerate(ledger.plan.transactions(phase))


async def find_existing(
    context: RunContext,
    ledger: LedgerState,
    earlier: ExistingTransactions | None = None,
    *,
    beside_another: bool = False,
) -> ExistingTransactions | None:
    """Find out what other sessions made of the ledger's transactions.

    While more of the plan appears on the server, another session is at work, and the deadline begins again. The plan is
    finite, so this ends.

    Args:
        earlier: an earlier result of this session, with what has been made since.
        beside_another: this session has sent deposits, and another one is at work: the list alone says what was made.

    Returns:
        None when this session created the ledger, so that nothing can be in it.

    Raises:
        UnexplainedError: nothing explains the balances until the settlement deadline. Requests of another session may
            still arrive, and sending more could apply them twice.
        RequestFailedError: the server cannot be read.
    """
    journalled = phase_logs(context, ledger)
    own, age_s = context.settings.idempotency, context.clock.monotonic() - ledger.created_s
    # what another process made since then is still detected by its keys
    if ledger.created_by_this_run and age_s < own.ttl_s - own.margin_s and not beside_another:
        return None
    resumed = ledger.resumed and not beside_another
    believed = resumed and any(phase_log.was_started for phase_log in journalled.values())
    return await _Resumption(context, ledger, journalled, earlier, with_journal=believed).run()


@dataclass(frozen=True, slots=True)
class _Finding:
    """What explains a snapshot.

    Attributes:
        known: transactions known as made.
        unknown: transactions whose answers were lost.
        values: for each of `unknown`: made, not made, or None: open.
        listed: whether the server's list was needed.
        complete: whether nothing else can have been made.
    """

    known: KnownTransactions
    unknown: Unacknowledged
    values: list[bool | None]
    listed: bool = False
    complete: bool = True
    """Nothing else can have been made."""


class _Resumption:
    """The reconciliation of one ledger at the start of a session."""

    def __init__(
        self,
        context: RunContext,
        ledger: LedgerState,
        journalled: dict[Phase, PhaseLog],
        earlier: ExistingTransactions | None,
        *,
        with_journal: bool,
    ) -> None:
        self._context = context
        self._ledger = ledger
        self._phase_logs = journalled
        self._earlier = earlier
        self._with_journal = with_journal
        self._acknowledged: KnownTransactions = {}
        self._unknown: Unacknowledged = {}
        self._shown: KnownTransactions = {}
        """Those that are acknowledged or listed."""
        self._shown_most = 0
        """The largest number of them in any read of the list."""
        self._ambiguous = False
        """More than one set of transactions explains the balances."""
        if earlier is not None:
            self._acknowledged = {
                (phase, ordinal): item
                for phase in MONEY
                for ordinal, item in numbered(ledger, phase)
                if earlier.holds(phase, ordinal)
            }
        elif with_journal:
            self._read_journal()

    def _read_journal(self) -> None:
        for phase, phase_log in self._phase_logs.items():
            unknown = {one.ordinal: one for one in phase_log.unknown()}
            for ordinal, item in numbered(self._ledger, phase):
                if ordinal >= phase_log.end:
                    break
                if item.key in self._ledger.sample:
                    self._ledger.sample[item.key] = phase_log.known_id(ordinal)
                if phase_log.is_made(ordinal):
                    self._acknowledged[phase, ordinal] = item
                    if phase_log.is_recovered(ordinal):
                        self._ledger.recovered.add(item.key)
                        self._ledger.uncertain = True
                elif ordinal in unknown:
                    self._unknown[phase, ordinal] = item, unknown[ordinal]

    async def run(self) -> ExistingTransactions:
        """Return what was made, as soon as two equal snapshots agree on it.

        One snapshot is enough where nothing will be sent because of it, or where a session that ended in order left
        nothing unknown.
        """
        snapshots = SnapshotSeries(self._context, self._ledger, Phase.DEPOSITS)
        finding: _Finding | None = None
        while True:
            seen = await snapshots.take()
            if finding is not None and snapshots.is_steady:  # the list was read between two equal snapshots
                return self._adopt(finding)
            late = snapshots.is_late
            finding = None if seen.strange else await self._explain(seen, late=late)
            if finding is not None and self._needs_no_confirmation(finding):
                return self._adopt(finding)
            if len(self._shown) > self._shown_most:
                self._shown_most = len(self._shown)
                snapshots.extend()
            elif late and (finding is None or snapshots.was_late):
                if self._ambiguous:
                    return self._adopt(_Finding(self._acknowledged, self._unknown, [None] * len(self._unknown)))
                raise self._unexplained(seen)
            await snapshots.wait(to_confirm=finding is not None)

    def _needs_no_confirmation(self, finding: "_Finding") -> bool:
        planned = sum(self._ledger.plan.counts.get(phase, 0) for phase in MONEY)
        in_order = self._with_journal and self._context.journal.clean and not self._unknown
        return len(finding.known) == planned or (in_order and not finding.listed)

    async def _explain(self, seen: Snapshot, *, late: bool) -> "_Finding | None":
        """Explain the balances: by the journal; else with the list; else with some of those whose answers were lost.

        Fewer transactions than were acknowledged is lag: a replica is behind. Only when that lasts until the deadline
        (`late`) the list alone is trusted, as that of a restored server.

        Returns:
            None when nothing explains them yet.
        """
        # the balances say nothing about annotations
        only_list_decides = any(item.kind is Kind.ANNOTATION for item, _ in self._unknown.values())
        explained = self._with_journal and await self._is_explained_by(seen, self._acknowledged, self._unknown)
        if explained and not only_list_decides:
            return self._only(self._acknowledged, self._unknown, listed=False)
        listing = await read_listing(self._context, self._ledger)
        for key in self._ledger.sample:
            if key in listing.records:
                self._ledger.sample[key] = listing.records[key].id
        if listing.has_others:  # other transactions change balances too
            seen = seen.without_changes()
        there = {
            (phase, ordinal): item
            for phase in MONEY
            for ordinal, item in numbered(self._ledger, phase)
            if listing.shows(item)
        }
        self._shown = known = self._acknowledged | there
        unknown = {at: one for at, one in self._unknown.items() if at not in there}
        for tried in (known, there) if late else (known,):
            if await self._is_explained_by(seen, tried, unknown):
                return self._only(tried, unknown, listed=True)
        return await self._explain_unlisted(seen, known, unknown) if self._with_journal else None

    def _only(self, known: KnownTransactions, unknown: Unacknowledged, *, listed: bool) -> "_Finding":
        """Return the finding that nothing but what is known was made. Balances do not exclude an annotation."""
        values = [
            None if item.kind is Kind.ANNOTATION and not (listed and self._would_be_listed(item, one)) else False
            for item, one in unknown.values()
        ]
        return _Finding(known, unknown, values, listed=listed)

    def _would_be_listed(self, item: TransactionItem, one: UnacknowledgedItem) -> bool:
        return would_be_listed(self._context, self._unresolved(item, one))

    async def _is_explained_by(self, seen: Snapshot, known: KnownTransactions, unknown: Unacknowledged) -> bool:
        """Return whether exactly these transactions give what the server shows.

        Where it counts changes no search is needed: another transaction would have been counted.
        """
        items = [] if seen.counts_changes else [item for item, _ in unknown.values()]
        known_sums = sums_of(self._ledger, chain(known.values(), items))
        solution = await explain(self._context, self._ledger, seen, known_sums, items)
        return solution.unique and True not in solution.values

    async def _explain_unlisted(
        self, seen: Snapshot, known: KnownTransactions, unknown: Unacknowledged
    ) -> "_Finding | None":
        """Explain balances that hold more than the server lists: a crash hides records, a queue delays them.

        The journal may be an older copy, so transactions that it does not know may have been made too: the balances are
        trusted only when they exclude that. Otherwise what may still be sent under its own key is sent first.
        """
        lost = [item for item, _ in unknown.values()]
        free = [*lost, *self._never_sent(seen, known, unknown)]
        free_sums = sums_of(self._ledger, chain(known.values(), free))
        solution = await explain(self._context, self._ledger, seen, free_sums, free)
        values = [
            False if value is None and self._would_be_listed(item, one) else value
            for value, (item, one) in zip(solution.values, unknown.values(), strict=False)
        ]
        if solution.unique and True not in solution.values[len(lost) :]:
            return _Finding(known, unknown, values, listed=True)
        if any(key_is_alive(self._context, self._unresolved(item, one)) for item, one in unknown.values()):
            return _Finding(known, unknown, [None] * len(lost), listed=True, complete=False)
        self._ambiguous = not solution.contradicted
        return None

    def _never_sent(
        self, seen: Snapshot, known: KnownTransactions, unknown: Unacknowledged
    ) -> Iterator[TransactionItem]:
        """Yield planned transactions without any record that could have been made, as far as the numbers of changes
        show.
        """
        if not seen.counts_changes:
            return
        beyond = seen.beyond(sums_of(self._ledger, known.values()), ())
        changed = {key for key in seen.held if key < 0 and beyond[key] > 0}
        for phase in MONEY:
            for ordinal, item in numbered(self._ledger, phase):
                if (phase, ordinal) in known or (phase, ordinal) in unknown:
                    continue
                changes = [key for key in self._ledger.trace_of(item) if key < 0]
                if changes and changed.issuperset(changes):
                    yield item

    def _adopt(self, finding: "_Finding") -> ExistingTransactions:
        """Turn a finding into the state from which the session continues."""
        ledger = self._ledger
        made = ExistingTransactions({phase: bytearray() for phase in MONEY}, complete=finding.complete)
        if self._earlier is not None:
            made.counted, made.rejected = self._earlier.counted, self._earlier.rejected
        ledger.uncertain = ledger.uncertain or bool(finding.unknown) or finding.listed
        for at in finding.known:
            made.add(*at)
            if at not in self._acknowledged:
                self._phase_logs[at[0]].made(at[1])
        for ((phase, ordinal), (item, one)), value in zip(finding.unknown.items(), finding.values, strict=True):
            if value:
                self._context.recorder(ledger, phase).count_doubt(applied=True)
                made.add(phase, ordinal)
                ledger.recovered.add(item.key)
                self._phase_logs[phase].recovered(ordinal)
            else:
                effect = Effect.UNKNOWN if value is None else Effect.NOT_MADE
                made.lost.append((self._unresolved(item, one), Decided(effect)))
        for at, item in self._acknowledged.items():
            if at not in finding.known:  # the same key: if it was made after all, the answer is a replay
                made.keys[at] = IdempotencyKey(self._phase_logs[at[0]].generation_of(at[1]))
                ledger.recovered.discard(item.key)
        return made

    def _unresolved(self, item: TransactionItem, one: UnacknowledgedItem) -> UnresolvedTransaction:
        return UnresolvedTransaction(item, one.ordinal, _LOST, one.generation, self._first_sent_s(one))

    def _first_sent_s(self, one: UnacknowledgedItem) -> float:
        """Return when it was first sent under its key (monotonic in this process); minus infinity when the clocks
        differ too much.
        """
        clock = self._context.clock
        age_s = clock.time() - one.sent_s
        return clock.monotonic() - age_s if one.sent_s and age_s >= 0 else float("-inf")

    def _unexplained(self, seen: Snapshot) -> UnexplainedError:
        plan = self._ledger.plan
        known = sums_of(self._ledger, self._shown.values())
        wrong = [key for key, held in seen.held.items() if held != known.get(key, 0)]
        return UnexplainedError(
            f"ledger {plan.key} ({plan.name}) already holds movements, and its balances do not match the "
            f"{counted(len(self._shown), 'planned transaction')} known as made, alone or with others: "
            f"{describe_residue(self._ledger, seen, known, wrong)}. Nothing more of the plan has appeared for "
            f"{self._context.settings.settlement.deadline_s:g} s",
            hint="movements of another session may still arrive, or another client moved money: "
            "try again later, or fill new ledgers with another --run-id",
        )


def sums_of(ledger: LedgerState, items: Iterable[TransactionItem]) -> Counter[int]:
    """Return the sums (`snapshots.Sums`) when exactly these transactions were made."""
    sums = Counter[int]()
    for item in items:
        sums.update(ledger.trace_of(item))
    return sums


def balances_after(ledger: LedgerState, made: ExistingTransactions, *, and_deposits: bool = False) -> list[int]:
    """Return the available amount of every account, in minor units, when exactly these transactions were made.

    Args:
        and_deposits: add every deposit.
    """
    balances = [0] * ledger.plan.account_count
    for phase in MONEY:
        for ordinal, item in numbered(ledger, phase):
            if made.holds(phase, ordinal) or (and_deposits and phase is Phase.DEPOSITS):
                for account, change in effect_of(item).items():
                    balances[account] += change
    return balances
