"""Determine from the balances which transactions in doubt were applied, where only one assignment explains them. Pure.

Each transaction in doubt is an unknown, 0 or 1. Each key of its effect gives an equation: the effects of the applied
transactions must sum to what the server shows beyond the known ones. A key is the balance of an account, or the number
of its changes (`version` of a balance in Midaz).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

Effect = Mapping[int, int]
"""The changes by one applied transaction: key -> change, never 0."""


@dataclass(frozen=True, slots=True)
class Solution:
    """The result for each unknown.

    Attributes:
        values: applied or not; None where several assignments, or none, explain the balances, or time ran out, and for
            an unknown without an effect.
        contradicted: keys of the equations that no assignment satisfies.
        traceless: positions of the unknowns without an effect, which no balance can decide.
    """

    values: list[bool | None]
    contradicted: frozenset[int] = frozenset()
    traceless: frozenset[int] = frozenset()

    @property
    def unique(self) -> bool:
        """Whether exactly one assignment explains everything that has an effect."""
        return not self.contradicted and self.values.count(None) == len(self.traceless)

    @property
    def complete(self) -> bool:
        """Whether every unknown is decided."""
        return self.unique and not self.traceless


def _never() -> bool:
    return False


def solve(effects: Sequence[Effect], residuals: Mapping[int, int], give_up: Callable[[], bool] = _never) -> Solution:
    """Determine which unknowns were applied.

    A value is returned only where propagation forces it or where exactly one assignment is left. Transactions that
    share no account, directly or through others, are solved separately, so that an ambiguous group does not affect the
    others.

    Args:
        effects: the effect of each unknown.
        residuals: for each key, what the server shows beyond the known transactions; 0 where missing.
        give_up: polled during the search; True ends it, and groups without a result count as ambiguous.
    """
    search = _Search(effects, residuals, give_up)
    contradicted = {key for key, rest in search.rest.items() if rest and not search.open[key]}
    for group in search.groups():
        if not search.propagate(search.keys_of(group)):
            contradicted |= search.keys_of(group)
    values: list[bool | None] = list(search.value)
    for group in search.groups():
        keys = search.keys_of(group)
        if keys & contradicted:
            continue
        found = search.assignments(group)
        if found is None:
            contradicted |= keys
        elif found:
            for position in group:
                values[position] = found[position]
    if contradicted:
        values = [None if search.touches(position, contradicted) else value for position, value in enumerate(values)]
    return Solution(values, frozenset(contradicted), search.traceless)


class _Search:
    """A depth-first search that propagates all consequences before the next guess."""

    def __init__(self, effects: Sequence[Effect], residuals: Mapping[int, int], give_up: Callable[[], bool]) -> None:
        self._effects = effects
        self._give_up = give_up
        self.rest = dict(residuals)
        self.open: dict[int, set[int]] = {key: set() for key in residuals}
        for position, effect in enumerate(effects):
            for key in effect:
                self.rest.setdefault(key, 0)
                self.open.setdefault(key, set()).add(position)
        self.value: list[bool | None] = [None] * len(effects)
        self.traceless = frozenset(position for position, effect in enumerate(effects) if not effect)
        self._trail: list[int] = []

    def keys_of(self, group: Iterable[int]) -> set[int]:
        """Return the keys of all equations with these unknowns."""
        return {key for position in group for key in self._effects[position]}

    def touches(self, position: int, keys: set[int]) -> bool:
        """Return whether an unknown is in one of these equations."""
        return not keys.isdisjoint(self._effects[position])

    def groups(self) -> list[list[int]]:
        """Partition the unknowns without a value into groups that share no equation."""
        left = {position for position, value in enumerate(self.value) if value is None} - self.traceless
        groups = []
        while left:
            group, border = [], [left.pop()]
            while border:
                position = border.pop()
                group.append(position)
                for key in self._effects[position]:
                    near = self.open[key] & left
                    left -= near
                    border += near
            groups.append(sorted(group))
        return groups

    def assignments(self, group: list[int]) -> dict[int, bool] | None:
        """Return the only assignment of a group that explains its balances.

        Returns:
            The assignment; {} when there are several or time ran out; None when there is none.
        """
        first: dict[int, bool] | None = None
        mark = len(self._trail)
        guesses: list[tuple[int, int]] = []
        consistent = True
        while True:
            if self._give_up():
                found: dict[int, bool] | None = {}
                break
            unknown = self._next_unknown(group) if consistent else None
            if unknown is not None:
                guesses.append((len(self._trail), unknown))
                consistent = self._assign(unknown, value=True)
                continue
            if consistent:
                if first is not None:
                    found = {}
                    break
                first = {position: bool(self.value[position]) for position in group}
            if not guesses:
                found = first
                break
            trail, unknown = guesses.pop()
            self._undo(trail)
            consistent = self._assign(unknown, value=False)
        self._undo(mark)
        return found

    def _next_unknown(self, group: list[int]) -> int | None:
        """Return the unknown whose equation has the fewest unknowns left: a guess there has the most consequences."""
        left = [position for position in group if self.value[position] is None]
        return min(left, key=lambda at: min(len(self.open[key]) for key in self._effects[at]), default=None)

    def _assign(self, position: int, *, value: bool) -> bool:
        self._set(position, value)
        return self.propagate(set(self._effects[position]))

    def _set(self, position: int, value: bool) -> None:
        self.value[position] = value
        self._trail.append(position)
        for key, change in self._effects[position].items():
            self.open[key].discard(position)
            if value:
                self.rest[key] -= change

    def _undo(self, mark: int) -> None:
        while len(self._trail) > mark:
            position = self._trail.pop()
            for key, change in self._effects[position].items():
                self.open[key].add(position)
                if self.value[position]:
                    self.rest[key] += change
            self.value[position] = None

    def propagate(self, keys: set[int]) -> bool:
        """Set all values that the equations force; return False when an equation cannot be satisfied."""
        while keys:
            key = keys.pop()
            forced = self._forced(key)
            if forced is None:
                return False
            for position, value in forced:
                self._set(position, value)
                keys |= set(self._effects[position])  # includes this key, which is checked again
        return True

    def _forced(self, key: int) -> list[tuple[int, bool]] | None:
        """Return the unknowns with only one possible value in an equation; None when it cannot be satisfied."""
        rest = self.rest[key]
        changes = [(position, self._effects[position][key]) for position in self.open[key]]
        above = sum(change for _, change in changes if change > 0) - rest
        below = rest - sum(change for _, change in changes if change < 0)
        if above < 0 or below < 0:
            return None
        forced = []
        for position, change in changes:
            size = abs(change)
            # with the other value the remaining unknowns could not reach the sum
            must = size > (above if change > 0 else below)
            must_not = size > (below if change > 0 else above)
            if must and must_not:
                return None
            if must or must_not:
                forced.append((position, must))
        return forced
