"""Which of the movements in doubt were applied? The balances tell, where one assignment alone explains them. Pure.

Each movement in doubt is an unknown that is 0 or 1; each key of its effect gives one equation: the effects of those
that were applied must sum to what the server shows beyond the movements that are known. A key stands for the balance
of an account, or for the number of its changes (Midaz's `version` of a balance).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

Effect = Mapping[int, int]
"""What one transaction changes when it is applied: key -> change, never 0."""


@dataclass(frozen=True, slots=True)
class Solution:
    """What the equations say of each unknown.

    `values`: applied, not applied, or None where several assignments explain the balances, where that could not be
    ruled out in time, or where none does. `contradicted`: keys of equations that no assignment meets.
    """

    values: list[bool | None]
    contradicted: frozenset[int] = frozenset()

    @property
    def unique(self) -> bool:
        """One assignment alone explains everything."""
        return not self.contradicted and None not in self.values


def _never() -> bool:
    return False


def solve(effects: Sequence[Effect], residuals: Mapping[int, int], give_up: Callable[[], bool] = _never) -> Solution:
    """Find what the balances prove about each unknown.

    A value is given only where every assignment that explains the balances agrees on it, as far as that shows without
    guessing, or where one assignment alone is left. Movements that share no account with each other, directly or
    through others, are solved apart, so that one doubtful group leaves the others their answers.

    Args:
        residuals: what each key has beyond what is known; one that is not in it has nothing beyond.
        give_up: asked now and then; True ends the search, and what is not found by then counts as not unique.
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
    return Solution(values, frozenset(contradicted))


class _Search:
    """Depth first, with every consequence drawn before the next guess."""

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
        self._trail: list[int] = []

    def keys_of(self, group: Iterable[int]) -> set[int]:
        """The keys of all equations that these unknowns stand in."""
        return {key for position in group for key in self._effects[position]}

    def touches(self, position: int, keys: set[int]) -> bool:
        """Whether an unknown stands in one of these equations."""
        return not keys.isdisjoint(self._effects[position])

    def groups(self) -> list[list[int]]:
        """The unknowns without a value, parted so that no two groups share an equation."""
        left = {position for position, value in enumerate(self.value) if value is None}
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
        """The one assignment of a group that explains its balances; {} when there are several, or time ran out before
        that was clear; None when there is none."""
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
        """The one whose equation has the fewest unknowns left: its guess has the most consequences."""
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
        """Set whatever an equation leaves no choice about; False when one cannot be met any more."""
        while keys:
            key = keys.pop()
            forced = self._forced(key)
            if forced is None:
                return False
            for position, value in forced:
                self._set(position, value)
                keys |= set(self._effects[position])  # this one among them: it is looked at again
        return True

    def _forced(self, key: int) -> list[tuple[int, bool]] | None:
        """The unknowns of an equation that can have one value only; None: it cannot be met."""
        rest = self.rest[key]
        changes = [(position, self._effects[position][key]) for position in self.open[key]]
        above = sum(change for _, change in changes if change > 0) - rest
        below = rest - sum(change for _, change in changes if change < 0)
        if above < 0 or below < 0:
            return None
        forced = []
        for position, change in changes:
            size = abs(change)
            # leaving it out (or in) would put the rest out of reach of the others
            must = size > (above if change > 0 else below)
            must_not = size > (below if change > 0 else above)
            if must and must_not:
                return None
            if must or must_not:
                forced.append((position, must))
        return forced
