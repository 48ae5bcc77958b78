"""How far an audit is, and the file that keeps it, so that an interrupted audit continues."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from midaz_seed.clock import Clock
from midaz_seed.errors import OutputError, RunError
from midaz_seed.files import write_atomically
from midaz_seed.ledger_audit.chains import Chain
from midaz_seed.ledger_audit.findings import Findings

FORMAT = 1
STATE_FILE = "audit.json"
SAVE_EVERY_S = 5.0
"""Time between two writes of the state, and at least `SAVE_SHARE` times the time that the last one took."""
SAVE_SHARE = 20.0


@dataclass(slots=True)
class LedgerProgress:
    """How far the audit of one ledger is."""

    findings: Findings
    transactions: int = 0
    """Transactions read so far."""
    operations: int = 0
    cursor: str = ""
    """Of the page of transactions to read next; at the end of the list, of its last page."""
    limit: int = 0
    """Rows of a page of transactions; 0: as many as possible."""
    last_ids: list[str] = field(default_factory=list)
    """Ids of the rows of the page that was read last."""
    listed: bool = False
    """The end of the list was reached."""
    done: bool = False
    figures: dict[str, int] = field(default_factory=dict)
    """What else was read, for the report; complete when it is done."""
    assets: dict[str, str] = field(default_factory=dict)
    """What all accounts but the external one hold, by asset."""
    chains: dict[str, Chain] = field(default_factory=dict)
    """By balance id; empty when it is done."""

    def as_plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        plain = {name: getattr(self, name) for name in self.__slots__ if name not in ("findings", "chains")}
        chains = {name: chain.as_plain() for name, chain in self.chains.items()}
        return {**plain, "findings": self.findings.as_plain(), "chains": chains}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "LedgerProgress":
        """Return what `as_plain` gave."""
        chains = {name: Chain.from_plain(value) for name, value in plain["chains"].items()}
        return cls(**{**plain, "findings": Findings.from_plain(plain["findings"]), "chains": chains})


@dataclass(slots=True)
class AuditProgress:
    """How far an audit is."""

    started_at_s: float
    """When its first session began, in seconds since the epoch."""
    sessions: int = 0
    """The number of processes that worked on it."""
    elapsed_s: float = 0.0
    """Time that earlier sessions took."""
    requests: int = 0
    """Requests of earlier sessions."""
    ledgers: dict[str, LedgerProgress] = field(default_factory=dict)
    """By id, those that were begun."""


class ProgressFile:
    """Writes the progress of an audit now and then; the file is deleted when the audit is complete."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._save_at_s = clock.monotonic() + SAVE_EVERY_S

    def read(self) -> AuditProgress | None:
        """Return the progress of an interrupted audit; None without one.

        Raises:
            RunError: the file cannot be read.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unreadable(error.strerror or str(error)) from error
        try:
            plain = orjson.loads(data)
            if plain.pop("format") != FORMAT:
                raise self._unreadable("another version of midaz-seed wrote it")
            ledgers = {name: LedgerProgress.from_plain(value) for name, value in plain.pop("ledgers").items()}
            return AuditProgress(**plain, ledgers=ledgers)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError) as error:
            raise self._unreadable("it is damaged") from error

    def _unreadable(self, why: str) -> RunError:
        return RunError(
            f"the state of the interrupted audit cannot be used: {why}",
            where=str(self.path),
            hint="begin the audit again with --restart",
        )

    def save(self, progress: AuditProgress) -> None:
        """Write the progress. Raises OutputError."""
        plain = {name: getattr(progress, name) for name in progress.__slots__ if name != "ledgers"}
        ledgers = {name: ledger.as_plain() for name, ledger in progress.ledgers.items()}
        try:
            data = orjson.dumps({"format": FORMAT, **plain, "ledgers": ledgers})
            write_atomically(self.path, data, durable=False, private=True)
        except OSError as error:
            raise OutputError(
                f"the state of the audit cannot be written: {error.strerror or error}",
                where=str(self.path),
                hint="check the directory, its permissions and the free disk space, or name another --runs-dir",
            ) from error

    def save_now_and_then(self, progress: Callable[[], AuditProgress]) -> None:
        """Write the progress if it is time. Raises OutputError."""
        started_s = self._clock.monotonic()
        if started_s < self._save_at_s:
            return
        self.save(progress())
        ended_s = self._clock.monotonic()
        self._save_at_s = ended_s + max(SAVE_EVERY_S, SAVE_SHARE * (ended_s - started_s))

    def delete(self) -> None:
        """Delete the file. Raises nothing: a complete audit has its report."""
        self.path.unlink(missing_ok=True)
