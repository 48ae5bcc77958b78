"""Remove a run's data: only what carries the run's mark, ledgers before their organization.

Midaz deletes softly: a deleted ledger hides its assets, accounts and transactions, and its names can be used again.
Accounts that were used within the last hour cannot be deleted one by one (midaz-behaviour: deletes), so each ledger is
deleted as a whole.
"""

from dataclasses import dataclass
from enum import StrEnum

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.entities.duplicates import visible_within_s
from midaz_seed.engine.entities.look_up import by_age
from midaz_seed.engine.entities.removal import delete
from midaz_seed.errors import RunError
from midaz_seed.midaz.api import delete_request, mark_of
from midaz_seed.midaz.routes import Place
from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.items import Entity, Phase
from midaz_seed.plan.marks import RUN_MARK
from midaz_seed.transport.base import Request
from midaz_seed.wording import counted


class Fate(StrEnum):
    """What a teardown did with one object."""

    REMOVED = "removed"
    WOULD_BE = "would be removed"
    """With `dry_run`."""
    ABSENT = "absent"
    """Planned, and not on the server."""
    KEPT = "kept"
    """Not removed."""


@dataclass(frozen=True, slots=True)
class Removal:
    """One object and what a teardown did with it."""

    kind: str
    """`organization` or `ledger`."""
    key: str
    """Its key in the plan, such as `o1.l2`."""
    name: str
    id: str
    """The server's id; "" when it is absent."""
    fate: Fate
    reason: str = ""
    """Why it was kept."""


EMPTY_LISTINGS_MIN = 2
"""Consecutive listings that must show nothing of the run."""


async def tear_down(context: RunContext, *, dry_run: bool, is_known: bool = False) -> list[Removal]:
    """Remove everything that carries the run's mark, planned or not, and nothing else. Safe to repeat.

    Lists may lag, and delayed requests may arrive late. So it ends when consecutive listings show nothing of the run,
    and otherwise returns what remains.

    Args:
        dry_run: only list what would be removed.
        is_known: the run has a directory, so that its absence on the server needs no explanation.

    Raises:
        RunError: the run is unknown, and the server has organizations of the same seed with another run id.
        RequestFailedError: the server cannot be read.
        UnauthorizedError: the credentials were rejected.
        BreakerOpenError: the breaker stayed open until its deadline.
    """
    teardown = _Teardown(context, dry_run=dry_run)
    await teardown.run()
    if not teardown.removals and teardown.similar and not is_known:
        ids = sorted(teardown.similar)
        raise RunError(
            f"nothing of run {context.plan.run_id} is on the server, but organizations of the same seed with other "
            f"settings, such as --transactions-per-batch: {'run' if len(ids) == 1 else 'runs'} {', '.join(ids)}",
            where=context.target.onboarding_url,
            hint=f"to remove {'it' if len(ids) == 1 else 'one of them'}, add its run id: --run-id {ids[0]}",
        )
    return [*teardown.removals.values(), *teardown.absent()]


class _Teardown:
    """What was found of a run so far, and what was done with it."""

    def __init__(self, context: RunContext, *, dry_run: bool) -> None:
        self._context = context
        self._dry_run = dry_run
        self._api = context.api(Phase.VERIFY)
        self._planned = {mark_of(each.plan.item.payload): each.plan for each in context.state.organizations}
        self._found: set[str] = set()
        self._seen_s: dict[str, float] = {}
        self._names = {each.plan.name for each in context.state.organizations}
        self.similar: set[str] = set()
        """The ids of other runs with an organization of the same name, which follows from the seed."""
        self.removals: dict[str, Removal] = {}
        """By id, in the order of removal."""

    async def run(self) -> None:
        """Remove what the server shows until it shows nothing."""
        empty_listings = 0
        while empty_listings < EMPTY_LISTINGS_MIN:
            rows = await self._remaining()
            for row in rows:
                await self._organization(row)
            if self._dry_run:
                return
            empty_listings = 0 if rows else empty_listings + 1
            if empty_listings < EMPTY_LISTINGS_MIN:
                await self._context.sleep(self._context.settings.settlement.max_delay_s)

    def absent(self) -> list[Removal]:
        """Return the planned organizations that the server does not have."""
        return [
            Removal("organization", plan.key, plan.name, "", Fate.ABSENT)
            for mark, plan in self._planned.items()
            if mark not in self._found
        ]

    async def _remaining(self) -> list[JsonObject]:
        """Return the run's organizations that the server still shows, in the plan's order, without the kept ones."""
        order = {mark: index for index, mark in enumerate(self._planned)}
        listed = [row async for row in self._api.entities(Entity.ORGANIZATION, Place(), {})]
        rows = [row for row in listed if self._is_ours(row)]
        self.similar = {mark_of(row, RUN_MARK) for row in listed if row.get("legalName") in self._names} - {
            "",
            self._context.plan.run_id,
        }
        self._found.update(map(mark_of, rows))
        kept = {each.id for each in self.removals.values() if each.fate is Fate.KEPT}
        left = [row for row in by_age(rows) if row["id"] not in kept]
        return sorted(left, key=lambda row: order.get(mark_of(row), len(order)))

    async def _organization(self, row: JsonObject) -> None:
        organization_id, now_s = str(row["id"]), self._context.clock.monotonic()
        identity = ("organization", _key(row), str(row.get("legalName")), organization_id)
        if now_s - self._seen_s.setdefault(organization_id, now_s) > visible_within_s(self._context):
            self._note(Removal(*identity, Fate.KEPT, "the server accepted the removal, and still lists it"))
            return
        kept = 0
        async for ledger in self._api.entities(Entity.LEDGER, Place(organization_id), {}):
            removal = await self._ledger(organization_id, ledger)
            kept += removal.fate is Fate.KEPT
            self._note(removal)
        if kept:
            self._note(Removal(*identity, Fate.KEPT, f"it holds {counted(kept, 'kept ledger')}"))
        else:
            self._note(await self._delete(identity, delete_request(Entity.ORGANIZATION, Place(), organization_id)))

    async def _ledger(self, organization_id: str, row: JsonObject) -> Removal:
        ledger_id, name = str(row["id"]), str(row.get("name"))
        place = Place(organization_id)
        full_row = await self._api.entity(Entity.LEDGER, place, ledger_id) or row
        identity = ("ledger", _key(full_row), name, ledger_id)
        if not self._is_ours(full_row):
            return Removal(*identity, Fate.KEPT, "this run did not create it")
        return await self._delete(identity, delete_request(Entity.LEDGER, place, ledger_id))

    async def _delete(self, identity: tuple[str, str, str, str], request: Request) -> Removal:
        if self._dry_run:
            return Removal(*identity, Fate.WOULD_BE)
        reason = await delete(self._context, Phase.VERIFY, request)
        return Removal(*identity, Fate.KEPT, reason) if reason else Removal(*identity, Fate.REMOVED)

    def _note(self, removal: Removal) -> None:
        self.removals[removal.id] = removal

    def _is_ours(self, row: JsonObject) -> bool:
        """Return whether an object carries the mark of this run."""
        return mark_of(row, RUN_MARK) == self._context.plan.run_id


def _key(row: JsonObject) -> str:
    return mark_of(row).rpartition("/")[2]
