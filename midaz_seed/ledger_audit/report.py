"""The report of an audit as data; `text` renders it."""

from collections import Counter
from dataclasses import asdict, dataclass

from midaz_seed.errors import ExitCode
from midaz_seed.ledger_audit.findings import AuditNote, Finding
from midaz_seed.wording import counted, json_document

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class AuditedAsset:
    """An asset of a ledger, and what its accounts hold: exactly what left its external account."""

    code: str
    held: str
    """Sum of all balances but those of the external account, with what is on hold: a decimal string."""


@dataclass(frozen=True, slots=True)
class AuditedLedger:
    """What was read of one ledger."""

    organization_id: str
    organization: str
    """Legal name of the organization."""
    id: str
    name: str
    assets: tuple[AuditedAsset, ...]
    accounts: int
    """Accounts with a balance, external ones included."""
    balances: int
    transactions: int
    operations: int
    counts: int
    """Counts that were compared with lists."""
    rechecked: int
    """Balances that were read again one by one, with all their operations."""
    findings: int
    notes: int


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The result of an audit. Amounts are decimal strings."""

    schema_version: int
    version: str
    """Version of midaz-seed."""
    command: str
    exit_code: int
    """0: no findings; 1: findings."""
    verdict: str
    next_step: str
    error: None
    """Only the document of an audit without a result has an error."""
    target: str
    server_version: str
    organization_id: str
    """The only organization that was audited; empty: all."""
    ledger_id: str
    """The only ledger that was audited; empty: all."""
    with_transactions: bool
    """Whether transactions were read."""
    pending_hours: float
    started_at: str
    """When the first session began (RFC 3339)."""
    elapsed_s: float
    """Of all sessions."""
    sessions: int
    """Processes that worked on the audit: more than one when it was interrupted."""
    requests: int
    ledgers: tuple[AuditedLedger, ...]
    finding_totals: dict[str, int]
    """Findings by kind."""
    findings: tuple[Finding, ...]
    """At most 100 of a kind for each ledger."""
    findings_total: int
    notes: tuple[AuditNote, ...]
    """At most 20 for each ledger."""
    notes_total: int

    def as_json(self) -> str:
        """Return the report as a JSON document."""
        return json_document(asdict(self))


def verdict_of(ledgers: int, totals: Counter[str], notes: int) -> tuple[ExitCode, str, str]:
    """Return exit code, verdict and next step of an audit."""
    found = totals.total()
    read = counted(ledgers, "ledger")
    if found:
        verdict = f"{counted(found, 'finding')} in {read}."
        return ExitCode.DIFFERENCES, verdict, "Look up the accounts and transactions that the findings name."
    if notes:
        verdict = f"No findings in {read}; {counted(notes, 'thing')} changed while they were read."
        return ExitCode.DONE, verdict, "Run the audit again when the ledger is at rest, to check these too."
    return ExitCode.DONE, f"No findings in {read}.", ""
