"""Resolve duplicates: of several entities with one mark, all processes keep the same one.

Midaz's creates are not idempotent, and its uniqueness checks can be raced (midaz-behaviour: uniqueness-checks). Two
processes with one run id at the same time, or a create whose first attempt arrives after its second, can leave two
entities. Ids are ordered by time (UUIDv7): the lowest stays, and the process that made a later one removes it while it
is empty. Each process continues only when the server shows exactly one, or after the time that a new entity may take to
become visible.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.entities.look_up import by_age, comparable, look_up_of, mark_look_up, value_in
from midaz_seed.engine.entities.removal import delete
from midaz_seed.errors import RequestFailedError, RunError
from midaz_seed.midaz.api import delete_request
from midaz_seed.midaz.routes import Place
from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.items import Entity, EntityItem, LookUp, Phase
from midaz_seed.runs.journal import PhaseLog

VISIBLE_WITHIN_S = 10.0
"""How long a new entity may take to become visible to other requests (midaz-behaviour: replica-lag)."""
_PAUSES_S = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
_PAUSE_S_MAX = 1.0


def growing_pauses() -> Iterator[float]:
    """Yield the pauses between reads, in seconds, without end."""
    return chain(_PAUSES_S, repeat(_PAUSE_S_MAX))


def visible_within_s(context: RunContext) -> float:
    """Return how long this run waits for an entity to become visible."""
    return min(VISIBLE_WITHIN_S, context.settings.settlement.deadline_s)


@dataclass(slots=True)
class Claim:
    """A planned entity that exists on the server, once or more often."""

    item: EntityItem
    phase_log: PhaseLog
    ordinal: int
    own_id: str = ""
    """The one that this session certainly created; "" when it created none, or removed it again."""
    repeated: bool = False
    """An earlier attempt of this run may have created another."""
    shown: list[JsonObject] = field(default_factory=list)
    """What the server shows of it, the oldest first, without what was removed."""
    removed: set[str] = field(default_factory=set)

    @property
    def is_shown(self) -> bool:
        """Return whether the server shows it, including the one that this session created."""
        return any(self.own_id in ("", row["id"]) for row in self.shown)

    @property
    def is_single(self) -> bool:
        """Return whether it is shown exactly once."""
        return len(self.shown) == 1 and self.is_shown

    @property
    def stays(self) -> JsonObject:
        """Return the entity that stays, as the server shows it."""
        return self.shown[0]

    @property
    def id(self) -> str:
        """Return the id of the entity that stays."""
        return str(self.stays["id"])


class DuplicateResolver:
    """Resolves the claims of one kind of entity under one path."""

    def __init__(self, context: RunContext, phase: Phase, place: Place) -> None:
        self._context = context
        self._phase = phase
        self._place = place
        self._api = context.api(phase)

    async def resolve(self, claims: Sequence[Claim], took_s: float) -> None:
        """Wait until the server shows each entity exactly once, and remove this session's duplicates.

        The deciding read follows the first one that shows all of ours after as long as that took to appear, or as long
        as the create took when that is longer: by then the server also shows what other processes created at the same
        time.

        Args:
            claims: the entities.
            took_s: the longest of their creates.

        Raises:
            RequestFailedError: the server does not show what was created.
            RunError: several of one entity are in use.
        """
        clock = self._context.clock
        began_s = clock.monotonic()
        until_s = began_s + visible_within_s(self._context)
        pauses, all_were_shown = growing_pauses(), False
        while True:
            await self._list(claims)
            if all_were_shown:
                for claim in claims:
                    await self._withdraw(claim)
                if all(claim.is_single for claim in claims):
                    return
            now_s = clock.monotonic()
            if not all_were_shown and all(claim.is_shown for claim in claims):
                all_were_shown = True
                await self._context.sleep(max(now_s - began_s, took_s))
            elif now_s < until_s:
                await self._context.sleep(next(pauses))
            else:
                break
        for claim in claims:
            if not claim.is_single:
                await self._decide(claim)

    async def _list(self, claims: Sequence[Claim]) -> None:
        """Record what the server shows now, in one listing."""
        look_ups = [_look_up(claim.item) for claim in claims]
        found: dict[str | None, list[JsonObject]] = {_wanted(look_up): [] for look_up in look_ups}
        query = look_ups[0].query if len(claims) == 1 else {}
        async for row in self._api.entities(claims[0].item.entity, self._place, query):
            rows = found.get(value_in(row, look_ups[0]))
            if rows is not None:
                rows.append(row)
        for claim, look_up in zip(claims, look_ups, strict=True):
            claim.shown = [row for row in by_age(found[_wanted(look_up)]) if row["id"] not in claim.removed]

    async def _withdraw(self, claim: Claim) -> None:
        """Remove what this session created, when an older one is shown and ours is empty."""
        own = claim.own_id
        if own and claim.is_shown and claim.id != own and not await self.is_used(claim, own):
            await self._remove(claim, own, claim.id)

    async def _decide(self, claim: Claim) -> None:
        """Choose when the server still shows several: the one in use, or the oldest."""
        item = claim.item
        if not claim.is_shown:
            raise RequestFailedError(
                f"{item.entity} {item.key} ({claim.own_id or 'found before'}) is not in the server's list "
                f"{visible_within_s(self._context):g} s after it was created or found",
                hint="check the server's replicas, then run the same command again",
            )
        ids = [str(row["id"]) for row in claim.shown]
        used = [an_id for an_id in ids if await self.is_used(claim, an_id)]
        if len(used) > 1:
            raise _several(item, used, "and each holds data")
        stays = used[0] if used else ids[0]
        for other in ids:
            if other != stays and (other == claim.own_id or claim.repeated):
                await self._remove(claim, other, stays)
        claim.shown = [row for row in claim.shown if row["id"] == stays]

    async def is_used(self, claim: Claim, an_id: str) -> bool:
        """Return whether an entity already holds something. False for kinds that hold nothing that can be listed."""
        match claim.item.entity:
            case Entity.ORGANIZATION:
                return await self._api.has_any(Entity.LEDGER, Place(an_id))
            case Entity.LEDGER:
                return await self._api.has_any(Entity.ASSET, Place(self._place.organization_id, an_id))
            case Entity.PORTFOLIO:
                return await self._api.has_any(Entity.ACCOUNT, self._place, portfolio_id=an_id)
        return False

    async def _remove(self, claim: Claim, an_id: str, stays: str) -> None:
        """Remove a duplicate, after the journal has recorded the one that stays.

        Raises:
            RunError: it cannot be removed.
        """
        claim.phase_log.created(claim.ordinal, stays, created_by_this_run=False)
        self._context.journal.flush()
        reason = await delete(self._context, self._phase, delete_request(claim.item.entity, self._place, an_id))
        if reason:
            raise _several(claim.item, [stays, an_id], f"and the latter cannot be removed: {reason}")
        claim.removed.add(an_id)
        claim.shown = [row for row in claim.shown if row["id"] != an_id]
        if an_id == claim.own_id:
            claim.own_id = ""


async def remove_empty_duplicates(context: RunContext, phase: Phase, place: Place, claims: Sequence[Claim]) -> bool:
    """Remove later, empty duplicates that a network delivered after the last read.

    Returns:
        False when several of one entity are in use, or the server cannot be read.
    """
    if not claims:
        return False
    for claim in claims:
        claim.repeated = True
    try:
        await context.pool.run_one(lambda: DuplicateResolver(context, phase, place).resolve(claims, 0.0))
    except (RunError, RequestFailedError):
        return False
    return True


def _look_up(item: EntityItem) -> LookUp:
    """Return a look-up that finds every entity made of an item: an account's alias would find only one."""
    return mark_look_up(item) if item.entity is Entity.ACCOUNT else look_up_of(item)


def _wanted(look_up: LookUp) -> str:
    return comparable(look_up, look_up.match_value)


def _several(item: EntityItem, ids: Sequence[str], what: str) -> RunError:
    return RunError(
        f"the server holds {len(ids)} of {item.entity} {item.key}: {', '.join(ids)}, {what}",
        hint="two processes with this run id have filled separate copies: remove both with `midaz-seed teardown`, "
        "or use another --run-id",
    )
