"""The double-entry core: balances, and postings applied to them all or not at all. Pure: no clock, no network, no
storage.

Every posting changes one balance. A balance of direction `credit` (an ordinary account) grows by credits; one of
direction `debit` (an external account, from v3.8) grows by debits. An ordinary balance never goes below zero unless
it allows overdraft.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from midaz_seed.sandbox.core.decimals import ZERO, add, subtract, text_of


class Effect(StrEnum):
    """What a posting does to its balance."""

    DEBIT = "DEBIT"
    CREDIT = "CREDIT"
    HOLD = "ON_HOLD"
    """Available becomes on hold: the source of a pending transaction."""
    SETTLE = "SETTLE"
    """What was on hold leaves: the source of a committed transaction."""
    RELEASE = "RELEASE"
    """What was on hold is available again: the source of a cancelled transaction."""
    RESERVE = "RESERVE"
    """On hold grows alone: beside a debit, what a hold is where routes are checked."""
    UNRESERVE = "UNRESERVE"
    """On hold shrinks alone: beside a credit, what a release is where routes are checked."""


_KINDS = {Effect.SETTLE: "DEBIT", Effect.RESERVE: "ON_HOLD", Effect.UNRESERVE: "RELEASE"}
"""What the operation of an effect is called that has not the effect's name."""


class LedgerRefusedError(Exception):
    """The postings cannot be applied; `code` is the server's error code. Nothing has changed."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True, eq=False)
class Balance:
    """One balance of an account; amounts are exact decimals, `version` counts its changes."""

    number: int
    id: str
    account_id: str
    alias: str
    key: str
    asset: str
    account_type: str
    direction: str
    created_at: str
    updated_at: str
    available: Decimal = ZERO
    on_hold: Decimal = ZERO
    overdraft_used: Decimal = ZERO
    allow_sending: bool = True
    allow_receiving: bool = True
    settings: dict[str, object] | None = None
    overdraft_limit: Decimal | None = None
    """None: no overdraft. Infinity: overdraft without limit."""
    deleted: bool = False
    visible_from_s: float = 0.0
    """Before this moment (seconds of the clock's epoch) the balance cannot be seen or used."""
    former_permissions: tuple[bool, bool, float] | None = None
    """(sending, receiving, until): what still counts for a balance that was in use when they were changed."""
    state: tuple[str, str, int, str] = ("0", "0", 0, "0")
    """(available, onHold, version, overdraftUsed) as the server writes them: what stood after the last change."""
    json: str = ""
    """The part of each of its operations that never changes, rendered once."""

    @property
    def version(self) -> int:
        """How often it was changed."""
        return self.state[2]

    @property
    def is_external(self) -> bool:
        return self.account_type == "external"


@dataclass(slots=True)
class Posting:
    """One change to make: `amount` (above zero) with `effect` on `balance`."""

    balance: Balance
    effect: Effect
    amount: Decimal
    texts: dict[str, object] = field(default_factory=dict)
    """What the operation shall say of itself; nothing here looks at it."""
    companion: Balance | None = None
    """The balance that holds the overdraft of this one, when it has one."""


@dataclass(slots=True)
class Change:
    """What a posting did. `before` and `after` are (available, onHold, version, overdraftUsed), amounts as the server
    writes them."""

    posting: Posting
    kind: str
    balance: Balance
    amount: str
    before: tuple[str, str, int, str]
    after: tuple[str, str, int, str]


def apply(postings: list[Posting]) -> list[Change]:
    """Apply the postings in their order, all of them or none.

    Raises LedgerRefusedError with 0018 when an ordinary balance would go below zero, 0167 when beyond its overdraft
    limit.
    """
    undo: list[_Memento] = []
    changes: list[Change] = []
    amount, text = ZERO, "0"
    try:
        for posting in postings:
            balance = posting.balance
            if posting.amount is not amount:
                amount = posting.amount
                text = text_of(amount)
            undo.append(_memento(balance))
            if balance.overdraft_limit is not None or balance.overdraft_used:
                if posting.companion is not None:
                    undo.append(_memento(posting.companion))
                changes += _post_with_overdraft(posting)
            else:
                changes.append(_post(posting, text))
    except LedgerRefusedError:
        for balance, available, on_hold, used, state in reversed(undo):
            balance.available, balance.on_hold, balance.overdraft_used = available, on_hold, used
            balance.state = state
        raise
    return changes


_Memento = tuple[Balance, Decimal, Decimal, Decimal, tuple[str, str, int, str]]


def _memento(balance: Balance) -> _Memento:
    return (balance, balance.available, balance.on_hold, balance.overdraft_used, balance.state)


def _post(posting: Posting, text: str) -> Change:
    balance, effect, amount = posting.balance, posting.effect, posting.amount
    before = balance.state
    on_hold, kind = before[1], effect.value
    if effect is Effect.DEBIT or effect is Effect.CREDIT:
        grows = (effect is Effect.DEBIT) == (balance.direction == "debit")
        available = add(balance.available, amount) if grows else subtract(balance.available, amount)
    else:
        available = _available_after_hold(balance, effect, amount)
        holds = effect is Effect.HOLD or effect is Effect.RESERVE
        balance.on_hold = add(balance.on_hold, amount) if holds else subtract(balance.on_hold, amount)
        on_hold = text_of(balance.on_hold)
        kind = _KINDS.get(effect, kind)
    if available < 0 and balance.account_type != "external":
        raise LedgerRefusedError("0018")
    balance.available = available
    balance.state = after = (text_of(available), on_hold, before[2] + 1, before[3])
    return Change(posting, kind, balance, text, before, after)


def _available_after_hold(balance: Balance, effect: Effect, amount: Decimal) -> Decimal:
    """What is available when money was put on hold, or is not on hold any more."""
    if effect is not Effect.HOLD and effect is not Effect.RELEASE:
        return balance.available
    grows = (effect is Effect.HOLD) == (balance.direction == "debit")
    return add(balance.available, amount) if grows else subtract(balance.available, amount)


def _post_with_overdraft(posting: Posting) -> list[Change]:
    """A posting on a balance that may be overdrawn: what it lacks is owed on its companion, and repaid first."""
    balance, amount, companion = posting.balance, posting.amount, posting.companion
    owed = ZERO
    if (
        posting.effect in (Effect.DEBIT, Effect.HOLD)
        and amount > balance.available
        and balance.overdraft_limit is not None
    ):
        owed = subtract(amount, balance.available)
        if add(balance.overdraft_used, owed) > balance.overdraft_limit:
            raise LedgerRefusedError("0167")
    elif posting.effect in (Effect.CREDIT, Effect.RELEASE):
        owed = -min(balance.overdraft_used, amount)
    if not owed or companion is None:
        return [_post(posting, text_of(amount))]
    used_before = balance.overdraft_used
    before = balance.state
    part = subtract(amount, abs(owed))
    if posting.effect in (Effect.DEBIT, Effect.HOLD):
        balance.available = subtract(balance.available, part)
    else:
        balance.available = add(balance.available, part)
    if posting.effect is Effect.HOLD:
        balance.on_hold = add(balance.on_hold, amount)
    elif posting.effect is Effect.RELEASE:
        balance.on_hold = subtract(balance.on_hold, amount)
    balance.overdraft_used = add(used_before, owed)
    used = text_of(balance.overdraft_used)
    balance.state = (text_of(balance.available), text_of(balance.on_hold), before[2] + 1, used)
    own = Change(posting, posting.effect.value, balance, text_of(part), before, balance.state)
    return [own, _post_companion(posting, companion, owed, text_of(used_before), used)]


def _post_companion(posting: Posting, companion: Balance, owed: Decimal, used_before: str, used_after: str) -> Change:
    before = companion.state
    companion.available = add(companion.available, owed)
    companion.state = (text_of(companion.available), "0", before[2] + 1, "0")
    shown_before = (before[0], before[1], before[2], used_before)
    shown_after = (companion.state[0], companion.state[1], companion.state[2], used_after)
    return Change(posting, "OVERDRAFT", companion, text_of(abs(owed)), shown_before, shown_after)
