"""Breadth-first search through every state that a model can reach.

A state is hashable; the same state reached twice is looked at once. Breadth first, so the first counterexample that is
found is a shortest one.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

State = TypeVar("State")
STATES_MAX = 400_000
"""More than fits the memory of a small machine: a configuration that has more is no test but a mistake."""
PROGRESS = "progress: no way to Done when the faults have stopped"


@dataclass(frozen=True, slots=True)
class Step(Generic[State]):
    """One thing that may happen. `calm`: it may also happen after the faults have stopped."""

    what: str
    state: State
    calm: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """What an exploration came to.

    `broken` names the invariant that does not hold ("" when all do), and `trace` tells a shortest way to it.
    """

    states: int
    steps: int
    seconds: float
    broken: str = ""
    trace: tuple[str, ...] = ()


class Explorer(Generic[State]):
    """Visits every state once, and remembers how each was reached and what calm steps lead to it."""

    def __init__(
        self,
        steps: Callable[[State], Iterable[Step[State]]],
        broken: Callable[[State], str],
        finished: Callable[[State], bool],
    ) -> None:
        """`broken` names the invariant that a state breaks; `finished` tells whether the client has said Done."""
        self._steps = steps
        self._broken = broken
        self._finished = finished
        self._states: list[State] = []
        self._numbers: dict[State, int] = {}
        self._reached_by: list[tuple[int, str]] = []
        self._calm_edges: list[tuple[int, int]] = []
        self._count = 0

    def explore(self, initial: State) -> Found:
        """Look at everything that can happen from a state; stop at the first broken invariant."""
        started_s = time.perf_counter()
        broken, at = self._visit_all(initial)
        if not broken:
            stuck = self._stuck()
            if stuck is not None:
                broken, at = PROGRESS, stuck
        trace = tuple(self._trace(at)) if broken else ()
        return Found(len(self._states), self._count, time.perf_counter() - started_s, broken, trace)

    def _visit_all(self, initial: State) -> tuple[str, int]:
        """Every state, in the order of its distance; the broken invariant and the state that breaks it."""
        self._add(initial, 0, "")
        at = 0
        while at < len(self._states):  # the list grows while it is read: that makes it breadth first
            broken = self._broken(self._states[at])
            if broken:
                return broken, at
            for step in self._steps(self._states[at]):
                self._count += 1
                number = self._add(step.state, at, step.what)
                if step.calm and number != at:
                    self._calm_edges.append((number, at))
            at += 1
        return "", 0

    def _add(self, state: State, parent: int, what: str) -> int:
        number = self._numbers.setdefault(state, len(self._states))
        if number == len(self._states):
            if number >= STATES_MAX:
                raise MemoryError(f"more than {STATES_MAX:,} states")
            self._states.append(state)
            self._reached_by.append((parent, what))
        return number

    def _stuck(self) -> int | None:
        """The first state from which calm steps lead to no finished one."""
        before: list[list[int]] = [[] for _ in self._states]
        for target, source in self._calm_edges:
            before[target].append(source)
        waiting = [number for number, state in enumerate(self._states) if self._finished(state)]
        good = bytearray(len(self._states))
        for number in waiting:
            good[number] = 1
        while waiting:
            for source in before[waiting.pop()]:
                if not good[source]:
                    good[source] = 1
                    waiting.append(source)
        stuck = good.find(0)
        return stuck if stuck >= 0 else None

    def _trace(self, at: int) -> Iterator[str]:
        told = []
        while at:
            at, what = self._reached_by[at]
            told.append(what)
        return reversed(told)
