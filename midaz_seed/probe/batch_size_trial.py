"""`transactionsPerBatch: auto`: which pack size moves the most per second on this server, and what an earlier session
of the run found.

The size is part of the plan, so a run keeps the one that it began with: it stands in the run's directory, and in the
metadata of its organizations on the server.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from midaz_seed.clock import Clock
from midaz_seed.engine.requests.sender import credentials_refused
from midaz_seed.errors import RequestFailedError, TargetError, UnreachableError
from midaz_seed.midaz.api import MidazApi, Read, Take, odd_answer
from midaz_seed.midaz.evidence import Reading, says_missing
from midaz_seed.midaz.routes import Place
from midaz_seed.midaz.server_traits import server_of
from midaz_seed.plan.batch_size import (
    BatchSizeChoice,
    BatchSizeTrial,
    batch_sizes,
    best_batch_size,
    is_past_optimum,
    with_batch_size,
)
from midaz_seed.plan.dimensions import RUN_MARK, batch_size_of
from midaz_seed.plan.items import Entity, Phase
from midaz_seed.probe.scratch_ledger import (
    Burst,
    ScratchLedger,
    Trial,
    describe_answer,
    open_scratch_ledger,
    send_patiently,
)
from midaz_seed.reporting.events import BatchSizeChosen, BatchSizeMeasured, Emit, LeftBehind
from midaz_seed.resilience.rate_limiter import RateLimiter
from midaz_seed.runs.directory import BATCH_SIZE, RunDirectory
from midaz_seed.settings.model import Settings
from midaz_seed.transport.base import Request, Transport, TransportError

T = TypeVar("T")
TRIAL_S = 1.0
TRIAL_TRANSACTIONS_MAX = 500
"""A trial is over after that time, or so many transactions; each size has two of them."""
DURATION_SHARE = 1 / 3
"""Of the time that a run is given: after that no further size is tried."""
IN_FLIGHT = 16
"""With `maxConcurrency: auto`, which has found nothing yet."""
ACCOUNTS_MIN = 32
ACCOUNTS_PER_DEPOSIT = 50


@dataclass(slots=True)
class _Tried:
    """Both trials of one size together."""

    size: int
    burst: Burst = field(default_factory=Burst)

    def add(self, burst: Burst) -> None:
        whole = self.burst
        whole.accepted += burst.accepted
        whole.refused += burst.refused
        whole.odd += burst.odd
        whole.refusal = whole.refusal or burst.refusal
        whole.elapsed_s += burst.elapsed_s
        whole.latency.merge(burst.latency)

    def trial(self) -> BatchSizeTrial:
        burst = self.burst
        failed = burst.refused + burst.odd
        return BatchSizeTrial(
            self.size,
            burst.accepted * self.size / burst.elapsed_s if burst.elapsed_s else 0.0,
            burst.latency.percentile(99) / 1000,
            failed / max(burst.accepted + failed, 1),
            burst.refusal or (f"{burst.odd} answers were not the server's" if burst.odd else ""),
        )


async def choose_batch_size(
    settings: Settings, transport: Transport, clock: Clock, emit: Emit, *, measure: bool
) -> tuple[Settings, BatchSizeChoice]:
    """The settings with the pack size that the run has, or with the one that moves the most per second.

    Without `measure` nothing is written: a run that left nothing behind has single movements. Raises UnreachableError,
    UnauthorizedError, NotMidazError, TargetError, RunError.
    """
    started_s = clock.monotonic()
    try:
        choice = await _found_or_measured(with_batch_size(settings, 1), transport, clock, emit, measure=measure)
    except TransportError as error:
        raise UnreachableError(str(error), hint="check the address, and that the server is up") from error
    choice = replace(choice, elapsed_s=clock.monotonic() - started_s)
    emit(BatchSizeChosen(choice.size, choice.reason, choice.elapsed_s))
    return with_batch_size(settings, choice.size), choice


def _written_down(settings: Settings) -> int | None:
    """What the run's directory says."""
    directory = RunDirectory(settings.journal.directory / str(settings.run_id))
    if not settings.keeps_a_journal or not directory.exists:
        return None
    size = directory.read_record().settings.get(BATCH_SIZE)
    return size if isinstance(size, int) else None


async def _found_or_measured(
    settings: Settings, transport: Transport, clock: Clock, emit: Emit, *, measure: bool
) -> BatchSizeChoice:
    api = MidazApi(_reading(transport, clock), Phase.ORGANIZATIONS)
    server = server_of(await api.version())
    await api.check_access()
    async for row in api.entities(Entity.ORGANIZATION, Place(), {f"metadata.{RUN_MARK}": str(settings.run_id)}):
        marks = row.get("metadata")
        if isinstance(marks, dict) and marks.get(RUN_MARK) == settings.run_id:
            return BatchSizeChoice(batch_size_of(row), "as the run began, by its organization on the server")
    if not server.atomic_many_to_many:
        return BatchSizeChoice(1, f"Midaz {server.version} may apply only some legs of a transaction")
    size = _written_down(settings)
    if size is not None:
        return BatchSizeChoice(size, "as the run began, by its directory")
    if not measure:
        return BatchSizeChoice(1, "nothing of the run is on the server")
    sizes = batch_sizes(settings)
    if len(sizes) == 1:
        return BatchSizeChoice(1, "no transaction of this plan has more than one movement")
    return await _measured(settings, transport, clock, emit, sizes)


async def _measured(
    settings: Settings, transport: Transport, clock: Clock, emit: Emit, sizes: tuple[int, ...]
) -> BatchSizeChoice:
    """Transfers of each size in turn, from small to large and back, so that a server that warms up favours none."""
    limits, latency_ms_p99_max = settings.generation.limits, settings.generation.batches.pack_latency_ms_p99
    in_flight = IN_FLIGHT if limits.max_concurrency == "auto" else limits.max_concurrency
    admit = RateLimiter(limits.requests_per_second).next_slot if limits.requests_per_second else None
    until_s = clock.monotonic() + limits.duration_s * DURATION_SHARE if limits.duration_s else math.inf
    not_removed: list[str] = []
    try:
        async with open_scratch_ledger(transport, clock, "packing", not_removed, admit) as scratch:
            accounts = await _funded(scratch, max(sizes[-1] + 1, ACCOUNTS_MIN))

            async def trial(size: int, lap: int) -> Burst:
                return await scratch.burst(
                    _trials(scratch, size, lap, accounts),
                    in_flight=in_flight,
                    for_s=TRIAL_S,
                    count_max=TRIAL_TRANSACTIONS_MAX,
                )

            await trial(sizes[0], 0)  # a server that was just started is slow at first
            tried: list[_Tried] = []
            for size in sizes:
                tried.append(_Tried(size))
                tried[-1].add(await trial(size, 1))
                seen = tried[-1].trial()
                emit(BatchSizeMeasured(seen.size, seen.movements_per_s, seen.latency_ms_p99))
                past = is_past_optimum([each.trial() for each in tried], latency_ms_p99_max=latency_ms_p99_max)
                if past or clock.monotonic() > until_s:
                    break
            for each in reversed(tried) if clock.monotonic() <= until_s else ():
                each.add(await trial(each.size, 2))
    finally:
        if not_removed:
            emit(LeftBehind(tuple(not_removed)))
    return best_batch_size([each.trial() for each in tried], latency_ms_p99_max=latency_ms_p99_max)


async def _funded(scratch: ScratchLedger, count: int) -> int:
    """Create so many accounts and give them money; their number. Raises TargetError."""
    for account in range(count):
        await scratch.add_account(account)
    for first in range(0, count, ACCOUNTS_PER_DEPOSIT):
        accounts = range(first, min(first + ACCOUNTS_PER_DEPOSIT, count))
        sent = await scratch.fund(accounts, f"deposit{first}")
        if sent.reading is not Reading.OURS:
            raise TargetError(
                f"answers are altered on their way: {scratch.answers.writes.example}",
                hint="`midaz-seed doctor --write` says more; reach the server without the gateway or proxy, or have it "
                "leave bodies alone",
            )
    return count


def _trials(scratch: ScratchLedger, size: int, lap: int, accounts: int) -> Callable[[int], Trial]:
    """Transfers with so many legs, their sources in turn, as a run's are."""
    legs = [
        scratch.transfer_legs(source, [(source + leg) % accounts for leg in range(1, size + 1)])
        for source in range(accounts)
    ]
    return lambda number: scratch.transfer(legs[number % accounts], f"{size}.{lap}.{number}")


def _reading(transport: Transport, clock: Clock) -> Read:
    """Reads without the engine's patience: what fails here fails before anything was written."""

    async def read(request: Request, phase: Phase, take: Take[T], *, missing_ok: bool = False) -> T | None:
        response = await send_patiently(transport, clock, request)
        if missing_ok and says_missing(response.status, response.body):
            return None
        if response.status in (401, 403):
            raise credentials_refused(describe_answer(response))
        if not 200 <= response.status < 300:
            raise RequestFailedError(
                f"{request.method} {request.path}: {describe_answer(response)}",
                hint="check the server's health, then run the same command again",
            )
        taken = take(response)
        if taken is None:
            raise odd_answer(request, response)
        return taken

    return read
