"""The operations of a balance as a chain: each begins with the balance that another one left. Pure.

An operation leads from the balance before it to the one after it. When all of them are known, they lead from zero to
the present balance, so every balance in between is left as often as it is reached. This needs neither an order of the
operations nor their number: what was reached and left again is forgotten.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from midaz_seed.ledger_audit.findings import Finding, FindingKind
from midaz_seed.ledger_audit.operations import NO_VERSION, ZERO, BalanceState, Operation, plain, shown
from midaz_seed.model.balances import DEFAULT_KEY
from midaz_seed.wording import counted

End = tuple[int, str]
"""How many operations more reach a state than leave it (negative: the opposite), and one of their transactions."""


@dataclass(slots=True)
class Chain:
    """The operations of one balance."""

    account_id: str
    alias: str
    key: str
    asset: str
    count: int = 0
    """Operations."""
    versioned: bool = True
    """Whether all its operations have the number of changes of their balance."""
    ends: dict[BalanceState, End] = field(default_factory=dict)
    """States that are not left as often as they are reached."""

    @classmethod
    def of(cls, operation: Operation, *, versioned: bool) -> "Chain":
        """Return the empty chain of the balance of an operation; `versioned`: as in the chain."""
        return cls(operation.account_id, operation.alias, operation.key, operation.asset, versioned=versioned)

    def add(self, operation: Operation, transaction_id: str) -> None:
        """Add an operation; one that changes nothing is left out."""
        before, after = operation.before, operation.after
        if before is None or after is None or not operation.affects:
            return
        self.count += 1
        if self.versioned and after.version <= before.version:  # stored by a release that did not count changes
            self._forget_versions()
        if not self.versioned:
            before, after = _without_version(before), _without_version(after)
        if before != after:
            self._shift(before, -1, transaction_id)
            self._shift(after, 1, transaction_id)

    def _forget_versions(self) -> None:
        self.versioned = False
        ends, self.ends = self.ends, {}
        for state, (total, transaction_id) in ends.items():
            self._shift(_without_version(state), total, transaction_id)

    def _shift(self, state: BalanceState, by: int, transaction_id: str) -> None:
        total = self.ends.get(state, (0, ""))[0] + by
        if total:
            self.ends[state] = total, transaction_id
        else:
            del self.ends[state]

    def breaks(self, present: BalanceState) -> list[tuple[BalanceState, str, BalanceState, str]]:
        """Return where the chain from zero to the present balance is broken.

        Returns:
            For each break: the state that no operation leaves and the transaction that reached it ("" for zero, where
            every balance begins), and the state that no operation reaches and the transaction that left it ("" for the
            present balance).
        """
        versioned = self.versioned and present.version != NO_VERSION
        if not versioned:
            self._forget_versions()
            present = _without_version(present)
        start = BalanceState(ZERO, ZERO, 0 if versioned else NO_VERSION)
        reached = [(state, name) for state, (total, name) in self.ends.items() for _ in range(total)]
        left = [(state, name) for state, (total, name) in self.ends.items() for _ in range(-total)]
        _meet(start, left, reached)
        _meet(present, reached, left)
        # in their order; without versions zero is the first, and the present balance the last
        reached.sort(key=lambda end: (end[0].version, end[1] != ""))
        left.sort(key=lambda end: (end[0].version, end[1] == ""))
        return [(*first, *second) for first, second in zip(reached, left, strict=True)]

    @property
    def end(self) -> BalanceState:
        """The state that the operations lead to, as far as they show it."""
        reached = [state for state, (total, _) in self.ends.items() if total > 0]
        return max(reached, key=lambda state: state.version, default=BalanceState(ZERO, ZERO, NO_VERSION))

    def findings(self, present: BalanceState) -> Iterator[Finding]:
        """Yield a finding for each break at which the amounts differ."""
        for state, reached_by, other, left_by in self.breaks(present):
            if _amounts(state) == _amounts(other):
                continue
            if left_by:
                kind = FindingKind.OPERATION_GAP
                text = f"the operation begins with {shown(other)}, and the one before it ended with {shown(state)}"
            else:
                kind = FindingKind.LAST_OPERATION
                text = f"the balance is {shown(other)}, and its last operation left {shown(state)}"
                if not reached_by:
                    text = f"the balance is {shown(other)}, and it has no operations"
            missing = other.version - state.version
            if missing > 0:
                lost = counted(missing, "change")
                text += f"; {lost} of the balance {'has' if missing == 1 else 'have'} no operation"
            expected, actual = _differing(state, other)
            yield Finding(
                kind,
                text,
                expected=expected,
                actual=actual,
                account=self.alias,
                account_id=self.account_id,
                balance_key="" if self.key == DEFAULT_KEY else self.key,
                asset=self.asset,
                transaction_id=left_by or reached_by,
            )

    def silent_changes(self, present: BalanceState) -> int:
        """Return how many changes have no operation where the amounts fit all the same."""
        pairs = [(state, other) for state, _, other, _ in self.breaks(present)]
        return sum(
            max(other.version - state.version, 0) for state, other in pairs if _amounts(state) == _amounts(other)
        )

    def as_plain(self) -> list[Any]:
        """Return the chain as plain values, for the state of an audit."""
        ends = [
            [plain(state.available), plain(state.on_hold), state.version, total, name]
            for state, (total, name) in self.ends.items()
        ]
        return [self.account_id, self.alias, self.key, self.asset, self.count, self.versioned, ends]

    @classmethod
    def from_plain(cls, value: list[Any]) -> "Chain":
        """Return the chain that `as_plain` gave."""
        ends = {
            BalanceState(Decimal(available), Decimal(on_hold), version): (total, name)
            for available, on_hold, version, total, name in value[6]
        }
        account_id, alias, key, asset, count, versioned, _ = value
        return cls(account_id, alias, key, asset, count, versioned, ends)


def _meet(state: BalanceState, ends: list[tuple[BalanceState, str]], others: list[tuple[BalanceState, str]]) -> None:
    """Let an end of the whole chain meet an equal state among `ends`; otherwise it is one of the others."""
    for index, (each, _) in enumerate(ends):
        if each == state:
            del ends[index]
            return
    others.append((state, ""))


def _without_version(state: BalanceState) -> BalanceState:
    return state if state.version == NO_VERSION else state._replace(version=NO_VERSION)


def _amounts(state: BalanceState) -> tuple[Decimal, Decimal]:
    return state.available, state.on_hold


def _differing(expected: BalanceState, actual: BalanceState) -> tuple[str, str]:
    """Return the amounts that differ: what is available, else what is on hold."""
    if expected.available != actual.available:
        return plain(expected.available), plain(actual.available)
    return plain(expected.on_hold), plain(actual.on_hold)
