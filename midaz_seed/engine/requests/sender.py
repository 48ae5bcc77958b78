"""Send one attempt of one request, and retry reads.

The order is fixed: circuit breaker, rate limit, throttle, connection. No rate slot is used while the breaker is open,
and an attempt that fails while the breaker is open or half-open does not count against the request: the breaker parks
requests, it never drops them. Nor does an attempt count that a rate limit rejected, that met a connection which the
server had just closed, or for which this machine had no file descriptor.

Every wait ends when the run drains, but for the answer to a write.
"""

import logging
import random
from typing import TypeVar

from midaz_seed.clock import Clock
from midaz_seed.engine.admission import Admission
from midaz_seed.engine.requests.answer import EXCUSED, Answer, Excuse
from midaz_seed.errors import OverloadedError, RequestFailedError, TargetError, UnreachableError
from midaz_seed.midaz.api import Take, odd_answer
from midaz_seed.midaz.auth import credentials_refused
from midaz_seed.midaz.classify import OK, Disposition, Verdict, classify
from midaz_seed.midaz.evidence import midaz_code, says_missing
from midaz_seed.midaz.foreign import foreign_answer, unanswered
from midaz_seed.model.outcomes import ErrorClass
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.logs import log, shows_debug
from midaz_seed.reporting.meter import Meter
from midaz_seed.reporting.redaction import redact
from midaz_seed.resilience.arrival_schedule import ArrivalSchedule
from midaz_seed.resilience.breaker import CircuitBreaker
from midaz_seed.resilience.rate_limiter import RateLimiter
from midaz_seed.resilience.retry import RetryPolicy, parse_retry_after
from midaz_seed.resilience.throttle import Throttle
from midaz_seed.transport.base import (
    AnswerTimeoutError,
    Request,
    Response,
    Transport,
    TransportError,
)

T = TypeVar("T")
READS = frozenset({"GET", "HEAD"})
BUSY = frozenset({503, 509, 529})
"""Answers of a gateway that are a rate limit when the server accepted another request within `BUSY_WITHIN_S`: 503 of
nginx, 509 (bandwidth limit) and 529 (overloaded) of others."""
BUSY_WITHIN_S = 2.0
PROBE_BUSY_MAX_S = 30.0
"""How long one of the first reads of a run is sent again while a rate limit rejects it."""
REUSED_MAX = 10
"""How often one request may meet a connection that the server had just closed, without counting an attempt."""
REUSED_PAUSE_S = 0.01
"""Before the fresh connection: the server may be closing its sockets at this moment."""
NO_DESCRIPTOR_PAUSE_S, NO_DESCRIPTOR_MAX = 0.2, 300
RETRY_AFTER_MAX_S = 60.0
_OVERLOAD_SIGNALS = frozenset({ErrorClass.TIMEOUT, ErrorClass.SERVER, ErrorClass.RATE_LIMITED})
_SERVER_FAILURES = frozenset({ErrorClass.NETWORK, ErrorClass.TIMEOUT, ErrorClass.SERVER})
_EXPIRED = Verdict(Disposition.EXPIRED, ErrorClass.IN_DOUBT, "", "its idempotency key may have expired")
_ODD = Verdict(Disposition.UNKNOWN, ErrorClass.SERVER, "", "success, but not a valid answer to this request")


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
        admission: Admission,
        throttle: Throttle,
        *,
        give_up_s: float,
        jitter_seed: int,
    ) -> None:
        """Prepare to send.

        Args:
            limiter: the rate limit or the schedule of the settings.
            admission: ends the waits when the run drains.
            throttle: what the server's own rate limit allows.
            give_up_s: how long a rate limit may reject everything.
            jitter_seed: of the pauses.
        """
        self._transport = transport
        self.breaker = breaker
        self._limiter = limiter
        self.retry = retry
        self.clock = clock
        self._meter = meter
        self._admission = admission
        self.throttle = throttle
        self._give_up_s = give_up_s
        self._accepted_s = float("-inf")
        self._jitter = random.Random(jitter_seed)
        self._logs_requests = shows_debug()

    async def attempt(
        self, request: Request, phase: Phase, *, not_after_s: float | None = None, paced: bool = True
    ) -> Answer:
        """Send a request once.

        Args:
            request: what to send.
            phase: the phase in which the attempt is counted.
            not_after_s: when the attempt could start only after this time (monotonic), nothing is sent and the verdict
                is EXPIRED.
            paced: whether the rate of the run holds for it.

        Raises:
            BreakerOpenError: the breaker stayed open until its deadline.
            UnauthorizedError: 401 or 403.
            StoppedError: the run drains, and nothing was sent; or it is a read, which ended without an answer.
        """
        breaker, meter, now = self.breaker, self._meter, self.clock.monotonic
        limiter = self._limiter if paced else None
        if breaker.is_closed and limiter is None and not self.throttle.active:
            epoch, slot_s = breaker.epoch, None
        else:
            epoch, slot_s = await self._enter(limiter)
        if not_after_s is not None and now() > not_after_s:
            breaker.release(epoch)
            return Answer(_EXPIRED, None)
        phase_meter = meter.phases[phase]
        meter.in_flight += 1
        phase_meter.requests += 1
        start_s = now() if slot_s is None else slot_s
        is_read = request.method in READS
        try:
            if is_read:
                with self._admission.interruptible():
                    response = await self._transport.send(request)
            else:
                response = await self._transport.send(request)
        except TransportError as error:
            return self._unanswered(error, epoch, start_s)
        except BaseException:
            breaker.release(epoch)
            phase_meter.abandoned += not is_read
            raise
        finally:
            meter.in_flight -= 1
        at_s = now()
        latency_us = int((at_s - start_s) * 1e6)
        phase_meter.latency.record(latency_us)
        if self._logs_requests:
            log(
                logging.DEBUG,
                "request",
                method=request.method,
                path=request.path,
                status=response.status,
                latency_us=latency_us,
            )
        if 200 <= response.status < 300:
            meter.succeeded += 1
            self._accepted_s = at_s
            if self.throttle.active:
                self.throttle.accept(at_s, is_read=is_read)
            breaker.record(epoch, ok=True)
            return Answer(OK, response, 1, start_s, at_s)
        return self._rejected(response, epoch, start_s, at_s, is_read=is_read)

    def _rejected(self, response: Response, epoch: int, start_s: float, at_s: float, *, is_read: bool) -> Answer:
        """Classify an answer that is not 2xx. Raises UnauthorizedError."""
        verdict = classify(response.status, response.body, response.headers.get("Location") or "")
        self._meter.overloaded += verdict.error in _OVERLOAD_SIGNALS
        if self._is_rate_limit(verdict, response, at_s):
            self.throttle.reject(at_s, is_read=is_read)
            self.breaker.release(epoch)
            return Answer(verdict, response, 1, start_s, at_s, Excuse.BUSY)
        if self.throttle.active:
            self.throttle.accept(at_s, is_read=is_read)
        self.breaker.record(epoch, ok=verdict.error not in _SERVER_FAILURES)
        if verdict.error is ErrorClass.AUTH:
            raise credentials_refused(f"{response.status} {redact(verdict.message)}")
        return Answer(verdict, response, 1, start_s, at_s)

    def _is_rate_limit(self, verdict: Verdict, response: Response, at_s: float) -> bool:
        """Return whether a request was rejected because of the number of requests.

        Some gateways answer 5xx then, as nginx does by default. While others pass, such an answer does not say that the
        server is down.
        """
        if response.status in BUSY and not midaz_code(response.body):
            return at_s - self._accepted_s < BUSY_WITHIN_S
        return verdict.error is ErrorClass.RATE_LIMITED

    def _unanswered(self, error: TransportError, epoch: int, sent_s: float) -> Answer:
        """Classify an attempt without a complete response."""
        excuse = EXCUSED.get(type(error))
        if excuse is None:
            self.breaker.record(epoch, ok=False)
        else:
            self.breaker.release(epoch)
        late = isinstance(error, AnswerTimeoutError)
        self._meter.overloaded += late
        disposition = Disposition.UNKNOWN if error.maybe_applied else Disposition.RETRY
        verdict = Verdict(disposition, ErrorClass.TIMEOUT if late else ErrorClass.NETWORK, "", str(error))
        return Answer(verdict, None, 1, sent_s, excuse=excuse, cause=error)

    async def _enter(self, limiter: RateLimiter | ArrivalSchedule | None) -> tuple[int, float | None]:
        """Wait for breaker, rate limit and throttle.

        Returns:
            The breaker's epoch, and in the open model the scheduled start (monotonic).

        Raises:
            StoppedError: the run drains.
        """
        breaker = self.breaker
        with self._admission.interruptible():
            while True:
                epoch = await breaker.enter()
                slot_s = None
                try:
                    if limiter is not None:
                        slot_s = await limiter.next_slot()
                    if self.throttle.active:
                        await self.throttle.next_slot()
                except BaseException:
                    breaker.release(epoch)
                    raise
                if breaker.is_current(epoch):
                    break
        return epoch, slot_s

    def begin_transfers(self) -> None:
        """Let the rate of the open model follow its curve, if it has one."""
        if isinstance(self._limiter, ArrivalSchedule):
            self._limiter.begin_curve()

    async def sleep(self, delay_s: float) -> None:
        """Wait. Raises StoppedError when the run drains."""
        with self._admission.interruptible():
            await self.clock.sleep(delay_s)

    def abandon(self, phase: Phase) -> None:
        """Count a write that may have been applied and is not sent again in this session."""
        self._meter.phases[phase].abandoned += 1

    def check_rate_limit(self, now_s: float, *, is_read: bool) -> None:
        """Check that a rate limit has not rejected every read or write for too long. Raises OverloadedError."""
        rejected_s = self.throttle.rejected_for_s(now_s, is_read=is_read)
        if rejected_s > self._give_up_s:
            kind = "read" if is_read else "write"
            raise OverloadedError(
                f"a rate limit of the server has rejected every {kind} for {rejected_s:.0f} s",
                hint="raise the limit, or wait until other clients are done; then run the same command again; "
                "breaker.giveUpS sets the time to wait",
            )

    def retry_budget(self, phase: Phase, *, with_outages: bool = True, is_read: bool = False) -> "RetryBudget":
        """Return a new retry budget for one request.

        Args:
            phase: the phase in which retries are counted.
            with_outages: whether the request may wait out an outage of the server.
            is_read: whether it is a read.
        """
        return RetryBudget(self, self._meter, phase, self._jitter, with_outages=with_outages, is_read=is_read)

    async def probe(self, request: Request, phase: Phase, take: Take[T], *, missing_ok: bool = False) -> T | None:
        """Send one of the first reads of a run: as `read`, but do not wait out an outage.

        Raises:
            UnreachableError: no usable answer.
            NotMidazError: the answer is not from a Midaz server.
        """
        budget = self.retry_budget(phase, with_outages=False, is_read=True)
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
        return await self._read(request, phase, take, self.retry_budget(phase, is_read=True), missing_ok=missing_ok)

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
        self, sender: Sender, meter: Meter, phase: Phase, jitter: random.Random, *, with_outages: bool, is_read: bool
    ) -> None:
        self._sender = sender
        self._with_outages = with_outages
        self._is_read = is_read
        self._meter = meter
        self._phase = phase
        self._jitter = jitter
        self._good_answers = sender.breaker.good_answers
        self.attempts = 0
        """Attempts that count: those made while the breaker stayed closed, and without an excuse."""
        self._excused: dict[Excuse, int] = {}
        self._began_s = sender.clock.monotonic()

    async def should_retry(self, answer: Answer) -> bool:
        """Count a failed attempt; wait and return True when another may be made.

        A request fails only while the server works for other requests. When nothing has succeeded since its first
        failure, the server itself has failed: the breaker is about to open, and the request is parked with the others.

        Raises:
            OverloadedError: a rate limit has rejected every request for too long.
            StoppedError: the run drains.
        """
        if answer.excuse is not None and self._is_excused(answer.excuse):
            await self._wait_out(answer, answer.excuse)
            return True
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
        await self._sender.sleep(delay_s)

    def _is_excused(self, excuse: Excuse) -> bool:
        """Return whether an attempt with this excuse still does not count."""
        count = self._excused[excuse] = self._excused.get(excuse, 0) + 1
        if excuse is Excuse.REUSED_CONNECTION:
            return count <= REUSED_MAX
        if excuse is Excuse.NO_DESCRIPTOR:
            return count <= NO_DESCRIPTOR_MAX
        now_s = self._sender.clock.monotonic()
        if not self._with_outages:
            return now_s - self._began_s < PROBE_BUSY_MAX_S
        self._sender.check_rate_limit(now_s, is_read=self._is_read)
        return True

    async def _wait_out(self, answer: Answer, excuse: Excuse) -> None:
        """Wait before the next attempt after one with an excuse."""
        if excuse is Excuse.BUSY:
            await self.pause(answer)
            return
        self._meter.phases[self._phase].retries += 1
        await self._sender.sleep(NO_DESCRIPTOR_PAUSE_S if excuse is Excuse.NO_DESCRIPTOR else REUSED_PAUSE_S)
