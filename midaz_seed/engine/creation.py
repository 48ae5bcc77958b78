"""Creating one entity, whatever stands in the way: the one conflict policy of every generator.

Midaz's creates are not idempotent and its uniqueness checks can be outrun, so a create whose answer was lost is
looked up before it
is sent again; one that meets a conflict is looked up too, and counts as existing only when it is what the plan has.
"""

from dataclasses import dataclass

import orjson

from midaz_seed.engine.error_tracker import ErrorTracker
from midaz_seed.engine.journal import Track
from midaz_seed.engine.rejects import Rejects
from midaz_seed.engine.sender import Answer, Sender
from midaz_seed.errors import RequestFailedError
from midaz_seed.midaz.api import MidazApi, create_request
from midaz_seed.midaz.classify import Disposition, Verdict
from midaz_seed.midaz.routes import Place
from midaz_seed.model.jsons import Json, JsonObject
from midaz_seed.model.outcomes import ErrorClass, Failure, Outcome
from midaz_seed.plan.generators import GENERATORS
from midaz_seed.plan.items import Entity, EntityItem, LookUp, Phase
from midaz_seed.reporting.meter import Meter
from midaz_seed.transport.base import Request

VISIBLE_WITHIN_S = 10.0
"""How long a parent may take to become visible to the next request (replica lag; contract, 14.3)."""


@dataclass(frozen=True, slots=True)
class Created:
    """What became of an entity; `id` is the server's, "" when it failed."""

    outcome: Outcome
    id: str = ""
    fresh: bool = False
    """Certainly made by this run: its answer said so. What was found after a lost answer may be older."""


class Creator:
    """Creates entities of one phase and counts what became of them."""

    def __init__(self, sender: Sender, meter: Meter, tracker: ErrorTracker, rejects: Rejects, phase: Phase) -> None:
        self._sender = sender
        self._meter = meter
        self._tracker = tracker
        self._rejects = rejects
        self._phase = phase
        self._api = MidazApi(sender.read, phase)

    async def create(
        self,
        item: EntityItem,
        place: Place,
        references: dict[str, str],
        *,
        parent_fresh: bool,
        track: Track,
        ordinal: int,
    ) -> Created:
        """Create one entity at a place.

        `references` are the server ids that go into the body. `parent_fresh` False: the parent was there before this
        run, so an
        entity without a unique name is looked up first. `ordinal` is the item's place in the journal's `track`: what an
        earlier session made needs no request, and what it may have made is looked up first. Raises BreakerOpenError,
        UnauthorizedError, JournalError.
        """
        known_id, fresh = track.known_id(ordinal)
        if known_id:
            self._meter.add(self._phase, Outcome.EXISTING)
            return Created(Outcome.EXISTING, known_id, fresh)
        maybe_there = track.is_unknown(ordinal)
        track.begin(ordinal)
        body: dict[str, Json] = {**item.payload, **references}
        request = create_request(item.entity, place, orjson.dumps(body))
        try:
            look_first = maybe_there or not (parent_fresh or GENERATORS[item.entity].unique_on_server)
            created = await self._create(item, place, request, look_first=look_first)
        except RequestFailedError as error:  # a look-up that failed for good
            created = Failure(ErrorClass.SERVER, "", str(error))
        if isinstance(created, Failure):
            self._tracker.record(
                created, phase=self._phase, entity=item.entity, key=item.key, parent=place.path, final=True
            )
            self._rejects.add(created, request, phase=self._phase, entity=item.entity, key=item.key)
            created = Created(Outcome.FAILED)
        else:
            track.created(ordinal, created.id, fresh=created.fresh)
        self._meter.add(self._phase, created.outcome)
        return created

    async def _create(self, item: EntityItem, place: Place, request: Request, *, look_first: bool) -> Created | Failure:
        sender = self._sender
        patience = sender.patience(self._phase)
        visible_until_s = sender.clock.monotonic() + VISIBLE_WITHIN_S
        lost, look, attempts = False, look_first, 0
        while True:
            if look:
                found = await find_entity(self._api, item, place)
                if found is not None:
                    return self._known(item, found, lost=lost)
                look = False
            answer = await sender.attempt(request, self._phase)
            answer.attempts = attempts = attempts + 1
            disposition = answer.verdict.disposition
            if disposition is Disposition.OK:
                new_id = answer.created_id()
                if new_id:
                    return Created(Outcome.CREATED, new_id, fresh=True)
                disposition, answer = Disposition.UNKNOWN, _without_id(answer)
            failure = answer.failure(request)
            if disposition is Disposition.CONFLICT:
                found = await find_entity(self._api, item, place)
                if found is not None:
                    return self._known(item, found, lost=lost)
                disposition = Disposition.NOT_READY  # the look-up may lag behind the uniqueness check
            self._track(failure, item, place)
            if disposition is Disposition.NOT_READY and sender.clock.monotonic() < visible_until_s:
                await patience.pause(answer)
            elif disposition in (Disposition.UNKNOWN, Disposition.APPLIED_LATER):
                lost = look = True
                if not await patience.again(answer):
                    found = await find_entity(self._api, item, place)
                    return self._known(item, found, lost=True) if found is not None else failure
            elif disposition is not Disposition.RETRY or not await patience.again(answer):
                return failure

    def _known(self, item: EntityItem, found: JsonObject, *, lost: bool) -> Created | Failure:
        """It is on the server: ours after a lost answer, there before, or something else under the same name."""
        differences = GENERATORS[item.entity].differences(item, found)
        if differences:
            return Failure(
                ErrorClass.CONFLICT,
                "",
                f"{item.entity} {item.key} exists but is not the planned one: {'; '.join(differences)}",
            )
        found_id = str(found["id"])
        if lost:
            self._meter.phases[self._phase].recovered += 1
            return Created(Outcome.CREATED, found_id)
        return Created(Outcome.EXISTING, found_id)

    def _track(self, failure: Failure, item: EntityItem, place: Place) -> None:
        self._tracker.record(
            failure, phase=self._phase, entity=item.entity, key=item.key, parent=place.path, final=False
        )


async def find_entity(api: MidazApi, item: EntityItem, place: Place) -> JsonObject | None:
    """The entity on the server that an item of the plan describes, found as contract section 16.4 says; or None.

    An account comes without its metadata (contract, 9.1).
    """
    look_up = GENERATORS[item.entity].look_up(item)
    if item.entity is Entity.ACCOUNT:
        return await api.account_by_alias(place, look_up.match_value)
    async for row in api.entities(item.entity, place, look_up.query):
        if _matches(row, look_up):
            return row
    return None


def _matches(row: JsonObject, look_up: LookUp) -> bool:
    value: Json = row
    for part in look_up.match_field.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if not isinstance(value, str):
        return False
    if look_up.case_sensitive:
        return value == look_up.match_value
    return value.casefold() == look_up.match_value.casefold()


def _without_id(answer: Answer) -> Answer:
    verdict = Verdict(Disposition.UNKNOWN, ErrorClass.SERVER, "", "success, but the answer is not an entity with an id")
    return Answer(verdict, answer.response, answer.attempts)
