"""Journals that sessions have written, with the truth about what they recorded."""

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from midaz_seed.clock import FakeClock
from midaz_seed.plan.items import Phase
from midaz_seed.runs.journal import Journal, PhaseLog
from midaz_seed.runs.journal_format import frames

DIGEST = "d" * 64
COUNT = 90
"""Items of each phase."""
LOGS = tuple((ledger, phase) for ledger in (0, 1) for phase in (Phase.ACCOUNTS, Phase.DEPOSITS, Phase.TRANSFERS))

Item = tuple[int, Phase, int]
"""(ledger, phase, ordinal)."""


@dataclass(frozen=True)
class Knowledge:
    """What a journal says."""

    made: frozenset[Item]
    ids: frozenset[tuple[Item, str]]
    unknown: frozenset[tuple[Item, int]]
    """With the generations of their keys."""


@dataclass
class Recorded:
    """What was ever recorded about items."""

    leased: set[Item] = field(default_factory=set)
    made: set[Item] = field(default_factory=set)
    not_made: set[Item] = field(default_factory=set)
    ids: set[tuple[Item, str]] = field(default_factory=set)
    keys: set[tuple[Item, int]] = field(default_factory=set)


@dataclass(frozen=True)
class Story:
    """A journal after several sessions."""

    data: bytes
    recorded: Recorded
    copies: tuple[bytes, ...]
    """Copies of the file from earlier moments."""
    other: bytes
    """The file of another process of the same run."""
    ends: tuple[int, ...]
    """Where its frames end."""


@contextmanager
def journal_file(data: bytes | None = None) -> Iterator[Path]:
    """Yield the path of a journal with this content, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        if data is not None:
            path.write_bytes(data)
        yield path


def open_journal(path: Path, session: int = 9) -> Journal:
    """Open a journal of the stories' plan."""
    return Journal(FakeClock(), path, DIGEST, session=session)


def phase_logs(journal: Journal) -> dict[tuple[int, Phase], PhaseLog]:
    """Return the phase logs of the stories."""
    return {(ledger, phase): journal.phase_log(ledger, phase, COUNT) for ledger, phase in LOGS}


def knowledge(journal: Journal) -> Knowledge:
    """Return what a journal says about all items."""
    made, ids, unknown = set(), set(), set()
    for (ledger, phase), log in phase_logs(journal).items():
        for ordinal in range(COUNT):
            if log.is_made(ordinal):
                made.add((ledger, phase, ordinal))
            if found := log.known_id(ordinal):
                ids.add(((ledger, phase, ordinal), found))
        unknown |= {((ledger, phase, one.ordinal), one.generation) for one in log.unknown()}
    return Knowledge(frozenset(made), frozenset(ids), frozenset(unknown))


@lru_cache(maxsize=16)
def story(number: int) -> Story:
    """Write the journal of a random story."""
    chance, recorded, copies = random.Random(number), Recorded(), []
    with journal_file() as path, journal_file() as other:
        for session in range(1, 4):
            _session(path, session, chance, recorded, copies)
        _session(other, 3, chance, Recorded(), [])
        data = path.read_bytes()
        ends = tuple(end for _, end, _ in frames(data, path))
        return Story(data, recorded, tuple(copies), other.read_bytes(), ends)


def _session(path: Path, session: int, chance: random.Random, recorded: Recorded, copies: list[bytes]) -> None:
    journal = open_journal(path, session)
    logs = phase_logs(journal)
    for _ in range(chance.randrange(5, 40)):
        (ledger, phase), log = chance.choice(list(logs.items()))
        ordinal = chance.randrange(COUNT)
        item = ledger, phase, ordinal
        if phase is Phase.ACCOUNTS:
            server_id = f"id-{session}-{chance.randrange(10**6)}"
            log.created(ordinal, server_id, created_by_this_run=chance.random() < 0.5)
            recorded.ids.add((item, server_id))
            continue
        recorded.keys.add((item, log.begin(ordinal)))
        recorded.leased |= {(ledger, phase, each) for each in range(ordinal, min(ordinal + 32, COUNT))}
        kind = chance.choice(("made", "made", "recovered", "not made", "again", "no answer"))
        if kind == "made":
            log.made(ordinal)
            recorded.made.add(item)
        elif kind == "recovered":
            log.recovered(ordinal)
            recorded.made.add(item)
        elif kind == "not made":
            log.not_made(ordinal)
            recorded.not_made.add(item)
        elif kind == "again":
            log.resend(ordinal, session)
            recorded.keys.add((item, session))
        if chance.random() < 0.1:
            copies.append(path.read_bytes())
    journal.close(clean=chance.random() < 0.5)
    copies.append(path.read_bytes())
