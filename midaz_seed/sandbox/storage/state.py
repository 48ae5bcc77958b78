"""The state of a sandbox in memory: entities, balances and, for each ledger, an index of its transactions.

Transactions themselves stay in the store. Memory keeps 17 bytes for each (record, time, status) and 8 for each account
with operations in it, so a million of them fit beside fifty thousand accounts.
"""

import random
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any

import orjson

from midaz_seed.clock import Clock
from midaz_seed.sandbox.core import ids
from midaz_seed.sandbox.core.dates import Stamps
from midaz_seed.sandbox.core.dialect import Dialect
from midaz_seed.sandbox.core.ledger import Balance
from midaz_seed.sandbox.core.records import Amounts
from midaz_seed.sandbox.storage.read_lag import Lag
from midaz_seed.sandbox.storage.store import Store

EntityDoc = dict[str, Any]
STATUSES = ("CREATED", "APPROVED", "PENDING", "CANCELED", "NOTED")
HOLDER_KIND_NAMES = ("holders", "instruments")
"""The kinds of entity, other than ledgers, that belong to an organization."""
_ABOVE_LEDGERS = frozenset({"organizations", "ledgers", *HOLDER_KIND_NAMES})
STATUS_NUMBER = {name: number for number, name in enumerate(STATUSES)}


class Collection:
    """Entities of one kind within one parent, in the order of creation; of deleted ones only the ids."""

    __slots__ = ("deleted_ids", "live")

    def __init__(self) -> None:
        self.live: dict[str, EntityDoc] = {}
        self.deleted_ids: set[str] = set()

    def __iter__(self) -> Iterator[EntityDoc]:
        return iter(self.live.values())

    def exists_or_deleted(self, entity_id: str) -> bool:
        """Return whether an entity has this id, deleted or not, as a foreign key requires."""
        return entity_id in self.live or entity_id in self.deleted_ids


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes of one balance by date."""

    records: int
    """Number of records that were read; -1: some were not listed yet, so they are read again."""
    moments: list[datetime]
    amounts: list[tuple[datetime, str, Amounts]]
    """Moment, its text, and the amounts after the change."""


@dataclass(slots=True, eq=False)
class LedgerState:
    """Everything that belongs to one ledger."""

    org_id: str
    ledger_id: str
    number: int
    collections: dict[str, Collection] = field(default_factory=dict)
    account_by_alias: dict[str, EntityDoc] = field(default_factory=dict)
    balances: dict[str, Balance] = field(default_factory=dict)
    balance_by_key: dict[str, Balance] = field(default_factory=dict)
    balances_by_account: dict[str, list[Balance]] = field(default_factory=dict)
    # three columns with one row for each transaction, in the order of their records
    seqs: "array[int]" = field(default_factory=lambda: array("Q"))
    created_s: "array[float]" = field(default_factory=lambda: array("d"))
    status: "array[int]" = field(default_factory=lambda: array("b"))
    touched: dict[str, "array[int]"] = field(default_factory=dict)
    """Account id -> the records with operations of the account."""
    changes: dict[int, "Changes"] = field(default_factory=dict)
    """Number of a balance -> its changes, where a date was asked for."""
    stored_keys: dict[str, int] = field(default_factory=dict)
    """Idempotency key -> its expiry and record, as `KeyClaim.stored_key` encodes them; record 0: claimed, no answer."""
    sweep_keys_at: int = 1024
    """The number of stored keys at which expired ones are dropped."""
    ambiguous: set[str] = field(default_factory=set)
    """alias#key names of two balances, after an asset was deleted and made again: no leg can use them."""

    def add(self, seq: int, created_s: float, status: str, account_ids: list[str]) -> None:
        """Index a new transaction, which has operations of these accounts."""
        self.seqs.append(seq)
        self.created_s.append(created_s)
        self.status.append(STATUS_NUMBER[status])
        self.touch(seq, account_ids)

    def position(self, seq: int) -> int | None:
        """Return the row of a transaction in the columns; None when it is not in this ledger."""
        index = bisect_left(self.seqs, seq)
        return index if index < len(self.seqs) and self.seqs[index] == seq else None

    def status_of(self, seq: int) -> str:
        """Return the status of a transaction; "" when it is not in this ledger."""
        index = self.position(seq)
        return STATUSES[self.status[index]] if index is not None else ""

    def set_status(self, seq: int, name: str) -> None:
        """Change the status of a transaction."""
        index = self.position(seq)
        assert index is not None, seq
        self.status[index] = STATUS_NUMBER[name]

    def touch(self, seq: int, account_ids: list[str]) -> None:
        """Index a record as one with operations of these accounts."""
        for account_id in account_ids:
            entries = self.touched.get(account_id)
            if entries is None:
                self.touched[account_id] = array("Q", (seq,))
            elif entries[-1] != seq:
                entries.append(seq)

    def collection(self, kind: str) -> Collection:
        """Return the entities of a kind."""
        found = self.collections.get(kind)
        if found is None:
            found = self.collections[kind] = Collection()
        return found


class SandboxState:
    """The state of a sandbox, with its clock and its store."""

    def __init__(self, dialect: Dialect, clock: Clock, store: Store, seed: int) -> None:
        self.dialect = dialect
        self.clock = clock
        self.store = store
        self.organizations = Collection()
        self.ledgers: dict[str, Collection] = {}
        self.holder_collections: dict[tuple[str, str], Collection] = {}
        """(kind, organization) -> its holders or instruments."""
        self.holder_keys: dict[str, tuple[str, int]] = {}
        """Idempotency key of a holder or instrument -> its id, and the key's expiry (seconds of the epoch)."""
        self.ledger_states: dict[tuple[str, str], LedgerState] = {}
        self.ledger_by_number: dict[int, LedgerState] = {}
        self.balance_by_number: dict[int, Balance] = {}
        self.endings: dict[int, list[int]] = {}
        """Pending transaction -> the records that ended it."""
        self.patches: dict[tuple[int, int], list[Any]] = {}
        """(record, part) -> [description or None, metadata, time] as changed later."""
        self.reverted: set[int] = set()
        """Transactions that were reverted."""
        self.hidden: dict[int, float] = {}
        """Applied transaction that no read shows -> when reads show it (seconds of the epoch)."""
        self.lag: Lag | None = None
        """The delay of reads; None: reads are up to date."""
        self.shown_until_s: float | None = None
        """For the current request: reads of entities and transactions omit what was made after this time; None: they
        show all."""
        self.answer_first = False
        """Whether answers are sent before what they acknowledge is committed."""
        self.default_balance_delay_ms = dialect.default_balance_delay_ms
        self.seq = store.committed_seq
        """The number of the latest record."""
        self._entities = 0
        self._last_ms = 0
        self._head_ms = -1
        self._head = ""
        self._stamps = Stamps()
        self._chance = random.Random(f"{seed}:{store.salt}")

    # ---- time and ids

    def now(self) -> tuple[float, str]:
        """Return the time in seconds of the epoch, and as the server writes it."""
        epoch_s = self.clock.time()
        return epoch_s, self._stamps.at(epoch_s)

    def ms(self, epoch_s: float) -> int:
        """Return the milliseconds for an id, never less than before."""
        ms = int(epoch_s * 1000)
        if ms > self._last_ms:
            self._last_ms = ms
        return self._last_ms

    def head(self, ms: int) -> str:
        """Return the first part of the ids made in a millisecond."""
        if ms != self._head_ms:
            self._head_ms = ms
            self._head = ids.head(ms, self.store.salt)
        return self._head

    def new_id(self, epoch_s: float) -> str:
        """Return an id for a new entity."""
        self._entities += 1
        return ids.entity_id(self.head(self.ms(epoch_s)), self._entities, self._chance)

    # ---- what reads show

    def is_answered(self, seq: int) -> bool:
        """Return whether the answer of a transaction was sent, or is sent with those of this turn."""
        return self.answer_first or seq <= self.store.committed_seq

    def is_hidden(self, seq: int) -> bool:
        """Return whether no read shows a transaction yet, although it moved the balances: a crash left it behind."""
        if seq not in self.hidden:
            return False
        if self.hidden[seq] > self.clock.time():
            return True
        del self.hidden[seq]
        return False

    def is_listed(self, seq: int) -> bool:
        """Return whether lists and counts include a transaction and its operations."""
        return not self.is_hidden(seq) and (self.lag is None or not self.lag.is_queued(seq))

    def shows(self, made_id: str) -> bool:
        """Return whether the current request shows an entity or transaction, by the age of its id."""
        return self.shown_until_s is None or ids.made_s(made_id) <= self.shown_until_s

    # ---- entities

    def ledgers_of(self, org_id: str) -> Collection:
        """Return the ledgers of an organization."""
        found = self.ledgers.get(org_id)
        if found is None:
            found = self.ledgers[org_id] = Collection()
        return found

    def ledger_state(self, org_id: str, ledger_id: str) -> LedgerState:
        """Return the state of a ledger; a new one, which is not kept, while nothing was stored there."""
        return self.ledger_states.get((org_id, ledger_id)) or LedgerState(org_id, ledger_id, ids.number_of(ledger_id))

    def keep(self, ledger: LedgerState) -> None:
        """Keep the state of a ledger in which something is stored."""
        if (ledger.org_id, ledger.ledger_id) not in self.ledger_states:
            self.ledger_states[ledger.org_id, ledger.ledger_id] = ledger

    def ledger_doc(self, org_id: str, ledger_id: str) -> EntityDoc | None:
        """Return a ledger that exists and is not deleted."""
        collection = self.ledgers.get(org_id)
        return collection.live.get(ledger_id) if collection is not None else None

    def collection_of(self, kind: str, org_id: str, ledger_id: str) -> Collection:
        """Return the collection of a kind under a path; `org_id` and `ledger_id` are "" where the kind has none."""
        if kind == "organizations":
            return self.organizations
        if kind == "ledgers":
            return self.ledgers_of(org_id)
        if kind in HOLDER_KIND_NAMES:
            return self.holder_collections.setdefault((kind, org_id), Collection())
        return self.ledger_state(org_id, ledger_id).collection(kind)

    def save(self, kind: str, org_id: str, ledger_id: str, doc: EntityDoc) -> None:
        """Write a new, changed or deleted entity to memory and store."""
        self.index_entity(kind, org_id, ledger_id, doc)
        self.store.put(ids.number_of(doc["id"]), kind, org_id, ledger_id, orjson.dumps(doc))

    def index_entity(self, kind: str, org_id: str, ledger_id: str, doc: EntityDoc) -> None:
        """Write an entity to memory alone."""
        if kind in _ABOVE_LEDGERS:
            collection = self.collection_of(kind, org_id, ledger_id)
            if kind == "ledgers":
                ledger = self.ledger_state(org_id, doc["id"])
                self.keep(ledger)
                self.ledger_by_number[ledger.number] = ledger
            elif "claim" in doc:
                self.holder_keys[doc["claim"][0]] = doc["id"], doc["claim"][1]
        else:
            ledger = self.ledger_state(org_id, ledger_id)
            self.keep(ledger)
            collection = ledger.collection(kind)
        if doc["deletedAt"] is None:
            collection.live[doc["id"]] = doc
        else:
            collection.live.pop(doc["id"], None)
            collection.deleted_ids.add(doc["id"])
        if kind == "accounts":
            aliases = ledger.account_by_alias
            if doc["deletedAt"] is None:
                aliases[doc["alias"]] = doc
            elif aliases.get(doc["alias"], doc)["id"] == doc["id"]:
                aliases.pop(doc["alias"], None)

    # ---- balances

    def save_balance(self, ledger: LedgerState, balance: Balance) -> None:
        """Write a new, changed or deleted balance to memory and store, without its amounts: the records have those."""
        self.index_balance(ledger, balance)
        doc = dict(zip(_BALANCE_FIELDS, _balance_values(balance), strict=True))
        self.store.put(balance.number, "balance", ledger.org_id, ledger.ledger_id, orjson.dumps(doc))

    def index_balance(self, ledger: LedgerState, balance: Balance) -> None:
        """Write a balance to memory alone."""
        self.keep(ledger)
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
        """Note an id that the store holds, so that new ids come after it."""
        self._entities = max(self._entities, number)
        self._last_ms = max(self._last_ms, head_ms)


_BALANCE_FIELDS = (
    "number", "id", "account_id", "alias", "key", "asset", "account_type", "direction", "created_at", "updated_at",
    "allow_sending", "allow_receiving", "settings", "deleted", "visible_from_s",
)  # fmt: skip
_balance_values = attrgetter(*_BALANCE_FIELDS)
