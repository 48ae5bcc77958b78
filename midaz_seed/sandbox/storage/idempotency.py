"""Idempotency keys: read from a request, look up, claim and release."""

import orjson

from midaz_seed.sandbox.core.dialect import Dialect
from midaz_seed.sandbox.core.error_codes import FailedError, RefusedError
from midaz_seed.sandbox.core.messages import Call, Headers
from midaz_seed.sandbox.core.records import CLAIM, KeyClaim, unpack_stored_key
from midaz_seed.sandbox.storage.state import LedgerState, SandboxState

REPLAYED: Headers = [(b"x-idempotency-replayed", b"true")]
NOT_REPLAYED: Headers = [(b"x-idempotency-replayed", b"false")]


def key_and_lifetime(headers: Headers, dialect: Dialect) -> tuple[str, int | None]:
    """Return the idempotency key of a request ("" when it has none) and its lifetime in seconds; None for a lifetime
    at which the dialect fails."""
    key = ttl = b""
    for name, value in headers:
        if name == b"x-idempotency":
            key = value
        elif name == b"x-ttl":
            ttl = value
    lifetime_s: int | None = dialect.idempotency_ttl_s
    if ttl.isdigit():
        lifetime_s = (int(ttl) if len(ttl) < 10 else 0) or dialect.idempotency_ttl_s
    elif dialect.negative_ttl_fails and ttl.startswith(b"-") and ttl[1:].isdigit():
        lifetime_s = None
    return key.decode("latin-1"), lifetime_s


def key_and_expiry(state: SandboxState, call: Call, content: str = "") -> tuple[str, int]:
    """Return the request's key and the time (seconds of the epoch) at which it expires.

    Args:
        content: the key of a request that sends none.

    Raises:
        FailedError: 500 for a negative lifetime, where the dialect fails at it.
    """
    key, lifetime_s = key_and_lifetime(call.headers, state.dialect)
    if lifetime_s is None:
        failure = FailedError(500, "Internal Server Error")
        failure.claimed = True
        raise failure
    return key or content, int(state.clock.time()) + lifetime_s


def answered_by(state: SandboxState, ledger: LedgerState, key: str) -> int | None:
    """Return the record whose answer a key has; None when the key is free.

    Raises:
        RefusedError: 0084 while the key has no answer yet.
    """
    stored_keys = ledger.stored_keys
    stored_key = stored_keys.get(key)
    if stored_key is None:
        if len(stored_keys) > ledger.sweep_keys_at:
            _sweep(state, ledger)
        return None
    expires_s, seq = unpack_stored_key(stored_key)
    if expires_s <= state.clock.time():
        del stored_keys[key]
        return None
    if seq == 0 or not state.is_answered(seq):
        raise RefusedError("0084")
    return seq


def _sweep(state: SandboxState, ledger: LedgerState) -> None:
    """Drop expired keys, each time the number of keys has doubled."""
    now_s = state.clock.time()
    ledger.stored_keys = {
        key: stored_key for key, stored_key in ledger.stored_keys.items() if unpack_stored_key(stored_key)[0] > now_s
    }
    ledger.sweep_keys_at = max(1024, 2 * len(ledger.stored_keys))


def claim_key(state: SandboxState, ledger: LedgerState, claim: KeyClaim, seq: int = 0) -> None:
    """Record that a key is claimed until it expires and has the answer of a transaction; 0: it has no answer."""
    _append(state, ledger, [claim.key, claim.expires_s, seq])
    ledger.stored_keys[claim.key] = claim.stored_key(seq)


def release_key(state: SandboxState, ledger: LedgerState, claim: KeyClaim) -> None:
    """Record that a claimed key is free again, because its request was refused."""
    ledger.stored_keys.pop(claim.key, None)
    _append(state, ledger, [claim.key, 0])


def _append(state: SandboxState, ledger: LedgerState, values: list[str | int]) -> None:
    state.seq += 1
    state.store.append(state.seq, orjson.dumps([CLAIM, state.ms(state.clock.time()), ledger.number, *values]))
