"""Reads beside writes: their kinds, how often each is sent, and what was measured. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from midaz_seed.model.histogram import Histogram
from midaz_seed.wording import nearest


class ReadKind(StrEnum):
    """What a read asks for."""

    BALANCE = "balance"
    """The balance of an account, by id."""
    STATEMENT = "statement"
    """The last operations of an account."""
    TRANSACTION = "transaction"
    """One transaction by id; until the id of one is known, a list is read instead."""
    LIST = "list"
    """The last transactions of a ledger."""


FORM = "KIND=WEIGHT with commas, such as balance=70,statement=20,transaction=5,list=5"
_PART = re.compile(r"([a-z]+)=(\d{1,6})")


def parse_read_mix(text: str) -> Mapping[ReadKind, int]:
    """Read the weights of the kinds; kinds that are not named have none.

    Raises:
        ValueError: it has another form.
    """
    found: dict[ReadKind, int] = {}
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise ValueError(f"{part.strip()[:40]!r} must be {FORM}")
        if match[1] not in list(ReadKind):
            near = nearest(match[1], ReadKind)
            suggestion = f"did you mean {near}?" if near else f"there are {', '.join(ReadKind)}"
            raise ValueError(f"{match[1]} is no kind of read; {suggestion}")
        if ReadKind(match[1]) in found:
            raise ValueError(f"{match[1]} is given twice")
        found[ReadKind(match[1])] = int(match[2])
    if not any(found.values()):
        raise ValueError("one weight must be above 0")
    return found


@dataclass(slots=True)
class ReadFigures:
    """What the reads of one kind measured."""

    answers: int = 0
    failed: int = 0
    """Without an answer, or with an error."""
    wrong: int = 0
    """Answers that contradict the plan."""
    latency: Histogram = field(default_factory=Histogram)
    """Of the answers, in microseconds."""

    def add(self, other: "ReadFigures") -> None:
        """Add the figures of another process."""
        self.answers += other.answers
        self.failed += other.failed
        self.wrong += other.wrong
        self.latency.merge(other.latency)


@dataclass(slots=True)
class ReadStats:
    """What all reads of a process measured. Picklable."""

    kinds: dict[ReadKind, ReadFigures] = field(default_factory=lambda: {kind: ReadFigures() for kind in ReadKind})
    sent: int = 0
    dropped: int = 0
    """Reads that were not sent, because too many were in flight."""
    start_delay: Histogram = field(default_factory=Histogram)
    """Delay between a slot and the start of its read, in microseconds."""

    def add(self, other: "ReadStats") -> None:
        """Add what another process measured."""
        for kind, figures in other.kinds.items():
            self.kinds[kind].add(figures)
        self.sent += other.sent
        self.dropped += other.dropped
        self.start_delay.merge(other.start_delay)
