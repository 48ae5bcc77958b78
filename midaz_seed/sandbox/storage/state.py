"""What the sandbox holds in memory: entities, balances and, for each ledger, where its transactions stand in the
journal.

Transactions themselves stay in the store; memory keeps 17 bytes for each (sequence number, time, status) and 8 for
each account that it touches, so a million of them fit beside fifty thousand accounts.
"""

import random
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import orjson

from midaz_seed.clock import Clock
from midaz_seed.sandbox.core import ids
from midaz_seed.sandbox.core.dates import Stamps
from midaz_seed.sandbox.core.dialect import Dialect
from midaz_seed.sandbox.core.ledger import Balance
from midaz_seed.sandbox.storage.read_lag import Lag
from midaz_seed.sandbox.storage.store import Store

EntityDoc = dict[str, Any]
STATUSES = ("CREATED", "APPROVED", "PENDING", "CANCELED", "NOTED")
HOLDER_KIND_NAMES = ("holders", "instruments")
"""The kinds that belong to an organization, beside ledgers."""
_ABOVE_LEDGERS = frozenset({"organizations", "ledgers", *HOLDER_KIND_NAMES})
STATUS_NUMBER = {name: number for number, name in enumerate(STATUSES)}


class Collection:
    """Entities of one kind within one parent, in the order of creation; deleted ones are only remembered by id."""

    __slots__ = ("gone", "live")

    def __init__(self) -> None:
        self.live: dict[str, EntityDoc] = {}
        self.gone: set[str] = set()

    def __iter__(self) -> Iterator[EntityDoc]:
        return iter(self.live.values())

    def exists_or_deleted(self, entity_id: str) -> bool:
        """Whether a row with this id exists, deleted or not: what a foreign key asks."""
        return entity_id in self.live or entity_id in self.gone


@dataclass(slots=True, eq=False)
class LedgerState:
    """Everything under one ledger's path."""

    org_id: str
    ledger_id: str
    number: int
    collections: dict[str, Collection] = field(default_factory=dict)
    account_by_alias: dict[str, EntityDoc] = field(default_factory=dict)
    balances: dict[str, Balance] = field(default_factory=dict)
    balance_by_key: dict[str, Balance] = field(default_factory=dict)
    balances_by_account: dict[str, list[Balance]] = field(default_factory=dict)
    seqs: "array[int]" = field(default_factory=lambda: array("Q"))
    created_s: "array[float]" = field(default_factory=lambda: array("d"))
    status: "array[int]" = field(default_factory=lambda: array("b"))
    touched: dict[str, "array[int]"] = field(default_factory=dict)
    """Account id -> journal entries with operations of it."""
    stored_keys: dict[str, int] = field(default_factory=dict)
    """Idempotency key -> expiry (seconds of the epoch) << 44 | journal entry; entry 0: claimed, without an answer."""
    sweep_keys_at: int = 1024
    ambiguous: set[str] = field(default_factory=set)
    """alias#key names that two balances have, after an asset was deleted and made again: no leg can use them."""

    def add(self, seq: int, created_s: float, status: str, account_ids: list[str]) -> None:
        """Note a new transaction, which has operations of these accounts."""
        self.seqs.append(seq)
        self.created_s.append(created_s)
        self.status.append(STATUS_NUMBER[status])
        self.touch(seq, account_ids)

    def position(self, seq: int) -> int | None:
        """Where a transaction stands in this ledger's columns; None when it is not here."""
        index = bisect_left(self.seqs, seq)
        return index if index < len(self.seqs) and self.seqs[index] == seq else None

    def status_of(self, seq: int) -> str:
        index = self.position(seq)
        return STATUSES[self.status[index]] if index is not None else ""

    def set_status(self, seq: int, name: str) -> None:
        index = self.position(seq)
        assert index is not None, seq
        self.status[index] = STATUS_NUMBER[name]

    def touch(self, seq: int, account_ids: list[str]) -> None:
        """Note that a journal entry has operations of these accounts."""
        for account_id in account_ids:
            entries = self.touched.get(account_id)
            if entries is None:
                self.touched[account_id] = array("Q", (seq,))
            elif entries[-1] != seq:
                entries.append(seq)

    def collection(self, kind: str) -> Collection:
        found = self.collections.get(kind)
        if found is None:
            found = self.collections[kind] = Collection()
        return found


class SandboxState:
    """The whole state of a sandbox, its clock and its store."""

    def __init__(self, dialect: Dialect, clock: Clock, store: Store, seed: int) -> None:
        self.dialect = dialect
        self.clock = clock
        self.store = store
        self.organizations = Collection()
        self.ledgers: dict[str, Collection] = {}
        self.holder_collections: dict[tuple[str, str], Collection] = {}
        """(kind, organization) -> its holders, or its instruments."""
        self.holder_keys: dict[str, tuple[str, int]] = {}
        """Idempotency key of a holder or instrument -> its id, and when the key expires (seconds of the epoch)."""
        self.ledger_states: dict[tuple[str, str], LedgerState] = {}
        self.ledger_by_number: dict[int, LedgerState] = {}
        self.balance_by_number: dict[int, Balance] = {}
        self.endings: dict[int, list[int]] = {}
        """Pending transaction -> the journal entries that ended it."""
        self.patches: dict[tuple[int, int], list[Any]] = {}
        """(journal entry, part) -> [description or None, metadata, time] as changed later."""
        self.reverted: set[int] = set()
        self.hidden: dict[int, float] = {}
        """Transaction that moved the balances and is not to be seen -> when it will be (seconds of the epoch)."""
        self.lag: Lag | None = None
        """What reads show later than it happens; None: nothing."""
        self.shown_until_s: float | None = None
        """Reads of entities and transactions do not show what was made after this moment, for the request that is
        being answered; None: they show all."""
        self.answer_first = False
        """Answers leave before what they acknowledge is committed."""
        self.default_balance_delay_ms = dialect.default_balance_delay_ms
        self.seq = store.committed_seq
        self._entities = 0
        self._last_ms = 0
        self._head_ms = -1
        self._head = ""
        self._stamps = Stamps()
        self._chance = random.Random(f"{seed}:{store.salt}")

    # ---- time and ids

    def now(self) -> tuple[float, str]:
        """Seconds of the epoch, and the same as the server writes it."""
        epoch_s = self.clock.time()
        return epoch_s, self._stamps.at(epoch_s)

    def ms(self, epoch_s: float) -> int:
        """Milliseconds for an id; never going back."""
        ms = int(epoch_s * 1000)
        if ms > self._last_ms:
            self._last_ms = ms
        return self._last_ms

    def head(self, ms: int) -> str:
        """The first part of the ids of that millisecond."""
        if ms != self._head_ms:
            self._head_ms = ms
            self._head = ids.head(ms, self.store.salt)
        return self._head

    def new_id(self, epoch_s: float) -> str:
        """An id for an entity."""
        self._entities += 1
        return ids.entity_id(self.head(self.ms(epoch_s)), self._entities, self._chance)

    # ---- what reads show

    def is_answered(self, seq: int) -> bool:
        """Whether the answer of a journal entry has left, or leaves with the present ones."""
        return self.answer_first or seq <= self.store.committed_seq

    def is_hidden(self, seq: int) -> bool:
        """Whether a transaction moved the balances and is not to be seen at all: a crash left it behind."""
        if seq not in self.hidden:
            return False
        if self.hidden[seq] > self.clock.time():
            return True
        del self.hidden[seq]
        return False

    def is_listed(self, seq: int) -> bool:
        """Whether lists and counts hold a transaction and its operations."""
        return not self.is_hidden(seq) and (self.lag is None or not self.lag.is_queued(seq))

    def shows(self, made_id: str) -> bool:
        """Whether the request that is being answered may see an entity or a transaction, by its age."""
        return self.shown_until_s is None or ids.made_s(made_id) <= self.shown_until_s

    # ---- entities

    def ledgers_of(self, org_id: str) -> Collection:
        found = self.ledgers.get(org_id)
        if found is None:
            found = self.ledgers[org_id] = Collection()
        return found

    def ledger_state(self, org_id: str, ledger_id: str) -> LedgerState:
        """The ledger of a ledger; an empty one, not kept, when nothing was ever put there."""
        return self.ledger_states.get((org_id, ledger_id)) or LedgerState(org_id, ledger_id, ids.number_of(ledger_id))

    def remember(self, ledger: LedgerState) -> None:
        """Remember a ledger that something is being put into."""
        if (ledger.org_id, ledger.ledger_id) not in self.ledger_states:
            self.ledger_states[ledger.org_id, ledger.ledger_id] = ledger

    def ledger_doc(self, org_id: str, ledger_id: str) -> EntityDoc | None:
        """A ledger that exists and is not deleted."""
        collection = self.ledgers.get(org_id)
        return collection.live.get(ledger_id) if collection is not None else None

    def collection_of(self, kind: str, org_id: str, ledger_id: str) -> Collection:
        """The collection that entities of a kind live in under a path."""
        if kind == "organizations":
            return self.organizations
        if kind == "ledgers":
            return self.ledgers_of(org_id)
        if kind in HOLDER_KIND_NAMES:
            return self.holder_collections.setdefault((kind, org_id), Collection())
        return self.ledger_state(org_id, ledger_id).collection(kind)

    def save(self, kind: str, org_id: str, ledger_id: str, doc: EntityDoc) -> None:
        """Write an entity (new, changed or deleted) to memory and store."""
        self.index_entity(kind, org_id, ledger_id, doc)
        self.store.put(ids.number_of(doc["id"]), kind, org_id, ledger_id, orjson.dumps(doc))

    def index_entity(self, kind: str, org_id: str, ledger_id: str, doc: EntityDoc) -> None:
        """Write an entity to memory."""
        if kind in _ABOVE_LEDGERS:
            collection = self.collection_of(kind, org_id, ledger_id)
            if kind == "ledgers":
                ledger = self.ledger_state(org_id, doc["id"])
                self.remember(ledger)
                self.ledger_by_number[ledger.number] = ledger
            elif "claim" in doc:
                self.holder_keys[doc["claim"][0]] = doc["id"], doc["claim"][1]
        else:
            ledger = self.ledger_state(org_id, ledger_id)
            self.remember(ledger)
            collection = ledger.collection(kind)
        if doc["deletedAt"] is None:
            collection.live[doc["id"]] = doc
        else:
            collection.live.pop(doc["id"], None)
            collection.gone.add(doc["id"])
        if kind == "accounts":
            aliases = ledger.account_by_alias
            if doc["deletedAt"] is None:
                aliases[doc["alias"]] = doc
            elif aliases.get(doc["alias"], doc)["id"] == doc["id"]:
                aliases.pop(doc["alias"], None)

    # ---- balances

    def save_balance(self, ledger: LedgerState, balance: Balance) -> None:
        """Write what of a balance does not come from transactions: it is new, changed or deleted."""
        self.index_balance(ledger, balance)
        doc = dict(zip(_BALANCE_FIELDS, _balance_values(balance), strict=True))
        self.store.put(balance.number, "balance", ledger.org_id, ledger.ledger_id, orjson.dumps(doc))

    def index_balance(self, ledger: LedgerState, balance: Balance) -> None:
        """Put a balance where it is found."""
        self.remember(ledger)
        name = f"{balance.alias}#{balance.key}"
        self.balance_by_number[balance.number] = balance
        if balance.deleted:
            ledger.balances.pop(balance.id, None)
            if ledger.balance_by_key.get(name) is balance:
                del ledger.balance_by_key[name]
            own = ledger.balances_by_account.get(balance.account_id, [])
            if balance in own:
                own.remove(balance)
        elif balance.id not in ledger.balances:
            ledger.balances[balance.id] = balance
            if name in ledger.balance_by_key:
                ledger.ambiguous.add(name)
            ledger.balance_by_key[name] = balance
            ledger.balances_by_account.setdefault(balance.account_id, []).append(balance)

    def note_loaded_id(self, number: int, head_ms: int) -> None:
        """While loading: numbers and times up to here are taken."""
        self._entities = max(self._entities, number)
        self._last_ms = max(self._last_ms, head_ms)


_BALANCE_FIELDS = (
    "number", "id", "account_id", "alias", "key", "asset", "account_type", "direction", "created_at", "updated_at",
    "allow_sending", "allow_receiving", "settings", "deleted", "visible_from_s",
)  # fmt: skip
_balance_values = attrgetter(*_BALANCE_FIELDS)
