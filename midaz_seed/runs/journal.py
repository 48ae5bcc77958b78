"""The journal of a run: what may be sent and what was acknowledged, on disk before the run relies on it.

One file of frames (`runs.journal_format`), to which records are appended. A lease is written before the first of its
items is sent, in one write with everything acknowledged until then. So if the process is killed at any moment, an item
without a lease was never sent, and a leased item without an acknowledgement is unknown. Written means handed to the
operating system: a crash of the machine can lose the last seconds, which the balances then reveal
(`engine.ledger.reconcile`).
"""

import os
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from midaz_seed.clock import Clock
from midaz_seed.errors import JournalError, OutputError, RunError
from midaz_seed.files import PRIVATE_FILE
from midaz_seed.plan.items import Phase
from midaz_seed.runs.journal_format import (
    CREATED,
    LEASE,
    LEASED_MAX,
    OPENING,
    SENT,
    TRACK_SHIFT,
    ReplayedState,
    UnacknowledgedItem,
    damaged,
    encode,
    frames,
    replay,
)

FORMAT = 3
LEASE_ITEMS = 32
"""Items that may be sent after one write. After a kill, up to this many of a phase are unknown although unsent."""
_BUFFERED_MAX = 4096
_CREATED_MAX = 200
"""Entities in one frame; its payload has at most 65,535 bytes."""
_PHASES = {phase: number for number, phase in enumerate(Phase)}


class _Record(NamedTuple):
    """A record as it was read: the number of its session, its frame's payload, and where the frame starts."""

    session: int
    payload: bytes
    path: Path
    at: int


class PhaseLog:
    """One phase of one ledger in the journal: what earlier sessions did, and the records of this one."""

    __slots__ = ("_base", "_count", "_earlier", "_journal", "_known", "_leased", "_next", "order_ends")

    def __init__(self, journal: "Journal", number: int, known: ReplayedState, count: int) -> None:
        self._journal = journal
        self._base = number << TRACK_SHIFT
        self._known = known
        self._count = count
        self._earlier = self._leased = max((end for _, end, _ in known.leases), default=0)
        self._next = self._leased
        self.order_ends: int | None = None
        """Ordinal at which the current epoch ends, where items may start after later ones of it. Then a lease covers
        everything from the end of the last one on, within the epoch: after a kill, what is unknown is a prefix of what
        was not made, so that it can be resent in order before all others.
        """

    @property
    def was_started(self) -> bool:
        """Whether an earlier session leased items of it."""
        return self._earlier > 0

    @property
    def end(self) -> int:
        """The first ordinal that no earlier session knows."""
        return max(self._earlier, len(self._known.made))

    def is_made(self, ordinal: int) -> bool:
        """Return whether an earlier session knew that the item was made."""
        return self._known.is_made(ordinal)

    def is_recovered(self, ordinal: int) -> bool:
        """Return whether an earlier session knew that from the balances alone."""
        return ordinal in self._known.recovered

    def known_id(self, ordinal: int) -> str:
        """Return the server's id of an entity that an earlier session created or found; "" when it is not known."""
        return self._known.ids.get(ordinal, ("", False))[0]

    def unknown(self) -> list[UnacknowledgedItem]:
        """Return what an earlier session may have sent without receiving a response."""
        return list(self._known.unknown())

    def generation_of(self, ordinal: int) -> int:
        """Return the generation of the last key of this item."""
        return self._known.sent.get(ordinal, (0, 0.0))[0]

    def is_unknown(self, ordinal: int) -> bool:
        """Return whether an earlier session may have sent the item, with an unknown outcome."""
        if ordinal >= self._earlier or ordinal in self._known.not_made or self._known.is_made(ordinal):
            return False
        leases = self._known.leases
        at = bisect_right(leases, ordinal, key=lambda lease: lease[0])
        return at > 0 and ordinal < leases[at - 1][1] and ordinal not in self._known.ids

    def begin(self, ordinal: int) -> int:
        """Record that an item is about to be sent for the first time in this session.

        Returns:
            The generation of its key.

        Raises:
            JournalError: the journal cannot be written.
        """
        generation = 0
        if ordinal >= self._leased:
            end = min(ordinal + LEASE_ITEMS, self._count if self.order_ends is None else self.order_ends)
            for first in range(ordinal if self.order_ends is None else self._leased, end, LEASED_MAX):
                self._journal.lease(self._base + first, min(end - first, LEASED_MAX))
            self._leased = end
        elif ordinal < self._earlier:
            generation = self.generation_of(ordinal)  # a request with this key may still be in the network
            self.resend(ordinal, generation)
        if ordinal >= self._next:
            self._next = ordinal + 1
        return generation

    def resend(self, ordinal: int, generation: int) -> None:
        """Record that an item is about to be sent under another key than the last one. Raises JournalError."""
        self._journal.sent(self._base + ordinal, generation)
        self._known.sent[ordinal] = (generation, 0.0)

    def made(self, ordinal: int) -> None:
        """Record that the item was acknowledged."""
        self._journal.made.append(self._base + ordinal)

    def recovered(self, ordinal: int) -> None:
        """Record that the item was made, according to the balances."""
        self._journal.recovered.append(self._base + ordinal)

    def not_made(self, ordinal: int) -> None:
        """Record that the item was certainly not made: it was refused, or not sent at all."""
        self._journal.not_made.append(self._base + ordinal)

    def not_started(self, ordinals: Iterable[int]) -> None:
        """Record that items were not started, as far as they are leased: they waited for others."""
        for ordinal in ordinals:
            if ordinal < self._leased:
                self.not_made(ordinal)

    def lease_again(self, ordinals: Iterable[int]) -> None:
        """Record that items may be sent which an earlier session leased and did not make. Raises JournalError."""
        for ordinal in ordinals:
            if ordinal < self._earlier:
                self.resend(ordinal, self.generation_of(ordinal))

    def created(self, ordinal: int, server_id: str, *, created_by_this_run: bool) -> None:
        """Record that an entity exists, with this id."""
        self._journal.created(self._base + ordinal, server_id, created_by_this_run=created_by_this_run)

    def leased_not_started(self) -> range:
        """Return the ordinals that this session leased and did not begin."""
        return range(max(self._next, self._earlier), self._leased)


class Journal:
    """The journal of a run. Without a file it stores nothing, and every item counts as never sent."""

    def __init__(
        self,
        clock: Clock,
        path: Path | None = None,
        digest: str = "",
        *,
        session: int = 1,
        others: Sequence[Path] = (),
        starts: bool = True,
    ) -> None:
        """Open the journal of a plan, or create it.

        Args:
            clock: gives the time of leases.
            path: its file.
            digest: that of the plan.
            session: the number of this session of the run, from 1.
            others: journals of other processes of the same run, which are read too.
            starts: begin the session at once. Otherwise nothing is written until `start`, which must come first.

        Raises:
            RunError: a file is damaged, or belongs to another plan.
            OutputError: the file cannot be opened.
            JournalError: it cannot be written.
        """
        self._clock = clock
        self._path = path
        self._digest = digest
        self._fd = -1
        self._length = 0
        self._check = 0
        """The CRC-32 of the last frame."""
        self._leased = False
        self._others: list[Path] = []
        self._dropped: list[Path] = []
        self._known: dict[int, ReplayedState] = {}
        self._phase_logs: dict[int, PhaseLog] = {}
        self.made: array[int] = array("Q")
        self.recovered: array[int] = array("Q")
        self.not_made: array[int] = array("Q")
        self._created: list[bytes] = []
        self._session = session
        self.clean = True
        """Whether the previous session ended without requests in flight, or there was none."""
        self.last_written_s = 0.0
        """The time of the last write of the previous session (epoch seconds)."""
        if path is not None:
            self._open(path, others)
            if starts:
                self.start()

    @property
    def enabled(self) -> bool:
        """Whether there is a file."""
        return self._path is not None

    @property
    def has_records(self) -> bool:
        """Whether anything was leased, in this session or an earlier one."""
        return bool(self._known) or self._leased

    @property
    def has_leased(self) -> bool:
        """Whether anything was leased in this session, so that something may have been sent."""
        return self._leased

    def phase_log(self, ledger: int | None, phase: Phase, count: int) -> PhaseLog:
        """Return the log of a phase.

        Args:
            ledger: index of the ledger in the plan; None for what is above the ledgers.
            phase: one of its phases.
            count: items that the phase has.
        """
        number = (0 if ledger is None else ledger + 1) * len(_PHASES) + _PHASES[phase]
        if number not in self._phase_logs:
            self._phase_logs[number] = PhaseLog(self, number, self._known.get(number, ReplayedState()), count)
        return self._phase_logs[number]

    # ---- writing

    def lease(self, first: int, count: int) -> None:
        """Write a lease of these items, with everything that is buffered. Raises JournalError."""
        if self._fd >= 0:
            self._leased = True
            self._write([*self._buffered(), b"L" + LEASE.pack(first, count, self._clock.time())])

    def sent(self, item: int, generation: int) -> None:
        """Write that an item is sent under another key, with everything that is buffered. Raises JournalError."""
        if self._fd >= 0:
            self._write([*self._buffered(), b"S" + SENT.pack(item, generation, self._clock.time())])

    def created(self, item: int, server_id: str, *, created_by_this_run: bool) -> None:
        """Buffer the id of an entity. An id of more than 255 bytes is dropped: the entity is then looked up again."""
        text = server_id.encode()
        if len(text) < 256:
            self._created.append(CREATED.pack(item, created_by_this_run, len(text)) + text)

    def flush(self) -> None:
        """Write everything that is buffered. Raises JournalError."""
        payloads = self._buffered()
        if payloads and self._fd >= 0:
            self._write(payloads)

    def _buffered(self) -> list[bytes]:
        payloads = [
            kind + items[start : start + _BUFFERED_MAX].tobytes()
            for kind, items in ((b"A", self.made), (b"B", self.recovered), (b"N", self.not_made))
            for start in range(0, len(items), _BUFFERED_MAX)
        ]
        payloads += [
            b"C" + b"".join(self._created[start : start + _CREATED_MAX])
            for start in range(0, len(self._created), _CREATED_MAX)
        ]
        self.made, self.recovered, self.not_made, self._created = array("Q"), array("Q"), array("Q"), []
        return payloads

    def _write(self, payloads: Sequence[bytes]) -> None:
        data, check = encode(payloads, self._check)
        try:
            rest = memoryview(data)
            while rest:  # a full disk accepts a part first, and the next call raises
                rest = rest[os.write(self._fd, rest) :]
            self._length, self._check = self._length + len(data), check
        except OSError as error:
            os.ftruncate(self._fd, self._length)  # no incomplete frame in the middle when there is space again
            raise JournalError(
                f"the journal cannot be written, so nothing more is sent: {error.strerror or error}",
                where=str(self._path),
                hint="free disk space, then run the same command again",
            ) from error

    def restart(self) -> None:
        """Delete all records, also those of other processes. Raises JournalError."""
        self._known.clear()
        self._phase_logs.clear()
        self.clean = True
        self._leased = False
        self._dropped, self._others = self._others, []
        self._length = self._check = 0
        if self._fd >= 0:
            self._begin_file()

    def start(self) -> None:
        """Begin the session in the file.

        Raises:
            OutputError: the file cannot be opened.
            JournalError: it cannot be written.
        """
        if self._path is None:
            return
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
        except OSError as error:
            raise _unopened(self._path, error) from error
        try:
            self._begin_file()
        except BaseException:
            os.close(self._fd)
            self._fd = -1
            raise

    def _begin_file(self) -> None:
        for other in self._dropped:
            other.unlink(missing_ok=True)
        os.ftruncate(self._fd, self._length)
        self._write([self._opening()] if self._length else [self._head(), self._opening()])

    def close(self, *, clean: bool) -> None:
        """End the session; `clean` when no request is in flight. Raises JournalError."""
        if self._fd < 0:
            return
        try:
            if clean:
                for phase_log in self._phase_logs.values():
                    for ordinal in phase_log.leased_not_started():
                        phase_log.not_made(ordinal)
                self._write([*self._buffered(), b"E"])
            else:
                self.flush()
            os.fsync(self._fd)
        finally:
            os.close(self._fd)
            self._fd = -1

    # ---- reading

    def _open(self, path: Path, others: Sequence[Path]) -> None:
        """Read what earlier sessions wrote."""
        self._others = [other for other in others if other != path and other.exists()]
        files = [*([path] if path.exists() else []), *self._others]
        try:
            self.last_written_s = max((file.stat().st_mtime for file in files), default=0.0)
            contents = {file: file.read_bytes() for file in files}
        except OSError as error:
            raise _unopened(path, error) from error
        found: list[_Record] = []
        for file, data in contents.items():
            end, check = self._read(data, file, found)
            if file == path:
                self._length, self._check = end, check
        for record in sorted(found, key=attrgetter("session")):
            replay(self._known, record.payload, record.path, record.at)

    def _head(self) -> bytes:
        return b"H" + f"{FORMAT}:{self._digest}".encode()

    def _opening(self) -> bytes:
        return b"O" + OPENING.pack(self._session)

    def _read(self, data: bytes, path: Path, found: list["_Record"]) -> tuple[int, int]:
        """Append every complete record to `found`; return where the last frame ends, and its CRC-32."""
        at = check = session = 0
        last = b"E"
        for payload, end, frame_check in frames(data, path):
            last = payload[:1]
            if (last == b"H") is not (at == 0) or (last == b"O" and len(payload) != 1 + OPENING.size):
                raise damaged(path, at)
            if last == b"H":
                self._check_head(payload[1:].decode("utf-8", "replace"), path)
            elif last == b"O":
                (session,) = OPENING.unpack(payload[1:])
            else:
                found.append(_Record(session, payload, path, at))
            at, check = end, frame_check
        if path != self._path and session == self._session:
            return at, check  # of the process that started this one: its session has not ended
        # what a crashed machine cut off may have been a lease
        self.clean = self.clean and last in (b"E", b"H", b"O") and at == len(data)
        return at, check

    def _check_head(self, head: str, path: Path) -> None:
        number, _, digest = head.partition(":")
        if number != str(FORMAT) or digest != self._digest:
            raise RunError(
                f"the journal is of format {number} for plan {digest[:12]}; this is format {FORMAT}, plan "
                f"{self._digest[:12]}",
                where=str(path),
                hint="finish it with the midaz-seed version that started it, or start a new run with another --run-id",
            )


def _unopened(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"the journal cannot be opened: {error.strerror or error}",
        where=str(path),
        hint="check the folder, its permissions and the disk space, or run without a journal: --no-journal",
    )
