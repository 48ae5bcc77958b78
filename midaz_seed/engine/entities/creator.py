"""Create one entity: the one conflict policy of every generator.

Midaz's creates are not idempotent, and its uniqueness checks can be raced. So only an answer to this very create counts
(`evidence.of_entity`). After any other answer the entity is searched before it is sent again; an entity without a
unique name is searched for as long as a list may lag. After a conflict it is searched too, and counts as existing only
when it matches the plan. Duplicates are then resolved (`engine.entities.duplicates`).
"""

from dataclasses import dataclass

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.entities.changes import set_until_shown
from midaz_seed.engine.entities.duplicates import (
    VISIBLE_WITHIN_S,
    Claim,
    DuplicateResolver,
    growing_pauses,
    visible_within_s,
)
from midaz_seed.engine.entities.look_up import find_all, find_entity
from midaz_seed.engine.requests.answer import Answer
from midaz_seed.errors import RequestFailedError, RunError
from midaz_seed.midaz.api import create_request
from midaz_seed.midaz.classify import Disposition, Verdict
from midaz_seed.midaz.evidence import Effect, after, of_entity, parsed_exactly
from midaz_seed.midaz.routes import COLLECTIONS, Place
from midaz_seed.model.json_types import JsonObject
from midaz_seed.model.outcomes import ErrorClass, Failure, Outcome
from midaz_seed.plan.generators import GENERATORS
from midaz_seed.plan.items import Entity, EntityItem, Phase
from midaz_seed.reporting.meter import PhaseRecorder
from midaz_seed.runs.journal import PhaseLog
from midaz_seed.transport.base import Request

__all__ = ["Created", "EntityCreator", "find_all", "find_entity"]

_RESOLVED_AT_ONCE = frozenset({Entity.ORGANIZATION, Entity.LEDGER})
"""A duplicate of one of these would duplicate everything below it."""
_NOT_THE_ENTITY = Verdict(
    Disposition.UNKNOWN, ErrorClass.SERVER, "", "success, but the answer is not the entity that was sent"
)


@dataclass(frozen=True, slots=True)
class Created:
    """The outcome of an entity; `id` is the server's, "" when it failed."""

    outcome: Outcome
    id: str = ""
    created_by_this_run: bool = False
    """Certainly created by this session: its answer said so, and it is the one that stays. An entity found after a lost
    answer may be older.
    """
    recovered: bool = False
    """Its answer was lost, and it was found on the server."""


class EntityCreator:
    """Creates the entities of one phase under one path, and counts the outcomes."""

    def __init__(self, context: RunContext, recorder: PhaseRecorder, place: Place) -> None:
        """Prepare to create entities; `recorder` counts every outcome and determines the phase."""
        self._context = context
        self._recorder = recorder
        self._phase = recorder.phase
        self._place = place
        self._claims: list[Claim] = []
        """Resolved at the end of the phase."""
        self._took_s = 0.0
        """The longest of their creates."""

    async def create(
        self, item: EntityItem, ids: JsonObject, *, parent_fresh: bool, phase_log: PhaseLog, ordinal: int
    ) -> Created:
        """Create one entity.

        Args:
            item: the entity.
            ids: fields with server ids, added to the body.
            parent_fresh: False: the parent existed before this run, so an entity without a unique name is searched
                first.
            phase_log: journal of the phase. What an earlier session created needs no request; what it may have created
                is searched first.
            ordinal: index of the item in `phase_log`.

        Raises:
            RunError: the server holds several.
            BreakerOpenError: the breaker stayed open until its deadline.
            UnauthorizedError: the credentials were rejected.
            JournalError: the journal cannot be written.
        """
        known_id = phase_log.known_id(ordinal)
        if known_id:
            self._recorder.count(Outcome.EXISTING)
            self._context.rejects.made(item.key)
            # not `created_by_this_run`: the journal may be an older copy, and others may have filled it since
            return Created(Outcome.EXISTING, known_id)
        unknown = phase_log.is_unknown(ordinal)
        phase_log.begin(ordinal)
        body = {**item.payload, **ids}
        if GENERATORS[item.entity].method != "POST":
            return await self._set(item, body, phase_log, ordinal, parent_fresh=parent_fresh)
        creation = _Creation(self._context, self._phase, self._place, item, body, Claim(item, phase_log, ordinal))
        try:
            find_first = not (parent_fresh or GENERATORS[item.entity].unique_on_server)
            created = await creation.run(unknown=unknown, find_first=find_first)
        except RequestFailedError as error:  # a search failed and retries are used up
            created = Failure(ErrorClass.SERVER, "", str(error))
        except RunError as error:
            self._failed(Failure(ErrorClass.CONFLICT, "", str(error)), item, creation.request)
            raise
        if isinstance(created, Failure):
            return self._failed(created, item, creation.request)
        if not GENERATORS[item.entity].unique_on_server and item.entity not in _RESOLVED_AT_ONCE:
            self._claims.append(creation.claim)
            self._took_s = max(self._took_s, creation.took_s)
        phase_log.created(ordinal, created.id, created_by_this_run=created.created_by_this_run)
        self._context.rejects.made(item.key)
        if created.recovered:
            self._recorder.count_recovered()
        else:
            self._recorder.count(created.outcome)
        return created

    async def _set(
        self, item: EntityItem, body: JsonObject, phase_log: PhaseLog, ordinal: int, *, parent_fresh: bool
    ) -> Created:
        """Set what a PUT or a PATCH sets, unless it is set already."""
        context, place, generator = self._context, self._place, GENERATORS[item.entity]
        found = None if parent_fresh else await context.api(self._phase).what_is_set(item, place)
        is_set = found is not None and not generator.differences(item, found)
        if not is_set:
            request = create_request(item.entity, place, body, generator.method)
            failure = await set_until_shown(context, self._phase, item, body, request, place.path)
            if failure is not None:
                return self._failed(failure, item, request)
        phase_log.created(ordinal, place.ledger_id, created_by_this_run=not is_set)
        context.rejects.made(item.key)
        outcome = Outcome.EXISTING if is_set else Outcome.CREATED
        self._recorder.count(outcome)
        return Created(outcome, place.ledger_id, created_by_this_run=not is_set)

    @property
    def is_resolved(self) -> bool:
        """Return whether `resolve_duplicates` has nothing to do."""
        return not self._claims

    async def resolve_duplicates(self) -> dict[str, str]:
        """Resolve the duplicates of entities without unique names, and return item key -> id of those that stay.

        Raises as `create`, and RequestFailedError when the list cannot be read.
        """
        made = {claim.item.key: claim.own_id or claim.id for claim in self._claims}
        await DuplicateResolver(self._context, self._phase, self._place).resolve(self._claims, self._took_s)
        for claim in self._claims:
            if made[claim.item.key] != claim.id:
                claim.phase_log.created(claim.ordinal, claim.id, created_by_this_run=False)
        return {claim.item.key: claim.id for claim in self._claims}

    def _failed(self, failure: Failure, item: EntityItem, request: Request) -> Created:
        phase, entity = self._phase, item.entity
        self._context.tracker.record(
            failure, phase=phase, entity=entity, key=item.key, parent=self._place.path, final=True
        )
        self._context.rejects.add(failure, request, phase=phase, entity=entity, key=item.key)
        self._recorder.count(Outcome.FAILED)
        return Created(Outcome.FAILED)


class _Creation:
    """The creation of one entity."""

    def __init__(
        self, context: RunContext, phase: Phase, place: Place, item: EntityItem, body: JsonObject, claim: Claim
    ) -> None:
        self._context = context
        self._phase = phase
        self._place = place
        self._item = item
        self._body = body
        self._api = context.api(phase)
        self._now = context.clock.monotonic
        self._unique = GENERATORS[item.entity].unique_on_server
        parents = {"organizationId": place.organization_id, "ledgerId": place.ledger_id}
        shown = COLLECTIONS[item.entity].parents
        self._parents = {name: value for name, value in parents.items() if value and name in shown}
        self.claim = claim
        self.request = create_request(item.entity, place, body)
        self.took_s = 0.0
        """Duration of the create that was answered."""

    async def run(self, *, unknown: bool, find_first: bool) -> Created | Failure:
        """Send the create until an answer, or a search, shows that the entity exists or cannot be created.

        Args:
            unknown: an earlier session may have created it, until the moment it ended.
            find_first: search before the first create.
        """
        sender = self._context.sender
        budget = sender.retry_budget(self._phase)
        visible_until_s = self._now() + VISIBLE_WITHIN_S
        known = Effect.UNKNOWN if unknown else Effect.NOT_MADE
        hidden = unknown and not self._unique
        find_until_s = self._context.started_s + visible_within_s(self._context) if hidden else 0.0
        find_again, lost, attempts = unknown or find_first, False, 0
        while True:
            if find_again and await self._is_found(find_until_s):
                return await self._adopted(known, lost=lost)
            sent_s = self._now()
            answer = await sender.attempt(self.request, self._phase)
            answer.attempts = attempts = attempts + 1
            effect = self._effect(answer)
            if effect is Effect.MADE:
                self.took_s = self._now() - sent_s
                return await self._made(answer, known)
            known = after(known, effect)
            if answer.verdict.disposition is Disposition.OK:
                answer = Answer(_NOT_THE_ENTITY, answer.response, attempts)
            failure, disposition = answer.failure(self.request), answer.verdict.disposition
            if effect is Effect.NOT_MADE and disposition is Disposition.CONFLICT:
                if await self._is_found(0.0):
                    return await self._adopted(known, lost=lost)
                disposition = Disposition.NOT_READY  # the search may lag behind the uniqueness check
            self._note(failure)
            if effect is Effect.UNKNOWN:
                lost = find_again = True
                find_until_s = self._now() + self._hidden_for_s(answer)
                again = not self._made_another(answer) and await budget.should_retry(answer)
            elif disposition is Disposition.NOT_READY and self._now() < visible_until_s:
                await budget.pause(answer)
                again = True
            else:
                again = disposition is Disposition.RETRY and await budget.should_retry(answer)
            if not again:
                if known is Effect.UNKNOWN and await self._is_found(find_until_s):
                    return await self._adopted(known, lost=lost)
                return failure

    def _effect(self, answer: Answer) -> Effect:
        """Return what an answer, or the lack of one, shows about this create."""
        response = answer.response
        if response is None:
            return Effect.UNKNOWN if answer.verdict.disposition is Disposition.UNKNOWN else Effect.NOT_MADE
        return of_entity(response.status, response.body, self._body, self._parents)

    def _hidden_for_s(self, answer: Answer) -> float:
        """Return how long a created entity may stay invisible.

        The server's own uniqueness check prevents a second one, and a rate limiter (429) has most likely not passed the
        create on: 0 for both.
        """
        if self._unique or answer.verdict.error is ErrorClass.RATE_LIMITED:
            return 0.0
        return visible_within_s(self._context)

    def _made_another(self, answer: Answer) -> bool:
        """Return whether something else was created. Without a unique name, sending it again would create another."""
        if self._unique or answer.verdict is not _NOT_THE_ENTITY or answer.response is None:
            return False
        found = parsed_exactly(answer.response.body)
        return isinstance(found, dict) and isinstance(found.get("id"), str)

    async def _is_found(self, until_s: float) -> bool:
        """Search for it at least once, and until a time (monotonic)."""
        for pause_s in growing_pauses():
            self.claim.shown = await find_all(self._api, self._item, self._place)
            left_s = until_s - self._now()
            if self.claim.shown or left_s <= 0:
                break
            await self._context.sleep(min(pause_s, left_s))
        return bool(self.claim.shown)

    async def _made(self, answer: Answer, known: Effect) -> Created | Failure:
        """Return the outcome of a create that was answered; `known` is what was known before."""
        claim = self.claim
        claim.own_id, claim.repeated = new_id, repeated = answer.created_id(), known is Effect.UNKNOWN
        if self._item.entity in _RESOLVED_AT_ONCE or (repeated and self._unique):
            await self._resolve()
            if claim.id != new_id:
                return self._known(claim.stays, lost=repeated)
        return Created(Outcome.CREATED, new_id, created_by_this_run=True)

    async def _adopted(self, known: Effect, *, lost: bool) -> Created | Failure:
        """Return the outcome for an entity that was found on the server."""
        self.claim.repeated = known is Effect.UNKNOWN
        if self._item.entity in _RESOLVED_AT_ONCE:
            await self._resolve(found=True)
        return self._known(self.claim.stays, lost=lost)

    async def _resolve(self, *, found: bool = False) -> None:
        """Keep one of it.

        One that was found empty may belong to a concurrent run, which removes it when an older one appears. So it is
        used only when no older one can appear any more.
        """
        resolver, claim = DuplicateResolver(self._context, self._phase, self._place), self.claim
        empty = found and not await resolver.is_used(claim, claim.id)
        await resolver.resolve([claim], visible_within_s(self._context) if empty else self.took_s)

    def _known(self, found: JsonObject, *, lost: bool) -> Created | Failure:
        """Compare what is on the server with the plan: recovered after a lost answer, existing, or a conflict."""
        item = self._item
        differences = GENERATORS[item.entity].differences(item, found)
        if differences:
            return Failure(
                ErrorClass.CONFLICT,
                "",
                f"{item.entity} {item.key} exists but is not the planned one: {'; '.join(differences)}",
            )
        found_id = str(found["id"])
        if lost:
            return Created(Outcome.CREATED, found_id, recovered=True)
        return Created(Outcome.EXISTING, found_id)

    def _note(self, failure: Failure) -> None:
        item = self._item
        self._context.tracker.record(
            failure, phase=self._phase, entity=item.entity, key=item.key, parent=self._place.path, final=False
        )
