"""What a report found: errors, failed items, ledgers, the verification and its differences, thresholds."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class ErrorExample:
    """An example of a failure, with secrets masked."""

    key: str
    parent: str
    message: str
    request: str
    answer: str


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """All failures with one class, phase, entity and code: `count` attempts, of which `final` made their item fail."""

    error: str
    phase: str
    entity: str
    code: str
    count: int
    final: int
    first_seen: str
    last_seen: str
    hint: str
    example: ErrorExample


@dataclass(frozen=True, slots=True)
class FailedItemReport:
    """An item that failed and will not be sent again."""

    key: str
    phase: str
    error: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """One ledger. `state`: waiting, running, done, partial (ended by the time limit), failed or stopped."""

    key: str
    name: str
    organization_id: str
    id: str
    state: str
    reason: str
    organization: str = ""
    """Legal name of its organization."""
    accounts: int = 0
    """Planned accounts."""
    transactions: int = 0
    """Transactions that this session made."""
    movements: int = 0
    """Movements in them."""
    settled_s: float | None = None
    """Seconds that it waited at the barrier; None when it did not pass it in this session."""
    verified: bool | None = None
    """Whether it was found as planned; None when it was not verified."""
    balances_checked: int = 0
    differences: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between server and plan. `ledger` is a ledger's key, `alias` an account's alias or an item's key."""

    ledger: str
    what: str
    alias: str
    expected: str
    actual: str


@dataclass(frozen=True, slots=True)
class HistoryReport:
    """The verification of what movements with dates have left, of one ledger or of all."""

    days: tuple[str, ...] = ()
    """Dates at whose end every balance was compared (ISO 8601)."""
    accounts: int = 0
    """Accounts whose balances were compared at each of them, external ones included."""
    balances: int = 0
    """Balances compared, over all dates."""
    statements: int = 0
    """Accounts whose statement was compared, line by line."""
    lines: int = 0
    lines_out_of_step: int = 0
    """Lines whose balance is not the one after the line before. They are differences where one session made the ledger
    without a doubt; otherwise they are in days in which a session ended."""
    hot_lines_out_of_step: int = 0
    """The same in days in which the account had more lines than could be sent one after another, so that their order
    was not kept.
    """
    skipped: str = ""
    """Why something was not compared; "" when everything was."""


@dataclass(frozen=True, slots=True)
class LedgerVerification:
    """The verification of one ledger."""

    ledger: str
    name: str
    balances_checked: int
    counts_checked: int
    transactions_read: int
    differences: tuple[Difference, ...]
    elapsed_s: float
    transactions_unlisted: int = 0
    """Transactions that were made, according to the balances, but that the server does not list yet."""
    crash_seen: str = ""
    """Signs of a crash of the server, if they explain the unlisted transactions."""
    history: HistoryReport | None = None
    """None without dates."""

    @property
    def ok(self) -> bool:
        """Whether there are no differences."""
        return not self.differences


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """The verification of all ledgers; `differences` has at most 1,000 of `differences_total`."""

    ok: bool
    ledgers: int
    ledgers_planned: int
    balances_checked: int
    counts_checked: int
    transactions_read: int
    differences: tuple[Difference, ...]
    differences_total: int
    elapsed_s: float
    """Duration of the longest verification of a ledger; they run in parallel."""
    transactions_unlisted: int = 0
    """Transactions that were made, according to the balances, but that the server does not list yet. After a crash a
    Midaz lists them within an hour."""
    crash_seen: str = ""
    """Signs of a crash of the server, if they explain the unlisted transactions."""
    history: HistoryReport | None = None
    """None when no ledger has movements with dates."""


class ThresholdState(StrEnum):
    """What became of a threshold."""

    PASSED = "passed"
    """Its expression was false."""
    FAILED = "failed"
    """Its expression was true, or its measure had no value although the plan has what it measures."""
    NOT_APPLICABLE = "not applicable"
    """The plan has nothing that its measure could measure, such as settlement without deposits."""


@dataclass(frozen=True, slots=True)
class ThresholdReport:
    """A threshold of the run: an expression that makes the run fail when it is true (docs/thresholds.md)."""

    expression: str
    """As given, such as `transfers.latency_ms_p99 > 200`."""
    measure: str
    """Its name without the phase: `latency_ms_p99`."""
    phase: str
    """`transfers`, or `steady` or `open_loop`; "" for a measure of the whole run."""
    operator: str
    """One of `>`, `>=`, `<`, `<=`, `==`, `!=`."""
    limit: float
    """In the unit of the measure."""
    unit: str
    """`s`, `ms`, `%`, `/s`, `MB`, or "" for counts."""
    value: float | None
    """At the end of the run, in the same unit. None when there was none."""
    state: ThresholdState
    reason: str = ""
    """Why there was no value; "" with a value."""

    @property
    def passed(self) -> bool:
        """Whether it lets the run pass: it did not fail."""
        return self.state is not ThresholdState.FAILED
