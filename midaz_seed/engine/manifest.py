"""Write the manifest of a run: every account with its server id and expected balances, as JSON or CSV.

The ids are read from the lists of accounts, a hundred a page, so that a resumed run and one in several processes have
them too. What cannot be read is "". The files are written in pieces: their size does not depend on the memory.
"""

import csv
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TextIO, cast

import orjson

from midaz_seed.engine.admission import StoppedError
from midaz_seed.engine.context import RunContext
from midaz_seed.engine.state_tree import LedgerState
from midaz_seed.errors import OutputError, SeedError
from midaz_seed.event_loop import in_thread
from midaz_seed.files import PRIVATE_FILE, temporary_path
from midaz_seed.midaz import routes
from midaz_seed.midaz.routes import PAGE_LIMIT
from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.items import Entity, Phase
from midaz_seed.plan.manifest import ManifestAccount, manifest_accounts, manifest_personas
from midaz_seed.runs.directory import MANIFEST
from midaz_seed.transport.base import Service

SCHEMA_VERSION = 1
ACCOUNTS_AT_A_TIME = 1000
"""Accounts that are written at a time."""
ACCOUNTS_AT_ONCE = 50_000
"""Accounts whose ids are read before they are written."""
Ids = dict[str, tuple[str, str]]
"""Alias -> server ids of an account and of its portfolio."""


async def write_manifest(context: RunContext) -> None:
    """Write the manifest into the run's directory, and into the file of the settings. Errors are in the findings."""
    own = [_File(context.directory / MANIFEST, private=True)] if context.directory is not None else []
    wanted = [_File(context.settings.manifest)] if context.settings.manifest is not None else []
    files = own + wanted
    if not files or context.pool.admission.is_draining:  # the next session writes it
        return
    with ExitStack() as stack:
        for file in files:
            stack.callback(file.discard)
            file.guarded(partial(file.open, context))
        for ledgers in _groups(context.state.ledgers):
            ids = await _read_ids(context, ledgers)
            await in_thread(partial(_write_ledgers, files, ledgers, ids))
        for file in files:
            file.guarded(file.close)
    context.findings.manifest_error = next((file.error for file in wanted + own if file.error), None)


def _groups(ledgers: Iterable[LedgerState]) -> Iterator[list[LedgerState]]:
    group: list[LedgerState] = []
    accounts = 0
    for ledger in ledgers:
        if group and accounts + ledger.plan.account_count > ACCOUNTS_AT_ONCE:
            yield group
            group, accounts = [], 0
        group.append(ledger)
        accounts += ledger.plan.account_count
    if group:
        yield group


async def _read_ids(context: RunContext, ledgers: Sequence[LedgerState]) -> list[Ids]:
    """Return the ids of the accounts of each ledger, as far as they can be read."""
    found: list[Ids] = [{} for _ in ledgers]
    api = context.api(Phase.VERIFY)
    pages = [
        (ids, ledger, page)
        for ids, ledger in zip(found, ledgers, strict=True)
        if ledger.id
        for page in range(1, -(-(ledger.plan.account_count + len(ledger.plan.assets)) // PAGE_LIMIT) + 1)
    ]

    failed = False

    async def read(each: tuple[Ids, LedgerState, int]) -> None:
        nonlocal failed
        if failed:  # the others would not end sooner
            return
        ids, ledger, page = each
        query = {"limit": str(PAGE_LIMIT), "page": str(page), "sort_order": "asc"}
        try:
            envelope = await api.rows_once(routes.collection(Entity.ACCOUNT, ledger.place), Service.ONBOARDING, **query)
        except (SeedError, StoppedError):  # the data is there, and its verification does not need the manifest
            failed = True
            return
        rows = cast("list[JsonObject]", envelope["items"])
        for row in rows:
            ids[str(row.get("alias"))] = (str(row.get("id") or ""), str(row.get("portfolioId") or ""))

    await context.pool.run_all(pages, read)
    return found


def _write_ledgers(files: Sequence["_File"], ledgers: Sequence[LedgerState], found: Sequence[Ids]) -> None:
    for ledger, ids in zip(ledgers, found, strict=True):
        accounts = manifest_accounts(ledger.plan, ids)
        while part := list(islice(accounts, ACCOUNTS_AT_A_TIME)):
            for file in files:
                file.guarded(partial(file.add, part))


def _head(context: RunContext) -> str:
    """Return the beginning of the JSON document, up to the first account."""
    plan, server = context.plan, context.server
    ledgers = {ledger.plan.key: ledger for ledger in context.state.ledgers}
    head = {
        "schema_version": SCHEMA_VERSION,
        "run_id": plan.run_id,
        "scenario": plan.scenario,
        "seed": plan.seed,
        "digest": plan.digest,
        "target": "sandbox" if context.target.is_sandbox else context.target.onboarding_url,
        "server_version": server.version if server is not None else "",
        "personas": [persona for ledger in plan.ledgers for persona in manifest_personas(ledger)],
        "organizations": [
            {
                "key": organization.plan.key,
                "id": organization.id,
                "name": organization.plan.name,
                "ledgers": [
                    {"key": ledger.key, "id": ledgers[ledger.key].id, "name": ledger.name}
                    for ledger in organization.plan.ledgers
                    if ledger.key in ledgers
                ],
            }
            for organization in context.state.organizations
        ],
        "assets": [{"code": asset.code, "scale": asset.scale} for asset in plan.ledgers[0].assets],
    }
    return orjson.dumps(head, option=orjson.OPT_INDENT_2).decode().removesuffix("\n}") + ',\n  "accounts": ['


class _File:
    """One file of the manifest, JSON or CSV by its suffix. After its first error it is left alone."""

    def __init__(self, path: Path, *, private: bool = False) -> None:
        """Prepare the file.

        Args:
            path: where it is; what is there is replaced when everything is written.
            private: only the user can read it.
        """
        self.path, self.private = path.resolve(), private
        self.error: OutputError | None = None
        self._is_csv = path.suffix == ".csv"
        self._temporary = temporary_path(path)
        self._stream: TextIO | None = None
        self._count = 0

    def open(self, context: RunContext) -> None:
        """Write what comes before the first account."""

        def private_opener(path: str, flags: int) -> int:
            return os.open(path, flags, PRIVATE_FILE)

        opener = private_opener if self.private else None
        self._stream = open(self._temporary, "w", encoding="utf-8", newline="", opener=opener)  # noqa: SIM115
        if self._is_csv:
            csv.writer(self._stream).writerow(ManifestAccount._fields)
        else:
            self._stream.write(_head(context))

    def add(self, accounts: Sequence[ManifestAccount]) -> None:
        """Write accounts."""
        assert self._stream is not None, "it was opened"
        if self._is_csv:
            csv.writer(self._stream).writerows(accounts)
        else:
            lines = [orjson.dumps(account._asdict()).decode() for account in accounts]
            self._stream.write(("," if self._count else "") + "\n    " + ",\n    ".join(lines))
        self._count += len(accounts)

    def close(self) -> None:
        """Write the end, and give the file its name."""
        assert self._stream is not None, "it was opened"
        if not self._is_csv:
            self._stream.write("\n  ]\n}\n")
        self._stream.close()
        self._temporary.replace(self.path)

    def discard(self) -> None:
        """Remove what is not whole."""
        with suppress(OSError):
            if self._stream is not None:
                self._stream.close()
            self._temporary.unlink(missing_ok=True)

    def guarded(self, work: Callable[[], None]) -> None:
        """Do a part of the writing, and keep its error."""
        if self.error is not None:
            return
        try:
            work()
        except OSError as error:
            self.error = OutputError(
                f"the manifest cannot be written: {error.strerror or error}",
                where=str(self.path),
                hint="check the directory, its permissions and the free disk space",
            )
