"""UUIDv7 ids that carry a counter, so that a record is found by its id without an index.

Layout after the 48 bits of milliseconds: version 7, 12 bits fixed per data file (so that two sandboxes differ),
variant, one bit `entity`, 44 bits counter, 17 bits part. A transaction is part 0 of its journal entry and its
operations are the parts after it; an entity has a random part. Time never goes back within a sandbox, so ids sort in
the order of creation.
"""

import random

_PART_BITS = 17
_PART_MASK = (1 << _PART_BITS) - 1
_VARIANT = 1 << 63
_ENTITY = 1 << 61
_LOW_BITS = 48
"""The last group of an id; it has the part and the low bits of the counter."""
_LOW_MASK = (1 << _LOW_BITS) - 1
_COUNTER_MASK = (1 << 44) - 1
PARTS_MAX = _PART_MASK


def head(ms: int, salt: int) -> str:
    """The first 19 characters of an id, which say when it was made."""
    return f"{ms >> 16:08x}-{ms & 0xFFFF:04x}-7{salt:03x}-"


def record_id(head_text: str, seq: int, part: int) -> str:
    """The id of a transaction (part 0) or operation (parts from 1) of journal entry `seq`."""
    tail = _VARIANT | seq << _PART_BITS | part
    return f"{head_text}{tail >> _LOW_BITS:04x}-{tail & _LOW_MASK:012x}"


def record_id_stem(head_text: str, seq: int) -> str:
    """What the ids of journal entry `seq` have in common: the last four characters are the part, as far as those are
    enough (65,535 parts)."""
    tail = _VARIANT | seq << _PART_BITS
    return f"{head_text}{tail >> _LOW_BITS:04x}-{(tail & _LOW_MASK) >> 16:08x}"


def entity_id(head_text: str, number: int, chance: random.Random) -> str:
    """A new entity's id."""
    tail = _VARIANT | _ENTITY | number << _PART_BITS | chance.getrandbits(_PART_BITS)
    return f"{head_text}{tail >> _LOW_BITS:04x}-{tail & _LOW_MASK:012x}"


def number_of(uuid: str) -> int:
    """The counter within an entity's id."""
    return int(uuid[19:23] + uuid[24:], 16) >> _PART_BITS & _COUNTER_MASK


def made_s(uuid: str) -> float:
    """When an id was made, in seconds of the epoch."""
    return int(uuid[:8] + uuid[9:13], 16) / 1000


def record_position(uuid: str) -> tuple[int, int] | None:
    """(seq, part) of a transaction's or operation's id; None when the id cannot be one of ours."""
    tail = int(uuid[19:23] + uuid[24:], 16)
    if tail >> 62 != 2 or tail & _ENTITY:
        return None
    return tail >> _PART_BITS & _COUNTER_MASK, tail & _PART_MASK
