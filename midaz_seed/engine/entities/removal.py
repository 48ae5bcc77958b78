"""Delete one resource on the server."""

from midaz_seed.engine.context import RunContext
from midaz_seed.midaz.classify import Disposition
from midaz_seed.midaz.evidence import midaz_code, says_missing
from midaz_seed.plan.items import Phase
from midaz_seed.transport.base import Request


async def delete(context: RunContext, phase: Phase, request: Request) -> str:
    """Delete a resource; `request`: from `midaz.api.delete_request`.

    Returns:
        "" when it is gone, including by an attempt whose answer was lost; otherwise why it is not.

    Raises:
        UnauthorizedError: the credentials were rejected.
        BreakerOpenError: the breaker stayed open until its deadline.
    """
    budget = context.sender.retry_budget(phase)
    while True:
        answer = await context.sender.attempt(request, phase)
        response = answer.response
        if response is not None and (response.status == 204 or says_missing(response.status, response.body)):
            return ""
        rejected = (
            response is not None
            and answer.verdict.disposition not in (Disposition.RETRY, Disposition.UNKNOWN)
            and midaz_code(response.body)
        )
        if rejected or not await budget.should_retry(answer):
            failure = answer.failure(request)
            return (
                f"{failure.code} {failure.message}".strip()
                or f"{failure.status}, which is not an answer of Midaz to a DELETE"
            )
