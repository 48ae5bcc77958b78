"""Creating one entity, whatever stands in the way: the one conflict policy of every generator.

Midaz's creates are not idempotent and its uniqueness checks can be outrun. So an answer counts only when it is that to
the very create (`evidence.of_entity`); after any other the entity is looked up before it is sent again, and what has no
unique name for as long as a list may lag; one that meets a conflict is looked up too, and counts as existing only when
it is what the plan has. What was made is then looked for until the server shows it, and no other
(`engine.entities.duplicates`).
"""

from dataclasses import dataclass

import orjson

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.entities.duplicates import VISIBLE_WITHIN_S, Claim, OneOfEach, growing_pauses, visible_within_s
from midaz_seed.engine.entities.look_up import find_all, find_entity
from midaz_seed.engine.requests.sender import Answer
from midaz_seed.errors import RequestFailedError, RunError
from midaz_seed.midaz.api import create_request
from midaz_seed.midaz.classify import Disposition, Verdict
from midaz_seed.midaz.evidence import Effect, after, of_entity, parsed_exactly
from midaz_seed.midaz.routes import Place
from midaz_seed.model.json_types import JsonObject
from midaz_seed.model.outcomes import ErrorClass, Failure, Outcome
from midaz_seed.plan.generators import GENERATORS
from midaz_seed.plan.items import Entity, EntityItem, Phase
from midaz_seed.reporting.meter import PhaseRecorder
from midaz_seed.runs.journal import PhaseLog
from midaz_seed.transport.base import Request

__all__ = ["Created", "EntityCreator", "find_all", "find_entity"]

_SETTLED_AT_ONCE = frozenset({Entity.ORGANIZATION, Entity.LEDGER})
"""A whole world would be doubled with them."""
_NOT_THE_ENTITY = Verdict(
    Disposition.UNKNOWN, ErrorClass.SERVER, "", "success, but the answer is not the entity that was sent"
)


@dataclass(frozen=True, slots=True)
class Created:
    """What became of an entity; `id` is the server's, "" when it failed."""

    outcome: Outcome
    id: str = ""
    created_by_this_run: bool = False
    """Certainly made by this session: its answer said so, and it is the one that stayed. What was found after a lost
    answer may be older."""
    recovered: bool = False
    """Its answer was lost, and it was found on the server."""


class EntityCreator:
    """Creates entities of one phase at one place, and counts what became of them."""

    def __init__(self, context: RunContext, recorder: PhaseRecorder, place: Place) -> None:
        """`recorder` counts every outcome, and says which phase it is."""
        self._context = context
        self._recorder = recorder
        self._phase = recorder.phase
        self._place = place
        self._claims: list[Claim] = []
        """To be settled at the end of the phase."""
        self._took_s = 0.0
        """The longest of their creates."""

    async def create(
        self, item: EntityItem, references: dict[str, str], *, parent_fresh: bool, phase_log: PhaseLog, ordinal: int
    ) -> Created:
        """Create one entity.

        `references` are the server ids that go into the body. `parent_fresh` False: the parent was there before this
        run, so an entity without a unique name is looked up first. `ordinal` is the item's place in the journal's
        `phase_log`: what an earlier session made needs no request, and what it may have made is looked up first.

        Raises BreakerOpenError, UnauthorizedError, JournalError, and RunError when the server holds several.
        """
        known_id = phase_log.known_id(ordinal)
        if known_id:
            self._recorder.count(Outcome.EXISTING)
            self._context.rejects.made(item.key)
            return Created(Outcome.EXISTING, known_id)  # the journal may be an older copy: others may have filled it
        unknown = phase_log.is_unknown(ordinal)
        phase_log.begin(ordinal)
        body = {**item.payload, **references}
        making = _Making(self._context, self._phase, self._place, item, body, Claim(item, phase_log, ordinal))
        try:
            look_first = not (parent_fresh or GENERATORS[item.entity].unique_on_server)
            created = await making.make(unknown=unknown, look_first=look_first)
        except RequestFailedError as error:  # a look-up that failed for good
            created = Failure(ErrorClass.SERVER, "", str(error))
        except RunError as error:
            self._failed(Failure(ErrorClass.CONFLICT, "", str(error)), item, making.request)
            raise
        if isinstance(created, Failure):
            return self._failed(created, item, making.request)
        if not GENERATORS[item.entity].unique_on_server and item.entity not in _SETTLED_AT_ONCE:
            self._claims.append(making.claim)
            self._took_s = max(self._took_s, making.took_s)
        phase_log.created(ordinal, created.id, created_by_this_run=created.created_by_this_run)
        self._context.rejects.made(item.key)
        if created.recovered:
            self._recorder.count_recovered()
        else:
            self._recorder.count(created.outcome)
        return created

    @property
    def is_settled(self) -> bool:
        """Nothing is left to `keep_one_of_each`."""
        return not self._claims

    async def keep_one_of_each(self) -> dict[str, str]:
        """Settle what was created of a kind without unique names; the ids that stay, by item key.

        Raises as `create`, and RequestFailedError.
        """
        made = {claim.item.key: claim.own_id or claim.id for claim in self._claims}
        await OneOfEach(self._context, self._phase, self._place).settle(self._claims, self._took_s)
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


class _Making:
    """One entity on its way to the server."""

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
        self._parents = {name: value for name, value in parents.items() if value}
        self.claim = claim
        self.request = create_request(item.entity, place, orjson.dumps(body))
        self.took_s = 0.0
        """How long the create took that was answered."""

    async def make(self, *, unknown: bool, look_first: bool) -> Created | Failure:
        """Send it until its answer, or a look, says that it is there, or that it cannot be.

        `unknown`: an earlier session may have made it, as late as in its last moment.
        """
        sender = self._context.sender
        patience = sender.patience(self._phase)
        visible_until_s = self._now() + VISIBLE_WITHIN_S
        known = Effect.UNKNOWN if unknown else Effect.NOT_MADE
        hidden = unknown and not self._unique
        look_until_s = self._context.started_s + visible_within_s(self._context) if hidden else 0.0
        look, lost, attempts = unknown or look_first, False, 0
        while True:
            if look and await self._is_found(look_until_s):
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
                disposition = Disposition.NOT_READY  # the look-up may lag behind the uniqueness check
            self._note(failure)
            if effect is Effect.UNKNOWN:
                lost = look = True
                look_until_s = self._now() + self._hidden_for_s(answer)
                again = not self._made_another(answer) and await patience.again(answer)
            elif disposition is Disposition.NOT_READY and self._now() < visible_until_s:
                await patience.pause(answer)
                again = True
            else:
                again = disposition is Disposition.RETRY and await patience.again(answer)
            if not again:
                if known is Effect.UNKNOWN and await self._is_found(look_until_s):
                    return await self._adopted(known, lost=lost)
                return failure

    def _effect(self, answer: Answer) -> Effect:
        """What an answer, or that there is none, says about this create."""
        response = answer.response
        if response is None:
            return Effect.UNKNOWN if answer.verdict.disposition is Disposition.UNKNOWN else Effect.NOT_MADE
        return of_entity(response.status, response.body, self._body, self._parents)

    def _hidden_for_s(self, answer: Answer) -> float:
        """How long what was made may not be seen. The server's own check of names is a guard against making it again;
        and who counts requests (429) has in all likelihood not passed this one on."""
        if self._unique or answer.verdict.error is ErrorClass.RATE_LIMITED:
            return 0.0
        return visible_within_s(self._context)

    def _made_another(self, answer: Answer) -> bool:
        """Something was made that does not look like this. Sent again, what has no unique name would be made again."""
        if self._unique or answer.verdict is not _NOT_THE_ENTITY or answer.response is None:
            return False
        found = parsed_exactly(answer.response.body)
        return isinstance(found, dict) and isinstance(found.get("id"), str)

    async def _is_found(self, until_s: float) -> bool:
        """Look for it, once at least and until a moment (monotonic)."""
        for pause_s in growing_pauses():
            self.claim.shown = await find_all(self._api, self._item, self._place)
            left_s = until_s - self._now()
            if self.claim.shown or left_s <= 0:
                break
            await self._context.clock.sleep(min(pause_s, left_s))
        return bool(self.claim.shown)

    async def _made(self, answer: Answer, known: Effect) -> Created | Failure:
        """It was made; `known` is what was known of it before. Whatever stays is what counts."""
        claim = self.claim
        claim.own_id, claim.repeated = new_id, repeated = answer.created_id(), known is Effect.UNKNOWN
        if self._item.entity in _SETTLED_AT_ONCE or (repeated and self._unique):
            await self._settle()
            if claim.id != new_id:
                return self._known(claim.stays, lost=repeated)
        return Created(Outcome.CREATED, new_id, created_by_this_run=True)

    async def _adopted(self, known: Effect, *, lost: bool) -> Created | Failure:
        """It is on the server."""
        self.claim.repeated = known is Effect.UNKNOWN
        if self._item.entity in _SETTLED_AT_ONCE:
            await self._settle(found=True)
        return self._known(self.claim.stays, lost=lost)

    async def _settle(self, *, found: bool = False) -> None:
        """Keep one of it. One that was found empty may be another run's of this moment, which takes it away again when
        an older one shows: so it is used only when none can show any more."""
        one_of_each, claim = OneOfEach(self._context, self._phase, self._place), self.claim
        empty = found and not await one_of_each.is_used(claim, claim.id)
        await one_of_each.settle([claim], visible_within_s(self._context) if empty else self.took_s)

    def _known(self, found: JsonObject, *, lost: bool) -> Created | Failure:
        """It is on the server: ours after a lost answer, there before, or something else under the same name."""
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
