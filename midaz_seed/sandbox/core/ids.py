"""UUIDv7 ids that contain a counter, so that a record is found by its id without an index.

Layout after the 48 bits of milliseconds: version 7, 12 bits fixed per data file (so that two sandboxes differ),
variant, one bit `entity`, 44 bits counter, 17 bits part. A transaction is part 0 of its record and its operations are
the parts after it; an entity has a random part. Time never runs backwards within a sandbox, so ids sort in the order of
creation.
"""

import random

_PART_BITS = 17
_PART_MASK = (1 << _PART_BITS) - 1
_VARIANT = 1 << 63
_ENTITY = 1 << 61
_LOW_BITS = 48
"""The last group of an id: the part and the low bits of the counter."""
_LOW_MASK = (1 << _LOW_BITS) - 1
_COUNTER_MASK = (1 << 44) - 1
PARTS_MAX = _PART_MASK


def head(ms: int, salt: int) -> str:
    """Return the first 19 characters of an id, which encode the time of creation."""
    return f"{ms >> 16:08x}-{ms & 0xFFFF:04x}-7{salt:03x}-"


def record_id(head_text: str, seq: int, part: int) -> str:
    """Return the id of a transaction (part 0) or operation (parts from 1) of record `seq`."""
    digits = hex(_VARIANT | seq << _PART_BITS | part)  # 16 of them after the 0x, because of the variant
    return f"{head_text}{digits[2:6]}-{digits[6:]}"


def entity_id(head_text: str, number: int, chance: random.Random) -> str:
    """Return the id of a new entity."""
    tail = _VARIANT | _ENTITY | number << _PART_BITS | chance.getrandbits(_PART_BITS)
    return f"{head_text}{tail >> _LOW_BITS:04x}-{tail & _LOW_MASK:012x}"


def number_of(uuid: str) -> int:
    """Return the counter within an entity's id."""
    return int(uuid[19:23] + uuid[24:], 16) >> _PART_BITS & _COUNTER_MASK


def made_s(uuid: str) -> float:
    """Return when an id was made, in seconds of the epoch."""
    return int(uuid[:8] + uuid[9:13], 16) / 1000


def record_position(uuid: str) -> tuple[int, int] | None:
    """Return (record, part) of a transaction's or operation's id; None for an id that the sandbox cannot have made."""
    tail = int(uuid[19:23] + uuid[24:], 16)
    if tail >> 62 != 2 or tail & _ENTITY:
        return None
    return tail >> _PART_BITS & _COUNTER_MASK, tail & _PART_MASK
