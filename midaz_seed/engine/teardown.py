"""Taking a run's data away again: only what carries the run's mark, ledgers before their organization.

Midaz deletes softly: a deleted ledger takes its assets, accounts and transactions out of sight, and its names can be
used again.
Accounts that were used within the hour cannot be deleted one by one (contract, 16.3), so ledgers go as a whole.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.creation import find_entity
from midaz_seed.engine.state import OrganizationState
from midaz_seed.midaz import routes
from midaz_seed.midaz.api import MidazApi
from midaz_seed.midaz.classify import Disposition
from midaz_seed.midaz.routes import Place
from midaz_seed.model.jsons import JsonObject
from midaz_seed.plan.items import Entity, Phase
from midaz_seed.plan.shape import KEY_MARK, RUN_MARK
from midaz_seed.transport.base import Request


class Fate(StrEnum):
    """What became of something that the run created."""

    REMOVED = "removed"
    WOULD_BE = "would be removed"
    ABSENT = "absent"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Removal:
    """One object and its fate; `reason` says why it was kept."""

    kind: str
    key: str
    name: str
    id: str
    fate: Fate
    reason: str = ""


async def tear_down(context: RunContext, *, dry_run: bool) -> list[Removal]:
    """Remove what the plan's run created, and nothing else. It can be run again at any time.

    Raises RequestFailedError, UnauthorizedError, BreakerOpenError when the server cannot be asked.
    """
    removals: list[Removal] = []
    for organization in context.state.organizations:
        removals += [removal async for removal in _organization(context, organization, dry_run=dry_run)]
    return removals


async def _organization(
    context: RunContext, organization: OrganizationState, *, dry_run: bool
) -> AsyncIterator[Removal]:
    api = context.api(Phase.VERIFY)
    plan = organization.plan
    found = await find_entity(api, plan.item, Place())
    if found is None or not _ours(context, found):
        yield Removal("organization", plan.key, plan.name, "", Fate.ABSENT)
        return
    organization_id = str(found["id"])
    kept = 0
    async for row in api.entities(Entity.LEDGER, Place(organization_id), {}):
        removal = await _ledger(context, api, organization_id, row, dry_run=dry_run)
        kept += removal.fate is Fate.KEPT
        yield removal
    identity = ("organization", plan.key, plan.name, organization_id)
    if kept:
        yield Removal(*identity, Fate.KEPT, f"it holds {kept} ledgers that are kept")
    else:
        path = routes.one(Entity.ORGANIZATION, Place(), organization_id)
        yield await _delete(context, identity, path, dry_run=dry_run)


async def _ledger(
    context: RunContext, api: MidazApi, organization_id: str, row: JsonObject, *, dry_run: bool
) -> Removal:
    ledger_id, name = str(row["id"]), str(row.get("name"))
    place = Place(organization_id)
    whole = await api.entity(Entity.LEDGER, place, ledger_id) or row
    identity = ("ledger", _key(whole), name, ledger_id)
    if not _ours(context, whole):
        return Removal(*identity, Fate.KEPT, "this run did not create it")
    return await _delete(context, identity, routes.one(Entity.LEDGER, place, ledger_id), dry_run=dry_run)


async def _delete(context: RunContext, identity: tuple[str, str, str, str], path: str, *, dry_run: bool) -> Removal:
    if dry_run:
        return Removal(*identity, Fate.WOULD_BE)
    request = Request("DELETE", path)
    patience = context.sender.patience(Phase.VERIFY)
    while True:
        answer = await context.sender.attempt(request, Phase.VERIFY)
        gone = answer.response is not None and answer.response.status == 404  # by an attempt whose answer was lost
        if answer.verdict.disposition is Disposition.OK or gone:
            return Removal(*identity, Fate.REMOVED)
        again = answer.verdict.disposition in (Disposition.RETRY, Disposition.UNKNOWN)
        if not again or not await patience.again(answer):
            failure = answer.failure(request)
            return Removal(*identity, Fate.KEPT, f"{failure.code} {failure.message}".strip())


def _ours(context: RunContext, row: JsonObject) -> bool:
    """It carries the mark of this very run."""
    return cast("JsonObject", row.get("metadata") or {}).get(RUN_MARK) == context.plan.run_id


def _key(row: JsonObject) -> str:
    mark = cast("JsonObject", row.get("metadata") or {}).get(KEY_MARK)
    return mark.rpartition("/")[2] if isinstance(mark, str) else ""
