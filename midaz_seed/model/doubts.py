"""Which of the movements in doubt were applied? The balances tell. Pure and exact.

Each movement in doubt is an unknown that is 0 or 1; each account gives one equation: the effects of those that were
applied must sum to
what its balance shows beyond the movements that are known.
"""

from collections.abc import Mapping, Sequence

Effect = Mapping[int, int]
"""What one transaction does to balances when it is applied: account -> change in minor units, never 0."""
STEPS_MAX = 200_000
"""Guesses after which the search is given up: far more than any handful of movements needs."""


def solve(effects: Sequence[Effect], residuals: Mapping[int, int]) -> list[bool] | None:
    """An assignment (applied or not, by position) that explains the balances exactly, or None when none does.

    `residuals` is what each account's balance has beyond what is known; an account that is not in it has nothing
    beyond. Where
    several assignments explain the balances, the movements are interchangeable, and any one of them is right.
    """
    search = _Search(effects, residuals)
    return search.values() if search.run() else None


class _Search:
    """Depth first, with every consequence drawn before the next guess."""

    def __init__(self, effects: Sequence[Effect], residuals: Mapping[int, int]) -> None:
        self._effects = effects
        self._rest = dict(residuals)
        self._open: dict[int, set[int]] = {account: set() for account in residuals}
        for position, effect in enumerate(effects):
            for account in effect:
                self._rest.setdefault(account, 0)
                self._open.setdefault(account, set()).add(position)
        self._value: list[bool | None] = [None] * len(effects)
        self._trail: list[int] = []
        self._steps = 0

    def values(self) -> list[bool]:
        return [bool(value) for value in self._value]

    def run(self) -> bool:
        """Search without recursion: a guess is (trail length before it, unknown, value still to be tried)."""
        guesses: list[tuple[int, int, bool]] = []
        consistent = self._propagate(set(self._rest))
        while True:
            if consistent:
                unknown = self._next_unknown()
                if unknown is None:
                    return True
                guesses.append((len(self._trail), unknown, False))
                consistent = self._assign(unknown, True)
            else:
                if not guesses or self._steps > STEPS_MAX:
                    return False
                mark, unknown, value = guesses.pop()
                self._undo(mark)
                self._steps += 1
                consistent = self._assign(unknown, value)

    def _next_unknown(self) -> int | None:
        """One of the account with the fewest unknowns left: its guess has the most consequences."""
        fewest = min((positions for positions in self._open.values() if positions), key=len, default=None)
        return min(fewest) if fewest else None

    def _assign(self, position: int, value: bool) -> bool:
        self._set(position, value)
        return self._propagate(set(self._effects[position]))

    def _set(self, position: int, value: bool) -> None:
        self._value[position] = value
        self._trail.append(position)
        for account, change in self._effects[position].items():
            self._open[account].discard(position)
            if value:
                self._rest[account] -= change

    def _undo(self, mark: int) -> None:
        while len(self._trail) > mark:
            position = self._trail.pop()
            for account, change in self._effects[position].items():
                self._open[account].add(position)
                if self._value[position]:
                    self._rest[account] += change
            self._value[position] = None

    def _propagate(self, accounts: set[int]) -> bool:
        """Set whatever an account's equation leaves no choice about; False when one cannot be met any more."""
        while accounts:
            account = accounts.pop()
            for position, value in self._forced(account):
                if value is None:
                    return False
                self._set(position, value)
                accounts |= set(self._effects[position])  # this account among them: it is looked at again
            if not self._open[account] and self._rest[account] != 0:
                return False
        return True

    def _forced(self, account: int) -> list[tuple[int, bool | None]]:
        """The unknowns of an account that can have one value only; a value of None: the equation cannot be met."""
        rest = self._rest[account]
        changes = [(position, self._effects[position][account]) for position in self._open[account]]
        highest = sum(change for _, change in changes if change > 0)
        lowest = sum(change for _, change in changes if change < 0)
        if not lowest <= rest <= highest:
            return [(-1, None)]
        for position, change in changes:
            size = abs(change)
            # leaving it out (or in) would put the rest out of reach of the others
            must = rest > highest - size if change > 0 else rest < lowest + size
            must_not = rest < lowest + size if change > 0 else rest > highest - size
            if must and must_not:
                return [(-1, None)]
            if must or must_not:
                return [(position, must)]
        return []
