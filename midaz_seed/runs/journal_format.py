"""The format of a journal: frames, their records, and the state of each phase log after replaying them.

A frame is eight bytes (length of its payload, a check of that length, CRC-32; little endian) and the payload. The
CRC-32 continues that of the frame before, so it covers the whole file up to its frame: a frame that is missing,
repeated, moved or from another copy of the journal is found like a changed byte. The first byte of a payload is its
kind:

    H  what the journal belongs to: format and plan digest; the first frame
    O  the start of a session, with its number
    L  leases: items that may be sent from then on (first item, number of items, epoch seconds)
    S  items sent again, with the generation of their idempotency key (item, generation, epoch seconds)
    A  items made
    B  items made according to the balances: the server may list them only later
    N  items certainly not made
    C  entities made, with the server's id; transactions too, where a later item refers to them
    E  the end of a session without requests in flight

An item is the number of its phase log (a phase of a ledger) times 2**40 plus its ordinal, its index in the phase.
"""

import struct
from array import array
from collections.abc import Iterable, Iterator
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
ORDINALS_MAX = 2**28
"""Items of one phase of one ledger: more than any plan has, and few enough for one byte of memory each."""
LEASED_MAX = 65_536
"""Items of one lease: more than any version leases, and few enough to list."""


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

    @property
    def ids_of_made(self) -> int:
        """The number of items that were made and whose ids are known: transactions that a follow-up refers to."""
        return sum(map(self.is_made, self.ids))

    def unknown(self) -> Iterator[UnacknowledgedItem]:
        """Return the leased items that are neither known to be made nor known not to be."""
        for first, end, leased_s in self.leases:
            for ordinal in range(first, end):
                if not self.is_made(ordinal) and ordinal not in self.not_made and ordinal not in self.ids:
                    generation, sent_s = self.sent.get(ordinal, (0, leased_s))
                    yield UnacknowledgedItem(ordinal, generation, sent_s)


def apply_record(phase_logs: dict[int, ReplayedState], kind: bytes, body: memoryview) -> None:
    """Apply one record to the phase logs by number; a log that is not there yet is added.

    Raises:
        ValueError: it is not a record.
    """
    mask = (1 << TRACK_SHIFT) - 1

    def known(item: int) -> tuple[ReplayedState, int]:
        ordinal = item & mask
        if ordinal >= ORDINALS_MAX:
            raise ValueError(f"there is no item {ordinal}")
        return phase_logs.setdefault(item >> TRACK_SHIFT, ReplayedState()), ordinal

    if kind == b"L":
        for item, count, leased_s in LEASE.iter_unpack(body):
            phase_log, ordinal = known(item)
            if count > LEASED_MAX:
                raise ValueError(f"a lease of {count} items")
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
            if at > len(body):
                raise ValueError("an id that ends after its record")
            phase_log, ordinal = known(item)
            phase_log.ids[ordinal] = (bytes(body[at - size : at]).decode(), bool(created_by_this_run))
    elif kind not in (b"H", b"O", b"E"):
        raise ValueError(f"unknown kind {kind!r}")


def replay(phase_logs: dict[int, ReplayedState], payload: bytes, path: Path, at: int) -> None:
    """Apply the record of the frame that starts at byte `at` of a journal. Raises RunError when it is not a record."""
    try:
        apply_record(phase_logs, payload[:1], memoryview(payload)[1:])
    except (ValueError, struct.error) as error:
        raise damaged(path, at) from error


def encode(payloads: Iterable[bytes], check: int) -> tuple[bytes, int]:
    """Return the frames of payloads of at most 65,535 bytes each, and the CRC-32 of the last one.

    Args:
        payloads: the payloads.
        check: the CRC-32 of the frame before; 0 at the start of the file.
    """
    parts = []
    for payload in payloads:
        check = crc32(payload, check)
        parts += [HEADER.pack(len(payload), _check_of(len(payload)), check), payload]
    return b"".join(parts), check


def frames(data: bytes, path: Path) -> Iterator[tuple[bytes, int, int]]:
    """Read the frames of a journal; an incomplete last frame, with or without zeros after it, is skipped.

    A crashed machine leaves zeros where it reserved space and did not write.

    Returns:
        Each payload with the offset of the end of its frame, and its CRC-32.

    Raises:
        RunError: there is damage anywhere else, so what follows may be incomplete.
    """
    at = before = 0
    while len(data) - at >= HEADER.size:
        size, size_check, check = HEADER.unpack_from(data, at)
        end = at + HEADER.size + size
        if size_check != _check_of(size):
            if _is_zero(data, at + HEADER.size):
                return
            raise damaged(path, at)
        if end > len(data):
            return
        payload = data[at + HEADER.size : end]
        if crc32(payload, before) != check:
            if _is_zero(data, end):
                return
            raise damaged(path, at)
        yield payload, end, check
        at, before = end, check


def _check_of(size: int) -> int:
    return crc32(size.to_bytes(2, "little")) & 0xFFFF


def _is_zero(data: bytes, start: int) -> bool:
    """Whether there are only zeros from `start` to the end, or nothing."""
    return data.count(0, start) == max(len(data) - start, 0)


def damaged(path: Path, at: int) -> RunError:
    """Return the error about a journal that is damaged at a byte."""
    return RunError(
        f"the journal is damaged at byte {at}: the rest cannot be read",
        where=str(path),
        hint="delete it and run the same plan again (`midaz-seed runs delete`, then `run`): what exists is then found "
        "from the server's transactions and balances",
    )


def done_in(path: Path) -> int:
    """Return the number of items that exist according to a journal; 0 when it cannot be read."""
    known: dict[int, ReplayedState] = {}
    at = 0
    try:
        for payload, end, _ in frames(path.read_bytes(), path):
            replay(known, payload, path, at)
            at = end
    except (OSError, RunError):
        return 0
    return sum(phase_log.made.count(1) + len(phase_log.ids) - phase_log.ids_of_made for phase_log in known.values())
