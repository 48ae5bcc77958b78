"""Count failures by class, phase, entity and server code, with first and last time and one example each.

Its size depends on the number of kinds of failure, not on the number of failures.
"""

from dataclasses import dataclass

from midaz_seed.clock import Clock
from midaz_seed.model.outcomes import ErrorClass, Failure
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import Emit, ErrorSeen
from midaz_seed.reporting.redaction import redact

ITEMS_MAX = 100
"""Failed items that are kept by name."""
GROUPS_MAX = 500
"""Kinds of failure that are counted separately; only a server with a new code in each answer exceeds it."""
OTHER_CODES = "other codes"


@dataclass(frozen=True, slots=True)
class Example:
    """One failure of a kind, with secrets redacted."""

    key: str
    parent: str
    message: str
    request: str
    answer: str


@dataclass(slots=True)
class ErrorGroup:
    """All failures of one kind. `count` is attempts, `final` items that failed with it. Times are epoch seconds."""

    error: ErrorClass
    phase: Phase
    entity: str
    code: str
    example: Example
    first_seen_s: float
    last_seen_s: float
    count: int = 0
    final: int = 0


@dataclass(frozen=True, slots=True)
class FailedItem:
    """An item that was rejected: it will not be sent again."""

    key: str
    phase: Phase
    error: ErrorClass
    code: str
    message: str


class ErrorTracker:
    """Counts every failed attempt and every failed item."""

    def __init__(self, clock: Clock, emit: Emit) -> None:
        self._clock = clock
        self._emit = emit
        self._groups: dict[tuple[ErrorClass, Phase, str, str], ErrorGroup] = {}
        self.failed_items: list[FailedItem] = []
        self.failed_total = 0
        self.attempts = 0
        """Failed attempts, including the last one of each failed item."""

    def record(self, failure: Failure, *, phase: Phase, entity: str, key: str, parent: str, final: bool) -> None:
        """Count a failed attempt.

        Args:
            failure: class, code and texts of the failure.
            phase: phase of the item.
            entity: kind of the item.
            key: the item's key in the plan.
            parent: URL path of what the item belongs to.
            final: whether this failure ended the item.
        """
        now_s = self._clock.time()
        code = failure.code
        group = self._groups.get((failure.error, phase, entity, code))
        if group is None and len(self._groups) >= GROUPS_MAX:
            code = OTHER_CODES
            group = self._groups.get((failure.error, phase, entity, code))
        if group is None:
            example = Example(key, parent, redact(failure.message), redact(failure.request), redact(failure.answer))
            group = ErrorGroup(failure.error, phase, entity, code, example, now_s, now_s)
            self._groups[failure.error, phase, entity, code] = group
            self._emit(ErrorSeen(failure.error, phase, key, code, example.message))
        group.count += 1
        self.attempts += 1
        group.last_seen_s = now_s
        if final:
            group.final += 1
            self.failed_total += 1
            if len(self.failed_items) < ITEMS_MAX:
                message = redact(failure.message)
                self.failed_items.append(FailedItem(key, phase, failure.error, failure.code, message))

    def merge(self, other: "ErrorTracker") -> None:
        """Add the counts of another tracker."""
        for key, theirs in other._groups.items():
            ours = self._groups.setdefault(key, theirs)
            if ours is not theirs:
                ours.count += theirs.count
                ours.final += theirs.final
                ours.first_seen_s = min(ours.first_seen_s, theirs.first_seen_s)
                ours.last_seen_s = max(ours.last_seen_s, theirs.last_seen_s)
        self.failed_items = (self.failed_items + other.failed_items)[:ITEMS_MAX]
        self.failed_total += other.failed_total
        self.attempts += other.attempts

    def __getstate__(self) -> dict[str, object]:
        """Pickle the counts alone, without clock and event callback."""
        return {**self.__dict__, "_clock": None, "_emit": None}

    def groups(self) -> list[ErrorGroup]:
        """Return every kind of failure, the most frequent first."""
        return sorted(self._groups.values(), key=lambda group: -group.count)

    def by_class(self) -> dict[ErrorClass, int]:
        """Return the number of failed attempts by class."""
        totals: dict[ErrorClass, int] = {}
        for group in self._groups.values():
            totals[group.error] = totals.get(group.error, 0) + group.count
        return totals
