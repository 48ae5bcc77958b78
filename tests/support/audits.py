"""Ledgers to audit: filled by a run or by hand, kept in a file, and broken on purpose."""

import asyncio
import shutil
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from midaz_seed.auditing import audit_async
from midaz_seed.clock import Clock, FakeClock
from midaz_seed.ledger_audit.report import AuditReport
from midaz_seed.runner import seed_async
from midaz_seed.sandbox import SandboxServer
from midaz_seed.settings.model import Settings
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for

WAITS = {"deadlineS": 5, "initialDelayS": 0.01, "maxDelayS": 0.05}


def audit_settings(url: str, transaction_url: str = "", **sections: Any) -> Settings:
    """Return settings for an audit of a server, with short pauses and without a state on disk."""
    target = {"baseUrl": url, "transactionUrl": transaction_url or url}
    return settings_for(url, **{"target": target, "settlement": WAITS, **sections})


async def audited(server: SandboxServer, url: str = "", *, later_h: float = 0.0, **options: Any) -> AuditReport:
    """Audit a sandbox, or a gateway before it, without pauses.

    Args:
        server: the sandbox.
        url: of the gateway.
        later_h: by how many hours the clock of the audit is ahead.
        **options: of `audit_async`.
    """
    settings = audit_settings(url or server.url, "" if url else server.transaction_url)
    clock = FakeClock(start_s=time.time() + 3600 * later_h, auto=True)
    return await audit_async(settings, rate_per_s=0, overrides={Clock: clock}, **options)


@dataclass(frozen=True)
class FilledFile:
    """The data file of a sandbox that a run has filled."""

    path: Path
    dialect: Any

    def broken(self, copy: Path, change: Callable[[sqlite3.Connection], None]) -> "FilledFile":
        """Return a copy of the file with a change."""
        shutil.copyfile(self.path, copy)
        connection = sqlite3.connect(copy)
        with connection:
            change(connection)
        connection.close()
        return FilledFile(copy, self.dialect)

    async def audited(
        self, prepare: Callable[[SandboxServer], None] = lambda server: None, **options: Any
    ) -> AuditReport:
        """Audit a sandbox with this file; `prepare` may change its state first."""
        async with sandbox(data=self.path, dialect=self.dialect) as server:
            prepare(server)
            return await audited(server, **options)


def filled_file(path: Path, dialect: str, **sections: Any) -> FilledFile:
    """Fill a new data file by a run of the tiny preset, with these sections of the settings."""

    async def fill() -> None:
        async with sandbox(data=path, dialect=dialect) as server:
            target = {"baseUrl": server.url, "transactionUrl": server.transaction_url}
            report = await seed_async(settings_for(server.url, **{"target": target, **sections}))
            assert report.exit_code == 0, report.verdict

    asyncio.run(fill())
    return FilledFile(path, dialect)


def change_record(
    connection: sqlite3.Connection, kind: str, index: int, change: Callable[[list[Any]], None], status: str = ""
) -> list[Any]:
    """Change a record of a data file (see `midaz_seed.sandbox.core.records`), and return it.

    Args:
        connection: to the file.
        kind: `t` for a transaction, `e` for the end of a pending one.
        index: which one of those; negative: from the end.
        change: changes the record in place.
        status: only records with this status.
    """
    rows = [
        (seq, orjson.loads(record))
        for seq, record in connection.execute("SELECT seq, record FROM journal ORDER BY seq")
    ]
    at = {"t": 5, "e": 3}[kind]
    seq, record = [row for row in rows if row[1][0] == kind and (not status or row[1][at] == status)][index]
    change(record)
    connection.execute("UPDATE journal SET record = ? WHERE seq = ?", (orjson.dumps(record), seq))
    return list(record)
