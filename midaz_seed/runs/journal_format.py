"""The format of a journal: frames, their records, and the state of each phase log after replaying them.

A frame is eight bytes (length of its payload, a check of that length, CRC-32 of the payload; little endian) and the
payload, whose first byte is its kind:

    H  what the journal belongs to: format and plan digest
    O  the start of a session, with its number
    L  leases: items that may be sent from then on (first item, number of items, epoch seconds)
    S  items sent again, with the generation of their idempotency key (item, generation, epoch seconds)
    A  items made
    B  items made according to the balances: the server may list them only later
    N  items certainly not made
    C  entities made, with the server's id
    E  the end of a session without requests in flight

An item is the number of its phase log (a phase of a ledger) times 2**40 plus its ordinal, its index in the phase.
"""

import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

from midaz_seed.errors import RunError

TRACK_SHIFT = 40
HEADER = struct.Struct("<HHI")
LEASE = struct.Struct("<QId")
SENT = struct.Struct("<QId")
CREATED = struct.Struct("<QBB")
OPENING = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class UnacknowledgedItem:
    """An item that an earlier session may have sent, without a response.

    It has its ordinal, the generation of its last idempotency key, and when it was sent (epoch seconds).
    """

    ordinal: int
    generation: int
    sent_s: float


@dataclass(slots=True)
class ReplayedState:
    """The state of one phase log after replaying a journal."""

    leases: list[tuple[int, int, float]] = field(default_factory=list)
    """(first ordinal, end, epoch seconds), in the order of writing, which is the plan's."""
    made: bytearray = field(default_factory=bytearray)
    recovered: set[int] = field(default_factory=set)
    not_made: set[int] = field(default_factory=set)
    sent: dict[int, tuple[int, float]] = field(default_factory=dict)
    ids: dict[int, tuple[str, bool]] = field(default_factory=dict)

    def make(self, ordinal: int) -> None:
        """Record an item as made."""
        if ordinal >= len(self.made):
            self.made.extend(bytes(ordinal + 1 - len(self.made)))
        self.made[ordinal] = 1
        self.not_made.discard(ordinal)

    def is_made(self, ordinal: int) -> bool:
        """Return whether the item was made."""
        return ordinal < len(self.made) and self.made[ordinal] == 1

    def unknown(self) -> Iterator[UnacknowledgedItem]:
        """Return the leased items that are neither known to be made nor known not to be."""
        for first, end, leased_s in self.leases:
            for ordinal in range(first, end):
                if not self.is_made(ordinal) and ordinal not in self.not_made and ordinal not in self.ids:
                    generation, sent_s = self.sent.get(ordinal, (0, leased_s))
                    yield UnacknowledgedItem(ordinal, generation, sent_s)


def apply_record(phase_logs: dict[int, ReplayedState], kind: bytes, body: memoryview) -> None:
    """Apply one record to the phase logs by number; a log that is not there yet is added."""
    mask = (1 << TRACK_SHIFT) - 1

    def known(item: int) -> tuple[ReplayedState, int]:
        return phase_logs.setdefault(item >> TRACK_SHIFT, ReplayedState()), item & mask

    if kind == b"L":
        for item, count, leased_s in LEASE.iter_unpack(body):
            phase_log, ordinal = known(item)
            phase_log.leases.append((ordinal, ordinal + count, leased_s))
    elif kind == b"S":
        for item, generation, sent_s in SENT.iter_unpack(body):
            phase_log, ordinal = known(item)
            phase_log.sent[ordinal] = (generation, sent_s)
            phase_log.not_made.discard(ordinal)
    elif kind in (b"A", b"B", b"N"):
        for item in array("Q", bytes(body)):
            phase_log, ordinal = known(item)
            if kind == b"N":
                phase_log.not_made.add(ordinal)
                continue
            phase_log.make(ordinal)
            if kind == b"B":
                phase_log.recovered.add(ordinal)
    elif kind == b"C":
        at = 0
        while at < len(body):
            item, created_by_this_run, size = CREATED.unpack_from(body, at)
            at += CREATED.size + size
            phase_log, ordinal = known(item)
            phase_log.ids[ordinal] = (bytes(body[at - size : at]).decode(), bool(created_by_this_run))


def frame(payload: bytes) -> bytes:
    """Return the frame of a payload of at most 65,535 bytes."""
    size = len(payload).to_bytes(2, "little")
    return HEADER.pack(len(payload), crc32(size) & 0xFFFF, crc32(payload)) + payload


def frames(data: bytes, path: Path) -> Iterator[tuple[bytes, int]]:
    """Read the frames of a journal; an incomplete last frame is skipped.

    Returns:
        Each payload with the offset of the end of its frame.

    Raises:
        RunError: there is damage anywhere else, so what follows may be incomplete.
    """
    at = 0
    while at < len(data):
        if len(data) - at < HEADER.size:
            return
        size, size_check, check = HEADER.unpack_from(data, at)
        end = at + HEADER.size + size
        if crc32(data[at : at + 2]) & 0xFFFF != size_check:
            if not any(data[at:]):
                return  # space that a crashed machine reserved and never wrote
            raise _damaged(path, at)
        if end > len(data):
            return
        payload = data[at + HEADER.size : end]
        if crc32(payload) != check:
            if end == len(data):
                return
            raise _damaged(path, at)
        yield payload, end
        at = end


def _damaged(path: Path, at: int) -> RunError:
    return RunError(
        f"the journal is damaged at byte {at}: the rest cannot be read",
        where=str(path),
        hint="delete it and run the same plan again (`midaz-seed runs delete`, then `run`): what exists is then found "
        "from the server's transactions and balances",
    )
