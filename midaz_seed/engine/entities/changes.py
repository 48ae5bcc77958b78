"""Set what a PUT or a PATCH sets. It may be sent any number of times, so nothing has to be looked up."""

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.entities.duplicates import VISIBLE_WITHIN_S
from midaz_seed.engine.requests.answer import Answer
from midaz_seed.midaz.classify import OK, Disposition, Verdict
from midaz_seed.midaz.evidence import shows_change
from midaz_seed.model.json_types import JsonObject
from midaz_seed.model.outcomes import ErrorClass, Failure
from midaz_seed.plan.items import EntityItem, Phase
from midaz_seed.transport.base import Request

_NOT_SET = Verdict(Disposition.UNKNOWN, ErrorClass.SERVER, "", "success, but the answer does not show what was sent")


async def set_until_shown(
    context: RunContext, phase: Phase, item: EntityItem, body: JsonObject, request: Request, parent: str
) -> Failure | None:
    """Send a change until the answer shows it.

    Args:
        context: the run.
        phase: its phase.
        item: what is set.
        body: the body of the request.
        request: the request.
        parent: path of what it belongs to, for error reports.

    Returns:
        None, or why it is not set.

    Raises:
        BreakerOpenError: the breaker stayed open until its deadline.
        UnauthorizedError: the credentials were rejected.
    """
    sender, now, attempts = context.sender, context.clock.monotonic, 0
    budget, visible_until_s = sender.retry_budget(phase), now() + VISIBLE_WITHIN_S
    while True:
        answer = await sender.attempt(request, phase)
        answer.attempts = attempts = attempts + 1
        if answer.verdict is OK:
            response = answer.response
            if response is not None and shows_change(response.status, response.body, body):
                return None
            answer = Answer(_NOT_SET, response, attempts)
        failure = answer.failure(request)
        if answer.verdict.disposition is Disposition.NOT_READY and now() < visible_until_s:
            await budget.pause(answer)  # what it belongs to may not be visible yet
        elif not await budget.should_retry(answer):
            return failure
        context.tracker.record(failure, phase=phase, entity=item.entity, key=item.key, parent=parent, final=False)
