"""The double-entry core: balances, and postings that are applied all or not at all.

Pure: no clock, no network, no storage.

Every posting changes one balance. A balance of direction `credit` grows by credits; one of direction `debit` (of an
external account, from v3.8) grows by debits. Only the balance of an external account, or one that
allows overdraft, goes below zero.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from midaz_seed.sandbox.core.decimals import ZERO, add, subtract, text_of
from midaz_seed.sandbox.core.records import Amounts


class Effect(StrEnum):
    """The effect of a posting on its balance."""

    DEBIT = "DEBIT"
    CREDIT = "CREDIT"
    HOLD = "ON_HOLD"
    """Moves money from available to on hold: the source of a pending transaction."""
    SETTLE = "SETTLE"
    """Removes money on hold: the source of a committed transaction."""
    RELEASE = "RELEASE"
    """Moves money from on hold back to available: the source of a cancelled transaction."""
    RESERVE = "RESERVE"
    """Raises on hold alone. A debit and this make a hold where routes are checked."""
    UNRESERVE = "UNRESERVE"
    """Lowers on hold alone. A credit and this make a release where routes are checked."""


_KINDS = {Effect.SETTLE: "DEBIT", Effect.RESERVE: "ON_HOLD", Effect.UNRESERVE: "RELEASE"}
"""The types of operations that differ from the name of the effect."""


class LedgerRefusedError(Exception):
    """The postings cannot be applied; `code` is the server's error code. Nothing has changed."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True, eq=False)
class Balance:
    """One balance of an account; amounts are exact decimals."""

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
    """None: no overdraft. Infinity: unlimited overdraft."""
    deleted: bool = False
    visible_from_s: float = 0.0
    """Before this moment (seconds of the clock's epoch) the balance cannot be seen or used."""
    former_permissions: tuple[bool, bool, float] | None = None
    """(sending, receiving, until): the permissions that still apply to a balance that was in use when they changed."""
    state: Amounts = ("0", "0", 0, "0")
    """(available, onHold, version, overdraftUsed) after the last change, as the server writes them."""
    json: str = ""
    """The part of its operations that never changes, rendered once."""

    @property
    def version(self) -> int:
        """The number of its changes."""
        return self.state[2]

    @property
    def is_external(self) -> bool:
        """Whether it is the balance of an external account, which may go below zero."""
        return self.account_type == "external"


@dataclass(slots=True)
class Posting:
    """A change to make: `amount` (above zero) with `effect` on `balance`."""

    balance: Balance
    effect: Effect
    amount: Decimal
    texts: dict[str, object] = field(default_factory=dict)
    """The texts of the operation; not used here."""
    companion: Balance | None = None
    """The balance that holds the overdraft of `balance`, when there is one."""


@dataclass(slots=True)
class Change:
    """A change that a posting made."""

    posting: Posting
    kind: str
    balance: Balance
    amount: str
    before: Amounts
    after: Amounts


def apply(postings: list[Posting]) -> list[Change]:
    """Apply postings in their order, all of them or none.

    Raises:
        LedgerRefusedError: 0018 when a balance would go below zero, 0167 when beyond its overdraft limit.
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


_Memento = tuple[Balance, Decimal, Decimal, Decimal, Amounts]


def _memento(balance: Balance) -> _Memento:
    return (balance, balance.available, balance.on_hold, balance.overdraft_used, balance.state)


def available_after(balance: Balance, amount: Decimal, is_debit: bool) -> Decimal:
    """Return what would be available after a debit or credit.

    Raises:
        LedgerRefusedError: 0018 when the balance would go below zero; an external one may.
    """
    grows = is_debit == (balance.direction == "debit")
    available = add(balance.available, amount) if grows else subtract(balance.available, amount)
    if available < ZERO:
        _check_below_zero(balance)
    return available


def set_available(balance: Balance, available: Decimal) -> Amounts:
    """Change what is available, as one change of the balance, and return its new state."""
    _, on_hold, version, used = balance.state
    balance.available = available
    balance.state = state = (text_of(available), on_hold, version + 1, used)
    return state


def _check_below_zero(balance: Balance) -> None:
    if balance.account_type != "external":
        raise LedgerRefusedError("0018")


def _post(posting: Posting, text: str) -> Change:
    balance, effect, amount = posting.balance, posting.effect, posting.amount
    before = balance.state
    if effect is Effect.DEBIT or effect is Effect.CREDIT:
        available = available_after(balance, amount, effect is Effect.DEBIT)
        return Change(posting, effect.value, balance, text, before, set_available(balance, available))
    available = _available_after_hold(balance, effect, amount)
    if available < ZERO:
        _check_below_zero(balance)
    holds = effect is Effect.HOLD or effect is Effect.RESERVE
    balance.on_hold = add(balance.on_hold, amount) if holds else subtract(balance.on_hold, amount)
    balance.state = (before[0], text_of(balance.on_hold), before[2], before[3])
    kind = _KINDS.get(effect, effect.value)
    return Change(posting, kind, balance, text, before, set_available(balance, available))


def _available_after_hold(balance: Balance, effect: Effect, amount: Decimal) -> Decimal:
    """Return what is available after a change of what is on hold."""
    if effect is not Effect.HOLD and effect is not Effect.RELEASE:
        return balance.available
    grows = (effect is Effect.HOLD) == (balance.direction == "debit")
    return add(balance.available, amount) if grows else subtract(balance.available, amount)


def _post_with_overdraft(posting: Posting) -> list[Change]:
    """Post on a balance that may be overdrawn: what it lacks is owed on its companion, and repaid first."""
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
