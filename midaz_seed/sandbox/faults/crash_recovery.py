"""What a crash leaves behind: keys without an answer, and transactions that moved the balances and cannot be seen.

A real v3.8, killed under load and started again, answered 0084 for the keys of what it had been doing until their time
was over, and then carried the same requests out a second time. The balances of most had moved before: such a
transaction waits in a backup queue for a worker that takes what is older than half an hour, every half hour.
"""

import math
from dataclasses import dataclass

import orjson

from midaz_seed.sandbox.core.error_codes import FailedError, RefusedError
from midaz_seed.sandbox.core.journal_records import HIDDEN, Claim
from midaz_seed.sandbox.core.messages import Call
from midaz_seed.sandbox.storage.idempotency import answered_by, claim_key
from midaz_seed.sandbox.storage.state import Book, World
from midaz_seed.sandbox.transactions.endpoints import claim_of
from midaz_seed.sandbox.transactions.execution import check_date, check_value, execute
from midaz_seed.sandbox.transactions.reads import load_transaction
from midaz_seed.sandbox.transactions.request import Endpoint, read_intent

NOT_YET, PERSISTED = -1, 0
"""In a journal entry, instead of the moment from which a transaction can be seen."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """The worker that persists what a crash left behind: what is older than `age_s`, every `period_s` from the
    start."""

    age_s: float = 1800.0
    period_s: float = 1800.0

    def visible_from_s(self, made_s: float, started_s: float) -> float:
        """When it takes a transaction of `made_s`; both in seconds of the epoch."""
        rounds = math.ceil((made_s + self.age_s - started_s) / self.period_s)
        return started_s + max(rounds, 1) * self.period_s


def adopt_orphans(world: World, recovery: Recovery) -> None:
    """At the start: leave to the worker what was applied and not persisted when the last process ended."""
    now_s = world.clock.time()
    for seq in [seq for seq, visible_from_s in world.hidden.items() if visible_from_s == math.inf]:
        made_s = load_transaction(world, seq).ms / 1000
        hide(world, seq, recovery.visible_from_s(made_s, now_s))


def hide(world: World, seq: int, visible_from_s: float) -> None:
    """Keep a transaction out of every read until then; infinity: until it is persisted."""
    world.hidden[seq] = visible_from_s
    _write(world, seq, NOT_YET if visible_from_s == math.inf else visible_from_s)


def persist(world: World, book: Book, seq: int, claim: Claim) -> None:
    """A transaction can be seen from now on, and its key has its answer."""
    world.hidden.pop(seq, None)
    book.slots[claim.key] = claim.slot(seq)
    _write(world, seq, PERSISTED)


def _write(world: World, seq: int, visible_from_s: float) -> None:
    world.seq += 1
    record = [HIDDEN, world.ms(world.clock.time()), seq, visible_from_s]
    world.store.append(world.seq, orjson.dumps(record))


def claim_for(world: World, call: Call, endpoint: Endpoint) -> Claim | None:
    """Claim a request's key before anything else is done; None when the request has to be answered at once."""
    book = world.book(call.org_id, call.ledger_id)
    try:
        intent = read_intent(endpoint, call.body, world.dialect)
        if world.dialect.checks_before_claim:
            check_date(intent, world.clock.time())
            check_value(intent)
        claim = claim_of(world, call, intent)
        taken = answered_by(world, book, claim.key) is not None
    except (RefusedError, FailedError):
        return None
    if taken or (book.org_id, book.ledger_id) not in world.books:
        return None
    claim_key(world, book, claim)
    return claim


def strand(world: World, call: Call, endpoint: Endpoint, *, applied: bool, visible_after_s: float) -> bool:
    """Leave a request as a crash would: its key claimed, its movement made or not, and not to be seen for a while.

    False, and nothing done, when it is one that gets an answer at once: a refusal or a replay.
    """
    book = world.book(call.org_id, call.ledger_id)
    now_s = world.clock.time()
    try:
        intent = read_intent(endpoint, call.body, world.dialect)
        check_date(intent, now_s)
        check_value(intent)
        claim = claim_of(world, call, intent)
        if answered_by(world, book, claim.key) is not None:
            return False
        if applied:
            seq, _ = execute(world, book, intent, endpoint, Claim("", 0))
            hide(world, seq, now_s + visible_after_s)
    except (RefusedError, FailedError):
        return False
    claim_key(world, book, claim)
    return True
