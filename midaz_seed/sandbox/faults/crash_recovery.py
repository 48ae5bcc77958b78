"""The state after a crash: keys without an answer, and transactions that moved the balances but are not listed.

A real v3.8, killed under load and started again, answered 0084 for the keys of the requests in flight until they
expired, and then carried the same requests out a second time. The balances of most had moved before: such a transaction
waits in a backup queue for a worker that, every half hour, takes those that are older than half an hour.
"""

import math
from dataclasses import dataclass

import orjson

from midaz_seed.sandbox.core.error_codes import FailedError, RefusedError
from midaz_seed.sandbox.core.messages import Call
from midaz_seed.sandbox.core.records import HIDDEN, KeyClaim
from midaz_seed.sandbox.storage.idempotency import answered_by, claim_key
from midaz_seed.sandbox.storage.state import LedgerState, SandboxState
from midaz_seed.sandbox.transactions.endpoints import claim_of
from midaz_seed.sandbox.transactions.execution import check_date, check_value, execute
from midaz_seed.sandbox.transactions.reads import load_transaction
from midaz_seed.sandbox.transactions.request import Endpoint, read_request

NOT_YET, PERSISTED = -1, 0
"""In a record, instead of the time from which reads show a transaction."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """The worker that persists what a crash left: every `period_s` from the start, transactions older than
    `age_s`."""

    age_s: float = 1800.0
    period_s: float = 1800.0

    def visible_from_s(self, made_s: float, started_s: float) -> float:
        """Return when it takes a transaction made at `made_s`; all in seconds of the epoch."""
        rounds = math.ceil((made_s + self.age_s - started_s) / self.period_s)
        return started_s + max(rounds, 1) * self.period_s


def schedule_recovery(state: SandboxState, recovery: Recovery) -> None:
    """At the start: schedule what was applied but not persisted when the last process ended."""
    now_s = state.clock.time()
    for seq in [seq for seq, visible_from_s in state.hidden.items() if visible_from_s == math.inf]:
        made_s = load_transaction(state, seq).ms / 1000
        hide_until(state, seq, recovery.visible_from_s(made_s, now_s))


def hide_until(state: SandboxState, seq: int, visible_from_s: float) -> None:
    """Hide a transaction from every read until a time (seconds of the epoch); infinity: until it is persisted."""
    state.hidden[seq] = visible_from_s
    _write(state, seq, NOT_YET if visible_from_s == math.inf else visible_from_s)


def persist(state: SandboxState, ledger: LedgerState, seq: int, claim: KeyClaim) -> None:
    """List a hidden transaction, and let its key have its answer."""
    state.hidden.pop(seq, None)
    ledger.stored_keys[claim.key] = claim.stored_key(seq)
    _write(state, seq, PERSISTED)


def _write(state: SandboxState, seq: int, visible_from_s: float) -> None:
    state.seq += 1
    record = [HIDDEN, state.ms(state.clock.time()), seq, visible_from_s]
    state.store.append(state.seq, orjson.dumps(record))


def claim_before_execution(state: SandboxState, call: Call, endpoint: Endpoint) -> KeyClaim | None:
    """Claim the key of a request before it is carried out; None when the request is refused or replayed."""
    ledger = state.ledger_state(call.org_id, call.ledger_id)
    try:
        request = read_request(endpoint, call.body, state.dialect)
        if state.dialect.checks_before_claim:
            check_date(request, state.clock.time())
            check_value(request)
        claim = claim_of(state, call, request)
        taken = answered_by(state, ledger, claim.key) is not None
    except (RefusedError, FailedError):
        return None
    if taken or (ledger.org_id, ledger.ledger_id) not in state.ledger_states:
        return None
    claim_key(state, ledger, claim)
    return claim


def leave_unlisted(
    state: SandboxState, call: Call, endpoint: Endpoint, *, applied: bool, visible_after_s: float
) -> bool:
    """Leave a request as a crash would: its key claimed, and its movement, when `applied`, made but hidden.

    Returns:
        False, with nothing changed, for a request that is refused or replayed.
    """
    ledger = state.ledger_state(call.org_id, call.ledger_id)
    now_s = state.clock.time()
    try:
        request = read_request(endpoint, call.body, state.dialect)
        check_date(request, now_s)
        check_value(request)
        claim = claim_of(state, call, request)
        if answered_by(state, ledger, claim.key) is not None:
            return False
        if applied:
            seq, _ = execute(state, ledger, request, endpoint, KeyClaim("", 0))
            hide_until(state, seq, now_s + visible_after_s)
    except (RefusedError, FailedError):
        return False
    claim_key(state, ledger, claim)
    return True
