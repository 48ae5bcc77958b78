"""Send one attempt of one request, and retry reads.

The order is fixed: circuit breaker, rate limit, connection. No rate slot is used while the breaker is open, and an
attempt that fails while the breaker is open or half-open does not count against the request: the breaker parks
requests, it never drops them.
"""

import random
from dataclasses import dataclass
from typing import TypeVar

from midaz_seed.clock import Clock
from midaz_seed.errors import RequestFailedError, TargetError, UnreachableError
from midaz_seed.midaz.api import Take, odd_answer
from midaz_seed.midaz.auth import credentials_refused
from midaz_seed.midaz.classify import OK, Disposition, Verdict, classify
from midaz_seed.midaz.evidence import midaz_code, says_missing
from midaz_seed.midaz.foreign import foreign_answer, unanswered
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
_ODD = Verdict(Disposition.UNKNOWN, ErrorClass.SERVER, "", "success, but not a valid answer to this request")


@dataclass(slots=True)
class Answer:
    """The result of one attempt: a verdict, and the response if there was one."""

    verdict: Verdict
    response: Response | None
    attempts: int = 1
    """Attempts of the same request, including this one."""
    sent_s: float = float("-inf")
    """When the attempt began (monotonic); minus infinity when nothing was sent."""
    at_s: float = 0.0
    """When the response was complete (monotonic)."""
    cause: TransportError | None = None
    """Why there is no response."""

    def failure(self, request: Request) -> Failure:
        """Return why it failed, with one line each of request and response, secrets redacted."""
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
        """Return the id of the created entity; "" when the response has none."""
        entity = self.response.json_object() if self.response else None
        found = entity.get("id") if entity else None
        return found if isinstance(found, str) else ""


class Sender:
    """Sends attempts through breaker, rate limit and transport, and measures them."""

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
        """Send a request once.

        Args:
            request: what to send.
            phase: the phase in which the attempt is counted.
            not_after_s: when the attempt could start only after this time (monotonic), nothing is sent and the verdict
                is EXPIRED.

        Raises:
            BreakerOpenError: the breaker stayed open until its deadline.
            UnauthorizedError: 401 or 403.
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
        verdict = classify(response.status, response.body, response.headers.get("Location") or "")
        meter.overloaded += verdict.error in _OVERLOAD_SIGNALS
        breaker.record(epoch, ok=verdict.error not in _SERVER_FAILURES)
        if verdict.error is ErrorClass.AUTH:
            raise credentials_refused(f"{response.status} {redact(verdict.message)}")
        return Answer(verdict, response, 1, start_s, at_s)

    def _unanswered(self, error: TransportError, epoch: int, sent_s: float) -> Answer:
        """Classify an attempt without a complete response."""
        self.breaker.record(epoch, ok=False)
        late = isinstance(error, AnswerTimeoutError)
        self._meter.overloaded += late
        disposition = Disposition.UNKNOWN if error.maybe_applied else Disposition.RETRY
        verdict = Verdict(disposition, ErrorClass.TIMEOUT if late else ErrorClass.NETWORK, "", str(error))
        return Answer(verdict, None, 1, sent_s, cause=error)

    async def _enter(self) -> tuple[int, float | None]:
        """Wait for breaker and rate limit.

        Returns:
            The breaker's epoch, and in the open model the scheduled start (monotonic).
        """
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
        """Return a new retry budget for one request.

        Args:
            phase: the phase in which retries are counted.
            with_outages: whether the request may wait out an outage of the server.
        """
        return RetryBudget(self, self._meter, phase, self._jitter, with_outages=with_outages)

    async def probe(self, request: Request, phase: Phase, take: Take[T], *, missing_ok: bool = False) -> T | None:
        """Send one of the first reads of a run: as `read`, but do not wait out an outage.

        Raises:
            UnreachableError: no usable answer.
            NotMidazError: the answer is not from a Midaz server.
        """
        budget = self.retry_budget(phase, with_outages=False)
        try:
            return await self._read(request, phase, take, budget, missing_ok=missing_ok)
        except RequestFailedError as error:
            hint = error.hint or "check the address, and that the server is up"
            raise UnreachableError(error.message, hint=hint) from error

    async def read(self, request: Request, phase: Phase, take: Take[T], *, missing_ok: bool = False) -> T | None:
        """Send a read, retry where that can help, and return the parsed answer.

        Args:
            request: what to send.
            phase: the phase in which it is counted.
            take: parses a 2xx response; None when it is not a valid one.
            missing_ok: whether to return None when the server says that the resource does not exist.

        Raises:
            RequestFailedError: the read failed and retries are used up.
            NotMidazError: the answers are not those of a Midaz server.
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
    """Return whether the same read may get another answer.

    An answer of an intermediary is not the server's, and a 404 for a resource that must exist comes from a lagging
    replica.
    """
    if answer.verdict.disposition in (Disposition.RETRY, Disposition.UNKNOWN) or answer.response is None:
        return True
    return answer.response.status == 404 or _is_foreign(answer.response)


def _is_foreign(response: Response) -> bool:
    """Return whether a 4xx was not written by Midaz."""
    return 400 <= response.status < 500 and not midaz_code(response.body)


def _failed_read(request: Request, answer: Answer) -> TargetError:
    """Return the error for a read that will not be retried."""
    response = answer.response
    if answer.cause is not None:
        return unanswered(request, answer.cause)
    if response is not None and (error := foreign_answer(request, response)):
        return error
    if answer.verdict is _ODD and response is not None:
        return odd_answer(request, response)
    failure = answer.failure(request)
    summary = f"{failure.request}: {failure.error}: {failure.answer or failure.message}"
    if response is not None and _is_foreign(response) and request.method != "HEAD":
        return RequestFailedError(
            f"{summary}: the answer is not from Midaz, so an ingress or a proxy in front of the server sent it",
            hint="check the address and what is in front of the server, then run the same command again",
        )
    return RequestFailedError(summary, hint="check the server's health, then run the same command again")


class RetryBudget:
    """The remaining attempts of one request, and the pauses between them."""

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

        A request fails only while the server works for other requests. When nothing has succeeded since its first
        failure, the server itself has failed: the breaker is about to open, and the request is parked with the others.
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
        """Wait for the Retry-After of the answer, or else for the delay of the retry policy."""
        header = answer.response.headers.get("Retry-After") if answer.response else None
        wanted_s = parse_retry_after(header, self._sender.clock.time()) if header else None
        delay_s = self._sender.retry.delay_s(
            max(self.attempts, 1), wanted_s, self._jitter, retry_after_max_s=RETRY_AFTER_MAX_S
        )
        self._meter.phases[self._phase].retries += 1
        await self._sender.clock.sleep(delay_s)


def _excerpt(body: bytes) -> str:
    text = body[:_EXAMPLE_BYTES].decode("utf-8", "replace")
    return " ".join(text.split()) + ("..." if len(body) > _EXAMPLE_BYTES else "")
