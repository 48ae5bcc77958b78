"""One attempt of one request, and the patience between attempts.

The order is fixed: circuit breaker, rate token, connection. No token is spent while the breaker is open, and an
attempt that fails while it is open or being tried does not count against the request: the breaker parks requests, it
never drops them.
"""

import random
from dataclasses import dataclass
from typing import TypeVar

import orjson

from midaz_seed.clock import Clock
from midaz_seed.errors import RequestFailedError, TargetError, UnauthorizedError, UnreachableError
from midaz_seed.midaz.api import Take, odd_answer
from midaz_seed.midaz.classify import OK, Disposition, Verdict, classify
from midaz_seed.midaz.evidence import midaz_code, says_missing
from midaz_seed.model.outcomes import ErrorClass, Failure
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.logs import logger, redact, shows_debug
from midaz_seed.reporting.meter import Meter
from midaz_seed.resilience.arrival_schedule import ArrivalSchedule
from midaz_seed.resilience.breaker import CircuitBreaker
from midaz_seed.resilience.rate_limiter import RateLimiter
from midaz_seed.resilience.retry import RetryPolicy, parse_retry_after
from midaz_seed.transport.base import AnswerTimeoutError, Request, Response, Transport, TransportError

T = TypeVar("T")
RETRY_AFTER_MAX_S = 60.0
_OVERLOAD_SIGNALS = frozenset({ErrorClass.TIMEOUT, ErrorClass.SERVER, ErrorClass.RATE_LIMITED})
_SERVER_FAILURES = frozenset({ErrorClass.NETWORK, ErrorClass.TIMEOUT, ErrorClass.SERVER})
_EXAMPLE_BYTES = 400
_EXPIRED = Verdict(Disposition.EXPIRED, ErrorClass.IN_DOUBT, "", "its idempotency key may have expired")
_ODD = Verdict(Disposition.UNKNOWN, ErrorClass.SERVER, "", "success, but not with what a Midaz answers there")


@dataclass(slots=True)
class Answer:
    """The result of one attempt: a verdict, and the response when there was one."""

    verdict: Verdict
    response: Response | None
    attempts: int = 1
    """Of the same request, this one included."""
    sent_s: float = float("-inf")
    """When the attempt began (monotonic seconds); minus infinity when nothing was sent."""
    at_s: float = 0.0
    """When the response was complete (monotonic seconds)."""

    def failure(self, request: Request) -> Failure:
        """Why it failed, with one line each of request and answer, free of secrets."""
        sent = f"{request.method} {request.path} {_excerpt(request.body or b'')}".rstrip()
        got = f"{self.response.status} {_excerpt(self.response.body)}".rstrip() if self.response else ""
        verdict = self.verdict
        return Failure(
            verdict.error or ErrorClass.SERVER,
            verdict.code,
            redact(verdict.message),
            redact(sent),
            redact(got),
            status=self.response.status if self.response else 0,
            attempts=self.attempts,
        )

    def created_id(self) -> str:
        """The id of what was created; "" when the answer does not hold one."""
        try:
            parsed = orjson.loads(self.response.body) if self.response else None
        except orjson.JSONDecodeError:
            return ""
        found = parsed.get("id") if isinstance(parsed, dict) else None
        return found if isinstance(found, str) else ""


class Sender:
    """Sends attempts through breaker, limiter and transport, and measures them."""

    def __init__(
        self,
        transport: Transport,
        breaker: CircuitBreaker,
        limiter: RateLimiter | ArrivalSchedule | None,
        retry: RetryPolicy,
        clock: Clock,
        meter: Meter,
        *,
        jitter_seed: int,
    ) -> None:
        self._transport = transport
        self.breaker = breaker
        self._limiter = limiter
        self.retry = retry
        self.clock = clock
        self._meter = meter
        self._jitter = random.Random(jitter_seed)
        log = logger()
        self._log = log if shows_debug(log) else None

    async def attempt(self, request: Request, phase: Phase, *, not_after_s: float | None = None) -> Answer:
        """Send a request once; not at all, with the verdict EXPIRED, when its turn comes after `not_after_s`
        (monotonic).

        Raises BreakerOpenError when the breaker's deadline passes, UnauthorizedError on 401 and 403.
        """
        breaker, meter, now = self.breaker, self._meter, self.clock.monotonic
        if breaker.is_closed and self._limiter is None:
            epoch, slot_s = breaker.epoch, None
        else:
            epoch, slot_s = await self._enter()
        if not_after_s is not None and now() > not_after_s:
            breaker.release(epoch)
            return Answer(_EXPIRED, None)
        phase_meter = meter.phases[phase]
        meter.in_flight += 1
        phase_meter.requests += 1
        start_s = now() if slot_s is None else slot_s
        try:
            response = await self._transport.send(request)
        except TransportError as error:
            return self._unanswered(error, epoch, start_s)
        except BaseException:
            breaker.release(epoch)
            raise
        finally:
            meter.in_flight -= 1
        at_s = now()
        latency_us = int((at_s - start_s) * 1e6)
        phase_meter.latency.record(latency_us)
        if self._log is not None:
            self._log.debug(
                "request", method=request.method, path=request.path, status=response.status, latency_us=latency_us
            )
        if 200 <= response.status < 300:
            meter.succeeded += 1
            breaker.record(epoch, ok=True)
            return Answer(OK, response, 1, start_s, at_s)
        verdict = classify(response.status, response.body)
        meter.overloaded += verdict.error in _OVERLOAD_SIGNALS
        breaker.record(epoch, ok=verdict.error not in _SERVER_FAILURES)
        if verdict.error is ErrorClass.AUTH:
            raise credentials_refused(f"{response.status} {redact(verdict.message)}")
        return Answer(verdict, response, 1, start_s, at_s)

    def _unanswered(self, error: TransportError, epoch: int, sent_s: float) -> Answer:
        """What it means that there is no complete answer."""
        self.breaker.record(epoch, ok=False)
        late = isinstance(error, AnswerTimeoutError)
        self._meter.overloaded += late
        disposition = Disposition.UNKNOWN if error.maybe_applied else Disposition.RETRY
        verdict = Verdict(disposition, ErrorClass.TIMEOUT if late else ErrorClass.NETWORK, "", str(error))
        return Answer(verdict, None, 1, sent_s)

    async def _enter(self) -> tuple[int, float | None]:
        """Wait for breaker and rate limit; the permit belongs to the breaker's present state. In an open loop also the
        moment at which the request should have begun."""
        breaker = self.breaker
        if self._limiter is None:
            return await breaker.enter(), None
        while True:
            epoch = await breaker.enter()
            try:
                slot_s = await self._limiter.next_slot()
            except BaseException:
                breaker.release(epoch)
                raise
            if breaker.is_current(epoch):
                return epoch, slot_s

    def retry_budget(self, phase: Phase, *, with_outages: bool = True) -> "RetryBudget":
        """A fresh count of attempts for one request. `with_outages` False: do not sit out an outage of the server."""
        return RetryBudget(self, self._meter, phase, self._jitter, with_outages=with_outages)

    async def probe(self, request: Request, phase: Phase, take: Take[T], *, missing_ok: bool = False) -> T | None:
        """`read` for the first requests of a run: a server that is not there is told at once, with UnreachableError."""
        budget = self.retry_budget(phase, with_outages=False)
        try:
            return await self._read(request, phase, take, budget, missing_ok=missing_ok)
        except RequestFailedError as error:
            hint = error.hint or "check the address, and that the server is up"
            raise UnreachableError(error.message, hint=hint) from error

    async def read(self, request: Request, phase: Phase, take: Take[T], *, missing_ok: bool = False) -> T | None:
        """Send a read, again where that helps, and return what `take` makes of its answer; None for what a Midaz says
        does not exist, when `missing_ok`.

        Raises RequestFailedError when it fails for good, NotMidazError when its answers are not those of a Midaz.
        """
        return await self._read(request, phase, take, self.retry_budget(phase), missing_ok=missing_ok)

    async def _read(
        self, request: Request, phase: Phase, take: Take[T], budget: "RetryBudget", *, missing_ok: bool
    ) -> T | None:
        while True:
            answer = await self.attempt(request, phase)
            response = answer.response
            if response is not None and 200 <= response.status < 300:
                taken = take(response)
                if taken is not None:
                    return taken
                answer = Answer(_ODD, response)
            elif missing_ok and response is not None and says_missing(response.status, response.body):
                return None
            if not _may_be_transient(answer) or not await budget.should_retry(answer):
                raise _failed_read(request, answer)


def _may_be_transient(answer: Answer) -> bool:
    """Whether the same read may get another answer: what something before the server says to it is not the server's
    word, and a 404 where something must be is that of a replica that lags."""
    if answer.verdict.disposition in (Disposition.RETRY, Disposition.UNKNOWN) or answer.response is None:
        return True
    return answer.response.status == 404 or _is_foreign(answer.response)


def _is_foreign(response: Response) -> bool:
    """A refusal that no Midaz wrote."""
    return 400 <= response.status < 500 and not midaz_code(response.body)


def _failed_read(request: Request, answer: Answer) -> TargetError:
    """What to raise about a read that failed for good."""
    response = answer.response
    if answer.verdict is _ODD and response is not None:
        return odd_answer(request, response)
    failure = answer.failure(request)
    summary = f"{failure.request}: {failure.error}: {failure.answer or failure.message}"
    if response is not None and _is_foreign(response) and request.method != "HEAD":
        return RequestFailedError(
            f"{summary}: no Midaz wrote that, so something before the server (an ingress, a proxy) answered instead of it",
            hint="check the address and what stands before the server, then run the same command again",
        )
    return RequestFailedError(summary, hint="check the server's health, then run the same command again")


class RetryBudget:
    """How often one request may still be tried, and the pause before each new try."""

    def __init__(
        self, sender: Sender, meter: Meter, phase: Phase, jitter: random.Random, *, with_outages: bool
    ) -> None:
        self._sender = sender
        self._with_outages = with_outages
        self._meter = meter
        self._phase = phase
        self._jitter = jitter
        self._good_answers = sender.breaker.good_answers
        self.attempts = 0
        """Attempts that count: those made while the breaker stayed closed."""

    async def should_retry(self, answer: Answer) -> bool:
        """Count a failed attempt; wait and return True when another may be made.

        A request is given up only while the server works for others: when nothing has worked since its first failure,
        it is the server that is server_failed, the breaker is about to open, and the request is parked with the rest.
        """
        breaker, server_failed = self._sender.breaker, answer.verdict.error in _SERVER_FAILURES
        if breaker.is_closed or not server_failed:
            self.attempts += 1
        spent = self.attempts >= self._sender.retry.attempts_max
        outage = self._with_outages and server_failed and breaker.good_answers == self._good_answers
        if spent and not outage:
            return False
        await self.pause(answer)
        return True

    async def pause(self, answer: Answer) -> None:
        """Wait as long as the server asks for, or else as the policy says."""
        header = answer.response.headers.get("Retry-After") if answer.response else None
        wanted_s = parse_retry_after(header, self._sender.clock.time()) if header else None
        delay_s = self._sender.retry.delay_s(
            max(self.attempts, 1), wanted_s, self._jitter, retry_after_max_s=RETRY_AFTER_MAX_S
        )
        self._meter.phases[self._phase].retries += 1
        await self._sender.clock.sleep(delay_s)


def credentials_refused(answer: str) -> UnauthorizedError:
    """What to raise when the server does not let us in; `answer` is what it said."""
    return UnauthorizedError(
        f"the server refuses the credentials: {answer}",
        hint="give a valid token with MIDAZ_SEED_TARGET__AUTH_TOKEN or --auth-token-file, then run the same "
        "command again",
    )


def _excerpt(body: bytes) -> str:
    text = body[:_EXAMPLE_BYTES].decode("utf-8", "replace")
    return " ".join(text.split()) + ("..." if len(body) > _EXAMPLE_BYTES else "")
