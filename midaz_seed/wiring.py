"""The composition root: the only module that knows every part of a run.

A test or another program replaces a part by an override:

    async with open_run(settings, plan, overrides={Transport: my_transport}) as context: ...
"""

import math
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from pydantic import SecretStr

from midaz_seed.clock import Clock, SystemClock
from midaz_seed.engine.context import RunContext
from midaz_seed.engine.control.concurrency import HIGHEST
from midaz_seed.engine.requests.error_tracker import ErrorTracker
from midaz_seed.engine.requests.sender import Sender
from midaz_seed.engine.state_tree import StateTree
from midaz_seed.engine.worker_pool import WorkerPool
from midaz_seed.errors import ConfigurationError
from midaz_seed.midaz.auth import AuthorizedTransport, ClientCredentials, TokenFile
from midaz_seed.model.ledger_shard import ALL_LEDGERS, LedgerShard
from midaz_seed.model.rate_curve import RateCurve, Steps, day_curve, parse_rate_curve, steps_curve
from midaz_seed.plan.batch_size import BatchSizeChoice
from midaz_seed.plan.calendar.hours import slot_weights
from midaz_seed.plan.plan import Plan
from midaz_seed.plan.rails.counterparties import outsiders
from midaz_seed.reporting.events import BreakerChanged, Emit, RateLimited
from midaz_seed.reporting.meter import Meter
from midaz_seed.reporting.redaction import remember, remember_header, remember_url
from midaz_seed.resilience.arrival_schedule import ArrivalSchedule
from midaz_seed.resilience.breaker import CircuitBreaker
from midaz_seed.resilience.divided_load import LimitOrders
from midaz_seed.resilience.rate_limiter import RateLimiter
from midaz_seed.resilience.retry import RetryPolicy
from midaz_seed.resilience.throttle import Throttle
from midaz_seed.runs.journal import Journal
from midaz_seed.runs.rejects import Rejects
from midaz_seed.runs.session import Session
from midaz_seed.settings.model import Limits, Settings, Target
from midaz_seed.settings.schema import SETTINGS
from midaz_seed.settings.secret_files import read_secret
from midaz_seed.settings.target import ResolvedTarget, addresses_of
from midaz_seed.task_groups import finished_within
from midaz_seed.transport.base import Transport
from midaz_seed.transport.connecting import Addresses, unverified_context
from midaz_seed.transport.httptools_transport import HttptoolsTransport

CLOSE_S = 1.0
"""Time to close connections after a cancellation."""


@asynccontextmanager
async def open_run(
    settings: Settings,
    plan: Plan,
    target: ResolvedTarget,
    *,
    emit: Emit,
    session: Session | None = None,
    shard: LedgerShard = ALL_LEDGERS,
    batch_size: BatchSizeChoice | None = None,
    ends_at_s: float = math.inf,
    run_started_at_s: float | None = None,
    overrides: Mapping[type, Any] | None = None,
) -> AsyncIterator[RunContext]:
    """Create everything that a run needs, for the duration of the block.

    Args:
        settings: what to create, and how.
        plan: follows from the settings.
        target: where to send it.
        emit: gets each event of `midaz_seed.reporting.events`.
        session: journal and rejects; without one the run keeps none.
        shard: the ledgers that this process seeds.
        batch_size: the choice to report, if the batch size was measured.
        ends_at_s: the end of the time limit (monotonic).
        run_started_at_s: the start of the run of which this process has a shard (epoch); by default it starts now.
        overrides: parts by type that replace the default ones: `Transport`, `Clock`, which the caller closes; and
            `LimitOrders`.

    Raises:
        ConfigurationError: a certificate cannot be used.
    """
    outsiders()  # made at the first use, it would delay answers to transfers
    given = overrides or {}
    clock: Clock = given.get(Clock) or SystemClock()
    parts = _Parts(
        settings,
        plan,
        target,
        clock,
        emit,
        session,
        shard,
        batch_size,
        ends_at_s,
        run_started_at_s,
        limit_orders=given.get(LimitOrders),
    )
    connected: AbstractAsyncContextManager[Transport] = (
        nullcontext(given[Transport]) if Transport in given else open_transport(settings.target, target, clock)
    )
    async with connected as transport:
        yield parts.context(transport)


def _begin_nothing() -> None:
    """Begin the session of a run that keeps nothing on disk."""


@asynccontextmanager
async def open_transport(settings: Target, target: ResolvedTarget, clock: Clock) -> AsyncIterator[Transport]:
    """Connect to the server with its credentials, for the duration of the block.

    Raises:
        ConfigurationError: a certificate cannot be used.
    """
    _remember_secrets(settings)
    tls = _tls(settings)

    def connect(onboarding_url: str, transaction_url: str, headers: Mapping[str, str]) -> Transport:
        common = _Common(
            headers=headers,
            tls=tls,
            request_timeout_s=settings.request_timeout_s,
            connect_timeout_s=settings.connect_timeout_s,
            addresses=addresses_of(settings),
        )
        if settings.transport == "session" or settings.proxy:
            from midaz_seed.transport.aiohttp_transport import AiohttpTransport  # a quarter of a second to import

            return AiohttpTransport(onboarding_url, transaction_url, proxy=settings.proxy or None, **common)
        return HttptoolsTransport(onboarding_url, transaction_url, **common)

    lines = (line.get_secret_value().partition(":") for line in settings.headers)
    headers = {name: value.strip() for name, _, value in lines}
    token = settings.auth_token.get_secret_value() if settings.auth_token else _token_in_file(settings)
    if token and settings.auth_token_file is None:
        headers["Authorization"] = f"Bearer {token}"
    opened = connect(target.onboarding_url, target.transaction_url, headers)
    try:
        if token and settings.auth_token_file is not None:
            yield AuthorizedTransport(
                opened, TokenFile(_read_again(settings.auth_token_file, "target.authToken"), token)
            )
        elif token or not (settings.auth_url and settings.client_secret):
            yield opened
        else:
            auth = connect(settings.auth_url, settings.auth_url, {})
            try:
                yield AuthorizedTransport(opened, _client_credentials(settings, auth, clock))
            finally:
                async with finished_within(CLOSE_S):
                    await auth.aclose()
    finally:
        async with finished_within(CLOSE_S):
            await opened.aclose()


def _remember_secrets(settings: Target) -> None:
    """Mask the secrets of the target in every message from now on."""
    remember(each.get_secret_value() for each in (settings.auth_token, settings.client_secret) if each is not None)
    remember_url(settings.proxy)
    for line in settings.headers:
        remember_header(line.get_secret_value().partition(":")[2].strip())


class _Common(TypedDict):
    """The arguments that both transports have."""

    headers: Mapping[str, str]
    tls: ssl.SSLContext | None
    request_timeout_s: float
    connect_timeout_s: float
    addresses: Addresses


def _client_credentials(settings: Target, auth: Transport, clock: Clock) -> ClientCredentials:
    assert settings.client_secret is not None
    secret = settings.client_secret.get_secret_value()
    file = settings.client_secret_file
    read_again = _read_again(file, "target.clientSecret") if file is not None else lambda: ""
    return ClientCredentials(
        auth, clock, client_id=settings.client_id, client_secret=secret, read_secret_again=read_again
    )


def _token_in_file(settings: Target) -> str:
    """Return the token of settings that did not come from the loader, which reads the file itself.

    Raises:
        ConfigurationError: the file has no token.
    """
    if settings.auth_token_file is None:
        return ""
    token = _read_again(settings.auth_token_file, "target.authToken")()
    if not token:
        raise ConfigurationError(
            "the token file cannot be read, or does not contain a token",
            where=str(settings.auth_token_file),
            hint="write the token alone into the file",
        )
    return token


def _read_again(file: Path, path: str) -> Callable[[], str]:
    """Return a function that reads the secret for the setting `path` from its file; "" when that is not possible."""

    def read() -> str:
        try:
            secret: SecretStr = SETTINGS[path].read(read_secret(file), typed=False)
        except (OSError, ValueError):
            return ""
        return secret.get_secret_value()

    return read


def _tls(settings: Target) -> ssl.SSLContext | None:
    """Return the TLS context for the configured certificates, or None for the system's trust."""
    if settings.ca_file is None and settings.client_certificate is None and not settings.insecure:
        return None
    file = settings.ca_file
    try:
        context = unverified_context() if settings.insecure else ssl.create_default_context(cafile=file)
        if settings.client_certificate is not None:
            file = settings.client_certificate
            context.load_cert_chain(file, settings.client_key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"the certificate cannot be used: {error.strerror or error}",
            where=str(file),
            hint="target.caFile, target.clientCertificate and target.clientKey must be PEM files",
        ) from error
    return context


@dataclass(frozen=True, slots=True)
class _Parts:
    """Makes the parts of one run."""

    settings: Settings
    plan: Plan
    target: ResolvedTarget
    clock: Clock
    emit: Emit
    session: Session | None
    shard: LedgerShard
    batch_size: BatchSizeChoice | None
    ends_at_s: float
    run_started_at_s: float | None
    limit_orders: LimitOrders | None

    @property
    def limits(self) -> Limits:
        return self.settings.generation.limits

    def retry_policy(self) -> RetryPolicy:
        retries = self.settings.generation.retries
        return RetryPolicy(
            retries.max, retries.backoff, retries.initial_delay, retries.max_delay, jitter=retries.jitter
        )

    def meter(self) -> Meter:
        is_part = self.run_started_at_s is not None  # then the owner of the run has the organizations
        return Meter(self.plan.counts_of(self.shard, with_organizations=not is_part))

    def worker_pool(self) -> WorkerPool:
        limit = self.limits.max_concurrency
        return WorkerPool(HIGHEST if limit == "auto" else limit)

    def circuit_breaker(self) -> CircuitBreaker:
        breaker, emit = self.settings.breaker, self.emit
        return CircuitBreaker(
            self.clock,
            failures=breaker.failures,
            open_s=breaker.open_s,
            successes=breaker.successes,
            give_up_s=breaker.give_up_s,
            on_change=lambda state: emit(BreakerChanged(state.value)),
        )

    def throttle(self) -> Throttle:
        emit = self.emit
        return Throttle(self.clock, lambda rate_per_s: emit(RateLimited(rate_per_s)))

    def rejects(self) -> Rejects:
        target, session = self.settings.target, self.session
        return Rejects(
            self.clock,
            self.target,
            session.rejects if session else None,
            with_token=bool(target.auth_token or target.auth_token_file or target.client_secret),
        )

    def arrival_schedule(self, pool: WorkerPool) -> ArrivalSchedule:
        return ArrivalSchedule(
            self.clock,
            self.limits.requests_per_second,
            was_idle_since=lambda: pool.was_idle_since("arrival schedule"),
            ramp_s=self.limits.ramp_s,
            curve=self.rate_curve(),
            poisson_seed=f"{self.settings.seed}:{self.shard}" if self.limits.arrivals == "poisson" else "",
        )

    def rate_curve(self) -> RateCurve | None:
        limits = self.limits
        curve = parse_rate_curve(limits.rate_curve)
        if curve is None:
            return None
        if isinstance(curve, Steps):
            return steps_curve(curve, limits.requests_per_second)
        time = self.settings.scenario.time
        return day_curve(slot_weights(time.hours if time is not None else "br-pix"), curve, limits.requests_per_second)

    def rate_limiter(self) -> RateLimiter | None:
        rate_per_s = self.limits.requests_per_second
        return RateLimiter(rate_per_s) if rate_per_s else None

    def context(self, transport: Transport) -> RunContext:
        """Put the parts together; what several of them share is made here."""
        clock, session, meter, pool = self.clock, self.session, self.meter(), self.worker_pool()
        schedule = self.arrival_schedule(pool) if self.limits.open_loop else None
        sender = Sender(
            transport,
            self.circuit_breaker(),
            schedule or self.rate_limiter(),
            self.retry_policy(),
            clock,
            meter,
            pool.admission,
            self.throttle(),
            give_up_s=self.settings.breaker.give_up_s,
            jitter_seed=self.settings.seed,
        )
        started_s = clock.monotonic()
        ago_s = 0.0 if self.run_started_at_s is None else max(clock.time() - self.run_started_at_s, 0.0)
        return RunContext(
            settings=self.settings,
            plan=self.plan,
            target=self.target,
            batch_size=self.batch_size,
            session=session.number if session else 1,
            may_restart=session is not None and session.finished_before,
            started_s=started_s,
            run_started_s=started_s - ago_s,
            ends_at_s=self.ends_at_s,
            clock=clock,
            emit=self.emit,
            sender=sender,
            pool=pool,
            journal=session.journal if session else Journal(clock),
            rejects=self.rejects(),
            directory=session.directory if session else None,
            begin_session=session.begin if session else _begin_nothing,
            limit_orders=self.limit_orders,
            state=StateTree(self.plan, self.shard),
            meter=meter,
            tracker=ErrorTracker(clock, self.emit),
            schedule=schedule.slots if schedule is not None else None,
        )
