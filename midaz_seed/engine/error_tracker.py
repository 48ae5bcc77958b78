"""Failures, counted truly: by class, phase, entity and server code; first and last seen; one example each.

Its size depends on the number of kinds, not on the number of failures.
"""

from dataclasses import dataclass

from midaz_seed.clock import Clock
from midaz_seed.model.outcomes import ErrorClass, Failure
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import Emit, ErrorSeen

ITEMS_MAX = 100
"""Failed items that are kept by name."""


@dataclass(frozen=True, slots=True)
class Example:
    """One failure of a kind, without secrets."""

    key: str
    parent: str
    message: str
    request: str
    answer: str


@dataclass(slots=True)
class ErrorGroup:
    """All failures of one kind. `count` is attempts, `final` the items that they ended. Times are epoch seconds."""

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
    """An item that failed for good."""

    key: str
    phase: Phase
    error: ErrorClass
    code: str
    message: str


class ErrorTracker:
    """Takes every failed attempt and every failed item."""

    def __init__(self, clock: Clock, emit: Emit) -> None:
        self._clock = clock
        self._emit = emit
        self._groups: dict[tuple[ErrorClass, Phase, str, str], ErrorGroup] = {}
        self.failed_items: list[FailedItem] = []
        self.failed_total = 0

    def record(self, failure: Failure, *, phase: Phase, entity: str, key: str, parent: str, final: bool) -> None:
        """Count a failed attempt, or with `final` the failure that ended an item."""
        now_s = self._clock.time()
        name = (failure.error, phase, entity, failure.code)
        group = self._groups.get(name)
        if group is None:
            example = Example(key, parent, failure.message, failure.request, failure.answer)
            group = ErrorGroup(failure.error, phase, entity, failure.code, example, now_s, now_s)
            self._groups[name] = group
            self._emit(ErrorSeen(failure.error, phase, key, failure.code, failure.message))
        group.count += 1
        group.last_seen_s = now_s
        if final:
            group.final += 1
            self.failed_total += 1
            if len(self.failed_items) < ITEMS_MAX:
                self.failed_items.append(FailedItem(key, phase, failure.error, failure.code, failure.message))

    def groups(self) -> list[ErrorGroup]:
        """Every kind of failure, the most frequent first."""
        return sorted(self._groups.values(), key=lambda group: -group.count)

    def by_class(self) -> dict[ErrorClass, int]:
        """Failed attempts by class."""
        totals: dict[ErrorClass, int] = {}
        for group in self._groups.values():
            totals[group.error] = totals.get(group.error, 0) + group.count
        return totals
