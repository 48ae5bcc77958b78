"""Idempotency keys: read them from a request, look up what stands under them, claim and release them."""

import orjson

from midaz_seed.sandbox.core.error_codes import FailedError, RefusedError
from midaz_seed.sandbox.core.journal_records import CLAIM, Claim, slot_parts
from midaz_seed.sandbox.core.messages import Call, Headers
from midaz_seed.sandbox.storage.state import Book, World

REPLAYED: Headers = [(b"x-idempotency-replayed", b"true")]
NOT_REPLAYED: Headers = [(b"x-idempotency-replayed", b"false")]


def key_and_expiry(world: World, call: Call, content: str = "") -> tuple[str, int]:
    """Return the request's key and the time (seconds of the epoch) at which it expires.

    Args:
        content: the key of a request that sends none.

    Raises:
        FailedError: 500 for a negative lifetime, where the dialect fails at it.
    """
    sent = dict(call.headers)
    key, ttl = sent.get(b"x-idempotency", b"").decode("latin-1"), sent.get(b"x-ttl", b"").decode("latin-1")
    if ttl.startswith("-") and ttl[1:].isdecimal() and world.dialect.negative_ttl_fails:
        failure = FailedError(500, "Internal Server Error")
        failure.claimed = True
        raise failure
    ttl_s = int(ttl) if ttl.isdecimal() and len(ttl) < 10 else 0
    expires_s = int(world.clock.time()) + (ttl_s or world.dialect.idempotency_ttl_s)
    return key or content, expires_s


def answered_by(world: World, book: Book, key: str) -> int | None:
    """Return the record whose answer stands under a key; None when the key is free.

    Raises:
        RefusedError: 0084 while the key has no answer yet.
    """
    slots = book.slots
    slot = slots.get(key)
    if slot is None:
        if len(slots) > book.slots_swept:
            _sweep(world, book)
        return None
    expires_s, seq = slot_parts(slot)
    if expires_s <= world.clock.time():
        del slots[key]
        return None
    if seq == 0 or not world.is_answered(seq):
        raise RefusedError("0084")
    return seq


def _sweep(world: World, book: Book) -> None:
    """Forget expired keys, each time their number has doubled."""
    now_s = world.clock.time()
    book.slots = {key: slot for key, slot in book.slots.items() if slot_parts(slot)[0] > now_s}
    book.slots_swept = max(1024, 2 * len(book.slots))


def claim_key(world: World, book: Book, claim: Claim, seq: int = 0) -> None:
    """Record that a key is claimed until it expires and has the answer of a transaction; 0: it has no answer."""
    _append(world, book, [claim.key, claim.expires_s, seq])
    book.slots[claim.key] = claim.slot(seq)


def release_key(world: World, book: Book, claim: Claim) -> None:
    """Record that a claimed key is free again, because its request was refused."""
    book.slots.pop(claim.key, None)
    _append(world, book, [claim.key, 0])


def _append(world: World, book: Book, values: list[str | int]) -> None:
    world.seq += 1
    world.store.append(world.seq, orjson.dumps([CLAIM, world.ms(world.clock.time()), book.number, *values]))
