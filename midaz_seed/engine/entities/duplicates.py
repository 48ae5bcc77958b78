"""One of each: several entities that carry one mark become one again, and everybody goes on with the same.

Midaz's creates are not idempotent, and its uniqueness checks can be outrun (midaz-behaviour: uniqueness-checks). So two
runs of one run id at the same moment, or a create whose first attempt arrives after its second, can leave two. Their
ids are ordered by time (UUIDv7): the lowest stays, whoever made it, and who made a later one removes it while it is
empty. Nobody goes on before the server shows exactly one, or has not come to that for as long as things may take to
become visible.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.entities.look_up import by_age, comparable, look_up_of, mark_look_up, value_in
from midaz_seed.engine.entities.removal import delete
from midaz_seed.errors import RequestFailedError, RunError
from midaz_seed.midaz import routes
from midaz_seed.midaz.routes import Place
from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.items import Entity, EntityItem, LookUp, Phase
from midaz_seed.runs.journal import PhaseLog

VISIBLE_WITHIN_S = 10.0
"""How long what was made may take to become visible to the next request (midaz-behaviour: replica-lag)."""
_PAUSES_S = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
_PAUSE_S_MAX = 1.0


def growing_pauses() -> Iterator[float]:
    """Seconds between one look and the next, without end."""
    return chain(_PAUSES_S, repeat(_PAUSE_S_MAX))


def visible_within_s(context: RunContext) -> float:
    """How long this run waits for something to become visible."""
    return min(VISIBLE_WITHIN_S, context.settings.settlement.deadline_s)


@dataclass(slots=True)
class Claim:
    """An entity of the plan that is on the server, once or more often."""

    item: EntityItem
    phase_log: PhaseLog
    ordinal: int
    own_id: str = ""
    """The one that this session certainly made; "" when it made none, or removed it again."""
    repeated: bool = False
    """An earlier attempt of this run may have made another."""
    shown: list[JsonObject] = field(default_factory=list)
    """What the server shows of it, the oldest first, without what was removed."""
    removed: set[str] = field(default_factory=set)

    @property
    def is_shown(self) -> bool:
        """The server shows it, and where this session made one that one too."""
        return any(self.own_id in ("", row["id"]) for row in self.shown)

    @property
    def is_single(self) -> bool:
        """It is shown, and no other."""
        return len(self.shown) == 1 and self.is_shown

    @property
    def stays(self) -> JsonObject:
        """The one that stays, as the server shows it."""
        return self.shown[0]

    @property
    def id(self) -> str:
        """The id of the one that stays."""
        return str(self.stays["id"])


class OneOfEach:
    """Settles claims of one kind at one place."""

    def __init__(self, context: RunContext, phase: Phase, place: Place) -> None:
        self._context = context
        self._phase = phase
        self._place = place
        self._api = context.api(phase)

    async def settle(self, claims: Sequence[Claim], took_s: float) -> None:
        """Return when the server shows exactly one of each; what this session made too many is removed.

        The look that decides comes as long after the one that shows all of ours as that took to come, or as creating
        took (`took_s`) when that is longer: by then the server shows what others made at the same moment too.

        Raises RequestFailedError when it does not show what was made, RunError when several are in use.
        """
        clock = self._context.clock
        began_s = clock.monotonic()
        until_s = began_s + visible_within_s(self._context)
        pauses, all_were_shown = growing_pauses(), False
        while True:
            await self._look(claims)
            if all_were_shown:
                for claim in claims:
                    await self._withdraw(claim)
                if all(claim.is_single for claim in claims):
                    return
            now_s = clock.monotonic()
            if not all_were_shown and all(claim.is_shown for claim in claims):
                all_were_shown = True
                await clock.sleep(max(now_s - began_s, took_s))
            elif now_s < until_s:
                await clock.sleep(next(pauses))
            else:
                break
        for claim in claims:
            if not claim.is_single:
                await self._decide(claim)

    async def _look(self, claims: Sequence[Claim]) -> None:
        """Note what the server shows now, in one listing."""
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
        """Remove what this session made, when an older one is shown and nothing is in it."""
        own = claim.own_id
        if own and claim.is_shown and claim.id != own and not await self.is_used(claim, own):
            await self._remove(claim, own, claim.id)

    async def _decide(self, claim: Claim) -> None:
        """The server still shows several: that one stays which is in use, or the oldest."""
        item = claim.item
        if not claim.is_shown:
            raise RequestFailedError(
                f"{item.entity} {item.key} ({claim.own_id or 'found before'}) is not in the server's list "
                f"{visible_within_s(self._context):g} s after it was there",
                hint="check the server's replicas, then run the same command again",
            )
        ids = [str(row["id"]) for row in claim.shown]
        has_records = [an_id for an_id in ids if await self.is_used(claim, an_id)]
        if len(has_records) > 1:
            raise _several(item, has_records, "each with something in it")
        stays = has_records[0] if has_records else ids[0]
        for other in ids:
            if other != stays and (other == claim.own_id or claim.repeated):
                await self._remove(claim, other, stays)
        claim.shown = [row for row in claim.shown if row["id"] == stays]

    async def is_used(self, claim: Claim, an_id: str) -> bool:
        """Whether something is in it already; of what holds nothing that can be listed this cannot be told."""
        match claim.item.entity:
            case Entity.ORGANIZATION:
                return await self._api.has_any(Entity.LEDGER, Place(an_id))
            case Entity.LEDGER:
                return await self._api.has_any(Entity.ASSET, Place(self._place.organization_id, an_id))
            case Entity.PORTFOLIO:
                return await self._api.has_any(Entity.ACCOUNT, self._place, portfolio_id=an_id)
        return False

    async def _remove(self, claim: Claim, an_id: str, stays: str) -> None:
        """Remove a superfluous one; the journal knows the other one first. Raises RunError when it cannot be."""
        claim.phase_log.created(claim.ordinal, stays, created_by_this_run=False)
        self._context.journal.flush()
        reason = await delete(self._context, self._phase, routes.one(claim.item.entity, self._place, an_id))
        if reason:
            raise _several(claim.item, [stays, an_id], f"and the latter cannot be removed: {reason}")
        claim.removed.add(an_id)
        claim.shown = [row for row in claim.shown if row["id"] != an_id]
        if an_id == claim.own_id:
            claim.own_id = ""


async def remove_empty_twins(context: RunContext, phase: Phase, place: Place, claims: Sequence[Claim]) -> bool:
    """Remove later ones with nothing in them that a network has delivered after all looks; False when several of one
    are in use, or the server cannot be read."""
    if not claims:
        return False
    for claim in claims:
        claim.repeated = True
    try:
        await context.pool.run_one(lambda: OneOfEach(context, phase, place).settle(claims, 0.0))
    except (RunError, RequestFailedError):
        return False
    return True


def _look_up(item: EntityItem) -> LookUp:
    """A list in which all show that were made of an item: an account's alias shows one only."""
    return mark_look_up(item) if item.entity is Entity.ACCOUNT else look_up_of(item)


def _wanted(look_up: LookUp) -> str:
    return comparable(look_up, look_up.match_value)


def _several(item: EntityItem, ids: Sequence[str], what: str) -> RunError:
    return RunError(
        f"the server holds {len(ids)} of {item.entity} {item.key}: {', '.join(ids)}, {what}",
        hint="two runs of this run id have filled two worlds: look at both, then take both away with "
        "`midaz-seed teardown`, or use another --run-id",
    )
